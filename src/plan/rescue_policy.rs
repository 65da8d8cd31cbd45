//! The session policy of a rescue: a role's session can then start its runbook, change these groups
//! and bring instances back to how they were, and nothing else.

use serde_json::{Value, json};

use super::{
    policy::PolicyTooLong,
    privilege::{LONGEST_SESSION_POLICY, Resource, Scope},
};

/// What is looked at, and the end of an execution, which is asked for by its id. Families of reads are
/// folded: the policy has room for 2,048 characters.
const READS: [&str; 14] = [
    "autoscaling:Describe*",
    "ec2:Describe*",
    "ec2:GetEbs*",
    "iam:GetRole",
    "iam:SimulatePrincipalPolicy",
    "kms:DescribeKey",
    "ssm:DescribeAutomation*",
    "ssm:DescribeDocument",
    "ssm:DescribeInstanceInformation",
    "ssm:DescribeInstanceProperties",
    "ssm:GetAutomationExecution",
    "ssm:GetDocument",
    "ssm:ListCommand*",
    "ssm:StopAutomationExecution",
];

/// What takes members of a group out of service, and brings them back.
pub const CHANGES_OF_GROUPS: [&str; 5] = [
    "autoscaling:EnterStandby",
    "autoscaling:ExitStandby",
    "autoscaling:ResumeProcesses",
    "autoscaling:SetInstanceHealth",
    "autoscaling:SuspendProcesses",
];

/// What is looked at where groups replace their members.
const REPLACING_READS: [&str; 4] = [
    "autoscaling:Describe*",
    "ec2:Describe*",
    "ssm:DescribeInstanceInformation",
    "ssm:DescribeInstanceProperties",
];

const TERMINATE: &str = "autoscaling:TerminateInstanceInAutoScalingGroup";

/// What brings back what a runbook has left elsewhere.
pub const MENDS: [&str; 5] = [
    "ec2:AttachVolume",
    "ec2:DetachVolume",
    "ec2:ModifyInstanceAttribute",
    "ec2:StartInstances",
    "ec2:StopInstances",
];

/// Returns the policy that lets a session change `groups` and mend instances, and start `runbook` as
/// `role`, and send `online`, if they are given. A group's name may be a pattern.
pub fn rescue_policy(
    scope: &Scope,
    groups: &[String],
    start: Option<(&str, &str)>,
    online: Option<&str>,
) -> Result<String, PolicyTooLong> {
    let Scope { partition, region, account } = scope;
    let mut statements = vec![json!({"Effect":"Allow","Action":READS,"Resource":"*"})];
    let ec2 = |kind: &str| format!("arn:{partition}:ec2:{region}:{account}:{kind}/*");
    let machines = [ec2("instance"), ec2("volume")];
    statements.push(json!({"Effect":"Allow","Action":MENDS,"Resource":machines}));
    if !groups.is_empty() {
        statements.push(
            json!({"Effect":"Allow","Action":CHANGES_OF_GROUPS,"Resource":arns(scope, groups)}),
        );
    }
    if let Some((runbook, role)) = start {
        let runbook = Resource::runbook(runbook).map(|it| it.in_scope(scope));
        let action = "ssm:StartAutomationExecution";
        statements.push(json!({"Effect":"Allow","Action":action,"Resource":runbook}));
        statements.push(json!({"Effect":"Allow","Action":"iam:PassRole","Resource":role}));
    }
    if let Some(document) = online {
        let document = format!("arn:{partition}:ssm:{region}:{account}:document/{document}");
        let resources = [document, ec2("instance")];
        statements.push(json!({"Effect":"Allow","Action":"ssm:SendCommand","Resource":resources}));
    }
    fitting(&statements, groups.len())
}

/// Returns the policy that lets a session have `groups` replace their members, and change nothing else.
pub fn replacing_policy(scope: &Scope, groups: &[String]) -> Result<String, PolicyTooLong> {
    let statements = [
        json!({"Effect":"Allow","Action":REPLACING_READS,"Resource":"*"}),
        json!({"Effect":"Allow","Action":TERMINATE,"Resource":arns(scope, groups)}),
    ];
    fitting(&statements, groups.len())
}

fn arns(Scope { partition, region, account }: &Scope, groups: &[String]) -> Vec<String> {
    let arn = |name: &String| {
        format!(
            "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{name}"
        )
    };
    groups.iter().map(arn).collect()
}

fn fitting(statements: &[Value], n_groups: usize) -> Result<String, PolicyTooLong> {
    let policy: Value = json!({"Version":"2012-10-17","Statement":statements});
    let policy = policy.to_string();
    let length = policy.chars().count();
    if length > LONGEST_SESSION_POLICY {
        return Err(PolicyTooLong { length, n_groups, n_instances: 0 });
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_replace_their_members_are_all_that_can_be_changed() {
        let scope = Scope::of_role("arn:aws:iam::123456789012:role/fleet", "us-east-1").unwrap();
        let policy = replacing_policy(&scope, &["web".to_owned()]).unwrap();
        let policy: Value = serde_json::from_str(&policy).unwrap();
        let arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web";
        let action = "autoscaling:TerminateInstanceInAutoScalingGroup";
        let expected = json!({"Effect":"Allow","Action":action,"Resource":[arn]});
        assert_eq!(policy["Statement"][1], expected);
        let reads = policy["Statement"][0]["Action"].as_array().unwrap().iter();
        assert!(reads.map(|it| it.as_str().unwrap()).all(|it| it.contains(":Describe")));
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 2);
        assert!(replacing_policy(&scope, &vec!["web".to_owned(); 40]).is_err());
    }

    #[test]
    fn only_the_named_groups_can_be_changed_and_only_the_runbook_started() {
        let scope = Scope::of_role("arn:aws:iam::123456789012:role/fleet", "us-east-1").unwrap();
        let policy = |names: &[&str], start| {
            let groups: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
            rescue_policy(&scope, &groups, start, start.map(|_| "Fleet-CrowdStrike291"))
        };
        let role = "arn:aws:iam::123456789012:role/rescue";
        let start = Some(("AWSSupport-StartEC2RescueWorkflow", role));
        let of_web: Value = serde_json::from_str(&policy(&["web"], start).unwrap()).unwrap();
        let arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web";
        assert_eq!(of_web["Statement"][2]["Resource"], json!([arn]));
        assert_eq!(of_web["Statement"][4]["Resource"], json!(role));
        let none = policy(&[], None).unwrap();
        assert!(!none.contains("ExitStandby") && !none.contains("StartAutomation"), "{none}");
        assert!(policy(&["web"; 40], None).is_err());
    }
}
