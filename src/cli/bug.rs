//! What becomes of a panic: it is told like any other failure, and exits with the code of a bug.
//! It repairs nothing.

use std::{
    cell::RefCell,
    io::Write,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook},
};

use crate::{exit::Exit, output::failure};

thread_local! {
    /// What the hook saw on this thread: the message and its place, until the unwinding is over.
    static SEEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs the whole program. A panic of this thread ends it as [`Exit::Bug`]; one of another thread
/// (the simulator's) is told, and costs whoever waits for that thread an answer.
pub fn guarded(program: impl FnOnce() -> Exit) -> Exit {
    let guarded = std::thread::current().id();
    set_hook(Box::new(move |panic| {
        if std::thread::current().id() == guarded {
            // Told after the unwinding, which takes the progress bar off the terminal.
            SEEN.set(Some(described(panic)));
        } else {
            tell(&mut std::io::stderr(), &described(panic));
        }
    }));
    caught(program, &mut std::io::stderr())
}

fn caught(program: impl FnOnce() -> Exit, err: &mut dyn Write) -> Exit {
    // Nothing that the program touched is looked at again.
    catch_unwind(AssertUnwindSafe(program)).unwrap_or_else(|payload| {
        let seen = SEEN.take().unwrap_or_else(|| message(&*payload).to_owned());
        tell(err, &seen);
        Exit::Bug
    })
}

fn described(panic: &PanicHookInfo<'_>) -> String {
    match panic.location() {
        Some(place) => format!("{} ({place})", message(panic.payload())),
        None => message(panic.payload()).to_owned(),
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it does not say which")
}

fn tell(err: &mut dyn Write, seen: &str) {
    let hints = [
        "assume that something was sent: the ledger of the run and `aws ssm list-commands` say what",
        "please report this, with the lines above",
    ];
    failure(err, "this is a bug in fleet", &[seen.to_owned()], &hints.map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_as_a_bug_and_exits_with_70() {
        let mut err = Vec::new();
        let exit = caught(|| panic!("the wave was sent, so it has a command"), &mut err);
        assert_eq!(exit.code(), 70);
        insta::assert_snapshot!(String::from_utf8(err).unwrap(), @r"
        error: this is a bug in fleet
        caused by: the wave was sent, so it has a command
        hint: assume that something was sent: the ledger of the run and `aws ssm list-commands` say what
        hint: please report this, with the lines above
        ");
    }

    #[test]
    fn a_program_that_ends_ends_as_it_says_and_nothing_is_told() {
        let mut err = Vec::new();
        assert_eq!(caught(|| Exit::Verdict(5), &mut err).code(), 5);
        assert!(err.is_empty());
    }
}
