//! What goes wrong on the wire, as the world orders it.
//! Which calls are hit follows from the seed and the order of the calls alone.

use std::{cell::RefCell, collections::BTreeSet, time::Duration};

/// One `[[fault]]` of the world.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub operation: String,
    pub when: When,
    pub kind: FaultKind,
    /// How much later the answer comes, in simulated time; for `FaultKind::Delay`.
    pub delay: Duration,
}

/// Which calls of the operation a fault hits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum When {
    /// By number, counted from 1 since the start.
    Calls(BTreeSet<u64>),
    /// Each with this probability.
    Rate(f64),
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
    ExpiredToken,
    /// It was done; the answer ends in its middle.
    TruncatedBody,
    /// Nothing was done; a proxy's page is the answer.
    Html500,
}

impl FaultKind {
    /// The words of the world file.
    pub(crate) const WORDS: [(&str, Self); 9] = [
        ("drop-before-accept", Self::DropBeforeAccept),
        ("drop-after-accept", Self::DropAfterAccept),
        ("error-500", Self::Error500),
        ("error-500-after-accept", Self::Error500AfterAccept),
        ("throttle", Self::Throttle),
        ("delay", Self::Delay),
        ("expired-token", Self::ExpiredToken),
        ("truncated-body", Self::TruncatedBody),
        ("html-500", Self::Html500),
    ];
}

/// The faults of the world, each with its own chance.
pub(crate) struct Faults(Vec<(Fault, RefCell<fastrand::Rng>)>);

impl Faults {
    pub(crate) fn new(faults: &[Fault], seed: u64) -> Self {
        let with_chance = |(index, fault): (usize, &Fault)| {
            let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index as u64);
            (fault.clone(), RefCell::new(fastrand::Rng::with_seed(seed)))
        };
        Self(faults.iter().enumerate().map(with_chance).collect())
    }

    /// Returns the fault that hits the `number`th call of an operation: the first that the world
    /// names. Every fault by rate draws on every call, so that one does not shift another.
    pub(crate) fn strike(&self, operation: &str, number: u64) -> Option<&Fault> {
        let mut res = None;
        for (fault, chance) in self.0.iter().filter(|(it, _)| it.operation == operation) {
            let hits = match &fault.when {
                When::Calls(numbers) => numbers.contains(&number),
                When::Rate(rate) => chance.borrow_mut().f64() < *rate,
            };
            if hits && res.is_none() {
                res = Some(fault);
            }
        }
        res
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(when: When) -> Faults {
        let fault = Fault {
            operation: "SendCommand".to_owned(),
            when,
            kind: FaultKind::Throttle,
            delay: Duration::ZERO,
        };
        Faults::new(&[fault], 1)
    }

    #[test]
    fn a_fault_by_call_hits_that_call_of_that_operation_only() {
        let faults = faults(When::Calls([2].into()));
        let hits = |operation| (1..=3).map(|it| faults.strike(operation, it).is_some()).collect();
        assert_eq!([false, true, false], *Vec::<bool>::as_slice(&hits("SendCommand")));
        assert_eq!([false; 3], *Vec::<bool>::as_slice(&hits("ListCommands")));
    }

    #[test]
    fn a_fault_by_rate_is_the_same_from_run_to_run() {
        let draw = || {
            let faults = faults(When::Rate(0.3));
            (1..=1000).map(|it| faults.strike("SendCommand", it).is_some()).collect::<Vec<_>>()
        };
        let hits = draw().iter().filter(|it| **it).count();
        assert!((250..350).contains(&hits), "{hits} of 1000");
        assert_eq!(draw(), draw());
    }

    #[test]
    fn a_rate_of_one_hits_every_call_and_of_zero_none() {
        assert!((1..=100).all(|it| faults(When::Rate(1.0)).strike("SendCommand", it).is_some()));
        assert!((1..=100).all(|it| faults(When::Rate(0.0)).strike("SendCommand", it).is_none()));
    }
}
