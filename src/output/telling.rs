//! What is said about an event that must not be missed, on a terminal and in a log alike.

use anstyle::Style;

use super::{
    page::{CYAN, DIM, RED, YELLOW},
    words::{count, one_line, some_of},
};
use crate::run::{EventKind, OnInterrupt, Resume};

/// Returns one line about `event`; `None` where the counts or the report tell it.
pub(super) fn of(event: &EventKind) -> Option<(Style, String)> {
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
        EventKind::CancelRequested { command_id, instances } => match instances {
            Some(ids) => (YELLOW, format!("cancelling {} of {command_id}", some_of(ids))),
            None => (YELLOW, format!("cancelling command {command_id}")),
        },
        EventKind::CancelOrdered { instances: None } => {
            let text = "cancelled by `fleet cancel`: nothing more is sent, what runs is cancelled \
                        and followed to its end";
            (YELLOW, text.to_owned())
        }
        EventKind::CancelOrdered { instances: Some(ids) } => {
            let text = format!("`fleet cancel` takes {} back; the rest goes on", some_of(ids));
            (YELLOW, text)
        }
        EventKind::DeadlinePassed => {
            (YELLOW, "deadline passed: nothing more is sent, what runs is cancelled".to_owned())
        }
        EventKind::Interrupted { times: 0 | 1, running: OnInterrupt::Leave } => {
            let text = "interrupted: nothing more is sent, what runs is left to run and followed \
                        to its end; a second interrupt stops following";
            (YELLOW, text.to_owned())
        }
        EventKind::Interrupted { times: 0 | 1, .. } => {
            let text = "interrupted: nothing more is sent, what runs is cancelled and followed to \
                        its end; a second interrupt stops following";
            (YELLOW, text.to_owned())
        }
        EventKind::Interrupted { .. } => (YELLOW, "interrupted again: following stops".to_owned()),
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
        | EventKind::Unknown => return None,
    })
}
