//! ListCommands and ListCommandInvocations: filters and pages, newest first (D9).

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    command::{Command, Invocation},
    page,
    shapes::LIST_COMMANDS,
    summary::Summary,
    validate::{self, invalid},
};
use crate::sim::api::{ApiError, Call, Facts};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    command_id: Option<String>,
    instance_id: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
    filters: Vec<Filter>,
    details: bool,
}

/// Its members are lower-case on the wire, unlike every other filter's.
#[derive(Deserialize)]
struct Filter {
    key: String,
    value: String,
}

/// The filters, understood.
#[derive(Default)]
struct Wanted {
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    status: Option<String>,
    complete: Option<bool>,
    document: Option<String>,
}

const DEFAULT_PAGE: usize = 50;

const COMMAND_STATUSES: [&str; 12] = [
    "Pending",
    "InProgress",
    "Success",
    "Cancelled",
    "Failed",
    "TimedOut",
    "AccessDenied",
    "DeliveryTimedOut",
    "ExecutionTimedOut",
    "Incomplete",
    "NoInstancesInTag",
    "LimitExceeded",
];

const INVOCATION_STATUSES: [&str; 13] = [
    "Pending",
    "InProgress",
    "Delayed",
    "Success",
    "Cancelled",
    "Failed",
    "TimedOut",
    "AccessDenied",
    "DeliveryTimedOut",
    "ExecutionTimedOut",
    "Undeliverable",
    "InvalidPlatform",
    "Terminated",
];

pub(super) fn list_commands(call: &Call, body: &Value) -> Result<Value, ApiError> {
    call.authorize("ssm:ListCommands", None, &Facts::default())?;
    let request: Request = validate::request(LIST_COMMANDS, body)?;
    let wanted = Wanted::read(&request.filters, &COMMAND_STATUSES)?;
    if request.instance_id.is_some() && wanted.status.as_deref() == Some("Pending") {
        return Err(invalid("InstanceId can't be combined with the status Pending"));
    }
    let now = call.as_of.unwrap_or_else(|| call.sim.clock.now());
    let state = call.sim.state.borrow();
    let (from, _) =
        start(page::place(&page::list("commands", body), request.next_token.as_deref())?)?;
    let shown = |it| match call.as_of {
        None => Summary::of(it),
        Some(at) => Summary::past(it, at),
    };
    let matching = |it: &Summary| {
        let (status, details) = it.status();
        let (summary, it) = (it, it.command);
        it.requested <= now
            && request.concerns(it)
            && wanted.command(it)
            && wanted.requested(it.requested)
            && wanted.complete.is_none_or(|complete| complete == summary.is_finished())
            && wanted.status.as_ref().is_none_or(|wanted| {
                details == wanted || (wanted == "TimedOut" && status == "TimedOut")
            })
            && request.instance_id.as_ref().is_none_or(|id| it.concerns(id, now))
    };
    let newest_first = state.ssm.commands.range(..=from).rev().map(|(_, it)| it);
    let mut found = newest_first.map(shown).filter(matching);
    let size = call.pages.of(request.max_results.unwrap_or(DEFAULT_PAGE));
    let commands: Vec<Value> = found.by_ref().take(size).map(|it| it.to_json()).collect();
    let mut res = json!({ "Commands": commands });
    if let Some(next) = found.next() {
        res["NextToken"] =
            page::token(&page::list("commands", body), &format!("{}.0", next.command.sequence))
                .into();
    }
    Ok(res)
}

