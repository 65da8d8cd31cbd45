//! What the runbook does in its role's name, as far as is known: AWS's page for it, and what people
//! found to be missing from that page.

use super::wishes::{RUNBOOK, Where};
use crate::plan::{CHANGES_OF_GROUPS, GROUP_TAG, MENDS, Scope};

/// Actions, and one resource that they would be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub actions: &'static [&'static str],
    pub resource: String,
    /// Keys that policies may make conditions of, with a value each.
    pub context: Vec<(String, String)>,
}

impl Need {
    fn of(actions: &'static [&'static str], resource: impl Into<String>) -> Self {
        Self { actions, resource: resource.into(), context: Vec::new() }
    }
}

/// What a caller's rescue reaches.
#[derive(Debug, Clone, Copy)]
pub struct Reach<'a> {
    /// ARNs of groups that are changed.
    pub groups: &'a [&'a str],
    /// One of the instances, and its group.
    pub instance: Option<(&'a str, Option<&'a str>)>,
    /// The document that tells afterwards whether it has helped.
    pub online: Option<&'a str>,
}

/// What has to be seen for it, and of executions.
pub(super) const SEEN: &[&str] = &[
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstances",
    "ec2:DescribeVolumes",
    "ssm:DescribeAutomationExecutions",
    "ssm:DescribeInstanceInformation",
    "ssm:GetAutomationExecution",
];

const START: &[&str] = &["ssm:StartAutomationExecution"];

const SEND: &[&str] = &["ssm:SendCommand"];

/// What shows how the online document has ended.
const TOLD: &[&str] = &["ssm:ListCommandInvocations", "ssm:ListCommands"];

/// Returns what the caller needs to start the runbook, to follow it, and to bring groups and an instance
/// of them back: what it may not undo, it is not to begin.
pub fn needed_of_caller(scope: &Scope, Reach { groups, instance, online }: Reach<'_>) -> Vec<Need> {
    let Scope { partition, region, account } = scope;
    let mut res = vec![Need::of(SEEN, "*")];
    res.extend(groups.iter().map(|it| Need::of(&CHANGES_OF_GROUPS, *it)));
    // Denials name the version that is to run (recorded answers).
    let definition = format!("automation-definition/{RUNBOOK}:$DEFAULT");
    res.push(Need::of(START, format!("arn:{partition}:ssm:{region}::{definition}")));
    let Some((id, group)) = instance else { return res };
    let instance = format!("arn:{partition}:ec2:{region}:{account}:instance/{id}");
    res.push(Need::of(&MENDS, instance.clone()));
    let Some(online) = online else { return res };
    let document = format!("arn:{partition}:ssm:{region}:{account}:document/{online}");
    let tagged = group.into_iter().flat_map(|group| {
        ["ssm:resourceTag", "aws:ResourceTag"]
            .map(|key| (format!("{key}/{GROUP_TAG}"), group.to_owned()))
    });
    res.push(Need::of(TOLD, "*"));
    res.push(Need::of(SEND, document));
    res.push(Need { context: tagged.collect(), ..Need::of(SEND, instance) });
    res
}

const SSM: &[&str] = &[
    "ssm:DescribeInstanceInformation",
    "ssm:GetAutomationExecution",
    "ssm:ListCommandInvocations",
    "ssm:ListCommands",
    "ssm:SendCommand",
    "ssm:StartAutomationExecution",
];

const EC2: &[&str] = &[
    "autoscaling:DescribeAutoScalingInstances",
    "ec2:AttachVolume",
    "ec2:CreateImage",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateTags",
    "ec2:DeleteLaunchTemplate",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstances",
    "ec2:DescribeVolumes",
    "ec2:DetachVolume",
    "ec2:ModifyInstanceAttribute",
    "ec2:RunInstances",
    "ec2:StartInstances",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
];

const STACKS: &[&str] = &[
    "cloudformation:CreateStack",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStackResource",
    "cloudformation:DescribeStacks",
    "cloudformation:UpdateStack",
];

const LAMBDA: &[&str] = &[
    "lambda:CreateFunction",
    "lambda:DeleteFunction",
    "lambda:GetFunction",
    "lambda:InvokeFunction",
];

const ROLES: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:TagRole",
];

const PROFILES: &[&str] = &[
    "iam:AddRoleToInstanceProfile",
    "iam:CreateInstanceProfile",
    "iam:DeleteInstanceProfile",
    "iam:GetInstanceProfile",
    "iam:RemoveRoleFromInstanceProfile",
];

