//! The world that needs no file.
//! It is a world file like any other, embedded.

use std::{io, path::Path};

use super::{Execution, World, check::Source};
use crate::sim::{isolation, state::RunMode};

const ORIGIN: &str = "the builtin world";

/// The group that really runs documents where it can.
const REAL: &str = "web";

pub(super) fn world(execution: Execution) -> World {
    let source = Source::new(include_str!("builtin.toml"), Path::new(ORIGIN).display().to_string());
    let mut res = source
        .world(&|name| match name {
            "trust.json" => Ok(include_str!("builtin_trust.json").to_owned()),
            "policy.json" => Ok(include_str!("builtin_policy.json").to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        })
        .expect("the builtin world is valid");
    if execution == Execution::RealWherePossible {
        match isolation::available() {
            Ok(()) => res
                .groups
                .iter_mut()
                .filter(|it| it.name == REAL)
                .for_each(|it| it.run = RunMode::Shell),
            Err(why) => res.notices.push(format!(
                "documents do not really run on the group {REAL}, their outcome is scripted: {why}"
            )),
        }
    }
    res
}
