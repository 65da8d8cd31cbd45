//! Runs over worlds that a seed makes up: answers lost, throttled, torn, stale and empty, sessions
//! expired, agents lost, instances terminated, the process killed. No document runs twice, nobody
//! is missing from the report, and the exit code says what is known.
//!
//! `FLEET_CHAOS=500` runs so many seeds, `FLEET_CHAOS_SEED=n` one.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use fastrand::Rng;
use serde_json::Value;

use crate::support::{FleetEnv, Output, Record, SimProcess, Stats};

const SEEDS: u64 = 25;

/// What befalls any call.
const ANY: [&str; 8] = [
    "drop-before-accept",
    "drop-after-accept",
    "error-500",
    "error-500-after-accept",
    "truncated-body",
    "html-500",
    "throttle",
    "expired-token",
];

const PAGES: [&str; 2] = ["stale-page", "empty-page"];

const ROLE: &str = "arn:aws:iam::123456789012:role/fleet";

const IDENTITIES: &str = "[[user]]\nname = \"operator\"\naccess_key_id = \"AKIDOPERATOR\"\n\
    secret_access_key = \"secret\"\npolicy = \"all.json\"\n\
    [[role]]\nname = \"fleet\"\ntrust = \"trust.json\"\npolicy = \"all.json\"\n";

const POLICIES: [(&str, &str); 2] = [
    (
        "all.json",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        "trust.json",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}"#,
    ),
];

/// What a seed stands for.
struct Chaos {
    world: String,
    /// Who sends has assumed a role, whose session can end.
    has_role: bool,
    flags: Vec<String>,
    /// The process is killed when it has told of so many events.
    killed_after: Option<usize>,
}

impl Chaos {
    fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let size = rng.u32(1..=30);
        let mut world = format!("seed = {seed}\nspeed = 100.0\n");
        let zones = ["\"us-east-1a\"", "\"us-east-1b\"", "\"us-east-1c\""];
        let zones = zones[..rng.usize(1..=3)].join(", ");
        writeln!(world, "[[group]]\nname = \"web\"\nsize = {size}\nzones = [{zones}]").unwrap();
        let mut hit = BTreeSet::new();
        if rng.u32(0..4) == 0 {
            write_outcome(&mut world, &mut rng, size, &mut hit, "agent = \"lost\"");
        }
        if rng.u32(0..3) == 0 {
            write_outcome(&mut world, &mut rng, size, &mut hit, "exit = 1\nstdout = \"bad\"");
        }
        let after = rng.u32(1..=10);
        // A world with an outcome that never decides is refused.
        if hit.len() < size as usize {
            writeln!(world, "[[outcome]]\nafter = \"{after}s\"\nstdout = \"ok\"").unwrap();
        }
        let operations = ["SendCommand", "ListCommands", "ListCommandInvocations"];
        for operation in operations {
            for _ in 0..rng.u32(0..=2) {
                write_fault(&mut world, &mut rng, operation);
            }
        }
        for kind in ["lose-agent", "scale-in"] {
            if rng.u32(0..6) == 0 {
                write_event(&mut world, &mut rng, size, kind);
            }
        }
        let killed_after = (rng.u32(0..4) == 0).then(|| rng.usize(1..=30));
        let mut flags = flags(&mut rng, size);
        let has_role = rng.u32(0..3) == 0;
        if has_role {
            world.push_str(IDENTITIES);
            flags.extend(["--role-arn", ROLE].map(ToOwned::to_owned));
        }
        Self { world, has_role, flags, killed_after }
    }
}

/// Lets `what` happen to some of the instances, unless all of them are among those that are hit.
fn write_outcome(
    world: &mut String,
    rng: &mut Rng,
    size: u32,
    before: &mut BTreeSet<u32>,
    what: &str,
) {
    let n_hit = rng.u32(1..=3).min(size);
    let hit: Vec<u32> = (0..n_hit).map(|_| rng.u32(0..size)).collect();
    if !hit.iter().all(|it| before.contains(it)) {
        writeln!(world, "[[outcome]]\ninstances = {hit:?}\n{what}").unwrap();
    }
    before.extend(hit);
}

