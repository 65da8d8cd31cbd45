//! Makes the account of a world, and everything that a request to it meets.
//! It listens nowhere.

use std::cell::RefCell;

use jiff::Timestamp;

use super::{
    clock::Clock,
    fault::Faults,
    keyring::Keyring,
    running::SimError,
    server::Edge,
    state::{Simulator, Since},
    stats::Stats,
    sts::Sts,
    timeline::{Happening, plus},
    world::World,
};

pub(super) fn edge(world: &World) -> Result<Edge, SimError> {
    let now = Timestamp::now();
    let mut state = world.populate();
    for it in &world.documents {
        state.ssm.add_document(&it.name, &it.text, now).map_err(SimError::World)?;
    }
    for (index, it) in world.events.iter().enumerate() {
        match it.since {
            Since::Start => state.timeline.push(plus(now, it.after), Happening::Event(index)),
            Since::Command => state.timeline.wait_for_command(it.after, index),
        }
    }
    let sim = Simulator {
        account: world.account.clone(),
        region: world.region.clone(),
        clock: Clock::starting_at(now, world.speed),
        visible_after: world.visible_after,
        outcomes: world.outcomes.clone(),
        events: world.events.clone(),
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
