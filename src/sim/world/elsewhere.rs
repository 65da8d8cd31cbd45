//! What a world declares of other services: buckets, topics, alarms and resource groups, checked.
//! Commands name them.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::{WorldError, check::Source, events::SINCES, identities::RoleSpec, raw};
use crate::sim::{
    elsewhere::{Alarm, AlarmState, Elsewhere, Turn},
    state::Since,
};

const STATES: [(&str, AlarmState); 3] = [
    ("OK", AlarmState::Ok),
    ("ALARM", AlarmState::Alarm),
    ("INSUFFICIENT_DATA", AlarmState::InsufficientData),
];

/// The keys of a world that are about other services.
pub(super) struct Raw {
    pub buckets: Option<Spanned<Vec<String>>>,
    pub shut_out: BTreeSet<String>,
    pub topics: Option<Spanned<Vec<String>>>,
    pub alarms: Vec<raw::Alarm>,
    pub resource_groups: Vec<raw::ResourceGroup>,
}

impl Source<'_> {
    pub(super) fn elsewhere(
        &self,
        raw: Raw,
        [account, region]: [&str; 2],
        roles: &[RoleSpec],
    ) -> Result<Elsewhere, WorldError> {
        let is_bucket = |it: &str| {
            let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
            (3..=63).contains(&it.len())
                && it.bytes().all(|it| is_plain(it) || b".-".contains(&it))
                && it.bytes().next().is_some_and(is_plain)
        };
        let topic = format!("arn:aws:sns:{region}:{account}:");
        let is_topic = |it: &str| {
            let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-_".contains(&it);
            it.strip_prefix(&topic).is_some_and(|it| !it.is_empty() && it.bytes().all(is_plain))
        };
        Ok(Elsewhere {
            buckets: self.names(raw.buckets, "buckets", "a bucket such as \"logs\"", is_bucket)?,
            shut_out: raw.shut_out,
            topics: self.names(
                raw.topics,
                "topics",
                &format!("a topic such as \"{topic}ops\""),
                is_topic,
            )?,
            resource_groups: self.resource_groups(raw.resource_groups)?,
            alarms: self.alarms(raw.alarms)?,
            roles: roles.iter().map(|it| it.name.clone()).collect(),
        })
    }

    fn names(
        &self,
        raw: Option<Spanned<Vec<String>>>,
        key: &str,
        expected: &str,
        is_one: impl Fn(&str) -> bool,
    ) -> Result<BTreeSet<String>, WorldError> {
        let Some(raw) = raw else { return Ok(BTreeSet::new()) };
        match raw.get_ref().iter().find(|it| !is_one(it)) {
            Some(it) => Err(self.refuse(&raw, key, format!("{it:?} is not {expected}"))),
            None => Ok(raw.into_inner().into_iter().collect()),
        }
    }

    fn resource_groups(
        &self,
        raw: Vec<raw::ResourceGroup>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, WorldError> {
        let mut res = BTreeMap::new();
        for it in raw {
            let key = "resource_group.name";
            let name = it.name.get_ref().clone();
            let is_plain = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
            if name.is_empty() || name.len() > 128 || !name.chars().all(is_plain) {
                let message = format!("{name:?} is not a name: expected letters, digits and ._-");
                return Err(self.refuse(&it.name, key, message));
            }
            if it.tags.get_ref().is_empty() {
                let message = "expected at least one tag, which its instances have";
                return Err(self.refuse(&it.tags, "resource_group.tags", message));
            }
            if res.insert(name.clone(), it.tags.into_inner()).is_some() {
                return Err(self.refuse(&it.name, key, format!("{name:?} exists already")));
            }
        }
        Ok(res)
    }

    fn alarms(&self, raw: Vec<raw::Alarm>) -> Result<Vec<Alarm>, WorldError> {
        let mut res: Vec<Alarm> = Vec::new();
        for it in raw {
            let name = it.name.get_ref();
            if name.trim().is_empty() || name.chars().count() > 255 {
                let message =
                    format!("{name:?} is not an alarm's name: expected 1 to 255 characters");
                return Err(self.refuse(&it.name, "alarm.name", message));
            }
            if res.iter().any(|known| known.name == *name) {
                return Err(self.refuse(
                    &it.name,
                    "alarm.name",
                    format!("{name:?} exists already"),
                ));
            }
            let state = match &it.state {
                Some(state) => self.word(state, "alarm.state", &STATES)?,
                None => AlarmState::Ok,
            };
            res.push(Alarm { turn: self.turn(&it)?, state, name: it.name.into_inner() });
        }
        Ok(res)
    }

    fn turn(&self, raw: &raw::Alarm) -> Result<Option<Turn>, WorldError> {
        let (to, after) = match (&raw.becomes, &raw.after, &raw.since) {
            (Some(to), Some(after), _) => (to, after),
            (Some(it), None, _) => {
                return Err(self.refuse(it, "alarm.becomes", "after is missing beside it"));
            }
            (None, Some(it), _) => {
                return Err(self.refuse(it, "alarm.after", "becomes is missing beside it"));
            }
            (None, None, Some(it)) => {
                return Err(self.refuse(it, "alarm.since", "becomes is missing beside it"));
            }
            (None, None, None) => return Ok(None),
        };
        let since = raw.since.as_ref();
        Ok(Some(Turn {
            to: self.word(to, "alarm.becomes", &STATES)?,
            after: self.duration(after, "alarm.after")?,
            since: since.map_or(Ok(Since::Command), |it| self.word(it, "alarm.since", &SINCES))?,
        }))
    }
}
