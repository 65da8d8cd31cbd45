//! What the page's script reads: every instance as a row, and each output once.

use std::collections::HashMap;

use serde::Serialize;

use super::timeline::{Band, Timeline};
use crate::{
    output::{
        sanitize::sanitize,
        words::{beyond, one_line, why},
    },
    run::{Group, InstanceFacts, Outcome, Report},
};

/// The data of a page. Whatever came from an instance is safe text in it.
#[derive(Serialize)]
pub(super) struct Data {
    /// The outcomes, worst first: the order in which the table is sorted.
    outcomes: Vec<&'static str>,
    /// What `command` is the id of.
    sent: &'static str,
    /// What each place of a row holds.
    columns: [&'static str; 14],
    rows: Vec<Row>,
    /// stdout and stderr.
    outputs: Vec<(String, String)>,
    /// Each row once, from the top of the timeline to its bottom.
    lanes: Vec<usize>,
    bands: Vec<Band>,
}

/// In the order of [`COLUMNS`]: an array is a third of an object.
type Row = (
    String,
    Option<String>,
    Option<String>,
    u32,
    usize,
    Option<i32>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    usize,
    usize,
    Option<String>,
    Option<String>,
    Option<String>,
);

const COLUMNS: [&str; 14] = [
    "id", "group", "zone", "wave", "outcome", "code", "started", "took", "says", "output", "fold",
    "hint", "command", "beyond",
];

/// The most of an output that stands in the table itself.
const SAYS: usize = 160;

pub(super) fn of(report: &Report, groups: &[Group<'_>], timeline: &Timeline) -> Data {
    let members = groups.iter().enumerate();
    let members = members.flat_map(|(n, it)| it.members.iter().map(move |it| (&it.instance_id, n)));
    let folds: HashMap<_, _> = members.collect();
    let mut outputs = Outputs::default();
    let rows = report.instances.iter().map(|it| {
        let since = |at| i64::try_from(at).unwrap_or(i64::MAX);
        let started = it.started.map(|it| since(it.duration_since(report.run.started).as_millis()));
        let took = it.started.zip(it.ended);
        let took = took.map(|(from, to)| since(to.duration_since(from).as_millis().max(0)));
        let outcome = Outcome::ALL.iter().position(|of| *of == it.outcome);
        (
            it.instance_id.to_string(),
            it.group.as_deref().map(one_line),
            it.zone.as_deref().map(one_line),
            it.wave,
            outcome.expect("ALL lists every outcome"),
            it.response_code,
            started,
            took,
            says(it),
            outputs.index(it),
            folds.get(&it.instance_id).copied().unwrap_or_default(),
            it.hint.as_deref().map(one_line),
            it.command_id.as_deref().map(one_line),
            beyond(&[it]),
        )
    });
    Data {
        outcomes: Outcome::ALL.map(Outcome::word).to_vec(),
        sent: report.document.kind().sent_word(),
        columns: COLUMNS,
        rows: rows.collect(),
        outputs: outputs.texts,
        lanes: timeline.lanes(),
        bands: timeline.bands().to_vec(),
    }
}

/// Returns what stands beside the instance: why it failed, or how its output begins.
fn says(it: &InstanceFacts) -> Option<String> {
    let text = if it.outcome == Outcome::Succeeded {
        let begins = sanitize(it.stdout.get(..SAYS * 8).unwrap_or(&it.stdout));
        begins.lines().find(|it| !it.trim().is_empty()).map(one_line)
    } else {
        why(it)
    };
    text.map(|it| it.chars().take(SAYS).collect())
}

/// Outputs, each once.
#[derive(Default)]
struct Outputs<'a> {
    seen: HashMap<(&'a str, &'a str), usize>,
    texts: Vec<(String, String)>,
}

impl<'a> Outputs<'a> {
    fn index(&mut self, it: &'a InstanceFacts) -> usize {
        *self.seen.entry((&it.stdout, &it.stderr)).or_insert_with(|| {
            let safe = |it: &str| sanitize(it).into_owned();
            self.texts.push((safe(&it.stdout), safe(&it.stderr)));
            self.texts.len() - 1
        })
    }
}
