//! What follows a run whose process dies, or is stopped, before the second one has ended: `fleet watch
//! RUN --continue` begins it once.

use serde_json::{Value, json};

use crate::support::{FleetEnv, Record, SimProcess, each_while, scoped::DOCUMENT};

const WORLD: &str = "speed = 20.0\n[[group]]\nname = \"web\"\nsize = 2\n\
    [[document]]\nname = \"Restart\"\nfile = \"restart.yaml\"\n\
    [[document]]\nname = \"Look\"\nfile = \"restart.yaml\"\n";

const RUN: [&str; 10] =
    ["run", "--asg", "web", "--yes", "--doc", "Restart", "--then", "Look", "--output", "jsonl"];

fn start(more: &str) -> (SimProcess, FleetEnv) {
    let sim = SimProcess::start(&format!("{WORLD}{more}"), &[("restart.yaml", DOCUMENT)]);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.05").unset("FLEET_NOW");
    (sim, env)
}

fn document(record: &Record) -> &Value {
    &record.report["document"]["name"]
}

/// Returns the id of the run of `Restart`; `None` if none was begun.
fn first(env: &FleetEnv) -> Option<String> {
    let plan = |it: &std::path::Path| -> Option<Value> {
        let text = std::fs::read_to_string(it.join("plan.json")).ok()?;
        serde_json::from_str(&text).ok()
    };
    let plans = env.runs().into_iter().filter_map(|it| plan(&it));
    let mut firsts = plans.filter(|it| it["document"]["name"] == "Restart");
    firsts.next().map(|it| it["run_id"].as_str().unwrap().to_owned())
}

/// Kills a run when it has told of so many events of the two, finishes it, and checks what became of
/// both. Returns whether there was something left to be finished.
fn survives(n_events: usize) -> bool {
    let (sim, env) = start("");
    let mut run = env.spawn(&RUN);
    let was_killed = run.wait_for_lines(n_events);
    if was_killed {
        run.kill();
    }
    drop(run);
    let Some(first) = first(&env) else { return was_killed };
    let watch = ["watch", &first, "--continue", "--yes"];
    // Runs that are named in the same second have the same name under the same seed.
    let env = env.set("FLEET_SEED", "77");
    let output = env.run(&watch);
    let place = format!("killed after {n_events} events:\n{output}");
    let executions = sim.stats().executions();
    if output.code == Some(6) {
        // What was lost sight of is not sent again, nor is anything after it.
        assert!(executions.iter().all(|it| *it <= 2), "{executions:?}: {place}");
        return was_killed;
    }
    assert_eq!(output.code, Some(0), "{place}");
    assert_eq!(executions, [2, 2], "{place}");
    let runs: Vec<_> = env.runs().iter().map(|it| it.join("report.json")).collect();
    let runs: Vec<_> = runs.iter().filter(|it| it.exists()).collect();
    assert_eq!(runs.len(), 2, "{place}");
    // What is done is not done again.
    if n_events.is_multiple_of(5) {
        drop(env.run(&watch).exits(0));
        assert_eq!(sim.stats().executions(), [2, 2], "{place}");
    }
    was_killed
}

#[test]
fn what_follows_is_begun_once_whenever_the_process_dies() {
    // Two runs have told of more than one of them does.
    assert!(each_while(survives) >= 14);
}

/// Makes the second plan fail, and nothing before it.
const UNREADABLE: &str = "[[fault]]\noperation = \"DescribeInstanceInformation\"\n\
                          calls = [3, 4, 5, 6, 7, 8, 9, 10]\nkind = \"error-500\"\n";

#[test]
fn what_could_not_be_begun_is_told_and_begun_when_it_is_asked_for() {
    let (sim, env) = start(UNREADABLE);
    let output = env.run(&RUN[..8]).exits(1);
    let first = first(&env).unwrap();
    let hint = format!("`fleet watch {first} --continue` runs Look");
    drop(output.complains(&["Look was not run after it", &hint]));
    sim.heal();
    assert_eq!(sim.stats().executions(), [1, 1]);
    // Whoever only watches sends nothing.
    let hint = format!("Look is to follow: `fleet watch {first} --continue` runs it");
    drop(env.run(&["watch", &first]).exits(0).complains(&[&hint]));
    let json = env.run(&["watch", &first, "--continue", "--yes", "--output", "json"]).exits(2);
    drop(json.complains(&["--output json is one document", "nothing was sent"]));
    drop(env.run(&["watch", &first, "--continue"]).exits(2).complains(&["--yes was not passed"]));
    assert_eq!(sim.stats().executions(), [1, 1]);
    let watch = ["watch", &first, "--continue", "--yes", "--report", "out.json"];
    drop(env.run(&watch).exits(0));
    assert_eq!(sim.stats().executions(), [2, 2]);
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(env.path(name)).unwrap()).unwrap()
    };
    let (repair, check) = (read("out.json"), read("out.then.json"));
    assert_eq!(check["document"]["name"], "Look");
    assert_eq!(repair["run"]["followed_by"], check["run"]["id"]);
    let id = check["run"]["id"].as_str().unwrap();
    drop(
        env.run(&["watch", &first]).exits(0).complains(&[&format!("run {id} of Look followed it")]),
    );
}

