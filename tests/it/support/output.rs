//! What a run of the program said and left, and how a test reads it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use fleet::run::{Event, Fold};
use regex::Regex;
use serde_json::Value;

/// What the program said, and how it ended. Its `Display` is for snapshots and for people: what
/// varies from run to run is redacted.
#[must_use]
pub(crate) struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub home: PathBuf,
}

impl Output {
    /// Requires this exit code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{self}");
        self
    }

    /// Requires that stderr names all of `texts`.
    pub(crate) fn complains(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "stderr lacks `{text}`:\n{self}");
        }
        self
    }

    /// Requires that stdout contains all of `texts`.
    pub(crate) fn prints(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "stdout lacks `{text}`:\n{self}");
        }
        self
    }

    /// Returns stdout, which must be one JSON document and nothing else.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|err| panic!("{err}:\n{self}"))
    }

    /// Returns stdout, which must be one JSON document a line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |it| serde_json::from_str(it).unwrap_or_else(|err| panic!("{err}:\n{self}"));
        self.stdout.lines().map(parse).collect()
    }

    /// Returns `text` without what varies.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let text = text.replace(self.home.to_str().unwrap(), "[HOME]");
        let rules = [
            (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
            (r"\bi-[0-9a-f]{8,17}\b", "i-[ID]"),
            (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "[UUID]"),
            // How often a run is looked at varies.
            (r"(?m)^\d\d:\d\d \d+/\d+ · .*\n", ""),
            (r"API calls .*(\n {14}.*)*", "API calls   [CALLS]"),
            (r"(?m)^\d\d:\d\d ", "[TIME] "),
            (r"\b\d+(\.\d+)?s\b", "[DURATION]"),
        ];
        rules.iter().fold(text, |text, (pattern, with)| {
            Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
        })
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (out, err) = (self.redacted(&self.stdout), self.redacted(&self.stderr));
        let code = self.code.map_or("by a signal".to_owned(), |it| it.to_string());
        write!(f, "-- stdout\n{out}-- stderr\n{err}-- exit: {code}")
    }
}

/// What a run left in its ledger.
pub(crate) struct Record {
    pub directory: PathBuf,
    pub plan: Value,
    pub events: Vec<Value>,
    pub report: Value,
}

impl Record {
    pub(crate) fn read(directory: &Path) -> Self {
        let text = |name| fs::read_to_string(directory.join(name)).unwrap();
        let json = |text: &str| serde_json::from_str(text).unwrap();
        Self {
            directory: directory.to_owned(),
            plan: json(&text("plan.json")),
            events: text("events.jsonl").lines().map(json).collect(),
            report: json(&text("report.json")),
        }
    }

    /// Requires that the report accounts for every planned instance exactly once, and returns it.
    pub(crate) fn complete(&self) -> &Value {
        let report = &self.report;
        let planned = report["population"]["planned"].as_u64().unwrap();
        let totals = report["totals"].as_object().unwrap().values().filter_map(Value::as_u64);
        assert_eq!(totals.sum::<u64>(), planned, "{}", report["totals"]);
        let mut ids: Vec<&str> = self.ids("instances", "instance_id");
        assert_eq!(ids.len() as u64, planned);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len() as u64, planned, "an instance is there twice");
        report
    }

    /// Requires that the events have no gap and do not go back in time, and that the report is what
    /// they amount to.
    pub(crate) fn replayed(&self) -> &Self {
        let numbers = |field: &str| -> Vec<u64> {
            self.events.iter().map(|it| it[field].as_u64().unwrap()).collect()
        };
        let expected: Vec<u64> = (1..=self.events.len() as u64).collect();
        assert_eq!(numbers("seq"), expected);
        assert!(numbers("elapsed_ms").is_sorted(), "{:?}", numbers("elapsed_ms"));
        let mut fold = Fold::default();
        for event in &self.events {
            fold.apply(&serde_json::from_value::<Event>(event.clone()).unwrap());
        }
        assert_eq!(serde_json::to_value(fold.report().unwrap()).unwrap(), self.report);
        self
    }

    /// Returns a field of every member of a list of the report.
    pub(crate) fn ids(&self, list: &str, field: &str) -> Vec<&str> {
        let list = self.report[list].as_array().unwrap().iter();
        list.map(|it| it[field].as_str().unwrap()).collect()
    }

    /// Returns the kinds of the events, in their order.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        self.events.iter().map(|it| it["data"]["kind"].as_str().unwrap()).collect()
    }
}
