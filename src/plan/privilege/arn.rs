//! The names of documents and instances, as policies have them.

use crate::plan::S3Place;

/// Where the documents and instances of a policy are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// `aws`, `aws-cn`, `aws-us-gov`, and others.
    pub partition: String,
    pub region: String,
    pub account: String,
}

impl Scope {
    /// Returns the scope of a role's session, or `None` if `role_arn` is not a role's ARN.
    pub fn of_role(role_arn: &str, region: &str) -> Option<Self> {
        let mut parts = role_arn.splitn(6, ':');
        let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (_, account, name) = (parts.next()?, parts.next()?, parts.next()?);
        let is_role = arn == "arn" && service == "iam" && name.starts_with("role/");
        (is_role && is_account(account)).then(|| Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        })
    }

    /// Returns the partition that `region` belongs to; one that nobody has heard of may be of `aws`.
    pub fn partition_of(region: &str) -> &'static str {
        Self::known_partition_of(region).unwrap_or("aws")
    }

    /// Returns the partition of a region whose name is of a kind that is known.
    pub fn known_partition_of(region: &str) -> Option<&'static str> {
        let is_of = |(prefix, _): &&(&str, _)| region.starts_with(prefix);
        PARTITIONS.iter().find(is_of).map(|(_, partition)| *partition)
    }
}

/// How the regions of each partition begin, the longer beginnings first (botocore's endpoints, and
/// aws-partitions).
const PARTITIONS: [(&str, &str); 16] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
    ("us-", "aws"),
    ("eu-", "aws"),
    ("ap-", "aws"),
    ("sa-", "aws"),
    ("ca-", "aws"),
    ("me-", "aws"),
    ("af-", "aws"),
    ("il-", "aws"),
    ("mx-", "aws"),
];

/// Returns whether `text` is the number of an account.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit())
}

/// What a statement is about. Its account and region stay open until it is written, because a
/// template is deployed wherever it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// The action knows no resources (service authorisation reference).
    Any,
    /// Something of the account, in the region.
    Own { service: &'static str, name: String },
    /// Something whose name is enough: no other account or region of the partition has it.
    Unique { service: &'static str, name: String },
    /// Objects of a bucket, whose name no other account or region of the partition has.
    Objects { name: String },
    /// One of AWS's own documents, whose ARN has no account.
    OfAws { name: String },
    /// Somebody else's document, which is shared by its ARN.
    Shared { arn: String },
    /// Something else that is known by its ARN.
    Named { arn: String },
}

impl Resource {
    /// Returns the document of this name, or of this ARN.
    pub fn document(name: &str) -> Self {
        if name.starts_with("arn:") {
            return Self::Shared { arn: name.to_owned() };
        }
        let is_aws = is_reserved_name(name);
        let name = format!("document/{name}");
        if is_aws { Self::OfAws { name } } else { Self::Own { service: "ssm", name } }
    }

    /// Returns what a start of this runbook is authorised on, in any version: the document, and what
    /// runbooks were called before they were documents, which refusals still name.
    pub fn runbook(name: &str) -> [Self; 2] {
        let document = Self::document(name);
        let definition =
            |it: &str| format!("{}:*", it.replacen("document/", "automation-definition/", 1));
        let as_definition = match &document {
            Self::OfAws { name } => Self::OfAws { name: definition(name) },
            Self::Shared { arn } => Self::Shared { arn: definition(arn) },
            Self::Own { service, name } => Self::Own { service, name: definition(name) },
            other @ (Self::Any
            | Self::Unique { .. }
            | Self::Objects { .. }
            | Self::Named { .. }) => other.clone(),
        };
        [document, as_definition]
    }

    /// Returns every execution of the account's automations: they have no names before they are
    /// started.
    pub fn every_execution() -> Self {
        Self::Own { service: "ssm", name: "automation-execution/*".to_owned() }
    }

    /// Returns the role of this ARN.
    pub fn role(arn: &str) -> Self {
        Self::Named { arn: arn.to_owned() }
    }

    /// Returns the instance of this id, or each of its kind for `*`.
    pub fn instance(id: &str) -> Self {
        if id.starts_with("mi-") {
            return Self::Own { service: "ssm", name: format!("managed-instance/{id}") };
        }
        Self::Own { service: "ec2", name: format!("instance/{id}") }
    }

    /// Returns what is in the place, and only that.
    pub fn objects(place: &S3Place) -> Self {
        let S3Place { bucket, prefix } = place;
        let name = match prefix.as_str() {
            "" => format!("{bucket}/*"),
            prefix => format!("{bucket}/{prefix}/*"),
        };
        // `${` would begin a policy variable.
        Self::Objects { name: name.replace("${", "${$}{") }
    }

    /// Returns every stream of a log group.
    pub fn log_streams(group: &str) -> Self {
        Self::Own { service: "logs", name: format!("log-group:{group}:log-stream:*") }
    }

    /// Returns every instance that came to SSM from outside EC2.
    pub fn every_managed_instance() -> Self {
        Self::Own { service: "ssm", name: "managed-instance/*".to_owned() }
    }

    /// Returns the shorter form of the name of one instance: an id is given out once, so no other
    /// account or region has it. Documents and patterns stay as they are.
    pub(super) fn shortened(self) -> Self {
        match self {
            Self::Own { service, name } if names_one_instance(&name) => {
                Self::Unique { service, name }
            }
            other => other,
        }
    }

    /// Returns the ARN, or `*`, with the parts that were left open.
    pub fn arn(&self, partition: &str, region: &str, account: &str) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::Own { service, name } => {
                format!("arn:{partition}:{service}:{region}:{account}:{name}")
            }
            Self::Unique { service, name } => format!("arn:{partition}:{service}:*:*:{name}"),
            Self::Objects { name } => format!("arn:{partition}:s3:::{name}"),
            Self::OfAws { name } => format!("arn:{partition}:ssm:{region}::{name}"),
            Self::Shared { arn } | Self::Named { arn } => arn.clone(),
        }
    }

    pub fn in_scope(&self, scope: &Scope) -> String {
        self.arn(&scope.partition, &scope.region, &scope.account)
    }
}

