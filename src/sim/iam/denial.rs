//! The words of a denial, service by service.
//! It decides nothing.

use super::evaluate::{Decision, PolicyKind};

/// How a service words a denial (aws-facts §8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Systems Manager, and other services with JSON protocols.
    Ssm,
    /// Auto Scaling; its Describe actions name no resource.
    AutoScaling,
    Ec2,
    /// STS gives no reason.
    Sts,
    /// S3 puts the resource into quotation marks (its user guide, troubleshooting 403).
    S3,
}

impl Form {
    /// Returns the error code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Ssm => "AccessDeniedException",
            Self::AutoScaling | Self::Sts | Self::S3 => "AccessDenied",
            Self::Ec2 => "UnauthorizedOperation",
        }
    }

    /// Returns the HTTP status.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Ssm => 400,
            Self::AutoScaling | Self::Ec2 | Self::Sts | Self::S3 => 403,
        }
    }
}

/// Returns the message of a denial; the resource is left out where the service does not name one.
pub(crate) fn message(
    caller_arn: &str,
    action: &str,
    resource: Option<&str>,
    decision: Decision,
    form: Form,
) -> String {
    let preface = match form {
        Form::Ec2 => "You are not authorized to perform this operation. ",
        Form::Ssm | Form::AutoScaling | Form::Sts | Form::S3 => "",
    };
    let quote = if form == Form::S3 { "\"" } else { "" };
    let on_resource = resource.map(|it| format!(" on resource: {quote}{it}{quote}"));
    let on_resource = on_resource.unwrap_or_default();
    let reason = match form {
        Form::Sts => String::new(),
        Form::Ssm | Form::AutoScaling | Form::Ec2 | Form::S3 => reason(action, decision),
    };
    format!(
        "{preface}User: {caller_arn} is not authorized to perform: {action}{on_resource}{reason}"
    )
}

fn reason(action: &str, decision: Decision) -> String {
    match decision {
        Decision::Allowed => String::new(),
        Decision::ImplicitDeny(kind) => {
            format!(" because no {} allows the {action} action", name(kind))
        }
        Decision::ExplicitDeny(PolicyKind::Identity) => {
            " with an explicit deny in an identity-based policy".to_owned()
        }
        Decision::ExplicitDeny(kind) => format!(" with an explicit deny in a {}", name(kind)),
    }
}

fn name(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "identity-based policy",
        PolicyKind::Session => "session policy",
        PolicyKind::Boundary => "permissions boundary",
        PolicyKind::Resource => "resource-based policy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/R/s";
    const DOCUMENT: &str = "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript";

    #[track_caller]
    fn check(action: &str, resource: Option<&str>, decision: Decision, form: Form, expected: &str) {
        assert_eq!(message(CALLER, action, resource, decision, form), expected);
    }

    #[test]
    fn systems_manager_names_the_resource_and_the_reason() {
        let implicit = Decision::ImplicitDeny(PolicyKind::Identity);
        check(
            "ssm:SendCommand",
            Some(DOCUMENT),
            implicit,
            Form::Ssm,
            "User: arn:aws:sts::111122223333:assumed-role/R/s is not authorized to perform: \
             ssm:SendCommand on resource: arn:aws:ssm:eu-west-1::document/AWS-RunShellScript \
             because no identity-based policy allows the ssm:SendCommand action",
        );
        let cases = [
            (
                Decision::ExplicitDeny(PolicyKind::Identity),
                "with an explicit deny in an identity-based policy",
            ),
            (
                Decision::ExplicitDeny(PolicyKind::Session),
                "with an explicit deny in a session policy",
            ),
            (
                Decision::ExplicitDeny(PolicyKind::Boundary),
                "with an explicit deny in a permissions boundary",
            ),
            (
                Decision::ImplicitDeny(PolicyKind::Session),
                "because no session policy allows the a:B action",
            ),
            (
                Decision::ImplicitDeny(PolicyKind::Boundary),
                "because no permissions boundary allows the a:B action",
            ),
            (
                Decision::ImplicitDeny(PolicyKind::Resource),
                "because no resource-based policy allows the a:B action",
            ),
        ];
        for (decision, reason) in cases {
            let expected =
                format!("User: {CALLER} is not authorized to perform: a:B on resource: r {reason}");
            check("a:B", Some("r"), decision, Form::Ssm, &expected);
        }
    }

    #[test]
    fn a_describe_of_auto_scaling_names_no_resource() {
        check(
            "autoscaling:DescribeAutoScalingGroups",
            None,
            Decision::ImplicitDeny(PolicyKind::Identity),
            Form::AutoScaling,
            "User: arn:aws:sts::111122223333:assumed-role/R/s is not authorized to perform: \
             autoscaling:DescribeAutoScalingGroups because no identity-based policy allows the \
             autoscaling:DescribeAutoScalingGroups action",
        );
    }

    #[test]
    fn ec2_and_sts_have_their_own_words() {
        check(
            "ec2:DescribeInstances",
            None,
            Decision::ImplicitDeny(PolicyKind::Identity),
            Form::Ec2,
            "You are not authorized to perform this operation. User: \
             arn:aws:sts::111122223333:assumed-role/R/s is not authorized to perform: \
             ec2:DescribeInstances because no identity-based policy allows the \
             ec2:DescribeInstances action",
        );
        check(
            "sts:AssumeRole",
            Some("arn:aws:iam::111122223333:role/web"),
            Decision::ImplicitDeny(PolicyKind::Resource),
            Form::Sts,
            "User: arn:aws:sts::111122223333:assumed-role/R/s is not authorized to perform: \
             sts:AssumeRole on resource: arn:aws:iam::111122223333:role/web",
        );
        assert_eq!((Form::Ssm.code(), Form::Ssm.status()), ("AccessDeniedException", 400));
        assert_eq!((Form::Ec2.code(), Form::Ec2.status()), ("UnauthorizedOperation", 403));
    }
}
