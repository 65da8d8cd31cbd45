//! The loop over a document's steps: decide, run, conclude, and start again after a reboot.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{
    Execution, Machine, Plugin, Status, Work, document,
    document::Step,
    inputs::Inputs,
    script::{self, Ran, Script},
    steps::{self, Done, Operation, State},
    truncate,
};

/// The agent's `CommandRetryLimit`: it takes a document up this often, reboots included.
const RUNS: usize = 15;

/// An agent's home in a machine.
const HOME: &str = "/var/lib/amazon/ssm";

impl Machine {
    /// Runs one document as the real agent would.
    pub(crate) async fn run(&self, work: Work) -> Execution {
        let begun = Instant::now();
        let steps = match document::parse(&work.document, &work.parameters) {
            Ok(steps) => steps,
            Err(trace) => {
                return Execution { status: Status::Failed, plugins: Vec::new(), trace };
            }
        };
        let mut plugins = Vec::with_capacity(steps.len());
        let mut all_done = Vec::with_capacity(steps.len());
        let mut n_runs = 1;
        for (index, step) in steps.iter().enumerate() {
            let started = begun.elapsed();
            let done = match steps::operation(&steps, index, &all_done) {
                Operation::Skip(text) => Done::without_running(State::Skipped, text),
                Operation::Fail(text) => Done::without_running(State::Failed, text),
                Operation::Run => {
                    let ran = self.until_it_needs_no_reboot(step, &work, &mut n_runs).await;
                    steps::conclude(step, ran)
                }
            };
            plugins.push(plugin(step, &done, started, begun.elapsed()));
            all_done.push(done);
        }
        let status = steps::aggregate(&all_done);
        Execution { status, plugins, trace: String::new() }
    }

    /// A step that asks for a reboot is run from its top again. Its output accumulates.
    async fn until_it_needs_no_reboot(&self, step: &Step, work: &Work, n_runs: &mut usize) -> Done {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let mut raw: [Vec<u8>; 2] = Default::default();
        loop {
            let ran = self.plugin(step, work).await;
            stdout.push_str(&ran.stdout);
            stderr.push_str(&ran.stderr);
            raw.iter_mut().zip(&ran.raw).for_each(|(it, more)| it.extend_from_slice(more));
            let mut done = Done {
                output: truncate::combined(&stdout, &stderr, ran.code),
                state: ran.state,
                code: ran.code,
                stdout,
                stderr,
                raw,
            };
            if done.state != State::SuccessAndReboot {
                return done;
            }
            if *n_runs == RUNS {
                // The agent gives the document up without a word; the service waits until it times out.
                done.state = State::TimedOut;
                return done;
            }
            if let Err(refusal) = self.reboot().await {
                return Done::without_running(State::Failed, refusal);
            }
            *n_runs += 1;
            (stdout, stderr, raw) = (done.stdout, done.stderr, done.raw);
        }
    }

    /// One plugin: as many scripts as it has properties.
    async fn plugin(&self, step: &Step, work: &Work) -> Ran {
        if *work.cancel.borrow() {
            return Ran::cancelled();
        }
        if !steps::is_implemented(&step.action) {
            return Ran::failed(format!("{} is not implemented by this simulator", step.action));
        }
        let Value::Array(properties) = &step.inputs else {
            return self.property(step, &step.inputs, work).await;
        };
        let mut merged: Option<Ran> = None;
        for property in properties {
            let ran = self.property(step, property, work).await;
            merged = Some(match merged {
                None => ran,
                Some(before) => merge(before, ran),
            });
        }
        merged.unwrap_or_else(|| Ran::silent(State::Success, 0))
    }

    async fn property(&self, step: &Step, property: &Value, work: &Work) -> Ran {
        if *work.cancel.borrow() {
            return Ran::cancelled();
        }
        let inputs = match Inputs::parse(property) {
            Ok(inputs) => inputs,
            Err(refusal) => return Ran::failed(refusal),
        };
        let instance_id = &self.spec.instance_id;
        let document = format!("{HOME}/{instance_id}/document/orchestration/{}", work.command_id);
        // The agent leaves colons out of paths, and does not let an id lead out of its directory.
        let mut directory = format!("{document}/{}", step.id.replace(':', ""));
        if !inputs.id.is_empty() && !inputs.id.starts_with("../") && !inputs.id.starts_with("~/") {
            directory.push('/');
            directory.push_str(&inputs.id.replace(':', ""));
        }
        let mut environment = inputs.environment;
        environment.extend(step.environment.clone());
        environment.extend(
            [
                ("AWS_SSM_INSTANCE_ID", instance_id),
                ("AWS_SSM_REGION_NAME", &self.spec.region),
                ("AWS_SSM_PLATFORM_NAME", &self.platform.name),
                ("AWS_SSM_PLATFORM_VERSION", &self.platform.version),
                ("SSM_COMMAND_ID", &work.command_id),
            ]
            .map(|(name, value)| (name.to_owned(), value.clone())),
        );
        let script = Script {
            commands: &inputs.commands,
            directory,
            downloads: format!("{document}/downloads"),
            working_directory: &inputs.working_directory,
            environment,
            limit: self.real(inputs.timeout),
            kept: work.kept,
            cancel: work.cancel.clone(),
        };
        script::run(self, script).await
    }

    /// A simulated time in real seconds.
    fn real(&self, seconds: i64) -> Duration {
        let seconds = Duration::from_secs(seconds.unsigned_abs());
        Duration::try_from_secs_f64(seconds.as_secs_f64() / self.spec.speed).unwrap_or(seconds)
    }
}

/// Several properties of one plugin: the outputs on lines of their own, the first code that is not 0,
/// the worse of the states.
fn merge(before: Ran, after: Ran) -> Ran {
    let join = |a: String, b: String| if a.is_empty() { b } else { a + "\n" + &b };
    let join_raw = |a: Vec<u8>, b: Vec<u8>| if a.is_empty() { b } else { [a, b].join(&b'\n') };
    let ([out, err], [more_out, more_err]) = (before.raw, after.raw);
    Ran {
        state: before.state.max(after.state),
        code: if before.code == 0 { after.code } else { before.code },
        stdout: join(before.stdout, after.stdout),
        stderr: join(before.stderr, after.stderr),
        raw: [join_raw(out, more_out), join_raw(err, more_err)],
    }
}

/// Returns a stream as it was written, with what the agent has said behind it.
fn whole(raw: &[u8], text: &str) -> Vec<u8> {
    match text.strip_prefix(String::from_utf8_lossy(raw).as_ref()) {
        Some(said) => [raw, said.as_bytes()].concat(),
        None => text.as_bytes().to_vec(),
    }
}

fn plugin(step: &Step, done: &Done, started: Duration, finished: Duration) -> Plugin {
    Plugin {
        name: step.id.clone(),
        status: match done.state {
            State::Skipped | State::Success => Status::Success,
            State::Failed => Status::Failed,
            State::TimedOut => Status::TimedOut,
            State::Cancelled => Status::Cancelled,
            State::SuccessAndReboot => {
                unreachable!("the step is run again until it asks for no reboot")
            }
        },
        skipped: done.state == State::Skipped,
        code: done.code,
        full: [whole(&done.raw[0], &done.stdout), whole(&done.raw[1], &done.stderr)],
        stdout: truncate::stream(&done.stdout, truncate::STREAM),
        stderr: truncate::stream(&done.stderr, truncate::STREAM),
        output: done.output.clone(),
        started: Some(started),
        finished: Some(finished),
    }
}
