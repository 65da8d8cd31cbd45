//! What is wrong with a document, whoever wrote it: refused by the service, passed over by the
//! agent, or waiting for a bad value. It reads a text, and nothing else.

mod finding;
mod known;
mod parameters;
mod pattern;
mod preconditions;
mod quoting;
mod references;
mod scripts;
mod shape;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use regex::Regex;

pub use self::finding::{Finding, Level};
use self::{finding::Findings, known::Kind, parameters::Parameter, shape::Step};
use super::node::{self, Node, Place, Value};

/// The most bytes that CreateDocument takes ("The size limit of a document is 64 KB").
pub const LARGEST: usize = 64 * 1024;

/// What the rules look at.
struct Document<'a> {
    source: &'a str,
    root: &'a Node,
    kind: Kind,
    version: String,
    parameters: Vec<Parameter>,
    steps: Vec<Step<'a>>,
}

/// Returns what is wrong with a document, in the order of its text. A comment `# fleet: allow CODE`
/// anywhere in it silences that code.
pub fn lint(source: &str) -> Vec<Finding> {
    let mut findings = Findings::default();
    if source.len() > LARGEST {
        let n = source.len();
        let message = format!("the document has {n} bytes, and the service takes {LARGEST}");
        let remedy = "shorten it, or fetch what is long with aws:downloadContent";
        findings.error(Place::START, "document.size", message, remedy);
    }
    match node::parse(source) {
        Ok(root) => of_tree(&mut findings, source, &root),
        Err((err, place)) => {
            let message = without_place(&err.to_string());
            findings.error(place, "document.syntax", message, "correct the text here");
        }
    }
    let allowed: Vec<&str> =
        ALLOWED.captures_iter(source).filter_map(|it| it.get(1)).map(|it| it.as_str()).collect();
    let mut res = findings.0;
    res.retain(|it| !allowed.contains(&it.code));
    res.sort();
    res.dedup();
    res
}

/// What a document says of itself is meant.
static ALLOWED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"fleet:\s*allow\s+([a-z.-]+)").expect("the pattern is well formed")
});

/// Where a parser's message has a place.
static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    let place = r"error: line \d+ column \d+: | at line \d+ column \d+";
    Regex::new(place).expect("the pattern is well formed")
});

/// Takes out of a parser's message the place, which the finding has anyway, and the excerpt.
fn without_place(message: &str) -> String {
    PLACE.replace_all(message.lines().next().unwrap_or_default(), "").into_owned()
}

fn of_tree(findings: &mut Findings, source: &str, root: &Node) {
    if !matches!(root.value, Value::Map(_)) {
        let remedy = "begin with schemaVersion";
        return findings.error(root.place, "document.syntax", "it is not a document", remedy);
    }
    let Some(declared) = root.get("schemaVersion") else {
        let message = "the document has no schemaVersion";
        return findings.error(root.place, "schema.missing", message, "add schemaVersion: '2.2'");
    };
    let version = declared.text().unwrap_or_default();
    let Some(kind) = known::kind(&version) else {
        let message = format!("there is no schemaVersion {version}");
        let remedy = "use '2.2' for a Command document, '0.3' for Automation";
        return findings.error(declared.place, "schema.unknown", message, remedy);
    };
    let what = match kind {
        Kind::Automation => "an Automation document",
        Kind::Session => "a Session document",
        Kind::Plugins | Kind::Steps => "a Command document",
    };
    if matches!(declared.value, Value::Number(_)) {
        let message = "schemaVersion is a number, and should be a string";
        let remedy = format!("put it in quotes: '{version}'");
        findings.advice(declared.place, "schema.quotes", message, remedy);
    }
    if kind == Kind::Plugins {
        let message = "documents of schema 1.2 cannot be updated, and promise no order of plugins";
        let remedy = "use schemaVersion 2.2 with mainSteps";
        findings.advice(declared.place, "schema.old", message, remedy);
    }
    shape::keys(findings, root, what, "document.unknown-key", known::top_level(kind));
    let parameters = parameters::parameters(findings, root, kind);
    let steps = shape::steps(findings, root, kind);
    let document = Document { source, root, kind, version, parameters, steps };
    references::check(findings, &document);
    preconditions::check(findings, &document);
    scripts::check(findings, &document);
}
