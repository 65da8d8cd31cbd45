//! design.md §6, through the program: a document that really runs changes nothing on the machine
//! that simulates its instance.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{FleetEnv, skip};

const WORLD: &str = "speed = 50.0\n[[group]]\nname = \"web\"\nsize = 2\nrun = \"shell\"\n";

/// Returns the flag for a world whose documents really run, or `None`, said loudly, where this
/// machine cannot isolate them.
fn shell_world(env: &FleetEnv, test: &str) -> Option<String> {
    let sim = env.world(WORLD);
    let output = env.run(&["targets", &sim, "--asg", "web"]).exits(0);
    if output.stderr.contains("documents cannot really run") {
        skip(test, &output.stderr);
        return None;
    }
    Some(sim)
}

/// Returns the names in the directories that documents like to write to.
fn listing() -> Vec<String> {
    let directories = ["/etc", "/usr", "/usr/bin", "/usr/local", "/root", "/var/lib", "/opt"];
    let names = directories.iter().flat_map(|it| {
        let entries = fs::read_dir(it).unwrap().map(|it| it.unwrap().path().display().to_string());
        entries.collect::<Vec<_>>()
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn a_document_that_writes_kills_and_listens_changes_nothing_here() {
    let env = FleetEnv::new();
    let Some(sim) = shell_world(&env, "isolation") else { return };
    let mark = format!("fleet-isolation-{}", std::process::id());
    // A process of ours, which `kill -9 -1` would reach.
    let mut bystander = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let passwd = fs::read("/etc/passwd").unwrap();
    let before = listing();
    let script = format!(
        "for it in /etc /usr /usr/bin /tmp /root /var/lib; do echo mine > $it/{mark}; done
        echo 'root2::0:0::/:/bin/sh' >> /etc/passwd
        rm -rf /opt/* /usr/local/* /usr/bin/env
        cat /etc/{mark}
        kill -9 -1 || true
        echo survived"
    );
    let args = ["run", &sim, "--asg", "web", "--max-concurrency", "2", "--output", "json", "--"];
    let output = env.run(&[&args[..], &[&script]].concat());
    let record = env.record();
    let report = record.complete();
    for it in report["instances"].as_array().unwrap() {
        let stdout = it["stdout"].as_str().unwrap();
        assert!(stdout.starts_with("mine"), "{stdout:?}\n{output}");
    }
    assert_eq!(listing(), before);
    assert_eq!(fs::read("/etc/passwd").unwrap(), passwd);
    assert!(!Path::new("/tmp").join(&mark).exists());
    assert!(bystander.try_wait().unwrap().is_none(), "the bystander was killed");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[test]
fn a_port_that_a_document_opens_is_the_instances_own() {
    let env = FleetEnv::new();
    let Some(sim) = shell_world(&env, "the port") else { return };
    if Command::new("python3").arg("--version").output().is_err() {
        return skip("the port", "there is no python3 to listen with");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Taken here, free there, on both instances at once; and what listens there is not heard here.
    let script = format!(
        "/usr/bin/env python3 -c \"
import socket
s = socket.socket(); s.bind(('127.0.0.1', {port})); s.listen()
print('listening')\""
    );
    let args = ["run", &sim, "--asg", "web", "--max-concurrency", "2", "--", &script];
    drop(env.run(&args).exits(0).prints(&["listening"]));
    drop(listener);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn two_instances_see_nothing_of_each_other_and_one_keeps_its_files() {
    let env = FleetEnv::new();
    let Some(sim) = shell_world(&env, "the instances") else { return };
    let script = "ls /etc/mine 2>/dev/null && exit 7; hostname > /etc/mine; cat /etc/mine";
    let args = ["run", &sim, "--asg", "web", "--max-concurrency", "1", "--", script];
    drop(env.run(&args).exits(0));
    let record = env.record();
    let names = record.ids("instances", "stdout");
    assert_ne!(names[0], names[1]);
}

#[test]
fn a_document_gets_the_secret_that_is_written_nowhere() {
    let env = FleetEnv::new();
    let Some(_) = shell_world(&env, "the secret") else { return };
    env.write(
        "check.yaml",
        "schemaVersion: '2.2'\ndescription: Checks\nparameters:\n  apiToken: {type: String}\n\
         mainSteps:\n  - {action: 'aws:runShellScript', name: check, inputs: {runCommand: \
         ['test \"{{ apiToken }}\" = open-sesame']}}\n",
    );
    let sim = env.world(&format!("{WORLD}[[document]]\nname = \"Check\"\nfile = \"check.yaml\"\n"));
    let args = ["run", &sim, "--asg", "web", "--doc", "Check", "--param", "apiToken=open-sesame"];
    let output = env.run(&args).exits(0);
    assert!(!format!("{}{}", output.stdout, output.stderr).contains("sesame"));
}
