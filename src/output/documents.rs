//! `fleet docs`: documents in a list, and what is wrong with one.

use serde::Serialize;

use super::{
    page::{BOLD, CYAN, DIM, GREEN, PLAIN, Page, RED, YELLOW},
    table,
    words::count,
};
use crate::documents::{Finding, Level};

/// The `schema` of a list of documents.
pub(super) const LIST: &str = "fleet.documents/v1";

/// The `schema` of one document.
pub(super) const SHOWN: &str = "fleet.document/v1";

/// The `schema` of findings about documents.
pub(super) const LINT: &str = "fleet.lint/v1";

/// A document: one of fleet's, one of the account's, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentRow {
    pub name: String,
    /// Command, Automation, Session, …
    pub kind: String,
    pub ours: Option<Ours>,
    pub account: AccountCopy,
}

/// What fleet has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ours {
    pub version: String,
    pub hash: String,
    /// It may change an instance.
    pub changes: bool,
}

/// What the account has under the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AccountCopy {
    /// Nobody was asked, or may be.
    Unknown,
    Absent,
    /// Its default version is fleet's document, byte for byte.
    Same {
        default_version: String,
        latest_version: String,
    },
    /// Another version of fleet's document, as fleet published it.
    Outdated {
        default_version: String,
        latest_version: String,
        tool_version: String,
    },
    /// Somebody else's content under the name.
    Modified {
        default_version: String,
        latest_version: String,
    },
    /// A document of the account alone.
    Own {
        default_version: String,
    },
}

impl AccountCopy {
    fn words(&self) -> (String, &'static str) {
        let version = |default: &str, latest: &str| {
            if default == latest { default.to_owned() } else { format!("{default} of {latest}") }
        };
        match self {
            Self::Unknown => ("-".to_owned(), "not known"),
            Self::Absent => ("-".to_owned(), "not published"),
            Self::Same { default_version, latest_version } => {
                (version(default_version, latest_version), "same")
            }
            Self::Outdated { default_version, latest_version, .. } => {
                (version(default_version, latest_version), "another version")
            }
            Self::Modified { default_version, latest_version } => {
                (version(default_version, latest_version), "modified")
            }
            Self::Own { default_version } => (default_version.clone(), "the account's own"),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct List<'a> {
    pub(super) schema: &'static str,
    pub(super) account: Option<&'a str>,
    pub(super) region: Option<&'a str>,
    pub(super) documents: &'a [DocumentRow],
}

pub(super) fn list(rows: &[DocumentRow], columns: usize) -> Page {
    let mut page = Page::default();
    if rows.is_empty() {
        page.line(&[(PLAIN, "no documents")]);
        return page;
    }
    let rows: Vec<_> = rows
        .iter()
        .map(|it| {
            let (version, state) = it.account.words();
            let ours = it.ours.as_ref();
            let changes = match ours.map(|it| it.changes) {
                Some(true) => "yes",
                Some(false) => "no",
                None => "-",
            };
            let ours = ours.map_or("-", |it| &it.version).to_owned();
            let kind = it.kind.clone();
            (vec![it.name.clone(), kind, ours, changes.into(), version, state.into()], None)
        })
        .collect();
    let header = ["DOCUMENT", "TYPE", "FLEET", "CHANGES", "ACCOUNT", "STATE"];
    table::add(&mut page, &header, &rows, columns);
    page
}

/// A document's content as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    pub(super) schema: &'static str,
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
    pub(super) content: &'a str,
}

/// Returns a content as it is, but for what would act on a terminal: the account's may be anybody's.
pub(super) fn shown(content: &str) -> Page {
    let mut page = Page::default();
    page.whole(content);
    page
}

/// A file that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Linted {
    pub file: String,
    pub findings: Vec<Finding>,
}

impl Linted {
    /// Returns whether there is nothing but advice.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|it| it.level == Level::Advice)
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Lint<'a> {
    pub(super) schema: &'static str,
    pub(super) clean: bool,
    pub(super) documents: &'a [Linted],
}

/// One finding in a line of its own.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    pub(super) file: &'a str,
    pub(super) finding: &'a Finding,
}

pub(super) fn lint(documents: &[Linted], columns: usize) -> Page {
    let mut page = Page::default();
    let mut counts = [0; 3];
    for document in documents {
        for it in &document.findings {
            let (style, at) = match it.level {
                Level::Error => (RED, 0),
                Level::Warning => (YELLOW, 1),
                Level::Advice => (CYAN, 2),
            };
            counts[at] += 1;
            let place = format!("{}:{}:{}: ", document.file, it.place.line, it.place.column);
            let code = format!(" [{}]", it.code);
            let level = format!("{}: ", it.level.word());
            page.line(&[(BOLD, &place), (style, &level), (PLAIN, &it.message), (DIM, &code)]);
            page.remark(&it.remedy, columns);
        }
    }
    if counts.iter().sum::<usize>() > 0 {
        page.blank();
    }
    let found = [(counts[0], "error"), (counts[1], "warning"), (counts[2], "piece")];
    let found = found.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| match *noun {
        "piece" => format!("{} of advice", count(*n, noun)),
        noun => count(*n, noun),
    });
    let found: Vec<String> = found.collect();
    let is_clean = documents.iter().all(Linted::is_clean);
    let n_documents = count(documents.len(), "document");
    let (style, text) = match (is_clean, found.is_empty()) {
        (true, true) => (GREEN, format!("{n_documents}, clean")),
        (true, false) => (GREEN, format!("{n_documents}, clean; {}", found.join(", "))),
        (false, _) => (BOLD, format!("{n_documents}, {}", found.join(", "))),
    };
    page.line(&[(style, &text)]);
    page
}
