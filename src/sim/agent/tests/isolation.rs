//! What a document can reach, and what is left when the machine is gone.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::*;

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
        "chmod 600 /dev/null",
        "echo x 2>/dev/null >/dev/tty",
        "mount -o remount,rw /dev/null",
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
    let mut witness = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let plugin = sh(
        &machine,
        &["sleep 600 >/dev/null 2>&1 &", "kill -9 -1; echo alone; ls -d /proc/[0-9]* | wc -l"],
    )
    .await;
    assert!(plugin.stdout.starts_with("alone\n"), "{plugin:?}");
    assert!(witness.try_wait().unwrap().is_none(), "a process of the computer lives");
    let plugin = sh(&machine, &[SLEEPERS]).await;
    assert_eq!(plugin.stdout, "0\n", "the machine lives: {}", plugin.stderr);
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

/// Says whether a process of this computer has this command line. An ended one has none.
fn runs(command_line: &str) -> bool {
    let wanted = command_line.replace(' ', "\0") + "\0";
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .map(|it| std::fs::read(it.path().join("cmdline")).unwrap_or_default())
        .any(|it| it == wanted.as_bytes())
}

async fn wait_until(command_line: &str, is_running: bool) {
    let reached = tokio::time::timeout(Duration::from_secs(20), async {
        while runs(command_line) != is_running {
            tokio::task::yield_now().await;
        }
    });
    assert!(reached.await.is_ok(), "{command_line} runs: {}", !is_running);
}

/// Starts a process that outlives its step.
async fn daemon(machine: &Machine, command_line: &str) {
    let start = format!("setsid {command_line} >/dev/null 2>&1 </dev/null &");
    assert_eq!(sh(machine, &[&start]).await.status, Status::Success);
    wait_until(command_line, true).await;
}

#[tokio::test]
async fn shutdown_and_drop_end_every_process() {
    let Some(machine) = machine(30).await else { return };
    let sleeper = format!("sleep 30{}", std::process::id());
    daemon(&machine, &sleeper).await;
    machine.shutdown().await;
    wait_until(&sleeper, false).await;

    let Some(machine) = self::machine(31).await else { return };
    let sleeper = format!("sleep 31{}", std::process::id());
    daemon(&machine, &sleeper).await;
    drop(machine);
    wait_until(&sleeper, false).await;
}

/// Set where the test below runs itself, as the fleet that is to be killed.
const IS_HELD: &str = "FLEET_TEST_HOLDS_A_MACHINE";

#[tokio::test]
async fn a_machine_dies_with_a_fleet_that_is_killed() {
    if std::env::var_os(IS_HELD).is_some() {
        return hold_a_machine().await;
    }
    let test = "sim::agent::tests::isolation::a_machine_dies_with_a_fleet_that_is_killed";
    let mut fleet = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(IS_HELD, "1")
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = fleet.id().unwrap();
    let mut lines = BufReader::new(fleet.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.ends_with("no machine") {
            return;
        }
        if line.ends_with("machine is up") {
            break;
        }
    }
    let sleeper = format!("sleep 32{pid}");
    assert!(runs(&sleeper));
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    fleet.wait().await.unwrap();
    wait_until(&sleeper, false).await;
}

/// Has a machine until it is killed, and says when.
async fn hold_a_machine() {
    let mut stdout = std::io::stdout();
    let Some(machine) = machine(32).await else {
        writeln!(stdout, "no machine").unwrap();
        return;
    };
    daemon(&machine, &format!("sleep 32{}", std::process::id())).await;
    writeln!(stdout, "\nmachine is up").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_computer_that_isolates_says_so() {
    if let Err(reason) = Machine::probe().await {
        assert!(
            reason.starts_with("this computer cannot isolate a simulated instance: "),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn orphans_are_reaped() {
    let Some(machine) = machine(33).await else { return };
    let lines = ["for i in 1 2 3 4 5 6 7 8; do (setsid sh -c 'true' &) ; done >/dev/null 2>&1"];
    sh(&machine, &lines).await;
    let plugin = sh(
        &machine,
        &["until ! grep -l 'State:.Z' /proc/[0-9]*/status 2>/dev/null; do :; done; echo none"],
    )
    .await;
    assert_eq!((plugin.status, plugin.stdout.ends_with("none\n")), (Status::Success, true));
    machine.shutdown().await;
}

#[tokio::test]
async fn a_machine_is_what_its_setup_made_it() {
    // Whether there can be machines at all.
    let Some(plain) = machine(61).await else { return };
    plain.shutdown().await;
    let setup = ["echo one >/root/made; sleep 1000 &", "cat /root/made; echo two >>/root/made"];
    let machine = Machine::boot(spec(62, 1.0, &setup)).await.unwrap();
    let plugin = sh(&machine, &["cat /root/made", SLEEPERS]).await;
    assert_eq!(plugin.stdout, "one\ntwo\n1\n");
    machine.shutdown().await;
    let refused = Machine::boot(spec(63, 1.0, &["echo no disk >&2; exit 3"])).await;
    let why = refused.err().unwrap();
    let expected = "the instance's setup, which its world names, failed: exit status: 3: no disk";
    assert_eq!(why, expected);
}
