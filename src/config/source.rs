//! The text of one file, and where in it something stands.

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

use super::ConfigError;

/// Whose word a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was named on the command line.
    Named,
    /// It was found where fleet happened to be started.
    WorkingDirectory,
    /// It is in the user's own configuration directory.
    Own,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub path: Arc<PathBuf>,
    pub standing: Standing,
    /// Counted from 1.
    pub line: usize,
    /// With the names of its tables: `profile.production.ceilings.max_errors`.
    pub key: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.path.display(), self.line, self.key)
    }
}

/// A value that was written down, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<T> {
    pub value: T,
    pub origin: Origin,
}

/// One file.
pub(super) struct Source<'a> {
    pub path: Arc<PathBuf>,
    pub standing: Standing,
    pub text: &'a str,
}

impl Source<'_> {
    pub(super) fn origin(&self, span: &Range<usize>) -> Origin {
        let at = floor(self.text, span.start);
        let line = self.text[..at].matches('\n').count() + 1;
        let (path, standing) = (Arc::clone(&self.path), self.standing);
        Origin { path, standing, line, key: key_at(self.text, at) }
    }

    /// Refuses what stands at `span`, and shows the line.
    pub(super) fn refuse(&self, span: &Range<usize>, message: impl Into<String>) -> ConfigError {
        let origin = self.origin(span);
        let snippet = Some(snippet(self.text, span, origin.line));
        ConfigError::Refused { origin, message: message.into(), snippet }
    }

    /// Returns whether a pattern of what is to be withheld may stand at `span`, in a text that cannot
    /// be read.
    pub(super) fn may_be_a_pattern(&self, span: &Range<usize>) -> bool {
        let before = &self.text[..floor(self.text, span.start)];
        let before = &before[..before.rfind('\n').map_or(0, |it| it + 1)];
        // What begins on an earlier line is not at its end: lines look like keys in a long string.
        let is_inside = before.contains(REDACT) && toml::from_str::<toml::Table>(before).is_err();
        let line = self.text[before.len()..].lines().next().unwrap_or_default();
        let names_it = line.to_ascii_lowercase().contains(REDACT);
        is_inside || names_it || is_of_redact(&self.origin(span).key)
    }

    /// Refuses a pattern that stands at `span`, without showing it: it may be a secret.
    pub(super) fn refuse_unseen(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> ConfigError {
        let mut origin = self.origin(span);
        if !is_of_redact(&origin.key) {
            // A line of it that looks like a key.
            REDACT.clone_into(&mut origin.key);
        }
        ConfigError::Refused { origin, message: message.into(), snippet: None }
    }
}

/// The key of the patterns of what is to be withheld.
const REDACT: &str = "redact";

fn is_of_redact(key: &str) -> bool {
    // A key that is misspelt may have meant it.
    key.rsplit('.').next().is_some_and(|it| it.to_ascii_lowercase().contains(REDACT))
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// Returns the key whose value, or which itself, is at this place.
fn key_at(text: &str, at: usize) -> String {
    let end = text[at..].find('\n').map_or(text.len(), |it| at + it);
    let mut key = None;
    for line in text[..end].lines().rev() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_start_matches('[').split(']').next().unwrap_or_default();
            // A header, unless it is a value in an array of several lines.
            if key.is_some() || !line.contains('=') && is_dotted(header) {
                return [Some(header), key].into_iter().flatten().collect::<Vec<_>>().join(".");
            }
        }
        if key.is_none()
            && let Some((name, _)) = line.split_once('=')
            && is_dotted(name.trim())
        {
            key = Some(name.trim());
        }
    }
    key.map_or_else(|| "the file".to_owned(), ToOwned::to_owned)
}

fn is_dotted(name: &str) -> bool {
    let is_plain = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-' | '.' | '"' | '\'');
    !name.is_empty() && name.chars().all(|it| is_plain(it) || it == ' ')
}

/// Returns the line with a caret under what is meant.
fn snippet(text: &str, span: &Range<usize>, number: usize) -> String {
    let at = floor(text, span.start);
    let start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let before = text[start..at].chars().count();
    let end = floor(text, span.end).clamp(at, start + line.len().max(at - start));
    let under = text[at..end].chars().count().max(1);
    let margin = number.to_string().len();
    let carets = format!("{}{}", " ".repeat(before), "^".repeat(under));
    format!("{number} | {}\n{:margin$} | {carets}", line.replace('\t', " "), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_by_its_tables_and_its_key() {
        let text = "redact = [\n  \"a\",\n  \"b\"]\n\n[profile.production.ceilings]\n\
                    max_errors = \"5%\"\n[limits]\n";
        let check = |what: &str, key: &str| {
            assert_eq!(key_at(text, text.find(what).unwrap()), key, "{what}");
        };
        check("\"b\"", "redact");
        check("\"5%\"", "profile.production.ceilings.max_errors");
        check("[limits]", "limits");
        assert_eq!(key_at("", 0), "the file");
    }

    #[test]
    fn the_caret_stands_under_what_is_meant() {
        let text = "a = 1\nbé = \"250%\"\n";
        let at = text.find("\"250").unwrap();
        assert_eq!(snippet(text, &(at..at + 6), 2), "2 | bé = \"250%\"\n  |      ^^^^^^");
        assert_eq!(snippet("x", &(1..1), 1), "1 | x\n  |  ^");
    }
}
