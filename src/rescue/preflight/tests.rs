use super::{
    super::{
        checks::{CHECKS, REPLACING},
        facts::*,
        leftovers::Leftover,
        testing::{instance, runbook, security_group, site, subnet},
        wishes::{Backup, Bitlocker, Data, Members, Where, parameters},
    },
    *,
};
use crate::plan::{Agent, Platform};

fn find(preflight: &Preflight, check: &str) -> Row {
    let mut rows = preflight.shared.iter().chain(&preflight.instances[0].rows);
    rows.find(|it| it.finding.check == check).unwrap().clone()
}

/// Requires that a check comes out as `verdict` after `change`, and says `text`.
#[track_caller]
fn check(check: &str, verdict: Verdict, text: &str, change: impl Fn(&mut Site)) {
    let mut site = site();
    change(&mut site);
    let Finding { verdict: found, said, remedy, .. } = find(&preflight(&site), check).finding;
    let said = format!("{said} {}", remedy.unwrap_or_default());
    assert_eq!(found, verdict, "{check}: {said}");
    assert!(said.contains(text), "{check} lacks `{text}`: {said}");
}

fn described(site: &mut Site) -> &mut Described {
    site.instances[0].described.as_mut().unwrap()
}

fn volume(site: &mut Site) -> &mut Volume {
    site.instances[0].volume.as_mut().unwrap()
}

fn group(site: &mut Site) -> &mut Group {
    site.groups.as_mut().unwrap().get_mut("web").unwrap()
}

fn unread<T>() -> Seen<T> {
    Err(Unread { said: "a:B is not permitted".to_owned(), remedy: "allow it".to_owned() })
}

#[test]
fn nothing_speaks_against_an_instance_of_which_all_is_well() {
    let found = preflight(&site());
    for row in found.shared.iter().chain(&found.instances[0].rows) {
        assert_eq!(row.finding.verdict, Verdict::Pass, "{row:?}");
    }
    assert_eq!(found.instances[0].readiness, Readiness::Ready);
    assert_eq!(found.shared.len() + found.instances[0].rows.len(), CHECKS.len());
}

#[test]
fn only_an_instance_that_has_long_been_impaired_is_rescued() {
    use Verdict::{Fail, Pass, Unknown, Warn};
    let state = |word: &'static str, since: Option<&'static str>| {
        move |site: &mut Site| {
            let status = site.instances[0].status.as_mut().unwrap();
            status.instance = word.to_owned();
            status.impaired_since = since.map(|it| it.parse().unwrap());
        }
    };
    check("platform", Fail, "not Windows", |it| described(it).is_windows = false);
    check("platform", Pass, "Linux", |it| {
        it.cure.platform = None;
        described(it).is_windows = false;
    });
    check("platform", Fail, "it is Windows", |it| it.cure.platform = Some(Platform::Linux));
    check("impaired", Pass, "30 min", |_| {});
    check("impaired", Fail, "60 s", state("impaired", Some("2024-07-19T05:29:00Z")));
    check("impaired", Unknown, "since when", state("impaired", None));
    check("impaired", Fail, "still starting", state("initializing", None));
    check("impaired", Fail, "it has booted", state("ok", None));
    check("impaired", Unknown, "insufficient-data", state("insufficient-data", None));
    check("impaired", Fail, "--doc Fleet-CrowdStrike291", |it| {
        it.instances[0].target.agent = Agent::Online;
    });
    check("impaired", Fail, "other hardware", |it| {
        it.instances[0].status.as_mut().unwrap().system = "impaired".to_owned();
    });
    check("impaired", Warn, "stopped", |it| described(it).state = "stopped".to_owned());
    check("impaired", Unknown, "not permitted", |it| it.instances[0].status = unread());
}

