//! The states of an invocation, and what the parent command makes of them.
//! Pure words and counts: who moves between them is `engine`'s business.

/// An invocation's StatusDetails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Pending,
    InProgress,
    Delayed,
    Cancelling,
    Success,
    Cancelled,
    Failed,
    ExecutionTimedOut,
    DeliveryTimedOut,
    Undeliverable,
    Terminated,
    InvalidPlatform,
    AccessDenied,
}

impl Status {
    pub(super) const ALL: [Self; 13] = [
        Self::Pending,
        Self::InProgress,
        Self::Delayed,
        Self::Cancelling,
        Self::Success,
        Self::Cancelled,
        Self::Failed,
        Self::ExecutionTimedOut,
        Self::DeliveryTimedOut,
        Self::Undeliverable,
        Self::Terminated,
        Self::InvalidPlatform,
        Self::AccessDenied,
    ];

    pub(super) fn parse(details: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.details() == details)
    }

    /// The wire's StatusDetails: no spaces, British spelling.
    pub(super) fn details(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Delayed => "Delayed",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::Undeliverable => "Undeliverable",
            Self::Terminated => "Terminated",
            Self::InvalidPlatform => "InvalidPlatform",
            Self::AccessDenied => "AccessDenied",
        }
    }

    /// The coarser `Status`. UNVERIFIED for InvalidPlatform, AccessDenied (Failed) and Delayed
    /// (Delayed): aws-facts D4; one capture for Terminated: D5.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Delayed => "Delayed",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Cancelled => "Cancelled",
            Self::ExecutionTimedOut | Self::DeliveryTimedOut => "TimedOut",
            Self::Failed
            | Self::Undeliverable
            | Self::Terminated
            | Self::InvalidPlatform
            | Self::AccessDenied => "Failed",
        }
    }

    /// A plugin's Status: its enum knows neither Delayed nor Cancelling.
    pub(super) fn plugin_word(self) -> &'static str {
        match self {
            Self::Delayed => "Pending",
            Self::Cancelling => "InProgress",
            other => other.word(), // the same word
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress | Self::Delayed | Self::Cancelling)
    }

    /// "Failed or Execution Timed Out" count against MaxErrors and in ErrorCount; nothing else
    /// does (aws-facts §2.2; Cancelled UNVERIFIED, D7).
    pub(super) fn is_error(self) -> bool {
        matches!(self, Self::Failed | Self::ExecutionTimedOut)
    }

    /// Whether the Status filter value selects it: TimedOut "includes both Delivery and
    /// Execution time outs", the other values are StatusDetails.
    pub(super) fn matches(self, filter: &str) -> bool {
        self.details() == filter || (filter == "TimedOut" && self.word() == "TimedOut")
    }
}

/// How many invocations of a command are in which state.
#[derive(Debug, Default)]
pub(super) struct Tally([usize; 13]);

/// What a caller asked to be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Cancel {
    #[default]
    None,
    Some,
    All,
}

impl Tally {
    pub(super) fn add(&mut self, status: Status) {
        self.0[status as usize] += 1;
    }

    pub(super) fn moved(&mut self, from: Status, to: Status) {
        self.0[from as usize] -= 1;
        self.0[to as usize] += 1;
    }

    pub(super) fn of(&self, status: Status) -> usize {
        self.0[status as usize]
    }

    pub(super) fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// CompletedCount.
    pub(super) fn completed(&self) -> usize {
        Status::ALL.into_iter().filter(|it| it.is_terminal()).map(|it| self.of(it)).sum()
    }

    /// ErrorCount.
    pub(super) fn errors(&self) -> usize {
        self.of(Status::Failed) + self.of(Status::ExecutionTimedOut)
    }

    /// Returns the command's Status and StatusDetails once its targets are known.
    pub(super) fn command_status(
        &self,
        max_errors: usize,
        cancel: Cancel,
    ) -> (&'static str, &'static str) {
        let total = self.total();
        if total == 0 {
            // Success is what four third-party clients report (D6).
            return ("Success", "NoInstancesInTag");
        }
        if self.completed() < total {
            return match cancel {
                Cancel::All => ("Cancelling", "Cancelling"),
                Cancel::Some | Cancel::None if self.of(Status::Pending) == total => {
                    ("Pending", "Pending")
                }
                // Delayed never surfaces here: the enum lacks it (D25).
                Cancel::Some | Cancel::None => ("InProgress", "InProgress"),
            };
        }
        self.final_status(max_errors, cancel)
    }

    fn final_status(&self, max_errors: usize, cancel: Cancel) -> (&'static str, &'static str) {
        let total = self.total();
        let cancelled = self.of(Status::Cancelled);
        let cancel_won = match cancel {
            Cancel::All => cancelled > 0,
            Cancel::Some => cancelled == total,
            Cancel::None => false,
        };
        if cancel_won {
            return ("Cancelled", "Cancelled");
        }
        let errors = self.errors();
        if errors > max_errors {
            // C2: "MaxErrors or more" is read as N+1, where sending stops. That a command may be
            // ExecutionTimedOut is in the API reference only.
            return if self.of(Status::ExecutionTimedOut) == errors {
                ("TimedOut", "ExecutionTimedOut")
            } else {
                ("Failed", "Failed")
            };
        }
        // "MaxErrors or more invocations are DeliveryTimedOut" (monitor-commands): no stop rule
        // contradicts it, so it is taken by the letter.
        let undelivered = self.of(Status::DeliveryTimedOut);
        if undelivered >= max_errors.max(1) {
            return ("TimedOut", "DeliveryTimedOut");
        }
        if self.of(Status::AccessDenied) == total {
            return ("Failed", "AccessDenied");
        }
        let unreached = self.of(Status::Undeliverable)
            + self.of(Status::InvalidPlatform)
            + self.of(Status::AccessDenied);
        if unreached == total {
            return ("Failed", "Failed");
        }
        // The misleading Success: unreached invocations do not matter once one succeeded (C1),
        // and neither do failures while "the value of max-errors wasn't reached". At exactly
        // MaxErrors failures (C2, UNVERIFIED) or with cancelled ones it is Incomplete.
        let amiss = errors + undelivered;
        if cancelled == 0 && (amiss == 0 || amiss < max_errors) {
            ("Success", "Success")
        } else {
            ("Failed", "Incomplete") // Failed: UNVERIFIED (D4)
        }
    }
}