#[test]
fn nothing_follows_a_run_that_was_interrupted() {
    let slow = "[[outcome]]\ndocument = \"Restart\"\nafter = \"10h\"\n";
    let (sim, env) = start(slow);
    let mut run = env.spawn(&RUN);
    run.wait_for("command_accepted");
    run.interrupt();
    let output = run.finish().exits(130);
    drop(output.complains(&["Look was not run", "nothing follows one that ended so"]));
    let record = env.record();
    assert_eq!(document(&record), "Restart");
    let by_hand = "fleet run --region us-east-1 --asg web --doc Look";
    assert_eq!(record.report["verdict"]["next_commands"][0], by_hand);
    assert_eq!(sim.stats().calls("SendCommand"), 1);
    let watch = ["watch", "last", "--continue", "--yes"];
    drop(env.run(&watch).exits(130));
    assert_eq!(sim.stats().calls("SendCommand"), 1);
}

#[test]
fn an_interrupt_of_the_second_run_is_the_verdict_of_both() {
    let slow = "[[outcome]]\ndocument = \"Look\"\nafter = \"10h\"\n";
    let (_sim, env) = start(slow);
    let mut run = env.spawn(&RUN);
    run.wait_for("sequel_begun");
    run.wait_for_times("command_accepted", 2);
    run.interrupt();
    drop(run.finish().exits(130));
    let records: Vec<_> = env.runs().iter().map(|it| Record::read(it)).collect();
    for it in &records {
        let (name, code) = (document(it), &it.report["verdict"]["exit_code"]);
        assert_eq!(*code, if name == "Look" { 130 } else { 0 });
    }
    assert_eq!(records.len(), 2);
}

#[test]
fn waves_that_are_sent_later_are_followed_again() {
    let (sim, env) = start("");
    let run = ["--waves", "1,100%", "--stop-after-wave", "1"];
    drop(env.run(&[&RUN[..8], &run].concat()).exits(5).complains(&["Look was not run"]));
    let first = first(&env).unwrap();
    drop(env.run(&["watch", &first, "--continue", "--yes"]).exits(0));
    assert_eq!(sim.stats().executions(), [2, 2]);
    let totals: Vec<_> =
        env.runs().iter().map(|it| Record::read(it).report["totals"].clone()).collect();
    assert_eq!(totals, [json!({"succeeded": 2}), json!({"succeeded": 2})]);
}

#[test]
fn a_second_run_that_died_before_its_first_event_names_the_way_out() {
    let (sim, env) = start("");
    let run = [&RUN[..8], &["--quiet"]].concat();
    drop(env.run(&run).exits(0));
    let first = first(&env).unwrap();
    // What is on the disk when the process dies between making the ledger and writing to it.
    let of_second = |it: &&std::path::PathBuf| !it.ends_with(&first);
    let second = env.runs().iter().find(of_second).unwrap().clone();
    std::fs::write(second.join("events.jsonl"), "").unwrap();
    std::fs::remove_file(second.join("report.json")).unwrap();
    let way_out = format!("`fleet watch {first} --continue` begins it anew");
    for args in [
        &["watch", "last"][..],
        &["watch", "last", "--continue", "--yes"],
        &["report", "last"],
        &["retry", "last", "--yes"],
        &["cancel", "last"],
    ] {
        let output = env.run(args).exits(3);
        drop(output.complains(&["died before it sent anything", &way_out, "nothing was sent"]));
    }
    drop(env.run(&["runs"]).exits(0).prints(&["1 run"]).complains(&[&first]));
    assert_eq!(sim.stats().executions(), [2, 2]);
    drop(env.run(&["watch", &first, "--continue", "--yes"]).exits(0));
    assert_eq!(sim.stats().executions(), [3, 3]);
    let name = second.file_name().unwrap().to_str().unwrap();
    let followed = env.run(&["watch", name]).exits(3);
    drop(followed.complains(&["that one has followed instead"]));
    // The newest run is the one that was begun.
    drop(env.run(&["watch", "last"]).exits(0));
}
