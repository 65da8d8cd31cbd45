//! What other services of the account hold, as far as Run Command asks for it: S3 buckets, SNS
//! topics, CloudWatch alarms, resource groups. Alarms can be asked for (`cloudwatch`), and what is in
//! buckets (`archive`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::state::Since;

/// What a world declares of those services.
#[derive(Debug, Clone, Default)]
pub(crate) struct Elsewhere {
    pub buckets: BTreeSet<String>,
    /// The groups whose instances have a profile that may not write to buckets and log groups.
    pub shut_out: BTreeSet<String>,
    /// By ARN.
    pub topics: BTreeSet<String>,
    /// The tags that an instance has if it is in the group; by the group's name.
    pub resource_groups: BTreeMap<String, BTreeMap<String, String>>,
    pub alarms: Vec<Alarm>,
    /// The names of the account's roles; none: every role is taken to exist.
    pub roles: BTreeSet<String>,
}

/// One `[[alarm]]` of the world.
#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    pub name: String,
    /// Its state when the world starts.
    pub state: AlarmState,
    /// What becomes of it.
    pub turn: Option<Turn>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub to: AlarmState,
    pub after: Duration,
    pub since: Since,
}

/// An alarm's state, as CloudWatch has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AlarmState {
    Ok,
    Alarm,
    InsufficientData,
}

impl AlarmState {
    /// Returns CloudWatch's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}
