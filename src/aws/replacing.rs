//! TerminateInstanceInAutoScalingGroup and what follows it: what `command` does for Run Command, for
//! instances that their group is to replace. A scaling activity is the invocation of one instance, and
//! `rows` reads it.

mod deeds;
mod rows;

use super::{
    clients::Aws,
    command::refusal,
    error::{AwsError, ErrorKind},
    rescue::changes::without_retries,
};
use crate::{
    plan::{InstanceId, Plan, TERMINATION},
    rescue::{Activity, ActivityStage, Deed},
    run::{Accepted, Observed, Refusal, RefusalKind, SendRequest, SendTargets, Settlement},
};

/// What the service says as long as something else is under way; nothing was done then
/// (TerminateInstanceInAutoScalingGroup reference).
const BUSY: [&str; 2] = ["ResourceContention", "ScalingActivityInProgress"];

impl Aws {
    /// Has the group end one instance, and launch another: its capacity stays.
    ///
    /// Asked once, with the SDK's retries off: each try is an event.
    pub async fn terminate(&self, plan: &Plan, send: u32, request: SendRequest) -> Observed {
        let id = match &request.targets {
            SendTargets::Ids(ids) if ids.len() == 1 => &ids[0],
            _ => return Observed::Refused { send, refusal: not_one() },
        };
        if let Err(refusal) = self.check_silent(id).await {
            return Observed::Refused { send, refusal };
        }
        let err = match self.end(id).await {
            Ok(command_id) => {
                let accepted = Accepted { command_id, expires_in: None, expires_after: None };
                return Observed::Accepted { send, accepted };
            }
            Err(err) => err,
        };
        if BUSY.contains(&err.code.as_str()) {
            let refusal = refusal(AwsError { kind: ErrorKind::Throttled, ..err });
            return Observed::Refused { send, refusal };
        }
        if !err.is_proof_of_nothing() {
            return Observed::Doubted { send, reason: err.message };
        }
        let is_about_it = err.code == "ValidationError";
        let mut refusal = refusal(err);
        if is_about_it {
            // Somebody may have been faster: the group itself, that takes it for unhealthy.
            if let Ok(Some(command_id)) = self.termination(plan, id).await {
                let accepted = Accepted { command_id, expires_in: None, expires_after: None };
                return Observed::Accepted { send, accepted };
            }
            refusal.kind = RefusalKind::InvalidInstances(vec![id.clone()]);
        }
        Observed::Refused { send, refusal }
    }

    /// Returns the id of the activity.
    async fn end(&self, id: &InstanceId) -> Result<String, AwsError> {
        let call = self.autoscaling.terminate_instance_in_auto_scaling_group();
        let call = call.instance_id(id.as_str()).should_decrement_desired_capacity(false);
        let send = || call.clone().customize().config_override(without_retries()).send();
        let answer = self.ask_once("TerminateInstanceInAutoScalingGroup", send).await?;
        let id = answer.activity.and_then(|it| it.activity_id);
        id.ok_or_else(|| AwsError::unreadable(TERMINATION, "the answer names no activity"))
    }

    /// Looks for what became of a termination in doubt: whoever has ended the instance, it is the
    /// activity that does so. It is never asked for again.
    pub async fn find_termination(&self, plan: &Plan, send: u32, token: &str) -> Observed {
        let found = match InstanceId::parse(token) {
            Ok(id) => self.termination(plan, &id).await,
            Err(_) => Ok(None),
        };
        let settlement = match found {
            Ok(Some(command_id)) => {
                Settlement::Accepted(Accepted { command_id, expires_in: None, expires_after: None })
            }
            Ok(None) => Settlement::NotFound,
            Err(err) => Settlement::Failed {
                is_denied: err.kind == ErrorKind::Denied,
                reason: err.to_string(),
            },
        };
        Observed::Settled { send, settlement }
    }

    /// Returns the activity since the plan that ends an instance, unless it came to nothing.
    async fn termination(&self, plan: &Plan, id: &InstanceId) -> Result<Option<String>, AwsError> {
        let Some(group) = group_of(plan, id) else { return Ok(None) };
        let deeds = self.deeds(group, plan.created).await?;
        let ends = |it: &&Activity| {
            let is_its = matches!(&it.deed, Deed::Ends { instance, .. } if instance == id);
            is_its && !matches!(it.stage, ActivityStage::Failed | ActivityStage::Cancelled)
        };
        Ok(deeds.iter().rfind(ends).map(|it| it.id.clone()))
    }
}

fn group_of<'a>(plan: &'a Plan, id: &InstanceId) -> Option<&'a str> {
    plan.population.planned.iter().find(|it| it.id == *id)?.group.as_deref()
}

/// Nothing is asked for then; a plan by which groups replace their members has batches of one.
fn not_one() -> Refusal {
    Refusal {
        kind: RefusalKind::Other,
        code: "NotOne".to_owned(),
        message: "instances are ended one at a time, and by their ids".to_owned(),
        advice: Vec::new(),
    }
}
