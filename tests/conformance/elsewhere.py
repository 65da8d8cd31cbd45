"""What a command names of other services, and documents that accounts share."""

import model
from harness import by_group, check, equal, finished, holds, invocations

SHELL = "AWS-RunShellScript"
THEIRS = "arn:aws:ssm:us-east-1:210987654321:document/their-document"
ROLE = "arn:aws:iam::123456789012:role/notify"


def run(worlds):
    world = worlds["elsewhere"]
    ssm = world.client("ssm")
    alarms(ssm)
    described(world)
    outputs(ssm, world.members("web")[0])
    resource_groups(ssm)
    sharing(ssm)


def send(ssm, **more):
    request = {"DocumentName": SHELL, "Parameters": {"commands": ["true"]},
               "Targets": by_group("web")} | more
    if "InstanceIds" in request:
        del request["Targets"]
    if request["DocumentName"] != SHELL:
        del request["Parameters"]
    return model.ask(ssm, "send_command", **request)["Command"]


def alarms(ssm):
    def alarm(name, ignored=False):
        return {"Alarms": [{"Name": name}], "IgnorePollAlarmFailure": ignored}

    # The first command: the alarm turns three seconds after it.
    with check("AlarmConfiguration: an alarm that turns stops what is pending (§1.10)"):
        sent = send(ssm, AlarmConfiguration=alarm("turning"), MaxConcurrency="1")
        equal((sent["AlarmConfiguration"], sent["TriggeredAlarms"]), (alarm("turning"), []))
        found = finished(ssm, sent["CommandId"])
        equal(found["TriggeredAlarms"], [{"Name": "turning", "State": "ALARM"}])
        equal(sorted(it["StatusDetails"] for it in invocations(ssm, sent["CommandId"])),
              ["Cancelled", "Cancelled", "Success"])
    for name, ignored, status, state in [
        ("quiet", False, "Success", None), ("loud", False, "Cancelled", "ALARM"),
        ("absent", False, "Cancelled", "UNKNOWN"), ("absent", True, "Success", None),
    ]:
        ignoring = ", which may be unreadable," if ignored else ""
        with check(f"AlarmConfiguration: the alarm {name}{ignoring} makes the command {status}"):
            sent = send(ssm, AlarmConfiguration=alarm(name, ignored))
            found = finished(ssm, sent["CommandId"])
            equal((found["Status"], [it["State"] for it in found["TriggeredAlarms"]]),
                  (status, [state] if state else []))


# Those of the SDKs of today, of boto3 today, and of the SDKs of before.
PROTOCOLS = ["smithy-rpc-v2-cbor", "json", "query"]


def described(world):
    for protocol in PROTOCOLS:
        cloudwatch = world.client("cloudwatch", protocol=protocol)
        equal(cloudwatch.meta.service_model.resolved_protocol, protocol)
        ask = lambda **more: model.ask(cloudwatch, "describe_alarms", **more)
        with check(f"DescribeAlarms by {protocol}: the alarms of the account, by name and by state"):
            equal([it["AlarmName"] for it in ask()["MetricAlarms"]], ["loud", "quiet", "turning"])
            found = ask(AlarmNames=["loud", "nobody"])["MetricAlarms"]
            equal([(it["AlarmName"], it["StateValue"]) for it in found], [("loud", "ALARM")])
            equal([it["AlarmName"] for it in ask(StateValue="OK")["MetricAlarms"]], ["quiet"])
            equal(ask(AlarmTypes=["CompositeAlarm", "LogAlarm"])["MetricAlarms"], [])
        with check(f"DescribeAlarms by {protocol}: the paginator sees every alarm once"):
            pages = cloudwatch.get_paginator("describe_alarms").paginate(
                PaginationConfig={"PageSize": 2})
            equal([it["AlarmName"] for page in pages for it in page["MetricAlarms"]],
                  ["loud", "quiet", "turning"])
        with check(f"DescribeAlarms by {protocol}: every error in its shape"):
            model.refused(cloudwatch, "describe_alarms", "InvalidNextToken", NextToken="x")
            model.refused(cloudwatch, "describe_alarms", "ValidationError",
                          "1 validation error detected: Value '101' at 'maxRecords' .*",
                          MaxRecords=101)
            model.refused(cloudwatch, "describe_alarms", "ValidationError", None,
                          AlarmNames=["a"], AlarmNamePrefix="a")
            model.refused(cloudwatch, "put_dashboard", "InvalidAction", ".* is not implemented .*",
                          DashboardName="a", DashboardBody="{}")


