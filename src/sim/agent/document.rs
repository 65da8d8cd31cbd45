//! From a document's content to typed steps, parameters already in their places.
//! It decides nothing: what a step's inputs mean is the plugin's business.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::interpolate::{self, Values};

/// One entry of `mainSteps`, or one of `runtimeConfig`.
#[derive(Debug)]
pub(super) struct Step {
    /// The agent's plugin id: the step's name, or the plugin's in schema 1.x.
    pub(super) id: String,
    pub(super) action: String,
    pub(super) inputs: Value,
    pub(super) precondition: Vec<Condition>,
    pub(super) schema: Schema,
    /// Parameters that are handed over in the environment instead of in the text.
    pub(super) environment: BTreeMap<String, String>,
}

/// One operator of a precondition and what it is applied to.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) operator: String,
    pub(super) arguments: Vec<Argument>,
}

/// An operand, as written and with its parameters replaced.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) initial: String,
    pub(super) resolved: String,
}

/// What a schema version means to the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// 1.0 and 1.2: `runtimeConfig`.
    V1,
    /// 2.0 and its patches: `mainSteps` without preconditions.
    V2,
    /// 2.2: preconditions, and skipping what this platform does not have.
    V22,
}

/// Reads the steps. The error is the agent's sentence on the document as a whole.
pub(super) fn parse(
    document: &Value,
    given: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<Step>, String> {
    let schema = schema(document)?;
    let (values, environment) = values(document, given, schema);
    let steps = match schema {
        Schema::V1 => runtime_config(document, &values),
        Schema::V2 | Schema::V22 => main_steps(document, &values, schema)?,
    };
    if steps.is_empty() {
        return Err("Unsupported schema format".to_owned());
    }
    let with = |it| Step { environment: environment.clone(), ..it };
    Ok(steps.into_iter().map(with).collect())
}

fn schema(document: &Value) -> Result<Schema, String> {
    let version = document.get("schemaVersion").map(interpolate::as_text).unwrap_or_default();
    match version.as_str() {
        "1.0" | "1.2" => Ok(Schema::V1),
        "2.0" | "2.0.1" | "2.0.2" | "2.0.3" => Ok(Schema::V2),
        "2.2" => Ok(Schema::V22),
        other => Err(format!(
            "Document with schema version {other} is not supported by this version of ssm agent, \
             please update to latest version"
        )),
    }
}

/// What is replaced in texts, and what goes into the environment (`interpolationType: ENV_VAR`).
fn values(
    document: &Value,
    given: &BTreeMap<String, Vec<String>>,
    schema: Schema,
) -> (Values, BTreeMap<String, String>) {
    let (mut values, mut environment) = (Values::new(), BTreeMap::new());
    let Some(definitions) = document.get("parameters").and_then(Value::as_object) else {
        return (values, environment);
    };
    for (name, definition) in definitions {
        // Other names are logged and dropped: `{{ my_param }}` stays as it is written.
        if !interpolate::is_valid_name(name) {
            continue;
        }
        let is_list = matches!(text(definition, "type").as_str(), "StringList");
        let value = match given.get(name) {
            Some(items) if is_list => Value::from(items.clone()),
            Some(items) => Value::from(items.first().cloned().unwrap_or_default()),
            None => definition.get("default").cloned().unwrap_or(Value::Null),
        };
        if schema == Schema::V22 && text(definition, "interpolationType") == "ENV_VAR" {
            environment.insert(format!("SSM_{name}"), interpolate::as_text(&value));
        } else {
            values.insert(name.clone(), value);
        }
    }
    (values, environment)
}

fn runtime_config(document: &Value, values: &Values) -> Vec<Step> {
    let plugins = document.get("runtimeConfig").and_then(Value::as_object);
    let step = |(name, config): (&String, &Value)| Step {
        id: name.clone(),
        action: name.clone(),
        inputs: interpolate::replace(config.get("properties").unwrap_or(&Value::Null), values),
        precondition: Vec::new(),
        schema: Schema::V1,
        environment: BTreeMap::new(),
    };
    plugins.into_iter().flatten().map(step).collect()
}

fn main_steps(document: &Value, values: &Values, schema: Schema) -> Result<Vec<Step>, String> {
    let steps = document.get("mainSteps").and_then(Value::as_array);
    let step = |it: &Value| {
        Ok(Step {
            id: text(it, "name"),
            action: text(it, "action"),
            inputs: interpolate::replace(it.get("inputs").unwrap_or(&Value::Null), values),
            precondition: precondition(it.get("precondition"), values)?,
            schema,
            environment: BTreeMap::new(),
        })
    };
    steps.into_iter().flatten().map(step).collect()
}

fn precondition(value: Option<&Value>, values: &Values) -> Result<Vec<Condition>, String> {
    let operators = match value {
        None | Some(Value::Null) => &Map::new(),
        Some(Value::Object(operators)) => operators,
        Some(_) => return Err("a precondition of the document is not a map".to_owned()),
    };
    let condition = |(operator, arguments): (&String, &Value)| {
        let Some(arguments) = arguments.as_array() else {
            return Err(format!("the precondition {operator} of the document is not a list"));
        };
        let argument = |it: &Value| Argument {
            initial: interpolate::as_text(it),
            resolved: interpolate::as_text(&interpolate::replace(it, values)),
        };
        Ok(Condition {
            operator: operator.clone(),
            arguments: arguments.iter().map(argument).collect(),
        })
    };
    operators.iter().map(condition).collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(document: &Value, given: &[(&str, &[&str])]) -> Result<Vec<Step>, String> {
        let own = |items: &[&str]| items.iter().map(|&it| it.to_owned()).collect();
        parse(document, &given.iter().map(|(k, v)| ((*k).to_owned(), own(v))).collect())
    }

    #[test]
    fn run_shell_script_is_read_as_the_agent_reads_it() {
        let document = json!({
            "schemaVersion": "1.2",
            "parameters": {
                "commands": { "type": "StringList" },
                "workingDirectory": { "type": "String", "default": "" },
                "executionTimeout": { "type": "String", "default": "3600" },
            },
            "runtimeConfig": { "aws:runShellScript": { "properties": [{
                "id": "0.aws:runShellScript", "runCommand": "{{ commands }}",
                "workingDirectory": "{{ workingDirectory }}", "timeoutSeconds": "{{ executionTimeout }}",
            }] } },
        });
        let steps = parsed(&document, &[("commands", &["a", "b"])]).unwrap();
        assert_eq!(steps.len(), 1);
        assert_eq!((steps[0].id.as_str(), steps[0].schema), ("aws:runShellScript", Schema::V1));
        let property = json!({ "id": "0.aws:runShellScript", "runCommand": ["a", "b"],
            "workingDirectory": "", "timeoutSeconds": "3600" });
        assert_eq!(steps[0].inputs, json!([property]));
    }

    #[test]
    fn an_environment_parameter_leaves_the_text_alone() {
        let document = |version: &str| {
            json!({
                "schemaVersion": version,
                "parameters": {
                    "who": { "type": "String", "interpolationType": "ENV_VAR", "default": "me" },
                    "my_param": { "type": "String", "default": "x" },
                },
                "mainSteps": [{ "action": "aws:runShellScript", "name": "s",
                    "inputs": { "runCommand": ["echo {{ who }} {{ my_param }}"] } }],
            })
        };
        let steps = parsed(&document("2.2"), &[("who", &["you"])]).unwrap();
        assert_eq!(steps[0].inputs["runCommand"][0], "echo {{ who }} {{ my_param }}");
        assert_eq!(steps[0].environment["SSM_who"], "you");
        let steps = parsed(&document("2.0"), &[]).unwrap();
        assert_eq!(steps[0].inputs["runCommand"][0], "echo me {{ my_param }}");
        assert!(steps[0].environment.is_empty());
    }

    #[test]
    fn what_the_agent_does_not_read_is_refused_in_its_words() {
        let refused = |document: Value| parsed(&document, &[]).unwrap_err();
        assert_eq!(
            refused(json!({ "schemaVersion": "0.3", "mainSteps": [] })),
            "Document with schema version 0.3 is not supported by this version of ssm agent, please update to latest version",
        );
        assert_eq!(refused(json!({ "schemaVersion": "2.2" })), "Unsupported schema format");
        assert_eq!(refused(json!({ "schemaVersion": "1.2" })), "Unsupported schema format");
    }
}
