//! Auto Scaling groups over the wire.

use super::client::{Reply, form, start};
use crate::sim::Sim;

const WORLD: &str = r#"
[[group]]
name = "web"
size = 3
zones = ["us-east-1a", "us-east-1b"]
tags = { role = "web", note = "<&>" }
[[group.instance]]
index = 1
lifecycle = "Standby"
health = "Unhealthy"
[[group]]
name = "batch"
size = 60
tags = { role = "batch" }
[[group]]
name = "empty"
size = 0
"#;

fn groups(sim: &Sim, parameters: &str) -> Reply {
    let body = format!("Action=DescribeAutoScalingGroups&Version=2011-01-01{parameters}");
    form(sim, &body).unwrap()
}

fn instances(sim: &Sim, parameters: &str) -> Reply {
    let body = format!("Action=DescribeAutoScalingInstances&Version=2011-01-01{parameters}");
    form(sim, &body).unwrap()
}

#[track_caller]
fn check_names(parameters: &str, expected: &[&str]) {
    let reply = groups(&start(WORLD), parameters);
    assert_eq!(reply.elements("AutoScalingGroupName"), expected, "{parameters}: {}", reply.body);
}

#[test]
fn groups_are_told_by_name_and_unknown_names_are_left_out() {
    check_names("", &["batch", "empty", "web"]);
    let names = "&AutoScalingGroupNames.member.1=web&AutoScalingGroupNames.member.2=nope";
    check_names(names, &["web"]);
}

#[test]
fn filters_select_groups_by_their_tags() {
    check_names("&Filters.member.1.Name=tag-key&Filters.member.1.Values.member.1=note", &["web"]);
    check_names(
        "&Filters.member.1.Name=tag-value&Filters.member.1.Values.member.1=batch",
        &["batch"],
    );
    let role = "&Filters.member.1.Name=tag:role&Filters.member.1.Values.member.1=web\
                &Filters.member.1.Values.member.2=batch";
    check_names(role, &["batch", "web"]);
    let both =
        format!("{role}&Filters.member.2.Name=tag-key&Filters.member.2.Values.member.1=note");
    check_names(&both, &["web"]);
}

#[test]
fn members_have_their_state_zone_and_health_in_the_order_of_their_index() {
    let reply = groups(&start(WORLD), "&AutoScalingGroupNames.member.1=web");
    assert_eq!(reply.elements("LifecycleState"), ["InService", "Standby", "InService"]);
    assert_eq!(reply.elements("HealthStatus"), ["Healthy", "Unhealthy", "Healthy"]);
    assert_eq!(reply.elements("AvailabilityZone"), ["us-east-1a", "us-east-1b", "us-east-1a"]);
    assert_eq!(reply.elements("ProtectedFromScaleIn"), ["false"; 3]);
    assert!(reply.body.contains("<Value>&lt;&amp;&gt;</Value>"), "{}", reply.body);
    let again = groups(&start(WORLD), "&AutoScalingGroupNames.member.1=web");
    assert_eq!(reply.elements("InstanceId"), again.elements("InstanceId"));
}

#[test]
fn instances_can_be_left_out() {
    let reply = groups(&start(WORLD), "&IncludeInstances=false");
    assert!(reply.elements("InstanceId").is_empty());
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let sim = start(WORLD);
    let mut seen = Vec::new();
    let mut parameters = "&MaxRecords=2".to_owned();
    loop {
        let reply = groups(&sim, &parameters);
        seen.extend(reply.elements("AutoScalingGroupName").into_iter().map(str::to_owned));
        let Some(token) = reply.elements("NextToken").pop() else { break };
        parameters = format!("&MaxRecords=2&NextToken={token}");
    }
    assert_eq!(seen, ["batch", "empty", "web"]);
}

#[test]
fn bad_parameters_are_refused() {
    let sim = start(WORLD);
    for (parameters, code) in [
        ("&NextToken=garbage", "InvalidNextToken"),
        ("&NextToken=fleet1-zz", "InvalidNextToken"),
        ("&MaxRecords=0", "ValidationError"),
        ("&MaxRecords=101", "ValidationError"),
        ("&MaxRecords=ten", "MalformedInput"),
        ("&Filters.member.1.Name=color&Filters.member.1.Values.member.1=x", "ValidationError"),
    ] {
        let reply = groups(&sim, parameters);
        assert_eq!((reply.status, reply.element("Code")), (400, code), "{parameters}");
    }
    assert_eq!(instances(&sim, "&MaxRecords=51").element("Code"), "ValidationError");
}

#[test]
fn instances_are_told_by_id_and_unknown_ids_are_left_out() {
    let sim = start(WORLD);
    let web = groups(&sim, "&AutoScalingGroupNames.member.1=web");
    let id = web.elements("InstanceId")[1];
    let reply = instances(
        &sim,
        &format!("&InstanceIds.member.1={id}&InstanceIds.member.2=i-00000000000000000"),
    );
    assert_eq!(reply.elements("InstanceId"), [id]);
    assert_eq!(reply.element("AutoScalingGroupName"), "web");
    let all = instances(&sim, "");
    assert_eq!(all.elements("InstanceId").len(), 50);
    let rest = instances(&sim, &format!("&NextToken={}", all.element("NextToken")));
    assert_eq!(rest.elements("InstanceId").len(), 13);
    assert!(rest.elements("NextToken").is_empty());
}

#[test]
fn a_list_that_cannot_be_read_does_not_mean_all() {
    let sim = start("[[group]]\nname = \"web\"\nsize = 2\n[[group]]\nname = \"db\"\nsize = 1\n");
    let asked = |body: &str| form(&sim, body).unwrap();
    let suspend = "Action=SuspendProcesses&Version=2011-01-01&AutoScalingGroupName=web";
    for list in ["ScalingProcesses.1=Launch", "ScalingProcesses.member.x=Launch"] {
        let reply = asked(&format!("{suspend}&{list}"));
        assert_eq!((reply.status, reply.element("Code")), (400, "MalformedInput"), "{list}");
        let key = list.split('=').next().unwrap();
        assert!(reply.element("Message").starts_with(&format!("{key}: ")), "{}", reply.body);
    }
    let groups = "Action=DescribeAutoScalingGroups&Version=2011-01-01";
    assert!(asked(groups).elements("ProcessName").is_empty());
    let reply = asked(&format!("{groups}&AutoScalingGroupNames.member.web=web"));
    assert_eq!(reply.element("Code"), "MalformedInput");
    // So do clients send an empty list, and that is all.
    assert_eq!(asked(&format!("{groups}&AutoScalingGroupNames=")).elements("MinSize").len(), 2);
    let instances = "Action=DescribeInstances&Version=2016-11-15";
    for list in ["InstanceId.99999999999999999999", "InstanceId.member.1", "Filter.1.Value.x"] {
        let filter = "&Filter.1.Name=vpc-id";
        let reply = asked(&format!("{instances}{filter}&{list}=i-0123456789abcdef0"));
        let message = format!("The parameter {list} is not recognized");
        assert_eq!(
            (reply.element("Code"), reply.element("Message")),
            ("UnknownParameter", message.as_str())
        );
    }
}
