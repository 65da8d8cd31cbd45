"""Every operation's answer, held against botocore's model; and what the model does not say."""

import json

import model
from harness import by_group, check, equal, finished, holds, until

SHELL = "AWS-RunShellScript"
CONTENT = {
    "schemaVersion": "2.2",
    "description": "Says a word twice",
    "parameters": {
        "word": {"type": "String", "description": "What to say", "default": "hello",
                 "allowedPattern": "^[a-z]+$"},
        "words": {"type": "StringList", "default": ["a", "b"]},
    },
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "first",
         "inputs": {"runCommand": ["echo {{ word }}"]}},
        {"action": "aws:runShellScript", "name": "second",
         "inputs": {"runCommand": ["echo {{ word }}"]}},
    ],
}
YAML = """schemaVersion: '2.2'
mainSteps:
  - action: aws:runShellScript
    name: only
    inputs:
      runCommand: ['true']
"""


def run(worlds):
    world = worlds["plain"]
    ssm, sts, asg = (world.client(it) for it in ("ssm", "sts", "autoscaling"))
    web, windows = world.members("web"), world.members("win")
    commands(world, ssm, web, windows)
    documents(ssm)
    groups(world, asg)
    sessions(worlds, sts)
    unknown_operations(world)


def commands(world, ssm, web, windows):
    parameters = {"commands": ["true"], "executionTimeout": ["60"]}
    sent = None
    with check("SendCommand by ids: the answer fits the model, TargetCount is known at once"):
        sent = model.ask(ssm, "send_command", DocumentName=SHELL, InstanceIds=web[:3],
                         Parameters=parameters, Comment="by ids", TimeoutSeconds=60,
                         MaxConcurrency="50%", MaxErrors="1")["Command"]
        equal((sent["TargetCount"], sent["InstanceIds"], sent["Targets"]), (3, web[:3], []))
        equal(sent["Parameters"], parameters)
        equal((sent["Comment"], sent["MaxConcurrency"], sent["MaxErrors"], sent["TimeoutSeconds"]),
              ("by ids", "50%", "1", 60))
        equal((sent["Status"], sent["StatusDetails"]), ("Pending", "Pending"))
        equal(sent["DocumentVersion"], "$DEFAULT")
    with check("SendCommand has every filler that AWS has (§1.6)"):
        for name in ("OutputS3Region", "OutputS3BucketName", "OutputS3KeyPrefix", "ServiceRole"):
            equal(sent[name], "")
        equal(sent["NotificationConfig"],
              {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""})
        equal(sent["CloudWatchOutputConfig"],
              {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False})
        equal(sent["AlarmConfiguration"], {"IgnorePollAlarmFailure": False, "Alarms": []})
        equal(sent["TriggeredAlarms"], [])
    with check("§3.3 right after SendCommand the list is empty, and Get says it does not exist"):
        equal(model.ask(ssm, "list_command_invocations", CommandId=sent["CommandId"])
              ["CommandInvocations"], [])
        model.refused(ssm, "get_command_invocation", "InvocationDoesNotExist",
                      CommandId=sent["CommandId"], InstanceId=web[0])
    with check("SendCommand by tag: TargetCount 0 and no InstanceIds, Pending (§1.2)"):
        tagged = model.ask(ssm, "send_command", DocumentName=SHELL, Parameters=parameters,
                           Targets=by_group("web"), MaxErrors="100%")["Command"]
        equal((tagged["TargetCount"], tagged["InstanceIds"]), (0, []))
        equal(tagged["Targets"], by_group("web"))
    with check("SendCommand by Targets of InstanceIds, in either spelling, echoes it (C12)"):
        for key in ("InstanceIds", "instanceids"):
            found = model.ask(ssm, "send_command", DocumentName=SHELL, Parameters=parameters,
                              Targets=[{"Key": key, "Values": web[:2]}])["Command"]
            equal((found["Targets"][0]["Key"], found["TargetCount"]), (key, 0))
            equal(finished(ssm, found["CommandId"])["TargetCount"], 2)
    with check("SendCommand by several Targets: keys are ANDed, values ORed (§1.2)"):
        for targets, n in [
            ([{"Key": "tag:role", "Values": ["web", "x"]},
              {"Key": "tag:stage", "Values": ["blue"]}], 6),
            ([{"Key": "tag:role", "Values": ["web"]},
              {"Key": "tag:stage", "Values": ["green"]}], 0),
            ([{"Key": "tag-key", "Values": ["stage"]}], 6),
            (by_group("web", "win"), 8),
        ]:
            found = ssm.send_command(DocumentName=SHELL, Parameters=parameters, Targets=targets)
            command_id = found["Command"]["CommandId"]
            until(lambda: ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]
                  or ssm.list_commands(CommandId=command_id)["Commands"][0]["StatusDetails"]
                  == "NoInstancesInTag")
            found = ssm.list_commands(CommandId=command_id)["Commands"][0]
            equal(found["TargetCount"], n)
            ssm.cancel_command(CommandId=command_id)
    with check("SendCommand takes the ARN of a document, and answers its short name"):
        for arn in (f"arn:aws:ssm:{world.region}::document/{SHELL}",):
            found = model.ask(ssm, "send_command", DocumentName=arn, InstanceIds=web[:1],
                              Parameters=parameters)["Command"]
            equal(found["DocumentName"], SHELL)
    with check("SendCommand with every other member that it takes"):
        found = model.ask(
            ssm, "send_command", DocumentName=SHELL, InstanceIds=web[:1], Parameters=parameters,
            DocumentVersion="1", OutputS3KeyPrefix="prefix",
            ServiceRoleArn="arn:aws:iam::123456789012:role/sns",
            CloudWatchOutputConfig={"CloudWatchLogGroupName": "g", "CloudWatchOutputEnabled": True}
        )["Command"]
        equal(found["DocumentVersion"], "1")
        equal(found["CloudWatchOutputConfig"]["CloudWatchLogGroupName"], "g")
    with check("ListCommands: every command fits the model"):
        finished(ssm, sent["CommandId"])
        holds(len(model.ask(ssm, "list_commands")["Commands"]) > 5, "all of them")
    with check("ListCommands by id, instance, status, stage, document and time"):
        one = {"CommandId": sent["CommandId"]}
        def n(*filters, **more):
            answer = model.ask(ssm, "list_commands", Filters=[
                {"key": key, "value": value} for key, value in filters], **{**one, **more})
            return len(answer["Commands"])
        equal(n(("Status", "Incomplete")) + n(("Status", "Success")) + n(("Status", "Failed")), 1)
        equal([n(("ExecutionStage", "Complete")), n(("ExecutionStage", "Executing"))], [1, 0])
        equal([n(("DocumentName", SHELL)), n(("DocumentName", "x-y-z"))], [1, 0])
        equal([n(("InvokedAfter", "2020-01-01T00:00:00Z")),
               n(("InvokedBefore", "2020-01-01T00:00:00Z"))], [1, 0])
        equal(len(model.ask(ssm, "list_commands", InstanceId=web[2], **one)["Commands"]), 1)
        equal(len(model.ask(ssm, "list_commands", InstanceId=windows[0], **one)["Commands"]), 0)
    with check("ListCommandInvocations: without Details CommandPlugins is there and empty (§3.2)"):
        found = model.ask(ssm, "list_command_invocations", CommandId=sent["CommandId"])
        equal([it["CommandPlugins"] for it in found["CommandInvocations"]], [[]] * 3)
        times = {it["RequestedDateTime"] for it in found["CommandInvocations"]}
        equal(len(times), 3)
    with check("ListCommandInvocations: with Details, plugins and their output (§3.2)"):
        found = model.ask(ssm, "list_command_invocations", CommandId=sent["CommandId"],
                          Details=True, InstanceId=web[1])["CommandInvocations"]
        plugin = found[0]["CommandPlugins"][0]
        equal(plugin["Name"], "aws:runShellScript")
        equal(plugin["ResponseCode"], 3)
        equal(plugin["OutputS3Region"], world.region)
        equal(plugin["Output"], "out\n\n----------ERROR-------\nerr\n\nfailed to run commands: "
              "exit status 3")
        holds(plugin["ResponseStartDateTime"] < plugin["ResponseFinishDateTime"], plugin)
    with check("ListCommandInvocations of an unknown command: 200, and empty (§3.1)"):
        equal(model.ask(ssm, "list_command_invocations",
                        CommandId="0" * 36)["CommandInvocations"], [])
    with check("ListCommands of an unknown command"):
        equal(model.ask(ssm, "list_commands", CommandId="0" * 36)["Commands"], [])
    with check("GetCommandInvocation: output, times as text, a duration (§3.2)"):
        found = model.ask(ssm, "get_command_invocation", CommandId=sent["CommandId"],
                          InstanceId=web[1])
        equal((found["StandardOutputContent"], found["ResponseCode"]), ("out\n", 3))
        equal(found["StandardErrorContent"], "err\n\nfailed to run commands: exit status 3")
        equal(found["PluginName"], "aws:runShellScript")
        holds(found["ExecutionStartDateTime"].endswith("Z"), found)
        equal(model.ask(ssm, "get_command_invocation", CommandId=sent["CommandId"],
                        InstanceId=web[1], PluginName="aws:runShellScript")["Status"], "Failed")
    with check("GetCommandInvocation of one that runs: no output, no end, ResponseCode -1"):
        slow = ssm.send_command(DocumentName=SHELL, Parameters=parameters | {
            "executionTimeout": ["7200"]}, Targets=by_group("slow"))["Command"]["CommandId"]
        running = until(lambda: [it for it in ssm.list_command_invocations(
            CommandId=slow)["CommandInvocations"] if it["Status"] == "InProgress"])[0]
        found = until(lambda: (it := model.ask(
            ssm, "get_command_invocation", CommandId=slow, InstanceId=running["InstanceId"]))
            ["ExecutionStartDateTime"] and it)
        equal((found["ResponseCode"], found["ExecutionEndDateTime"],
               found["ExecutionElapsedTime"], found["StandardOutputContent"]), (-1, "", "", ""))
        model.ask(ssm, "list_command_invocations", CommandId=slow, Details=True)
    with check("CancelCommand: an empty answer, for one instance and for all"):
        for more in ({"InstanceIds": [running["InstanceId"]]}, {}):
            found = model.ask(ssm, "cancel_command", CommandId=slow, **more)
            equal(set(found), {"ResponseMetadata"})
        equal(finished(ssm, slow)["Status"], "Cancelled")
    with check("CancelCommand of a command that is over changes nothing (D14)"):
        before = ssm.list_commands(CommandId=sent["CommandId"])["Commands"]
        model.ask(ssm, "cancel_command", CommandId=sent["CommandId"])
        equal(ssm.list_commands(CommandId=sent["CommandId"])["Commands"], before)
    with check("DescribeInstanceInformation: nodes that registered, and no others (§6.1)"):
        found = model.ask(ssm, "describe_instance_information", MaxResults=50)
        ids = {it["InstanceId"] for it in found["InstanceInformationList"]}
        equal((web[5] in ids, web[6] in ids, len(ids)), (False, True, 11))
    with check("DescribeInstanceInformation by each filter"):
        def n(key, *values):
            found = model.ask(ssm, "describe_instance_information", MaxResults=50,
                              Filters=[{"Key": key, "Values": list(values)}])
            return len(found["InstanceInformationList"])
        equal([n("PingStatus", "ConnectionLost"), n("PingStatus", "Online")], [1, 10])
        equal([n("PlatformTypes", "Windows"), n("PlatformTypes", "Linux", "Windows")], [2, 11])
        equal([n("InstanceIds", web[0], web[6]), n("ResourceType", "EC2Instance")], [2, 11])
        equal([n("tag:role", "web"), n("tag-key", "role"), n("tag:role", "x")], [6, 6, 0])
        equal(n("InstanceIds", web[5]), 0)  # it exists, and is not managed
        equal([n("ActivationIds", "a"), n("AssociationStatus", "Success")], [0, 0])
        found = model.ask(ssm, "describe_instance_information", InstanceInformationFilterList=[
            {"key": "PingStatus", "valueSet": ["ConnectionLost"]}])
        equal(len(found["InstanceInformationList"]), 1)


