//! What `fleet docs` shows.

use super::{Format, Terminal};
use crate::output::{
    documents::{self, DocumentRow, Linted, PublicationRow, Rows, Verified},
    json,
};

impl Terminal {
    /// Lists documents; `place` is the account and the region that was asked, if one was.
    pub fn documents(&mut self, rows: &[DocumentRow], place: Option<(Option<&str>, &str)>) {
        let list = documents::List {
            schema: documents::LIST,
            account: place.and_then(|it| it.0),
            region: place.map(|it| it.1),
            documents: rows,
        };
        let text = match self.format {
            Format::Human => documents::list(rows, self.width()).into_text(),
            Format::Json => json::pretty(&list) + "\n",
            Format::Jsonl => rows.iter().map(|it| json::line(it) + "\n").collect(),
        };
        self.print(&text);
    }

    /// Shows the content of a document; `version` is the account's, absent for fleet's own.
    pub fn document(&mut self, name: &str, version: Option<&str>, content: &str) {
        let as_data = documents::Shown { schema: documents::SHOWN, name, version, content };
        let text = match self.format {
            Format::Human => documents::shown(content).into_text(),
            Format::Json => json::pretty(&as_data) + "\n",
            Format::Jsonl => json::line(&as_data) + "\n",
        };
        self.print(&text);
    }

    /// Shows what is wrong with documents.
    pub fn lint(&mut self, found: &[Linted]) {
        let clean = found.iter().all(Linted::is_clean);
        let text = match self.format {
            Format::Human => documents::lint(found, self.width()).into_text(),
            Format::Json => {
                let schema = documents::LINT;
                json::pretty(&documents::Lint { schema, clean, documents: found }) + "\n"
            }
            Format::Jsonl => {
                let lines = found.iter().flat_map(|Linted { file, findings }| {
                    findings.iter().map(|finding| documents::Line { file, finding })
                });
                lines.map(|it| json::line(&it) + "\n").collect()
            }
        };
        self.print(&text);
    }

    /// Shows what publishing did, or would do.
    pub fn publications(&mut self, rows: &[PublicationRow]) {
        let text = match self.format {
            Format::Human => documents::publications(rows).into_text(),
            Format::Json => {
                json::pretty(&Rows { schema: documents::PUBLISHED, documents: rows }) + "\n"
            }
            Format::Jsonl => rows.iter().map(|it| json::line(it) + "\n").collect(),
        };
        self.print(&text);
    }

    /// Shows the operator, and not a script, what publishing is about to do.
    pub fn publications_preview(&mut self, rows: &[PublicationRow]) {
        if !self.quiet && self.format == Format::Human {
            self.say(&documents::publications(rows).into_text());
        }
    }

    /// Shows which documents are as they should be.
    pub fn verified(&mut self, rows: &[Verified]) {
        let text = match self.format {
            Format::Human => documents::verified(rows).into_text(),
            Format::Json => {
                json::pretty(&Rows { schema: documents::VERIFIED, documents: rows }) + "\n"
            }
            Format::Jsonl => rows.iter().map(|it| json::line(it) + "\n").collect(),
        };
        self.print(&text);
    }
}
