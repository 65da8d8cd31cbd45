//! What is written down of an instance that gets its root volume back: how it was, before anything
//! is done; each step before it is taken; and that it is over. Whoever comes after a process that died
//! goes on from it, without having to prove anything again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::mending::Mend;
use crate::plan::Before;

/// A line of the journal of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    pub at: Timestamp,
    pub stage: Returned,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Returned {
    /// It is to be as it was again.
    Intended {
        before: Before,
        /// Why the volume is its own.
        by: String,
    },
    /// A step is about to be taken.
    Step { mend: Mend },
    /// Nothing is left to do.
    Over { why: String },
}

/// Returns how the instance is to be again, if that was begun and is not over.
pub fn unfinished(lines: &[Return]) -> Option<&Before> {
    let mut res = None;
    for it in lines {
        match &it.stage {
            Returned::Intended { before, .. } => res = Some(before),
            Returned::Step { .. } => {}
            Returned::Over { .. } => res = None,
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_unfinished_until_it_is_over() {
        let at = "2024-07-19T05:30:00Z".parse().unwrap();
        let before = Before { volume: "vol-1".to_owned(), ..Before::default() };
        let line = |stage| Return { at, stage };
        let by = "the operator says so".to_owned();
        let intended = line(Returned::Intended { before: before.clone(), by });
        let mend = Mend::Attach { volume: "vol-1".to_owned(), device: "/dev/sda1".to_owned() };
        let step = line(Returned::Step { mend });
        let over = line(Returned::Over { why: "it is as it was".to_owned() });
        assert_eq!(unfinished(&[]), None);
        assert_eq!(unfinished(&[intended.clone(), step.clone()]), Some(&before));
        assert_eq!(unfinished(&[intended.clone(), step.clone(), over.clone()]), None);
        assert_eq!(unfinished(&[intended.clone(), over, intended]), Some(&before));
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<Return>(&text).unwrap(), step);
    }
}