#[test]
fn what_the_runbook_would_refuse_or_destroy_is_found_before() {
    use Verdict::{Fail, Pass, Unknown, Warn};
    let code = || vec!["4i20ezfza3p7xx2kt2g8weu2u".to_owned()];
    check("marketplace", Fail, "the instance", |it| described(it).marketplace = code());
    check("marketplace", Fail, "root volume", |it| volume(it).marketplace = Ok(code()));
    check("marketplace", Fail, "image", |it| {
        it.images.as_mut().unwrap().insert("ami-1".to_owned(), code());
    });
    check("marketplace", Pass, "gone", |it| it.images.as_mut().unwrap().clear());
    check("marketplace", Unknown, "not permitted", |it| volume(it).marketplace = unread());
    check("root device", Fail, "instance-store", |it| {
        described(it).root_device_type = "instance-store".to_owned();
    });
    check("root device", Fail, "AWSSupport-EC2Rescue", |it| described(it).root_volume = None);
    let store = |it: &mut Site| {
        it.types.as_mut().unwrap().insert("m5.large".to_owned(), InstanceStore::Some);
    };
    check("instance store", Fail, "--accept-data-loss", store);
    check("instance store", Warn, "empties", |it| {
        store(it);
        it.wishes.data = Data::MayBeLost;
    });
    let encrypted = |state: &str, account: &str| {
        let arn = format!("arn:aws:kms:us-east-1:{account}:key/1");
        let key = Some(Ok(Key { arn, state: state.to_owned() }));
        move |it: &mut Site| {
            volume(it).is_encrypted = true;
            volume(it).key.clone_from(&key);
        }
    };
    check("encryption", Pass, "AllowEncryptedVolume", encrypted("Enabled", "123456789012"));
    check("encryption", Fail, "PendingDeletion", encrypted("PendingDeletion", "123456789012"));
    check("encryption", Warn, "another account", encrypted("Enabled", "210987654321"));
    let by_default = |key: &str| {
        let key = Some(key.to_owned());
        move |it: &mut Site| {
            it.encryption = Ok(EncryptionByDefault { is_on: true, key: key.clone() });
        }
    };
    check("encrypted helper", Pass, "AWS key", by_default("alias/aws/ebs"));
    check("encrypted helper", Warn, "key/2", by_default("key/2"));
    check("BitLocker", Unknown, "--no-bitlocker", |it| it.wishes.bitlocker = Bitlocker::Unasked);
    check("backup", Warn, "no snapshot", |it| it.wishes.backup = Backup::None);
    check("backup", Pass, "younger", |it| {
        it.wishes.backup = Backup::None;
        it.instances[0].snapshot = Ok(Some("2024-07-19T00:00:00Z".parse().unwrap()));
    });
}

#[test]
fn the_group_must_have_room_for_who_is_in_standby() {
    use Verdict::{Fail, Pass, Unknown, Warn};
    check("group", Pass, "from 4 to 3", |_| {});
    check("group", Pass, "no group", |it| it.instances[0].target.group = None);
    check("group", Fail, "MinSize 4 of 4 wanted", |it| group(it).min = 4);
    // Where there is room for some of them, a smaller selection helps as well.
    let selected = |n: usize, min: usize| {
        move |it: &mut Site| {
            group(it).min = min;
            it.wishes.at_once = 1;
            it.instances.extend((2..=n).map(instance));
        }
    };
    let text = "MinSize 3 of 4 wanted: 2 in Standby would fall below it, and all go there before \
                the first is rescued select at most 1 of them at a time: --instance, or --exclude; \
                or aws autoscaling update-auto-scaling-group --auto-scaling-group-name web \
                --min-size 2 (afterwards 3 again); or --replace";
    check("group", Fail, text, selected(2, 3));
    check("group", Pass, "from 4 to 3", selected(1, 3));
    check("group", Fail, "select at most 2 of them", selected(3, 2));
    let text = "for one at a time (--instance): aws autoscaling update-auto-scaling-group \
                --auto-scaling-group-name web --min-size 3 (afterwards 4 again); for all: aws \
                autoscaling update-auto-scaling-group --auto-scaling-group-name web --min-size 2";
    check("group", Fail, text, selected(2, 4));
    check("group", Fail, "cancel-instance-refresh", |it| {
        group(it).refresh = Some("InProgress".to_owned());
    });
    check("group", Fail, "Launch is suspended", |it| group(it).suspended = vec!["Launch".into()]);
    let is = |word: &'static str| {
        move |it: &mut Site| it.instances[0].target.lifecycle = Some(word.to_owned())
    };
    check("group", Pass, "in Standby already", is("Standby"));
    check("group", Fail, "Terminating:Wait", is("Terminating:Wait"));
    let sick = |it: &mut Site| it.instances[0].target.health = Some("Unhealthy".to_owned());
    check("group", Warn, "about to replace it", sick);
    check("group", Pass, "from 4 to 3", |it| {
        sick(it);
        group(it).suspended = vec!["ReplaceUnhealthy".to_owned()];
    });
    check("group", Unknown, "not permitted", |it| it.groups = unread());
    check("blast radius", Pass, "1 instance of 1 Auto Scaling group", |_| {});
    check("blast radius", Warn, "all there are of web", |it| {
        it.instances.push(instance(2));
        group(it).members = it.instances.iter().map(|it| it.target.id.clone()).collect();
    });
}

