//! How a test says that it proved nothing here.

use std::io::Write as _;

/// Says so past the capture of the test harness: a test that was skipped must not look like one
/// that passed.
pub(crate) fn skip(test: &str, why: &str) {
    // The harness captures `eprintln!`, and not this.
    std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).unwrap();
}
