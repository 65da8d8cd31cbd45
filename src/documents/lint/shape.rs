//! The keys of a document and of its steps: what is missing, what nobody reads.

use super::{
    finding::Findings,
    known::{self, Kind, nearest},
};
use crate::documents::node::{Node, Place, Value};

/// One thing that the document has done: a step, or a plugin's properties in schema 1.2.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub place: Place,
    pub name: Option<String>,
    pub plugin: String,
    pub inputs: Option<&'a Node>,
    pub precondition: Option<&'a Node>,
}

/// Reports keys of `node` that are not among `known`; `what` is what has them.
pub(super) fn keys(
    findings: &mut Findings,
    node: &Node,
    what: &str,
    code: &'static str,
    known: &[&'static str],
) {
    for entry in node.entries() {
        // The agent is written in Go, whose JSON reader takes a name in any case.
        if known.iter().any(|it| it.eq_ignore_ascii_case(&entry.key)) || entry.key == "$schema" {
            continue;
        }
        let remedy = match nearest(&entry.key, known.iter().copied()) {
            Some(it) => format!("write {it}"),
            None => format!("take it out; {what} has {}", known.join(", ")),
        };
        let message = format!("{what} has no key {}", entry.key);
        findings.error(entry.place, code, message, remedy);
    }
}

/// Reads the steps, reporting what they lack.
pub(super) fn steps<'a>(findings: &mut Findings, root: &'a Node, kind: Kind) -> Vec<Step<'a>> {
    let mut res = Vec::new();
    match kind {
        Kind::Session => {}
        Kind::Plugins => match root.get("runtimeConfig") {
            None => missing(findings, root.place, "the document", "runtimeConfig"),
            Some(it) => it.entries().iter().for_each(|it| {
                let properties = it.value.get("properties");
                let all = properties.map_or(&[][..], |it| match &it.value {
                    Value::List(items) => items,
                    _ => std::slice::from_ref(it),
                });
                if properties.is_none() {
                    missing(findings, it.place, &it.key, "properties");
                }
                known_plugin(findings, it.place, &it.key, kind);
                for inputs in all {
                    let step = Step {
                        place: inputs.place,
                        name: None,
                        plugin: it.key.clone(),
                        inputs: Some(inputs),
                        precondition: None,
                    };
                    known_inputs(findings, &step, kind);
                    res.push(step);
                }
            }),
        },
        Kind::Steps | Kind::Automation => match root.get("mainSteps") {
            None => missing(findings, root.place, "the document", "mainSteps"),
            Some(it) if it.items().is_empty() => {
                let message = "mainSteps has no step, so the document does nothing";
                findings.error(it.place, "steps.none", message, "add a step, as a list item");
            }
            Some(it) => it.items().iter().for_each(|it| step(findings, it, kind, &mut res)),
        },
    }
    unique(findings, &res);
    if kind == Kind::Steps && res.len() > 1 {
        short_names(findings, &res);
    }
    res
}

fn step<'a>(findings: &mut Findings, node: &'a Node, kind: Kind, res: &mut Vec<Step<'a>>) {
    let name = node.get("name").and_then(Node::text);
    let what = name.as_ref().map_or("the step".to_owned(), |it| format!("step {it}"));
    let Some(action) = node.entry("action") else {
        return missing(findings, node.place, &what, "action");
    };
    if name.is_none() {
        missing(findings, node.place, "the step", "name");
    }
    let plugin = action.value.text().unwrap_or_default();
    known_plugin(findings, action.value.place, &plugin, kind);
    let of_automation = |it: &str| known::AUTOMATION_STEP.contains(&it);
    if kind == Kind::Automation {
        keys(findings, node, &what, "step.unknown-key", &known::AUTOMATION_STEP);
    } else {
        for entry in node.entries().iter().filter(|it| !known::STEP.contains(&it.key.as_str())) {
            if of_automation(&entry.key) {
                let message = format!("{} of {what} does nothing in a Command document", entry.key);
                let remedy = match entry.key.as_str() {
                    "onFailure" | "timeoutSeconds" => format!("move {} into inputs", entry.key),
                    _ => "take it out: only Automation reads it".to_owned(),
                };
                findings.warning(entry.place, "step.automation-key", message, remedy);
            }
        }
        let known: Vec<_> = known::STEP.into_iter().chain(known::AUTOMATION_STEP).collect();
        keys(findings, node, &what, "step.unknown-key", &known);
    }
    let step = Step {
        place: node.place,
        name,
        plugin,
        inputs: node.get("inputs"),
        precondition: node.get("precondition"),
    };
    known_inputs(findings, &step, kind);
    let nested = step.inputs.filter(|_| step.plugin == "aws:loop").and_then(|it| it.get("Steps"));
    res.push(step);
    for it in nested.map_or(&[][..], Node::items) {
        self::step(findings, it, kind, res);
    }
}

