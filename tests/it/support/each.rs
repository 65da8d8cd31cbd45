//! A case many times over, a few at a time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Cases that go on at once: each has a simulator and a fleet of its own.
const AT_ONCE: usize = 4;

/// Runs `case` for each number from 1 to `n`, four at a time.
pub(crate) fn each(n: usize, case: impl Fn(usize) + Sync) {
    each_while(|it| {
        let is_one = it <= n;
        if is_one {
            case(it);
        }
        is_one
    });
}

/// Runs `case` for each number from 1 on, four at a time, until it returns that there are no more.
/// Returns how many it was run for.
pub(crate) fn each_while(case: impl Fn(usize) -> bool + Sync) -> usize {
    let n_begun = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| while case(1 + n_begun.fetch_add(1, Ordering::Relaxed)) {});
        }
    });
    n_begun.into_inner()
}