def documents(ssm):
    with check("CreateDocument: the description fits the model, Creating, version 1 (§6.2)"):
        found = model.ask(ssm, "create_document", Name="two-steps", Content=json.dumps(CONTENT),
                          DocumentType="Command", TargetType="/AWS::EC2::Instance",
                          VersionName="one", Tags=[{"Key": "team", "Value": "edge"}]
                          )["DocumentDescription"]
        equal((found["Status"], found["DocumentVersion"], found["DefaultVersion"],
               found["LatestVersion"]), ("Creating", "1", "1", "1"))
        equal([it["Type"] for it in found["Parameters"]], ["String", "StringList"])
        equal((found["HashType"], len(found["Hash"])), ("Sha256", 64))
        equal(found["PlatformTypes"], ["Linux", "MacOS"])
    with check("SendCommand needs the document Active, which it is after a while (§6.2)"):
        model.refused(ssm, "send_command", "InvalidDocument", DocumentName="two-steps",
                      Targets=by_group("nobody"))
        until(lambda: ssm.describe_document(Name="two-steps")["Document"]["Status"] == "Active")
        model.ask(ssm, "send_command", DocumentName="two-steps", Targets=by_group("nobody"),
                  DocumentHash=found["Hash"], DocumentHashType="Sha256")
    with check("GetCommandInvocation of one of several steps, and of none (D13)"):
        sent = ssm.send_command(DocumentName="two-steps", Targets=by_group("slow"))["Command"]
        one = until(lambda: ssm.list_command_invocations(
            CommandId=sent["CommandId"])["CommandInvocations"])[0]["InstanceId"]
        found = model.ask(ssm, "get_command_invocation", CommandId=sent["CommandId"],
                          InstanceId=one, PluginName="second")
        equal(found["PluginName"], "second")
        found = model.ask(ssm, "get_command_invocation", CommandId=sent["CommandId"],
                          InstanceId=one)
        equal((found["PluginName"], found["StandardOutputContent"]), ("", ""))
        found = model.ask(ssm, "list_command_invocations", CommandId=sent["CommandId"],
                          Details=True)["CommandInvocations"][0]
        equal([it["Name"] for it in found["CommandPlugins"]], ["first", "second"])
        ssm.cancel_command(CommandId=sent["CommandId"])
    with check("DescribeDocument by version and by version's name"):
        for more in ({}, {"DocumentVersion": "1"}, {"DocumentVersion": "$LATEST"},
                     {"DocumentVersion": "$DEFAULT"}, {"VersionName": "one"}):
            found = model.ask(ssm, "describe_document", Name="two-steps", **more)["Document"]
            equal((found["DocumentVersion"], found["VersionName"]), ("1", "one"))
    with check("DescribeDocument of AWS's own: Amazon owns it"):
        for name in (SHELL, "AWS-RunPowerShellScript", f"arn:aws:ssm:us-east-1::document/{SHELL}"):
            found = model.ask(ssm, "describe_document", Name=name)["Document"]
            equal((found["Owner"], found["DocumentType"], found["Status"]),
                  ("Amazon", "Command", "Active"))
        equal(found["SchemaVersion"], "1.2")
    with check("GetDocument: as it was stored, and converted to the other format"):
        found = model.ask(ssm, "get_document", Name="two-steps")
        equal(found["Content"], json.dumps(CONTENT))
        found = model.ask(ssm, "get_document", Name="two-steps", DocumentFormat="YAML")
        holds("mainSteps:" in found["Content"] and "{{ word }}" in found["Content"], found)
    with check("UpdateDocument: a new version that is not the default (§6.2)"):
        changed = json.dumps(CONTENT | {"description": "changed"})
        found = model.ask(ssm, "update_document", Name="two-steps", Content=changed,
                          DocumentVersion="$LATEST", VersionName="two")["DocumentDescription"]
        equal((found["DocumentVersion"], found["LatestVersion"], found["DefaultVersion"],
               found["Status"]), ("2", "2", "1", "Updating"))
        equal(ssm.describe_document(Name="two-steps")["Document"]["DocumentVersion"], "1")
    with check("UpdateDocumentDefaultVersion moves the default"):
        found = model.ask(ssm, "update_document_default_version", Name="two-steps",
                          DocumentVersion="2")["Description"]
        equal((found["Name"], found["DefaultVersion"]), ("two-steps", "2"))
        equal(ssm.describe_document(Name="two-steps")["Document"]["DocumentVersion"], "2")
    with check("CreateDocument in YAML, read back as JSON"):
        model.ask(ssm, "create_document", Name="in-yaml", Content=YAML, DocumentFormat="YAML",
                  DocumentType="Command")
        found = model.ask(ssm, "get_document", Name="in-yaml")
        equal(json.loads(found["Content"])["mainSteps"][0]["name"], "only")
        equal(model.ask(ssm, "get_document", Name="in-yaml", DocumentFormat="YAML")["Content"],
              YAML)
    with check("ListDocuments by each filter, new and old"):
        def names(*filters):
            found = model.ask(ssm, "list_documents", Filters=[
                {"Key": key, "Values": values} for key, values in filters])
            return {it["Name"] for it in found["DocumentIdentifiers"]}
        equal(names(("Owner", ["Self"])), {"two-steps", "in-yaml"})
        runbooks = {"AWSSupport-StartEC2RescueWorkflow", "AWSSupport-TroubleshootSSH"}
        equal(names(("Owner", ["Amazon"])), {SHELL, "AWS-RunPowerShellScript"} | runbooks)
        equal(names(("Name", ["two-"])), {"two-steps"})
        equal(names(("PlatformTypes", ["Windows"])), {"AWS-RunPowerShellScript"} | runbooks)
        equal(names(("tag:team", ["edge"])), {"two-steps"})
        equal(names(("TargetType", ["/AWS::EC2::Instance"]), ("Owner", ["Self"])), {"two-steps"})
        equal(names(("DocumentType", ["Automation"])), runbooks)
        found = model.ask(ssm, "list_documents",
                          DocumentFilterList=[{"key": "Name", "value": "in-yaml"}])
        equal(len(found["DocumentIdentifiers"]), 1)
    with check("DeleteDocument: an empty answer; one version, then all"):
        equal(set(model.ask(ssm, "delete_document", Name="two-steps", DocumentVersion="1")),
              {"ResponseMetadata"})
        model.refused(ssm, "describe_document", "InvalidDocumentVersion", Name="two-steps",
                      DocumentVersion="1")
        model.ask(ssm, "delete_document", Name="two-steps")
        model.ask(ssm, "delete_document", Name="in-yaml")
        model.refused(ssm, "describe_document", "InvalidDocument", Name="two-steps")