fn missing(findings: &mut Findings, place: Place, what: &str, key: &str) {
    findings.error(place, "key.missing", format!("{what} has no {key}"), format!("add {key}"));
}

fn known_plugin(findings: &mut Findings, place: Place, plugin: &str, kind: Kind) {
    let of_commands = known::PLUGINS.map(|(name, _)| name);
    let (known, other): (&[&str], &[&str]) = match kind {
        Kind::Automation => (&known::ACTIONS, &of_commands),
        Kind::Plugins | Kind::Steps | Kind::Session => (&of_commands, &known::ACTIONS),
    };
    // The agent knows these two in the case of the user guide's older pages as well.
    if known.iter().any(|it| it.eq_ignore_ascii_case(plugin)) {
        return;
    }
    let noun = if kind == Kind::Automation { "action" } else { "plugin" };
    let remedy = match nearest(plugin, known.iter().copied()) {
        Some(it) => format!("write {it}"),
        None if other.contains(&plugin) && kind == Kind::Automation => {
            "it is a plugin of Command documents: run them with aws:runCommand".to_owned()
        }
        None if other.contains(&plugin) => {
            "it is an action of Automation: use schemaVersion 0.3".to_owned()
        }
        None => format!("the {noun}s are {}", known.join(", ")),
    };
    let code = "step.unknown-plugin";
    findings.error(place, code, format!("there is no {noun} {plugin}"), remedy);
}

fn known_inputs(findings: &mut Findings, step: &Step<'_>, kind: Kind) {
    if kind == Kind::Automation {
        return;
    }
    let known = known::PLUGINS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&step.plugin));
    let Some((name, inputs)) = known else { return };
    if let (Some(it), false) = (step.inputs, inputs.is_empty()) {
        let passed_over = ["maxAttempts", "nextStep", "isEnd", "isCritical", "onCancel", "outputs"];
        for entry in it.entries().iter().filter(|it| passed_over.contains(&it.key.as_str())) {
            let message = format!("{} does nothing in a Command document", entry.key);
            let remedy = "take it out: only Automation reads it";
            findings.warning(entry.place, "step.automation-key", message, remedy);
        }
        let known = inputs.iter().copied().chain(known::OF_EVERY_PLUGIN).chain(passed_over);
        let known: Vec<_> = known.collect();
        keys(findings, it, name, "step.unknown-input", &known);
    }
    let is_script = inputs.first() == Some(&"runCommand");
    let given = |key: &str| {
        let inputs = step.inputs.map_or(&[][..], Node::entries);
        inputs.iter().find(|it| it.key.eq_ignore_ascii_case(key))
    };
    if is_script && given("runCommand").is_none() {
        missing(findings, step.place, name, "runCommand in its inputs");
    }
    if let Some(timeout) = given("timeoutSeconds").and_then(|it| it.value.text())
        && timeout.parse().is_ok_and(|it: u64| !(5..=172_800).contains(&it))
    {
        let place = given("timeoutSeconds").map_or(step.place, |it| it.value.place);
        let message = format!("timeoutSeconds {timeout} is passed over: the agent takes 3600");
        findings.warning(place, "step.timeout", message, "use 5 to 172800 seconds");
    }
}

fn unique(findings: &mut Findings, steps: &[Step<'_>]) {
    for (at, step) in steps.iter().enumerate() {
        let Some(name) = &step.name else { continue };
        if steps[..at].iter().any(|it| it.name.as_ref() == Some(name)) {
            let message = format!("two steps are named {name}");
            let remedy = "give each a name of its own: output is asked for by name";
            findings.error(step.place, "step.same-name", message, remedy);
        }
    }
}

/// GetCommandInvocation takes a PluginName of four characters and more (botocore model). Only the
/// step of a document with no other needs no name.
fn short_names(findings: &mut Findings, steps: &[Step<'_>]) {
    for step in steps {
        let Some(name) = step.name.as_ref().filter(|it| it.chars().count() < 4) else { continue };
        let message = format!("nobody can ask for the whole output of step {name}");
        let remedy = "give it a name of four characters: GetCommandInvocation takes no shorter one";
        findings.warning(step.place, "step.short-name", message, remedy);
    }
}
