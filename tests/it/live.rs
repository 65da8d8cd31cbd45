//! What a run shows while it goes on: a board on a terminal, lines everywhere else.

use crate::support::{FleetEnv, Running, skip};

/// Four that are sent to by their ids, for a fifth is in Standby; one fails at once and the others
/// never end.
const WORLD: &str = r#"
speed = 50.0
[[group]]
name = "web"
size = 5
[[group.instance]]
index = 4
lifecycle = "Standby"
[[outcome]]
instances = [1]
exit = 3
stderr = "one\ntwo\n\u001b[2Jthree\nfour"
[[outcome]]
after = "24h"
"#;

fn args(world: &str) -> [&str; 10] {
    let limits = ["--max-errors", "1", "--max-concurrency", "2"];
    ["run", world, "--asg", "web", limits[0], limits[1], limits[2], limits[3], "--", "true"]
}

/// Starts it on a terminal of this size.
fn start(env: &FleetEnv, size: (u16, u16)) -> Option<Running> {
    let run = env.on_a_terminal_of(size, &args(&env.world(WORLD)));
    if run.is_none() {
        skip("the board", "setsid(1) of util-linux is missing");
    }
    run
}

#[test]
fn a_terminal_has_a_board_failures_above_it_and_answers_to_enter() {
    let env = FleetEnv::new().set("FLEET_PACE", "0.05").set("NO_COLOR", "1");
    let Some(mut run) = start(&env, (100, 30)) else { return };
    // What failed said: its last lines, without what acts on a terminal.
    run.wait_for(" failed, exit code 3:\r\n      two\r\n      three\r\n      four\r\n");
    run.wait_for(
        "wave 1 1/4 · 1 failed · 2 running\x1b[K\r\n[======>                  ] 1/4 · 00:0",
    );
    run.wait_for("\x1b[K\r\nslowest: i-");
    run.type_in("\n");
    run.wait_for("in progress (2):\r\n  00:0");
    run.wait_for("pending (1):\r\n  wave 1 ×1: i-");
    run.resize((24, 10));
    run.wait_for("wave 1 1/4 ✗1\x1b[K\r\n00:");
    run.interrupt();
    let output = run.finish().exits(130);
    assert!(
        output.stdout.contains("4 instances succeeded") || output.stdout.contains("interrupted")
    );
    // Nobody wanted colours; the cursor moves all the same.
    assert!(!output.stdout.contains("\x1b[1m") && output.stdout.contains("\x1b[J"), "{output}");
    assert!(!output.stdout.contains("\x1b[2J"), "{output}");
    // The board is gone at the end.
    let (_, end) = output.stdout.rsplit_once("\x1b[J").unwrap();
    assert!(!end.contains("slowest") && end.contains("outcomes "), "{end}");
}

#[test]
fn a_terminal_has_colours_and_quiet_leaves_the_answers() {
    let env = FleetEnv::new().set("FLEET_PACE", "0.05");
    let Some(mut run) = start(&env, (80, 24)) else { return };
    run.wait_for("\x1b[1mwave 1 ");
    run.interrupt();
    drop(run.finish().exits(130));

    let env = FleetEnv::new().set("FLEET_PACE", "0.05");
    let world = env.world(WORLD);
    let quiet = [&["run", "--quiet"], &args(&world)[1..]].concat();
    let mut run = env.on_a_terminal_of((80, 24), &quiet).unwrap();
    // Early Enters say that nothing was sent; it is asked until something was.
    while !run.stdout().contains("in progress (") {
        run.type_in("\n");
        run.wait_for_more();
    }
    assert!(!run.stdout().contains("wave 1 1/4"), "{}", run.stdout());
    run.interrupt();
    drop(run.finish().exits(130));
}

#[test]
fn dumb_terminals_and_ci_get_lines_without_cursor() {
    for (name, value) in [("TERM", "dumb"), ("CI", "true")] {
        let env = FleetEnv::new().set("FLEET_PACE", "0.05").set("NO_COLOR", "1").set(name, value);
        let Some(mut run) = start(&env, (80, 24)) else { return };
        run.wait_for("wave 1 started: 4 instances");
        run.wait_for(" failed, exit code 3:");
        run.interrupt();
        let output = run.finish().exits(130);
        assert!(!output.stdout.contains('\x1b'), "{name}: {output}");
    }
}

#[test]
fn a_pipe_gets_lines_and_colours_only_if_they_are_forced() {
    for is_forced in [false, true] {
        let mut env = FleetEnv::new().set("FLEET_PACE", "0.05");
        if is_forced {
            env = env.set("CLICOLOR_FORCE", "1");
        }
        let mut run = env.spawn(&args(&env.world(WORLD)));
        run.wait_for("four");
        // The third has taken the place of the one that failed.
        run.wait_for_times("accepted", 2);
        run.ask();
        run.wait_for("in progress (2):");
        run.interrupt();
        let output = run.finish().exits(130);
        assert_eq!(output.stderr.contains("\x1b["), is_forced, "{output}");
        assert!(!output.stderr.contains("\x1b[J") && !output.stderr.contains('\r'), "{output}");
    }
}

#[test]
fn time_is_expected_by_the_runs_before() {
    let env = FleetEnv::new().set("FLEET_PACE", "0.05").set("NO_COLOR", "1").unset("FLEET_NOW");
    let world = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 4\n[[outcome]]\nafter = \"1s\"\n";
    let run = ["run", &env.world(world), "--asg", "web", "--quiet", "--", "true"];
    drop(env.run(&run).exits(0));
    drop(env.run(&run).exits(0));
    let Some(mut run) = start(&env, (100, 30)) else { return };
    run.wait_for("(by 2 earlier runs)");
    run.interrupt();
    drop(run.finish().exits(130));
}
