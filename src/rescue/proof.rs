//! Whether a rescue has helped. That the runbook succeeded is no proof: the script has to have said
//! that it came to its end, and the instance has to be as it was, and to answer.

use super::facts::Status;
use crate::plan::{Before, Online, Recovery};

/// An instance as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sight {
    /// EC2's word, such as `running`.
    pub state: String,
    /// The volume at the root device, and whether it goes with the instance.
    pub root: Option<(String, bool)>,
    pub status: Option<Status>,
    pub is_online: bool,
}

/// What there is of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    Given,
    /// It may come yet.
    Awaited(String),
    /// It does not come by itself any more.
    Missing(String),
    /// It is proved that it has not helped.
    Failed(String),
}

/// Judges what the script has printed and how the instance is.
pub fn proof(recovery: &Recovery, before: &Before, output: &str, now: &Sight) -> Proof {
    if let Err(it) = said(recovery, output) {
        return it;
    }
    match &now.root {
        None => {
            let Before { volume, root_device, .. } = before;
            return Proof::Missing(format!("its root volume {volume} is not at {root_device}"));
        }
        Some((volume, _)) if *volume != before.volume => {
            let was = &before.volume;
            return Proof::Missing(format!("its root volume is {volume}, and it was {was}"));
        }
        Some((_, delete)) if *delete != before.delete_on_termination => {
            let was = before.delete_on_termination;
            return Proof::Missing(format!("DeleteOnTermination is {delete}, and it was {was}"));
        }
        Some(_) => {}
    }
    // Of a script that only looks it is not asked whether the instance boots.
    let is_power_back = matches!(
        (before.state.as_str(), now.state.as_str()),
        ("running", "running") | ("stopped", "stopped")
    );
    if !recovery.answers && is_power_back {
        return Proof::Given;
    }
    if before.state != "running" {
        return match now.state == before.state {
            true => Proof::Given,
            false => Proof::Missing(format!("it is {}, and it was {}", now.state, before.state)),
        };
    }
    match now.state.as_str() {
        "running" => {}
        "pending" => return Proof::Awaited("it is pending".to_owned()),
        other => return Proof::Missing(format!("it is {other}, and it was running")),
    }
    match &now.status {
        Some(it) if it.system == "ok" && it.instance == "ok" => {}
        Some(it) => {
            return Proof::Awaited(format!(
                "status checks: system {}, instance {}",
                it.system, it.instance
            ));
        }
        None => return Proof::Awaited("its status checks are not told".to_owned()),
    }
    if now.is_online { Proof::Given } else { Proof::Awaited("its agent is not online".to_owned()) }
}

/// Judges what the online document has told, if it ended by itself: its exit code, and its output.
pub fn told(online: &Online, code: Option<i32>, output: &str) -> Proof {
    let name = &online.document;
    let first = output.lines().map(str::trim).find(|it| !it.is_empty() && !it.starts_with('{'));
    let said = first.map(|it| format!(": {it}")).unwrap_or_default();
    match code {
        Some(it) if online.good.contains(&it) => Proof::Given,
        Some(it) if online.bad.contains(&it) => {
            Proof::Failed(format!("{name} finds that it has not helped (exit {it}){said}"))
        }
        Some(it) => Proof::Missing(format!("{name} does not know (exit {it}){said}")),
        None => Proof::Missing(format!("{name} did not end by itself{said}")),
    }
}

