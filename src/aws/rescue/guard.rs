//! The last look before an instance is stopped by a runbook, or ended: hours may have passed since
//! the checks. It must be out of its group's service, and nobody may be at work on it; whoever has come
//! back by itself, or is gone, is left alone.

use super::automation::executions;
use crate::{
    aws::{
        clients::Aws,
        command::refusal,
        error::{AwsError, ErrorKind},
    },
    plan::{Agent, InstanceId, Plan, Target},
    rescue::is_leaving,
    run::{Refusal, RefusalKind, SendRequest, SendTargets},
};

impl Aws {
    /// Refuses to start a rescue of whoever must not be stopped now.
    pub(in crate::aws) async fn check_turn(
        &self,
        plan: &Plan,
        request: &SendRequest,
    ) -> Result<(), Refusal> {
        let Some(target) = rescued(plan, request) else { return Ok(()) };
        if target.agent != Agent::Online {
            self.check_silent(&target.id).await?;
        }
        self.check_out_of_service(target).await?;
        self.check_alone(&target.id).await
    }

    /// Refuses to ask again for a rescue that may have been started, of whoever is in service by now.
    pub(in crate::aws) async fn check_again(
        &self,
        plan: &Plan,
        request: &SendRequest,
    ) -> Result<(), Refusal> {
        match rescued(plan, request) {
            Some(target) => self.check_out_of_service(target).await,
            None => Ok(()),
        }
    }

    /// Refuses to stop whoever is in service: its group would replace it while it is stopped, and
    /// somebody may have brought it back since it was taken out.
    async fn check_out_of_service(&self, target: &Target) -> Result<(), Refusal> {
        let Some((group, lifecycle)) = self.membership(&target.id).await.map_err(refusal)? else {
            return match &target.group {
                Some(group) => Err(left_alone("LeftGroup", format!("it has left {group}"))),
                None => Ok(()),
            };
        };
        match lifecycle.as_str() {
            "InService" => Err(Refusal {
                kind: RefusalKind::Other,
                code: "InService".to_owned(),
                message: format!(
                    "{} is in service in {group}, which would replace it while it is stopped",
                    target.id
                ),
                advice: Vec::new(),
            }),
            it if is_leaving(it) => Err(left_alone("LeftGroup", format!("{group} has it as {it}"))),
            _ => Ok(()),
        }
    }

    /// Refuses to stop or end whoever answers by now.
    pub(in crate::aws) async fn check_silent(&self, id: &InstanceId) -> Result<(), Refusal> {
        if self.silent(vec![id.clone()]).await.map_err(refusal)?.is_empty() {
            let message = "its agent answers by now, so it was left as it is".to_owned();
            return Err(left_alone("Answers", message));
        }
        Ok(())
    }

    /// Returns those of the instances whose agents do not answer. Who may not see them could not when
    /// the plan was made, either: all of them then.
    pub async fn silent(&self, ids: Vec<InstanceId>) -> Result<Vec<InstanceId>, AwsError> {
        let names: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
        let online = match self.online(&names).await {
            Ok(it) => it,
            Err(err) if err.kind == ErrorKind::Denied => return Ok(ids),
            Err(err) => return Err(err),
        };
        Ok(ids.into_iter().filter(|it| !online.contains(it.as_str())).collect())
    }

    /// Refuses to start a second execution beside one that has not ended: both would move its root
    /// volume.
    async fn check_alone(&self, id: &InstanceId) -> Result<(), Refusal> {
        let executions = match executions(self).await {
            Ok(it) => it,
            // Who may not look was asked by the checks whether to go on all the same.
            Err(it) if !it.remedy.is_empty() => return Ok(()),
            Err(it) => {
                return Err(Refusal {
                    kind: RefusalKind::Other,
                    code: "NotSeen".to_owned(),
                    message: format!(
                        "whether somebody is at work on {id} is not known: {}",
                        it.said
                    ),
                    advice: Vec::new(),
                });
            }
        };
        let mut all = executions.iter();
        match all.find(|it| it.instance.as_deref() == Some(id.as_str())) {
            Some(it) => {
                let message =
                    format!("execution {} is under way on it, and it was left to that", it.id);
                Err(left_alone("UnderWay", message))
            }
            None => Ok(()),
        }
    }

    /// Returns the group that has it, and as what.
    async fn membership(&self, id: &InstanceId) -> Result<Option<(String, String)>, AwsError> {
        let request = self.autoscaling.describe_auto_scaling_instances().instance_ids(id.as_str());
        let answer = self.ask("DescribeAutoScalingInstances", || request.clone().send()).await?;
        let name = |it: Option<&str>| it.unwrap_or_default().to_owned();
        let member = answer.auto_scaling_instances().first();
        Ok(member.map(|it| (name(it.auto_scaling_group_name()), name(it.lifecycle_state()))))
    }
}

/// Returns whom a rescue's request is about.
fn rescued<'a>(plan: &'a Plan, request: &SendRequest) -> Option<&'a Target> {
    plan.document.automation.as_ref()?.recovery.as_ref()?;
    let SendTargets::Ids(ids) = &request.targets else { return None };
    let [id] = &ids[..] else { return None };
    plan.population.planned.iter().find(|it| it.id == *id)
}

fn left_alone(code: &str, message: String) -> Refusal {
    let (kind, code) = (RefusalKind::LeftAlone, code.to_owned());
    Refusal { kind, code, message, advice: Vec::new() }
}
