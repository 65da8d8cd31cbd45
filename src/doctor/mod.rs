//! What would not work in an incident, found before it. It only reads: the session that it opens
//! may do nothing else.
//!
//! A check is one value: its name, the actions that it needs, and a function that looks. Adding one
//! means a file beside this one, and its name in `CHECKS`.

mod agents;
mod caller;
mod canned;
mod ceilings;
mod clock;
mod document;
mod files;
mod group;
mod narrowing;
mod outlook;
mod outputs;
mod permissions;
mod questions;
mod refresh;
mod region;
mod role;
mod sending;
mod state;

use std::{collections::BTreeSet, path::PathBuf, rc::Rc, time::Duration};

use futures::future::{LocalBoxFuture, join, join_all};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::{
    aws::{Aws, AwsError, ErrorKind, Found, Resolved},
    error::Error,
    output::Diagnosis,
    plan::{Agent, Ceilings, Finding, Outputs, Parameters, Plan, Selector, Target, Verdict},
};

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// All checks, in the order in which they are shown.
const CHECKS: [&Check; 19] = [
    &files::CONFIGURATION,
    &region::REGION,
    &caller::CREDENTIALS,
    &role::ROLE,
    &narrowing::NARROWING,
    &permissions::READS,
    &sending::SEND,
    &group::GROUP,
    &group::PROCESSES,
    &refresh::REFRESH,
    &agents::AGENTS,
    &document::DOCUMENT,
    &document::PARAMETERS,
    &outlook::PLAN,
    &outputs::OUTPUTS,
    &ceilings::CEILINGS,
    &canned::CANNED,
    &clock::CLOCK,
    &state::STATE,
];

/// Those that are about one document, as they are called for the one that follows.
const OF_THE_SEQUEL: [(&Check, &str); 6] = [
    (&narrowing::NARROWING, "then session"),
    (&sending::SEND, "then send"),
    (&document::DOCUMENT, "then document"),
    (&document::PARAMETERS, "then parameters"),
    (&outlook::PLAN, "then plan"),
    (&ceilings::CEILINGS, "then ceilings"),
];

/// One thing that is looked at.
pub struct Check {
    pub name: &'static str,
    /// The actions of IAM that it needs to see anything.
    pub reads: &'static [&'static str],
    look: for<'a> fn(&'a Site) -> LocalBoxFuture<'a, Vec<Finding>>,
}

/// What a check looks at.
pub struct Site {
    /// Files that are followed, for people.
    pub configuration: Result<Vec<String>, Trouble>,
    pub region: Result<String, Trouble>,
    /// The caller's own credentials.
    pub caller: Result<Rc<Aws>, Trouble>,
    pub role_arn: Option<String>,
    /// The role's session, if a role was named and could be tried; without a role the caller's own
    /// credentials are used.
    pub session: Option<Result<Rc<Aws>, Trouble>>,
    pub selector: Selector,
    pub population: Option<Result<Resolved, Trouble>>,
    /// What the flags would have run, if they say it.
    pub asked: Option<Result<Asked, Trouble>>,
    pub outlook: Outlook,
    pub ceilings: Ceilings,
    pub narrowing: Narrowing,
    /// Where output would go, and whether it would be fetched.
    pub outputs: Outputs,
    pub state_directory: Option<PathBuf>,
    /// What this machine takes the time for.
    pub now: Box<dyn Fn() -> Timestamp>,
}

/// What is to follow the run that the flags would make.
pub enum Following {
    Nothing,
    /// That run has no plan yet, from which whom and what this is for would follow.
    Unplanned,
    Planned(Box<Site>),
}

/// A document, with what it would be given.
pub struct Asked {
    pub name: String,
    pub parameters: Parameters,
    /// `None` where there is no session to look with.
    pub found: Option<Result<Found, Trouble>>,
}

/// What becomes of the flags as a plan.
pub enum Outlook {
    /// They do not say whom, or what.
    Unasked,
    /// Another check has the reason why there is none.
    Blocked,
    Refused(Trouble),
    Planned(Box<Plan>),
}

/// The session policy that a run with these flags would pass to STS.
pub enum Narrowing {
    /// No role is assumed, or the flags do not say what for.
    Unasked,
    /// The user has chosen to pass none.
    NotWanted,
    /// Of the user's own; in characters.
    Written {
        length: usize,
    },
    /// In characters, and what was given up for it.
    Made {
        length: usize,
        folded: Option<&'static str>,
    },
    Refused(Trouble),
    /// What it would be about is not known.
    Open,
}

/// What went wrong, and what would help.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub said: String,
    pub remedy: String,
}

