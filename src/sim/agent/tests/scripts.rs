//! What a script meets and what its end means.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

async fn check_code(script: &str, expected: (Status, i32, &str, &str)) {
    let Some(machine) = machine(1).await else { return };
    let plugin = sh(&machine, &["echo out", "echo err >&2", script]).await;
    let actual = (plugin.status, plugin.code, plugin.stdout.as_str(), plugin.stderr.as_str());
    assert_eq!(actual, expected, "{script}");
    machine.shutdown().await;
}

#[tokio::test]
async fn exit_codes_mean_what_they_mean_to_the_agent() {
    use Status::{Failed, Success, TimedOut};
    let out = "out\n";
    check_code("true", (Success, 0, out, "err\n")).await;
    check_code("false; true", (Success, 0, out, "err\n")).await;
    check_code("exit 3", (Failed, 3, out, "err\nfailed to run commands: exit status 3")).await;
    check_code("exit 137", (TimedOut, 137, out, "err\n")).await;
    check_code("kill -9 $PPID", (Failed, -1, out, "err\nfailed to run commands: signal: killed"))
        .await;
    check_code(
        "kill -TERM $PPID",
        (Failed, -1, out, "err\nfailed to run commands: signal: terminated"),
    )
    .await;
    let ended = "out\n\nStep exited with code 168. Therefore, marking step as succeeded. Further document steps will be skipped.";
    check_code("exit 168", (Success, 168, ended, "")).await;
    let text = "\nStep exited with code 169. Therefore, marking step as Failed. Further document steps will be skipped.";
    let (o, e) =
        (format!("out\n{text}"), format!("err\nfailed to run commands: exit status 169{text}"));
    check_code("exit 169", (Failed, 169, &o, &e)).await;
}

#[tokio::test]
async fn a_script_is_started_as_the_agent_starts_it() {
    let Some(machine) = machine(2).await else { return };
    let plugin =
        sh(&machine, &["set | grep -E '^(AWS_SSM|SSM_|PATH|HOME|LANG)' | sort; pwd; cat; id -u"])
            .await;
    let lines: Vec<_> = plugin.stdout.lines().collect();
    for expected in [
        "AWS_SSM_INSTANCE_ID='i-00000000000000002'",
        "AWS_SSM_REGION_NAME='us-east-1'",
        "SSM_COMMAND_ID='7a8d5bd0-0000-4000-8000-000000000001'",
        "HOME='/root'",
        "LANG='C.UTF-8'",
        "PATH='/usr/sbin:/usr/bin:/sbin:/bin'",
    ] {
        let bare = expected.replace('\'', "");
        assert!(
            lines.contains(&expected) || lines.contains(&bare.as_str()),
            "{expected} in {lines:?}"
        );
    }
    assert_eq!(&lines[lines.len() - 2..], ["/usr/bin", "0"], "{}", plugin.stderr);

    let plugin = sh(&machine, &["#!/bin/cat", "the text"]).await;
    assert_eq!(plugin.stdout, "#!/bin/cat\nthe text\n", "a shebang is honoured");
    let file = "/var/lib/amazon/ssm/i-00000000000000002/document/orchestration/7a8d5bd0-0000-4000-8000-000000000001/step/_script.sh";
    let plugin = sh(&machine, &["echo $0; stat -c %a $0"]).await;
    assert_eq!(plugin.stdout, format!("{file}\n700\n"));
    let plugin = sh(&machine, &["env"]).await;
    assert!(
        !plugin.stdout.contains("CARGO"),
        "the environment of fleet is not inherited: {}",
        plugin.stdout
    );
    let mut document = script_document(&["pwd"], 60);
    for (directory, expected) in [("/etc", "/etc\n"), ("nowhere", "/usr/bin\n"), ("/nowhere", "")] {
        document["mainSteps"][0]["inputs"]["workingDirectory"] = json!(directory);
        let plugin = &machine.run(work(document.clone())).await.plugins[0];
        assert_eq!(plugin.stdout, expected, "{directory}: {}", plugin.stderr);
        assert_eq!(plugin.code, i32::from(expected.is_empty()));
    }
    machine.shutdown().await;
}

