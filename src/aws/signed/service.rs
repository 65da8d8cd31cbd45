//! The services that are called without an SDK crate: what they are called by, and where they are.

use aws_config::SdkConfig;
use aws_runtime::auth::SigningOptions;
use aws_types::service_config::ServiceConfigKey;

use super::request::Host;
use crate::plan::Scope;

/// A service, as its model describes it (botocore).
#[derive(Debug)]
pub(in crate::aws) struct Service {
    /// As in the names of its settings: `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`, `[services] ec2 = …`.
    pub(super) id: &'static str,
    pub(super) signing_name: &'static str,
    /// The version of its interface, or what its targets begin with.
    pub(super) interface: &'static str,
    protocol: Protocol,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Json,
    /// awsQuery, and ec2Query, which is asked the same way.
    Query,
    /// REST and XML, as S3 alone speaks it here.
    S3,
}

/// Where a request goes, and the region that it is signed for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) url: String,
    pub(super) region: String,
}

impl Service {
    pub(in crate::aws) const S3: Self =
        Self { id: "S3", signing_name: "s3", interface: "2006-03-01", protocol: Protocol::S3 };
    pub(in crate::aws) const LOGS: Self = Self {
        id: "CloudWatch Logs",
        signing_name: "logs",
        interface: "Logs_20140328",
        protocol: Protocol::Json,
    };
    pub(in crate::aws) const EC2: Self =
        Self { id: "EC2", signing_name: "ec2", interface: "2016-11-15", protocol: Protocol::Query };
    pub(in crate::aws) const IAM: Self =
        Self { id: "IAM", signing_name: "iam", interface: "2010-05-08", protocol: Protocol::Query };

    pub(in crate::aws) const KMS: Self = Self {
        id: "KMS",
        signing_name: "kms",
        interface: "TrentService",
        protocol: Protocol::Json,
    };

    pub(super) fn is_xml(&self) -> bool {
        self.protocol != Protocol::Json
    }

    /// S3 signs paths as they are sent, and wants the hash of the content beside them.
    pub(super) fn signing_options(&self) -> SigningOptions {
        let mut res = SigningOptions::default();
        if self.protocol == Protocol::S3 {
            res.double_uri_encode = false;
            res.normalize_uri_path = false;
            res.content_sha256_header = true;
        }
        res
    }

