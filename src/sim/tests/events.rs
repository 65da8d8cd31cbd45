//! What a world lets happen to its groups while it runs.

use super::account::{Account, simulated};

fn world(event: &str) -> String {
    format!(
        "[[group]]\nname = \"web\"\nsize = 4\nmin = 2\nmax = 5\n\
         [[outcome]]\nafter = \"20s\"\n[[event]]\ngroup = \"web\"\nafter = \"5s\"\n{event}\n"
    )
}

fn indices(account: &Account) -> Vec<String> {
    account.members().0
}

#[test]
fn a_scale_in_while_a_command_runs_takes_instances_away_that_never_reply() {
    let event = "kind = \"scale-in\"\ninstances = [1, 2]";
    simulated(&world(event), async |account: Account| {
        account.wait(600).await;
        assert_eq!(indices(&account).len(), 4, "it waits for the first command");
        let command = account.send().await;
        account.wait(7).await;
        assert_eq!(indices(&account)[1], "1: Terminating");
        account.wait(30).await;
        assert_eq!(
            account.members(),
            (vec!["0: InService".to_owned(), "3: InService".to_owned()], 2)
        );
        assert_eq!(account.pings().await.len(), 2);
        let running = ["Success", "InProgress", "InProgress", "Success"];
        assert_eq!(account.statuses(&command).await, running);
        account.wait(180).await;
        let ended = ["Success", "DeliveryTimedOut", "DeliveryTimedOut", "Success"];
        assert_eq!(account.statuses(&command).await, ended);
    });
}

#[test]
fn scale_in_by_count_keeps_to_the_minimum_and_to_what_is_protected() {
    let event = "since = \"start\"\nkind = \"scale-in\"\ncount = 3";
    simulated(&world(event), async |account: Account| {
        let protect = "AutoScalingGroupName=web&InstanceIds.member.1=#0&ProtectedFromScaleIn=true";
        account.scaling("SetInstanceProtection", protect).unwrap();
        account.wait(20).await;
        // Zones alternate: two in each, and the oldest of the fullest goes first.
        assert_eq!(indices(&account), ["0: InService", "3: InService"]);
        assert_eq!(account.members().1, 2);
    });
}

#[test]
fn scale_in_waits_while_terminate_is_suspended() {
    let event = "since = \"start\"\nkind = \"scale-in\"";
    simulated(&world(event), async |account: Account| {
        account.scaling("SuspendProcesses", "AutoScalingGroupName=web").unwrap();
        account.wait(20).await;
        assert_eq!((indices(&account).len(), account.members().1), (4, 3));
        account.scaling("ResumeProcesses", "AutoScalingGroupName=web").unwrap();
        account.wait(20).await;
        assert_eq!(indices(&account).len(), 3);
    });
}

#[test]
fn scale_out_launches_up_to_the_maximum() {
    let event = "since = \"start\"\nkind = \"scale-out\"\ncount = 3";
    simulated(&world(event), async |account: Account| {
        account.wait(6).await;
        assert_eq!(indices(&account)[4..], ["4: Pending"]);
        account.wait(10).await;
        assert_eq!(account.members().1, 5);
        assert_eq!(indices(&account)[4..], ["4: InService"]);
        let command = account.send().await;
        account.wait(2).await;
        assert_eq!(account.statuses(&command).await.len(), 5);
    });
}

#[test]
fn instances_go_to_standby_and_agents_are_lost() {
    let event = "since = \"start\"\nkind = \"standby\"\ncount = 2";
    simulated(&world(event), async |account: Account| {
        account.wait(11).await;
        let (members, desired) = account.members();
        assert_eq!(
            (&members[..2], desired),
            (&["0: Standby".to_owned(), "1: Standby".to_owned()][..], 2)
        );
    });
    simulated(&world("kind = \"lose-agent\"\ninstances = [3]"), async |account: Account| {
        let command = account.send().await;
        account.wait(60).await;
        // The order of a list is nobody's promise.
        let count = |all: Vec<String>, status: &str| all.iter().filter(|it| *it == status).count();
        assert_eq!(count(account.statuses(&command).await, "Success"), 3);
        assert_eq!(count(account.statuses(&command).await, "InProgress"), 1);
        assert_eq!(account.pings().await.iter().filter(|it| *it == "ConnectionLost").count(), 1);
        account.wait(130).await;
        assert_eq!(count(account.statuses(&command).await, "DeliveryTimedOut"), 1);
    });
}