def groups(world, asg):
    with check("DescribeAutoScalingGroups: every group fits the model"):
        found = model.ask(asg, "describe_auto_scaling_groups")["AutoScalingGroups"]
        equal([it["AutoScalingGroupName"] for it in found], ["slow", "web", "win"])
        equal([it["LifecycleState"] for it in found[1]["Instances"]],
              ["InService"] * 6 + ["Standby"])
    with check("DescribeAutoScalingGroups by name, by filter, without instances"):
        def names(**more):
            found = model.ask(asg, "describe_auto_scaling_groups", **more)["AutoScalingGroups"]
            return [it["AutoScalingGroupName"] for it in found]
        equal(names(AutoScalingGroupNames=["web", "nobody"]), ["web"])  # silently omitted
        equal(names(Filters=[{"Name": "tag-key", "Values": ["role"]}]), ["web"])
        equal(names(Filters=[{"Name": "tag-value", "Values": ["blue"]}]), ["web"])
        equal(names(Filters=[{"Name": "tag:role", "Values": ["web", "x"]},
                             {"Name": "tag:stage", "Values": ["red"]}]), [])
        found = model.ask(asg, "describe_auto_scaling_groups", IncludeInstances=False)
        equal([it["Instances"] for it in found["AutoScalingGroups"]], [[]] * 3)
    with check("DescribeAutoScalingInstances: every instance fits the model, unknown ones ignored"):
        ids = world.members("web")
        found = model.ask(asg, "describe_auto_scaling_instances",
                          InstanceIds=[*ids, "i-0123456789abcdef0"])["AutoScalingInstances"]
        equal({it["InstanceId"] for it in found}, set(ids))
        equal({it["AutoScalingGroupName"] for it in found}, {"web"})


