//! The faults of a world, checked.
//! It injects nothing: `fault` does.

use std::time::Duration;

use super::{WorldError, check::Source, raw};
use crate::sim::fault::{Fault, FaultKind, When};

const DEFAULT_DELAY: Duration = Duration::from_secs(1);

impl Source<'_> {
    pub(super) fn faults(&self, raw: Vec<raw::Fault>) -> Result<Vec<Fault>, WorldError> {
        raw.into_iter().map(|it| self.fault(it)).collect()
    }

    fn fault(&self, raw: raw::Fault) -> Result<Fault, WorldError> {
        let kind = self.word(&raw.kind, "fault.kind", &FaultKind::WORDS)?;
        if let Some(delay) = &raw.delay
            && kind != FaultKind::Delay
        {
            let message = format!("a fault of kind {:?} has no delay", raw.kind.get_ref());
            return Err(self.refuse(delay, "fault.delay", message));
        }
        let operation = raw.operation.get_ref();
        if operation.is_empty() || !operation.bytes().all(|it| it.is_ascii_alphanumeric()) {
            let message = format!("{operation:?} is not an operation such as SendCommand");
            return Err(self.refuse(&raw.operation, "fault.operation", message));
        }
        Ok(Fault {
            when: self.when(&raw)?,
            kind,
            delay: self.duration_or(raw.delay, "fault.delay", DEFAULT_DELAY)?,
            operation: raw.operation.into_inner(),
        })
    }

    fn when(&self, raw: &raw::Fault) -> Result<When, WorldError> {
        match (&raw.calls, &raw.rate) {
            (Some(calls), None) => {
                if calls.get_ref().is_empty() || calls.get_ref().contains(&0) {
                    let message = "expected numbers of calls, counted from 1";
                    return Err(self.refuse(calls, "fault.calls", message));
                }
                Ok(When::Calls(calls.get_ref().iter().copied().collect()))
            }
            (None, Some(rate)) => {
                if !(0.0..=1.0).contains(rate.get_ref()) {
                    let message = format!("{} is out of range: expected 0 to 1", rate.get_ref());
                    return Err(self.refuse(rate, "fault.rate", message));
                }
                Ok(When::Rate(*rate.get_ref()))
            }
            (None, None) => {
                let message = "expected calls or rate beside it, to say when";
                Err(self.refuse(&raw.operation, "fault.operation", message))
            }
            (Some(_), Some(rate)) => {
                Err(self.refuse(rate, "fault.rate", "expected calls or rate, not both"))
            }
        }
    }
}
