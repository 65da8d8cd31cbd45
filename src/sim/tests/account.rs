//! A world's account on a paused clock: waiting takes no time.

use std::{path::Path, rc::Rc, time::Duration};

use serde_json::{Value, json};
use tokio::{runtime::Builder, task::LocalSet};

use crate::sim::{
    World,
    api::{ApiError, Call, Caller, Pages},
    autoscaling, opening, ssm,
    state::Simulator,
    wire::{form::Form, xml::Xml},
};

pub(super) struct Account {
    pub sim: Rc<Simulator>,
}

/// Runs a test in the account of a world.
pub(super) fn simulated<T, F: AsyncFnOnce(Account) -> T>(world: &str, test: F) -> T {
    let world = World::parse(world, Path::new("w.toml")).unwrap();
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let sim = opening::edge(&world).unwrap().sim;
        test(Account { sim }).await
    })
}

impl Account {
    pub(super) fn call(&self, operation: &str) -> Call {
        let caller = Caller::administrator(&self.sim.account);
        let (sim, operation) = (Rc::clone(&self.sim), operation.to_owned());
        Call { sim, operation, caller, as_of: None, pages: Pages::Full }
    }

    pub(super) async fn wait(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Calls Auto Scaling; `parameters` may name members of `web` as `#0`, `#1`, ….
    pub(super) fn scaling(&self, operation: &str, parameters: &str) -> Result<String, ApiError> {
        let parameters = (0..9).fold(parameters.to_owned(), |text, index| {
            text.replace(&format!("#{index}"), &self.id(index))
        });
        let mut xml = Xml::new();
        let form = Form::parse(parameters.as_bytes());
        autoscaling::call(&self.call(operation), &form, &mut xml)?;
        Ok(String::from_utf8(xml.into_bytes()).unwrap())
    }

    pub(super) async fn ssm(&self, operation: &str, body: Value) -> Value {
        ssm::call(&self.call(operation), &body).await.unwrap()
    }

    /// Sends a document to the whole of `web`.
    pub(super) async fn send(&self) -> String {
        let body = json!({
            "DocumentName": "AWS-RunShellScript",
            "Parameters": { "commands": ["true"], "executionTimeout": ["120"] },
            "Targets": [{ "Key": "tag:aws:autoscaling:groupName", "Values": ["web"] }],
            "TimeoutSeconds": 60,
        });
        let answer = self.ssm("SendCommand", body).await;
        answer["Command"]["CommandId"].as_str().unwrap().to_owned()
    }

    /// Returns the StatusDetails of a command's invocations, in the order of their instances; a list
    /// has the newest first.
    pub(super) async fn statuses(&self, command: &str) -> Vec<String> {
        let answer = self.ssm("ListCommandInvocations", json!({ "CommandId": command })).await;
        let rows = answer["CommandInvocations"].as_array().unwrap();
        rows.iter().rev().map(|it| it["StatusDetails"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the PingStatus of the managed nodes, in the order of their ids.
    pub(super) async fn pings(&self) -> Vec<String> {
        let answer = self.ssm("DescribeInstanceInformation", json!({})).await;
        let rows = answer["InstanceInformationList"].as_array().unwrap();
        rows.iter().map(|it| it["PingStatus"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns `index: LifecycleState` of the members of `web`, and its desired capacity.
    pub(super) fn members(&self) -> (Vec<String>, u32) {
        self.scaling("DescribeAutoScalingGroups", "").unwrap();
        let state = self.sim.state.borrow();
        let group = &state.groups[0];
        let member = |id: &String| {
            let it = &state.instances[id];
            format!("{}: {}", it.index, it.lifecycle)
        };
        (group.members.iter().map(member).collect(), group.desired)
    }

    fn id(&self, index: usize) -> String {
        crate::sim::ids::instance_id(self.sim.seed, "web", index)
    }
}
