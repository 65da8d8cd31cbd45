//! Makes the account of a world, and everything that a request to it meets.
//! It listens nowhere.

use std::cell::RefCell;

use jiff::Timestamp;

use super::{
    archive::Archive,
    clock::Clock,
    fault::Faults,
    keyring::Keyring,
    running::SimError,
    scaling::CHECK,
    server::Edge,
    state::Simulator,
    stats::Stats,
    sts::Sts,
    timeline::{Happening, plus},
    world::{InstanceSpec, World},
};

pub(super) fn edge(world: &World) -> Result<Edge, SimError> {
    let now = Timestamp::now();
    let mut state = world.populate();
    for it in &world.documents {
        it.add_to(&mut state.ssm, now).map_err(SimError::World)?;
    }
    for (index, it) in world.events.iter().enumerate() {
        state.timeline.schedule(now, (it.since, it.after), Happening::Event(index));
    }
    for it in &world.groups {
        let is_sick = |it: &InstanceSpec| {
            it.lifecycle == "InService"
                && (it.health == "Unhealthy" || it.impaired || it.state == Some("stopped"))
        };
        if it.instances.iter().any(is_sick) {
            state.timeline.push(plus(now, CHECK), Happening::Examines(it.name.clone()));
        }
    }
    for (index, it) in world.elsewhere.alarms.iter().enumerate() {
        state.alarms.insert(it.name.clone(), (it.state, now));
        if let Some(turn) = it.turn {
            state.timeline.schedule(now, (turn.since, turn.after), Happening::Turns(index));
        }
    }
    state.archive = Archive::of_buckets(&world.elsewhere.buckets);
    let sim = Simulator {
        account: world.account.clone(),
        region: world.region.clone(),
        clock: Clock::starting_at(now, world.speed),
        visible_after: world.visible_after,
        ping_lag: world.ping_lag,
        outcomes: world.outcomes.clone(),
        runbooks: world.runbooks.clone(),
        roles: world.roles.clone(),
        users: world.users.clone(),
        events: world.events.clone(),
        elsewhere: world.elsewhere.clone(),
        network: world.network.clone(),
        images: world.images.clone(),
        keys: world.keys.clone(),
        seed: world.seed,
        state: RefCell::new(state),
        random: RefCell::new(fastrand::Rng::with_seed(world.seed)),
    };
    Ok(Edge {
        sim: sim.shared(),
        keyring: Keyring::new(world),
        sts: Sts::new(world),
        faults: Faults::new(&world.faults, world.seed),
        stats: Stats::default(),
        answered: RefCell::default(),
        request_ids: RefCell::new(fastrand::Rng::with_seed(!world.seed)),
    })
}
