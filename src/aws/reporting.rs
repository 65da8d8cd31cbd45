//! The last part of a rescue's proof: a document that changes nothing tells on the instance itself
//! whether anything is left. Like every document it is sent once: the intent is on the disk first, and
//! what is in doubt is looked for by its Comment and never sent again.

use std::{cell::RefCell, collections::BTreeMap, fmt, time::Duration};

use tokio::time::Instant;

use super::{clients::Aws, pacing::Tempo};
use crate::{
    plan::{Dispatch, Document, InstanceId, Online, Outputs, Plan},
    rescue::{Proof, told},
    run::{
        Observed, ReadScope, Refusal, RefusalKind, Row, SendRequest, SendTargets, Settlement,
        Status,
    },
};

/// How long a doubted send is looked for.
const SETTLING: Duration = Duration::from_secs(30);

/// Conclusions are not drawn from a shorter silence, however fast the world is.
const LEAST_PATIENCE: Duration = Duration::from_millis(1500);

/// Whether a send was intended before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    New,
    /// A process before this one may have sent it.
    Old,
}

/// Writes down that something is about to be sent under this token.
type Intend = Box<dyn Fn(&str) -> std::io::Result<Intent>>;

/// What is known of each instance's report.
#[derive(Default)]
pub(super) struct Reports {
    intend: Option<Intend>,
    settling: Duration,
    asked: RefCell<BTreeMap<InstanceId, Asked>>,
}

#[derive(Debug, Clone)]
enum Asked {
    /// It is proved that nothing was taken.
    Throttled,
    Doubted {
        since: Instant,
    },
    Sent {
        command_id: String,
    },
    /// It is not sent, and will not be.
    Never {
        why: String,
    },
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Reports {
    pub(super) fn new(tempo: Tempo) -> Self {
        let settling = SETTLING.mul_f64(tempo.factor).max(LEAST_PATIENCE);
        Self { settling, ..Self::default() }
    }
}

impl Aws {
    /// Has the intent of every report written down by `intend`; without it no report is asked for.
    pub fn write_intents(&mut self, intend: impl Fn(&str) -> std::io::Result<Intent> + 'static) {
        self.reports.intend = Some(Box::new(intend));
    }

    /// Asks for an instance's report, once, and says what it proves.
    pub(super) async fn reported(&self, plan: &Plan, online: &Online, id: &InstanceId) -> Proof {
        let plan = of_report(plan, online);
        let asked = self.reports.asked.borrow().get(id).cloned();
        let asked = match asked {
            None => self.begin(&plan, id).await,
            Some(Asked::Throttled) => self.ask_for_report(&plan, id).await,
            Some(Asked::Doubted { since }) => self.settle_report(&plan, id, since).await,
            Some(it @ (Asked::Sent { .. } | Asked::Never { .. })) => it,
        };
        self.reports.asked.borrow_mut().insert(id.clone(), asked.clone());
        match asked {
            Asked::Throttled => Proof::Awaited("its report was throttled".to_owned()),
            Asked::Doubted { .. } => {
                Proof::Awaited("whether its report was asked for is looked for".to_owned())
            }
            Asked::Never { why } => Proof::Missing(why),
            Asked::Sent { command_id } => self.read_report(online, id, command_id).await,
        }
    }

    /// Writes the intent down, and asks; unless a process before this one may have.
    async fn begin(&self, plan: &Plan, id: &InstanceId) -> Asked {
        let Some(intend) = &self.reports.intend else {
            return Asked::Never { why: "its report was not asked for".to_owned() };
        };
        match intend(&token(plan, id)) {
            Ok(Intent::New) => self.ask_for_report(plan, id).await,
            Ok(Intent::Old) => self.settle_report(plan, id, Instant::now()).await,
            Err(err) => {
                let why = format!("its report was not asked for: the intent is not written: {err}");
                Asked::Never { why }
            }
        }
    }

    async fn ask_for_report(&self, plan: &Plan, id: &InstanceId) -> Asked {
        let request = SendRequest {
            token: token(plan, id),
            targets: SendTargets::Ids(vec![id.clone()]),
            max_concurrency: "1".to_owned(),
            max_errors: "0".to_owned(),
        };
        match self.send(plan, 0, request).await {
            Observed::Accepted { accepted, .. } => Asked::Sent { command_id: accepted.command_id },
            Observed::Refused { refusal: Refusal { kind: RefusalKind::Throttled, .. }, .. } => {
                Asked::Throttled
            }
            Observed::Refused { refusal, .. } => {
                let why = format!("its report was refused: {}: {}", refusal.code, refusal.message);
                Asked::Never { why }
            }
            _ => Asked::Doubted { since: Instant::now() },
        }
    }

    async fn settle_report(&self, plan: &Plan, id: &InstanceId, since: Instant) -> Asked {
        let is_late = since.elapsed() > self.reports.settling;
        let never = |why: String| Asked::Never {
            why: format!(
                "whether its report was asked for is not known, so it is not repeated: {why}"
            ),
        };
        match self.settle(plan, 0, &token(plan, id)).await {
            Observed::Settled { settlement: Settlement::Accepted(it), .. } => {
                Asked::Sent { command_id: it.command_id }
            }
            Observed::Settled { settlement: Settlement::Failed { is_denied, reason }, .. }
                if is_denied || is_late =>
            {
                never(reason)
            }
            _ if is_late => never("ListCommands does not show it".to_owned()),
            _ => Asked::Doubted { since },
        }
    }

    async fn read_report(&self, online: &Online, id: &InstanceId, command_id: String) -> Proof {
        let awaited = || Proof::Awaited(format!("{} reports", online.document));
        let rows = match self.read_rows(command_id, ReadScope::All).await {
            Observed::Read { rows, .. } => rows,
            Observed::ReadFailed { denial: Some(it), .. } => {
                return Proof::Missing(format!("its report cannot be read: {}", it.action));
            }
            _ => return awaited(),
        };
        let Some(row) = rows.iter().find(|it| it.instance_id == *id) else { return awaited() };
        if row.outcome().is_none() {
            return awaited();
        }
        told(
            online,
            code(row),
            &row.plugins.iter().map(|it| it.output.as_str()).collect::<String>(),
        )
    }
}

/// Returns the exit code of a document that has ended by itself.
fn code(row: &Row) -> Option<i32> {
    let is_own_end = matches!(row.status, Status::Success | Status::Failed);
    is_own_end.then(|| row.plugins.iter().find_map(|it| it.response_code)).flatten()
}

/// Goes into Comment: at most 100 characters.
fn token(plan: &Plan, id: &InstanceId) -> String {
    format!("fleet {} report {id}", plan.run_id)
}

/// Returns the plan by which the report is sent.
fn of_report(plan: &Plan, online: &Online) -> Plan {
    let document = Document {
        name: online.document.clone(),
        version: online.version.clone(),
        hash: online.hash.clone(),
        parameters: online.parameters.clone().into_iter().collect(),
        sidecar: None,
        dry_run: None,
        automation: None,
        replacement: None,
    };
    let dispatch = Dispatch::Ids { why: String::new() };
    Plan { document, dispatch, outputs: Outputs::default(), ..plan.clone() }
}
