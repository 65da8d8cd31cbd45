//! What is said about an event that must not be missed, on a terminal and in a log alike.

use anstyle::Style;

use super::{
    page::{CYAN, DIM, RED, YELLOW},
    words::{count, one_line, some_of},
};
use crate::{
    plan::DocumentKind,
    run::{ChangeState, EventKind, OnInterrupt, Resume},
};

/// What the end of the sending means where nothing can be taken back.
const UNSTOPPED: &str =
    "nobody else is replaced, what has begun cannot be taken back and is followed to its end";

/// Returns one line about `event` of a run that sends `kind`; `None` where the counts or the report
/// tell it.
pub(super) fn of(event: &EventKind, kind: DocumentKind) -> Option<(Style, String)> {
    let is_revocable = kind != DocumentKind::Replacement;
    Some(match event {
        EventKind::SendRefused { code, message, .. } => {
            (RED, format!("send refused: {code}: {message}"))
        }
        EventKind::SendThrottled { .. } => {
            (DIM, "send throttled by the service; tried again later".to_owned())
        }
        EventKind::SendDoubted { reason, .. } => {
            (YELLOW, format!("send in doubt, looking for it before going on: {reason}"))
        }
        EventKind::SendLost { reason, .. } => {
            (RED, format!("send lost, and not repeated: {reason}"))
        }
        EventKind::InstanceJoined { instance_id } => {
            (DIM, format!("{instance_id} has joined the group"))
        }
        EventKind::InstanceLeft { instance_id, departure } => {
            let why = departure.as_ref().map(|it| format!(": {}", one_line(&it.cause)));
            (DIM, format!("{instance_id} has left the group{}", why.unwrap_or_default()))
        }
        EventKind::BudgetSpent { used, limit, wave } => {
            let used = count(*used as usize, "error");
            let of = wave.map_or_else(String::new, |it| format!(" of wave {it}"));
            let rest = format!("{used}, {limit} allowed; nothing more is sent");
            (YELLOW, format!("error budget{of} spent: {rest}"))
        }
        EventKind::PauseStarted { wave, seconds, .. } => {
            (DIM, format!("wave {wave} is finished; the next one starts in {seconds} s"))
        }
        // That it could not be is a note.
        EventKind::CancelRequested { .. } if !is_revocable => return None,
        EventKind::CancelRequested { command_id, instances } => {
            let whom = instances.as_ref().map(|ids| format!("{} of ", some_of(ids)));
            let (whom, word) = (whom.unwrap_or_default(), kind.sent_word());
            (YELLOW, format!("cancelling {whom}{word} {command_id}"))
        }
        EventKind::CancelOrdered { instances: None } if !is_revocable => {
            (YELLOW, format!("cancelled by `fleet cancel`: {UNSTOPPED}"))
        }
        EventKind::CancelOrdered { instances: None } => {
            let text = "cancelled by `fleet cancel`: nothing more is sent, what runs is cancelled \
                        and followed to its end";
            (YELLOW, text.to_owned())
        }
        EventKind::CancelOrdered { instances: Some(ids) } => {
            let text = format!("`fleet cancel` takes {} back; the rest goes on", some_of(ids));
            (YELLOW, text)
        }
        EventKind::DeadlinePassed if !is_revocable => {
            (YELLOW, format!("deadline passed: {UNSTOPPED}"))
        }
        EventKind::DeadlinePassed => {
            (YELLOW, "deadline passed: nothing more is sent, what runs is cancelled".to_owned())
        }
        EventKind::Interrupted { times: 0 | 1, running: OnInterrupt::Leave } => {
            let text = "interrupted: nothing more is sent, what runs is left to run and followed \
                        to its end; a second interrupt stops following";
            (YELLOW, text.to_owned())
        }
        EventKind::Interrupted { times: 0 | 1, .. } if !is_revocable => {
            let text = format!("interrupted: {UNSTOPPED}; a second interrupt stops following");
            (YELLOW, text)
        }
        EventKind::Interrupted { times: 0 | 1, .. } => {
            let text = "interrupted: nothing more is sent, what runs is cancelled and followed to \
                        its end; a second interrupt stops following";
            (YELLOW, text.to_owned())
        }
        EventKind::Interrupted { .. } => (YELLOW, "interrupted again: following stops".to_owned()),
        EventKind::GroupChanged { change } => {
            let style = if change.state == ChangeState::Remains { RED } else { DIM };
            (style, one_line(&change.text))
        }
        EventKind::NoteTaken { note } => (CYAN, format!("note: {}", note.text)),
        EventKind::RunResumed { mode: Resume::Follow } => {
            (DIM, "taken over from its ledger to be followed: nothing more is sent".to_owned())
        }
        EventKind::RunResumed { mode: Resume::Continue } => {
            (DIM, "taken over from its ledger to be continued".to_owned())
        }
        EventKind::RunStarted { .. }
        | EventKind::WaveStarted { .. }
        | EventKind::SendIntended { .. }
        | EventKind::CommandAccepted { .. }
        | EventKind::CommandCounted { .. }
        | EventKind::InvocationChanged { .. }
        | EventKind::InstanceFinished { .. }
        | EventKind::OutputCompleted { .. }
        | EventKind::OutputStored { .. }
        | EventKind::OutputsFetched { .. }
        | EventKind::CoverageRead { .. }
        | EventKind::WaveFinished { .. }
        | EventKind::RunFinished { .. }
        | EventKind::SequelBegun { .. }
        | EventKind::Unknown => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cancelled_is_called_what_it_is() {
        let check = |kind, expected: Option<&str>| {
            let command_id = "4c1d".to_owned();
            let event = EventKind::CancelRequested { command_id, instances: None };
            assert_eq!(of(&event, kind).map(|it| it.1).as_deref(), expected);
        };
        check(DocumentKind::Command, Some("cancelling command 4c1d"));
        check(DocumentKind::Automation, Some("cancelling execution 4c1d"));
        check(DocumentKind::Replacement, None);
    }

    #[test]
    fn nobody_is_told_that_a_replacement_is_cancelled() {
        for event in [
            EventKind::Interrupted { times: 1, running: OnInterrupt::Cancel },
            EventKind::CancelOrdered { instances: None },
            EventKind::DeadlinePassed,
        ] {
            let said = |kind| of(&event, kind).expect("it must not be missed").1;
            assert!(said(DocumentKind::Automation).contains("what runs is cancelled"));
            assert!(said(DocumentKind::Replacement).contains("cannot be taken back"));
        }
    }
}
