//! Whole documents: the order of steps, what is skipped, and what it all comes to.

use super::*;

/// A 2.2 document of shell steps: (name, inputs beside the command, command).
fn document(steps: &[(&str, Value, &str)]) -> Value {
    let step = |(name, modifiers, command): &(&str, Value, &str)| {
        // Simulated seconds are short: only what sleeps is to run out of them.
        let timeout = if command.starts_with("sleep") { "5" } else { "36000" };
        let mut inputs = json!({ "runCommand": [command], "timeoutSeconds": timeout });
        for (key, value) in modifiers.as_object().expect("modifiers are a map") {
            inputs[key] = value.clone();
        }
        json!({ "action": "aws:runShellScript", "name": name, "inputs": inputs })
    };
    json!({ "schemaVersion": "2.2", "mainSteps": steps.iter().map(step).collect::<Vec<_>>() })
}

/// What each step came to, one word each, and the document.
async fn check(steps: &[(&str, Value, &str)], expected: &[(&str, i32)], status: Status) {
    let Some(machine) = machine_at(40, 20.0).await else { return };
    let execution = machine.run(work(document(steps))).await;
    let word = |it: &Plugin| match it.status {
        Status::Success if it.skipped => "skipped",
        Status::Success => "success",
        Status::Failed => "failed",
        Status::TimedOut => "timed out",
        Status::Cancelled => "cancelled",
    };
    let actual: Vec<_> = execution.plugins.iter().map(|it| (word(it), it.code)).collect();
    assert_eq!((actual.as_slice(), execution.status), (expected, status), "{steps:?}");
    let names: Vec<_> = execution.plugins.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, steps.iter().map(|it| it.0).collect::<Vec<_>>());
    machine.shutdown().await;
}

#[tokio::test]
async fn steps_end_a_document_as_the_agent_lets_them() {
    let none = json!({});
    let finally = json!({ "finallyStep": true });
    let (ok, skipped) = (("success", 0), ("skipped", 0));
    let (a, b, c) = ("a", "b", "c");
    // Without a modifier a failure stops nothing.
    check(
        &[(a, none.clone(), "exit 2"), (b, none.clone(), "true")],
        &[("failed", 2), ok],
        Status::Failed,
    )
    .await;
    let exit = json!({ "onFailure": "exit" });
    check(
        &[(a, exit.clone(), "exit 2"), (b, none.clone(), "true"), (c, finally.clone(), "true")],
        &[("failed", 2), skipped, ok],
        Status::Failed,
    )
    .await;
    check(
        &[(a, json!({ "onFailure": "successAndExit" }), "exit 2"), (b, none.clone(), "true")],
        &[("success", 168), skipped],
        Status::Success,
    )
    .await;
    check(
        &[
            (a, json!({ "onSuccess": "exit" }), "true"),
            (b, finally.clone(), "true"),
            (c, none.clone(), "true"),
        ],
        &[ok, skipped, skipped],
        Status::Success,
    )
    .await;
    check(
        &[
            (a, none.clone(), "exit 168"),
            (b, none.clone(), "true"),
            (c, json!({ "finallyStep": "true" }), "exit 9"),
        ],
        &[("success", 168), skipped, ("failed", 9)],
        Status::Failed,
    )
    .await;
    check(
        &[(a, none.clone(), "exit 169"), (b, none.clone(), "true")],
        &[("failed", 169), skipped],
        Status::Failed,
    )
    .await;
    // A step that timed out has not failed.
    check(
        &[(a, exit, "sleep 700"), (b, none.clone(), "true")],
        &[("timed out", 137), ok],
        Status::TimedOut,
    )
    .await;
}

#[tokio::test]
async fn what_on_failure_says_is_in_both_streams() {
    let Some(machine) = machine(41).await else { return };
    let execution = machine
        .run(work(document(&[
            ("a", json!({ "onFailure": "exit" }), "exit 2"),
            ("b", json!({}), "true"),
        ])))
        .await;
    let text =
        "\nStep was found to have onFailure property. Further document steps will be skipped.";
    let plugin = &execution.plugins[0];
    assert_eq!(plugin.stdout, text);
    assert_eq!(plugin.stderr, format!("failed to run commands: exit status 2{text}"));
    assert_eq!(plugin.output, "\n----------ERROR-------\nfailed to run commands: exit status 2");
    let text = "Plugin with name aws:runShellScript and id b skipped due to prior step with an exit condition";
    assert_eq!(execution.plugins[1].output, text);
    machine.shutdown().await;
}

#[tokio::test]
async fn a_reboot_runs_the_step_again_from_its_top() {
    let Some(machine) = machine(42).await else { return };
    let steps = [
        ("a", json!({}), "echo once >>/var/a"),
        (
            "b",
            json!({}),
            "echo run; test -e /var/b || { sleep 700 >/dev/null 2>&1 & echo $! >/var/b; exit 194; }; while test -e /proc/$(cat /var/b); do :; done",
        ),
        ("c", json!({}), "cat /var/a"),
    ];
    let execution = machine.run(work(document(&steps))).await;
    assert_eq!(execution.status, Status::Success, "{execution:?}");
    assert_eq!(execution.plugins[1].stdout, "run\nrun\n");
    assert_eq!(execution.plugins[2].stdout, "once\n");

    let execution = machine.run(work(script_document(&["echo >>/var/runs", "exit 194"], 60))).await;
    assert_eq!((execution.status, execution.plugins[0].code), (Status::TimedOut, 194));
    assert_eq!(sh(&machine, &["wc -l </var/runs"]).await.stdout, "15\n");
    machine.shutdown().await;
}