pub(super) fn list_command_invocations(call: &Call, body: &Value) -> Result<Value, ApiError> {
    call.authorize("ssm:ListCommandInvocations", None, &Facts::default())?;
    let request: Request = validate::request(LIST_COMMANDS, body)?;
    if request.filters.iter().any(|it| it.key == "ExecutionStage") {
        return Err(ApiError::bare("InvalidFilterKey"));
    }
    let wanted = Wanted::read(&request.filters, &INVOCATION_STATUSES)?;
    let sim = &call.sim;
    let now = call.as_of.unwrap_or_else(|| sim.clock.now());
    let state = sim.state.borrow();
    let (from, first) =
        start(page::place(&page::list("invocations", body), request.next_token.as_deref())?)?;
    let size = call.pages.of(request.max_results.unwrap_or(DEFAULT_PAGE));
    let mut rows = Vec::new();
    let newest_first = state.ssm.commands.range(request.range(from, &state.ssm)).rev();
    let visible = newest_first
        .map(|(_, it)| it)
        .filter(|it| it.visible <= now && request.concerns(it) && wanted.command(it));
    for command in visible {
        let skipped = if command.sequence == from { first } else { 0 };
        for (place, invocation) in request.invocations_of(command, skipped) {
            let rewound = call.as_of.map(|at| invocation.rewound(at));
            let invocation = rewound.as_ref().unwrap_or(invocation);
            if !wanted.invocation(invocation) {
                continue;
            }
            if rows.len() == size {
                let next = format!("{}.{place}", command.sequence);
                let next = page::token(&page::list("invocations", body), &next);
                return Ok(json!({ "CommandInvocations": rows, "NextToken": next }));
            }
            rows.push(if request.details {
                command.detailed_invocation_json(invocation, &sim.region)
            } else {
                command.invocation_json(invocation)
            });
        }
    }
    Ok(json!({ "CommandInvocations": rows }))
}

impl Request {
    fn concerns(&self, command: &Command) -> bool {
        self.command_id.as_ref().is_none_or(|it| *it == command.id)
    }

    /// One command, if the request names one: the history may be long.
    fn range(&self, from: u64, store: &super::Store) -> std::ops::RangeInclusive<u64> {
        match self.command_id.as_ref().and_then(|it| store.by_id.get(it)) {
            Some(sequence) if *sequence <= from => *sequence..=*sequence,
            Some(_) | None => 0..=from,
        }
    }

    /// Counts from the newest, which is the last one that was sent.
    fn invocations_of<'a>(
        &self,
        command: &'a Command,
        skipped: usize,
    ) -> Box<dyn Iterator<Item = (usize, &'a Invocation)> + 'a> {
        match &self.instance_id {
            None => Box::new(command.invocations.iter().rev().enumerate().skip(skipped)),
            Some(id) => {
                let found = command.by_instance.get(id).and_then(|index| {
                    let place = command.invocations.len().checked_sub(index + 1)?;
                    Some((place, command.invocations.get(*index)?))
                });
                Box::new(found.filter(|(place, _)| *place >= skipped).into_iter())
            }
        }
    }
}

impl Command {
    fn concerns(&self, instance: &str, now: Timestamp) -> bool {
        self.by_instance.contains_key(instance) && self.visible <= now
            || self.echo.instance_ids.iter().any(|it| it == instance)
    }
}

impl Wanted {
    fn read(filters: &[Filter], statuses: &[&str]) -> Result<Self, ApiError> {
        let mut res = Self::default();
        for Filter { key, value } in filters {
            // UNVERIFIED: how AWS refuses a value that the key does not know.
            let refused =
                || invalid(format!("Value '{value}' is not valid for filter key '{key}'"));
            match key.as_str() {
                "InvokedAfter" => res.after = Some(value.parse().map_err(|_| refused())?),
                "InvokedBefore" => res.before = Some(value.parse().map_err(|_| refused())?),
                "DocumentName" => res.document = Some(value.clone()),
                "Status" if statuses.contains(&value.as_str()) => res.status = Some(value.clone()),
                "ExecutionStage" if value == "Executing" => res.complete = Some(false),
                "ExecutionStage" if value == "Complete" => res.complete = Some(true),
                _ => return Err(refused()), // the keys were validated
            }
        }
        Ok(res)
    }

    fn command(&self, command: &Command) -> bool {
        self.document.as_ref().is_none_or(|it| *it == command.document)
    }

    /// "Occurring … and later" includes the instant, "before" does not.
    fn requested(&self, at: Timestamp) -> bool {
        self.after.is_none_or(|it| at >= it) && self.before.is_none_or(|it| at < it)
    }

    fn invocation(&self, invocation: &Invocation) -> bool {
        self.requested(invocation.requested)
            && self.status.as_ref().is_none_or(|it| invocation.status.matches(it))
    }
}

/// Where a page starts: at a command's sequence and a place among its invocations, from the newest.
fn start(place: Option<String>) -> Result<(u64, usize), ApiError> {
    let Some(place) = place else { return Ok((u64::MAX, 0)) };
    let parts = place.split_once('.').ok_or_else(page::invalid)?;
    match (parts.0.parse(), parts.1.parse()) {
        (Ok(sequence), Ok(index)) => Ok((sequence, index)),
        (Ok(_) | Err(_), _) => Err(page::invalid()),
    }
}