/// The same of groups that are to replace their members.
#[track_caller]
fn check_replacing(verdict: Verdict, text: &str, change: impl Fn(&mut Site)) {
    check("group", verdict, text, |it| {
        it.wishes.members = Members::Replaced;
        change(it);
    });
}

#[test]
fn a_group_replaces_only_what_it_counts_and_can_launch_anew() {
    use Verdict::{Fail, Pass, Unknown};
    // It has all the members that it needs meanwhile, but for the one.
    check_replacing(Pass, "ends it and launches another", |it| group(it).min = 4);
    check_replacing(Fail, "no group", |it| it.instances[0].target.group = None);
    check_replacing(Fail, "cancel-instance-refresh", |it| {
        group(it).refresh = Some("InProgress".to_owned());
    });
    for process in ["Launch", "Terminate"] {
        let text = format!("{process} is suspended");
        check_replacing(Fail, &text, |it| group(it).suspended = vec![process.to_owned()]);
    }
    let is = |word: &'static str| {
        move |it: &mut Site| it.instances[0].target.lifecycle = Some(word.to_owned())
    };
    check_replacing(Fail, "launches nobody", is("Standby"));
    check_replacing(Fail, "Terminating:Wait", is("Terminating:Wait"));
    check_replacing(Fail, "--no-protected-from-scale-in", |it| {
        let id = it.instances[0].target.id.clone();
        group(it).protected.insert(id);
    });
    check_replacing(Fail, "no capacity", |it| {
        group(it).failed_launch = Ok(Some("no capacity".to_owned()));
    });
    check_replacing(Unknown, "not permitted", |it| group(it).failed_launch = unread());
    check_replacing(Unknown, "not permitted", |it| it.groups = unread());
}

#[test]
fn what_a_replacement_loses_is_told_and_nothing_of_the_runbook_is_asked() {
    use Verdict::{Pass, Warn};
    let replaced = |it: &mut Site| {
        it.wishes.members = Members::Replaced;
        it.runbook = unread();
        it.role = unread();
        it.network.subnets = unread();
    };
    let mut site = site();
    replaced(&mut site);
    let found = preflight(&site);
    assert_eq!(found.shared.len() + found.instances[0].rows.len(), REPLACING.len());
    assert!(found.instances[0].readiness.may_start(), "{found:?}");
    check("backup", Warn, "stays when it ends", replaced);
    check("backup", Warn, "no snapshot", |it| {
        replaced(it);
        described(it).goes_with_instance = true;
    });
    check("backup", Pass, "younger than a day", |it| {
        replaced(it);
        described(it).goes_with_instance = true;
        it.instances[0].snapshot = Ok(Some("2024-07-19T00:00:00Z".parse().unwrap()));
    });
}