/// Lets `kind` happen to some of the instances while the run goes on.
fn write_event(world: &mut String, rng: &mut Rng, size: u32, kind: &str) {
    let (after, hit) = (rng.u32(0..=20), rng.u32(0..size));
    writeln!(world, "[[event]]\ngroup = \"web\"\nkind = \"{kind}\"").unwrap();
    writeln!(world, "after = \"{after}s\"\ninstances = [{hit}]").unwrap();
}

fn write_fault(world: &mut String, rng: &mut Rng, operation: &str) {
    let n_kinds = if operation == "SendCommand" { ANY.len() } else { ANY.len() + PAGES.len() };
    let kind = [&ANY[..], &PAGES].concat()[rng.usize(..n_kinds)];
    let when = match rng.u32(0..3) {
        _ if kind == "throttle" => "rate = 0.5".to_owned(),
        0 => format!("rate = 0.{}", rng.u32(1..=5)),
        _ => format!("calls = [{}, {}]", rng.u32(1..=3), rng.u32(4..=9)),
    };
    let fault = format!("[[fault]]\noperation = \"{operation}\"\n{when}\nkind = \"{kind}\"");
    writeln!(world, "{fault}").unwrap();
}

fn flags(rng: &mut Rng, size: u32) -> Vec<String> {
    let mut res = Vec::new();
    let mut flag = |name: &str, value: String| res.extend([name.to_owned(), value]);
    let n_at_once = rng.u32(1..=size.max(4));
    flag("--max-concurrency", n_at_once.max(size / 4).to_string());
    flag("--max-errors", rng.u32(0..=size).to_string());
    if rng.bool() {
        let waves = ["1,25%,100%", "1,4,100%", "50%,100%", "3"];
        flag("--waves", waves[rng.usize(..waves.len())].to_owned());
    }
    if rng.u32(0..4) == 0 {
        res.push("--by-zone".to_owned());
    }
    res
}

/// Runs what a seed stands for and checks what became of it.
fn endures(chaos: &Chaos) {
    let files = if chaos.has_role { &POLICIES[..] } else { &[] };
    let sim = SimProcess::start(&chaos.world, files);
    let env = FleetEnv::of(&sim).set("FLEET_PACE", "0.01").unset("FLEET_NOW");
    // An agent that is lost is given up a simulated minute later.
    let what = ["run", "--asg", "web", "--yes", "--output", "jsonl", "--timeout", "30s"];
    let what = [&what[..], &["--doc", "AWS-RunShellScript", "--param", "commands=true"]].concat();
    let flags = chaos.flags.iter().map(String::as_str);
    let args: Vec<&str> =
        what.into_iter().chain(["--param", "executionTimeout=30"]).chain(flags).collect();
    let mut run = env.spawn(&args);
    let is_killed = chaos.killed_after.is_some_and(|it| run.wait_for_lines(it));
    let output = if is_killed {
        run.kill();
        drop(run);
        // The role is that of the ledger; one that was killed before its first event has none.
        env.run(&["watch", "last", "--continue", "--yes"])
    } else {
        run.finish()
    };
    check(&sim, &env.record(), &output, is_killed);
}

fn check(sim: &SimProcess, record: &Record, output: &Output, is_killed: bool) {
    let stats = sim.stats();
    let report = record.replayed().complete();
    let rows = report["instances"].as_array().unwrap();
    assert!(stats.executions().iter().all(|it| *it <= 1), "{:?}", stats.0);
    for row in rows {
        check_row(row, stats.executions_on(row["instance_id"].as_str().unwrap()));
    }
    check_limits(&stats, record, report);
    let total = |name: &str| report["totals"][name].as_u64().unwrap_or(0);
    let n_rows = rows.len() as u64;
    let n_left = total("not_attempted") + total("terminated") + total("cancelled");
    let code = output.code.unwrap();
    assert_eq!(report["verdict"]["exit_code"], code);
    let is_as_told = match code {
        0 => total("succeeded") == n_rows && stats.executions().len() == rows.len(),
        1 => total("unknown") == 0 && total("succeeded") < n_rows && n_left == 0,
        3 => stats.commands() == 0 && total("succeeded") == 0 && total("unknown") == 0,
        5 => total("unknown") == 0 && total("succeeded") < n_rows && stats.commands() > 0,
        6 => total("unknown") > 0,
        _ => false,
    };
    assert!(is_as_told, "exit {code} over {} and {:?}", report["totals"], stats.0);
    if !is_killed {
        assert_eq!(output.stderr.contains("nothing was sent"), code == 3, "{}", output.stderr);
    }
}

