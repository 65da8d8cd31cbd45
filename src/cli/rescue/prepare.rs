//! `fleet rescue prepare`: the role that the runbook acts as.

use clap::Args;

use crate::{exit::Exit, output::Terminal, rescue::ROLE_TEMPLATE};

/// Print a CloudFormation template of the role that the runbook acts as, and of its operators' policy
#[derive(Debug, Clone, Args)]
pub(super) struct PrepareArgs {
    /// Print no notes
    #[arg(long, short)]
    pub(super) quiet: bool,
}

pub(super) fn prepare(_: &PrepareArgs, terminal: &mut Terminal) -> Exit {
    for note in [
        "deploy it before an incident: fleet rescue prepare > role.yaml && aws cloudformation \
         deploy --template-file role.yaml --stack-name fleet-rescue --capabilities \
         CAPABILITY_NAMED_IAM",
        "where root volumes are encrypted with keys of your own: --parameter-overrides \
         KeyArns=ARN,ARN; where a helper may get a VPC of its own: NewVpc=yes",
        "then attach the policy OperatorPolicy to whoever starts rescues, and see that all is there: \
         fleet rescue plan crowdstrike --asg NAME --automation-role ARN",
    ] {
        terminal.note(note);
    }
    terminal.text(ROLE_TEMPLATE);
    Exit::Success
}
