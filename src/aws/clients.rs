//! The clients: one set for a run, built from the standard chain and what the user overrode.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc, time::Duration};

use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig, identity::IdentityCache,
    profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use aws_types::app_name::AppName;
use jiff::Timestamp;

use super::{
    calls::{CallLog, Counter, NotThrottles},
    error::{AwsError, explain},
    pacing::{Pacing, Tempo},
    profile::{self, ProfileError},
    proving::Proofs,
    reporting::Reports,
    rows::Bookmarks,
    scope::{Assumed, AssumedProvider, Role, no_credentials},
    signed::Direct,
    whole::Whole,
};
use crate::plan::{Note, Operator, Redaction};

/// How long one attempt of one call may take. The SDK has no such limit of its own.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the first calls may take, with all their attempts: what accepts connections and never
/// answers is to be told from AWS while the operator still looks.
const FIRST_CONTACT: Duration = Duration::from_secs(10);

/// How to reach AWS, or something that speaks like it.
#[derive(Debug, Clone, Default)]
pub struct Access {
    pub region: Option<String>,
    pub profile: Option<String>,
    pub endpoint_url: Option<String>,
    pub role: Option<Role>,
    /// Instead of the chain: an embedded simulator has no use for it, and must not see it.
    pub fixed: Option<Fixed>,
    /// What is taken out of whatever the service says.
    pub redaction: Redaction,
    pub tempo: Tempo,
}

/// Credentials that are known already.
#[derive(Clone)]
pub struct Fixed {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl std::fmt::Debug for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fixed").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("no region is set")]
    NoRegion,
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error("no credentials were found")]
    NoCredentials(#[source] AwsError),
    #[error("no credentials were found in the profile {profile}")]
    NoCredentialsIn { profile: String, source: AwsError },
    #[error("could not assume {role} at {endpoint}")]
    RoleRefused { role: String, endpoint: String, source: AwsError },
    #[error("{role} is of another account than the caller, {caller}")]
    ForeignRole { role: String, caller: String },
    #[error("could not ask {endpoint} who the caller is")]
    NotIdentified { endpoint: String, source: AwsError },
}

/// A connection: clients, who they act for, and the books of their calls.
#[derive(Debug)]
pub struct Aws {
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) autoscaling: aws_sdk_autoscaling::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) direct: Direct,
    pub(super) pacing: Pacing,
    pub(super) bookmarks: Bookmarks,
    pub(super) proofs: Proofs,
    pub(super) reports: Reports,
    /// The instances of executions that have not ended, which are asked for again and again.
    pub(super) subjects: RefCell<BTreeMap<String, String>>,
    /// What is said of steps that may not be read, once one was denied: nobody is asked again.
    pub(super) steps_denied: RefCell<Option<Note>>,
    pub(super) session: Option<Arc<Assumed>>,
    pub region: String,
    pub account: Option<String>,
    pub operator: Operator,
    pub calls: CallLog,
    /// What is taken out of whatever the service says, before it is written anywhere.
    pub redaction: Redaction,
    /// What a reader of the plan should know of the session.
    pub notes: Vec<Note>,
    /// When the session ends, if it cannot be renewed.
    pub session_ends: Option<Timestamp>,
}

/// What GetCallerIdentity says. It needs no permission and cannot be denied (STS reference), so its
/// failure is the first sign of a wrong endpoint or of keys that nobody knows.
#[derive(Debug, Clone)]
struct Identity {
    arn: Option<String>,
    account: Option<String>,
}

