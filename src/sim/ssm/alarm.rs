//! The CloudWatch alarm of a command: while it is in ALARM, what is pending does not run.
//! "In cases where we successfully retrieve an alarm status of OK or INSUFFICIENT_DATA, the …
//! command continues to run" (API reference, AlarmConfiguration).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Store,
    command::Command,
    status::{Cancel, Status},
};
use crate::sim::{elsewhere::AlarmState, state::State};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Configuration {
    ignore_poll_alarm_failure: bool,
    alarms: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
}

/// The alarm that a command heeds.
#[derive(Debug)]
pub(super) struct Watch {
    name: String,
    /// Whether the command goes on if the alarm cannot be read.
    goes_on_unread: bool,
    triggered: Option<Triggered>,
}

#[derive(Debug)]
struct Triggered {
    /// ALARM, or UNKNOWN if the alarm could not be read.
    state: &'static str,
    at: Timestamp,
}

impl Watch {
    pub(super) fn new(configuration: Configuration) -> Option<Self> {
        // The model allows exactly one.
        let name = configuration.alarms.into_iter().next()?.name;
        let goes_on_unread = configuration.ignore_poll_alarm_failure;
        Some(Self { name, goes_on_unread, triggered: None })
    }

    /// Returns why nothing more may be sent.
    fn objection(
        &self,
        alarms: &BTreeMap<String, (AlarmState, Timestamp)>,
    ) -> Option<&'static str> {
        match alarms.get(&self.name).map(|(it, _)| it) {
            Some(AlarmState::Alarm) => Some("ALARM"),
            Some(AlarmState::Ok | AlarmState::InsufficientData) => None,
            // An alarm that does not exist cannot be read.
            None => (!self.goes_on_unread).then_some("UNKNOWN"),
        }
    }
}

pub(super) fn configuration_json(watch: Option<&Watch>) -> Value {
    let names = watch.iter().map(|it| json!({ "Name": it.name }));
    json!({
        "IgnorePollAlarmFailure": watch.is_some_and(|it| it.goes_on_unread),
        "Alarms": names.collect::<Vec<_>>(),
    })
}

/// `TriggeredAlarms`, as it was at `as_of`.
pub(super) fn triggered_json(watch: Option<&Watch>, as_of: Option<Timestamp>) -> Value {
    let triggered = watch.and_then(|it| Some((&it.name, it.triggered.as_ref()?)));
    let triggered = triggered.filter(|(_, it)| as_of.is_none_or(|as_of| it.at <= as_of));
    triggered.map(|(name, it)| json!({ "Name": name, "State": it.state })).into_iter().collect()
}

/// An alarm has turned: every command that heeds it looks.
pub(crate) fn look_at_alarms(state: &mut State, at: Timestamp) {
    let State { ssm: Store { commands, active, .. }, alarms, .. } = state;
    for sequence in active.iter() {
        if let Some(command) = commands.get_mut(sequence) {
            command.look_at_alarm(at, alarms);
            command.wake.notify_one();
        }
    }
}

impl Command {
    /// Withholds what was not sent yet if the alarm says so; what runs, runs on. That those
    /// invocations are Cancelled is UNVERIFIED (D12).
    pub(super) fn look_at_alarm(
        &mut self,
        at: Timestamp,
        alarms: &BTreeMap<String, (AlarmState, Timestamp)>,
    ) {
        let Some(watch) = &mut self.alarm else { return };
        let Some(state) = watch.objection(alarms) else { return };
        watch.triggered.get_or_insert(Triggered { state, at });
        self.pace.stop();
        if self.cancel == Cancel::None {
            self.cancel = Cancel::Some;
        }
        self.withhold(Status::Cancelled, at);
    }
}
