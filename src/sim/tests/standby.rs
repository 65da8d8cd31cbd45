//! The operations that change a group, on a paused clock.

use super::account::{Account, simulated};

const WORLD: &str = "[[group]]\nname = \"web\"\nsize = 3\nmin = 1\nmax = 4\n";
const GROUP: &str = "AutoScalingGroupName=web";

fn states(members: &[&str]) -> Vec<String> {
    members.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn standby_shrinks_the_capacity_and_takes_a_while() {
    simulated(WORLD, async |account: Account| {
        let parameters =
            format!("{GROUP}&InstanceIds.member.1=#1&ShouldDecrementDesiredCapacity=true");
        let answer = account.scaling("EnterStandby", &parameters).unwrap();
        assert!(answer.contains("shrinking the capacity from 3 to 2.</Cause>"), "{answer}");
        assert!(answer.contains("<StatusCode>InProgress</StatusCode><Progress>50</Progress>"));
        let expected = states(&["0: InService", "1: EnteringStandby", "2: InService"]);
        assert_eq!(account.members(), (expected, 2));
        account.wait(6).await;
        let expected = states(&["0: InService", "1: Standby", "2: InService"]);
        assert_eq!(account.members(), (expected, 2));
        let activities = account.scaling("DescribeScalingActivities", GROUP).unwrap();
        assert!(activities.contains("<StatusCode>Successful</StatusCode><Progress>100</Progress>"));

        let exit = format!("{GROUP}&InstanceIds.member.1=#1");
        let answer = account.scaling("ExitStandby", &exit).unwrap();
        assert!(answer.contains("increasing the capacity from 2 to 3.</Cause>"), "{answer}");
        assert!(answer.contains("<StatusCode>PreInService</StatusCode><Progress>30</Progress>"));
        account.wait(6).await;
        let expected = states(&["0: InService", "1: InService", "2: InService"]);
        assert_eq!(account.members(), (expected, 3));
    });
}

#[test]
fn standby_without_a_smaller_capacity_launches_a_replacement_unless_that_is_suspended() {
    simulated(WORLD, async |account: Account| {
        account
            .scaling("SuspendProcesses", &format!("{GROUP}&ScalingProcesses.member.1=Launch"))
            .unwrap();
        let parameters =
            format!("{GROUP}&InstanceIds.member.1=#0&ShouldDecrementDesiredCapacity=false");
        account.scaling("EnterStandby", &parameters).unwrap();
        account.wait(30).await;
        let expected = states(&["0: Standby", "1: InService", "2: InService"]);
        assert_eq!(account.members(), (expected, 3));
        let refused = account.scaling("ExitStandby", &format!("{GROUP}&InstanceIds.member.1=#0"));
        assert_eq!(refused.unwrap_err().code, "ValidationError");
        let group = account.scaling("DescribeAutoScalingGroups", "").unwrap();
        assert!(
            group
                .contains("<ProcessName>Launch</ProcessName><SuspensionReason>User suspended at 2")
        );

        account.scaling("ResumeProcesses", GROUP).unwrap();
        assert_eq!(account.members().0[3], "3: Pending");
        assert_eq!(account.pings().await.len(), 3, "its agent is not there yet");
        account.wait(11).await;
        assert_eq!(account.members().0[3], "3: InService");
        assert_eq!(account.pings().await, ["Online"; 4]);
    });
}

#[test]
fn a_terminated_instance_leaves_its_group_and_is_replaced_if_the_capacity_stays() {
    simulated(WORLD, async |account: Account| {
        let terminate = |index, decrement| {
            let parameters =
                format!("InstanceId=#{index}&ShouldDecrementDesiredCapacity={decrement}");
            account.scaling("TerminateInstanceInAutoScalingGroup", &parameters)
        };
        let answer = terminate(0, false).unwrap();
        assert!(answer.starts_with("<Activity><ActivityId>"), "{answer}");
        assert!(terminate(0, false).is_err(), "it is on its way");
        terminate(1, true).unwrap();
        let expected = states(&["0: Terminating", "1: Terminating", "2: InService", "3: Pending"]);
        assert_eq!(account.members(), (expected, 2));
        account.wait(20).await;
        assert_eq!(account.members(), (states(&["2: InService", "3: InService"]), 2));
        assert_eq!(account.pings().await.len(), 2);
        let id = "InstanceIds.member.1=#0";
        let told = account.scaling("DescribeAutoScalingInstances", id).unwrap();
        assert_eq!(told, "<AutoScalingInstances></AutoScalingInstances>");
    });
}

#[test]
fn a_termination_hook_keeps_an_instance_waiting() {
    let world = format!("{WORLD}termination_hook = \"60s\"\n");
    simulated(&world, async |account: Account| {
        let parameters = "InstanceId=#0&ShouldDecrementDesiredCapacity=true";
        account.scaling("TerminateInstanceInAutoScalingGroup", parameters).unwrap();
        for (seconds, state) in
            [(2, "0: Terminating:Wait"), (60, "0: Terminating:Proceed"), (10, "1: InService")]
        {
            account.wait(seconds).await;
            assert_eq!(account.members().0[0], state);
        }
    });
}

#[test]
fn what_cannot_be_done_is_refused_in_aws_words() {
    let standby =
        |ids: &str, decrement| format!("{GROUP}&{ids}&ShouldDecrementDesiredCapacity={decrement}");
    let many: String = (1..=21).map(|it| format!("InstanceIds.member.{it}=i-{it}&")).collect();
    let cases = [
        (
            "EnterStandby",
            "InstanceIds.member.1=#0".to_owned(),
            "2 validation errors detected: Value null at 'autoScalingGroupName' failed to \
             satisfy constraint: Member must not be null; Value null at \
             'shouldDecrementDesiredCapacity' failed to satisfy constraint: Member must not be \
             null",
        ),
        (
            "EnterStandby",
            standby("InstanceIds.member.1=#0", "true").replace("web", "nope"),
            "AutoScalingGroup name not found - AutoScalingGroup nope not found",
        ),
        (
            "EnterStandby",
            standby("InstanceIds.member.1=#2", "true"),
            "The instance #2 is not in InService.",
        ),
        (
            "EnterStandby",
            standby("InstanceIds.member.1=i-0&X=", "true"),
            "The instance i-0 is not part of Auto Scaling group web.",
        ),
        (
            "EnterStandby",
            standby("InstanceIds.member.1=#0&InstanceIds.member.2=#1", "true"),
            "AutoScalingGroup web has min-size=2, max-size=2, and desired-size=2. To place into \
             standby 2 instances, please update the AutoScalingGroup sizes appropriately.",
        ),
        (
            "EnterStandby",
            standby("InstanceIds.member.1=#0", "true"),
            "AutoScalingGroup web has min-size=2, max-size=2, and desired-size=2. To place into \
             standby 1 instance, please update the AutoScalingGroup sizes appropriately.",
        ),
        (
            "ExitStandby",
            format!("{GROUP}&InstanceIds.member.1=#0"),
            "The instance #0 is not in Standby.",
        ),
        (
            "ExitStandby",
            format!("{GROUP}&InstanceIds.member.1=#2"),
            "AutoScalingGroup web has min-size=2, max-size=2, and desired-size=2. To move out of \
             standby 1 instance, please update the AutoScalingGroup sizes appropriately.",
        ),
        (
            "SetInstanceProtection",
            format!("{GROUP}&InstanceIds.member.1=i-0&ProtectedFromScaleIn=true"),
            "The instance i-0 is not part of Auto Scaling group web.",
        ),
        (
            "SuspendProcesses",
            format!("{GROUP}&ScalingProcesses.member.1=Lunch"),
            "The process Lunch is not a valid scaling process.",
        ),
    ];
    let world = "[[group]]\nname = \"web\"\nsize = 3\nmin = 2\nmax = 2\ndesired = 2\n\
                 [[group.instance]]\nindex = 2\nlifecycle = \"Standby\"\n";
    simulated(world, async |account: Account| {
        let ids: Vec<String> = account.sim.state.borrow().groups[0].members.clone();
        for (operation, parameters, expected) in cases {
            let err = account.scaling(operation, &parameters).unwrap_err();
            let expected =
                (0..3).fold(expected.to_owned(), |it, n| it.replace(&format!("#{n}"), &ids[n]));
            assert_eq!((err.code.as_str(), err.message), ("ValidationError", Some(expected)));
        }
        let err = account.scaling("EnterStandby", &standby(&many, "true")).unwrap_err();
        assert!(err.message.unwrap().ends_with("have length less than or equal to 20"));
        assert_eq!(account.members().1, 2);
        assert!(account.sim.state.borrow().activities.is_empty());
    });
}

#[test]
fn activities_are_told_newest_first_in_pages() {
    simulated(WORLD, async |account: Account| {
        for index in 0..2 {
            let parameters = format!(
                "{GROUP}&InstanceIds.member.1=#{index}&ShouldDecrementDesiredCapacity=true"
            );
            account.scaling("EnterStandby", &parameters).unwrap();
        }
        let page = |more: &str| account.scaling("DescribeScalingActivities", more).unwrap();
        let first = page("MaxRecords=1");
        assert!(first.contains("from 2 to 1"), "{first}");
        let token = first.split("<NextToken>").nth(1).unwrap().split('<').next().unwrap();
        let second = page(&format!("MaxRecords=1&NextToken={token}"));
        assert!(second.contains("from 3 to 2") && !second.contains("NextToken"), "{second}");
        let err = account.scaling("DescribeScalingActivities", "NextToken=x").unwrap_err();
        assert_eq!(err.code, "InvalidNextToken");
    });
}

#[test]
fn activities_that_go_on_are_told_before_those_that_have_ended() {
    let world = "[[group]]\nname = \"web\"\nsize = 3\nmin = 0\ntermination_hook = \"1h\"\n";
    simulated(world, async |account: Account| {
        let end = "InstanceId=#0&ShouldDecrementDesiredCapacity=true";
        account.scaling("TerminateInstanceInAutoScalingGroup", end).unwrap();
        account.wait(6).await;
        let standby =
            format!("{GROUP}&InstanceIds.member.1=#1&ShouldDecrementDesiredCapacity=true");
        account.scaling("EnterStandby", &standby).unwrap();
        account.wait(6).await;
        let page = |more: &str| account.scaling("DescribeScalingActivities", more).unwrap();
        let first = page("MaxRecords=1");
        assert!(first.contains("Terminating EC2 instance"), "{first}");
        assert!(first.contains("<StatusCode>MidLifecycleAction</StatusCode>"), "{first}");
        let token = first.split("<NextToken>").nth(1).unwrap().split('<').next().unwrap();
        let second = page(&format!("MaxRecords=1&NextToken={token}"));
        assert!(second.contains("to Standby") && !second.contains("NextToken"), "{second}");
    });
}
