//! Ctrl-C, SIGTERM and SIGHUP as a stream of interrupts, with a variant that never interrupts.
//! A terminal that goes away must not leave a run without an end in its ledger. Enter and SIGUSR1 ask,
//! and end nothing.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use rustix::{
    io::{ioctl_fionread, read},
    process::getpgrp,
    termios::tcgetpgrp,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

/// How often it is looked whether Enter was pressed.
const GLANCE: Duration = Duration::from_millis(100);

/// Where interrupts come from.
#[derive(Debug)]
pub enum Interrupts {
    Signals { interrupt: Signal, terminate: Signal, hang_up: Option<Signal> },
    Never,
}

impl Interrupts {
    /// Listens from now on: the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// The operating system's, if a handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        // Whoever asks too early must not end the process: from here on it is at most not heard.
        drop(signal(SignalKind::user_defined1())?);
        Ok(Self::Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    /// Waits for the next interrupt. Dropping the future loses none.
    pub async fn next(&mut self) {
        match self {
            Self::Signals { interrupt, terminate, hang_up } => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    // The shell and the kernel each say that a terminal is gone, and nobody has asked twice.
                    () = received(hang_up) => *hang_up = None,
                }
            }
            Self::Never => std::future::pending().await,
        }
    }
}

/// What the operator wants of a run that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inquiry {
    /// SIGUSR1.
    Signalled,
    /// Enter.
    Typed,
    /// Nothing; the process was stopped, and goes on.
    Returned,
}

/// Where inquiries come from. What cannot be listened to is not heard: a run goes on without it.
#[derive(Debug)]
pub struct Inquiries {
    asked: Option<Signal>,
    returned: Option<Signal>,
    is_typed_at: bool,
}

impl Inquiries {
    /// Listens to signals, and to stdin where it is a terminal.
    pub fn listen() -> Self {
        Self {
            asked: signal(SignalKind::user_defined1()).ok(),
            returned: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())).ok(),
            is_typed_at: io::stdin().is_terminal(),
        }
    }

    /// Waits for the next one. Dropping the future loses none.
    pub async fn next(&mut self) -> Inquiry {
        tokio::select! {
            () = received(&mut self.asked) => Inquiry::Signalled,
            () = received(&mut self.returned) => Inquiry::Returned,
            () = typed(), if self.is_typed_at => Inquiry::Typed,
        }
    }
}

/// Waits for a line on the terminal and takes it. A thread that waits in a read would outlive the run,
/// and take from the shell what is meant for it.
async fn typed() {
    loop {
        // In the background a read would stop the process, and the line is the shell's. A read
        // without a whole line would wait for one.
        let is_ours = tcgetpgrp(io::stdin()).is_ok_and(|it| it == getpgrp());
        let is_there = is_ours && ioctl_fionread(io::stdin()).is_ok_and(|it| it > 0);
        let mut line = [0_u8; 4096];
        if is_there && read(io::stdin(), &mut line).is_ok_and(|it| it > 0) {
            return;
        }
        sleep(GLANCE).await;
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Returns whether whoever started fleet wants it to outlive the terminal, as `nohup` does.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|it| u64::from_str_radix(it.trim(), 16).ok()).unwrap_or(0);
    // SIGHUP is signal 1, the lowest bit.
    mask & 1 == 1
}
