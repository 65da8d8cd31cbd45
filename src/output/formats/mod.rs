//! A report in the formats that others read. All are rendered from the same [`Report`], so that they
//! agree, and each stays valid and inert whatever an instance printed. They judge nothing.

mod csv;
mod facts;
mod html;
mod junit;
mod markdown;
mod schema;
#[cfg(test)]
mod tests;

use std::{
    fmt::{self, Write as _},
    io,
    path::Path,
};

pub use self::schema::schema;
use super::{folded::Folds, history, json, recap};
use crate::run::Report;

/// The columns of a text that is no terminal's.
const COLUMNS: usize = 100;

/// What a report can be rendered as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// The report itself; [`schema()`] describes it.
    Json,
    /// The events that it is the fold of.
    Jsonl,
    /// One page that needs nothing else.
    Html,
    /// For a ticket or a pull request.
    Markdown,
    /// A row an instance.
    Csv,
    /// A suite a wave, a case an instance, and a case for each change that is not undone.
    Junit,
    /// What the terminal shows at the end, without colour.
    Text,
}

impl ReportFormat {
    /// Each with the ending of its files.
    pub const ENDINGS: [(&'static str, Self); 7] = [
        ("json", Self::Json),
        ("jsonl", Self::Jsonl),
        ("html", Self::Html),
        ("md", Self::Markdown),
        ("csv", Self::Csv),
        ("xml", Self::Junit),
        ("txt", Self::Text),
    ];

    /// Returns the format that the ending of `path` names.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?;
        Self::ENDINGS.into_iter().find(|(it, _)| ending.eq_ignore_ascii_case(it)).map(|it| it.1)
    }

    /// Returns `.json, .jsonl, …`.
    pub(super) fn endings() -> String {
        Self::ENDINGS.map(|(it, _)| format!(".{it}")).join(", ")
    }
}

/// Returns the report of the run in `directory` in this format.
///
/// # Errors
/// If the events of the run, which JSON Lines are made of, cannot be read.
pub fn render(
    format: ReportFormat,
    report: &Report,
    folds: Folds,
    directory: &Path,
) -> io::Result<String> {
    Ok(match format {
        ReportFormat::Json => json::pretty(report) + "\n",
        ReportFormat::Jsonl => {
            let events = history::events(directory).map_err(io::Error::other)?;
            events.iter().map(|it| json::line(it) + "\n").collect()
        }
        ReportFormat::Html => html::render(report, folds),
        ReportFormat::Markdown => markdown::render(report, folds),
        ReportFormat::Csv => csv::render(report),
        ReportFormat::Junit => junit::render(report),
        ReportFormat::Text => {
            let page = recap::page(report, &[], folds, COLUMNS).into_text();
            anstream::adapter::strip_str(&page).to_string()
        }
    })
}

/// Appends to a text, which takes anything.
fn add(to: &mut String, what: fmt::Arguments<'_>) {
    to.write_fmt(what).expect("a string takes any text");
}
