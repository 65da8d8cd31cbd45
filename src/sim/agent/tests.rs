//! The agent as a whole, on real machines. Where this computer cannot isolate, they say so and pass.

use std::{io::Write, time::Duration};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;

/// A machine, or the loud reason why there is none.
async fn machine(instance: u32) -> Option<Machine> {
    machine_at(instance, 1.0).await
}

async fn machine_at(instance: u32, speed: f64) -> Option<Machine> {
    let spec = MachineSpec {
        instance_id: format!("i-{instance:017x}"),
        region: "us-east-1".to_owned(),
        host_name: format!("ip-10-0-0-{instance}"),
        speed,
    };
    match Machine::boot(spec).await {
        Ok(machine) => Some(machine),
        Err(reason) => {
            writeln!(std::io::stderr(), "SKIPPED, NOTHING WAS TESTED: {reason}").unwrap();
            None
        }
    }
}

fn never() -> watch::Receiver<bool> {
    watch::channel(false).1
}

fn work(document: Value) -> Work {
    let command_id = "7a8d5bd0-0000-4000-8000-000000000001".to_owned();
    Work { command_id, document, parameters: BTreeMap::new(), cancel: never() }
}

fn script_document(lines: &[&str], timeout: u32) -> Value {
    json!({ "schemaVersion": "2.2", "mainSteps": [{
        "action": "aws:runShellScript", "name": "step",
        "inputs": { "runCommand": lines, "timeoutSeconds": timeout.to_string() },
    }] })
}

/// Runs a one-step document and gives its only plugin.
async fn sh(machine: &Machine, lines: &[&str]) -> Plugin {
    let mut execution = machine.run(work(script_document(lines, 60))).await;
    execution.plugins.pop().expect("the document has one step")
}

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
async fn a_document_changes_the_machine_and_not_the_computer() {
    let Some(machine) = machine(3).await else { return };
    let name = format!("fleet-agent-test-{}", std::process::id());
    let files = ["/etc", "/usr", "/usr/bin", "/tmp", "/var/lib", "/run", "/root", "/opt"]
        .map(|it| format!("{it}/{name}"));
    let plugin =
        sh(&machine, &[&format!("for f in {}; do echo x >$f; done", files.join(" "))]).await;
    assert_eq!(plugin.status, Status::Success, "{}", plugin.stderr);
    for file in &files {
        assert!(!std::path::Path::new(file).exists(), "{file}");
    }
    let plugin = sh(&machine, &[&format!("cat {}", files.join(" "))]).await;
    assert_eq!(plugin.stdout, "x\n".repeat(files.len()), "the files persist on the machine");

    let Some(other) = self::machine(4).await else { return };
    let plugin = sh(&other, &[&format!("cat {}", files.join(" "))]).await;
    assert_eq!(plugin.stdout, "", "another machine has its own");
    other.shutdown().await;

    let plugin =
        sh(&machine, &["hostname; ls -A /home /root /.host 2>&1; ls -d /work /proc/sys"]).await;
    assert!(plugin.stdout.starts_with("ip-10-0-0-3\n"), "{}", plugin.stdout);
    assert!(
        !plugin.stdout.contains("/work"),
        "no directory beside the system's: {}",
        plugin.stdout
    );
    machine.shutdown().await;
}

#[tokio::test]
async fn root_of_the_machine_is_not_root_of_the_computer() {
    let Some(machine) = machine(5).await else { return };
    for attempt in [
        "echo 1 >/proc/sysrq-trigger",
        "echo 10 >/proc/sys/vm/swappiness",
        "mount -o remount,rw /proc",
        "mount -o remount,rw,bind /proc",
        "umount /proc",
        "umount -l /sys",
        "mkdir /p && mount -t proc proc /p",
        "mkdir /s && mount -t sysfs sysfs /s",
        "mount -t devtmpfs dev /mnt",
        "mknod /tmp/sda b 8 0",
        "mknod /tmp/kmsg c 1 11",
        "date -s 2001-01-01",
        "echo mem >/sys/power/state",
        "unshare --user true",
        "unshare --user --map-root-user --mount true",
        "modprobe dummy",
    ] {
        let plugin = sh(&machine, &[attempt]).await;
        assert_eq!(plugin.status, Status::Failed, "{attempt}: {}{}", plugin.stdout, plugin.stderr);
    }
    // Every process of this namespace is the machine's, so there is no other one to be killed.
    let plugin = sh(&machine, &["ls -d /proc/[0-9]* | wc -l"]).await;
    let n_processes: u32 = plugin.stdout.trim().parse().unwrap();
    assert!(n_processes < 12, "{n_processes}");
    machine.shutdown().await;
}

#[tokio::test]
async fn kill_minus_one_reaches_only_the_machine() {
    let Some(machine) = machine(6).await else { return };
    let mut witness =
        tokio::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    let plugin = sh(
        &machine,
        &["sleep 600 >/dev/null 2>&1 &", "kill -9 -1; echo alone; ls -d /proc/[0-9]* | wc -l"],
    )
    .await;
    assert!(plugin.stdout.starts_with("alone\n"), "{plugin:?}");
    assert!(witness.try_wait().unwrap().is_none(), "a process of the computer lives");
    let plugin = sh(&machine, &["pgrep sleep; echo still here"]).await;
    assert_eq!(plugin.stdout, "still here\n", "the machine lives: {}", plugin.stderr);
    witness.kill().await.unwrap();
    machine.shutdown().await;
}

#[tokio::test]
async fn a_port_is_open_on_one_machine_only() {
    let serve = "import socket, os; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); \
                 s.bind(('127.0.0.1', 8099)); s.listen()\nif os.fork() == 0:\n  os.setsid(); [os.close(i) for i in (0, 1, 2)]; s.accept()";
    let connect = "import socket; socket.create_connection(('127.0.0.1', 8099)).close()";
    let (Some(a), Some(b)) = (machine(7).await, machine(8).await) else { return };
    let python = |text: &str| format!("/usr/bin/python3 - <<'EOF'\n{text}\nEOF");
    if sh(&a, &["test -x /usr/bin/python3"]).await.code != 0 {
        let n_up = sh(&a, &["grep -c lo: /proc/net/dev"]).await;
        assert_eq!(n_up.stdout, "1\n");
        return;
    }
    for machine in [&a, &b] {
        let plugin = sh(machine, &[&python(serve)]).await;
        assert_eq!(plugin.status, Status::Success, "{}", plugin.stderr);
    }
    assert!(tokio::net::TcpStream::connect("127.0.0.1:8099").await.is_err(), "not on the computer");
    assert_eq!(
        sh(&a, &[&python(connect)]).await.status,
        Status::Success,
        "the daemon outlives its step"
    );
    assert_eq!(sh(&a, &[&python(connect)]).await.status, Status::Failed, "it accepted once");
    assert_eq!(sh(&b, &[&python(connect)]).await.status, Status::Success);
    a.shutdown().await;
    b.shutdown().await;
}
