//! One line of ListCommandInvocations in fleet's own terms, and what it amounts to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::status::{Outcome, Status};
use crate::plan::{InstanceId, Note};

/// What the agent prints for a step that a precondition skipped (amazon-ssm-agent
/// runpluginutil.go); SSM shows such a step as Success with exit code 0.
const SKIPPED: &str = "Step execution skipped due to";

/// Between stdout and stderr in a plugin's combined output (amazon-ssm-agent iohandler.go).
pub const STDERR_TITLE: &str = "\n----------ERROR-------\n";

/// What ends a stream that was cut (amazon-ssm-agent iohandler.go).
pub(super) const CUT_MARKS: [&str; 3] =
    ["---Output truncated---", "---Error truncated----", "--output truncated--"];

/// The most characters that are kept of why an automation did not succeed: a script that fails in one
/// of its steps says all of its traceback.
const LONGEST_FAILURE: usize = 2_000;

/// One instance's invocation, or its execution of an automation, as last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub instance_id: InstanceId,
    pub status: Status,
    /// The two words as they came.
    pub status_word: String,
    pub details_word: String,
    pub requested: Option<Timestamp>,
    /// At which step an automation is.
    pub progress: Option<String>,
    /// Why an automation did not succeed: the step, and what it said. Of one that was cancelled, at
    /// which step.
    pub failure: Option<String>,
    /// What could not be read of it.
    pub note: Option<Note>,
    pub plugins: Vec<Plugin>,
}

/// One step of the document on one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// The step's name; for schema 1.2 the plugin's, such as `aws:runShellScript`.
    pub name: String,
    pub response_code: Option<i32>,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// Both streams together, cut by the agent at 2,500 characters.
    pub output: String,
    /// Where the agent puts them, whole, in S3; empty without a bucket.
    pub urls: StepUrls,
}

/// Where standard output and standard error of a step are in S3, as SSM tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepUrls {
    pub stdout: String,
    pub stderr: String,
}

impl StepUrls {
    fn is_none(&self) -> bool {
        self.stdout.is_empty() && self.stderr.is_empty()
    }
}

/// What an invocation left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    pub status: String,
    pub status_details: String,
    /// The first exit code that is not 0, else 0. -1 with a start: killed by a signal; without:
    /// it never started.
    pub response_code: Option<i32>,
    pub requested: Option<Timestamp>,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub stdout: String,
    pub stderr: String,
    /// More was printed than is here.
    pub truncated: bool,
    /// Why an automation did not succeed: the step, and what it said. Of one that was cancelled, at
    /// which step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The steps to read whole, in their order: all of them, if the output of one was cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut_plugins: Vec<String>,
    /// Where each of those steps has its output in S3, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut_urls: Vec<StepUrls>,
}

impl Row {
    /// Returns what became of the instance, or `None` while it may still change.
    pub fn outcome(&self) -> Option<Outcome> {
        let outcome = self.status.outcome()?;
        let did_nothing = !self.plugins.is_empty()
            && self.plugins.iter().all(|it| it.output.trim_start().starts_with(SKIPPED));
        Some(if outcome == Outcome::Succeeded && did_nothing { Outcome::Skipped } else { outcome })
    }

    /// Returns the names of all steps, in their order, if the output of one of them was cut: they
    /// are read again together, so that what the others said is not lost.
    pub fn cut_plugins(&self) -> Vec<String> {
        let is_cut = |it: &Plugin| CUT_MARKS.iter().any(|mark| it.output.contains(mark));
        if !self.plugins.iter().any(is_cut) {
            return Vec::new();
        }
        self.plugins.iter().map(|it| it.name.clone()).collect()
    }

