//! The answer to Enter and SIGUSR1: who still runs, and who is pending. The run goes on meanwhile.

use std::collections::BTreeMap;

use super::{
    super::{
        page::{BOLD, DIM, PLAIN, Page},
        words::{clock, count, some_of, wrap},
    },
    Progress, Stage,
};

/// How many of those who run are named, the longest first.
const NAMED: usize = 20;

/// Returns a page that says who runs, for how long, and who is pending.
pub(in super::super) fn answer(it: &Progress, columns: usize) -> Page {
    let mut page = Page::default();
    let time = format!("{} ", clock(it.now_ms() / 1000));
    if it.waves.is_empty() && it.members.is_empty() {
        page.line(&[(DIM, &time), (PLAIN, "nothing has been sent yet")]);
        return page;
    }
    page.line(&[(DIM, &time), (PLAIN, &it.summary())]);
    running(it, &mut page, columns);
    pending(it, &mut page, columns);
    page
}

fn running(it: &Progress, page: &mut Page, columns: usize) {
    let n_running: u32 = it.waves.keys().map(|wave| it.running_of(*wave)).sum();
    let known = it.running();
    let end = if known.is_empty() { "" } else { ":" };
    page.line(&[(BOLD, &format!("in progress ({n_running}){end}"))]);
    let named = known.iter().take(NAMED).map(|(id, member, ms)| {
        let place = Some(&member.place).filter(|it| !it.is_empty() && *it != "-");
        let place = place.map(|it| format!(" {it}")).unwrap_or_default();
        let step = member.step.as_deref().map(|it| format!(" {it}")).unwrap_or_default();
        format!("{} {id}{place}{step}", clock(ms / 1000))
    });
    let named: Vec<_> = named.collect();
    named.iter().for_each(|it| page.quote("  ", [it.as_str()], columns));
    if let Some(n @ 1..) = known.len().checked_sub(NAMED) {
        page.line(&[(DIM, &format!("  and {n} more"))]);
    }
    let n_known = u32::try_from(known.len()).unwrap_or(u32::MAX);
    if let Some(n @ 1..) = n_running.checked_sub(n_known) {
        page.line(&[(DIM, &format!("  {n} of which it has not been read yet who they are"))]);
    }
    let n_unread: u32 = it.waves.keys().map(|wave| it.unread_of(*wave)).sum();
    if n_unread > 0 {
        let n = count(n_unread as usize, "instance");
        page.line(&[(DIM, &format!("  {n} more have ended, and are read later"))]);
    }
}

fn pending(it: &Progress, page: &mut Page, columns: usize) {
    let mut waves: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for (id, member) in &it.members {
        if member.stage == Stage::Waiting {
            waves.entry(member.wave).or_default().push(id);
        }
    }
    let n_waiting: usize = waves.values().map(Vec::len).sum();
    let n_held: u32 = it
        .waves
        .iter()
        .map(|(index, wave)| {
            wave.out.saturating_sub(it.unread_of(*index)).saturating_sub(it.running_of(*index))
        })
        .sum();
    let n_pending = n_waiting + n_held as usize;
    page.line(&[(BOLD, &format!("pending ({n_pending}){}", if n_pending > 0 { ":" } else { "" }))]);
    if n_held > 0 {
        page.line(&[(PLAIN, &format!("  {n_held} sent, and held by SSM's own concurrency"))]);
    }
    for (index, ids) in &mut waves {
        ids.sort();
        let text = format!("wave {index} ×{}: {}", ids.len(), some_of(ids));
        for line in wrap(&text, columns.saturating_sub(2).max(20)) {
            page.line(&[(PLAIN, &format!("  {line}"))]);
        }
    }
}
