//! What the content of a runbook says: its steps, where each leads, and what it puts out.
//! It reads; it plays nothing.

use serde_json::{Map, Value};

use super::choice::Choice;

/// The content of a document of schema 0.3, understood.
#[derive(Debug)]
pub(in crate::sim::ssm) struct Runbook {
    /// Never empty.
    pub steps: Vec<Step>,
    /// The outputs of steps that the execution shows, such as `runCommand.Output`.
    pub outputs: Vec<String>,
    /// The role that it acts with, as the document has it: `{{ AutomationAssumeRole }}`.
    pub assume_role: Option<String>,
}

/// One entry of `mainSteps`.
#[derive(Debug)]
pub(in crate::sim::ssm) struct Step {
    pub name: String,
    pub action: String,
    pub inputs: Map<String, Value>,
    pub on_failure: Turn,
    pub on_cancel: Turn,
    pub next: Option<String>,
    pub is_end: bool,
    pub is_critical: bool,
    pub max_attempts: i64,
    pub timeout_seconds: Option<u64>,
    /// Those of `aws:branch`.
    pub choices: Vec<Choice>,
    /// Where `aws:branch` leads if no choice applies.
    pub otherwise: Option<String>,
}

/// Where a step that did not succeed leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim::ssm) enum Turn {
    Abort,
    Continue,
    Step(String),
}

/// The actions that runbooks have (user guide, Systems Manager Automation actions reference).
const ACTIONS: [&str; 24] = [
    "aws:approve",
    "aws:assertAwsResourceProperty",
    "aws:branch",
    "aws:changeInstanceState",
    "aws:copyImage",
    "aws:createImage",
    "aws:createStack",
    "aws:createTags",
    "aws:deleteImage",
    "aws:deleteStack",
    "aws:executeAutomation",
    "aws:executeAwsApi",
    "aws:executeScript",
    "aws:executeStateMachine",
    "aws:invokeLambdaFunction",
    "aws:invokeWebhook",
    "aws:loop",
    "aws:pause",
    "aws:runCommand",
    "aws:runInstances",
    "aws:sleep",
    "aws:updateVariable",
    "aws:waitForAwsResourceProperty",
    "aws:cancelCommand",
];

impl Runbook {
    pub(in crate::sim::ssm) fn read(object: &Map<String, Value>) -> Result<Self, String> {
        let Some(Value::Array(steps)) = object.get("mainSteps") else {
            return Err("mainSteps is missing".to_owned());
        };
        if steps.is_empty() {
            return Err("mainSteps is empty".to_owned());
        }
        let mut res: Vec<Step> = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let step = Step::read(step, index + 1)?;
            if res.iter().any(|it| it.name == step.name) {
                return Err(format!("step name {} is used twice", step.name));
            }
            res.push(step);
        }
        let known: Vec<&str> = res.iter().map(|it| it.name.as_str()).collect();
        for step in &res {
            for to in step.leads_to() {
                if !known.contains(&to) {
                    return Err(format!("step {} leads to {to}, which is no step", step.name));
                }
            }
        }
        let outputs = match object.get("outputs") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(all)) => {
                let name = |it: &Value| {
                    it.as_str().map(str::to_owned).ok_or("outputs is no list of names")
                };
                all.iter().map(name).collect::<Result<_, _>>()?
            }
            Some(_) => return Err("outputs is no list".to_owned()),
        };
        let assume_role = object.get("assumeRole").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { steps: res, outputs, assume_role })
    }

    /// Returns the place of a step.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|it| it.name == name)
    }
}

impl Step {
    fn read(value: &Value, at: usize) -> Result<Self, String> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let (Some(action), Some(name)) = (text("action"), text("name")) else {
            return Err(format!("step {at} of mainSteps needs an action and a name"));
        };
        if !ACTIONS.contains(&action.as_str()) {
            return Err(format!("step {name} has the unknown action {action}"));
        }
        let inputs = match value.get("inputs") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(it)) => it.clone(),
            Some(_) => return Err(format!("the inputs of step {name} are no map")),
        };
        let flag = |key: &str| value.get(key).and_then(boolean);
        let turn = |key: &str| match text(key).as_deref() {
            None | Some("Abort" | "abort") => Ok(Turn::Abort),
            Some("Continue" | "continue") => Ok(Turn::Continue),
            Some(other) => match other.strip_prefix("step:") {
                Some(step) => Ok(Turn::Step(step.trim().to_owned())),
                None => Err(format!("step {name} has the unknown {key} {other}")),
            },
        };
        let on_failure = turn("onFailure")?;
        let number = |key: &str| value.get(key).and_then(integer);
        let choices = match (action.as_str(), inputs.get("Choices")) {
            ("aws:branch", Some(Value::Array(all))) => {
                let read =
                    |it: &Value| Choice::read(it).map_err(|why| format!("step {name}: {why}"));
                all.iter().map(read).collect::<Result<_, _>>()?
            }
            ("aws:branch", _) => return Err(format!("step {name} has no Choices")),
            _ => Vec::new(), // the other actions do not choose
        };
        let otherwise = inputs.get("Default").filter(|_| action == "aws:branch");
        Ok(Self {
            on_cancel: turn("onCancel")?,
            next: text("nextStep"),
            is_end: flag("isEnd").unwrap_or(false),
            // "If the onFailure property is set to Continue in a step, the value is false by
            // default. Otherwise, the value is true" (user guide, actions shared by all).
            is_critical: flag("isCritical").unwrap_or(on_failure != Turn::Continue),
            max_attempts: number("maxAttempts").map_or(1, |it| it.max(1)),
            timeout_seconds: number("timeoutSeconds").and_then(|it| u64::try_from(it).ok()),
            otherwise: otherwise.and_then(Value::as_str).map(str::to_owned),
            on_failure,
            choices,
            inputs,
            action,
            name,
        })
    }

    fn leads_to(&self) -> impl Iterator<Item = &str> {
        let turns = [&self.on_failure, &self.on_cancel].into_iter().filter_map(Turn::step);
        let choices = self.choices.iter().map(|it| it.next.as_str());
        turns.chain(self.next.as_deref()).chain(self.otherwise.as_deref()).chain(choices)
    }
}

impl Turn {
    fn step(&self) -> Option<&str> {
        match self {
            Self::Step(it) => Some(it),
            Self::Abort | Self::Continue => None,
        }
    }

    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Abort => "Abort".to_owned(),
            Self::Continue => "Continue".to_owned(),
            Self::Step(it) => format!("step:{it}"),
        }
    }
}

/// Documents write numbers and truth values as texts as well.
fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::String(it) => it.parse().ok(),
        other => other.as_bool(),
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(it) => it.parse().ok(),
        other => other.as_i64(),
    }
}
