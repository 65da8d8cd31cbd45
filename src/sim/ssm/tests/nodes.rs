//! DescribeInstanceInformation and DescribeInstanceProperties.

use serde_json::{Value, json};

use super::{World, WorldSpec, id, simulated};
use crate::sim::state::{Instance, Ping, Platform};

/// 0 to 11 online; 12 lost, 13 Windows, 14 never registered, 15 stopped, 16 terminated.
fn world() -> WorldSpec {
    let change = |index, it: &mut Instance| match index {
        12 => it.ping = Ping::ConnectionLost,
        13 => it.platform = Platform::Windows,
        14 => it.ping = Ping::None,
        15 => "stopped".clone_into(&mut it.ec2_state),
        16 => "terminated".clone_into(&mut it.ec2_state),
        _ => {}
    };
    WorldSpec { size: 17, change, ..WorldSpec::default() }
}

async fn ids(world: &World, body: Value) -> Vec<String> {
    let answer = world.ok("DescribeInstanceInformation", body).await;
    let rows = answer["InstanceInformationList"].as_array().unwrap();
    rows.iter().map(|it| it["InstanceId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn managed_nodes_come_in_pages_of_ten_without_the_stopped_and_unregistered() {
    simulated(world(), async |world: World| {
        let first = world.ok("DescribeInstanceInformation", json!({})).await;
        assert_eq!(first["InstanceInformationList"].as_array().unwrap().len(), 10);
        let token = first["NextToken"].clone();
        let rest = ids(&world, json!({ "NextToken": token })).await;
        assert_eq!(rest, (10..14).map(id).collect::<Vec<_>>());
        let all = ids(&world, json!({ "MaxResults": 50 })).await;
        assert_eq!(all.len(), 14);
    });
}

#[test]
fn nodes_are_filtered_in_both_spellings() {
    simulated(world(), async |world: World| {
        let new = |key: &str, value: &str| json!({ "MaxResults": 50, "Filters": [{ "Key": key, "Values": [value] }] });
        let old = |key: &str, value: &str| json!({ "InstanceInformationFilterList": [{ "key": key, "valueSet": [value] }] });
        assert_eq!(ids(&world, new("PingStatus", "ConnectionLost")).await, [id(12)]);
        assert_eq!(ids(&world, old("PlatformTypes", "Windows")).await, [id(13)]);
        assert_eq!(ids(&world, new("InstanceIds", &id(3))).await, [id(3)]);
        assert!(ids(&world, new("InstanceIds", &id(14))).await.is_empty());
        assert_eq!(ids(&world, new("tag:aws:autoscaling:groupName", "web")).await.len(), 14);
        assert!(ids(&world, new("tag-key", "nothing")).await.is_empty());
    });
}

#[test]
fn bad_filters_are_refused() {
    simulated(world(), async |world: World| {
        let check = async |body: Value, code: &str| {
            let err = world.call("DescribeInstanceInformation", body).await.unwrap_err();
            assert_eq!(err.code, code);
        };
        let filter = |key: &str, value: &str| json!({ "Key": key, "Values": [value] });
        let tag = filter("tag:role", "web");
        let both = json!({ "Filters": [tag, filter("PingStatus", "Online")] });
        check(both, "ValidationException").await;
        let old = json!([{ "key": "PingStatus", "valueSet": ["Online"] }]);
        let both = json!({ "Filters": [tag], "InstanceInformationFilterList": old });
        check(both, "ValidationException").await;
        check(json!({ "Filters": [filter("Nonsense", "x")] }), "InvalidFilterKey").await;
        let unknown = filter("InstanceIds", "i-0123456789abcdef0");
        check(json!({ "Filters": [unknown] }), "InvalidInstanceId").await;
        let platform = filter("PlatformTypes", "linux");
        check(json!({ "Filters": [platform] }), "InvalidInstanceInformationFilterValue").await;
        check(json!({ "MaxResults": 4 }), "ValidationException").await;
        check(json!({ "NextToken": "zz" }), "InvalidNextToken").await;
    });
}

#[test]
fn properties_are_those_of_the_managed_nodes_in_wide_pages_and_are_not_filtered() {
    simulated(world(), async |world: World| {
        let page = async |body: Value| world.ok("DescribeInstanceProperties", body).await;
        let all = page(json!({ "MaxResults": 1000 })).await;
        let rows = all["InstanceProperties"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[12]["PingStatus"]), (14, &"ConnectionLost".into()));
        assert_eq!(rows[13]["PlatformType"], "Windows");
        assert!(all["NextToken"].is_null());
        let first = page(json!({ "MaxResults": 5 })).await;
        let second = page(json!({ "MaxResults": 5, "NextToken": first["NextToken"] })).await;
        assert_eq!(second["InstanceProperties"][0]["InstanceId"], id(5));
        let filters = json!([{ "Key": "PingStatus", "Values": ["Online"] }]);
        for body in [json!({ "MaxResults": 1001 }), json!({ "FiltersWithOperator": filters })] {
            assert!(world.call("DescribeInstanceProperties", body).await.is_err());
        }
    });
}
