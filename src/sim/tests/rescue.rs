//! AWS's two runbooks, acting on instances, volumes and the group of a world.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use super::client::{form, json as ask};
use crate::sim::{Sim, World, ids};

const RESCUE: &str = "AWSSupport-StartEC2RescueWorkflow";

/// Index 0 is in service, the others are in Standby and do not boot.
const WORLD: &str = r#"
speed = 5000.0

[[group]]
name = "win"
size = 6
platform = "Windows"
max = 20
zones = ["us-east-1a", "us-east-1b", "us-east-1c"]

[[group.instance]]
index = 1
lifecycle = "Standby"
impaired = true

[[group.instance]]
index = 2
lifecycle = "Standby"
impaired = true
product_codes = ["abc"]

[[group.instance]]
index = 3
lifecycle = "Standby"
impaired = true
encrypted = true

[[group.instance]]
index = 4
lifecycle = "Standby"
impaired = true
root = "instance-store"

[[group.instance]]
index = 5
lifecycle = "Standby"
impaired = true
zone = "us-east-1c"
stop_protection = true

[[group]]
name = "web"
size = 2

[[group.instance]]
index = 1
ping = "ConnectionLost"
"#;

/// `get-childitem -`, which is what the published one-liner begins with.
const SCRIPT: &str = "Z2V0LWNoaWxkaXRlbSAt";
/// `ge`, in UTF-16.
const UTF_16: &str = "ZwBlAA==";

fn start(more: &str) -> Sim {
    start_in(Path::new("w.toml"), more)
}

fn start_in(origin: &Path, more: &str) -> Sim {
    let world = World::parse(&format!("{WORLD}{more}"), origin).unwrap();
    Sim::start(world, ([127, 0, 0, 1], 0).into()).unwrap()
}

fn win(index: usize) -> String {
    ids::instance_id(1, "win", index)
}

fn call(sim: &Sim, operation: &str, body: &Value) -> Value {
    ask(sim, &format!("AmazonSSM.{operation}"), &body.to_string()).unwrap().json()
}

