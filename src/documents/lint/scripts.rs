//! The scripts of a document: who can put code into them, and what their end means.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Document,
    finding::Findings,
    known::Kind,
    parameters::Parameter,
    pattern::Pattern,
    quoting::{Context, Language, contexts},
    references::{Reference, is_whole, references},
    shape::Step,
};
use crate::documents::node::{Node, Place};

/// A script, joined from the lines that a step gives.
struct Script<'a> {
    language: Language,
    text: String,
    contexts: Vec<Context>,
    /// Each text that it is made of, and where it begins in the whole.
    parts: Vec<(&'a Node, &'a str, usize)>,
}

pub(super) fn check(findings: &mut Findings, document: &Document<'_>) {
    for step in &document.steps {
        let Some(script) = Script::of(step, document.kind) else { continue };
        script.injection(findings, document);
        if script.is_given_whole() {
            continue;
        }
        script.last_exit_code(findings, document);
        script.special_exit_codes(findings, document);
        if script.language == Language::Shell {
            script.background(findings, document);
        }
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is well formed")
}

/// Says what its last exit code is, or ends at the first failure.
static JUDGED_IN_SHELL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?m)\bset\s+-\w*e|\bset\s+-o\s+errexit|^#!.*sh\s+-\w*e|\bexit\b|\|\||\btrap\b")
});
static JUDGED_IN_POWERSHELL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\$ErrorActionPreference\s*=\s*.?Stop|\bexit\b|\bthrow\b"));
static SPECIAL_EXIT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\bexit\s+(194|3010|137|168|169)\b"));
static CONDITION: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bif\b|&&|\|\||\{|\bthen\b"));
static REDIRECTED_ALL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^\s*exec\s+[&12]?>"));
static AWAITED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)(^|[;\s])wait\b"));
static OUT_ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(^|[^2])>>?\s*[^&\s]|&>"));
static ERR_ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| pattern(r"2>|&>"));

impl<'a> Script<'a> {
    fn of(step: &Step<'a>, kind: Kind) -> Option<Self> {
        let inputs = step.inputs?;
        let is_run_command = kind == Kind::Automation && step.plugin == "aws:runCommand";
        let (plugin, lines) = if is_run_command {
            let document = inputs.get("DocumentName").and_then(Node::text)?;
            let is_script = ["AWS-RunShellScript", "AWS-RunPowerShellScript"];
            let is_script = is_script.contains(&document.as_str());
            (document, inputs.get("Parameters").filter(|_| is_script)?.get("commands")?)
        } else if kind == Kind::Automation {
            return None;
        } else {
            let command = inputs.entries().iter();
            let mut command = command.filter(|it| it.key.eq_ignore_ascii_case("runCommand"));
            (step.plugin.clone(), &command.next()?.value)
        };
        let (mut text, mut parts) = (String::new(), Vec::new());
        for (node, line) in lines.texts() {
            parts.push((node, line, text.len()));
            text.push_str(line);
            text.push('\n');
        }
        let language = Language::of(&plugin, &text);
        let contexts = contexts(&text, language);
        Some(Self { language, text, contexts, parts })
    }

    /// Returns whether the whole script is what a parameter says, as in AWS-RunShellScript.
    fn is_given_whole(&self) -> bool {
        let is_reference =
            |(node, text, _): &(&Node, &str, usize)| match references(node, text).as_slice() {
                [it] => is_whole(text, it),
                _ => false,
            };
        self.parts.iter().all(is_reference)
    }

    fn injection(&self, findings: &mut Findings, document: &Document<'_>) {
        for (node, text, start) in &self.parts {
            for reference in references(node, text) {
                let parameter = document.parameters.iter().find(|it| it.name == reference.name);
                // A line that is one reference is there to be a command.
                if let Some(parameter) = parameter.filter(|_| !is_whole(text, &reference)) {
                    let context = self.contexts[start + reference.at];
                    self.injected(findings, document, &reference, parameter, context);
                }
            }
        }
    }

    fn injected(
        &self,
        findings: &mut Findings,
        document: &Document<'_>,
        reference: &Reference<'_>,
        parameter: &Parameter,
        context: Context,
    ) {
        if parameter.is_variable || parameter.has_allowed_values || parameter.is_scalar() {
            return;
        }
        let (name, written) = (&parameter.name, reference.written);
        let dangerous = self.language.dangerous(context);
        let why = match &parameter.allowed_pattern {
            None => format!("{name} takes any value"),
            Some(pattern) => {
                let Some(pattern) = Pattern::parse(pattern) else { return };
                let admitted = pattern.admits(dangerous);
                if admitted.is_empty() {
                    return;
                }
                let shown: Vec<String> = admitted.chars().map(shown).collect();
                format!("its allowedPattern admits {}", shown.join(" "))
            }
        };
        let how = match context {
            Context::Bare | Context::Arithmetic => "unquoted",
            Context::Single | Context::Escaped => "in single quotes",
            Context::Double => "in double quotes",
            Context::Comment => "in a comment",
            Context::Here | Context::HereQuoted => "in a here-document",
        };
        let message = format!("{written} becomes part of the script, {how}, and {why}");
        let remedy = match (self.language, context) {
            (Language::Shell, Context::Single) => {
                format!(
                    "give {name} an allowedPattern without the single quote, such as ^[\\w.-]*$"
                )
            }
            _ => format!(
                "give {name} an allowedPattern such as ^[\\w.-]*$ and put it in single quotes, or \
                 interpolationType: ENV_VAR (agent 3.3.2746.0)"
            ),
        };
        let place = reference.node.place_of(document.source, written, reference.nth);
        findings.warning(place, "script.injection", message, remedy);
    }

