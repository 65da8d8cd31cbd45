//! Documents that really run: every `run = "shell"` instance has an isolated machine of its own,
//! booted when the first document comes. How steps run is the agent's business.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{OnceCell, Semaphore, watch};

use super::{
    command::StepResult,
    engine::{self, plus},
    outcome,
    status::Status,
    workers,
};
use crate::sim::{
    agent::{self, Execution, Machine, MachineSpec, Plugin, Work, truncate},
    state::{Ping, Simulator},
    timeline,
};

/// What an agent keeps of a stream that goes to a bucket or a log group, in bytes. AWS's keeps all.
const STORED: usize = 16 << 20;

/// An instance's machine and its agent's workers.
pub(super) struct Home {
    machine: OnceCell<Result<Machine, String>>,
    workers: Semaphore,
}

/// Runs one invocation's document and reports what became of it.
pub(super) async fn run(sim: Rc<Simulator>, sequence: u64, index: usize) {
    let Some((home, spec)) = home(&sim, sequence, index) else { return };
    let Ok(_worker) = home.workers.acquire().await else { return };
    match home.machine.get_or_init(|| Machine::boot(spec)).await {
        Ok(machine) => {
            let Some(work) = start(&sim, sequence, index) else { return };
            let execution = machine.run(work).await;
            report(&sim, sequence, index, &execution);
        }
        Err(why) => fall_back(&sim, sequence, index, why),
    }
}

/// Returns the instance's home, made when it is first asked for.
fn home(sim: &Simulator, sequence: u64, index: usize) -> Option<(Rc<Home>, MachineSpec)> {
    let mut state = sim.state.borrow_mut();
    let chosen = &state.ssm.commands.get(&sequence)?.invocations.get(index)?.chosen;
    let instance = state.instances.get(&chosen.instance)?;
    let spec = MachineSpec {
        instance_id: instance.id.clone(),
        region: sim.region.clone(),
        host_name: instance.computer_name.clone(),
        speed: sim.clock.speed(),
        setup: instance.setup.clone(),
    };
    let id = instance.id.clone();
    let home = state.ssm.homes.entry(id).or_insert_with(|| {
        Rc::new(Home { machine: OnceCell::new(), workers: Semaphore::new(workers::LIMIT) })
    });
    Some((Rc::clone(home), spec))
}

/// Notes that the document starts now; `None` if nobody wants it any more.
fn start(sim: &Simulator, sequence: u64, index: usize) -> Option<Work> {
    timeline::catch_up(sim);
    let now = sim.clock.now();
    let mut state = sim.state.borrow_mut();
    let (store, mut world) = engine::split(sim, &mut state);
    let command = store.commands.get_mut(&sequence)?;
    if command.invocations.get(index)?.status.is_terminal() {
        return None;
    }
    command.count_execution(index, &mut world);
    let (sender, cancel) = watch::channel(false);
    let invocation = command.invocations.get_mut(index)?;
    invocation.started = Some(now);
    invocation.running = Some(sender);
    Some(Work {
        command_id: command.id.clone(),
        document: command.content.value.clone(),
        parameters: command.given.clone(),
        kept: if command.echo.is_stored() { STORED } else { truncate::STREAM },
        cancel,
    })
}

/// There is no machine: the world's outcome decides if it has one, otherwise the invocation fails
/// and says why.
fn fall_back(sim: &Simulator, sequence: u64, index: usize, why: &str) {
    timeline::catch_up(sim);
    let now = sim.clock.now();
    let mut state = sim.state.borrow_mut();
    let (store, mut world) = engine::split(sim, &mut state);
    let Some(command) = store.commands.get_mut(&sequence) else { return };
    let Some(invocation) = command.invocations.get(index) else { return };
    if invocation.status.is_terminal() {
        return;
    }
    if invocation.outcome.is_some() {
        command.play(index, now, &mut world);
    } else {
        let steps = command.content.steps.iter();
        let failed = |name: &str| outcome::result(name, Status::Failed, 1, "", why);
        let results = steps.map(|it| failed(&it.name)).collect();
        command.reported(index, Status::Failed, results, now, &mut world);
    }
    command.wake.notify_one();
}

fn report(sim: &Simulator, sequence: u64, index: usize, execution: &Execution) {
    timeline::catch_up(sim);
    let now = sim.clock.now();
    let mut state = sim.state.borrow_mut();
    let (store, mut world) = engine::split(sim, &mut state);
    let Some(command) = store.commands.get_mut(&sequence) else { return };
    let Some(invocation) = command.invocations.get_mut(index) else { return };
    let instance = world.instances.get(&invocation.chosen.instance);
    if instance.is_none_or(|it| it.ec2_state != "running" || it.ping != Ping::Online) {
        return; // the reply of an instance or an agent that is gone never comes
    }
    invocation.running = None;
    invocation.trace.clone_from(&execution.trace);
    let started = invocation.started.unwrap_or(now);
    let speed = sim.clock.speed();
    let results = execution.plugins.iter().map(|it| step_result(it, started, speed)).collect();
    command.reported(index, status(execution.status), results, now, &mut world);
    command.wake.notify_one();
}

fn step_result(plugin: &Plugin, begun: Timestamp, speed: f64) -> StepResult {
    let at = |it: Duration| plus(begun, it.mul_f64(speed));
    StepResult {
        name: plugin.name.clone(),
        status: status(plugin.status),
        code: plugin.code,
        stdout: plugin.stdout.clone(),
        stderr: plugin.stderr.clone(),
        full: plugin.full.clone().map(Bytes::from),
        output: plugin.output.clone(),
        started: plugin.started.map(at),
        ended: plugin.finished.map(at),
    }
}

fn status(status: agent::Status) -> Status {
    match status {
        agent::Status::Success => Status::Success,
        agent::Status::Failed => Status::Failed,
        agent::Status::TimedOut => Status::ExecutionTimedOut,
        agent::Status::Cancelled => Status::Cancelled,
    }
}
