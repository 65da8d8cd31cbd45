//! What bringing back waits for. It is told once it has gone on for a while: what comes by itself at
//! once needs no word, and nobody looks at a silent terminal for half an hour.

use std::{collections::BTreeSet, future::Future, pin::pin, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::output::Terminal;

/// How long the same thing is waited for before it is told.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is looked what is waited for, and whoever watches sees that time goes on.
const GLANCE: Duration = Duration::from_millis(200);

/// The latest word of what is waited for; the one before is forgotten.
#[derive(Debug, Default)]
pub struct Waits(watch::Sender<Vec<String>>);

impl Waits {
    /// Says what is waited for by now. Nothing is waited for if there is nothing in it.
    pub(super) fn say(&self, what: Vec<String>) {
        self.0.send_replace(what);
    }

    /// Does `work`, and notes on the terminal what it waits for, once that has gone on for 15 s times `factor`.
    pub async fn noted<T>(
        &self,
        work: impl Future<Output = T>,
        factor: f64,
        terminal: &mut Terminal,
    ) -> T {
        self.told(work, factor, |news| news.into_iter().for_each(|it| terminal.note(it))).await
    }

    /// Does `work`, and gives `tell` what it waits for: each thing once, when it has been waited for
    /// as long as 15 s times `factor`; and nothing several times a second, so that time is seen to go on.
    pub(super) async fn told<T>(
        &self,
        work: impl Future<Output = T>,
        factor: f64,
        mut tell: impl FnMut(Option<&str>),
    ) -> T {
        let mut work = pin!(work);
        let mut lasting = Lasting::default();
        loop {
            tokio::select! {
                biased;
                res = &mut work => return res,
                () = sleep(GLANCE) => {
                    let news = lasting.news(&self.0.borrow(), Instant::now(), PATIENCE.mul_f64(factor));
                    tell(news.as_deref());
                }
            }
        }
    }
}

/// What is waited for, and since when.
#[derive(Debug, Default)]
struct Lasting {
    what: Vec<String>,
    since: Option<Instant>,
    told: BTreeSet<Vec<String>>,
}

impl Lasting {
    /// Returns what has been waited for as long as `patience` for the first time.
    fn news(&mut self, what: &[String], now: Instant, patience: Duration) -> Option<String> {
        let since = match self.since {
            Some(since) if self.what == what => since,
            Some(_) | None => {
                self.what = what.to_vec();
                *self.since.insert(now)
            }
        };
        let (first, others) = what.split_first()?;
        if now.duration_since(since) < patience || !self.told.insert(what.to_vec()) {
            return None;
        }
        let others = match others.len() {
            0 => String::new(),
            n => format!(" (and {n} more)"),
        };
        Some(format!("waiting: {first}{others}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once() {
        let began = Instant::now();
        let mut lasting = Lasting::default();
        let mut at = |seconds: u64, what: &[&str]| {
            let what: Vec<String> = what.iter().map(|it| (*it).to_owned()).collect();
            lasting.news(&what, began + Duration::from_secs(seconds), Duration::from_secs(15))
        };
        assert_eq!(at(0, &[]), None);
        assert_eq!(at(100, &[]), None, "nothing is waited for");
        assert_eq!(at(101, &["a"]), None, "it has only begun");
        assert_eq!(at(116, &["a"]).as_deref(), Some("waiting: a"));
        assert_eq!(at(200, &["a"]), None, "it is told once");
        assert_eq!(at(201, &["b", "c", "d"]), None);
        assert_eq!(at(216, &["b", "c", "d"]).as_deref(), Some("waiting: b (and 2 more)"));
        assert_eq!(at(217, &["a"]), None);
        assert_eq!(at(300, &["a"]), None, "and not again when it comes back");
    }
}
