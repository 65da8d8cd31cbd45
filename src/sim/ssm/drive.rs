//! Lets commands happen: one task a command waits for the next instant at which something is due.
//! What happens then is `engine`'s business; how documents really run is the agent's.

use std::rc::Rc;

use jiff::Timestamp;

use super::{command::Command, shell};
use crate::sim::{state::Simulator, timeline};

/// Stores an accepted command and starts to follow it.
pub(super) fn launch(sim: &Rc<Simulator>, mut command: Command) {
    command.schedule();
    let sequence = command.sequence;
    let mut state = sim.state.borrow_mut();
    state.timeline.command_sent(command.requested);
    state.ssm.insert(command);
    drop(state);
    tokio::task::spawn_local(follow(Rc::clone(sim), sequence));
}

/// Ends with the command.
async fn follow(sim: Rc<Simulator>, sequence: u64) {
    loop {
        timeline::catch_up(&sim);
        for index in starts(&sim, sequence) {
            // Not ended with the command: what runs, runs on, even after ExpiresAfter. The agent's
            // own time-outs end it, and the machine's end ends everything.
            tokio::task::spawn_local(shell::run(Rc::clone(&sim), sequence, index));
        }
        let Some((next, wake)) = next(&sim, sequence) else { return };
        tokio::select! {
            () = sim.clock.sleep_until(next) => {}
            () = wake.notified() => {}
        }
    }
}

fn next(sim: &Simulator, sequence: u64) -> Option<(Timestamp, Rc<tokio::sync::Notify>)> {
    let state = sim.state.borrow();
    let command = state.ssm.commands.get(&sequence)?;
    Some((command.queue.peek()?.at, Rc::clone(&command.wake)))
}

fn starts(sim: &Simulator, sequence: u64) -> Vec<usize> {
    let mut state = sim.state.borrow_mut();
    let command = state.ssm.commands.get_mut(&sequence);
    command.map(|it| std::mem::take(&mut it.starts)).unwrap_or_default()
}
