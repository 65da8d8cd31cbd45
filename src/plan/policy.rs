//! The session policy of a run: what its role session may do at the most, whatever the role may.
//! It is made from what was asked for, before anything is read, so that reading is narrowed too.

use serde_json::{Value, json};

use super::{GROUP_TAG, Selector};

/// The longest inline session policy (AssumeRole reference). Its packed form has a limit of its
/// own, which only STS can tell.
pub const LONGEST_POLICY: usize = 2048;

/// What the run reads, and the one thing it does besides sending. None of these actions knows
/// resources, except the two that read documents (service authorisation reference).
const ACTIONS: [&str; 9] = [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "ssm:CancelCommand",
    "ssm:DescribeDocument",
    "ssm:DescribeInstanceInformation",
    "ssm:GetCommandInvocation",
    "ssm:GetDocument",
    "ssm:ListCommandInvocations",
    "ssm:ListCommands",
];

/// A session policy would be longer than STS takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the session policy for this selection has {length} characters, and STS takes {LONGEST_POLICY}"
)]
pub struct PolicyTooLong {
    pub length: usize,
}

/// Where the documents and instances of a policy are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// `aws`, `aws-cn` or `aws-us-gov`.
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
        let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
        (is_role && is_account).then(|| Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        })
    }

    fn document(&self, name: &str) -> String {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        // These prefixes are reserved for AWS (CreateDocument reference), whose documents have no
        // account in their ARN.
        let is_aws = ["aws", "amazon", "amzn"]
            .iter()
            .any(|it| name.get(..it.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(it)));
        let account = if is_aws { "" } else { &self.account };
        format!("arn:{}:ssm:{}:{account}:document/{name}", self.partition, self.region)
    }

    fn instance(&self, id: &str) -> String {
        let (service, kind) =
            if id.starts_with("mi-") { ("ssm", "managed-instance") } else { ("ec2", "instance") };
        format!("arn:{}:{service}:{}:{}:{kind}/{id}", self.partition, self.region, self.account)
    }
}

/// Returns the policy that lets a session send `documents` to what `selector` names, and read.
///
/// Documents and instances stand in statements of their own: an instance's tag in the condition
/// of a document's statement would refuse the document, which has no such tag.
pub fn session_policy(
    scope: &Scope,
    selector: &Selector,
    documents: &[&str],
) -> Result<String, PolicyTooLong> {
    let send = |resource: Value, condition: Option<Value>| {
        let mut statement =
            json!({"Effect":"Allow","Action":"ssm:SendCommand","Resource":resource});
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statement
    };
    let documents: Vec<String> = documents.iter().map(|it| scope.document(it)).collect();
    let any = json!(scope.instance("*"));
    let reads = json!({"Effect":"Allow","Action":ACTIONS,"Resource":"*"});
    if documents.is_empty() {
        return fitting(&[reads]);
    }
    let mut statements = vec![send(json!(documents), None)];
    if !selector.groups.is_empty() {
        let key = format!("ssm:resourceTag/{GROUP_TAG}");
        statements.push(send(any.clone(), Some(json!({"StringEquals": {key: selector.groups}}))));
    }
    if !selector.group_tags.is_empty() {
        // Which groups they are is not known yet; that it is a group's instance is.
        let key = format!("ssm:resourceTag/{GROUP_TAG}");
        statements.push(send(any.clone(), Some(json!({"Null": {key: "false"}}))));
    }
    if !selector.tags.is_empty() {
        let tags = selector.tags.iter();
        let tags = tags.map(|it| (format!("ssm:resourceTag/{}", it.key), json!(it.value)));
        let tags: serde_json::Map<String, Value> = tags.collect();
        statements.push(send(any, Some(json!({"StringEquals": tags}))));
    }
    if !selector.instances.is_empty() {
        let ids = selector.instances.iter().map(|it| scope.instance(it.as_str()));
        statements.push(send(ids.collect(), None));
    }
    statements.push(reads);
    fitting(&statements)
}

fn fitting(statements: &[Value]) -> Result<String, PolicyTooLong> {
    let policy = json!({"Version":"2012-10-17","Statement":statements}).to_string();
    let length = policy.chars().count();
    if length > LONGEST_POLICY { Err(PolicyTooLong { length }) } else { Ok(policy) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::InstanceId;

    fn scope() -> Scope {
        Scope::of_role("arn:aws:iam::123456789012:role/ops/fleet", "us-east-1").unwrap()
    }

    fn selector(groups: &[&str]) -> Selector {
        let groups = groups.iter().map(|it| (*it).to_owned()).collect();
        Selector { groups, ..Selector::default() }
    }

    #[test]
    fn documents_and_instances_have_statements_of_their_own() {
        let policy = session_policy(&scope(), &selector(&["web"]), &["Restart"]).unwrap();
        let policy: Value = serde_json::from_str(&policy).unwrap();
        let [document, instances, reads] = policy["Statement"].as_array().unwrap().as_slice()
        else {
            panic!("{policy}")
        };
        assert_eq!(
            document["Resource"],
            json!(["arn:aws:ssm:us-east-1:123456789012:document/Restart"])
        );
        assert!(document.get("Condition").is_none());
        assert_eq!(instances["Resource"], "arn:aws:ec2:us-east-1:123456789012:instance/*");
        assert_eq!(
            instances["Condition"]["StringEquals"]["ssm:resourceTag/aws:autoscaling:groupName"],
            json!(["web"])
        );
        assert_eq!(reads["Resource"], "*");
    }

    #[test]
    fn documents_of_aws_have_no_account_and_shared_ones_keep_their_arn() {
        let check = |name: &str, arn: &str| assert_eq!(scope().document(name), arn);
        check("AWS-RunShellScript", "arn:aws:ssm:us-east-1::document/AWS-RunShellScript");
        check("AmazonCloudWatch-x", "arn:aws:ssm:us-east-1::document/AmazonCloudWatch-x");
        let shared = "arn:aws:ssm:us-east-1:210987654321:document/Theirs";
        check(shared, shared);
    }

    #[test]
    fn named_instances_are_named_in_the_policy() {
        let ids = ["i-01234567", "mi-0123456789abcdef0"];
        let instances = ids.map(|it| InstanceId::parse(it).unwrap()).to_vec();
        let selector = Selector { instances, ..Selector::default() };
        let policy = session_policy(&scope(), &selector, &["Restart"]).unwrap();
        assert!(policy.contains("arn:aws:ec2:us-east-1:123456789012:instance/i-01234567"));
        assert!(policy.contains(":ssm:us-east-1:123456789012:managed-instance/mi-0123456789abcd"));
        assert!(!policy.contains("instance/*"));
    }

    #[test]
    fn a_selection_that_does_not_fit_is_refused_with_its_length() {
        let names: Vec<String> = (0..200).map(|it| format!("a-rather-long-group-{it}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let err = session_policy(&scope(), &selector(&names), &["Restart"]).unwrap_err();
        assert!(err.length > LONGEST_POLICY);
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