#[test]
fn what_cannot_be_stopped_and_started_is_refused() {
    use Verdict::{Fail, Pass, Warn};
    check("stop", Fail, "spot", |it| described(it).lifecycle = Some("spot".to_owned()));
    check("stop", Fail, "DisableApiStop", |it| it.instances[0].is_stop_protected = Ok(true));
    check("stop", Fail, "stopping", |it| described(it).state = "stopping".to_owned());
    check("stop", Fail, "terminated", |it| described(it).state = "terminated".to_owned());
    check("stop", Warn, "dedicated", |it| described(it).tenancy = "host".to_owned());
    check("stop", Warn, "hibernation", |it| described(it).is_hibernation_set_up = true);
    check("addresses", Warn, "not elastic", |it| {
        described(it).passing_address = Some("192.0.2.1".to_owned());
    });
    check("capacity", Pass, "reservation", |_| {});
    check("capacity", Warn, "InsufficientInstanceCapacity", |it| {
        described(it).has_reserved_capacity = false;
    });
}

#[test]
fn a_helper_that_would_not_reach_ssm_is_not_launched() {
    use Verdict::{Fail, Pass, Unknown, Warn};
    let subnet = |change: fn(&mut Subnet)| {
        move |it: &mut Site| {
            let mut here = subnet();
            change(&mut here);
            it.network.subnets.as_mut().unwrap().insert("subnet-1".to_owned(), here);
        }
    };
    check("subnet", Fail, "us-east-1b", subnet(|it| it.zone = "us-east-1b".to_owned()));
    check("subnet", Fail, "left in subnet-1: 0", subnet(|it| it.n_free = 0));
    check("subnet", Fail, "no subnet subnet-9", |it| {
        it.wishes.subnet = Where::Subnet("subnet-9".to_owned());
    });
    check("subnet", Fail, "not offered", |it| it.network.helper_zones = Ok(Vec::new()));
    check("way to SSM", Pass, "NAT", |_| {});
    let public = subnet(|it| it.way_out = Ok(WayOut::InternetGateway));
    check("way to SSM", Pass, "AssociatePublicIpAddress", public);
    check("way to SSM", Fail, "network ACL", subnet(|it| it.acl = Ok(Acl::Closed)));
    check("way to SSM", Warn, "distinguishes", subnet(|it| it.acl = Ok(Acl::Partial)));
    let private = subnet(|it| it.way_out = Ok(WayOut::None));
    check("way to SSM", Fail, "no endpoint of ssm, ssmmessages, ec2messages, s3", private);
    let endpoint = |service: &str| Endpoint {
        vpc: "vpc-1".to_owned(),
        service: service.to_owned(),
        is_gateway: service == "s3",
        has_private_dns: true,
        security_groups: vec!["sg-1".to_owned()],
    };
    let all = || ["ssm", "ssmmessages", "ec2messages", "s3"].map(endpoint).to_vec();
    check("way to SSM", Pass, "by endpoints", |it| {
        private(it);
        it.network.endpoints = Ok(all());
    });
    check("way to SSM", Fail, "no private DNS", |it| {
        private(it);
        let mut all = all();
        all[1].has_private_dns = false;
        it.network.endpoints = Ok(all);
    });
    check("way to SSM", Fail, "let no HTTPS in", |it| {
        private(it);
        it.network.endpoints = Ok(all());
        let closed = SecurityGroup { lets_https_in: false, ..security_group() };
        it.network.security_groups.as_mut().unwrap().insert("sg-1".to_owned(), closed);
    });
    check("security group", Fail, "would never reach SSM", |it| {
        let closed = SecurityGroup { lets_https_out: false, ..security_group() };
        it.network.security_groups.as_mut().unwrap().insert("sg-1".to_owned(), closed);
    });
    check("security group", Fail, "there is no sg-9", |it| {
        it.wishes.security_group = Some("sg-9".to_owned());
    });
    let new = |n: usize| {
        move |it: &mut Site| {
            it.wishes.subnet = Where::NewVpc;
            it.vpcs = Ok(n);
        }
    };
    check("new VPC", Pass, "4 VPCs of 5", new(4));
    check("new VPC", Unknown, "L-F678F1CE", new(5));
    check("subnet", Pass, "new VPC", new(1));
}

