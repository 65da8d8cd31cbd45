//! The constraints of one string, and how AWS words them.

use std::{cell::RefCell, collections::HashMap};

use regex::Regex;

/// The model's pattern of what has a character besides white space.
pub(crate) const NOT_BLANK: &str = r"^(?!\s*$).+";

/// The constraints of a string; an empty pattern or set constrains nothing.
pub(crate) struct Text {
    pub min: usize,
    pub max: usize,
    pub pattern: &'static str,
    pub one_of: &'static [&'static str],
}

impl Text {
    pub(crate) fn broken_by(&self, value: &str) -> Vec<String> {
        let mut res = lengths(value.chars().count(), self.min, self.max);
        if !self.pattern.is_empty() && !matches(self.pattern, value) {
            res.push(self.pattern_constraint());
        }
        if !self.one_of.is_empty() && !self.one_of.contains(&value) {
            res.push(self.set_constraint());
        }
        res
    }

    pub(crate) fn constraints(&self) -> Vec<String> {
        let mut res = Vec::new();
        if self.max < usize::MAX {
            res.push(format!("Member must have length less than or equal to {}", self.max));
        }
        if self.min > 0 {
            res.push(format!("Member must have length greater than or equal to {}", self.min));
        }
        if !self.pattern.is_empty() {
            res.push(self.pattern_constraint());
        }
        if !self.one_of.is_empty() {
            res.push(self.set_constraint());
        }
        res
    }

    fn pattern_constraint(&self) -> String {
        format!("Member must satisfy regular expression pattern: {}", self.pattern)
    }

    fn set_constraint(&self) -> String {
        format!("Member must satisfy enum value set: [{}]", self.one_of.join(", "))
    }
}

pub(crate) fn lengths(n: usize, min: usize, max: usize) -> Vec<String> {
    let short =
        (n < min).then(|| format!("Member must have length greater than or equal to {min}"));
    let long = (n > max).then(|| format!("Member must have length less than or equal to {max}"));
    short.into_iter().chain(long).collect()
}

/// Java's `matches`: the whole value, or nothing.
fn matches(pattern: &'static str, value: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<&'static str, Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let regex = compiled.entry(pattern).or_insert_with(|| {
            // Rust's expressions do not look ahead.
            let read = if pattern == NOT_BLANK { r".*\S.*" } else { pattern };
            Regex::new(&format!(r"\A(?:{read})\z")).expect("the model's patterns compile")
        });
        regex.is_match(value)
    })
}