/// Neither the window nor the budget was exceeded beyond what was in flight.
fn check_limits(stats: &Stats, record: &Record, report: &Value) {
    let limits = &report["limits"];
    let window = limits["max_concurrency"]["resolved"].as_u64().unwrap();
    assert!(stats.peak() <= window, "{} ran at once in a window of {window}", stats.peak());
    let kinds = record.kinds();
    let spent = kinds.iter().position(|it| *it == "budget_spent").unwrap_or(kinds.len());
    assert!(!kinds[spent..].contains(&"send_intended"), "sent after the budget was spent");
    // By tag, SSM sends on until fleet has seen what SSM does not count.
    if report["dispatch"]["by"] == "ids" {
        let (used, worst) = (&report["budget"]["used"], &limits["worst_case_failures"]);
        assert!(used.as_u64() <= worst.as_u64(), "{used} failed, and {worst} was the worst case");
    }
}

/// Compares what the report says of an instance with what it did.
fn check_row(row: &Value, n_times: u64) {
    let outcome = row["outcome"].as_str().unwrap();
    let expected = match outcome {
        "succeeded" | "failed" | "execution_timed_out" => 1..=1,
        "not_attempted" | "terminated" | "undeliverable" | "access_denied" => 0..=0,
        "unknown" | "cancelled" | "delivery_timed_out" | "left_group" => 0..=1,
        other => panic!("{other}: {row}"),
    };
    assert!(expected.contains(&n_times), "it ran {n_times} times: {row}");
    let stdout = match outcome {
        "succeeded" => "ok",
        "failed" => "bad",
        _ => return,
    };
    assert_eq!(row["stdout"].as_str().unwrap().trim(), stdout, "{row}");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|it| it.parse().unwrap())
}

#[test]
fn every_kind_of_trouble_is_among_the_seeds_that_are_always_run() {
    let all: Vec<Chaos> = (1..=SEEDS).map(Chaos::of).collect();
    let has = |what: &str| all.iter().any(|it| it.world.contains(what));
    for kind in ANY.iter().chain(&PAGES) {
        assert!(has(&format!("kind = \"{kind}\"")), "{kind}");
    }
    for what in ["agent = \"lost\"", "lose-agent", "scale-in", "exit = 1"] {
        assert!(has(what), "{what}");
    }
    assert!(all.iter().any(|it| it.has_role) && all.iter().any(|it| it.killed_after.is_some()));
}

#[test]
fn whatever_goes_wrong_nothing_runs_twice_and_nobody_is_lost() {
    let (first, last) = match number("FLEET_CHAOS_SEED") {
        Some(seed) => (seed, seed),
        None => (1, number("FLEET_CHAOS").unwrap_or(SEEDS)),
    };
    let next = AtomicU64::new(first);
    let failures = Mutex::new(String::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > last {
                break;
            }
            let chaos = Chaos::of(seed);
            let Err(panic) = catch_unwind(AssertUnwindSafe(|| endures(&chaos))) else { continue };
            let why = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
            let Chaos { world, flags, killed_after, .. } = chaos;
            let flags = flags.join(" ");
            let text = format!(
                "== FLEET_CHAOS_SEED={seed}: {why}\n-- {flags}, killed after {killed_after:?}\n{world}\n"
            );
            failures.lock().unwrap().push_str(&text);
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "\n{failures}");
}
