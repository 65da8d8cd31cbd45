//! Each permission that fleet can make use of, and what it is good for, written once: policies,
//! notes and explanations have their words from here.

/// An action of IAM. A new one that fleet learns to use belongs here, and in [`super::Needs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    SendCommand,
    ListCommandInvocations,
    DescribeAutoScalingGroups,
    DescribeAutoScalingInstances,
    DescribeScalingActivities,
    DescribeInstanceInformation,
    DescribeInstanceProperties,
    DescribeDocument,
    GetDocument,
    ListCommands,
    GetCommandInvocation,
    CancelCommand,
    GetObject,
    GetLogEvents,
    StartAutomationExecution,
    GetAutomationExecution,
    DescribeAutomationExecutions,
    DescribeAutomationStepExecutions,
    StopAutomationExecution,
    PassRole,
}

impl Permission {
    pub const ALL: [Self; 20] = [
        Self::SendCommand,
        Self::ListCommandInvocations,
        Self::DescribeAutoScalingGroups,
        Self::DescribeAutoScalingInstances,
        Self::DescribeScalingActivities,
        Self::DescribeInstanceInformation,
        Self::DescribeInstanceProperties,
        Self::DescribeDocument,
        Self::GetDocument,
        Self::ListCommands,
        Self::GetCommandInvocation,
        Self::CancelCommand,
        Self::GetObject,
        Self::GetLogEvents,
        Self::StartAutomationExecution,
        Self::GetAutomationExecution,
        Self::DescribeAutomationExecutions,
        Self::DescribeAutomationStepExecutions,
        Self::StopAutomationExecution,
        Self::PassRole,
    ];

    /// Returns the permission for `action`, such as `ssm:SendCommand`.
    pub fn of_action(action: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.action() == action)
    }

    pub fn action(self) -> &'static str {
        match self {
            Self::SendCommand => "ssm:SendCommand",
            Self::ListCommandInvocations => "ssm:ListCommandInvocations",
            Self::DescribeAutoScalingGroups => "autoscaling:DescribeAutoScalingGroups",
            Self::DescribeAutoScalingInstances => "autoscaling:DescribeAutoScalingInstances",
            Self::DescribeScalingActivities => "autoscaling:DescribeScalingActivities",
            Self::DescribeInstanceInformation => "ssm:DescribeInstanceInformation",
            Self::DescribeInstanceProperties => "ssm:DescribeInstanceProperties",
            Self::DescribeDocument => "ssm:DescribeDocument",
            Self::GetDocument => "ssm:GetDocument",
            Self::ListCommands => "ssm:ListCommands",
            Self::GetCommandInvocation => "ssm:GetCommandInvocation",
            Self::CancelCommand => "ssm:CancelCommand",
            Self::StartAutomationExecution => "ssm:StartAutomationExecution",
            Self::GetAutomationExecution => "ssm:GetAutomationExecution",
            Self::DescribeAutomationExecutions => "ssm:DescribeAutomationExecutions",
            Self::DescribeAutomationStepExecutions => "ssm:DescribeAutomationStepExecutions",
            Self::StopAutomationExecution => "ssm:StopAutomationExecution",
            Self::PassRole => "iam:PassRole",
            Self::GetObject => "s3:GetObject",
            Self::GetLogEvents => "logs:GetLogEvents",
        }
    }

    /// Returns the action without its service, which is good for the name of a statement.
    pub fn name(self) -> &'static str {
        self.action().split_once(':').map_or(self.action(), |(_, name)| name)
    }

    /// Returns what having it is good for.
    pub fn buys(self) -> &'static str {
        match self {
            Self::SendCommand => "sending",
            Self::ListCommandInvocations => "following every instance to its end",
            Self::DescribeAutoScalingGroups => {
                "the group's instances beforehand, waves, percentages as integers, and coverage"
            }
            Self::DescribeAutoScalingInstances => {
                "the lifecycle and the zone of instances that are selected by id or tag"
            }
            Self::DescribeScalingActivities => "what took an instance out of its group",
            Self::DescribeInstanceInformation => "who is online, and the platform",
            Self::DescribeInstanceProperties => {
                "the same of a large group, in a twentieth of the calls"
            }
            Self::DescribeDocument => "the pinned version and hash, and the document's platforms",
            Self::GetDocument => {
                "the check of the parameters before anything is sent, and what a runbook is: its \
                 steps, what takes the instance, and its role"
            }
            Self::ListCommands => "settling a send whose answer was lost, and cheaper progress",
            Self::GetCommandInvocation => "output beyond 2,500 characters",
            Self::CancelCommand | Self::StopAutomationExecution => {
                "cancelling on Ctrl-C, at the deadline, and when the budget is spent"
            }
            Self::StartAutomationExecution => "starting",
            Self::GetAutomationExecution => "following every execution to its end",
            Self::DescribeAutomationExecutions => "the progress of ten executions in one call",
            Self::DescribeAutomationStepExecutions => {
                "which step failed, of a runbook with more than 100"
            }
            Self::PassRole => {
                "letting the steps act as the role that the runbook or its parameters name"
            }
            Self::GetObject => "output beyond 24,000 characters, from the bucket",
            Self::GetLogEvents => "output beyond 24,000 characters, from the log group",
        }
    }

    /// Returns whether it is used before anything is sent. None of these changes anything.
    pub fn is_for_planning(self) -> bool {
        match self {
            Self::DescribeAutoScalingGroups
            | Self::DescribeAutoScalingInstances
            | Self::DescribeInstanceInformation
            | Self::DescribeInstanceProperties
            | Self::DescribeDocument
            | Self::GetDocument => true,
            Self::SendCommand
            | Self::ListCommandInvocations
            | Self::DescribeScalingActivities
            | Self::ListCommands
            | Self::GetCommandInvocation
            | Self::CancelCommand
            | Self::GetObject
            | Self::GetLogEvents
            | Self::StartAutomationExecution
            | Self::GetAutomationExecution
            | Self::DescribeAutomationExecutions
            | Self::DescribeAutomationStepExecutions
            | Self::StopAutomationExecution
            | Self::PassRole => false,
        }
    }

    /// Returns whether it is what sends: the statements on that say on what.
    pub fn is_of_sending(self) -> bool {
        matches!(self, Self::SendCommand | Self::StartAutomationExecution | Self::PassRole)
    }

    /// Returns whether it is granted on single documents, and on nothing else (service authorisation
    /// reference).
    pub fn is_of_documents(self) -> bool {
        matches!(self, Self::DescribeDocument | Self::GetDocument)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_found_by_its_action_and_named_after_it() {
        for it in Permission::ALL {
            assert_eq!(Permission::of_action(it.action()), Some(it));
            assert!(it.action().ends_with(&format!(":{}", it.name())));
        }
        assert_eq!(Permission::of_action("ssm:StartSession"), None);
    }
}
