//! The simulated SSM as its callers see it: JSON in, JSON out, on a paused clock.

mod aggregate;
mod conditions;
mod documents;
mod elsewhere;
mod hostile;
mod limits;
mod lists;
mod nodes;
mod permissions;
mod rows;
mod scale;
mod send;
mod sharing;
mod shell;
mod statuses;
mod sync_errors;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{runtime::Builder, task::LocalSet};

use crate::sim::{
    api::{ApiError, Call, Caller, Pages},
    clock::Clock,
    elsewhere::Elsewhere,
    machines,
    network::Network,
    scripts::Script,
    state::{Instance, Outcome, Ping, Platform, RunMode, Simulator, State},
};

/// A simulated account, and a caller who may do everything.
pub(super) struct World {
    pub sim: Rc<Simulator>,
    pub caller: Caller,
    pub as_of: Option<Timestamp>,
}

/// Instances of group `web` (Linux), then whatever a test changes.
pub(super) struct WorldSpec {
    pub size: usize,
    pub outcomes: Vec<Outcome>,
    pub runbooks: Vec<Script>,
    pub visible_after: Duration,
    pub change: fn(usize, &mut Instance),
    pub elsewhere: Elsewhere,
}

impl Default for WorldSpec {
    fn default() -> Self {
        Self {
            size: 3,
            outcomes: Vec::new(),
            runbooks: Vec::new(),
            visible_after: Duration::from_secs(1),
            change: |_, _| {},
            elsewhere: Elsewhere::default(),
        }
    }
}

/// Runs a test on one thread and on a paused clock: waiting takes no time.
pub(super) fn simulated<F: AsyncFnOnce(World)>(spec: WorldSpec, test: F) {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async { test(World::new(spec, 1.0)).await });
}

/// Runs a test on the real clock, a hundred times as fast: for documents that really run.
pub(super) fn really<F: AsyncFnOnce(World)>(spec: WorldSpec, test: F) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async { test(World::new(spec, 100.0)).await });
}

pub(super) fn id(index: usize) -> String {
    format!("i-{index:017x}")
}

/// An `[[outcome]]` for some members of `web`: exit 0 after 1 s, until changed.
pub(super) fn outcome(instances: &[usize]) -> Outcome {
    Outcome {
        group: Some("web".to_owned()),
        instances: Some(instances.to_vec()),
        document: "*".to_owned(),
        after: Duration::from_secs(1),
        exit: 0,
        status: None,
        stdout: String::new(),
        stderr: String::new(),
        agent: None,
    }
}

pub(super) fn exits(instances: &[usize], exit: i32) -> Outcome {
    Outcome { exit, ..outcome(instances) }
}

pub(super) fn ends(instances: &[usize], status: &str) -> Outcome {
    Outcome { status: Some(status.to_owned()), ..outcome(instances) }
}

impl World {
    fn new(spec: WorldSpec, speed: f64) -> Self {
        let mut state = State::default();
        for it in &spec.elsewhere.alarms {
            state.alarms.insert(it.name.clone(), (it.state, Timestamp::UNIX_EPOCH));
        }
        for index in 0..spec.size {
            let mut instance = instance(index);
            (spec.change)(index, &mut instance);
            machines::furnish(&mut state, &instance);
            state.instances.insert(instance.id.clone(), instance);
        }
        let sim = Simulator {
            images: Vec::new(),
            keys: Vec::new(),
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            clock: Clock::starting_at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap(), speed),
            visible_after: spec.visible_after,
            ping_lag: Duration::ZERO,
            outcomes: spec.outcomes,
            runbooks: spec.runbooks,
            roles: Vec::new(),
            users: Vec::new(),
            events: Vec::new(),
            elsewhere: spec.elsewhere,
            network: Network::default(),
            seed: 1,
            state: RefCell::new(state),
            random: RefCell::new(fastrand::Rng::with_seed(1)),
        };
        Self { sim: sim.shared(), caller: Caller::administrator("123456789012"), as_of: None }
    }

    pub(super) async fn call(&self, operation: &str, body: Value) -> Result<Value, ApiError> {
        let call = Call {
            sim: Rc::clone(&self.sim),
            operation: operation.to_owned(),
            caller: self.caller.clone(),
            as_of: self.as_of,
            pages: Pages::Full,
        };
        super::call(&call, &body).await
    }

    /// Calls what must succeed.
    pub(super) async fn ok(&self, operation: &str, body: Value) -> Value {
        self.call(operation, body).await.unwrap()
    }

    /// Sends AWS-RunShellScript; `more` is merged into the request. Returns the command's id.
    pub(super) async fn send(&self, more: Value) -> String {
        let answer = self.ok("SendCommand", request(&more)).await;
        answer["Command"]["CommandId"].as_str().unwrap().to_owned()
    }

    pub(super) fn add_document(&self, name: &str, content: &str) {
        let mut state = self.sim.state.borrow_mut();
        state.ssm.add_document(name, content, Timestamp::UNIX_EPOCH).unwrap();
    }

    pub(super) async fn wait(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// Waits until the command's invocations have ended, up to half a minute of real time.
    pub(super) async fn until_finished(&self, command: &str) {
        let finished = async {
            loop {
                let view = self.command(command).await;
                if view["TargetCount"] != 0 && view["TargetCount"] == view["CompletedCount"] {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), finished).await.unwrap();
    }

    /// Returns `instance index → StatusDetails` of a command of up to 50 instances.
    pub(super) async fn statuses(&self, command: &str) -> Vec<String> {
        let rows = self.rows(command).await;
        rows.iter().map(|it| it["StatusDetails"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the invocations in the order of their instances; a list has the newest first.
    pub(super) async fn rows(&self, command: &str) -> Vec<Value> {
        let body = json!({ "CommandId": command, "Details": true, "MaxResults": 50 });
        let answer = self.ok("ListCommandInvocations", body).await;
        answer["CommandInvocations"].as_array().unwrap().iter().rev().cloned().collect()
    }

    /// Returns the command as ListCommands shows it.
    pub(super) async fn command(&self, id: &str) -> Value {
        self.ok("ListCommands", json!({ "CommandId": id })).await["Commands"][0].clone()
    }
}

/// A valid request by tag, with `more` merged in; a null removes a member.
pub(super) fn request(more: &Value) -> Value {
    let mut res = json!({
        "DocumentName": "AWS-RunShellScript",
        "Parameters": { "commands": ["uptime"] },
        "Targets": [{ "Key": "tag:aws:autoscaling:groupName", "Values": ["web"] }],
    });
    if more.get("InstanceIds").is_some() {
        res["Targets"] = Value::Null;
    }
    for (name, value) in more.as_object().unwrap() {
        res[name.as_str()] = value.clone();
    }
    res
}

fn instance(index: usize) -> Instance {
    let group = ("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    Instance {
        id: id(index),
        group: "web".to_owned(),
        index,
        zone: "us-east-1a".to_owned(),
        lifecycle: "InService".to_owned(),
        health: "Healthy".to_owned(),
        platform: Platform::Linux,
        ping: Ping::Online,
        agent_version: "3.3.987.0".to_owned(),
        computer_name: format!("ip-10-0-0-{index}"),
        ip_address: format!("10.0.0.{index}"),
        tags: BTreeMap::from([group]),
        run: RunMode::Outcomes,
        ec2_state: "running".to_owned(),
        ..Instance::default()
    }
}