#[test]
fn the_role_must_be_there_trusted_handed_over_and_allowed() {
    use Verdict::{Fail, Unknown, Warn};
    fn role(site: &mut Site) -> &mut Role {
        site.role.as_mut().unwrap()
    }
    check("role", Fail, "there is no role", |it| role(it).trusts_ssm = Ok(None));
    check("role", Fail, "does not trust", |it| role(it).trusts_ssm = Ok(Some(false)));
    check("role", Fail, "iam:PassRole", |it| role(it).may_be_passed = Ok(false));
    check("role", Warn, "acts as the caller", |it| role(it).is_callers_own = true);
    check("role", Unknown, "not permitted", |it| role(it).trusts_ssm = unread());
    check("permissions", Fail, "lacks iam:TagRole", |it| {
        role(it).lacks = Ok(vec!["iam:TagRole".to_owned()]);
    });
}

#[test]
fn who_may_not_bring_back_does_not_begin() {
    let lacks = "the caller lacks autoscaling:ExitStandby, without which a rescue is not begun";
    check("permissions", Verdict::Fail, lacks, |it| {
        it.role.as_mut().unwrap().caller_lacks = Ok(vec!["autoscaling:ExitStandby".to_owned()]);
    });
}

#[test]
fn what_the_preflight_itself_was_refused_is_lacking_though_nobody_may_ask_what_is_permitted() {
    fn refused<T>(action: &str) -> Seen<T> {
        Err(Unread::not_permitted(action))
    }
    let lacks = |action: &str| format!("the caller lacks {action}, without which");
    let check = |action: &'static str, change: fn(&mut Site, &str)| {
        check("permissions", Verdict::Fail, &lacks(action), |it| {
            it.role = refused("iam:SimulatePrincipalPolicy");
            change(it, action);
        });
    };
    check("ssm:DescribeAutomationExecutions", |it, action| it.executions = refused(action));
    check("ssm:GetAutomationExecution", |it, action| it.leftovers = refused(action));
    check("ec2:DescribeInstances", |it, action| it.instances[0].described = refused(action));
    check("ec2:DescribeInstanceStatus", |it, action| it.instances[0].status = refused(action));
    check("ec2:DescribeVolumes", |it, action| it.instances[0].volume = refused(action));
    check("autoscaling:DescribeAutoScalingGroups", |it, action| it.groups = refused(action));
    // What only a check looks at is not needed for the rest.
    let mut site = site();
    site.role.as_mut().unwrap().caller_lacks = refused("iam:SimulatePrincipalPolicy");
    site.leftovers = refused("ssm:DescribeAutomationStepExecutions");
    assert_eq!(find(&preflight(&site), "permissions").finding.verdict, Verdict::Unknown);
    assert_eq!(preflight(&site).instances[0].readiness, Readiness::Confirm);
}

