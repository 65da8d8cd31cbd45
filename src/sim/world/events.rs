//! What happens to the groups of a world while it runs, checked.
//! It lets nothing happen: `timeline` does.

use super::{
    WorldError,
    check::Source,
    groups::{GroupSpec, beyond},
    raw,
};
use crate::sim::state::{Event, EventKind, Since, Which};

const KINDS: [(&str, EventKind); 5] = [
    ("scale-in", EventKind::ScaleIn),
    ("scale-out", EventKind::ScaleOut),
    ("standby", EventKind::Standby),
    ("lose-agent", EventKind::LoseAgent),
    ("impair", EventKind::Impair),
];

pub(super) const SINCES: [(&str, Since); 2] =
    [("command", Since::Command), ("start", Since::Start)];

impl Source<'_> {
    pub(super) fn events(
        &self,
        raw: Vec<raw::Event>,
        groups: &[GroupSpec],
    ) -> Result<Vec<Event>, WorldError> {
        raw.into_iter().map(|it| self.event(it, groups)).collect()
    }

    fn event(&self, raw: raw::Event, groups: &[GroupSpec]) -> Result<Event, WorldError> {
        let name = raw.group.get_ref();
        let Some(group) = groups.iter().find(|it| it.name == *name) else {
            let message = format!("the world has no group {name:?}");
            return Err(self.refuse(&raw.group, "event.group", message));
        };
        let kind = self.word(&raw.kind, "event.kind", &KINDS)?;
        let since = raw.since.as_ref();
        Ok(Event {
            after: self.duration(&raw.after, "event.after")?,
            since: since.map_or(Ok(Since::Command), |it| self.word(it, "event.since", &SINCES))?,
            kind,
            which: self.which(&raw, kind, group)?,
            group: raw.group.into_inner(),
        })
    }

    fn which(
        &self,
        raw: &raw::Event,
        kind: EventKind,
        group: &GroupSpec,
    ) -> Result<Which, WorldError> {
        let size = group.instances.len();
        // It may have grown by then, to its maximum.
        let most = size.max(usize::try_from(group.max).unwrap_or(usize::MAX));
        match (&raw.count, &raw.instances) {
            (Some(it), _) if *it.get_ref() > most => {
                let message = format!(
                    "{} is out of range: the group has {most} instances at the most",
                    it.get_ref()
                );
                Err(self.refuse(it, "event.count", message))
            }
            (None, None) => Ok(Which::Count(1)),
            (Some(it), None) if *it.get_ref() == 0 => {
                Err(self.refuse(it, "event.count", "expected at least 1"))
            }
            (Some(it), None) => Ok(Which::Count(*it.get_ref())),
            (None, Some(it)) if kind == EventKind::ScaleOut => {
                let message = "the instances of a scale-out do not exist yet: expected count";
                Err(self.refuse(it, "event.instances", message))
            }
            (None, Some(it)) if it.get_ref().is_empty() => {
                Err(self.refuse(it, "event.instances", "expected at least one index"))
            }
            (None, Some(it)) => match it.get_ref().iter().find(|it| **it >= size) {
                Some(index) => Err(self.refuse(it, "event.instances", beyond(*index, size))),
                None => Ok(Which::Indices(it.get_ref().clone())),
            },
            (Some(_), Some(it)) => {
                Err(self.refuse(it, "event.instances", "expected count or instances, not both"))
            }
        }
    }
}
