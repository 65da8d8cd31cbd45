//! Ctrl-C and SIGTERM as a stream of interrupts, with a variant that never interrupts.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Where interrupts come from.
#[derive(Debug)]
pub enum Interrupts {
    Signals { interrupt: Signal, terminate: Signal },
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
        })
    }

    /// Waits for the next interrupt. Dropping the future loses none.
    pub async fn next(&mut self) {
        match self {
            Self::Signals { interrupt, terminate } => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            Self::Never => std::future::pending().await,
        }
    }
}