def outputs(ssm, one):
    with check("OutputS3BucketName: the URLs are where the agent puts the output (§1.8)"):
        sent = send(ssm, InstanceIds=[one], OutputS3BucketName="fleet-output",
                    OutputS3KeyPrefix="runs", OutputS3Region="eu-west-1")
        equal((sent["OutputS3BucketName"], sent["OutputS3KeyPrefix"]), ("fleet-output", "runs"))
        finished(ssm, sent["CommandId"])
        found = invocations(ssm, sent["CommandId"], Details=True)[0]
        folder = f"runs/{sent['CommandId']}/{one}/awsrunShellScript"
        url = f"https://s3.us-east-1.amazonaws.com/fleet-output/{folder}/0.awsrunShellScript/"
        equal((found["StandardOutputUrl"], found["StandardErrorUrl"]),
              (f"{url}stdout", f"{url}stderr"))
        equal(found["CommandPlugins"][0]["OutputS3KeyPrefix"], folder)
        found = model.ask(ssm, "get_command_invocation", CommandId=sent["CommandId"],
                          InstanceId=one)
        equal(found["StandardOutputUrl"], f"{url}stdout")
    with check("CloudWatchOutputConfig and NotificationConfig are echoed, also by invocations"):
        logs = {"CloudWatchLogGroupName": "/fleet/runs", "CloudWatchOutputEnabled": True}
        notify = {"NotificationArn": "arn:aws:sns:us-east-1:123456789012:ops",
                  "NotificationEvents": ["Failed"], "NotificationType": "Invocation"}
        sent = send(ssm, InstanceIds=[one], CloudWatchOutputConfig=logs,
                    NotificationConfig=notify, ServiceRoleArn=ROLE)
        finished(ssm, sent["CommandId"])
        for found in (sent, invocations(ssm, sent["CommandId"])[0]):
            equal((found["CloudWatchOutputConfig"], found["NotificationConfig"],
                   found["ServiceRole"]), (logs, notify, ROLE))
    with check("NotificationConfig without a role is InvalidRole"):
        model.refused(ssm, "send_command", "InvalidRole", DocumentName=SHELL, InstanceIds=[one],
                      Parameters={"commands": ["true"]}, NotificationConfig=notify)


def resource_groups(ssm):
    for targets, n, details in [
        ([{"Key": "resource-groups:Name", "Values": ["nodes"]}], 3, "Success"),
        ([{"Key": "resource-groups:Name", "Values": ["absent"]}], 0, "NoInstancesInTag"),
        ([{"Key": "resource-groups:Name", "Values": ["nodes"]},
          {"Key": "resource-groups:ResourceTypeFilters", "Values": ["AWS::EC2::Instance"]}],
         3, "Success"),
        ([{"Key": "resource-groups:ResourceTypeFilters", "Values": ["AWS::EC2::VPC"]}],
         0, "NoInstancesInTag"),
    ]:
        with check(f"Targets {[it['Key'] + '=' + it['Values'][0] for it in targets]}: {details}"):
            found = finished(ssm, send(ssm, Targets=targets)["CommandId"])
            equal((found["TargetCount"], found["StatusDetails"]), (n, details))
    with check("Targets with two resource groups are refused"):
        model.refused(ssm, "send_command", "ValidationException", DocumentName=SHELL, Targets=[
            {"Key": "resource-groups:Name", "Values": ["a", "b"]}])


def sharing(ssm):
    with check("a shared document is its owner's, has its ARN for a name, and can be sent"):
        found = model.ask(ssm, "describe_document", Name=THEIRS)["Document"]
        equal((found["Name"], found["Owner"]), (THEIRS, "210987654321"))
        found = model.ask(ssm, "list_documents", Filters=[{"Key": "Owner", "Values": ["Private"]}])
        holds(THEIRS in [it["Name"] for it in found["DocumentIdentifiers"]], found)
        equal(send(ssm, DocumentName=THEIRS)["DocumentName"], "their-document")
    with check("a shared document without its ARN is InvalidDocument"):
        model.refused(ssm, "describe_document", "InvalidDocument", Name="their-document")
        model.refused(ssm, "send_command", "InvalidDocument", DocumentName="their-document",
                      Targets=by_group("web"))
    content = '{"schemaVersion":"2.2","description":"%s","mainSteps":[{"action":' \
              '"aws:runShellScript","name":"run","inputs":{"runCommand":["true"]}}]}'
    with check("ListDocumentVersions: every version with its names, by pages, newest first"):
        model.ask(ssm, "create_document", Name="ours", Content=content % 1,
                  DocumentType="Command", DisplayName="Our own", VersionName="first")
        for n in (2, 3):
            model.ask(ssm, "update_document", Name="ours", Content=content % n,
                      DocumentVersion="$LATEST")
        pages = ssm.get_paginator("list_document_versions").paginate(
            Name="ours", PaginationConfig={"PageSize": 2})
        found = [it for page in pages for it in page["DocumentVersions"]]
        equal([(it["DocumentVersion"], it["IsDefaultVersion"], it.get("VersionName"))
               for it in found], [("3", False, None), ("2", False, None), ("1", True, "first")])
        equal({it["DisplayName"] for it in found}, {"Our own"})
    with check("ModifyDocumentPermission and DescribeDocumentPermission: shared, and no more"):
        share = {"Name": "ours", "PermissionType": "Share"}
        equal(set(model.ask(ssm, "modify_document_permission", AccountIdsToAdd=["210987654321"],
                            SharedDocumentVersion="$LATEST", **share)), {"ResponseMetadata"})
        found = model.ask(ssm, "describe_document_permission", **share)
        equal((found["AccountIds"], found["AccountSharingInfoList"]),
              (["210987654321"],
               [{"AccountId": "210987654321", "SharedDocumentVersion": "$LATEST"}]))
        model.refused(ssm, "delete_document", "InvalidDocumentOperation",
                      "You attempted to delete a document while it is still shared. .*",
                      Name="ours")
        ssm.modify_document_permission(AccountIdsToRemove=["210987654321"], **share)
        model.ask(ssm, "delete_document", Name="ours")
    with check("a document of somebody else is not shared on, nor is it said with whom it is"):
        share = {"Name": SHELL, "PermissionType": "Share"}
        model.refused(ssm, "modify_document_permission", "InvalidDocument", **share)
        model.refused(ssm, "describe_document_permission", "InvalidDocumentOperation", **share)
