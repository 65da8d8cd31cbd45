//! What a command's own status makes of its invocations (aws-facts §2.4), misleading or not.

use serde_json::json;

use super::{World, WorldSpec, simulated};
use crate::sim::ssm::status::{Cancel, Status, Tally};

fn check(counts: &[(Status, usize)], max_errors: usize, expected: (&str, &str)) {
    let mut tally = Tally::default();
    for (status, n) in counts {
        (0..*n).for_each(|_| tally.add(*status));
    }
    assert_eq!(tally.command_status(max_errors, Cancel::None), expected, "{counts:?}");
}

#[test]
fn the_parent_follows_the_user_guides_examples() {
    use Status::*;
    check(&[], 0, ("Success", "NoInstancesInTag"));
    check(&[(Pending, 3)], 0, ("Pending", "Pending"));
    check(&[(Pending, 2), (Success, 1)], 0, ("InProgress", "InProgress"));
    check(&[(Pending, 2), (Delayed, 1)], 0, ("InProgress", "InProgress"));
    check(&[(Success, 3)], 0, ("Success", "Success"));
    // All of them unreached: Failed. Four of them and one success: Success.
    check(&[(Undeliverable, 5)], 0, ("Failed", "Failed"));
    check(&[(InvalidPlatform, 5)], 0, ("Failed", "Failed"));
    check(&[(AccessDenied, 5)], 0, ("Failed", "AccessDenied"));
    check(&[(Undeliverable, 4), (Success, 1)], 0, ("Success", "Success"));
    check(&[(InvalidPlatform, 4), (Success, 1)], 0, ("Success", "Success"));
    check(&[(AccessDenied, 4), (Success, 1)], 0, ("Success", "Success"));
    // More than MaxErrors, exactly MaxErrors, fewer.
    check(&[(Failed, 1), (Success, 4)], 0, ("Failed", "Failed"));
    check(&[(Failed, 1), (Terminated, 4)], 0, ("Failed", "Failed"));
    check(&[(Failed, 2), (Success, 3)], 2, ("Failed", "Incomplete"));
    check(&[(Failed, 1), (Success, 4)], 2, ("Success", "Success"));
    check(&[(ExecutionTimedOut, 1), (Success, 4)], 0, ("TimedOut", "ExecutionTimedOut"));
    check(&[(ExecutionTimedOut, 1), (Failed, 1)], 0, ("Failed", "Failed"));
    // "MaxErrors or more" deliveries timed out.
    check(&[(DeliveryTimedOut, 1), (Success, 4)], 0, ("TimedOut", "DeliveryTimedOut"));
    check(&[(DeliveryTimedOut, 2), (Success, 3)], 2, ("TimedOut", "DeliveryTimedOut"));
    check(&[(DeliveryTimedOut, 1), (Success, 4)], 3, ("Success", "Success"));
    check(&[(Cancelled, 1), (Success, 4)], 0, ("Failed", "Incomplete"));
}

#[test]
fn a_cancelled_command_says_so_however_its_invocations_ended() {
    let mut tally = Tally::default();
    tally.add(Status::Failed);
    tally.add(Status::Cancelled);
    assert_eq!(tally.command_status(0, Cancel::All), ("Cancelled", "Cancelled"));
    tally.add(Status::Cancelling);
    assert_eq!(tally.command_status(0, Cancel::All), ("Cancelling", "Cancelling"));
}

#[test]
fn a_tag_that_matches_nothing_is_a_success_without_instances() {
    simulated(WorldSpec::default(), async |world: World| {
        let targets = json!([{ "Key": "tag:role", "Values": ["nobody"] }]);
        let command = world.send(json!({ "Targets": targets })).await;
        assert_eq!(world.command(&command).await["StatusDetails"], "Pending");
        world.wait(5.0).await;
        let view = world.command(&command).await;
        assert_eq!(view["Status"], "Success");
        assert_eq!(view["StatusDetails"], "NoInstancesInTag");
        assert_eq!(view["TargetCount"], 0);
    });
}

#[test]
fn several_targets_narrow_and_several_values_widen() {
    let change = |index: usize, it: &mut crate::sim::state::Instance| {
        it.tags.insert("role".to_owned(), ["a", "b", "c"][index].to_owned());
        if index == 2 {
            it.tags.insert("extra".to_owned(), String::new());
        }
    };
    simulated(WorldSpec { change, ..WorldSpec::default() }, async |world: World| {
        for (targets, n) in [
            (json!([{ "Key": "tag:role", "Values": ["a", "c"] }]), 2),
            (json!([{ "Key": "tag-key", "Values": ["extra", "other"] }]), 1),
            (
                json!([
                    { "Key": "tag:role", "Values": ["a", "c"] },
                    { "Key": "tag-key", "Values": ["extra"] },
                ]),
                1,
            ),
            (json!([{ "Key": "InstanceIds", "Values": [super::id(0), super::id(1)] }]), 2),
        ] {
            let command = world.send(json!({ "Targets": targets })).await;
            world.wait(9.0).await;
            assert_eq!(world.command(&command).await["TargetCount"], n, "{targets}");
            assert_eq!(world.command(&command).await["Targets"], targets);
        }
    });
}