impl Aws {
    /// Connects: finds the region and the credentials, assumes the role, and asks who it is.
    pub async fn connect(access: &Access) -> Result<Self, ConnectError> {
        profile::check(access).await?;
        let base = with_profile(access, loader(access).load().await);
        let region = base.region().map(ToString::to_string).filter(|it| !it.trim().is_empty());
        let region = region.ok_or(ConnectError::NoRegion)?;
        let endpoint = base.endpoint_url().map_or(format!("AWS in {region}"), ToOwned::to_owned);
        let provider = base.credentials_provider();
        let found = match &provider {
            Some(it) => it.provide_credentials().await.map(|_| ()),
            None => {
                Err(aws_credential_types::provider::error::CredentialsError::not_loaded_no_source())
            }
        };
        found.map_err(|err| match access.profile.clone() {
            Some(profile) => {
                ConnectError::NoCredentialsIn { profile, source: no_credentials(&err) }
            }
            None => ConnectError::NoCredentials(no_credentials(&err)),
        })?;
        let (calls, counter) = CallLog::new();
        let (mut notes, mut session_ends, mut session) = (Vec::new(), None, None);
        let config = match &access.role {
            None => base,
            Some(role) => {
                let sts = sts(&base, &counter);
                let mut role = role.clone();
                check_caller(&sts, &mut role, &endpoint, &mut notes).await?;
                let (role_arn, endpoint) = (role.arn.clone(), endpoint.clone());
                let refused =
                    |source| ConnectError::RoleRefused { role: role_arn, endpoint, source };
                let is_renewable = role.mfa.is_none();
                let assumed = Assumed::assume(sts, role).await.map_err(refused)?;
                session_ends = assumed.expires().filter(|_| !is_renewable);
                session = Some(Arc::clone(&assumed));
                let provider = SharedCredentialsProvider::new(AssumedProvider(assumed));
                // The SDK would hold on to a session that the service has ended.
                let cache = IdentityCache::no_cache();
                base.into_builder().credentials_provider(provider).identity_cache(cache).build()
            }
        };
        let sts = sts(&config, &counter);
        let identity = identify(&sts, &endpoint).await?;
        let operator = Operator {
            caller_arn: identity.arn,
            role_arn: access.role.as_ref().map(|it| it.arn.clone()),
            session_name: access.role.as_ref().map(|it| it.session_name.clone()),
        };
        let ssm = aws_sdk_ssm::config::Builder::from(&config).interceptor(counter.clone());
        let autoscaling = aws_sdk_autoscaling::config::Builder::from(&config);
        let autoscaling = autoscaling.interceptor(counter.clone());
        let ssm = ssm.retry_classifier(NotThrottles);
        let autoscaling = autoscaling.interceptor(Whole).retry_classifier(Whole);
        let autoscaling = autoscaling.retry_classifier(NotThrottles);
        Ok(Self {
            ssm: aws_sdk_ssm::Client::from_conf(ssm.build()),
            autoscaling: aws_sdk_autoscaling::Client::from_conf(autoscaling.build()),
            sts,
            direct: Direct::new(&config, counter),
            pacing: Pacing::new(access.tempo),
            bookmarks: Bookmarks::default(),
            proofs: Proofs::new(access.tempo),
            reports: Reports::new(access.tempo),
            subjects: RefCell::default(),
            steps_denied: RefCell::default(),
            session,
            region,
            account: identity.account,
            operator,
            calls,
            redaction: access.redaction.clone(),
            notes,
            session_ends: session_ends.and_then(|it| Timestamp::try_from(it).ok()),
        })
    }
}

/// The longest session of a role that was assumed from a role's session, in seconds (role
/// chaining, IAM guide).
const LONGEST_CHAINED: i32 = 3600;

/// Looks at who is about to assume `role`, where that decides how, or whether at all.
async fn check_caller(
    sts: &aws_sdk_sts::Client,
    role: &mut Role,
    endpoint: &str,
    notes: &mut Vec<Note>,
) -> Result<(), ConnectError> {
    let wanted = role.duration.filter(|it| *it > LONGEST_CHAINED);
    if wanted.is_none() && !role.within_account {
        return Ok(());
    }
    let caller = identify(sts, endpoint).await?;
    let account = role.arn.split(':').nth(4);
    if role.within_account && caller.account.as_deref() != account {
        let caller = caller.account.unwrap_or_else(|| "unknown".to_owned());
        return Err(ConnectError::ForeignRole { role: role.arn.clone(), caller });
    }
    if let (Some(_), Some(arn)) = (wanted, caller.arn.filter(|it| it.contains(":assumed-role/"))) {
        role.duration = Some(LONGEST_CHAINED);
        let text = format!(
            "the caller is a role's session itself ({arn}), and AWS gives a role that is assumed \
             from one an hour at the most: --duration is 1h"
        );
        notes.push(Note::new("session.chained", text));
    }
    Ok(())
}

