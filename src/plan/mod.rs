//! What will be done: targets, document, limits, waves. Nothing is sent without a [`Plan`].
//! It knows no AWS type, no clock and no IO, and a plan is never recomputed during its run.

mod acting;
mod automation;
mod build;
mod ceilings;
mod compare;
mod document_policy;
mod durations;
mod finding;
mod ids;
mod limits;
mod outputs;
mod parameters;
mod policy;
mod privilege;
mod recovery;
mod redaction;
mod replacement;
mod rescue_policy;
mod rollout;
mod selector;
mod sequel;
mod session;
mod sidecar;
mod target;
mod wave;
mod words;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    acting::{ASSUME_ROLE, Acting, AssumeRole, check_roles},
    automation::{Automation, DocumentKind, NoTargetParameter, client_token, target_parameter},
    build::{Draft, Refusal, build},
    ceilings::{AboveCeiling, Ceiling, CeilingRule, Ceilings, DocumentPattern},
    compare::differences,
    document_policy::document_policy,
    durations::{parse_deadline, parse_delivery_timeout, parse_session_length},
    finding::{Finding, Verdict},
    ids::{InstanceId, NotAnInstanceId, RunId},
    limits::{BadLimit, Bound, Limit, Limits},
    outputs::{BadPlace, Outputs, S3Place, parse_log_group},
    parameters::{BadParameter, Declared, Parameters, Suspicion, check as check_parameters},
    policy::{
        PolicyTooLong, planning_actions, reaching, reading_policy, session_permissions,
        session_policy,
    },
    privilege::{
        Condition, Documents, Fitting, Grant, LONGEST_MANAGED_POLICY, LONGEST_ROLE_POLICY,
        LONGEST_SESSION_POLICY, Level, Manner, Needs, Permission, Policy, Purpose, Resource, Scope,
        Statement, fit, grant, is_account, is_reserved_name, union,
    },
    recovery::{Before, Online, Recovery},
    redaction::{REDACTED, Redaction},
    replacement::{IRREVOCABLE, Replacement, TERMINATION, activities_of, awaited_by},
    rescue_policy::{CHANGES_OF_GROUPS, MENDS, replacing_policy, rescue_policy},
    rollout::{BadWaves, Rollout, ShrinkingWave},
    selector::{NotATag, Selector, Tag},
    sequel::Sequel,
    session::{
        check_session_tag, parse_external_id, parse_mfa_serial, parse_mfa_token,
        parse_source_identity,
    },
    sidecar::{FindingFormat, NotAPath, RolloutDefaults, Sidecar, ValuePath},
    target::{Agent, Excluded, Exclusion, Include, Platform, Refused, Target, exclusion},
    wave::Wave,
    words::{count, plural},
};

/// The `schema` of a plan that this version writes.
pub const SCHEMA: &str = "fleet.plan/v1";

/// The code of the note that nobody could read of which type the document is.
pub const UNTYPED: &str = "document.untyped";

/// The most ids that one SendCommand takes (botocore model).
pub const IDS_PER_COMMAND: usize = 50;

/// The most values of one tag that SendCommand takes as targets (SSM guide).
pub const VALUES_PER_TAG: usize = 5;

/// The tag that EC2 Auto Scaling puts on each of a group's instances.
pub const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// Everything that a run will do, resolved. The same value is shown, stored, and executed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub schema: String,
    pub run_id: RunId,
    pub parent_id: Option<RunId>,
    pub created: Timestamp,
    pub tool_version: String,
    /// Why the operator runs this, in their words.
    pub reason: Option<String>,
    pub operator: Operator,
    pub account: Option<String>,
    pub region: String,
    /// It is for a simulator that lives no longer than the run.
    #[serde(default)]
    pub is_simulated: bool,
    /// It was in a file before it was to be carried out, so that somebody could look at it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_written: bool,
    pub selector: Selector,
    /// The groups that the selector named or matched, in their order. Plans of older versions have
    /// none.
    #[serde(default)]
    pub groups: Vec<String>,
    pub document: Document,
    pub limits: Limits,
    /// Seconds within which an instance must begin, or SSM gives up on it: 30 to 2592000.
    pub delivery_timeout: u32,
    /// Seconds from the start after which nothing more is sent and what runs is cancelled.
    pub deadline: Option<u64>,
    pub dispatch: Dispatch,
    pub population: Population,
    pub waves: Vec<Wave>,
    /// How the waves were asked for.
    #[serde(default)]
    pub rollout: Rollout,
    /// Where the output goes besides SSM, and whether all of it is fetched.
    #[serde(default, skip_serializing_if = "Outputs::is_default")]
    pub outputs: Outputs,
    /// What is run over the same instances once this has come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Box<Sequel>>,
    pub notes: Vec<Note>,
}

/// Who runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operator {
    pub caller_arn: Option<String>,
    pub role_arn: Option<String>,
    pub session_name: Option<String>,
}

/// The document and what it is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// A name, or the ARN of a shared document.
    pub name: String,
    /// A number, pinned, or absent where the document could not be described.
    pub version: Option<String>,
    /// SHA-256 of the content, in hexadecimal.
    pub hash: Option<String>,
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub parameters: Parameters,
    /// What it declares besides, as it stood when the plan was made: how its findings are read, and
    /// how it is rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<Sidecar>,
    /// Whether its parameters make it tell what it would change, instead of changing it. Absent
    /// where it declares none that do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// How it is run over instances, if it is an Automation document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation: Option<Automation>,
    /// The groups that replace the instances, if no document runs at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Replacement>,
}

impl Document {
    pub fn kind(&self) -> DocumentKind {
        match (&self.automation, &self.replacement) {
            (_, Some(_)) => DocumentKind::Replacement,
            (Some(_), None) => DocumentKind::Automation,
            (None, None) => DocumentKind::Command,
        }
    }

    /// Returns whether SSM hands it to instances, within a time of its own.
    pub fn is_delivered(&self) -> bool {
        self.kind() == DocumentKind::Command
    }

    /// Returns how what it prints is read as findings, if it says so.
    pub fn findings(&self) -> Option<&FindingFormat> {
        self.sidecar.as_ref()?.findings.as_ref()
    }
}

/// How the instances are named to SSM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Dispatch {
    /// One command; SSM resolves the tag and keeps the limits, fleet watches them.
    Tag { key: String, values: Vec<String>, why: String },
    /// At most 50 ids a command; fleet keeps the limits across the commands.
    Ids { why: String },
}

impl Dispatch {
    pub fn why(&self) -> &str {
        match self {
            Self::Tag { why, .. } | Self::Ids { why } => why,
        }
    }
}

/// Who is in and who is out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Population {
    /// False where the caller may not list the group: whoever answers is the population then.
    pub is_listed: bool,
    pub planned: Vec<Target>,
    pub excluded: Vec<Excluded>,
}

/// Something the reader of a plan or a report should know, which is not a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// A stable word, such as `permission.missing`.
    pub code: String,
    pub text: String,
}

impl Note {
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into() }
    }
}

impl Plan {
    /// Returns the most instances that one send reaches by their ids: an execution is for one.
    pub fn ids_per_send(&self) -> usize {
        match self.document.kind() {
            DocumentKind::Command => IDS_PER_COMMAND,
            DocumentKind::Automation | DocumentKind::Replacement => 1,
        }
    }

    /// Returns how many instances are planned, or `None` while the population is not listed.
    pub fn planned(&self) -> Option<u32> {
        let planned = u32::try_from(self.population.planned.len()).unwrap_or(u32::MAX);
        self.population.is_listed.then_some(planned)
    }
}