const TEMPLATES: &[&str] = &["s3:GetObject"];

const KEYS: &[&str] = &[
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];

const NEW_VPC: &[&str] = &[
    "ec2:AssociateRouteTable",
    "ec2:AttachInternetGateway",
    "ec2:CreateInternetGateway",
    "ec2:CreateRoute",
    "ec2:CreateRouteTable",
    "ec2:CreateSubnet",
    "ec2:CreateVpc",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteRoute",
    "ec2:DeleteRouteTable",
    "ec2:DeleteSubnet",
    "ec2:DeleteVpc",
    "ec2:DetachInternetGateway",
    "ec2:DisassociateRouteTable",
    "ec2:ModifyVpcAttribute",
];

/// Returns what the role must be allowed, for a helper at `place` and volumes with these keys.
pub fn needed<'a>(
    scope: &Scope,
    place: &Where,
    keys: impl IntoIterator<Item = &'a str>,
) -> Vec<Need> {
    let Scope { partition, region, account } = scope;
    let own = "AWSSupport-EC2Rescue-fleet-preflight";
    let need = |actions, resource: String| Need::of(actions, resource);
    let mut res = vec![
        need(SSM, "*".to_owned()),
        need(EC2, "*".to_owned()),
        need(STACKS, format!("arn:{partition}:cloudformation:{region}:{account}:stack/{own}/1")),
        need(LAMBDA, format!("arn:{partition}:lambda:{region}:{account}:function:{own}")),
        need(ROLES, format!("arn:{partition}:iam::{account}:role/{own}")),
        need(PROFILES, format!("arn:{partition}:iam::{account}:instance-profile/{own}")),
        need(TEMPLATES, format!("arn:{partition}:s3:::awssupport-ssm.{region}/{own}.template")),
    ];
    res.extend(keys.into_iter().map(|it| need(KEYS, it.to_owned())));
    if *place == Where::NewVpc {
        res.push(need(NEW_VPC, "*".to_owned()));
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rescue::ROLE_TEMPLATE;

    /// Those of AmazonSSMAutomationRole, which the role has besides.
    const MANAGED: [&str; 13] = [
        "cloudformation:CreateStack",
        "cloudformation:DeleteStack",
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStacks",
        "cloudformation:UpdateStack",
        "ec2:CreateImage",
        "ec2:CreateTags",
        "ec2:Describe*",
        "ec2:RunInstances",
        "ec2:StartInstances",
        "ec2:StopInstances",
        "ec2:TerminateInstances",
        "ssm:*",
    ];

    fn scope() -> Scope {
        Scope {
            partition: "aws".to_owned(),
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
        }
    }

    #[test]
    fn the_role_of_the_template_has_all_that_the_preflight_asks_of_one() {
        let scope = scope();
        let (role, _) = ROLE_TEMPLATE.split_once("  OperatorPolicy:\n").unwrap();
        let needs = needed(&scope, &Where::NewVpc, ["arn:aws:kms:us-east-1:123456789012:key/1"]);
        for action in needs.iter().flat_map(|it| it.actions) {
            let is_managed = MANAGED.iter().any(|it| match it.strip_suffix('*') {
                Some(beginning) => action.starts_with(beginning),
                None => it == action,
            });
            let word = |end: char| role.contains(&format!("{action}{end}"));
            assert!(is_managed || word('\n') || word('\''), "{action}");
        }
    }

    #[test]
    fn its_operators_may_do_all_that_the_preflight_asks_of_them() {
        let (_, operator) = ROLE_TEMPLATE.split_once("  OperatorPolicy:\n").unwrap();
        let needs = needed_of_caller(
            &scope(),
            Reach {
                groups: &["arn"],
                instance: Some(("i-1", Some("win"))),
                online: Some("Fleet-CrowdStrike291"),
            },
        );
        let actions: Vec<&&str> = needs.iter().flat_map(|it| it.actions).collect();
        assert!(actions.len() > 15, "{actions:?}");
        for action in actions {
            let has = |before: &str| operator.contains(&format!("{before}{action}\n"));
            assert!(has("- ") || has("Action: "), "{action}");
        }
    }

    #[test]
    fn its_operators_may_read_all_that_the_checks_look_at() {
        let (_, operator) = ROLE_TEMPLATE.split_once("  OperatorPolicy:\n").unwrap();
        for action in super::super::actions() {
            assert!(operator.contains(&format!("- {action}\n")), "{action}");
        }
    }
}
