//! What documents may hold: schema versions, keys, plugins and their inputs. Data only.
//! The inputs are those that the agent reads (amazon-ssm-agent 3.3, `agent/plugins`), which matches
//! their names whatever their case; actions of Automation are those of its user guide.

/// The kinds of document that can be linted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Schema 1.2: `runtimeConfig`.
    Plugins,
    /// Schema 2.x: `mainSteps`.
    Steps,
    /// Schema 0.3.
    Automation,
    /// Schema 1.0 with a `sessionType`: only its parameters are looked at.
    Session,
}

/// Returns the kind of document that a schema version makes.
pub(super) fn kind(version: &str) -> Option<Kind> {
    match version {
        "1.0" => Some(Kind::Session),
        "1.2" => Some(Kind::Plugins),
        "2.0" | "2.0.1" | "2.0.2" | "2.0.3" | "2.2" => Some(Kind::Steps),
        "0.3" => Some(Kind::Automation),
        _ => None,
    }
}

pub(super) fn top_level(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Plugins => &["schemaVersion", "description", "parameters", "runtimeConfig"],
        Kind::Steps => &["schemaVersion", "description", "parameters", "mainSteps", "files"],
        Kind::Automation => &[
            "schemaVersion",
            "description",
            "assumeRole",
            "parameters",
            "variables",
            "mainSteps",
            "outputs",
            "files",
        ],
        Kind::Session => {
            &["schemaVersion", "description", "sessionType", "parameters", "inputs", "properties"]
        }
    }
}

pub(super) const PARAMETER: [&str; 11] = [
    "type",
    "description",
    "default",
    "allowedValues",
    "allowedPattern",
    "displayType",
    "minItems",
    "maxItems",
    "minChars",
    "maxChars",
    "interpolationType",
];

pub(super) const STEP: [&str; 5] = ["action", "name", "description", "inputs", "precondition"];

/// Keys of Automation's steps, which the agent passes over in a step of a Command document.
pub(super) const AUTOMATION_STEP: [&str; 13] = [
    "name",
    "action",
    "description",
    "maxAttempts",
    "timeoutSeconds",
    "onFailure",
    "onCancel",
    "isCritical",
    "isEnd",
    "nextStep",
    "inputs",
    "outputs",
    "allowedRoles",
];

/// What may stand beside a plugin's own inputs in schema 2.x, and in the properties of 1.2.
pub(super) const OF_EVERY_PLUGIN: [&str; 5] =
    ["onFailure", "onSuccess", "finallyStep", "id", "description"];

const SCRIPT: &[&str] =
    &["runCommand", "workingDirectory", "timeoutSeconds", "environment", "interpolationType"];

/// The plugins of Command documents with their inputs; none where they are free.
pub(super) const PLUGINS: [(&str, &[&str]); 16] = [
    ("aws:runShellScript", SCRIPT),
    ("aws:runPowerShellScript", SCRIPT),
    (
        "aws:psModule",
        &[
            "runCommand",
            "workingDirectory",
            "timeoutSeconds",
            "source",
            "sourceHash",
            "sourceHashType",
        ],
    ),
    ("aws:downloadContent", &["sourceType", "sourceInfo", "destinationPath"]),
    ("aws:runDocument", &["documentType", "documentPath", "documentParameters"]),
    (
        "aws:configurePackage",
        &[
            "name",
            "version",
            "action",
            "installationType",
            "additionalArguments",
            "source",
            "repository",
        ],
    ),
    ("aws:applications", &["action", "parameters", "source", "sourceHash", "sourceHashType"]),
    ("aws:refreshAssociation", &["associationIds"]),
    ("aws:configureDocker", &["action"]),
    ("aws:updateSsmAgent", &["agentName", "allowDowngrade", "source", "targetVersion"]),
    ("aws:runDockerAction", &[]),
    ("aws:domainJoin", &[]),
    ("aws:softwareInventory", &[]),
    ("aws:cloudWatch", &[]),
    ("aws:updateAgent", &[]),
    ("aws:configureDaemon", &[]),
];

pub(super) const ACTIONS: [&str; 23] = [
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
];

pub(super) const TYPES: [&str; 6] =
    ["String", "StringList", "Integer", "Boolean", "MapList", "StringMap"];

/// Returns the member of `known` that `word` was probably meant to be.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|it| (distance(&it.to_lowercase(), &word.to_lowercase()), it));
    near.filter(|(n, _)| *n <= word.chars().count().div_ceil(4)).min().map(|(_, it)| it)
}

/// How many letters have to be put in, taken out or replaced to make `a` of `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_recognised_and_another_word_is_not() {
        let check = |word: &str, expected| {
            assert_eq!(nearest(word, PLUGINS.map(|(name, _)| name)), expected, "{word}");
        };
        check("aws:runShelScript", Some("aws:runShellScript"));
        check("aws:runshellscript", Some("aws:runShellScript"));
        check("aws:executeScript", None);
        check("", None);
    }
}