#[tokio::test]
async fn schema_1_2_merges_its_properties() {
    let Some(machine) = machine(43).await else { return };
    let property = |id: &str, command: &str| json!({ "id": id, "runCommand": [command] });
    let properties = [
        property("0.aws:runShellScript", "echo $0; exit 3"),
        property("1.aws:runShellScript", "echo b >&2; exit 4"),
    ];
    let mut document = json!({ "schemaVersion": "1.2",
        "runtimeConfig": { "aws:runShellScript": { "properties": properties } } });
    let mut execution = machine.run(work(document.clone())).await;
    let plugin = execution.plugins.pop().unwrap();
    assert_eq!((plugin.name.as_str(), plugin.code), ("aws:runShellScript", 3));
    assert!(
        plugin.stdout.ends_with("/awsrunShellScript/0.awsrunShellScript/_script.sh\n\n"),
        "{}",
        plugin.stdout
    );
    let text = "failed to run commands: exit status 3\nb\nfailed to run commands: exit status 4";
    assert_eq!(plugin.stderr, text);

    document["runtimeConfig"]["aws:runShellScript"]["properties"] =
        json!({ "runCommand": ["echo {{ x }}", "{{x}}"] });
    document["parameters"] = json!({ "x": { "type": "String", "default": "true" } });
    let mut work = work(document);
    work.parameters.insert("x".to_owned(), vec!["echo given".to_owned()]);
    let plugin = machine.run(work).await.plugins.pop().unwrap();
    assert_eq!(plugin.stdout, "echo given\ngiven\n");
    machine.shutdown().await;
}

#[tokio::test]
async fn an_environment_parameter_is_never_text() {
    let Some(machine) = machine(44).await else { return };
    let mut document = script_document(&["printf '%s\n' \"$SSM_name\" '{{ name }}'"], 60);
    document["parameters"] =
        json!({ "name": { "type": "String", "interpolationType": "ENV_VAR" } });
    let mut work = work(document);
    work.parameters.insert("name".to_owned(), vec!["'; touch /tmp/x; '$(id)".to_owned()]);
    let plugin = machine.run(work).await.plugins.pop().unwrap();
    assert_eq!(plugin.stdout, "'; touch /tmp/x; '$(id)\n{{ name }}\n");
    machine.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_run_is_said_in_the_words_of_the_agent() {
    let Some(machine) = machine(45).await else { return };
    let (skipped, failed) = ((Status::Success, true, 0), (Status::Failed, false, 1));
    let windows = json!({ "StringEquals": ["platformType", "Windows"] });
    let unknown = "Plugin with name aws:nothing is not supported by this version of ssm agent, please update to latest version. Step name: s";
    let cases = [
        (
            "2.2",
            "aws:runShellScript",
            windows.clone(),
            skipped,
            "Step execution skipped due to unsatisfied preconditions: '\"StringEquals\": [platformType, Windows]'. Step name: s",
        ),
        (
            "2.2",
            "aws:runPowerShellScript",
            windows.clone(),
            skipped,
            "Step execution skipped due to unsatisfied preconditions: '\"StringEquals\": [platformType, Windows]'. Step name: s",
        ),
        (
            "2.2",
            "aws:runPowerShellScript",
            json!({}),
            skipped,
            "Step execution skipped due to unsupported plugin: aws:runPowerShellScript. Step name: s",
        ),
        (
            "2.0",
            "aws:runPowerShellScript",
            json!({}),
            failed,
            "Plugin with name aws:runPowerShellScript is not supported in current platform. Step name: s",
        ),
        (
            "2.0",
            "aws:runShellScript",
            windows,
            failed,
            "Precondition is not supported for document schema version prior to 2.2. Step name: s",
        ),
        (
            "2.2",
            "aws:runShellScript",
            json!({ "Equals": [] }),
            failed,
            "Unrecognized precondition(s): 'unrecognized operator: \"Equals\"', please update agent to latest version. Step name: s",
        ),
        ("2.2", "aws:nothing", json!({}), failed, unknown),
        ("2.0", "aws:nothing", json!({}), failed, unknown),
        (
            "2.2",
            "aws:downloadContent",
            json!({}),
            failed,
            "\n----------ERROR-------\naws:downloadContent is not implemented by this simulator",
        ),
    ];
    for (version, action, precondition, expected, text) in cases {
        let document = json!({ "schemaVersion": version, "mainSteps": [
            { "action": action, "name": "s", "precondition": precondition, "inputs": { "runCommand": ["echo ran"] } },
        ] });
        let execution = machine.run(work(document)).await;
        let plugin = &execution.plugins[0];
        assert_eq!((plugin.status, plugin.skipped, plugin.code), expected, "{action} in {version}");
        assert_eq!(
            (plugin.output.as_str(), plugin.stdout.as_str()),
            (text, ""),
            "{action} in {version}"
        );
    }
    let execution = machine.run(work(json!({ "schemaVersion": "0.3" }))).await;
    assert_eq!((execution.status, execution.plugins.len()), (Status::Failed, 0));
    assert!(execution.trace.starts_with("Document with schema version 0.3 is not supported"));
    machine.shutdown().await;
}
