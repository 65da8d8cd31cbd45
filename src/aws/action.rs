//! Which service's action each operation is: the one place where a denial's action has its name
//! from. An operation is not called before it is listed here.

/// Every operation that is called, as policies name it (service authorisation reference).
const ACTIONS: &[&str] = &[
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeInstanceRefreshes",
    "autoscaling:DescribeScalingActivities",
    "autoscaling:EnterStandby",
    "autoscaling:ExitStandby",
    "autoscaling:ResumeProcesses",
    "autoscaling:SetInstanceHealth",
    "autoscaling:SuspendProcesses",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "ec2:AttachVolume",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSnapshots",
    "ec2:DescribeSubnets",
    "ec2:DescribeVolumeAttribute",
    "ec2:DescribeVolumes",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "ec2:DetachVolume",
    "ec2:GetEbsDefaultKmsKeyId",
    "ec2:GetEbsEncryptionByDefault",
    "ec2:ModifyInstanceAttribute",
    "ec2:StartInstances",
    "ec2:StopInstances",
    "iam:GetRole",
    "iam:SimulatePrincipalPolicy",
    "kms:DescribeKey",
    "logs:GetLogEvents",
    "s3:GetObject",
    "ssm:AddTagsToResource",
    "ssm:CancelCommand",
    "ssm:CreateDocument",
    "ssm:DescribeAutomationExecutions",
    "ssm:DescribeAutomationStepExecutions",
    "ssm:DescribeDocument",
    "ssm:DescribeInstanceInformation",
    "ssm:DescribeInstanceProperties",
    "ssm:GetAutomationExecution",
    "ssm:GetCommandInvocation",
    "ssm:GetDocument",
    "ssm:ListCommandInvocations",
    "ssm:ListCommands",
    "ssm:ListDocuments",
    "ssm:SendCommand",
    "ssm:StartAutomationExecution",
    "ssm:StopAutomationExecution",
    "ssm:UpdateDocument",
    "ssm:UpdateDocumentDefaultVersion",
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
];

/// Returns the action of `operation`; what is not listed, such as the way to credentials, is no
/// action, and keeps its name.
pub(super) fn action_of(operation: &'static str) -> &'static str {
    let name = |action: &str| action.split_once(':').map(|(_, name)| name == operation);
    ACTIONS.iter().copied().find(|it| name(it) == Some(true)).unwrap_or(operation)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use regex::Regex;

    use super::*;
    use crate::plan::Permission;

    /// Returns the operations that the sources of this folder call.
    fn called() -> BTreeSet<String> {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws")];
        let call = Regex::new(r#"\b(?:ask|ask_\w+|pages|explain)\(\s*"(\w+)""#).unwrap();
        let mut res = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(path).unwrap();
                res.extend(call.captures_iter(&text).map(|it| it[1].to_owned()));
            }
        }
        res
    }

    #[test]
    fn every_operation_that_is_called_has_an_action_and_no_other_has() {
        let names = ACTIONS.iter().map(|it| it.split_once(':').unwrap().1.to_owned());
        assert_eq!(called(), names.collect());
    }

    #[test]
    fn what_policies_grant_is_called_by_the_same_name() {
        // A role is passed by starting something that acts as it, not by a call.
        for it in Permission::ALL.into_iter().filter(|it| *it != Permission::PassRole) {
            assert_eq!(action_of(it.name()), it.action());
        }
    }
}
