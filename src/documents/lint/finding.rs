//! What is wrong with a document: where, how bad, and what to do about it.

use serde::Serialize;

use crate::documents::node::Place;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    pub place: Place,
    pub level: Level,
    /// A stable word, such as `script.injection`.
    pub code: &'static str,
    pub message: String,
    pub remedy: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is refused, or does not do what it says.
    Error,
    /// It works until something goes wrong, or somebody means harm.
    Warning,
    /// It could be better; a document with advice alone is clean.
    Advice,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        }
    }
}

/// The findings of one document, as they come.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn error(
        &mut self,
        place: Place,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Error, place, code, message.into(), remedy.into());
    }

    pub(super) fn warning(
        &mut self,
        place: Place,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Warning, place, code, message.into(), remedy.into());
    }

    pub(super) fn advice(
        &mut self,
        place: Place,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Advice, place, code, message.into(), remedy.into());
    }

    fn add(
        &mut self,
        level: Level,
        place: Place,
        code: &'static str,
        message: String,
        remedy: String,
    ) {
        self.0.push(Finding { place, level, code, message, remedy });
    }
}
