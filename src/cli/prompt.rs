//! One question on the terminal, which Ctrl-C answers too.

use crate::{
    output::{Confirmation, Terminal, read_answer},
    signal::Interrupts,
};

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Interrupted,
}

/// Asks `question` and waits for a line or an interrupt.
pub(super) async fn ask(
    terminal: &mut Terminal,
    question: &str,
    interrupts: &mut Interrupts,
) -> Answer {
    terminal.ask(question);
    // The thread stays behind in its read if an interrupt comes first; main does not wait for it.
    let answer = tokio::task::spawn_blocking(read_answer);
    tokio::select! {
        answer = answer => match answer {
            Ok(Confirmation::Yes) => Answer::Yes,
            // A reader that panicked has heard no yes either.
            Ok(Confirmation::No) | Err(_) => Answer::No,
        },
        () = interrupts.next() => Answer::Interrupted,
    }
}
