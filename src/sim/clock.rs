//! Simulated time: a wall clock that runs `speed` times as fast as the real one.
//! It decides nothing; whoever waits for a simulated instant asks it how long that is.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The simulator's clock. Starts at the real time and runs `speed` times as fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    epoch: Timestamp,
    started: Instant,
    speed: f64,
}

impl Clock {
    pub(crate) fn starting_at(epoch: Timestamp, speed: f64) -> Self {
        Self { epoch, started: Instant::now(), speed }
    }

    pub(crate) fn speed(&self) -> f64 {
        self.speed
    }

    /// Returns the time at which the simulation started.
    pub(crate) fn epoch(&self) -> Timestamp {
        self.epoch
    }

    /// Returns the simulated time.
    pub(crate) fn now(&self) -> Timestamp {
        let simulated = self.started.elapsed().mul_f64(self.speed);
        self.epoch + jiff::SignedDuration::try_from(simulated).unwrap_or(jiff::SignedDuration::MAX)
    }

    /// Waits until the simulated time is `at`; returns at once if it has passed.
    pub(crate) async fn sleep_until(&self, at: Timestamp) {
        let left = Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO);
        tokio::time::sleep(left.div_f64(self.speed)).await;
    }

    /// Waits for a simulated duration.
    pub(crate) async fn sleep(&self, simulated: Duration) {
        tokio::time::sleep(simulated.div_f64(self.speed)).await;
    }
}
