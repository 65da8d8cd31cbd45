//! Faults that are ordered while the simulator runs: `/_fleet/faults`.
//! What a fault may say is the world's matter; here it only comes as JSON.

use http::Method;
use serde_json::{Map, Value, json};

use super::{Fault, FaultKind, Faults, When};
use crate::sim::{
    wire::answer::{self, Answer},
    world,
};

/// GET lists the faults, POST adds a list of them, DELETE clears them; each answers what there is
/// then.
pub(crate) fn answer(faults: &Faults, method: &Method, body: &[u8]) -> Answer {
    match *method {
        Method::GET => {}
        Method::DELETE => faults.clear(),
        Method::POST => match read(body) {
            Ok(it) => faults.order(&it),
            Err(message) => return answer::plain(400, "text/plain", format!("{message}\n")),
        },
        _ => return answer::plain(405, "text/plain", "use GET, POST or DELETE\n"),
    }
    let all: Vec<Value> = faults.list().iter().map(|it| to_json(it)).collect();
    answer::plain(200, "application/json", Value::Array(all).to_string())
}

/// Reads a list of faults, with the keys of a world's `[[fault]]`; all of them or none.
fn read(body: &[u8]) -> Result<Vec<Fault>, String> {
    let faults: Vec<Map<String, Value>> = serde_json::from_slice(body)
        .map_err(|err| format!("the body is no JSON list of faults: {err}"))?;
    let read = |(index, it)| {
        world::fault_of(&it).map_err(|why| format!("fault {} of the list: {why}", index + 1))
    };
    faults.into_iter().enumerate().map(read).collect()
}

/// Writes a fault so that POST would take it.
fn to_json(fault: &Fault) -> Value {
    let mut res = json!({ "operation": fault.operation, "kind": fault.kind.word() });
    match &fault.when {
        When::Calls(calls) => res["calls"] = json!(calls),
        When::Rate(rate) => res["rate"] = json!(rate),
        When::Beyond(it) => res["calls_per_second"] = json!(it),
    }
    let text = |it| {
        let it = jiff::SignedDuration::try_from(it).unwrap_or(jiff::SignedDuration::MAX);
        format!("{it:#}")
    };
    if fault.kind == FaultKind::Delay {
        res["delay"] = text(fault.delay).into();
    }
    if fault.kind == FaultKind::StalePage {
        res["age"] = text(fault.age).into();
    }
    res
}
