//! Whatever a request holds, it is answered.

use proptest::{collection::vec, prelude::*, sample::select};

use super::account::{Account, simulated};
use crate::sim::{
    ec2,
    fault::{Faults, orders},
    wire::{form::Form, xml::Xml},
};

const OPERATIONS: [&str; 14] = [
    "DescribeAutoScalingGroups",
    "DescribeAutoScalingInstances",
    "DescribeInstanceRefreshes",
    "DescribeScalingActivities",
    "EnterStandby",
    "ExitStandby",
    "TerminateInstanceInAutoScalingGroup",
    "SetInstanceHealth",
    "SetInstanceProtection",
    "SuspendProcesses",
    "ResumeProcesses",
    "DescribeInstances",
    "DescribeInstanceStatus",
    "Nothing",
];

const NAMES: [&str; 22] = [
    "AutoScalingGroupName",
    "AutoScalingGroupNames.member.1",
    "InstanceIds.member.1",
    "InstanceIds.member.2",
    "InstanceId",
    "InstanceId.1",
    "ShouldDecrementDesiredCapacity",
    "ProtectedFromScaleIn",
    "ScalingProcesses.member.1",
    "ActivityIds.member.1",
    "MaxRecords",
    "MaxResults",
    "NextToken",
    "Filter.1.Name",
    "Filter.1.Value.1",
    "Filters.member.1.Name",
    "Filters.member.1.Values.member.1",
    "IncludeAllInstances",
    "IncludeInstances",
    "DryRun",
    "Filter",
    ".",
];

fn value() -> impl Strategy<Value = String> {
    const WORDS: [&str; 16] = [
        "web",
        "#0",
        "#1",
        "#2",
        "true",
        "false",
        "Launch",
        "Terminate",
        "1",
        "50",
        "fleet1-",
        "tag:role",
        "instance-id",
        "*",
        "i-0000000a",
        "",
    ];
    prop_oneof![4 => select(&WORDS[..]).prop_map(str::to_owned), 1 => "\\PC{0,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_requests_in_a_row_make_the_groups_panic(
        requests in vec((select(&OPERATIONS[..]), vec((select(&NAMES[..]), value()), 0..6)), 1..40),
    ) {
        let world = "[[group]]\nname = \"web\"\nsize = 3\n[[event]]\ngroup = \"web\"\n\
                     after = \"20s\"\nsince = \"start\"\nkind = \"scale-in\"\ncount = 2\n";
        simulated(world, async |account: Account| {
            for (operation, parameters) in requests {
                let mut body = form_urlencoded::Serializer::new(String::new());
                // Most name the group, or nothing would happen.
                body.extend_pairs(&parameters).append_pair("AutoScalingGroupName", "web");
                let body = body.finish().replace("%23", "#");
                account.scaling(operation, &body).ok();
                let form = Form::parse(body.as_bytes());
                ec2::call(&account.call(operation), &form, &mut Xml::new()).ok();
                account.wait(3).await;
            }
            let (members, _) = account.members();
            prop_assert!(members.len() < 200);
            Ok(())
        })?;
    }

    #[test]
    fn no_order_makes_the_faults_panic(body in vec(any::<u8>(), 0..200), json in "\\[(\\{(\"(operation|kind|calls|rate|delay|age|calls_per_second)\":(\"[*a-zA-Z0-9-]{0,12}\"|[0-9e.-]{1,6}|\\[[0-9,]{0,5}\\]|null),?){0,4}\\},?){0,2}\\]") {
        let faults = Faults::new(&[], 1);
        let order = http::Request::post("/").header("content-type", "application/json").body(());
        let (parts, ()) = order.unwrap().into_parts();
        for body in [body.as_slice(), json.as_bytes()] {
            orders::answer(&faults, &parts, body);
            faults.strike("SendCommand", jiff::Timestamp::UNIX_EPOCH);
        }
    }
}
