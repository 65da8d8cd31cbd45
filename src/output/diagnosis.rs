//! What `fleet doctor` found: a line for each check, and under it what would help.

use anstyle::Style;
use serde::Serialize;

use super::{
    json,
    page::{BOLD, CYAN, DIM, GREEN, PLAIN, Page, RED, YELLOW},
    terminal::{Format, Terminal},
    words::{count, one_line, wrap},
};
use crate::plan::{Finding, Verdict};

/// The `schema` of what `fleet doctor --output json` prints.
const SCHEMA: &str = "fleet.doctor/v1";

/// Columns of a verdict and of a check's name.
pub(super) const VERDICT: usize = 9;
pub(super) const NAME: usize = 18;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    schema: &'static str,
    region: Option<String>,
    caller_arn: Option<String>,
    role_arn: Option<String>,
    checks: Vec<Finding>,
    totals: Totals,
}

/// How many findings there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Totals {
    pass: usize,
    warn: usize,
    fail: usize,
    unknown: usize,
}

impl Diagnosis {
    pub fn new(
        region: Option<String>,
        caller_arn: Option<String>,
        role_arn: Option<String>,
        checks: Vec<Finding>,
    ) -> Self {
        let count = |verdict| checks.iter().filter(|it| it.verdict == verdict).count();
        let totals = Totals {
            pass: count(Verdict::Pass),
            warn: count(Verdict::Warn),
            fail: count(Verdict::Fail),
            unknown: count(Verdict::Unknown),
        };
        Self { schema: SCHEMA, region, caller_arn, role_arn, checks, totals }
    }

    /// Returns whether something was found that a run would not survive.
    pub fn has_failed(&self) -> bool {
        self.totals.fail > 0
    }
}

impl Terminal {
    /// Shows what was found, as the result of a command.
    pub fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        let text = match self.format() {
            Format::Human => page(diagnosis, self.width()).into_text(),
            Format::Json => json::pretty(diagnosis) + "\n",
            Format::Jsonl => diagnosis.checks.iter().map(|it| json::line(it) + "\n").collect(),
        };
        self.text(&text);
    }
}

fn page(diagnosis: &Diagnosis, columns: usize) -> Page {
    let mut page = Page::default();
    for it in &diagnosis.checks {
        row(&mut page, "", it, columns);
    }
    let Totals { pass, warn, fail, unknown } = diagnosis.totals;
    page.blank();
    let sum = count(diagnosis.checks.len(), "check");
    let sum = format!(
        "{sum}: {pass} passed, {}, {fail} failed, {unknown} unknown",
        count(warn, "warning")
    );
    page.line(&[(BOLD, &sum)]);
    page
}

/// Adds a finding of a check that has a number.
pub(super) fn finding(page: &mut Page, number: u8, finding: &Finding, columns: usize) {
    row(page, &format!("{number:>2} "), finding, columns);
}

/// Adds a finding: its verdict and name, and beside them what was said and what would help.
fn row(page: &mut Page, lead: &str, it: &Finding, columns: usize) {
    let margin = " ".repeat(lead.len() + VERDICT + NAME);
    let room = columns.saturating_sub(margin.len()).max(30);
    let (style, word) = worded(it.verdict);
    let (word, name) = (format!("{word:VERDICT$}"), format!("{:NAME$}", it.check));
    for (n, line) in wrap(&one_line(&it.said), room).iter().enumerate() {
        match n {
            0 => page.line(&[(DIM, lead), (style, &word), (BOLD, &name), (PLAIN, line)]),
            _ => page.line(&[(PLAIN, &margin), (PLAIN, line)]),
        }
    }
    for line in it.remedy.iter().flat_map(|it| wrap(&one_line(it), room - 2)) {
        page.line(&[(PLAIN, &margin), (DIM, "  "), (DIM, &line)]);
    }
}

fn worded(verdict: Verdict) -> (Style, &'static str) {
    match verdict {
        Verdict::Pass => (GREEN, "pass"),
        Verdict::Warn => (YELLOW, "warn"),
        Verdict::Fail => (RED, "fail"),
        Verdict::Unknown => (CYAN, "unknown"),
    }
}
