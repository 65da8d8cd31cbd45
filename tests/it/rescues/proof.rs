//! What a rescue calls a success, and that everything is as it was afterwards.

use super::{RESCUE, SAYS, Scene, found, outcomes};

#[test]
fn who_passes_is_rescued_and_proved_and_everything_is_as_it_was() {
    let scene = Scene::of(SAYS);
    let (before, power) = (scene.state(), scene.power());
    let output = scene.env.run(&RESCUE).exits(0);
    let report = scene.report();
    assert_eq!(outcomes(&report), ["succeeded"; 7], "{output}");
    assert!(!output.stdout.contains("secret"), "the script is shown as it is: {output}");
    let excluded = report["population"]["excluded"].as_array().unwrap();
    let mut reasons: Vec<&str> = excluded.iter().map(|it| it["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["answers", "preflight"], "marketplace: {output}");
    assert_eq!(scene.state(), before, "{output}");
    assert_eq!(scene.power(), power);
    let calls = scene.sim.stats();
    assert_eq!(calls.calls("StartAutomationExecution"), 7);
    assert_eq!(scene.n_reports(), [1; 7], "each has told once whether anything is left");
    let changes = report["changes"].as_array().unwrap();
    let states: Vec<&str> =
        changes.iter().map(|it| it["change"]["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["made", "made", "undone", "undone"], "{changes:?}");
    let n = calls.calls("ExitStandby");
    drop(scene.env.run(&["restore", "last"]).exits(0));
    assert_eq!(scene.sim.stats().calls("ExitStandby"), n, "there is nothing left to restore");
}

#[test]
fn a_runbook_that_succeeds_without_the_scripts_last_line_is_no_success() {
    let scene = Scene::of("");
    let before = scene.state();
    let output = scene.env.run(&RESCUE).exits(6);
    let report = scene.report();
    assert_eq!(outcomes(&report), ["unknown"; 7], "{output}");
    let hint = report["instances"][0]["hint"].as_str().unwrap();
    assert!(hint.contains("there is no line `F291 end"), "{hint}");
    assert_eq!(scene.state(), before);
}

/// What the online document says of one of them.
fn reporting(exit: u8, stdout: &str) -> String {
    format!(
        "{SAYS}[[outcome]]\ndocument = \"Fleet-CrowdStrike291\"\ninstances = [6]\nexit = {exit}\n\
         stdout = \"{stdout}\"\n"
    )
}

#[test]
fn who_still_has_a_bad_file_is_no_success_and_who_does_not_know_is_unknown() {
    for (exit, outcome, code) in [(10, "failed", 1), (3, "unknown", 6), (11, "succeeded", 0)] {
        let scene = Scene::of(&reporting(exit, "what it says"));
        let before = scene.state();
        let output = scene.env.run(&RESCUE).exits(code);
        let report = scene.report();
        let mut expected = ["succeeded"; 7].map(ToOwned::to_owned).to_vec();
        outcome.clone_into(&mut expected[0]);
        expected.sort();
        assert_eq!(outcomes(&report), expected, "{exit}: {output}");
        if exit != 11 {
            let rows = report["instances"].as_array().unwrap();
            let row = rows.iter().find(|it| it["outcome"] == outcome).unwrap();
            let hint = row["hint"].as_str().unwrap();
            assert!(hint.contains(&format!("(exit {exit}): what it says")), "{hint}");
        }
        assert_eq!(scene.state(), before, "{exit}: {output}");
    }
}

#[test]
fn a_lost_answer_has_nobody_report_twice() {
    let fault = "[[fault]]\noperation = \"SendCommand\"\ncalls = [1]\n";
    for (kind, code) in [("drop-after-accept", 0), ("drop-before-accept", 6), ("throttle", 0)] {
        let scene = Scene::of(&format!("{SAYS}{fault}kind = \"{kind}\"\n"));
        let output = scene.env.run(&RESCUE).exits(code);
        let n_expected = if kind == "drop-before-accept" { 6 } else { 7 };
        assert_eq!(scene.n_reports(), vec![1; n_expected], "{kind}: {output}");
    }
}

#[test]
fn whoever_was_marked_unhealthy_is_marked_healthy_when_it_is_proved() {
    let scene = Scene::of(SAYS);
    drop(scene.env.run(&RESCUE).exits(0));
    let answer = scene.sim.query("autoscaling", "2011-01-01", "DescribeAutoScalingGroups");
    assert_eq!(found("<HealthStatus>Unhealthy", &answer).len(), 1, "the one of the marketplace");
    assert!(scene.sim.stats().calls("SetInstanceHealth") > 0);
}
