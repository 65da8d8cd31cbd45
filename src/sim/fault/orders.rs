//! Faults that are ordered while the simulator runs: `/_fleet/faults`.
//! What a fault may say is the world's matter; here it only comes as JSON.

use http::{HeaderMap, Method, request::Parts};
use serde_json::{Map, Value, json};

use super::{Fault, FaultKind, Faults, When};
use crate::sim::{
    wire::answer::{self, Answer},
    world,
};

/// GET lists the faults, POST adds a list of them, DELETE clears them; each answers what there is
/// then.
pub(crate) fn answer(faults: &Faults, parts: &Parts, body: &[u8]) -> Answer {
    match parts.method {
        Method::GET => {}
        Method::DELETE => faults.clear(),
        // A page in a browser may post plain text here unasked, but not JSON.
        Method::POST if !is_json(&parts.headers) => {
            let message = "the body has to be of the content-type application/json\n";
            return answer::plain(415, "text/plain", message);
        }
        Method::POST => match read(body).and_then(|it| fits(faults, it)) {
            Ok(it) => faults.order(&it),
            Err(message) => return answer::plain(400, "text/plain", format!("{message}\n")),
        },
        _ => return answer::plain(405, "text/plain", "use GET, POST or DELETE\n"),
    }
    let all: Vec<Value> = faults.list().iter().map(|it| to_json(it)).collect();
    answer::plain(200, "application/json", Value::Array(all).to_string())
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get("content-type").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// Every call looks at every fault.
const MOST: usize = 1_000;

fn fits(faults: &Faults, more: Vec<Fault>) -> Result<Vec<Fault>, String> {
    let there = faults.list().len();
    if there + more.len() > MOST {
        return Err(format!("there may be {MOST} faults at the most, and there are {there}"));
    }
    Ok(more)
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
