//! The condition keys that a request to the simulator can have, and the actions that it can be
//! for. A policy that asks such an action for any other key is refused by name: a key that nobody
//! provides would look absent, and a Deny that depends on it would never apply.

/// The actions that policies are asked about.
const ACTIONS: [&str; 91] = [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeInstanceRefreshes",
    "autoscaling:DescribeScalingActivities",
    "autoscaling:EnterStandby",
    "autoscaling:ExitStandby",
    "autoscaling:ResumeProcesses",
    "autoscaling:SetInstanceHealth",
    "autoscaling:SetInstanceProtection",
    "autoscaling:SuspendProcesses",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "cloudformation:CreateStack",
    "cloudformation:DeleteStack",
    "cloudformation:DescribeStackResource",
    "cloudformation:DescribeStacks",
    "cloudformation:UpdateStack",
    "cloudwatch:DescribeAlarms",
    "ec2:AttachVolume",
    "ec2:CreateImage",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateTags",
    "ec2:DeleteLaunchTemplate",
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
    "ec2:RunInstances",
    "ec2:StartInstances",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
    "iam:CreateInstanceProfile",
    "iam:CreateRole",
    "iam:CreateServiceLinkedRole",
    "iam:DeleteRole",
    "iam:GetRole",
    "iam:PassRole",
    "iam:SimulatePrincipalPolicy",
    "iam:TagRole",
    "kms:CreateGrant",
    "kms:DescribeKey",
    "lambda:CreateFunction",
    "lambda:DeleteFunction",
    "lambda:InvokeFunction",
    "logs:DescribeLogStreams",
    "logs:GetLogEvents",
    "resource-groups:ListGroupResources",
    "s3:GetObject",
    "s3:ListBucket",
    "ssm:AddTagsToResource",
    "ssm:CancelCommand",
    "ssm:CreateDocument",
    "ssm:DeleteDocument",
    "ssm:DescribeAutomationExecutions",
    "ssm:DescribeAutomationStepExecutions",
    "ssm:DescribeDocument",
    "ssm:DescribeDocumentPermission",
    "ssm:DescribeInstanceInformation",
    "ssm:DescribeInstanceProperties",
    "ssm:GetAutomationExecution",
    "ssm:GetCommandInvocation",
    "ssm:GetDocument",
    "ssm:ListCommandInvocations",
    "ssm:ListCommands",
    "ssm:ListDocumentVersions",
    "ssm:ListDocuments",
    "ssm:ListTagsForResource",
    "ssm:ModifyDocumentPermission",
    "ssm:RemoveTagsFromResource",
    "ssm:SendCommand",
    "ssm:StartAutomationExecution",
    "ssm:StopAutomationExecution",
    "ssm:UpdateDocument",
    "ssm:UpdateDocumentDefaultVersion",
    "sts:AssumeRole",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];

/// The keys that requests have, where AWS provides them; in lower case.
const PROVIDED: [&str; 30] = [
    "aws:currenttime",
    "aws:epochtime",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:securetransport",
    "aws:sourceidentity",
    "aws:sourceip",
    "aws:tagkeys",
    "aws:tokenissuetime",
    "aws:userid",
    "aws:username",
    "aws:viaawsservice",
    "iam:awsservicename",
    "iam:passedtoservice",
    "kms:calleraccount",
    "kms:keyorigin",
    "kms:keyspec",
    "kms:keyusage",
    "kms:multiregion",
    "kms:requestalias",
    "ssm:documenttype",
    "sts:externalid",
    "sts:rolesessionname",
    "sts:sourceidentity",
    "sts:transitivetagkeys",
];

/// The keys whose names go on with the key of a tag; in lower case.
const PROVIDED_OF_TAGS: [&str; 7] = [
    "autoscaling:resourcetag/",
    "aws:principaltag/",
    "aws:requesttag/",
    "aws:resourcetag/",
    "ec2:resourcetag/",
    "iam:resourcetag/",
    "ssm:resourcetag/",
];

/// The keys that AWS leaves out of a request that comes over the Internet, from a user or a role
/// that no service, no instance and no identity provider stands for (IAM reference, global
/// condition context keys). Such is every request here.
const LEFT_OUT: [&str; 19] = [
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc",
    "aws:federatedprovider",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:vpcsourceip",
    "ec2:roledelivery",
    "ec2:sourceinstancearn",
    "lambda:sourcefunctionarn",
];

/// The actions that a policy may be asked about.
pub(crate) fn actions() -> &'static [&'static str] {
    &ACTIONS
}

/// Tells whether a policy may ask for the key, however it is spelt.
pub(crate) fn is_condition_key(key: &str) -> bool {
    is_modelled(&key.to_lowercase())
}

/// Tells whether requests have the key when AWS's have it; `key` is in lower case.
pub(super) fn is_modelled(key: &str) -> bool {
    let names_a_tag = |it: &str| key.strip_prefix(it).is_some_and(|tag| !tag.is_empty());
    PROVIDED.contains(&key)
        || LEFT_OUT.contains(&key)
        || PROVIDED_OF_TAGS.iter().any(|it| names_a_tag(it))
}