/// Looks at everything at once; each check has `PATIENCE`, and the order is always the same.
pub async fn examine(site: &Site, following: &Following) -> Diagnosis {
    let looks = join_all(CHECKS.iter().map(|check| look(check, site)));
    let sequel = async {
        match following {
            Following::Nothing => Vec::new(),
            Following::Unplanned => {
                let said = "not weighed: the run that it is to follow has no plan yet";
                vec![unknown("then", said, "see the checks above that did not pass")]
            }
            Following::Planned(site) => {
                let looks = OF_THE_SEQUEL.iter().map(|(check, name)| async move {
                    let found = look(check, site).await.into_iter();
                    found.map(|it| Finding { check: name, ..it }).collect::<Vec<_>>()
                });
                join_all(looks).await.concat()
            }
        }
    };
    let (checks, sequel) = join(looks, sequel).await;
    let checks: Vec<Finding> = checks.into_iter().flatten().chain(sequel).collect();
    let caller = site.session().or(site.caller.as_deref().ok());
    let caller_arn = caller.and_then(|it| it.operator.caller_arn.clone());
    Diagnosis::new(site.region.as_ref().ok().cloned(), caller_arn, site.role_arn.clone(), checks)
}

async fn look(check: &Check, site: &Site) -> Vec<Finding> {
    match timeout(PATIENCE, (check.look)(site)).await {
        Ok(findings) => findings,
        Err(_) => {
            let said = format!("no answer within {} s", PATIENCE.as_secs());
            vec![unknown(check.name, said, "check the network, and the service's health")]
        }
    }
}

/// Returns the actions that all checks need, each once: what a role's session is for here.
pub fn actions() -> Vec<&'static str> {
    let actions: BTreeSet<&str> = CHECKS.iter().flat_map(|it| it.reads).copied().collect();
    actions.into_iter().collect()
}

impl Trouble {
    /// Returns what an error says, on one line, and its hints.
    pub fn of(err: Error) -> Self {
        let Error { message, causes, hints, .. } = err;
        let said = [vec![message], causes].concat().join(": ");
        let remedy =
            if hints.is_empty() { "see what it says".to_owned() } else { hints.join("; ") };
        Self { said, remedy }
    }
}

impl Site {
    /// Returns the connection that a run would use, if there is one.
    pub fn session(&self) -> Option<&Aws> {
        match &self.session {
            Some(session) => session.as_deref().ok(),
            None => self.caller.as_deref().ok(),
        }
    }

    fn candidates(&self) -> Option<&[Target]> {
        self.population.as_ref()?.as_ref().ok()?.candidates.as_deref()
    }

    fn count(&self, agent: Agent) -> Vec<&Target> {
        self.candidates().unwrap_or_default().iter().filter(|it| it.agent == agent).collect()
    }
}

fn pass(check: &'static str, said: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Pass, said: said.into(), remedy: None }
}

fn warn(check: &'static str, said: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Warn, said: said.into(), remedy: Some(remedy.into()) }
}

fn fail(check: &'static str, said: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Fail, said: said.into(), remedy: Some(remedy.into()) }
}

fn unknown(check: &'static str, said: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { check, verdict: Verdict::Unknown, said: said.into(), remedy: Some(remedy.into()) }
}

/// Returns that nothing can be seen from here, because there is no session.
fn unreached(check: &'static str) -> Finding {
    unknown(check, "not looked at: there is no session", "see the checks above that failed")
}

/// Returns what a read that failed says: what may not be read is unknown; what the endpoint does not
/// answer now, it may not answer in the incident.
fn unread(check: &'static str, err: &AwsError) -> Finding {
    match err.kind {
        ErrorKind::Denied => {
            let said = format!("{} is not permitted", err.action());
            let remedy = format!("a policy that allows {} would show it", err.action());
            unknown(check, said, remedy)
        }
        ErrorKind::Throttled => unknown(check, err.to_string(), "ask again later"),
        ErrorKind::BadCredentials
        | ErrorKind::SessionOver
        | ErrorKind::NoCredentials
        | ErrorKind::Unreachable
        | ErrorKind::Refused
        | ErrorKind::Ambiguous => {
            let remedy = "the endpoint does not answer this read: check the network, the VPC \
                          endpoint, and the service's health";
            fail(check, err.to_string(), remedy)
        }
    }
}

/// How many names a finding lists.
const NAMED: usize = 3;

/// Returns the first names, and how many there are beyond them.
fn some_of<T: std::fmt::Display>(names: impl ExactSizeIterator<Item = T>) -> String {
    let n_more = names.len().saturating_sub(NAMED);
    let shown: Vec<String> = names.take(NAMED).map(|it| it.to_string()).collect();
    let shown = shown.join(", ");
    if n_more == 0 { shown } else { format!("{shown} and {n_more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_check_needs_changes_anything() {
        for action in actions() {
            let verb = action.split(':').nth(1).unwrap_or_default();
            let is_read =
                ["Describe", "Get", "List", "Simulate"].iter().any(|it| verb.starts_with(it));
            assert!(is_read, "{action}");
        }
    }

    #[test]
    fn what_a_check_needs_is_called_by_the_name_that_a_denial_has() {
        for it in actions() {
            let operation = it.split(':').nth(1).unwrap_or_default();
            let kind = ErrorKind::Denied;
            let (code, message) = (String::new(), String::new());
            let err = AwsError { operation, kind, code, message, request_id: None };
            assert_eq!(err.action(), it);
        }
    }

    #[test]
    fn every_check_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = CHECKS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), CHECKS.len());
    }
}
