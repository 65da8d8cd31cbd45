//! Which volume was the root of one instance: by what the newest execution on it names, by what hangs on
//! that execution's helper, and unless others have or claim it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::trace::Trace, Before, Belonging, Helper, Hold, Known, Loose, Power, Stranded, Wreckage,
};

/// What is looked for, and where.
pub(super) struct Search<'a> {
    pub it: &'a Stranded,
    pub wreckage: &'a Wreckage,
    pub power: Power,
}

/// Why a volume is not the one; `None`: it does not even come near.
type No = Option<String>;

impl Search<'_> {
    pub(super) fn belonging(&self, chosen: Option<&String>) -> Belonging {
        let id = self.it.id.as_str();
        let unproved = |why: String| Belonging::Unproved { why, candidates: Vec::new() };
        if let Some(it) = self.wreckage.under_way(id) {
            return Belonging::UnderWay(it.execution.clone());
        }
        if self.it.state != "stopped" {
            return unproved(format!("it is {} without its root volume", self.it.state));
        }
        let traces = &self.wreckage.traces;
        let newest = self.wreckage.last_to_change(id);
        if let Some(volume) = chosen {
            return match self.admit(volume) {
                Ok(()) => {
                    let trace = newest.map(|at| &traces[at]).filter(|it| it.names(volume));
                    self.known(volume, trace, "the operator says so".to_owned())
                }
                Err(why) => unproved(why),
            };
        }
        let Some(newest) = newest else {
            return Belonging::Unproved {
                why: "no execution on it is known that would tell which volume was its root"
                    .to_owned(),
                candidates: self.near(),
            };
        };
        let trace = &traces[newest];
        let execution = &trace.execution;
        if trace.status == "Success" {
            let which = match self.looks_after(newest).is_empty() {
                true => "the newest on it",
                false => "the newest that has changed anything on it",
            };
            return Belonging::Unproved {
                why: format!(
                    "execution {execution}, {which}, succeeded: somebody else has taken its root \
                     volume since"
                ),
                candidates: trace.volumes().into_iter().collect(),
            };
        }
        match self.proved(trace, &traces[..newest]) {
            Belonging::Known(mut it) => {
                it.by.push_str(&self.looks_after(newest));
                Belonging::Known(it)
            }
            other => other,
        }
    }

    /// Returns that executions on it that came after this one have changed nothing, if any has come.
    fn looks_after(&self, at: usize) -> String {
        let newer = &self.wreckage.traces[..at];
        let own: Vec<&Trace> =
            newer.iter().filter(|it| it.instance == self.it.id.as_str()).collect();
        match own.as_slice() {
            [] => String::new(),
            [one] => {
                let (execution, ended) = (&one.execution, one.ended());
                format!("; execution {execution} after it, which {ended}, has changed nothing")
            }
            several => format!("; {} executions after it have changed nothing", several.len()),
        }
    }

    /// Looks for the one volume that the execution can have taken.
    fn proved(&self, trace: &Trace, newer: &[Trace]) -> Belonging {
        let execution = &trace.execution;
        let own = self.wreckage.helpers.iter().filter(|it| trace.has_made(it));
        let own: Vec<&Helper> = own.collect();
        let mut all: BTreeSet<String> = trace.volumes();
        all.extend(own.iter().flat_map(|it| self.wreckage.on(it)));
        let (mut candidates, mut reasons) = (Vec::new(), Vec::new());
        for volume in all {
            match self.judge(&volume, trace, &own, newer) {
                Ok(()) => candidates.push(volume),
                Err(why) => reasons.extend(why),
            }
        }
        let unproved = |why: String, candidates| Belonging::Unproved { why, candidates };
        match candidates.as_slice() {
            [volume] => {
                let named = trace.names(volume);
                let held = self.holder(volume);
                let by = match (named, held) {
                    (true, Some(it)) => {
                        format!("execution {execution} names it, and its helper {it} holds it")
                    }
                    (true, None) => format!("execution {execution} names it, and has detached it"),
                    (false, _) => {
                        format!("it is the only volume on the helper of execution {execution}")
                    }
                };
                self.known(volume, Some(trace), by)
            }
            [] if reasons.is_empty() => unproved(
                format!(
                    "execution {execution}, which {}, names no volume, and no helper of it holds one",
                    trace.ended()
                ),
                self.near(),
            ),
            [] => unproved(reasons.join("; "), Vec::new()),
            several => unproved(
                format!("execution {execution} may have taken each of {}", several.join(", ")),
                several.to_vec(),
            ),
        }
    }

    fn judge(&self, id: &str, trace: &Trace, own: &[&Helper], newer: &[Trace]) -> Result<(), No> {
        let no = |why: String| Err(Some(why));
        let volume = self.there(id)?;
        let is_others = |it: &&Trace| it.instance != self.it.id.as_str() && it.names(id);
        let under_way = self.wreckage.traces.iter().filter(|it| it.is_under_way);
        if let Some(it) = newer.iter().chain(under_way).find(is_others) {
            let Trace { execution, instance, .. } = it;
            return no(format!("execution {execution} on {instance} names {id} too"));
        }
        let Some(hold) = &volume.held else {
            return match volume.state.as_str() {
                "available" if trace.has_detached() => Ok(()),
                "available" => no(format!(
                    "{id} is attached to nobody, and no step of execution {} tells of detaching it",
                    trace.execution
                )),
                other => no(format!("{id} is {other}")),
            };
        };
        if own.iter().any(|it| it.id == hold.instance) {
            return Ok(());
        }
        let Hold { instance, device } = hold;
        if *instance == self.it.id.as_str() {
            return no(format!("{id} is attached to it at {device}"));
        }
        match self.wreckage.helper(instance) {
            Some(_) => no(format!("{id} is on {instance}, the helper of another execution")),
            None => {
                no(format!("{id} is attached to {instance}, which is no helper of EC2Rescue's"))
            }
        }
    }

    /// Returns the volume if it can be attached to the instance at all.
    fn there(&self, id: &str) -> Result<&Loose, No> {
        let Some(volume) = self.wreckage.volumes.get(id) else {
            return Err(Some(format!("there is no volume {id} any more")));
        };
        let holder = volume.held.as_ref();
        let helper = holder.and_then(|it| Some((it, self.wreckage.helper(&it.instance)?)));
        if helper.is_some_and(|(hold, helper)| hold.device == helper.root_device) {
            return Err(None); // a helper's own
        }
        if volume.zone != self.it.zone {
            let (there, here) = (&volume.zone, &self.it.zone);
            return Err(Some(format!("{id} is in zone {there}, and the instance is in {here}")));
        }
        Ok(volume)
    }

    /// Returns whether what the operator has chosen can be the root volume.
    fn admit(&self, id: &str) -> Result<(), String> {
        let own_root = || format!("{id} is the root volume of a helper");
        let volume = self.there(id).map_err(|it| it.unwrap_or_else(own_root))?;
        let under_way = self.wreckage.traces.iter().filter(|it| it.is_under_way);
        if let Some(it) = under_way.clone().find(|it| it.names(id)) {
            return Err(format!("execution {} on {} is under way", it.execution, it.instance));
        }
        if let Some(it) = self.owner(id) {
            return Err(format!("execution {} took {id} from {}", it.execution, it.instance));
        }
        match &volume.held {
            None if volume.state == "available" => Ok(()),
            None => Err(format!("{id} is {}", volume.state)),
            Some(hold) => match self.wreckage.helper(&hold.instance) {
                None => Err(format!(
                    "{id} is attached to {}, which is no helper of EC2Rescue's",
                    hold.instance
                )),
                Some(helper) => match under_way.clone().find(|it| it.has_made(helper)) {
                    Some(it) => Err(format!("execution {} is under way", it.execution)),
                    None => Ok(()),
                },
            },
        }
    }

    fn known(&self, volume: &str, trace: Option<&Trace>, by: String) -> Belonging {
        let mut notes = Vec::new();
        let told = trace.and_then(Trace::power);
        let state = match (self.power, told) {
            (Power::Running, _) => "running",
            (Power::Stopped, _) => "stopped",
            (Power::AsBefore, Some(told)) => told,
            (Power::AsBefore, None) => {
                let text = "whether it was running is not told: it stays stopped (--power running \
                            starts it)";
                notes.push(text.to_owned());
                "stopped"
            }
        };
        let delete = trace.and_then(Trace::deletes_on_termination).unwrap_or_else(|| {
            let text = "whether the volume was to go with the instance is not told: it is kept \
                        (DeleteOnTermination is false)";
            notes.push(text.to_owned());
            false
        });
        let before = Before {
            state: state.to_owned(),
            root_device: self.it.root_device.clone(),
            volume: volume.to_owned(),
            delete_on_termination: delete,
            parameters: BTreeMap::new(),
        };
        Belonging::Known(Known { before, holder: self.holder(volume), by, notes })
    }

    fn holder(&self, volume: &str) -> Option<String> {
        Some(self.wreckage.volumes.get(volume)?.held.as_ref()?.instance.clone())
    }

    /// Returns the volumes on helpers in the instance's zone.
    fn near(&self) -> Vec<String> {
        let all = self.wreckage.helpers.iter().flat_map(|it| self.wreckage.on(it));
        all.filter(|it| self.there(it).is_ok() && self.owner(it).is_none()).collect()
    }

    /// Returns the execution that says of a volume that it is another instance's, where none says that
    /// it is this one's.
    fn owner(&self, volume: &str) -> Option<&Trace> {
        let mut all = self.wreckage.traces.iter().filter(|it| it.names(volume));
        let own = self.it.id.as_str();
        if all.clone().any(|it| it.instance == own) {
            return None;
        }
        all.find(|it| it.status != "Success")
    }
}
