//! One question on the terminal, which Ctrl-C answers too.

use crate::{
    error::Error,
    exit::Exit,
    output::{Confirmation, Echo, Terminal, read_answer, read_line},
    plan::parse_mfa_token,
    signal::Interrupts,
};

/// How often a code that is none is asked for again.
const ATTEMPTS: u32 = 3;

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

/// Asks for the code of an MFA device, which is not shown while it is typed. Whoever drops this, as
/// an interrupt does, gets the terminal back as it was.
pub(super) async fn code(terminal: &mut Terminal, question: &str) -> Result<String, Error> {
    for _ in 0..ATTEMPTS {
        let echo = Echo::off();
        terminal.ask_for(question);
        let line = tokio::task::spawn_blocking(read_line).await;
        drop(echo);
        terminal.end_of_answer();
        let Ok(Some(line)) = line else { break };
        match parse_mfa_token(line.trim()) {
            Ok(code) => return Ok(code),
            Err(why) => terminal.warning(why),
        }
    }
    Err(Error::new(Exit::Usage, "no code of the MFA device was given")
        .hint("pass --mfa-token CODE"))
}
