//! Ctrl-C, SIGTERM and SIGHUP as a stream of interrupts, with a variant that never interrupts.
//! A terminal that goes away must not leave a run without an end in its ledger.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

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
                    () = received(hang_up) => {}
                }
            }
            Self::Never => std::future::pending().await,
        }
    }
}

/// Waits for the first one. The shell and the kernel each say that a terminal is gone, and nobody has
/// asked twice.
async fn received(hang_up: &mut Option<Signal>) {
    match hang_up {
        Some(signal) => {
            signal.recv().await;
            *hang_up = None;
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
