//! What goes wrong on the wire, as the world orders it.
//! Which calls are hit follows from the seed and the order of the calls alone; only a limit of
//! calls per second looks at the simulated time.

pub(crate) mod inject;
pub(crate) mod orders;
mod pages;

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};

use jiff::Timestamp;

use crate::sim::autoscaling;

/// One `[[fault]]` of the world.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    /// An operation's name, or `*` for all.
    pub operation: String,
    pub when: When,
    pub kind: FaultKind,
    /// How much later the answer comes, in simulated time; for `FaultKind::Delay`.
    pub delay: Duration,
    /// How much older than the last answer this one is; for `FaultKind::StalePage`.
    pub age: Duration,
}

/// Which calls of the operation a fault hits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum When {
    /// By number, counted from 1 since the fault was ordered.
    Calls(BTreeSet<u64>),
    /// Each with this probability.
    Rate(f64),
    /// Those beyond so many in a simulated second: a bucket of tokens, full at first.
    Beyond(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The connection closes; nothing was done.
    DropBeforeAccept,
    /// It was done; the connection closes.
    DropAfterAccept,
    Error500,
    /// It was done; the answer is a 500.
    Error500AfterAccept,
    Throttle,
    Delay,
    /// The caller's session is over, if it is one; nothing was done.
    ExpiredToken,
    /// It was done; the answer ends in its middle.
    TruncatedBody,
    /// Nothing was done; a proxy's page is the answer.
    Html500,
    /// The page is empty, and its token leads to what it should have held.
    EmptyPage,
    /// The page's token is the one that led to it.
    RepeatedPage,
    /// The page shows an older state than the last answer.
    StalePage,
    /// The page has half of what was asked for, and its token leads on.
    ShortPage,
    /// If the operation refuses, its refusal says no word.
    EmptyMessage,
    /// Something else is under way in Auto Scaling; nothing was done.
    Contention,
}

impl FaultKind {
    /// The words of the world file.
    pub(crate) const WORDS: [(&str, Self); 15] = [
        ("drop-before-accept", Self::DropBeforeAccept),
        ("drop-after-accept", Self::DropAfterAccept),
        ("error-500", Self::Error500),
        ("error-500-after-accept", Self::Error500AfterAccept),
        ("throttle", Self::Throttle),
        ("delay", Self::Delay),
        ("expired-token", Self::ExpiredToken),
        ("empty-page", Self::EmptyPage),
        ("repeated-page", Self::RepeatedPage),
        ("stale-page", Self::StalePage),
        ("short-page", Self::ShortPage),
        ("truncated-body", Self::TruncatedBody),
        ("html-500", Self::Html500),
        ("empty-message", Self::EmptyMessage),
        ("contention", Self::Contention),
    ];

    pub(crate) fn word(self) -> &'static str {
        let found = Self::WORDS.into_iter().find(|(_, kind)| *kind == self);
        found.map(|(word, _)| word).expect("every kind has a word")
    }

    /// Whether an operation can have it: not every operation has pages, nor a past.
    pub(crate) fn befalls(self, operation: &str) -> bool {
        match self {
            Self::EmptyPage | Self::RepeatedPage | Self::ShortPage => {
                pages::list_of(operation).is_some()
            }
            Self::Contention => autoscaling::has(operation),
            Self::StalePage => ["ListCommands", "ListCommandInvocations"].contains(&operation),
            Self::DropBeforeAccept
            | Self::DropAfterAccept
            | Self::Error500
            | Self::Error500AfterAccept
            | Self::Throttle
            | Self::Delay
            | Self::ExpiredToken
            | Self::TruncatedBody
            | Self::Html500
            | Self::EmptyMessage => true,
        }
    }
}

/// The faults that are ordered, each with its own count and its own chance.
pub(crate) struct Faults {
    seed: u64,
    ordered: RefCell<Ordered>,
}

#[derive(Default)]
struct Ordered {
    armed: Vec<Armed>,
    /// How many were ever ordered: each has a chance of its own.
    ever: u64,
}

struct Armed {
    fault: Rc<Fault>,
    calls: u64,
    chance: fastrand::Rng,
    tokens: f64,
    filled: Option<Timestamp>,
}

impl Faults {
    pub(crate) fn new(faults: &[Fault], seed: u64) -> Self {
        let res = Self { seed, ordered: RefCell::default() };
        res.order(faults);
        res
    }

    /// Adds faults after those that there are.
    pub(crate) fn order(&self, faults: &[Fault]) {
        let mut ordered = self.ordered.borrow_mut();
        for fault in faults {
            let seed = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(ordered.ever);
            ordered.ever += 1;
            ordered.armed.push(Armed {
                fault: Rc::new(fault.clone()),
                calls: 0,
                chance: fastrand::Rng::with_seed(seed),
                tokens: f64::INFINITY,
                filled: None,
            });
        }
    }

    pub(crate) fn clear(&self) {
        self.ordered.borrow_mut().armed.clear();
    }

    pub(crate) fn list(&self) -> Vec<Rc<Fault>> {
        self.ordered.borrow().armed.iter().map(|it| Rc::clone(&it.fault)).collect()
    }

    /// Returns the fault that hits a call: the first that was ordered. Every fault counts and
    /// draws on every call, so that one does not shift another.
    pub(crate) fn strike(&self, operation: &str, now: Timestamp) -> Option<Rc<Fault>> {
        let mut res = None;
        for armed in &mut self.ordered.borrow_mut().armed {
            let is_meant = armed.fault.operation == operation || armed.fault.operation == "*";
            if is_meant && armed.hits(now) && res.is_none() {
                res = Some(Rc::clone(&armed.fault));
            }
        }
        res
    }
}

impl Armed {
    fn hits(&mut self, now: Timestamp) -> bool {
        self.calls += 1;
        match &self.fault.when {
            When::Calls(numbers) => numbers.contains(&self.calls),
            When::Rate(rate) => self.chance.f64() < *rate,
            When::Beyond(per_second) => {
                let size = per_second.max(1.0);
                let passed = self.filled.map_or(0.0, |it| now.duration_since(it).as_secs_f64());
                self.filled = Some(now);
                self.tokens = (self.tokens + passed.max(0.0) * per_second).min(size);
                let is_empty = self.tokens < 1.0;
                if !is_empty {
                    self.tokens -= 1.0;
                }
                is_empty
            }
        }
    }
}

#[cfg(test)]
mod tests;
