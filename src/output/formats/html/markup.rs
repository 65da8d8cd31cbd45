//! Markup in which text cannot become markup.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{output::sanitize::sanitize, run::Outcome};

/// A page in the making. What is not fleet's own is given to `text`, `element` or `data`.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds markup of fleet's own.
    pub(super) fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, made safe and escaped, as content or between double quotes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for it in sanitize(text).chars() {
            match it {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                it => self.0.push(it),
            }
        }
        self
    }

    pub(super) fn element(&mut self, name: &str, text: &str) -> &mut Self {
        self.raw("<").raw(name).raw(">").text(text).raw("</").raw(name).raw(">")
    }

    /// Adds JSON that cannot end the element that it stands in, nor open a comment.
    pub(super) fn data(&mut self, value: &impl Serialize) -> &mut Self {
        let json = serde_json::to_string(value);
        let json = json.expect("fleet's own types have string keys and no failing serializer");
        for it in json.chars() {
            match it {
                // Outside of strings JSON has none of these.
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    write!(self.0, "\\u{:04x}", u32::from(it)).expect("a string takes any text");
                }
                it => self.0.push(it),
            }
        }
        self
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// Returns the class that gives an outcome its colour.
pub(super) fn class(outcome: Outcome) -> String {
    format!("o-{}", outcome.word())
}