def sessions(worlds, sts):
    with check("GetCallerIdentity fits the model"):
        model.ask(sts, "get_caller_identity")
    scoped = worlds["scoped-role"].client("sts")
    role = "arn:aws:iam::000000000000:role/aaa-IamRoleSendCommand-aaa"
    with check("AssumeRole fits the model, with a policy, tags and a source of its own as well"):
        found = model.ask(scoped, "assume_role", RoleArn=role, RoleSessionName="plain")
        holds("PackedPolicySize" not in found, "nothing was packed")
        found = model.ask(
            scoped, "assume_role", RoleArn=role, RoleSessionName="narrowed", DurationSeconds=900,
            Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
                   '"Action":"ssm:ListCommandInvocations","Resource":"*"}]}')
        holds(0 < found["PackedPolicySize"] <= 100, found)
        keys = found["Credentials"]
    keys = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    with check("a session policy narrows: SendCommand is refused, with the policy's own reason"):
        ssm = worlds["scoped-role"].client("ssm", keys)
        model.ask(ssm, "list_command_invocations")
        model.refused(ssm, "send_command", "AccessDeniedException",
                      r".* because no session policy allows the ssm:SendCommand action",
                      DocumentName="aaa-SsmDocument-aaa", Targets=by_group("nobody"))
    with check("GetCallerIdentity of a session fits the model"):
        found = model.ask(worlds["scoped-role"].client("sts", keys), "get_caller_identity")
        equal(found["Arn"].rpartition("/")[2], "narrowed")


