//! Calls of services that no SDK crate of ours covers: signed, sent, timed, counted and tried again
//! by the same machinery as the SDK's own, and with the same credentials. It knows no operation.

use aws_config::SdkConfig;
use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    service_clock_skew::ServiceClockSkewInterceptor,
    user_agent::{ApiMetadata, UserAgentInterceptor},
};
use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime::client::{
    http::connection_poisoning::ConnectionPoisoningInterceptor,
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{
            AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
            static_resolver::StaticAuthSchemeOptionResolver,
        },
        behavior_version::BehaviorVersion,
        http::SharedHttpClient,
        orchestrator::{HttpRequest, HttpResponse},
        result::SdkError,
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::Layer};
use aws_types::{SigningName, region::SigningRegion};

use super::{
    calls::{Counter, NotThrottles},
    clients::Aws,
    error::AwsError,
    whole::Whole,
};

mod answer;
mod request;
mod service;
mod xml;

use self::answer::{Answer, Failure};
pub(super) use self::{request::Request, service::Service, xml::Element};

/// What every signed call of one connection shares.
#[derive(Debug)]
pub(super) struct Direct {
    config: SdkConfig,
    /// One for all, so that connections are kept.
    http: SharedHttpClient,
    counter: Counter,
}

impl Aws {
    /// Makes a call that changes nothing, until there is an answer, or a refusal that another try
    /// would not change.
    pub(super) async fn ask_signed(
        &self,
        operation: &'static str,
        request: Request,
    ) -> Result<Answer, AwsError> {
        self.ask(operation, || self.direct.call(operation, request.clone())).await
    }

    /// Makes a call of a service that is asked by parameters and answers XML, and reads the answer.
    pub(super) async fn ask_query(
        &self,
        operation: &'static str,
        service: &'static Service,
        query: &[(String, String)],
    ) -> Result<Element, AwsError> {
        let answer = self.ask_signed(operation, Request::query(service, operation, query)).await?;
        answer.xml().ok_or_else(|| AwsError::unreadable(operation, "its answer is no XML"))
    }
}

impl Direct {
    /// Takes over what the clients of the connection are made of.
    pub(super) fn new(config: &SdkConfig, counter: Counter) -> Self {
        let http = config.http_client().unwrap_or_else(default_http_client);
        Self { config: config.clone(), http, counter }
    }

    async fn call(
        &self,
        operation: &'static str,
        request: Request,
    ) -> Result<Answer, SdkError<Failure, HttpResponse>> {
        let service = request.service;
        let endpoint = service.endpoint(&self.config, &request.host);
        let call = Operation::builder()
            .service_name(service.id)
            .operation_name(operation)
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(&endpoint.url)
            .http_client(self.http.clone())
            .interceptor(ServiceClockSkewInterceptor::new())
            .interceptor(UserAgentInterceptor::new())
            .interceptor(ConnectionPoisoningInterceptor::new())
            .interceptor(self.counter.clone())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<Failure>::new())
            .retry_classifier(NotThrottles)
            .runtime_plugin(self.plugin(&request, &endpoint.region))
            .serializer(serialize)
            .deserializer(answer::read);
        let call = match self.config.timeout_config() {
            Some(it) => call.timeout_config(it.clone()),
            None => call,
        };
        let call = match self.config.retry_config() {
            Some(it) => call.standard_retry(it),
            None => call,
        };
        let call = match service.is_xml() && !request.is_content {
            true => call.interceptor(Whole).retry_classifier(Whole),
            false => call,
        };
        call.build().invoke(request).await
    }

    /// Who signs, with what, and for which scope.
    fn plugin(&self, request: &Request, region: &str) -> StaticRuntimePlugin {
        let mut components = RuntimeComponentsBuilder::new("fleet-signed");
        let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
        components
            .set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)));
        components.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
        if let Some(provider) = self.config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, provider);
        }
        components.set_identity_cache(self.config.identity_cache());
        let mut layer = Layer::new("fleet-signed");
        let region = SigningRegion::from(aws_config::Region::new(region.to_owned()));
        layer.store_put(SigningName::from_static(request.service.signing_name));
        layer.store_put(region.clone());
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(region),
            name: Some(SigningName::from_static(request.service.signing_name)),
            signing_options: request.service.signing_options(),
            ..SigV4OperationSigningConfig::default()
        });
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(ApiMetadata::new(request.service.signing_name, env!("CARGO_PKG_VERSION")));
        if let Some(it) = self.config.app_name() {
            layer.store_put(it.clone());
        }
        StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
    }
}

fn serialize(request: Request) -> Result<HttpRequest, BoxError> {
    let mut res = HttpRequest::new(SdkBody::from(request.body));
    res.set_method(request.method)?;
    res.set_uri(request.path_and_query)?;
    for (name, value) in request.headers {
        res.headers_mut().insert(name, value);
    }
    Ok(res)
}

/// What the SDK's clients use where no other is given: its own is not public.
fn default_http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let tls = Provider::Rustls(CryptoMode::AwsLc);
        let mut connector = ConnectorBuilder::default().tls_provider(tls);
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|it| it.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}
