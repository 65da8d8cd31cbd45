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

/// The `schema` of what was published.
pub(super) const PUBLISHED: &str = "fleet.publish/v1";

/// The `schema` of what was verified.
pub(super) const VERIFIED: &str = "fleet.verify/v1";

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

/// What publishing did, or would do, to one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicationRow {
    pub name: String,
    pub state: PublicationState,
    /// The version that is, or would be, the default; absent where it did not change or only the
    /// service can tell.
    pub version: Option<String>,
    pub hash: String,
    /// From what the account runs to what it is to run.
    pub diff: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicationState {
    Unchanged,
    WouldCreate,
    WouldUpdate,
    WouldMoveDefault,
    WouldTag,
    Created,
    Updated,
    MovedDefault,
    Tagged,
}

impl PublicationState {
    /// Returns the state once it is done.
    pub fn done(self) -> Self {
        match self {
            Self::WouldCreate => Self::Created,
            Self::WouldUpdate => Self::Updated,
            Self::WouldMoveDefault => Self::MovedDefault,
            Self::WouldTag => Self::Tagged,
            it => it,
        }
    }

    /// Returns what happened, or would, as it follows the name of a document.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unchanged => "is there already",
            Self::WouldCreate => "would be created",
            Self::WouldUpdate => "would get a new version, and that would be the default",
            Self::WouldMoveDefault => "is there, and would become the default",
            Self::WouldTag => "is there, and would be tagged",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::MovedDefault => "is the default now",
            Self::Tagged => "tagged",
        }
    }
}

/// Adds what publishing did or would do, with the differences.
pub(super) fn publications(rows: &[PublicationRow]) -> Page {
    let mut page = Page::default();
    for row in rows {
        let version = row.version.as_ref().map(|it| format!(" version {it}"));
        let version = version.unwrap_or_default();
        let state = format!(": {}", row.state.words());
        page.line(&[(BOLD, &row.name), (PLAIN, &version), (PLAIN, &state)]);
        let is_ahead = row.state.done() != row.state;
        // Every line of a new document is new: `fleet docs show` has it.
        let is_new = row.state == PublicationState::WouldCreate;
        if let Some(text) = row.diff.as_ref().filter(|_| is_ahead && !is_new) {
            diff(&mut page, text);
        }
    }
    page
}

/// Adds a unified diff in colour.
pub(super) fn diff(page: &mut Page, text: &str) {
    for line in text.lines() {
        let style = match line.as_bytes().first() {
            _ if line.starts_with("---") || line.starts_with("+++") => BOLD,
            Some(b'+') => GREEN,
            Some(b'-') => RED,
            Some(b'@') => CYAN,
            _ => PLAIN,
        };
        page.line(&[(style, line)]);
    }
}

/// What the account has of a document, held against what it should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    pub name: String,
    /// What it should have.
    pub hash: String,
    pub account: AccountCopy,
    /// From the account's content to what it should be.
    pub diff: Option<String>,
}

impl Verified {
    pub fn is_same(&self) -> bool {
        matches!(self.account, AccountCopy::Same { .. })
    }
}

pub(super) fn verified(rows: &[Verified]) -> Page {
    let mut page = Page::default();
    for row in rows {
        let (version, state) = row.account.words();
        let (style, version) = match row.is_same() {
            true => (GREEN, format!(" version {version}")),
            false if version == "-" => (RED, String::new()),
            false => (RED, format!(" version {version}")),
        };
        page.line(&[(BOLD, &row.name), (PLAIN, &version), (PLAIN, ": "), (style, state)]);
        if let Some(text) = &row.diff {
            diff(&mut page, text);
        }
    }
    let n_same = rows.iter().filter(|it| it.is_same()).count();
    let text = format!("{n_same} of {} as they should be", count(rows.len(), "document"));
    page.line(&[(BOLD, &text)]);
    page
}

/// Rows of one kind, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Rows<'a, T> {
    pub(super) schema: &'static str,
    pub(super) documents: &'a [T],
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
