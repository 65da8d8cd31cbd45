//! The agent as a whole, on real machines. Where this computer cannot isolate, they say so and pass.

use std::{io::Write, sync::Arc};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;

mod documents;
mod isolation;
mod scripts;

/// Prints how many there are.
const SLEEPERS: &str = "cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^sleep$'; true";

/// A machine, or the loud reason why there is none.
async fn machine(instance: u32) -> Option<Machine> {
    machine_at(instance, 1.0).await
}

async fn machine_at(instance: u32, speed: f64) -> Option<Machine> {
    match Machine::boot(spec(instance, speed, &[])).await {
        Ok(machine) => Some(machine),
        Err(reason) => {
            writeln!(std::io::stderr(), "SKIPPED, NOTHING WAS TESTED: {reason}").unwrap();
            None
        }
    }
}

fn spec(instance: u32, speed: f64, setup: &[&str]) -> MachineSpec {
    MachineSpec {
        instance_id: format!("i-{instance:017x}"),
        region: "us-east-1".to_owned(),
        host_name: format!("ip-10-0-0-{instance}"),
        speed,
        setup: setup.iter().map(|it| Arc::from(*it)).collect(),
    }
}

fn never() -> watch::Receiver<bool> {
    watch::channel(false).1
}

fn work(document: Value) -> Work {
    let command_id = "7a8d5bd0-0000-4000-8000-000000000001".to_owned();
    let kept = truncate::STREAM;
    Work { command_id, document, parameters: BTreeMap::new(), kept, cancel: never() }
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
