//! Whom an execution has stopped, and died: the root volume is there, and what was running is not.

use std::collections::BTreeMap;

use super::{Before, Belonging, Halted, Known, Power, Wreckage};

impl Halted {
    /// Returns how it was if the newest execution that may have changed anything on it has stopped it
    /// and died, and nobody has started it since.
    pub(super) fn left_stopped(&self, wreckage: &Wreckage, power: Power) -> Option<Belonging> {
        let id = self.id.as_str();
        let trace = &wreckage.traces[wreckage.last_to_change(id)?];
        let is_since = trace.started.is_some_and(|it| it > self.launched);
        let is_its_own = !trace.has_detached() || trace.names(&self.volume);
        if wreckage.under_way(id).is_some()
            || trace.status == "Success"
            || !(trace.has_stopped() && is_since && is_its_own)
        {
            return None;
        }
        let state = match power {
            Power::Running => "running",
            Power::Stopped => "stopped",
            Power::AsBefore => trace.power().unwrap_or("stopped"),
        };
        let mut notes = Vec::new();
        let mut delete = self.delete_on_termination;
        if trace.has_detached() {
            match trace.deletes_on_termination() {
                Some(it) => delete = it,
                None => notes.push(format!(
                    "whether the volume was to go with the instance is not told: DeleteOnTermination \
                     stays {delete}"
                )),
            }
        }
        if state == "stopped" && delete == self.delete_on_termination {
            return None;
        }
        let before = Before {
            state: state.to_owned(),
            root_device: self.root_device.clone(),
            volume: self.volume.clone(),
            delete_on_termination: delete,
            parameters: BTreeMap::new(),
        };
        let by = format!("execution {}, which {}, has stopped it", trace.execution, trace.ended());
        Some(Belonging::Known(Known { before, holder: None, by, notes }))
    }
}