/// Returns what the script has said of how it ended, if that is no success.
fn said(recovery: &Recovery, output: &str) -> Result<(), Proof> {
    let Some(sentinel) = &recovery.sentinel else { return Ok(()) };
    let what = "the script did not say how it ended";
    let mut lines = output.lines().filter_map(|it| it.trim().strip_prefix(sentinel.as_str()));
    let Some(line) = lines.next_back() else {
        return Err(Proof::Missing(format!("{what}: there is no line `{sentinel} …`")));
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    let (word, count) = match words[..] {
        [word, count] => (word, count.strip_prefix("n=")),
        [word, ..] => (word, None),
        [] => ("", None),
    };
    if !recovery.good.iter().any(|it| it == word) {
        return Err(Proof::Failed(format!("the script ended with `{sentinel} {word}`")));
    }
    // A line that was cut off may have lost more than its end.
    if count.is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit())) {
        return Ok(());
    }
    Err(Proof::Missing(format!("{what}: `{sentinel}{line}` is not whole")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovery() -> Recovery {
        Recovery {
            sentinel: Some("F291 end".to_owned()),
            good: vec!["ok".to_owned()],
            ..Recovery::default()
        }
    }

    fn before() -> Before {
        Before {
            state: "running".to_owned(),
            root_device: "/dev/sda1".to_owned(),
            volume: "vol-1".to_owned(),
            delete_on_termination: true,
            ..Before::default()
        }
    }

    fn sight() -> Sight {
        Sight {
            state: "running".to_owned(),
            root: Some(("vol-1".to_owned(), true)),
            status: Some(status("ok")),
            is_online: true,
        }
    }

    fn status(instance: &str) -> Status {
        Status { system: "ok".to_owned(), instance: instance.to_owned(), impaired_since: None }
    }

    const OUTPUT: &str = "F291 C-00000291-1.sys True\r\nF291 end ok n=1\r\n";

    #[test]
    fn each_thing_that_is_missing_keeps_it_from_being_a_success() {
        let check = |output: &str, now: &Sight, expected: &Proof| {
            assert_eq!(proof(&recovery(), &before(), output, now), *expected);
        };
        check(OUTPUT, &sight(), &Proof::Given);
        let missing = |it: &str| Proof::Missing(it.to_owned());
        let awaited = |it: &str| Proof::Awaited(it.to_owned());
        let none = "the script did not say how it ended: there is no line `F291 end …`";
        check("", &sight(), &missing(none));
        let left = "F291 end ok n=1\nF291 end left n=2";
        let failed = Proof::Failed("the script ended with `F291 end left`".to_owned());
        check(left, &sight(), &failed);
        for line in ["F291 end ok", "F291 end ok n=", "F291 end ok n=-1", "F291 end ok n=1 more"] {
            let cut = format!("the script did not say how it ended: `{line}` is not whole");
            check(line, &sight(), &missing(&cut));
        }
        let now = Sight { root: None, ..sight() };
        check(OUTPUT, &now, &missing("its root volume vol-1 is not at /dev/sda1"));
        let now = Sight { root: Some(("vol-2".to_owned(), true)), ..sight() };
        check(OUTPUT, &now, &missing("its root volume is vol-2, and it was vol-1"));
        let now = Sight { root: Some(("vol-1".to_owned(), false)), ..sight() };
        check(OUTPUT, &now, &missing("DeleteOnTermination is false, and it was true"));
        let now = Sight { state: "stopped".to_owned(), ..sight() };
        check(OUTPUT, &now, &missing("it is stopped, and it was running"));
        let now = Sight { state: "pending".to_owned(), ..sight() };
        check(OUTPUT, &now, &awaited("it is pending"));
        let now = Sight { status: Some(status("initializing")), ..sight() };
        check(OUTPUT, &now, &awaited("status checks: system ok, instance initializing"));
        let system = Status { system: "impaired".to_owned(), ..status("ok") };
        let now = Sight { status: Some(system), ..sight() };
        check(OUTPUT, &now, &awaited("status checks: system impaired, instance ok"));
        let now = Sight { status: None, ..sight() };
        check(OUTPUT, &now, &awaited("its status checks are not told"));
        let now = Sight { is_online: false, ..sight() };
        check(OUTPUT, &now, &awaited("its agent is not online"));
    }

    #[test]
    fn a_script_that_only_looks_need_not_bring_anybody_back() {
        let looks = Recovery { answers: false, ..recovery() };
        let now = Sight { status: Some(status("impaired")), is_online: false, ..sight() };
        assert_eq!(proof(&looks, &before(), OUTPUT, &now), Proof::Given);
        let now = Sight { state: "stopped".to_owned(), ..now };
        let missing = Proof::Missing("it is stopped, and it was running".to_owned());
        assert_eq!(proof(&looks, &before(), OUTPUT, &now), missing);
    }

    #[test]
    fn only_a_good_exit_code_of_the_online_document_is_a_proof() {
        let online = crate::rescue::Recipe::crowdstrike().online;
        let check = |code, output: &str, expected: Proof| {
            assert_eq!(told(&online, code, output), expected);
        };
        check(Some(0), "", Proof::Given);
        check(Some(11), "a bad file beside a good one", Proof::Given);
        let text = "Fleet-CrowdStrike291 finds that it has not helped (exit 10): exposed";
        check(Some(10), "{}\n\nexposed\nmore", Proof::Failed(text.to_owned()));
        let missing = |it: &str| Proof::Missing(it.to_owned());
        check(Some(3), "", missing("Fleet-CrowdStrike291 does not know (exit 3)"));
        check(None, "", missing("Fleet-CrowdStrike291 did not end by itself"));
    }

    #[test]
    fn who_was_stopped_has_to_be_stopped_again_and_need_not_answer() {
        let before = Before { state: "stopped".to_owned(), ..before() };
        let now = Sight { state: "stopped".to_owned(), status: None, is_online: false, ..sight() };
        assert_eq!(proof(&recovery(), &before, OUTPUT, &now), Proof::Given);
        let started = proof(&recovery(), &before, OUTPUT, &sight());
        assert_eq!(started, Proof::Missing("it is running, and it was stopped".to_owned()));
    }

    #[test]
    fn a_script_of_ones_own_need_not_say_anything() {
        assert_eq!(proof(&Recovery::default(), &before(), "", &sight()), Proof::Given);
    }
}