#[test]
fn the_runbook_must_take_what_it_is_to_be_given() {
    use Verdict::{Fail, Pass, Warn};
    fn remove(site: &mut Site, name: &str) {
        site.runbook.as_mut().unwrap().declared.remove(name).unwrap();
    }
    check("runbook", Pass, "version 7", |it| remove(it, "AllowEncryptedVolume"));
    check("runbook", Fail, "AllowEncryptedVolume", |it| {
        remove(it, "AllowEncryptedVolume");
        volume(it).is_encrypted = true;
    });
    check("runbook", Pass, "Fleet-CrowdStrike291 reports afterwards", |_| {});
    check("runbook", Fail, "there is no document Fleet-CrowdStrike291", |it| it.online = Ok(None));
    check("runbook", Fail, "HelperInstanceSecurityGroupId", |it| {
        remove(it, "HelperInstanceSecurityGroupId");
        it.wishes.security_group = Some("sg-1".to_owned());
    });
    check("script", Pass, "of 512", |_| {});
    let execution = |of: &str| {
        let instance = Some(of.to_owned());
        vec![Execution { id: "e-1".to_owned(), instance }]
    };
    check("executions", Fail, "e-1", |it| it.executions = Ok(execution("i-00000001")));
    check("executions", Pass, "none", |it| it.executions = Ok(execution("i-00000002")));
    // How many executions are under way says nothing of whose a helper is.
    check("leftovers", Warn, "helper i-9 is stopped", |it| {
        let text = "helper i-9 is stopped, and nothing needs it any more".to_owned();
        let helper = Some("i-9".to_owned());
        it.leftovers = Ok(vec![Leftover { helper, stack: None, text, command: None }]);
        it.executions = Ok(execution("i-00000002"));
    });
    let remedy = "`fleet rescue resume --asg web --instance i-00000002` puts back";
    check("leftovers", Warn, remedy, |it| {
        let text = "helper i-9 has vol-1".to_owned();
        it.leftovers = Ok(vec![Leftover { helper: None, stack: None, text, command: None }]);
        it.instances.push(instance(2));
        it.instances[1].target.group = None;
    });
    check("leftovers", Pass, "no helper", |it| it.leftovers = Ok(Vec::new()));
}

#[test]
fn booleans_are_written_as_the_runbook_writes_them_and_nothing_is_empty() {
    let said = |values: &[&str], kind: &str| {
        let mut site = site();
        volume(&mut site).is_encrypted = true;
        let mut declared = runbook().declared;
        for name in ["AllowEncryptedVolume", "CreatePreEC2RescueBackup"] {
            let it = declared.get_mut(name).unwrap();
            it.allowed_values = values.iter().map(|it| (*it).to_owned()).collect();
            it.kind = kind.to_owned();
        }
        parameters(&site, &site.instances[0], &declared)
    };
    let check = |values: &[&str], kind: &str, word: &str| {
        let said = said(values, kind).unwrap();
        assert_eq!(said["AllowEncryptedVolume"], [word]);
        assert_eq!(said["CreatePreEC2RescueBackup"], [word]);
        assert!(said.values().flatten().all(|it| !it.is_empty()));
        assert_eq!(said["SubnetId"], ["SelectedInstanceSubnet"]);
        assert!(!said.contains_key("HelperInstanceSecurityGroupId"));
    };
    check(&["True", "False"], "String", "True");
    check(&["true", "false"], "String", "true");
    check(&[], "Boolean", "true");
    check(&[], "String", "True");
    assert!(said(&["yes", "no"], "String").is_err());
}

#[test]
fn what_must_be_known_stops_a_rescue_and_the_rest_is_asked() {
    let readiness = |change: fn(&mut Site)| {
        let mut site = site();
        change(&mut site);
        preflight(&site).instances[0].readiness
    };
    assert_eq!(readiness(|it| it.instances[0].volume = unread()), Readiness::Unknown);
    assert_eq!(readiness(|it| it.runbook = unread()), Readiness::Unknown);
    assert_eq!(readiness(|it| it.vpcs = unread()), Readiness::Ready);
    assert_eq!(readiness(|it| it.network.endpoints = unread()), Readiness::Ready);
    assert_eq!(readiness(|it| it.leftovers = unread()), Readiness::Confirm);
    // Whoever cannot see that it answers cannot see that it is helped.
    let unseen = |it: &mut Site| it.instances[0].target.agent = Agent::Unknown;
    assert_eq!(readiness(unseen), Readiness::Unknown);
    // Two executions would take the volume from each other.
    assert_eq!(readiness(|it| it.executions = unread()), Readiness::Unknown);
    let confirmed = readiness(|it| described(it).has_reserved_capacity = false);
    assert_eq!(confirmed, Readiness::Confirm);
    assert!(confirmed.may_start() && !Readiness::Unknown.may_start());
    assert_eq!(readiness(|it| it.groups = Ok([].into())), Readiness::Unknown);
}
