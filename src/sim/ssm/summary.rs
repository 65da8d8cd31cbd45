//! A command as a whole: its status and its counts, now or as they were.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    alarm,
    command::{Command, Invocation},
    status::{Cancel, Status, Tally},
    view::epoch,
};

pub(super) struct Summary<'a> {
    pub command: &'a Command,
    /// `None`: the command's own.
    tally: Option<Tally>,
    resolved: bool,
    cancel: Cancel,
    as_of: Option<Timestamp>,
}

impl<'a> Summary<'a> {
    pub(super) fn of(command: &'a Command) -> Self {
        Self {
            command,
            tally: None,
            resolved: command.resolved,
            cancel: command.cancel,
            as_of: None,
        }
    }

    /// As it was at an earlier instant.
    pub(super) fn past(command: &'a Command, at: Timestamp) -> Self {
        let mut tally = Tally::default();
        command.invocations.iter().for_each(|it| tally.add(it.status_at(at)));
        let is_by_id = !command.echo.instance_ids.is_empty();
        let resolved = command.resolved && (is_by_id || command.visible <= at);
        let ended = tally.completed() == tally.total();
        let cancel = if ended { command.cancel } else { Cancel::None };
        Self { command, tally: Some(tally), resolved, cancel, as_of: Some(at) }
    }

    pub(super) fn status(&self) -> (&'static str, &'static str) {
        match (self.resolved, self.cancel) {
            (true, _) if self.command.is_shut_out => ("Failed", "AccessDenied"),
            (true, cancel) => self.tally().command_status(self.command.max_errors, cancel),
            (false, Cancel::All) => ("Cancelling", "Cancelling"),
            (false, Cancel::None | Cancel::Some) => ("Pending", "Pending"),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.resolved && self.tally().completed() == self.tally().total()
    }

    fn tally(&self) -> &Tally {
        self.tally.as_ref().unwrap_or(&self.command.tally)
    }

    /// The `Command` of SendCommand and ListCommands, fillers included (aws-facts §1.6).
    pub(super) fn to_json(&self) -> Value {
        let command = self.command;
        let (status, details) = self.status();
        let tally = self.tally();
        let echo = &command.echo;
        json!({
            "CommandId": command.id,
            "DocumentName": command.document,
            "DocumentVersion": command.version,
            "Comment": echo.comment,
            "ExpiresAfter": epoch(command.expires),
            "Parameters": echo.parameters,
            "InstanceIds": echo.instance_ids,
            "Targets": echo.targets,
            "RequestedDateTime": epoch(command.requested),
            "Status": status,
            "StatusDetails": details,
            "OutputS3Region": "",
            "OutputS3BucketName": echo.bucket.as_ref().map_or("", |it| &it.name),
            "OutputS3KeyPrefix": echo.key_prefix,
            "MaxConcurrency": echo.max_concurrency,
            "MaxErrors": echo.max_errors,
            "TargetCount": self.target_count(),
            "CompletedCount": tally.completed(),
            "ErrorCount": tally.errors(),
            "DeliveryTimedOutCount": tally.of(Status::DeliveryTimedOut),
            "ServiceRole": echo.service_role,
            "NotificationConfig": echo.notifications,
            "CloudWatchOutputConfig": echo.log_config(),
            "TimeoutSeconds": echo.timeout_seconds,
            "AlarmConfiguration": alarm::configuration_json(command.alarm.as_ref()),
            "TriggeredAlarms": alarm::triggered_json(command.alarm.as_ref(), self.as_of),
        })
    }

    /// Explicit ids are counted at once, targets when they are resolved (aws-facts §1.2).
    fn target_count(&self) -> usize {
        if self.resolved { self.tally().total() } else { self.command.echo.instance_ids.len() }
    }
}

impl Invocation {
    /// Its status at an earlier instant, as far as it is remembered.
    fn status_at(&self, at: Timestamp) -> Status {
        match (self.ended, self.started) {
            (Some(ended), _) if ended <= at => self.status,
            (_, Some(started)) if started <= at => Status::InProgress,
            _ => Status::Pending,
        }
    }

    /// The invocation as it was at an earlier instant.
    pub(super) fn rewound(&self, at: Timestamp) -> Self {
        let is_ended = self.ended.is_some_and(|it| it <= at);
        Self {
            chosen: self.chosen.clone(),
            requested: self.requested,
            status: self.status_at(at),
            sent: self.sent,
            running: None,
            started: self.started.filter(|it| *it <= at),
            ended: self.ended.filter(|it| *it <= at),
            outcome: self.outcome,
            results: self.results.clone().filter(|_| is_ended),
            trace: if is_ended { self.trace.clone() } else { String::new() },
        }
    }
}