def unknown_operations(world):
    for service, method, code, more in [
        ("ssm", "describe_maintenance_windows", "UnknownOperationException", {}),
        ("ssm", "put_parameter", "UnknownOperationException",
         {"Name": "a", "Value": "b", "Type": "String"}),
        ("ssm", "send_automation_signal", "UnknownOperationException",
         {"AutomationExecutionId": "0" * 36, "SignalType": "Resume"}),
        ("sts", "get_session_token", "InvalidAction", {}),
        ("autoscaling", "delete_auto_scaling_group", "InvalidAction",
         {"AutoScalingGroupName": "web"}),
        ("ec2", "terminate_instances", None, {"InstanceIds": ["i-0123456789abcdef0"]}),
    ]:
        with check(f"{service}:{method} is not there: refused, in AWS's shape"):
            client = world.client(service)
            try:
                getattr(client, method)(**more)
            except client.exceptions.ClientError as error:
                found = error.response["Error"]["Code"]
                holds(code is None or found == code, error)
                holds("not implemented by this simulator" in error.response["Error"]["Message"],
                      error)
                holds(found in model.UNMODELLED[
                    {"ssm": "ssm", "ec2": "ec2"}.get(service, "query")], error)
                holds(error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error)
            else:
                raise AssertionError("it was answered")
