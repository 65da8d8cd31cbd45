//! An instance that fails its checks is replaced, unless a process that takes part is suspended.

use super::account::{Account, simulated};
use crate::sim::api::ApiError;

const GROUP: &str = "AutoScalingGroupName=web";

/// Three instances, of which the second fails its status checks five seconds after the start.
fn world(more: &str) -> String {
    format!(
        "[[group]]\nname = \"web\"\nsize = 3\nmin = 1\nmax = 4\n{more}\
         [[event]]\ngroup = \"web\"\nafter = \"5s\"\nsince = \"start\"\n\
         kind = \"impair\"\ninstances = [1]\n"
    )
}

fn processes(account: &Account, operation: &str, names: &[&str]) {
    let names = names.iter().enumerate();
    let names = names.map(|(n, it)| format!("&ScalingProcesses.member.{}={it}", n + 1));
    account.scaling(operation, &format!("{GROUP}{}", names.collect::<String>())).unwrap();
}

fn states(account: &Account) -> Vec<String> {
    // Whoever asks first lets happen what is due.
    account.scaling("DescribeAutoScalingGroups", "").unwrap();
    account.members().0
}

/// The failed launches of the group, and their messages' number.
fn failures(account: &Account) -> usize {
    let told = account.scaling("DescribeScalingActivities", GROUP).unwrap();
    assert_eq!(
        told.matches("<StatusCode>Failed").count(),
        told.matches("<StatusMessage>No room. Launching EC2 instance failed.").count(),
        "{told}"
    );
    told.matches("<StatusCode>Failed").count()
}

#[test]
fn a_group_that_cannot_launch_says_so_once_a_minute_and_lacks_whom_it_has_lost() {
    simulated(&world("launch_failure = \"No room.\"\n"), async |account: Account| {
        let end = "InstanceId=#0&ShouldDecrementDesiredCapacity=false";
        account.scaling("TerminateInstanceInAutoScalingGroup", end).unwrap();
        assert_eq!(failures(&account), 1);
        let end = end.replace("#0", "#2");
        account.scaling("TerminateInstanceInAutoScalingGroup", &end).unwrap();
        assert_eq!(failures(&account), 1, "it is tried again later, for both");
        account.wait(59).await;
        assert_eq!(failures(&account), 1);
        account.wait(2).await;
        assert_eq!(failures(&account), 2);
        account.wait(60).await;
        assert_eq!((failures(&account), account.members().1), (3, 3));
    });
}

fn healths(account: &Account) -> Vec<String> {
    let state = account.sim.state.borrow();
    let members = state.groups[0].members.iter();
    members.map(|it| state.instances[it].health.clone()).collect()
}

#[test]
fn an_unhealthy_instance_is_replaced_and_the_capacity_stays() {
    simulated(&world(""), async |account: Account| {
        let protect = format!("{GROUP}&InstanceIds.member.1=#1&ProtectedFromScaleIn=true");
        account.scaling("SetInstanceProtection", &protect).unwrap();
        account.wait(30).await;
        assert_eq!(states(&account), ["0: InService", "1: InService", "2: InService"]);
        account.wait(7).await;
        let replaced = ["0: InService", "1: Terminating", "2: InService", "3: Pending"];
        assert_eq!(states(&account), replaced, "protection from scale-in does not protect it");
        account.wait(20).await;
        assert_eq!(states(&account), ["0: InService", "2: InService", "3: InService"]);
        assert_eq!(account.members().1, 3);
        let told = account.scaling("DescribeScalingActivities", GROUP).unwrap();
        for cause in [
            "an instance was taken out of service in response to an EC2 instance status checks \
             failure.",
            "an instance was started in response to an unhealthy instance needing to be replaced.",
        ] {
            assert!(told.contains(cause), "{told}");
        }
    });
}

#[test]
fn without_health_checks_nobody_notices_until_they_are_resumed() {
    simulated(&world(""), async |account: Account| {
        processes(&account, "SuspendProcesses", &["HealthCheck"]);
        account.wait(300).await;
        assert_eq!(states(&account).len(), 3);
        assert_eq!(healths(&account), ["Healthy"; 3]);
        processes(&account, "ResumeProcesses", &["HealthCheck"]);
        assert_eq!(states(&account)[1], "1: Terminating");
    });
}

#[test]
fn an_unhealthy_instance_stays_while_its_replacement_is_suspended() {
    for process in ["ReplaceUnhealthy", "Terminate"] {
        simulated(&world(""), async |account: Account| {
            processes(&account, "SuspendProcesses", &[process]);
            account.wait(300).await;
            assert_eq!(states(&account), ["0: InService", "1: InService", "2: InService"]);
            assert_eq!(healths(&account), ["Healthy", "Unhealthy", "Healthy"], "{process}");
            processes(&account, "ResumeProcesses", &[process]);
            assert_eq!(states(&account)[1], "1: Terminating");
        });
    }
}

#[test]
fn without_launch_the_replacement_comes_once_that_is_resumed() {
    simulated(&world(""), async |account: Account| {
        processes(&account, "SuspendProcesses", &["Launch"]);
        account.wait(300).await;
        assert_eq!(states(&account), ["0: InService", "2: InService"]);
        processes(&account, "ResumeProcesses", &["Launch"]);
        assert_eq!(states(&account), ["0: InService", "2: InService", "3: Pending"]);
    });
}

#[test]
fn one_that_is_unhealthy_from_the_start_is_replaced_but_not_in_standby() {
    let sick = |index: usize, lifecycle: &str| {
        format!(
            "[[group.instance]]\nindex = {index}\nhealth = \"Unhealthy\"\n\
             lifecycle = \"{lifecycle}\"\n"
        )
    };
    let more = format!("{}{}", sick(0, "InService"), sick(2, "Standby"));
    let world = world(&more).replace("5s", "900s");
    simulated(&world, async |account: Account| {
        account.wait(100).await;
        assert_eq!(states(&account), ["1: InService", "2: Standby", "3: InService"]);
        let told = account.scaling("DescribeScalingActivities", GROUP).unwrap();
        assert!(told.contains("in response to a user health-check."), "{told}");
    });
}

#[test]
fn who_is_marked_healthy_again_is_not_replaced() {
    simulated(&world(""), async |account: Account| {
        processes(&account, "SuspendProcesses", &["HealthCheck", "ReplaceUnhealthy"]);
        let set = |health: &str| {
            account.scaling("SetInstanceHealth", &format!("InstanceId=#0&HealthStatus={health}"))
        };
        set("Unhealthy").unwrap();
        assert_eq!(healths(&account), ["Unhealthy", "Healthy", "Healthy"]);
        set("Healthy").unwrap();
        processes(&account, "ResumeProcesses", &["ReplaceUnhealthy"]);
        assert_eq!(states(&account)[0], "0: InService");
        set("Unhealthy").unwrap();
        assert_eq!(states(&account)[0], "0: Terminating");
        let refused = |answer: Result<String, ApiError>, why: &str| {
            let message = answer.unwrap_err().message.unwrap_or_default();
            assert!(message.contains(why), "{message}");
        };
        refused(set("Healthy"), "terminated already");
        refused(set("Well"), "[Healthy, Unhealthy]");
        let grace = "InstanceId=#2&HealthStatus=Unhealthy&ShouldRespectGracePeriod=perhaps";
        refused(account.scaling("SetInstanceHealth", grace), "is not a boolean");
        assert_eq!(states(&account)[2], "2: InService");
        let nobody = "InstanceId=i-00000000&HealthStatus=Healthy";
        refused(account.scaling("SetInstanceHealth", nobody), "not found");
    });
}
