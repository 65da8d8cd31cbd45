//! Facts for tests: a rescue of one instance that nothing speaks against.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    facts::{
        Acl, Described, EncryptionByDefault, Group, Instance, InstanceStore, Network, Role,
        Runbook, SecurityGroup, Site, Status, Subnet, Volume, WayOut,
    },
    recipe::Recipe,
    wishes::{Backup, Bitlocker, Data, HELPER_TYPE, Members, Where, Wishes},
};
use crate::plan::{Agent, Declared, InstanceId, Platform, Target};

pub(super) const ACCOUNT: &str = "123456789012";

fn declared(values: &[&str]) -> Declared {
    let allowed_values = values.iter().map(|it| (*it).to_owned()).collect();
    Declared { kind: "String".to_owned(), allowed_values, ..Declared::default() }
}

/// What the runbook takes.
pub(super) fn runbook() -> Runbook {
    let names = [
        "AutomationAssumeRole",
        "EC2RescueInstanceType",
        "HelperInstanceProfileName",
        "HelperInstanceSecurityGroupId",
        "InstanceId",
        "OfflineScript",
        "SubnetId",
    ];
    let booleans = [
        "AllowEncryptedVolume",
        "AssociatePublicIpAddress",
        "CreatePostEC2RescueBackup",
        "CreatePreEC2RescueBackup",
    ];
    let texts = names.into_iter().map(|it| (it.to_owned(), declared(&[])));
    let booleans = booleans.into_iter().map(|it| (it.to_owned(), declared(&["True", "False"])));
    Runbook { version: Some("7".to_owned()), declared: texts.chain(booleans).collect() }
}

pub(super) fn instance(n: usize) -> Instance {
    let text = |it: &str| Some(it.to_owned());
    Instance {
        target: Target {
            id: InstanceId::parse(&format!("i-0000000{n}")).unwrap(),
            group: text("web"),
            zone: text("us-east-1a"),
            lifecycle: text("InService"),
            health: text("Healthy"),
            platform: Some(Platform::Windows),
            agent: Agent::ConnectionLost,
            agent_version: None,
            computer_name: None,
        },
        described: Ok(Described {
            state: "running".to_owned(),
            is_windows: true,
            image: "ami-1".to_owned(),
            kind: "m5.large".to_owned(),
            zone: "us-east-1a".to_owned(),
            root_device_type: "ebs".to_owned(),
            root_device: "/dev/sda1".to_owned(),
            root_volume: text("vol-1"),
            has_reserved_capacity: true,
            subnet: text("subnet-1"),
            vpc: text("vpc-1"),
            ..Described::default()
        }),
        status: Ok(Status {
            system: "ok".to_owned(),
            instance: "impaired".to_owned(),
            impaired_since: Some("2024-07-19T05:00:00Z".parse().unwrap()),
        }),
        volume: Ok(Volume {
            id: "vol-1".to_owned(),
            is_encrypted: false,
            key: None,
            marketplace: Ok(Vec::new()),
        }),
        is_stop_protected: Ok(false),
        snapshot: Ok(None),
    }
}

pub(super) fn subnet() -> Subnet {
    Subnet {
        zone: "us-east-1a".to_owned(),
        vpc: "vpc-1".to_owned(),
        n_free: 100,
        way_out: Ok(WayOut::Other),
        acl: Ok(Acl::Open),
    }
}

pub(super) fn security_group() -> SecurityGroup {
    SecurityGroup {
        vpc: "vpc-1".to_owned(),
        is_default: true,
        lets_https_out: true,
        lets_https_in: true,
    }
}

pub(super) fn site() -> Site {
    let role = "arn:aws:iam::123456789012:role/rescue".to_owned();
    Site {
        cure: Recipe::crowdstrike().cure("crowdstrike", "bad-window"),
        wishes: Wishes {
            role: Some(role.clone()),
            subnet: Where::OfTheInstance,
            security_group: None,
            instance_profile: None,
            helper_type: HELPER_TYPE.to_owned(),
            backup: Backup::Image,
            data: Data::MustStay,
            bitlocker: Bitlocker::Absent,
            members: Members::Standby,
            impaired_for: 600,
            at_once: 1,
        },
        account: Some(ACCOUNT.to_owned()),
        now: "2024-07-19T05:30:00Z".parse().unwrap(),
        runbook: Ok(runbook()),
        online: Ok(Some(Recipe::crowdstrike().online)),
        role: Ok(Role {
            arn: role,
            is_callers_own: false,
            trusts_ssm: Ok(Some(true)),
            may_be_passed: Ok(true),
            lacks: Ok(Vec::new()),
            caller_lacks: Ok(Vec::new()),
        }),
        encryption: Ok(EncryptionByDefault { is_on: false, key: None }),
        vpcs: Ok(1),
        executions: Ok(Vec::new()),
        leftovers: Ok(Vec::new()),
        groups: Ok(BTreeMap::from([(
            "web".to_owned(),
            Group {
                arn: "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/web".to_owned(),
                min: 2,
                desired: 4,
                max: 4,
                members: (1..5).map(|it| instance(it).target.id).collect(),
                protected: BTreeSet::new(),
                suspended: Vec::new(),
                refresh: None,
                failed_launch: Ok(None),
            },
        )])),
        types: Ok(BTreeMap::from([("m5.large".to_owned(), InstanceStore::None)])),
        images: Ok(BTreeMap::from([("ami-1".to_owned(), Vec::new())])),
        network: Network {
            subnets: Ok(BTreeMap::from([("subnet-1".to_owned(), subnet())])),
            endpoints: Ok(Vec::new()),
            security_groups: Ok(BTreeMap::from([("sg-1".to_owned(), security_group())])),
            helper_zones: Ok(vec!["us-east-1a".to_owned()]),
        },
        instances: vec![instance(1)],
    }
}