/// Returns whether only AWS's own documents have such a name (CreateDocument reference).
pub fn is_reserved_name(name: &str) -> bool {
    ["aws", "amazon", "amzn"]
        .iter()
        .any(|it| name.get(..it.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(it)))
}

fn names_one_instance(name: &str) -> bool {
    matches!(name.split_once('/'), Some(("instance" | "managed-instance", id)) if id != "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_tells_its_partition_unless_nobody_has_heard_of_its_kind() {
        let check = |region: &str, known| assert_eq!(Scope::known_partition_of(region), known);
        check("us-east-1", Some("aws"));
        check("us-gov-west-1", Some("aws-us-gov"));
        check("us-isof-south-1", Some("aws-iso-f"));
        check("eusc-de-east-1", Some("aws-eusc"));
        check("xx-new-1", None);
        assert_eq!(Scope::partition_of("xx-new-1"), "aws");
    }

    #[test]
    fn documents_of_aws_have_no_account_and_shared_ones_keep_their_arn() {
        let check = |name: &str, region: &str, expected: &str| {
            let scope = Scope {
                partition: Scope::partition_of(region).to_owned(),
                region: region.to_owned(),
                account: "123456789012".to_owned(),
            };
            assert_eq!(Resource::document(name).in_scope(&scope), expected);
        };
        check(
            "AWS-RunShellScript",
            "us-east-1",
            "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
        );
        check(
            "AmazonCloudWatch-x",
            "us-gov-west-1",
            "arn:aws-us-gov:ssm:us-gov-west-1::document/AmazonCloudWatch-x",
        );
        check("Restart", "cn-north-1", "arn:aws-cn:ssm:cn-north-1:123456789012:document/Restart");
        let shared = "arn:aws:ssm:us-east-1:210987654321:document/Theirs";
        check(shared, "us-east-1", shared);
    }

    #[test]
    fn only_a_roles_arn_has_a_scope() {
        let check = |arn: &str| assert_eq!(Scope::of_role(arn, "us-east-1"), None, "{arn}");
        check("fleet");
        check("arn:aws:iam::123456789012:user/fleet");
        check("arn:aws:iam::12345:role/fleet");
        check("arn:aws:sts::123456789012:assumed-role/fleet/x");
    }
}
