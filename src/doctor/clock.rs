//! Whether this machine's clock agrees with the service's. A signature is good for five minutes
//! around its time.

use jiff::SignedDuration;

use super::{Check, Finding, fail, pass, unknown, warn};

const NAME: &str = "clock";

/// Beyond this an answer's way alone does not explain it.
const NOTICEABLE: SignedDuration = SignedDuration::from_secs(30);

/// Signature Version 4 is refused beyond this (IAM guide).
const REFUSED: SignedDuration = SignedDuration::from_mins(5);

pub(super) const CLOCK: Check = Check {
    name: NAME,
    reads: &[],
    look: |site| {
        Box::pin(async move {
            let Some(aws) = site.caller.as_deref().ok().or(site.session()) else {
                return vec![super::unreached(NAME)];
            };
            vec![match aws.date().await {
                Ok(Some(theirs)) => judged((site.now)().duration_since(theirs)),
                Ok(None) => unknown(NAME, "the answer had no Date", "ask the endpoint's operator"),
                Err(err) => unknown(NAME, err.to_string(), "check the endpoint and the network"),
            }]
        })
    },
};

fn judged(skew: SignedDuration) -> Finding {
    let seconds = skew.abs().as_secs();
    let word = if skew.is_negative() { "behind" } else { "ahead of" };
    let said = format!("this machine is {seconds} s {word} the service");
    let remedy = "set the clock: `timedatectl set-ntp true`, `chronyc makestep`";
    match skew.abs() {
        it if it > REFUSED => fail(NAME, said, remedy),
        it if it > NOTICEABLE => warn(NAME, said, remedy),
        _ => pass(NAME, "this machine agrees with the service"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Verdict;

    #[test]
    fn a_clock_fails_where_signatures_do() {
        let check = |seconds, expected| {
            let found = judged(SignedDuration::from_secs(seconds));
            assert_eq!(found.verdict, expected, "{}", found.said);
        };
        check(-3, Verdict::Pass);
        check(31, Verdict::Warn);
        check(-299, Verdict::Warn);
        check(301, Verdict::Fail);
        check(-301, Verdict::Fail);
    }
}
