//! What every test stands on. Nothing here knows what fleet is for.

mod each;
mod env;
mod output;
mod process;
pub(crate) mod scoped;
mod sim;
mod skip;
mod tap;

pub(crate) use self::{
    each::{each, each_while},
    env::{FleetEnv, repository},
    output::{Output, Record},
    process::{DEADLINE, Running},
    sim::{SimProcess, Stats},
    skip::skip,
    tap::{Keys, Tap},
};