#[tokio::test]
async fn a_timeout_kills_the_whole_group() {
    // Five simulated seconds, the least that the agent accepts, are a real one here: long enough for
    // a shell to begin on a busy machine.
    let Some(machine) = machine_at(20, 5.0).await else { return };
    let lines =
        ["echo before", "(sh -c 'sleep 700; echo late' & wait) &", "sleep 700", "echo after"];
    let execution = machine.run(work(script_document(&lines, 5))).await;
    let plugin = &execution.plugins[0];
    assert_eq!(
        (execution.status, plugin.status, plugin.code),
        (Status::TimedOut, Status::TimedOut, 137)
    );
    assert_eq!((plugin.stdout.as_str(), plugin.stderr.as_str()), ("before\n", ""));
    let plugin = sh(&machine, &[SLEEPERS]).await;
    assert_eq!(plugin.stdout, "0\n", "no grandchild is left");
    machine.shutdown().await;
}

#[tokio::test]
async fn a_background_child_that_holds_the_output_keeps_the_step_open() {
    let Some(machine) = machine_at(21, 5.0).await else { return };
    let started = Instant::now();
    let plugin = sh(&machine, &["(sleep 0.3; echo late) &", "echo early"]).await;
    assert_eq!((plugin.status, plugin.stdout.as_str()), (Status::Success, "early\nlate\n"));
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(plugin.finished.unwrap() - plugin.started.unwrap() >= Duration::from_millis(300));

    // It holds the output for longer than the step may take, out of reach of the kill.
    let document = script_document(&["setsid sleep 700 &", "exit 0"], 5);
    let plugin = machine.run(work(document)).await.plugins.pop().unwrap();
    assert_eq!((plugin.status, plugin.code), (Status::TimedOut, 137));
    let plugin = sh(&machine, &[SLEEPERS]).await;
    assert_eq!(plugin.stdout, "1\n", "who left the process group lives on");

    let plugin = sh(&machine, &["sleep 700 >/dev/null 2>&1 </dev/null &"]).await;
    assert_eq!(plugin.status, Status::Success, "a child that lets go of it does not");
    machine.shutdown().await;
}

#[tokio::test]
async fn a_cancelled_document_ends_at_once() {
    let Some(machine) = machine(22).await else { return };
    let (cancel, cancelled) = watch::channel(false);
    let step = |name: &str| {
        json!({ "action": "aws:runShellScript", "name": name,
            "inputs": { "runCommand": ["echo begun", "touch /tmp/begun", "sleep 700"] } })
    };
    let document = json!({ "schemaVersion": "2.2", "mainSteps": [step("one"), step("two")] });
    let work = Work { cancel: cancelled, ..work(document) };
    let when_begun = async {
        while sh(&machine, &["test -e /tmp/begun"]).await.code != 0 {}
        cancel.send(true).unwrap();
    };
    let (execution, ()) = tokio::join!(machine.run(work), when_begun);
    assert_eq!(execution.status, Status::Cancelled);
    let outcome = |it: &Plugin| (it.status, it.code, it.stdout.clone());
    assert_eq!(outcome(&execution.plugins[0]), (Status::Cancelled, 137, "begun\n".to_owned()));
    assert_eq!(outcome(&execution.plugins[1]), (Status::Cancelled, 1, String::new()));
    machine.shutdown().await;
}

#[tokio::test]
async fn a_flood_of_output_is_drained_and_its_head_kept() {
    let Some(machine) = machine(23).await else { return };
    let plugin = sh(&machine, &["yes | head -c 20000000", "printf '\\377\\376' >&2"]).await;
    assert_eq!(plugin.stdout, format!("{}--output truncated--", "y\n".repeat(11_990)));
    assert_eq!(plugin.stderr, "\u{fffd}\u{fffd}");
    assert!(plugin.output.len() <= 2_500);
    machine.shutdown().await;
}

#[tokio::test]
async fn a_script_may_be_longer_than_an_argument_and_full_of_quotes() {
    let Some(machine) = machine(24).await else { return };
    let filler = format!("# {}", "it's \"$HOME\" `x` \\ é ".repeat(20_000));
    let plugin = sh(&machine, &[&filler, "echo 'it'\\''s' \"\\$x\"", "printf '%s' EOF"]).await;
    assert_eq!((plugin.stdout.as_str(), plugin.stderr.as_str()), ("it's $x\nEOF", ""));
    machine.shutdown().await;
}
