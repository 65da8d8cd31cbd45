//! The steps of a document's content: what Run Command reports one by one.

use serde_json::{Map, Value};

use crate::sim::state::Platform;

/// One step as Run Command reports it: a `mainSteps` entry, or a plugin of schema 1.2.
#[derive(Debug)]
pub(super) struct Step {
    pub name: String,
    pub action: String,
    /// What the agent calls the folder of its output: the property's id in schema 1.2, the step's
    /// name in 2.x, in both without colons (agent, iohandler).
    pub folder: String,
    pub timeout: Option<Value>,
    /// What `precondition: StringEquals: [platformType, …]` demands.
    pub only_on: Option<Platform>,
}

impl Step {
    /// Whether the step does anything there: its precondition holds and its plugin exists.
    pub(super) fn applies_to(&self, platform: Platform) -> bool {
        if self.only_on.is_some_and(|it| it != platform) {
            return false;
        }
        match self.action.as_str() {
            "aws:runShellScript" => platform != Platform::Windows,
            // A precondition may bring PowerShell to other platforms; without one the plugin is
            // Windows' own. UNVERIFIED: newer agents also run it on Linux with pwsh.
            "aws:runPowerShellScript" => platform == Platform::Windows || self.only_on.is_some(),
            "aws:applications" | "aws:domainJoin" | "aws:psModule" => platform == Platform::Windows,
            _ => true, // the other plugins exist everywhere
        }
    }
}

/// Schema 1.2: `runtimeConfig` maps plugins to properties, one object or a list of them.
pub(super) fn plugins(object: &Map<String, Value>) -> Result<Vec<Step>, String> {
    let Some(Value::Object(config)) = object.get("runtimeConfig") else {
        return Err("runtimeConfig is missing".to_owned());
    };
    if config.is_empty() {
        return Err("runtimeConfig is empty".to_owned());
    }
    let step = |(action, plugin): (&String, &Value)| {
        let properties = plugin.get("properties");
        let first = match properties {
            Some(Value::Array(items)) => items.first(),
            other => other, // one object, or nothing
        };
        Step {
            name: action.clone(),
            folder: match first.and_then(|it| it.get("id")).and_then(Value::as_str) {
                Some(id) => without_colons(id),
                None => format!("0.{}", without_colons(action)),
            },
            action: action.clone(),
            timeout: first.and_then(|it| it.get("timeoutSeconds")).cloned(),
            only_on: None,
        }
    };
    Ok(config.iter().map(step).collect())
}

/// Schema 2.x.
pub(super) fn main_steps(object: &Map<String, Value>) -> Result<Vec<Step>, String> {
    let Some(Value::Array(steps)) = object.get("mainSteps") else {
        return Err("mainSteps is missing".to_owned());
    };
    if steps.is_empty() {
        return Err("mainSteps is empty".to_owned());
    }
    let mut res: Vec<Step> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let at = index + 1;
        let action = step.get("action").and_then(Value::as_str);
        let name = step.get("name").and_then(Value::as_str);
        let (Some(action), Some(name)) = (action, name) else {
            return Err(format!("step {at} of mainSteps needs an action and a name"));
        };
        if res.iter().any(|it| it.name == name) {
            return Err(format!("step name {name} is used twice"));
        }
        let operands = step.pointer("/precondition/StringEquals").and_then(Value::as_array);
        res.push(Step {
            name: name.to_owned(),
            folder: without_colons(name),
            action: action.to_owned(),
            timeout: step.pointer("/inputs/timeoutSeconds").cloned(),
            only_on: operands.and_then(|it| demanded_platform(it)),
        });
    }
    Ok(res)
}

pub(super) fn without_colons(text: &str) -> String {
    text.replace(':', "")
}

fn demanded_platform(operands: &[Value]) -> Option<Platform> {
    let words: Vec<&str> = operands.iter().filter_map(Value::as_str).collect();
    if !words.contains(&"platformType") {
        return None;
    }
    words.iter().find_map(|it| match it.to_ascii_lowercase().as_str() {
        "linux" => Some(Platform::Linux),
        "windows" => Some(Platform::Windows),
        "macos" => Some(Platform::MacOs),
        _ => None, // `platformType` itself
    })
}
