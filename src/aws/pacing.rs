//! How fast each operation is called: as fast as it answers, until the service throttles it; then
//! half as fast each time, and a little faster after every answer. It knows no call.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Calls of one operation in a second at the most. What AWS allows is published for none of the
/// operations here (UNVERIFIED); pages that are read one after the other stay below this by
/// themselves.
const FASTEST: f64 = 40.0;

/// And at the least, however often it was throttled: one in five seconds, at which a poller that
/// was throttled at one a second got through (aws-rfdk#1723).
const SLOWEST: f64 = 0.2;

/// What every answer adds to the calls in a second.
const RECOVERY: f64 = 0.5;

/// How long one call is tried against throttles alone.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much faster or slower than AWS a world is, and what chance follows from.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    /// 0.1 where a second of AWS's takes a tenth of one.
    pub factor: f64,
    pub seed: u64,
}

impl Default for Tempo {
    fn default() -> Self {
        Self { factor: 1.0, seed: 0 }
    }
}

/// The pace of all calls of one connection, by operation.
#[derive(Debug)]
pub(super) struct Pacing {
    tempo: Tempo,
    lanes: RefCell<BTreeMap<&'static str, Lane>>,
    chance: RefCell<fastrand::Rng>,
}

#[derive(Debug, Clone, Copy)]
struct Lane {
    /// Calls in a second.
    rate: f64,
    next: Option<Instant>,
}

impl Pacing {
    pub(super) fn new(tempo: Tempo) -> Self {
        let chance = RefCell::new(fastrand::Rng::with_seed(tempo.seed));
        Self { tempo, lanes: RefCell::default(), chance }
    }

    /// Waits until `operation` may be called again.
    pub(super) async fn turn(&self, operation: &'static str) {
        let now = Instant::now();
        let at = {
            let mut lanes = self.lanes.borrow_mut();
            let lane = lanes.entry(operation).or_insert(Lane { rate: FASTEST, next: None });
            // Several clients that were throttled together must not come back together.
            let jitter = 0.5 + self.chance.borrow_mut().f64();
            lane.reserve(now, Duration::from_secs_f64(jitter / lane.rate * self.tempo.factor))
        };
        if at > now {
            sleep_until(at).await;
        }
    }

    pub(super) fn answered(&self, operation: &'static str) {
        self.change(operation, |rate| rate + RECOVERY);
    }

    pub(super) fn throttled(&self, operation: &'static str) {
        self.change(operation, |rate| rate / 2.0);
    }

    fn change(&self, operation: &'static str, to: impl Fn(f64) -> f64) {
        if let Some(lane) = self.lanes.borrow_mut().get_mut(operation) {
            lane.rate = to(lane.rate).clamp(SLOWEST, FASTEST);
        }
    }

    /// Returns how long something that takes AWS `time` takes here.
    pub(super) fn scaled(&self, time: Duration) -> Duration {
        time.mul_f64(self.tempo.factor)
    }

    /// Returns whether a call that is throttled since `began` is worth another try.
    pub(super) fn is_patient(&self, began: Instant) -> bool {
        began.elapsed() < PATIENCE.mul_f64(self.tempo.factor)
    }
}

impl Lane {
    /// Takes the next free moment, and keeps the lane free of others for `pause` after it.
    fn reserve(&mut self, now: Instant, pause: Duration) -> Instant {
        let at = self.next.map_or(now, |it| it.max(now));
        self.next = Some(at + pause);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns when ten calls would be made, in milliseconds, after so many throttles and answers.
    fn moments(n_throttles: usize, n_answers: usize) -> Vec<u128> {
        let pacing = Pacing::new(Tempo { factor: 1.0, seed: 7 });
        let began = Instant::now();
        let mut lane = Lane { rate: FASTEST, next: None };
        pacing.lanes.borrow_mut().insert("ListCommands", lane);
        (0..n_throttles).for_each(|_| pacing.throttled("ListCommands"));
        (0..n_answers).for_each(|_| pacing.answered("ListCommands"));
        lane.rate = pacing.lanes.borrow()["ListCommands"].rate;
        let pause = Duration::from_secs_f64(1.0 / lane.rate);
        (0..10).map(|_| (lane.reserve(began, pause) - began).as_millis()).collect()
    }

    #[test]
    fn the_first_call_does_not_wait_and_the_others_keep_their_distance() {
        assert_eq!(moments(0, 0)[..3], [0, 25, 50]);
    }

    #[test]
    fn each_throttle_halves_the_pace_down_to_one_call_in_five_seconds() {
        assert_eq!(moments(1, 0)[..3], [0, 50, 100]);
        assert_eq!(moments(3, 0)[..3], [0, 200, 400]);
        assert_eq!(moments(99, 0)[..3], [0, 5000, 10_000]);
    }

    #[test]
    fn each_answer_gives_a_little_of_it_back() {
        assert_eq!(moments(3, 2)[..3], [0, 166, 333]);
        assert_eq!(moments(99, 200)[..3], [0, 25, 50]);
    }

    #[test]
    fn operations_do_not_slow_each_other_down() {
        let pacing = Pacing::new(Tempo::default());
        for operation in ["ListCommands", "DescribeDocument"] {
            pacing.lanes.borrow_mut().insert(operation, Lane { rate: FASTEST, next: None });
        }
        pacing.throttled("ListCommands");
        assert!(pacing.lanes.borrow()["DescribeDocument"].rate > 39.0);
    }
}
