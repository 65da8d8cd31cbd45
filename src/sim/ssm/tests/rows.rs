//! Every row of aws-facts §2.2 by name, with what its columns say: Status, whether it is the end,
//! whether it counts against MaxErrors, and whether it is in ErrorCount.

use std::time::Duration;

use serde_json::json;

use super::{World, WorldSpec, ends, outcome, simulated};
use crate::sim::state::Outcome;

struct Row {
    details: &'static str,
    status: &'static str,
    is_terminal: bool,
    /// Against MaxErrors, and in ErrorCount: no row has one without the other.
    counts: bool,
}

const ROWS: [Row; 13] = [
    Row { details: "Pending", status: "Pending", is_terminal: false, counts: false },
    Row { details: "InProgress", status: "InProgress", is_terminal: false, counts: false },
    Row { details: "Delayed", status: "Delayed", is_terminal: false, counts: false },
    Row { details: "Success", status: "Success", is_terminal: true, counts: false },
    Row { details: "DeliveryTimedOut", status: "TimedOut", is_terminal: true, counts: false },
    Row { details: "ExecutionTimedOut", status: "TimedOut", is_terminal: true, counts: true },
    Row { details: "Failed", status: "Failed", is_terminal: true, counts: true },
    Row { details: "Cancelled", status: "Cancelled", is_terminal: true, counts: false },
    Row { details: "Cancelling", status: "Cancelling", is_terminal: false, counts: false },
    Row { details: "Undeliverable", status: "Failed", is_terminal: true, counts: false },
    Row { details: "Terminated", status: "Failed", is_terminal: true, counts: false },
    Row { details: "InvalidPlatform", status: "Failed", is_terminal: true, counts: false },
    Row { details: "AccessDenied", status: "Failed", is_terminal: true, counts: false },
];

/// Brings the first of three instances into the row's state, and leaves the others alone.
fn outcomes(row: &Row) -> Vec<Outcome> {
    let long = |it: Outcome| Outcome { after: Duration::from_secs(600), ..it };
    match row.details {
        "Pending" => vec![],
        "Cancelling" => vec![long(outcome(&[0]))],
        "Delayed" => vec![long(ends(&[0], "Delayed"))],
        scripted => vec![ends(&[0], scripted)],
    }
}

#[test]
fn every_state_of_an_invocation_is_what_the_table_says_of_it() {
    for row in &ROWS {
        let spec = WorldSpec { outcomes: outcomes(row), ..WorldSpec::default() };
        simulated(spec, async |world: World| {
            let more = json!({ "MaxConcurrency": "1", "MaxErrors": "0" });
            let command = world.send(more).await;
            match row.details {
                // Known, and not acknowledged yet.
                "Pending" => world.wait(1.05).await,
                "Cancelling" => {
                    world.wait(10.0).await;
                    world.ok("CancelCommand", json!({ "CommandId": command })).await;
                }
                _ => world.wait(20.0).await,
            }
            let found = world.rows(&command).await;
            let name = row.details;
            let first = [&found[0]["StatusDetails"], &found[0]["Status"]];
            assert_eq!(first, [&json!(row.details), &json!(row.status)], "{name}");

            let view = world.command(&command).await;
            let ended = |it: &&serde_json::Value| {
                let words = ["Pending", "InProgress", "Delayed", "Cancelling"];
                !words.iter().any(|word| it["Status"] == *word)
            };
            assert_eq!(ended(&&found[0]), row.is_terminal, "{name}");
            assert_eq!(view["CompletedCount"], found.iter().filter(ended).count(), "{name}");
            assert_eq!(view["ErrorCount"], usize::from(row.counts), "{name}");
            let undelivered = usize::from(row.details == "DeliveryTimedOut");
            assert_eq!(view["DeliveryTimedOutCount"], undelivered, "{name}");

            // MaxErrors is 0: one that counts withholds the others, one that does not lets them
            // run, and while it is not at its end they wait for its slot.
            let others = match (row.is_terminal, row.counts, name) {
                (true, true, _) => "Terminated",
                (true, false, _) => "Success",
                (false, _, "Cancelling") => "Cancelled",
                (false, ..) => "Pending",
            };
            for it in &found[1..] {
                assert_eq!(it["StatusDetails"], others, "{name}");
            }
        });
    }
}
