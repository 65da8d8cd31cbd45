//! An execution of a runbook as Automation remembers it.
//! It holds; `engine` moves, and `view` shows.

use std::{collections::BTreeMap, rc::Rc};

use jiff::Timestamp;
use serde_json::Value;

use super::{rate::Rate, runbook::Runbook, support::Permits};
use crate::sim::ssm::{content::Content, parameters::Given};

pub(in crate::sim::ssm) struct Execution {
    /// Ascends with every execution: the position in lists, and the paging key.
    pub sequence: u64,
    pub id: String,
    /// The short name.
    pub document: String,
    /// A number, whatever the caller wrote.
    pub version: String,
    pub content: Rc<Content>,
    pub runbook: Rc<Runbook>,
    pub requested: Timestamp,
    pub ended: Option<Timestamp>,
    pub status: Status,
    /// With the declared defaults of those that were not given.
    pub parameters: Given,
    /// The instances that its parameters name.
    pub instances: Vec<String>,
    /// The role that it acts with; empty: the caller's own permissions.
    pub role: String,
    pub permits: Permits,
    pub executed_by: String,
    pub tags: BTreeMap<String, String>,
    /// In the order of the document, also those that have not begun. None of a parent's.
    pub steps: Vec<StepRun>,
    pub current: Option<usize>,
    /// How many steps have begun.
    pub begun: usize,
    pub failure_message: Option<String>,
    /// A critical step has failed, wherever it led.
    pub is_doomed: bool,
    /// It was asked to stop.
    pub stop: Option<Stop>,
    /// It was cancelled, and plays the step that onCancel led to.
    pub is_unwinding: bool,
    /// What is due for it has this number, or is due no longer.
    pub tick: u64,
    pub parent: Option<Parent>,
    /// It starts executions, one a target, and has no steps of its own.
    pub rate: Option<Rate>,
    /// What a step of AWS's runbooks leaves to a later one.
    pub memory: BTreeMap<&'static str, String>,
}

/// The execution that started this one, and for which of its targets.
#[derive(Debug, Clone)]
pub(in crate::sim::ssm) struct Parent {
    pub sequence: u64,
    pub id: String,
    pub child: usize,
    pub target: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim::ssm) enum Stop {
    Cancel,
    /// What runs is completed, and nothing else begins.
    Complete,
}

/// AutomationExecutionStatus, as far as executions here get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim::ssm) enum Status {
    Pending,
    InProgress,
    Waiting,
    Success,
    TimedOut,
    Cancelling,
    Cancelled,
    Failed,
}

/// One step of an execution.
#[derive(Debug, Clone)]
pub(in crate::sim::ssm) struct StepRun {
    pub id: String,
    pub status: Status,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub inputs: BTreeMap<String, String>,
    pub outputs: BTreeMap<String, Vec<String>>,
    pub failure: Option<Failure>,
}

/// Why a step failed.
#[derive(Debug, Clone)]
pub(in crate::sim::ssm) struct Failure {
    /// AWS's whole sentence.
    pub message: String,
    pub stage: &'static str,
    pub kind: &'static str,
}

impl Status {
    pub(super) const ALL: [Self; 8] = [
        Self::Pending,
        Self::InProgress,
        Self::Waiting,
        Self::Success,
        Self::TimedOut,
        Self::Cancelling,
        Self::Cancelled,
        Self::Failed,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Waiting => "Waiting",
            Self::Success => "Success",
            Self::TimedOut => "TimedOut",
            Self::Cancelling => "Cancelling",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::TimedOut | Self::Cancelled | Self::Failed)
    }

    /// Whether it takes one of the account's places for executions that run.
    pub(super) fn is_running(self) -> bool {
        !self.is_terminal() && self != Self::Pending
    }
}

/// Replaces the references in a text, `{{ name }}` with or without spaces, by their values. Those that
/// have none stay.
pub(super) fn substituted(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut res = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        res.push_str(before);
        match value(name.trim()) {
            Some(it) => res.push_str(&it),
            None => res.extend(["{{", name, "}}"]),
        }
        rest = behind;
    }
    res.push_str(rest);
    res
}

impl Execution {
    /// Returns the value of an output of a step that has succeeded, such as `runCommand.Output`.
    pub(super) fn output(&self, name: &str) -> Option<&Vec<String>> {
        let (step, output) = name.split_once('.')?;
        self.steps.get(self.runbook.place(step)?)?.outputs.get(output)
    }

    /// Replaces what a text refers to: parameters, outputs of steps, and what Automation knows.
    pub(super) fn resolve(&self, text: &str) -> String {
        substituted(text, |name| self.value(name))
    }

    fn value(&self, name: &str) -> Option<String> {
        let joined = |it: &Vec<String>| match it.as_slice() {
            [one] => one.clone(),
            several => Value::from(several.to_vec()).to_string(),
        };
        match name {
            "automation:EXECUTION_ID" => Some(self.id.clone()),
            "global:DATE" => Some(self.requested.strftime("%Y-%m-%d").to_string()),
            "global:DATE_TIME" => Some(self.requested.strftime("%Y-%m-%d_%H.%M.%S").to_string()),
            _ => self.parameters.get(name).or_else(|| self.output(name)).map(joined),
        }
    }

    /// Returns what a step is given, as its execution shows it: every value as JSON.
    pub(super) fn inputs(&self, step: usize) -> BTreeMap<String, String> {
        let Some(step) = self.runbook.steps.get(step) else { return BTreeMap::new() };
        let shown = |it: &Value| self.replaced(it).to_string();
        step.inputs.iter().map(|(name, it)| (name.clone(), shown(it))).collect()
    }

    fn replaced(&self, value: &Value) -> Value {
        match value {
            // A reference alone keeps its kind.
            Value::String(it) => {
                match it.trim().strip_prefix("{{").and_then(|it| it.strip_suffix("}}")) {
                    Some(name) => match self.parameters.get(name.trim()) {
                        Some(all) if all.len() != 1 => Value::from(all.clone()),
                        Some(_) | None => self.resolve(it).into(),
                    },
                    None => self.resolve(it).into(),
                }
            }
            Value::Array(all) => all.iter().map(|it| self.replaced(it)).collect(),
            Value::Object(all) => Value::Object(
                all.iter().map(|(key, it)| (key.clone(), self.replaced(it))).collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}
