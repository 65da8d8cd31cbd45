//! `fleet completions`: a script for each shell, which the shell can read.

use std::process::Command;

use crate::support::{FleetEnv, skip};

#[test]
fn every_shell_has_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = FleetEnv::new().run(&["completions", shell]).exits(0);
        assert_eq!(output.stderr, "");
        drop(output.prints(&["targets", "max-concurrency", "role-arn"]));
    }
    drop(FleetEnv::new().run(&["completions", "csh"]).exits(2).complains(&["csh"]));
}

#[test]
fn bash_can_read_its_script() {
    let env = FleetEnv::new();
    let script = env.write("fleet.bash", &env.run(&["completions", "bash"]).exits(0).stdout);
    let Ok(output) = Command::new("bash").arg("-n").arg(script).output() else {
        return skip("the bash completions", "there is no bash");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