/// Runs a runbook to its end, and returns its execution.
fn run(sim: &Sim, document: &str, parameters: &Value) -> Value {
    let request = json!({ "DocumentName": document, "Parameters": parameters });
    let started = call(sim, "StartAutomationExecution", &request);
    let id = started["AutomationExecutionId"].as_str().unwrap_or_else(|| panic!("{started}"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let body = json!({ "AutomationExecutionId": id });
        let found = call(sim, "GetAutomationExecution", &body)["AutomationExecution"].clone();
        let status = found["AutomationExecutionStatus"].as_str().unwrap();
        if !["Pending", "InProgress"].contains(&status) {
            return found;
        }
        assert!(std::time::Instant::now() < deadline, "{found}");
        std::thread::yield_now();
    }
}

fn rescue(sim: &Sim, index: usize, more: &Value) -> Value {
    let mut parameters = json!({ "InstanceId": [win(index)], "OfflineScript": [SCRIPT] });
    for (name, value) in more.as_object().unwrap() {
        parameters[name.as_str()] = value.clone();
    }
    run(sim, RESCUE, &parameters)
}

/// The step that failed, its FailureType, and its message.
fn failure(execution: &Value) -> (String, String, String) {
    let steps = execution["StepExecutions"].as_array().unwrap();
    let failed = steps.iter().find(|it| it["FailureMessage"].is_string()).expect("one has failed");
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    (
        text(&failed["StepName"]),
        text(&failed["FailureDetails"]["FailureType"]),
        text(&failed["FailureMessage"]),
    )
}

fn ec2(sim: &Sim, operation: &str, parameters: &str) -> String {
    form(sim, &format!("Action={operation}&Version=2016-11-15{parameters}")).unwrap().body
}

/// What hangs on an instance: its devices, each with DeleteOnTermination.
fn devices(sim: &Sim, id: &str) -> BTreeMap<String, bool> {
    let body = ec2(sim, "DescribeInstances", &format!("&InstanceId.1={id}"));
    let text = |part: &str, name: &str| {
        let (_, rest) = part.split_once(&format!("<{name}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let parts = body.split("<item><deviceName>").skip(1).map(|it| format!("<deviceName>{it}"));
    parts.map(|it| (text(&it, "deviceName"), text(&it, "deleteOnTermination") == "true")).collect()
}

fn state(sim: &Sim, id: &str) -> String {
    let body = ec2(sim, "DescribeInstances", &format!("&InstanceId.1={id}"));
    let (_, rest) = body.split_once("<instanceState>").unwrap();
    rest.split("<name>").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

/// The helpers that have not been terminated.
fn helpers(sim: &Sim) -> usize {
    let filters = "&Filter.1.Name=tag:Name&Filter.1.Value.1=AWSSupport-EC2Rescue*\
                   &Filter.2.Name=instance-state-name&Filter.2.Value.1=running\
                   &Filter.2.Value.2=stopped";
    ec2(sim, "DescribeInstances", filters).matches("<instanceId>").count()
}

fn root() -> BTreeMap<String, bool> {
    BTreeMap::from([("/dev/sda1".to_owned(), true)])
}

#[test]
fn a_rescued_instance_is_back_as_it_was_and_boots() {
    let outputs = "[[runbook]]\ndocument = \"AWSSupport-*\"\n[[runbook.step]]\n\
                   name = \"runScriptForWindows\"\noutputs = { Output = \"F291 end ok n=1\" }\n";
    let sim = start(outputs);
    let backup = json!({ "CreatePreEC2RescueBackup": ["True"] });
    let found = rescue(&sim, 1, &backup);
    assert_eq!(found["AutomationExecutionStatus"], "Success", "{found}");
    assert_eq!(found["Outputs"]["runScriptForWindows.Output"], json!(["F291 end ok n=1"]));
    let image = found["Outputs"]["preScriptBackup.ImageId"][0].as_str().unwrap();
    assert!(image.starts_with("ami-"), "{image}");
    let told = ec2(&sim, "DescribeImages", &format!("&ImageId.1={image}&Owner.1=self"));
    assert!(told.contains(&format!("-{}</name>", win(1))), "{told}");
    assert!(
        told.contains("<productCodes/>") || told.contains("<productCodes></productCodes>"),
        "{told}"
    );
    let snapshot = image.replacen("ami-", "snap-", 1);
    let told = ec2(&sim, "DescribeSnapshots", &format!("&SnapshotId.1={snapshot}"));
    assert!(told.contains(&format!("Created by CreateImage({}) for {image}", win(1))), "{told}");
    assert_eq!((devices(&sim, &win(1)), state(&sim, &win(1)).as_str()), (root(), "running"));
    assert_eq!(helpers(&sim), 0);
    let nodes = call(
        &sim,
        "DescribeInstanceInformation",
        &json!({ "Filters": [{ "Key": "InstanceIds", "Values": [win(1)] }] }),
    );
    assert_eq!(nodes["InstanceInformationList"][0]["PingStatus"], "Online");
    let counted = super::client::send(&sim, "GET", "/_fleet/stats", &[], b"").unwrap().json();
    assert_eq!(counted["executions"][win(1)][RESCUE], 1);
}

#[test]
fn utf_16_does_no_harm_and_no_good() {
    let sim = start("");
    let found = rescue(&sim, 1, &json!({ "OfflineScript": [UTF_16] }));
    assert_eq!(found["AutomationExecutionStatus"], "Success");
    let output = found["Outputs"]["runScriptForWindows.Output"][0].as_str().unwrap();
    assert!(output.contains("The term 'g' is not recognized"), "{output}");
    assert_eq!(devices(&sim, &win(1)), root());
    let status = ec2(&sim, "DescribeInstanceStatus", &format!("&InstanceId.1={}", win(1)));
    assert!(!status.contains("<status>ok</status></item><item>"), "{status}");
    let nodes = call(
        &sim,
        "DescribeInstanceInformation",
        &json!({ "Filters": [{ "Key": "InstanceIds", "Values": [win(1)] }] }),
    );
    assert_eq!(nodes["InstanceInformationList"][0]["PingStatus"], "ConnectionLost");
}

#[test]
fn what_cannot_be_rescued_fails_before_it_is_stopped() {
    let sim = start("");
    for (index, more, step) in [
        (2, json!({}), "validateInputs"),
        (3, json!({}), "assertRootVolumeIsNotEncrypted"),
        (4, json!({}), "assertRootVolumeIsEbs"),
        (5, json!({}), "stopInstance"),
        (1, json!({ "SubnetId": ["subnet-0123456789abcdef0"] }), "describeSubnet"),
    ] {
        let found = rescue(&sim, index, &more);
        let (failed, _, message) = failure(&found);
        assert_eq!(
            (failed.as_str(), &found["AutomationExecutionStatus"]),
            (step, &json!("Failed")),
            "{message}"
        );
        assert_eq!(state(&sim, &win(index)), "running", "{step}");
        assert_eq!(helpers(&sim), 0, "{step}");
    }
    let found = rescue(&sim, 3, &json!({ "AllowEncryptedVolume": ["True"] }));
    assert_eq!(found["AutomationExecutionStatus"], "Success", "{found}");
}

#[test]
fn a_helper_that_reaches_nothing_is_waited_for_in_vain() {
    for network in ["internet = \"none\"", "default_egress = false"] {
        let sim = start(&format!("[network]\n{network}\n"));
        let found = rescue(&sim, 1, &json!({}));
        let (step, kind, _) = failure(&found);
        assert_eq!((step.as_str(), kind.as_str()), ("waitForHelperInstance", "Verification"));
        assert_eq!((state(&sim, &win(1)).as_str(), helpers(&sim)), ("running", 0));
    }
    let sim = start("[network]\nnot_offered = { \"us-east-1b\" = [\"t3.medium\"] }\n");
    assert_eq!(failure(&rescue(&sim, 1, &json!({}))).0, "launchHelperInstance");
    let other = json!({ "EC2RescueInstanceType": ["t3.large"] });
    assert_eq!(rescue(&sim, 1, &other)["AutomationExecutionStatus"], "Success");
}

#[test]
fn a_failure_after_the_stop_leaves_everything_where_it_is() {
    let at = |step: &str| {
        format!(
            "[[runbook]]\ndocument = \"{RESCUE}\"\n[[runbook.step]]\nname = \"{step}\"\n\
             status = \"Failed\"\n"
        )
    };
    let none = BTreeMap::new();
    let kept = BTreeMap::from([("/dev/sda1".to_owned(), false)]);
    for (step, expected, is_running, n_helpers) in [
        ("describeRootVolume", root(), true, 0),
        ("createRescueStack", root(), true, 0),
        ("waitForHelperInstance", root(), true, 0),
        ("stopInstance", root(), true, 0),
        ("installEC2Rescue", root(), false, 1),
        ("detachRootVolume", root(), false, 1),
        ("attachRootVolumeToHelper", none.clone(), false, 1),
        ("runScriptForWindows", none.clone(), false, 1),
        ("detachRootVolumeFromHelper", none.clone(), false, 1),
        ("reattachRootVolume", none, false, 1),
        ("restoreDeleteOnTermination", kept, false, 1),
        ("restoreInstanceState", root(), false, 1),
        ("deleteStack", root(), true, 1),
    ] {
        let sim = start(&at(step));
        let found = rescue(&sim, 1, &json!({}));
        assert_eq!(failure(&found).0, step);
        assert_eq!(found["AutomationExecutionStatus"], "Failed", "{step}");
        assert_eq!(devices(&sim, &win(1)), expected, "{step}");
        assert_eq!(state(&sim, &win(1)) == "running", is_running, "{step}");
        assert_eq!(helpers(&sim), n_helpers, "{step}");
        if step == "runScriptForWindows" {
            let stranded = "&Filter.1.Name=attachment.device&Filter.1.Value.1=xvdf";
            let volumes = ec2(&sim, "DescribeVolumes", stranded);
            assert_eq!(volumes.matches("<device>xvdf</device>").count(), 1, "{volumes}");
        }
    }
}

#[test]
fn a_member_in_service_is_replaced_while_it_is_stopped() {
    // Long enough for the group to notice.
    let slow = format!(
        "[[runbook]]\ndocument = \"{RESCUE}\"\n[[runbook.step]]\n\
         name = \"runScriptForWindows\"\nafter = \"5m\"\n"
    );
    let sim = start(&slow);
    let found = rescue(&sim, 0, &json!({}));
    assert_eq!(failure(&found).0, "reattachRootVolume", "{found}");
    assert_eq!(state(&sim, &win(0)), "terminated");
    let sim = start(&slow.replace("[[runbook]]", "[[runbook]]\ngroup = \"win\""));
    let suspend = "Action=SuspendProcesses&Version=2011-01-01&AutoScalingGroupName=win\
         &ScalingProcesses.member.1=ReplaceUnhealthy";
    form(&sim, suspend).unwrap();
    assert_eq!(rescue(&sim, 0, &json!({}))["AutomationExecutionStatus"], "Success");
    assert_eq!(state(&sim, &win(0)), "running");
}

#[test]
fn a_role_that_lacks_a_permission_fails_the_step_that_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let trust = r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"Service":"ssm.amazonaws.com"}}}"#;
    std::fs::write(folder.path().join("trust.json"), trust).unwrap();
    let arn = "arn:aws:iam::123456789012:role/rescue";
    for (lacking, step, operation) in [
        (
            "autoscaling:DescribeAutoScalingInstances",
            "validateInputs",
            "DescribeAutoScalingInstances",
        ),
        ("iam:TagRole", "createRescueStack", "TagRole"),
        ("ec2:CreateLaunchTemplate", "launchHelperInstance", "CreateLaunchTemplate"),
        ("ec2:DetachVolume", "detachRootVolume", "DetachVolume"),
        ("ec2:ModifyInstanceAttribute", "restoreDeleteOnTermination", "ModifyInstanceAttribute"),
    ] {
        let policy = format!(
            r#"{{"Statement":[{{"Effect":"Allow","NotAction":"{lacking}","Resource":"*"}}]}}"#
        );
        std::fs::write(folder.path().join("policy.json"), policy).unwrap();
        let role =
            "[[role]]\nname = \"rescue\"\ntrust = \"trust.json\"\npolicy = \"policy.json\"\n";
        let sim = start_in(&folder.path().join("w.toml"), role);
        let found = rescue(&sim, 1, &json!({ "AutomationAssumeRole": [arn] }));
        let (failed, kind, message) = failure(&found);
        assert_eq!((failed.as_str(), kind.as_str()), (step, "Permission"), "{message}");
        assert!(message.contains(&format!("when calling the {operation} operation")), "{message}");
        assert!(message.contains("assumed-role/rescue/Automation-"), "{message}");
    }
}

#[test]
fn ssh_is_troubleshot_where_the_agent_can_be_reached() {
    let sim = start("");
    let web = |index: usize| ids::instance_id(1, "web", index);
    let document = "AWSSupport-TroubleshootSSH";
    let online = run(&sim, document, &json!({ "InstanceId": [web(0)], "Action": ["FixAll"] }));
    assert_eq!(online["AutomationExecutionStatus"], "Success", "{online}");
    assert!(online["Outputs"]["troubleshootSSH.Output"][0].is_string());
    for (parameters, step) in [
        (json!({ "InstanceId": [win(0)] }), "assertInstanceIsLinux"),
        (json!({ "InstanceId": [web(1)], "Action": ["FixAll"] }), "assertAllowOffline"),
        (
            json!({ "InstanceId": [web(1)], "Action": ["FixAll"], "AllowOffline": ["True"] }),
            "troubleshootSSHOffline",
        ),
    ] {
        assert_eq!(failure(&run(&sim, document, &parameters)).0, step);
    }
    let refused = call(
        &sim,
        "StartAutomationExecution",
        &json!({ "DocumentName": document,
                 "Parameters": { "InstanceId": [web(0)], "Action": ["Fix"] } }),
    );
    assert_eq!(refused["__type"], "InvalidAutomationExecutionParametersException");
}

#[test]
fn a_new_vpc_does_not_take_a_security_group_of_another() {
    let sim = start("");
    let group = json!(["sg-0123456789abcdef0"]);
    let own = json!({ "SubnetId": ["CreateNewVPC"], "HelperInstanceSecurityGroupId": group });
    let execution = rescue(&sim, 1, &own);
    assert_eq!(execution["AutomationExecutionStatus"], "Failed");
    let (step, _, message) = failure(&execution);
    assert_eq!(step, "launchHelperInstance");
    let expected = "(InvalidParameter) when calling the RunInstances operation: Security group \
                    sg-0123456789abcdef0 and subnet subnet-";
    assert!(message.contains(expected), "{message}");
    // Either alone is played to its end.
    for own in
        [json!({ "SubnetId": ["CreateNewVPC"] }), json!({ "HelperInstanceSecurityGroupId": group })]
    {
        assert_eq!(rescue(&sim, 1, &own)["AutomationExecutionStatus"], "Success");
    }
}