async fn identify(sts: &aws_sdk_sts::Client, endpoint: &str) -> Result<Identity, ConnectError> {
    let answer = sts.get_caller_identity().send().await.map_err(|err| {
        let source = explain("GetCallerIdentity", &err);
        ConnectError::NotIdentified { endpoint: endpoint.to_owned(), source }
    })?;
    Ok(Identity { arn: answer.arn, account: answer.account })
}

/// Returns the region that the standard chain finds, without asking for credentials.
pub async fn region(access: &Access) -> Result<String, ConnectError> {
    profile::check(access).await?;
    let base = loader(access).load().await;
    Ok(base.region().ok_or(ConnectError::NoRegion)?.to_string())
}

fn sts(config: &SdkConfig, counter: &Counter) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::config::Builder::from(config).interceptor(counter.clone());
    let config = config.interceptor(Whole).retry_classifier(Whole);
    let timeout = TimeoutConfig::builder().operation_timeout(FIRST_CONTACT).build();
    let config = config.timeout_config(timeout);
    aws_sdk_sts::Client::from_conf(config.build())
}

fn loader(access: &Access) -> ConfigLoader {
    let app = AppName::new(concat!("fleet-", env!("CARGO_PKG_VERSION")));
    // Standard, not adaptive: two throttles cost a poller 26.5 s under adaptive retry (measured).
    let mut retry = RetryConfig::standard();
    if access.tempo.factor < 1.0 {
        let pause = Duration::from_secs(1).mul_f64(access.tempo.factor);
        retry = retry.with_initial_backoff(pause).with_max_backoff(pause * 20);
    }
    let timeout = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .app_name(app.expect("the package's name and version are a valid app name"))
        .retry_config(retry)
        .timeout_config(timeout);
    if let Some(region) = &access.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &access.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    // HTTP_PROXY would capture what is meant for this machine (measured), and needs no TLS.
    if effective_endpoint(access).is_some_and(|it| is_loopback(&it)) {
        loader = loader.http_client(aws_smithy_http_client::Builder::new().build_http());
    }
    if let Some(it) = &access.fixed {
        let fixed = Credentials::new(
            it.access_key_id.clone(),
            it.secret_access_key.clone(),
            None,
            None,
            "fleet-sim",
        );
        loader = loader.credentials_provider(fixed);
    }
    loader
}

/// A profile that was asked for by name is the only source of credentials, as in the AWS CLI. The
/// SDK would take keys from the environment first, which may be those of another account.
fn with_profile(access: &Access, base: SdkConfig) -> SdkConfig {
    let Some(name) = access.profile.as_ref().filter(|_| access.fixed.is_none()) else {
        return base;
    };
    let mut config = ProviderConfig::without_region().with_region(base.region().cloned());
    if let Some(it) = base.http_client() {
        config = config.with_http_client(it);
    }
    let provider = ProfileFileCredentialsProvider::builder().profile_name(name).configure(&config);
    let provider = SharedCredentialsProvider::new(provider.build());
    base.into_builder().credentials_provider(provider).build()
}

fn effective_endpoint(access: &Access) -> Option<String> {
    access.endpoint_url.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok())
}

fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_to_this_machine_bypasses_the_proxy() {
        let check = |url: &str, expected| assert_eq!(is_loopback(url), expected, "{url}");
        check("http://127.0.0.1:8080", true);
        check("http://127.0.0.1:8080/", true);
        check("http://localhost:1", true);
        check("http://[::1]:8080", true);
        check("https://127.0.0.1:8080", false);
        check("http://127.example.com", false);
        check("http://ssm.us-east-1.amazonaws.com", false);
    }
}