    /// Returns the lines that do something, with where they begin.
    fn statements(&self) -> Vec<(usize, &str)> {
        let mut at = 0;
        let lines = self.text.split_inclusive('\n').map(|line| {
            let start = at;
            at += line.len();
            (start, line.trim_end())
        });
        lines.filter(|(_, it)| !it.trim().is_empty() && !it.trim_start().starts_with('#')).collect()
    }

    /// The agent sets no `-e`: the last command's exit code is the step's (aws-facts A.1).
    fn last_exit_code(&self, findings: &mut Findings, document: &Document<'_>) {
        let (judged, remedy): (&Regex, _) = match self.language {
            Language::Shell => {
                (&JUDGED_IN_SHELL, "begin with `set -eu`, or end with an exit code of your own")
            }
            Language::PowerShell => (
                &JUDGED_IN_POWERSHELL,
                "begin with $ErrorActionPreference = 'Stop', or end with `exit` and a code",
            ),
            Language::Other => return,
        };
        let statements = self.statements();
        if statements.len() < 2 || judged.is_match(&self.text) {
            return;
        }
        let message = "what fails before the last command does not fail the step";
        let place = self.place(document, statements[0].0);
        findings.warning(place, "script.last-exit-code", message, remedy);
    }

    fn special_exit_codes(&self, findings: &mut Findings, document: &Document<'_>) {
        for found in SPECIAL_EXIT.captures_iter(&self.text) {
            let (Some(whole), Some(code)) = (found.get(0), found.get(1)) else { continue };
            let is_code = matches!(self.contexts[whole.start()], Context::Bare | Context::Double);
            let is_windows = self.language == Language::PowerShell;
            let means = match code.as_str() {
                "194" if !is_windows => "reboots the instance and runs the step again",
                "3010" if is_windows => "reboots the instance and runs the step again",
                "137" if !is_windows => "is taken for a timeout",
                "168" => {
                    "makes the step a success, whatever happened, and skips the steps after it"
                }
                "169" => "skips the steps after it",
                _ => continue,
            };
            if is_code {
                let message = format!("exit code {} {means}", code.as_str());
                let place = self.place(document, whole.start());
                let code = "script.special-exit-code";
                let allow = "if it is meant, say so: `# fleet: allow script.special-exit-code`";
                // Behind a condition somebody has thought of it, and of the second time.
                if self.is_conditional(whole.start()) {
                    let remedy = format!("see that it ends, and {allow}");
                    findings.advice(place, code, message, remedy);
                } else {
                    findings.warning(place, code, message, format!("use another code; {allow}"));
                }
            }
        }
    }

    /// Returns whether what stands at `at` is behind a condition, or in a block.
    fn is_conditional(&self, at: usize) -> bool {
        let line = self.text[..at].rfind('\n').map_or(0, |it| it + 1);
        let before = &self.text[line..at];
        before.starts_with([' ', '\t']) || CONDITION.is_match(before)
    }

    /// The agent waits until nobody holds the script's output any more (aws-facts A.1).
    fn background(&self, findings: &mut Findings, document: &Document<'_>) {
        let text = &self.text;
        for (at, _) in text.match_indices('&') {
            let (before, after) = (&text[..at], &text[at + 1..]);
            let is_operator = self.contexts[at] == Context::Bare
                && !before.ends_with(['&', '>', '<', '|', '\\'])
                && !after.starts_with(['&', '>']);
            let is_awaited = AWAITED.is_match(after);
            if !is_operator || is_awaited || REDIRECTED_ALL.is_match(before) {
                continue;
            }
            // The & of 2>&1 and of &>log ends no command.
            let is_end = |(i, it): &(usize, char)| match it {
                '&' => !before[..*i].ends_with('>') && !before[i + 1..].starts_with('>'),
                it => matches!(it, '\n' | ';'),
            };
            let start = before.char_indices().rev().find(is_end).map_or(0, |(i, _)| i + 1);
            let command = &before[start..];
            let holds_out = !OUT_ELSEWHERE.is_match(command);
            let holds_err = !ERR_ELSEWHERE.is_match(command);
            if holds_out || holds_err {
                let held = if holds_out { "standard output" } else { "standard error" };
                let message = format!(
                    "what runs in the background holds {held}: the step lasts until it ends or \
                     times out"
                );
                let remedy = "end the command with `>/dev/null 2>&1 </dev/null &`";
                let first = start + command.len() - command.trim_start().len();
                let place = self.place(document, first);
                findings.warning(place, "script.background", message, remedy);
            }
        }
    }

    /// Returns where the line of the script that begins at `at` stands in the document.
    fn place(&self, document: &Document<'_>, at: usize) -> Place {
        let part = self.parts.iter().rev().find(|(_, _, start)| *start <= at);
        let Some((node, text, start)) = part else { return document.root.place };
        let at = at - start;
        let end = text[at..].find('\n').map_or(text.len(), |it| at + it);
        let needle = &text[at..end];
        node.place_of(document.source, needle, text[..at].matches(needle).count())
    }
}

fn shown(it: char) -> String {
    if it == '\n' { "newline".to_owned() } else { it.to_string() }
}