    /// Returns where to send a request: what `--endpoint-url` says, then what the environment or the
    /// profile says of this service, then of all, then the service's own address.
    pub(super) fn endpoint(&self, config: &SdkConfig, host: &Host) -> Endpoint {
        let home = config.region().map_or("us-east-1", |it| it.as_ref());
        let region = host.region.as_deref().unwrap_or(home);
        let override_url = self.override_url(config);
        let variant = Variant {
            is_fips: config.use_fips() == Some(true),
            is_dual_stack: config.use_dual_stack() == Some(true),
        };
        let region = if self.id == Self::IAM.id { iam_region(region) } else { region };
        let url = match &override_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => self.url(region, host, variant),
        };
        // Behind an address of the user's own there are no names of buckets (nor can a certificate
        // be for a name with dots): they go into the path.
        let in_path = host.bucket.as_deref();
        let in_path = in_path.filter(|it| override_url.is_some() || it.contains('.'));
        let url = match in_path {
            Some(bucket) => format!("{url}/{bucket}"),
            None => url,
        };
        Endpoint { url, region: region.to_owned() }
    }

    fn override_url(&self, config: &SdkConfig) -> Option<String> {
        let of_all = || config.endpoint_url().map(str::to_owned);
        if config.get_origin("endpoint_url").is_client_config() {
            return of_all();
        }
        let key = ServiceConfigKey::builder().service_id(self.id);
        let key = key.env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
        let key = key.expect("all three are set");
        config.service_config().and_then(|it| it.load_config(key)).or_else(of_all)
    }

    /// The address in `region` (botocore's rules of endpoints).
    fn url(
        &self,
        region: &str,
        host: &Host,
        Variant { is_fips, is_dual_stack }: Variant,
    ) -> String {
        let suffix = dns_suffix(region);
        let fips = if is_fips { "-fips" } else { "" };
        if self.id == Self::IAM.id {
            return match region {
                "us-east-1" => format!("https://iam{fips}.amazonaws.com"),
                "us-gov-west-1" => format!("https://iam.us-gov.{suffix}"),
                _ => format!("https://iam.{region}.{suffix}"),
            };
        }
        let name = self.signing_name;
        match (self.protocol, host.bucket.as_deref()) {
            (Protocol::S3, bucket) => {
                let dual = if is_dual_stack { ".dualstack" } else { "" };
                let bucket = bucket.filter(|it| !it.contains('.'));
                let bucket = bucket.map(|it| format!("{it}.")).unwrap_or_default();
                format!("https://{bucket}s3{fips}{dual}.{region}.{suffix}")
            }
            _ if is_dual_stack => format!("https://{name}{fips}.{region}.{}", dual_suffix(region)),
            _ => format!("https://{name}{fips}.{region}.{suffix}"),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Variant {
    is_fips: bool,
    is_dual_stack: bool,
}

/// IAM is one for a partition, and signed for the region where that one is.
fn iam_region(region: &str) -> &str {
    match Scope::partition_of(region) {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => "us-east-1",
    }
}

/// The domain of a region's partition (botocore's partitions).
fn dns_suffix(region: &str) -> &'static str {
    match Scope::partition_of(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

fn dual_suffix(region: &str) -> &'static str {
    match Scope::partition_of(region) {
        "aws-cn" => "api.amazonwebservices.com.cn",
        "aws-iso" => "api.aws.ic.gov",
        "aws-iso-b" => "api.aws.scloud",
        "aws-iso-e" => "api.cloud-aws.adc-e.uk",
        "aws-iso-f" => "api.aws.hci.ic.gov",
        "aws-eusc" => "api.amazonwebservices.eu",
        _ => "api.aws",
    }
}

#[cfg(test)]
mod tests {
    use aws_config::Region;

    use super::*;

    fn host(bucket: &str) -> Host {
        let bucket = Some(bucket.to_owned()).filter(|it| !it.is_empty());
        Host { bucket, region: None }
    }

    #[test]
    fn each_service_has_its_address_in_each_partition() {
        let check = |service: &Service, region: &'static str, bucket: &str, url: &str, signed| {
            let config = SdkConfig::builder().region(Region::from_static(region)).build();
            let endpoint = service.endpoint(&config, &host(bucket));
            assert_eq!((endpoint.url.as_str(), endpoint.region.as_str()), (url, signed));
        };
        let (s3, logs, ec2, iam) = (&Service::S3, &Service::LOGS, &Service::EC2, &Service::IAM);
        let (east, cn, gov) = ("us-east-1", "cn-north-1", "us-gov-east-1");
        check(s3, east, "logs", "https://logs.s3.us-east-1.amazonaws.com", east);
        check(s3, east, "a.b", "https://s3.us-east-1.amazonaws.com/a.b", east);
        check(s3, cn, "logs", "https://logs.s3.cn-north-1.amazonaws.com.cn", cn);
        check(logs, cn, "", "https://logs.cn-north-1.amazonaws.com.cn", cn);
        check(ec2, gov, "", "https://ec2.us-gov-east-1.amazonaws.com", gov);
        check(iam, "eu-west-1", "", "https://iam.amazonaws.com", "us-east-1");
        check(iam, "cn-northwest-1", "", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1");
        check(iam, gov, "", "https://iam.us-gov.amazonaws.com", "us-gov-west-1");
    }

    #[test]
    fn an_address_of_the_users_own_takes_buckets_in_the_path() {
        let config = SdkConfig::builder()
            .region(Region::from_static("eu-west-1"))
            .endpoint_url("http://127.0.0.1:4566/")
            .build();
        let endpoint = Service::S3.endpoint(&config, &host("logs"));
        assert_eq!(endpoint.url, "http://127.0.0.1:4566/logs");
        assert_eq!(endpoint.region, "eu-west-1");
    }

    #[test]
    fn fips_and_dual_stack_have_addresses_of_their_own() {
        let check = |service: &Service, bucket: &str, is_fips, is_dual_stack, url: &str| {
            let config = SdkConfig::builder()
                .region(Region::from_static("us-east-2"))
                .use_fips(is_fips)
                .use_dual_stack(is_dual_stack)
                .build();
            assert_eq!(service.endpoint(&config, &host(bucket)).url, url);
        };
        check(&Service::S3, "b", true, false, "https://b.s3-fips.us-east-2.amazonaws.com");
        check(&Service::S3, "b", true, true, "https://b.s3-fips.dualstack.us-east-2.amazonaws.com");
        check(&Service::LOGS, "", true, false, "https://logs-fips.us-east-2.amazonaws.com");
        check(&Service::LOGS, "", false, true, "https://logs.us-east-2.api.aws");
    }
}