    pub fn execution(&self) -> Execution {
        let codes = || self.plugins.iter().filter_map(|it| it.response_code);
        let (stdout, stderr) = self.streams();
        let cut_plugins = self.cut_plugins();
        let has_urls = !cut_plugins.is_empty() && self.plugins.iter().any(|it| !it.urls.is_none());
        let urls = || self.plugins.iter().map(|it| it.urls.clone()).collect();
        Execution {
            status: self.status_word.clone(),
            status_details: self.details_word.clone(),
            response_code: codes().find(|it| *it != 0).or_else(|| codes().next_back()),
            requested: self.requested,
            started: self.plugins.iter().filter_map(|it| it.started).min(),
            ended: self.plugins.iter().filter_map(|it| it.ended).max(),
            stdout,
            stderr,
            truncated: !cut_plugins.is_empty(),
            failure: self.failure.as_deref().map(bounded),
            cut_plugins,
            cut_urls: if has_urls { urls() } else { Vec::new() },
        }
    }

    fn streams(&self) -> (String, String) {
        let mut streams = (String::new(), String::new());
        for plugin in &self.plugins {
            let (out, err) = plugin.output.split_once(STDERR_TITLE).unwrap_or((&plugin.output, ""));
            push_block(&mut streams.0, out);
            push_block(&mut streams.1, err);
        }
        streams
    }
}

/// Returns as much of a failure as is kept. It has lost its secrets before, whole.
fn bounded(failure: &str) -> String {
    match failure.char_indices().nth(LONGEST_FAILURE) {
        Some((end, _)) => format!("{}…", &failure[..end]),
        None => failure.to_owned(),
    }
}

/// Appends `text` on lines of its own.
pub fn push_block(to: &mut String, text: &str) {
    if !to.is_empty() && !to.ends_with('\n') && !text.is_empty() {
        to.push('\n');
    }
    to.push_str(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(plugins: &[(i32, &str)]) -> Row {
        let plugin = |(code, output): &(i32, &str)| Plugin {
            name: "step".to_owned(),
            response_code: Some(*code),
            started: None,
            ended: None,
            output: (*output).to_owned(),
            urls: StepUrls::default(),
        };
        Row {
            instance_id: InstanceId::parse("i-01234567").unwrap(),
            status: Status::Success,
            status_word: "Success".to_owned(),
            details_word: "Success".to_owned(),
            requested: None,
            progress: None,
            failure: None,
            note: None,
            plugins: plugins.iter().map(plugin).collect(),
        }
    }

    #[test]
    fn the_combined_output_is_taken_apart_again() {
        let execution = row(&[(0, "up\n\n----------ERROR-------\nwarning")]).execution();
        assert_eq!((execution.stdout.as_str(), execution.stderr.as_str()), ("up\n", "warning"));
        assert!(!execution.truncated);
    }

    #[test]
    fn the_first_failing_step_gives_the_exit_code() {
        assert_eq!(row(&[(0, ""), (3, ""), (4, "")]).execution().response_code, Some(3));
        assert_eq!(row(&[(0, ""), (0, "")]).execution().response_code, Some(0));
        assert_eq!(row(&[]).execution().response_code, None);
    }

    #[test]
    fn a_success_that_skipped_every_step_did_nothing() {
        let text = "Step execution skipped due to unsatisfied preconditions: '\"StringEquals\": \
                    [platformType, Windows]'. Step name: X";
        assert_eq!(row(&[(0, text)]).outcome(), Some(Outcome::Skipped));
        assert_eq!(row(&[(0, text), (0, "done")]).outcome(), Some(Outcome::Succeeded));
        assert_eq!(row(&[]).outcome(), Some(Outcome::Succeeded));
    }

    #[test]
    fn cut_output_is_recognised_by_the_agents_marks() {
        assert!(row(&[(0, "aaa\n---Output truncated---")]).execution().truncated);
    }

    #[test]
    fn all_steps_are_read_again_if_one_was_cut() {
        let cut = "aaa\n---Output truncated---";
        assert_eq!(row(&[(0, "hello"), (0, cut)]).cut_plugins().len(), 2);
        assert_eq!(row(&[(0, "hello"), (0, "world")]).cut_plugins().len(), 0);
    }

    #[test]
    fn a_failure_that_tells_without_end_is_cut() {
        let kept = |failure: String| {
            let row = Row { failure: Some(failure), ..row(&[]) };
            row.execution().failure.unwrap()
        };
        let longest = "ü".repeat(LONGEST_FAILURE);
        assert_eq!(kept(longest.clone()), longest);
        assert_eq!(kept(format!("{longest}x")), format!("{longest}…"));
    }
}
