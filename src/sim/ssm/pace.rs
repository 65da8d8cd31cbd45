//! How many invocations of a command may be on their way at a time.
//! It counts; it does not know which they are.

/// MaxConcurrency and its ramp: 1, then 2, then 4, … until the limit, each batch sent when the
/// one before is acknowledged (C4).
#[derive(Debug)]
pub(super) struct Pace {
    limit: usize,
    batch: usize,
    batch_left: usize,
    unacknowledged: usize,
    in_flight: usize,
    stopped: bool,
}

impl Pace {
    pub(super) fn limited_to(limit: usize) -> Self {
        Self { limit, batch: 1, batch_left: 1, unacknowledged: 0, in_flight: 0, stopped: false }
    }

    /// Takes a slot if there is one now.
    pub(super) fn take(&mut self) -> bool {
        if self.stopped || self.in_flight >= self.limit {
            return false;
        }
        if self.batch < self.limit && self.batch_left == 0 {
            if self.unacknowledged > 0 {
                return false;
            }
            self.batch = (self.batch * 2).min(self.limit);
            self.batch_left = self.batch;
        }
        self.batch_left = self.batch_left.saturating_sub(1);
        self.unacknowledged += 1;
        self.in_flight += 1;
        true
    }

    /// An invocation has reached its agent, or would have.
    pub(super) fn acknowledge(&mut self) {
        self.unacknowledged -= 1;
    }

    /// A slot is free again.
    pub(super) fn give_back(&mut self) {
        self.in_flight -= 1;
    }

    /// Sends no more, whatever ends.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }
}
