//! `fleet targets`: who a selector matches, who of them is in, and why the others are not.

use serde::Serialize;

use super::{
    page::{BOLD, Page},
    table,
    words::{count, place},
};
use crate::plan::{Agent, Excluded, Target};

/// The targets as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Targets<'a> {
    pub(super) schema: &'static str,
    pub(super) planned: &'a [Target],
    pub(super) excluded: &'a [Excluded],
}

pub(super) const SCHEMA: &str = "fleet.targets/v1";

/// One target in a line of its own.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", content = "target", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Planned(&'a Target),
    Excluded(&'a Excluded),
}

pub(super) fn page(planned: &[Target], excluded: &[Excluded], columns: usize) -> Page {
    let mut page = Page::default();
    if !planned.is_empty() {
        let rows: Vec<_> = planned.iter().map(|it| (cells(it), None)).collect();
        let header = ["INSTANCE", "GROUP/ZONE", "LIFECYCLE", "PLATFORM", "AGENT"];
        table::add(&mut page, &header, &rows, columns);
        page.blank();
    }
    if !excluded.is_empty() {
        let rows = excluded.iter().map(|it| {
            let cells = [
                it.instance_id.to_string(),
                place(it.group.as_deref(), None),
                it.lifecycle.clone().unwrap_or_else(|| "-".to_owned()),
            ];
            (cells.to_vec(), Some(it.to_string()))
        });
        let rows: Vec<_> = rows.collect();
        table::add(&mut page, &["LEFT OUT", "GROUP", "LIFECYCLE"], &rows, columns);
        page.blank();
    }
    let total =
        format!("{} planned, {} left out", count(planned.len(), "instance"), excluded.len());
    page.line(&[(BOLD, &total)]);
    page
}

fn cells(it: &Target) -> Vec<String> {
    let known = |it: Option<String>| it.unwrap_or_else(|| "-".to_owned());
    vec![
        it.id.to_string(),
        place(it.group.as_deref(), it.zone.as_deref()),
        known(it.lifecycle.clone()),
        known(it.platform.as_ref().map(ToString::to_string)),
        agent(it),
    ]
}

fn agent(it: &Target) -> String {
    let word = match it.agent {
        Agent::Online => "online",
        Agent::ConnectionLost => "connection lost",
        Agent::NotRegistered => "not registered",
        Agent::Unknown => "unknown",
    };
    match &it.agent_version {
        Some(version) => format!("{word} {version}"),
        None => word.to_owned(),
    }
}
