//! A rescue whose runbook succeeded goes on until it is proved to have helped, or until that has taken
//! too long: rows say so, and nothing else of the run has to know.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{clients::Aws, pacing::Tempo};
use crate::{
    plan::{Before, Plan, Recovery},
    rescue::{Proof, proof},
    run::{Row, Status},
};

/// How long an instance may take from the end of the runbook until its status checks pass and its
/// agent answers. Windows takes several minutes; AWS gives no number.
const PROVING: Duration = Duration::from_secs(1200);

/// Since when the ends of executions have been known.
#[derive(Debug)]
pub(super) struct Proofs {
    longest: Duration,
    since: RefCell<BTreeMap<String, Instant>>,
}

impl Proofs {
    pub(super) fn new(tempo: Tempo) -> Self {
        Self { longest: PROVING.mul_f64(tempo.factor), since: RefCell::default() }
    }

    /// Returns whether the proof of an execution has been waited for long enough.
    pub(super) fn is_late(&self, execution: &str) -> bool {
        let mut since = self.since.borrow_mut();
        let since = since.entry(execution.to_owned()).or_insert_with(Instant::now);
        since.elapsed() > self.longest
    }
}

impl Aws {
    /// Makes of the row of an execution that succeeded what it has proved.
    pub(super) async fn prove(&self, plan: &Plan, execution: &str, row: &mut Row) {
        let Some((recovery, before)) = recovery(plan, row) else { return };
        if row.status != Status::Success {
            return;
        }
        let is_late = self.proofs.is_late(execution);
        let output: String = row.plugins.iter().map(|it| it.output.as_str()).collect();
        let id = &row.instance_id;
        let found = match self.sights(&[id.clone()].into()).await {
            Ok(sights) => match sights.get(id) {
                Some(now) => proof(recovery, before, &output, now),
                None => Proof::Missing("EC2 does not know it any more".to_owned()),
            },
            Err(it) if it.remedy.is_empty() => Proof::Awaited(it.said),
            Err(it) => Proof::Missing(format!("{}: {}", it.said, it.remedy)),
        };
        let found = match (found, &recovery.online) {
            (Proof::Given, Some(online)) if recovery.answers && before.state == "running" => {
                self.reported(plan, online, id).await
            }
            (found, _) => found,
        };
        let word = match found {
            Proof::Given => return,
            Proof::Awaited(what) if !is_late => {
                row.status = Status::InProgress;
                row.progress = Some(format!("proof: {what}"));
                "InProgress"
            }
            Proof::Awaited(why) | Proof::Missing(why) => {
                row.status = Status::Unproven;
                row.failure = Some(format!("the runbook succeeded, and it is not proved: {why}"));
                "Unproven"
            }
            Proof::Failed(why) => {
                row.status = Status::Failed;
                row.failure = Some(why);
                "Failed"
            }
        };
        word.clone_into(&mut row.status_word);
        word.clone_into(&mut row.details_word);
    }
}

/// Returns how the outcome of a row's instance is proved, if it has to be.
fn recovery<'a>(plan: &'a Plan, row: &Row) -> Option<(&'a Recovery, &'a Before)> {
    let recovery = plan.document.automation.as_ref()?.recovery.as_ref()?;
    Some((recovery, recovery.instances.get(&row.instance_id)?))
}
