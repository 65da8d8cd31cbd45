"""Each synchronous error that the simulator can answer (aws-facts §1.5, §3, §4.3, §5, §6): its code
is modelled on the operation or documented, its type in boto3 is the modelled one, its status and
members are the model's, and its sentence is AWS's where AWS's is known.
"""

import json

import model
from harness import by_group, check, equal, finished, holds, until

SHELL = "AWS-RunShellScript"
TRUE = {"commands": ["true"]}
STEP = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["true"]}}
COMMAND = {"schemaVersion": "2.2", "mainSteps": [STEP]}
OLD = {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [
    {"id": "0.aws:runShellScript", "runCommand": ["true"]}]}}}
AUTOMATION = {"schemaVersion": "0.3", "mainSteps": [
    {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}]}
STRICT = {"schemaVersion": "2.2", "parameters": {
    "mode": {"type": "String", "allowedValues": ["on", "off"]},
    "name": {"type": "String", "default": "x", "allowedPattern": "^[a-z]+$"}}, "mainSteps": [STEP]}
UNKNOWN = "i-0123456789abcdef0"


def run(worlds):
    world = worlds["plain"]
    ssm, free = world.client("ssm"), world.free("ssm")
    web, windows = world.members("web"), world.members("win")

    def create(name, content, **more):
        ssm.create_document(Name=name, Content=json.dumps(content),
                            **{"DocumentType": "Command", **more})

    def refused(method, code, said=None, client=ssm, why="", **request):
        with check(f"{method}: {why or 'the request'} is {code}"):
            model.refused(client, method, code, said, **request)

    create("plain-doc", COMMAND)
    create("strict-doc", STRICT)
    create("old-doc", OLD)
    create("runbook", AUTOMATION, DocumentType="Automation")
    create("large-doc", COMMAND | {"description": "x" * 60_000})
    until(lambda: ssm.describe_document(Name="large-doc")["Document"]["Status"] == "Active")

    def send(code, said=None, why="", client=ssm, **more):
        request = {"DocumentName": SHELL, "Parameters": TRUE}
        if "InstanceIds" not in more and "Targets" not in more:
            request["InstanceIds"] = web[:1]
        request |= more
        refused("send_command", code, said, client, why,
                **{name: it for name, it in request.items() if it is not None})

    account = ssm.meta.region_name and world.client("sts").get_caller_identity()["Account"]
    send("InvalidInstanceId", why="an unknown id, in AWS's double brackets,",
         said=rf"Instances \[\[{UNKNOWN}\]\] not in a valid state for account {account}",
         InstanceIds=[UNKNOWN])
    send("InvalidInstanceId", rf"Instances \[\[{web[5]}\]\] not in a valid state for account .*",
         "an instance whose agent never registered", InstanceIds=[web[5]])
    with check("send_command: one bad id fails the whole call, and there is no command (§1.5)"):
        before = world.stats()["commands"]
        model.refused(ssm, "send_command", "InvalidInstanceId", DocumentName=SHELL,
                      Parameters=TRUE, InstanceIds=[web[0], UNKNOWN, web[1]])
        equal(world.stats()["commands"], before)
    send("InvalidInstanceId", rf"Instances \[\[{UNKNOWN}\]\] not in a valid state for account .*",
         "a bad id within Targets", Targets=[{"Key": "InstanceIds", "Values": [UNKNOWN]}])
    with check("send_command: a node that lost its connection is accepted (§1.5)"):
        sent = model.ask(ssm, "send_command", DocumentName=SHELL, Parameters=TRUE,
                         InstanceIds=[web[6]])["Command"]
        ssm.cancel_command(CommandId=sent["CommandId"])
    send("DuplicateInstanceId", why="the same id twice", InstanceIds=[web[0], web[0]])
    send("InvalidDocument", why="a document that does not exist", DocumentName="no-such-doc",
         Parameters=None)
    send("InvalidDocument", why="a runbook of Automation", DocumentName="runbook", Parameters=None)
    send("InvalidDocument", why="a hash that is another's (D2)", DocumentHash="0" * 64,
         DocumentHashType="Sha256")
    send("InvalidDocument", why="another account's document",
         DocumentName=f"arn:aws:ssm:{world.region}:999999999999:document/x-doc", Parameters=None)
    send("InvalidDocumentVersion", "The document version isn't valid or doesn't exist.",
         "a version that does not exist", DocumentVersion="9")
    send("InvalidParameters", "document plain-doc does not support parameters.",
         "parameters for a document without any", DocumentName="plain-doc",
         Parameters={"commands": ["x"]})
    send("InvalidParameters", "Parameters provided in document are invalid or not supported.",
         "a parameter that is not declared", Parameters={"commands": ["x"], "other": ["y"]})
    send("InvalidParameters", why="a required parameter left out", Parameters=None)
    send("InvalidParameters", why="a value outside allowedValues", DocumentName="strict-doc",
         Parameters={"mode": ["perhaps"]})
    send("InvalidParameters", why="a value against allowedPattern", DocumentName="strict-doc",
         Parameters={"mode": ["on"], "name": ["X1"]})
    send("InvalidParameters", why="an executionTimeout beyond 48 hours",
         Parameters={"commands": ["x"], "executionTimeout": ["172801"]})
    send("InvalidParameters", why="two values for a String", DocumentName="strict-doc",
         Parameters={"mode": ["on", "off"]})
    send("UnsupportedPlatformType",
         f"Cannot perform operation for instance id {windows[0]} of platform type Windows",
         "a document for Linux on Windows", InstanceIds=[windows[0]])
    send("UnsupportedPlatformType", why="a document for Windows on Linux",
         DocumentName="AWS-RunPowerShellScript")
    send("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.",
         "64 KB of parameters", Parameters={"commands": ["x" * 65_536]})
    send("InvalidOutputFolder", why="a bucket that does not exist", OutputS3BucketName="no-bucket")
    send("InvalidRole", why="a role that is none", ServiceRoleArn="nonsense")
    send("InvalidNotificationConfig", why="a topic that does not exist",
         ServiceRoleArn="arn:aws:iam::123456789012:role/any", NotificationConfig={
        "NotificationArn": "arn:aws:sns:us-east-1:123456789012:t", "NotificationEvents": ["All"],
        "NotificationType": "Command"})
    send("ValidationException", why="neither InstanceIds nor Targets (D1)", InstanceIds=None)
    send("ValidationException", why="both InstanceIds and Targets (D1)", InstanceIds=web[:1],
         Targets=by_group("web"))
    send("ValidationException",
         r"1 validation error detected: Value '5' at 'timeoutSeconds' failed to satisfy "
         r"constraint: Member must have value greater than or equal to 30",
         "TimeoutSeconds 5, in AWS's sentence,", free, TimeoutSeconds=5)
    send("ValidationException", r"2 validation errors detected: .*; .*",
         "two mistakes, in one sentence,", free, TimeoutSeconds=5, MaxConcurrency="0%")
    for name, value in [("MaxConcurrency", "0"), ("MaxConcurrency", "05%"),
                        ("MaxConcurrency", "101%"), ("MaxErrors", "-1"), ("MaxErrors", "05%")]:
        send("ValidationException", rf".*'{name[0].lower()}{name[1:]}'.*",
             f"{name} {value}", free, **{name: value})
    with check("send_command: MaxErrors 0% and 100% and MaxConcurrency 100% are legal (§1.1)"):
        for errors in ("0", "0%", "100%", "1000000"):
            model.ask(ssm, "send_command", DocumentName=SHELL, Parameters=TRUE,
                      Targets=by_group("nobody"), MaxErrors=errors, MaxConcurrency="100%")
    with check("send_command: a member of a wrong type is SerializationException"):
        # botocore cannot be made to send it: its serializer is typed. The wire can.
        answer = raw(world, "AmazonSSM.SendCommand", b'{"DocumentName":["x"]}')
        equal((answer[0], answer[1]["__type"]), (400, "SerializationException"))
    with check("send_command: no JSON at all is SerializationException"):
        answer = raw(world, "AmazonSSM.SendCommand", b"{")
        equal((answer[0], answer[1]["__type"]), (400, "SerializationException"))
    with check("another service's target is UnknownOperationException"):
        answer = raw(world, "AmazonEC2ContainerServiceV20141113.ListClusters", b"{}")
        equal((answer[0], answer[1]["__type"]), (400, "UnknownOperationException"))

    sent = ssm.send_command(DocumentName=SHELL, Parameters=TRUE,
                            InstanceIds=web[:1])["Command"]["CommandId"]
    finished(ssm, sent)
    until(lambda: ssm.list_command_invocations(CommandId=sent)["CommandInvocations"])
    refused("cancel_command", "InvalidCommandId", why="an unknown command (D14)",
            CommandId="0" * 36)
    refused("cancel_command", "InvalidInstanceId", why="an instance it was not sent to",
            CommandId=sent, InstanceIds=[web[2]])
    refused("cancel_command", "DuplicateInstanceId", why="the same id twice", CommandId=sent,
            InstanceIds=[web[0], web[0]])
    refused("get_command_invocation", "InvocationDoesNotExist", why="an unknown command",
            CommandId="0" * 36, InstanceId=web[0])
    refused("get_command_invocation", "InvocationDoesNotExist", why="another instance",
            CommandId=sent, InstanceId=web[2])
    refused("get_command_invocation", "InvalidPluginName", why="a step that is not there",
            CommandId=sent, InstanceId=web[0], PluginName="no-such-step")
    refused("list_command_invocations", "InvalidFilterKey", why="a filter by ExecutionStage",
            Filters=[{"key": "ExecutionStage", "value": "Complete"}])
    for method in ("list_commands", "list_command_invocations", "list_documents",
                   "describe_instance_information"):
        refused(method, "InvalidNextToken", why="a token from nowhere", NextToken="nowhere")
    refused("list_commands", "ValidationException", why="InstanceId with Status=Pending",
            InstanceId=web[0], Filters=[{"key": "Status", "value": "Pending"}])
    refused("list_commands", "ValidationException", why="a Status of invocations only",
            Filters=[{"key": "Status", "value": "Undeliverable"}])
    refused("list_commands", "ValidationException", why="a time that is none",
            Filters=[{"key": "InvokedAfter", "value": "yesterday"}])
    nodes = "describe_instance_information"
    refused(nodes, "InvalidInstanceId", why="an id that nobody has",
            Filters=[{"Key": "InstanceIds", "Values": [UNKNOWN]}])
    refused(nodes, "InvalidFilterKey", why="an unknown filter",
            Filters=[{"Key": "Colour", "Values": ["red"]}])
    refused(nodes, "InvalidInstanceInformationFilterValue", why="an unknown platform",
            Filters=[{"Key": "PlatformTypes", "Values": ["BeOS"]}])
    refused(nodes, "ValidationException", why="tags with other filters (§6.1)",
            Filters=[{"Key": "tag:role", "Values": ["web"]},
                     {"Key": "PingStatus", "Values": ["Online"]}])
    refused(nodes, "ValidationException", why="both kinds of filters (§6.1)",
            Filters=[{"Key": "PingStatus", "Values": ["Online"]}],
            InstanceInformationFilterList=[{"key": "PingStatus", "valueSet": ["Online"]}])

    def document(method, code, why, said=None, **more):
        refused(method, code, said, ssm, why, **{"Name": "plain-doc", **more})

    same = json.dumps(COMMAND)
    changed = json.dumps(COMMAND | {"description": "changed"})
    for method in ("describe_document", "get_document"):
        document(method, "InvalidDocument", "an unknown name", Name="no-such-doc")
        document(method, "InvalidDocumentVersion", "an unknown version", DocumentVersion="7")
        document(method, "InvalidDocumentVersion", "an unknown version's name", VersionName="v7")
    document("create_document", "DocumentAlreadyExists", "a name that is taken", Content=same)
    document("create_document", "MaxDocumentSizeExceeded", "more than 64 KB", Name="huge-doc",
             Content=json.dumps(COMMAND | {"description": "x" * 65_536}),
             said="The size limit of a document is 64 KB.")
    document("create_document", "InvalidDocumentContent", "no JSON", Name="bad-doc", Content="{")
    document("create_document", "InvalidDocumentContent", "YAML for JSON", Name="bad-doc",
             Content="schemaVersion: '2.2'\nmainSteps: []\n")
    document("create_document", "InvalidDocumentSchemaVersion", "a runbook as a Command",
             Name="bad-doc", Content=json.dumps(AUTOMATION), DocumentType="Command")
    for schema in ("9.9", "3.0", "2.1", "0.4"):
        document("create_document", "InvalidDocumentSchemaVersion", f"the schema {schema}",
                 Name="bad-doc", Content=json.dumps(COMMAND | {"schemaVersion": schema}))
    for name in ("AWS-mine", "amazon-mine", "amzn-mine"):
        document("create_document", "ValidationException", f"the reserved name {name}", Name=name,
                 Content=same)
    document("update_document", "InvalidDocument", "an unknown name", Name="no-such-doc",
             Content=same)
    document("update_document", "DuplicateDocumentContent", "what is stored already", Content=same,
             said="The content of the association document matches another document. Change the "
                  "content of the document and try again.")
    document("update_document", "InvalidDocumentContent", "no JSON", Content="{")
    document("update_document", "InvalidDocumentVersion", "a version that is not the latest",
             Content=changed, DocumentVersion="7")
    document("update_document", "InvalidDocumentSchemaVersion", "a document of schema 1.2",
             Name="old-doc", Content=json.dumps(OLD | {"description": "changed"}))
    document("update_document", "MaxDocumentSizeExceeded", "more than 64 KB",
             Content=json.dumps(COMMAND | {"description": "x" * 65_536}))
    document("update_document", "InvalidDocumentOperation", "AWS's own document", Name=SHELL,
             Content=same)
    ssm.update_document(Name="plain-doc", Content=changed, VersionName="second")
    document("update_document", "DuplicateDocumentVersionName", "a version's name again",
             Content=same, DocumentVersion="$LATEST", VersionName="second")
    default = "update_document_default_version"
    document(default, "InvalidDocument", "an unknown name", Name="no-such-doc",
             DocumentVersion="1")
    document(default, "InvalidDocumentVersion", "an unknown version", DocumentVersion="7")
    document(default, "ValidationException", "$LATEST (§6.2)", DocumentVersion="$LATEST")
    document("delete_document", "InvalidDocument", "an unknown name", Name="no-such-doc")
    document("delete_document", "InvalidDocumentOperation", "the default version",
             DocumentVersion="1")
    document("delete_document", "ValidationException", "an ARN (§6.2)",
             Name=f"arn:aws:ssm:{world.region}:{account}:document/plain-doc")
    for name in ("plain-doc", "strict-doc", "old-doc", "runbook", "large-doc"):
        ssm.delete_document(Name=name)

    groups(world, refused)
    sessions(worlds)
    keys(worlds)
    with_faults(worlds["errors"])


def raw(world, target, body):
    import urllib.error
    import urllib.request
    request = urllib.request.Request(world.endpoint, data=body, headers={
        "X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/ssm/aws4_request, "
                         "SignedHeaders=host, Signature=0"})
    try:
        urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    raise AssertionError("it was answered")


def groups(world, refused):
    asg = world.client("autoscaling")
    for method in ("describe_auto_scaling_groups", "describe_auto_scaling_instances"):
        refused(method, "InvalidNextToken", None, asg, "a token from nowhere",
                NextToken="nowhere")
        for size in (0, 101):
            refused(method, "ValidationError", None, asg, f"MaxRecords {size}", MaxRecords=size)
    refused("describe_auto_scaling_instances", "ValidationError", None, asg, "MaxRecords 51",
            MaxRecords=51)
    refused("describe_auto_scaling_instances", "ValidationError", None, asg, "51 ids",
            InstanceIds=[f"i-{n:017x}" for n in range(51)])
    refused("describe_auto_scaling_groups", "ValidationError", None, asg, "51 names",
            AutoScalingGroupNames=[f"g{n}" for n in range(51)])
    refused("describe_auto_scaling_groups", "ValidationError", None, asg, "an unknown filter",
            Filters=[{"Name": "colour", "Values": ["red"]}])


def sessions(worlds):
    world = worlds["sessions"]
    sts = world.client("sts")
    role = "arn:aws:iam::123456789012:role/"
    user = "arn:aws:iam::123456789012:user/operator"

    def refused(why, code, said, client=sts, **more):
        with check(f"assume_role: {why} is {code}"):
            model.refused(client, "assume_role", code, said, **{
                "RoleArn": f"{role}plain", "RoleSessionName": "session", **more})

    denied = f"User: {user} is not authorized to perform: {{}} on resource: {role}{{}}.*"
    refused("a role that does not exist", "AccessDenied",
            denied.format("sts:AssumeRole", "nobody"), RoleArn=f"{role}nobody")
    refused("a role whose trust policy asks for an ExternalId", "AccessDenied",
            denied.format("sts:AssumeRole", "external"), RoleArn=f"{role}external")
    refused("a wrong ExternalId", "AccessDenied", denied.format("sts:AssumeRole", "external"),
            RoleArn=f"{role}external", ExternalId="wrong")
    with check("assume_role: the right ExternalId is accepted"):
        model.ask(sts, "assume_role", RoleArn=f"{role}external", RoleSessionName="session",
                  ExternalId="right-one")
    refused("a session tag without sts:TagSession", "AccessDenied",
            denied.format("sts:TagSession", "external"), RoleArn=f"{role}external",
            ExternalId="right-one", Tags=[{"Key": "k", "Value": "v"}])
    refused("a source identity without sts:SetSourceIdentity", "AccessDenied",
            denied.format("sts:SetSourceIdentity", "external"), RoleArn=f"{role}external",
            ExternalId="right-one", SourceIdentity="me")
    device = "arn:aws:iam::123456789012:mfa/operator"
    refused("a wrong MFA code", "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
            RoleArn=f"{role}mfa", SerialNumber=device, TokenCode="123456")
    refused("an MFA device of somebody else", "AccessDenied",
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your "
            "MFA serial number is valid and associated with this user.",
            RoleArn=f"{role}mfa", SerialNumber=f"{device}-2", TokenCode="314159")
    refused("an MFA device without its code", "AccessDenied",
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time "
            "pass code.", RoleArn=f"{role}mfa", SerialNumber=device)
    refused("a role that asks for MFA, without", "AccessDenied",
            denied.format("sts:AssumeRole", "mfa"), RoleArn=f"{role}mfa")
    with check("assume_role: the right MFA code is accepted"):
        model.ask(sts, "assume_role", RoleArn=f"{role}mfa", RoleSessionName="session",
                  SerialNumber=device, TokenCode="314159")
    refused("an MFA code that was used already", "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
            RoleArn=f"{role}mfa", SerialNumber=device, TokenCode="314159")
    refused("a managed policy that does not exist", "ValidationError",
            "Policy .*:policy/nothing does not exist or is not attachable.",
            PolicyArns=[{"arn": "arn:aws:iam::123456789012:policy/nothing"}])
    refused("an ARN that is no policy's", "ValidationError", "ARN .* is not valid.",
            PolicyArns=[{"arn": "arn:aws:s3:::bucket/of-another-kind"}])
    refused("11 managed policies", "ValidationError", None,
            PolicyArns=[{"arn": "arn:aws:iam::123456789012:policy/reading"}] * 11)
    with check("assume_role: a managed policy narrows the session"):
        it = model.ask(sts, "assume_role", RoleArn=f"{role}plain", RoleSessionName="session",
                       PolicyArns=[{"arn": "arn:aws:iam::123456789012:policy/reading"}])
        it = it["Credentials"]
        narrow = (it["AccessKeyId"], it["SecretAccessKey"], it["SessionToken"])
        model.ask(world.client("ssm", narrow), "list_commands")
        model.refused(world.client("autoscaling", narrow), "describe_auto_scaling_groups",
                      "AccessDenied", ".* because no session policy allows the .* action")
    refused("more than MaxSessionDuration", "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            DurationSeconds=7200)
    refused("a policy that is none", "MalformedPolicyDocument", None, Policy="{}")
    refused("a policy that is no JSON", "MalformedPolicyDocument", None, Policy="nonsense")
    refused("tags beyond the packed size", "PackedPolicyTooLarge",
            r"Packed size of session tags consumes \d+% of allotted space\.",
            Tags=[{"Key": f"{n:0128}", "Value": "v" * 256} for n in range(20)])
    refused("a tag twice, in either case", "InvalidParameterValue", None,
            Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])
    with check("assume_role: the session of a role that is chained"):
        found = model.ask(sts, "assume_role", RoleArn=f"{role}plain", RoleSessionName="first",
                          Tags=[{"Key": "team", "Value": "edge"}], TransitiveTagKeys=["team"],
                          SourceIdentity="operator-1")
        holds(found["SourceIdentity"] == "operator-1", found)
        it = found["Credentials"]
        chained = world.client(
            "sts", (it["AccessKeyId"], it["SecretAccessKey"], it["SessionToken"]))
        model.ask(chained, "assume_role", RoleArn=f"{role}long", RoleSessionName="second",
                  DurationSeconds=3600)
    refused("more than an hour by role chaining", "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining.", chained, RoleArn=f"{role}long", DurationSeconds=7200)
    with check("assume_role: a long session without chaining is granted"):
        model.ask(sts, "assume_role", RoleArn=f"{role}long", RoleSessionName="long",
                  DurationSeconds=7200)
    refused("a transitive tag set again downstream", "InvalidParameterValue", None, chained,
            RoleArn=f"{role}long", Tags=[{"Key": "Team", "Value": "other"}])
    with check("a session that is over: ExpiredTokenException of SSM, ExpiredToken of STS"):
        quick = worlds["expiry"].client("sts")
        it = quick.assume_role(RoleArn=f"{role}plain", RoleSessionName="short",
                               DurationSeconds=900)["Credentials"]
        gone = (it["AccessKeyId"], it["SecretAccessKey"], it["SessionToken"])
        ssm = worlds["expiry"].client("ssm", gone)
        def ask():
            try:
                ssm.list_commands()
            except ssm.exceptions.ClientError as error:
                return error if error.response["Error"]["Code"].startswith("Expired") else None
        model.refusal(ssm, "list_commands", until(ask), "ExpiredTokenException",
                      "The security token included in the request is expired")
        model.refused(worlds["expiry"].client("sts", gone), "get_caller_identity", "ExpiredToken",
                      "The security token included in the request is expired")


def keys(worlds):
    world = worlds["scoped-role"]
    right = (world.env["AWS_ACCESS_KEY_ID"], world.env["AWS_SECRET_ACCESS_KEY"])
    for why, found, json_code, query_code in [
        ("an unknown key", ("AKIDNOBODY", "x"), "UnrecognizedClientException",
         "InvalidClientTokenId"),
        ("a wrong secret", (right[0], "wrong"), "InvalidSignatureException",
         "SignatureDoesNotMatch"),
        ("a session token that is nobody's", (*right, "token"), "UnrecognizedClientException",
         "InvalidClientTokenId"),
    ]:
        with check(f"{why}: {json_code} of SSM, {query_code} of STS and Auto Scaling"):
            model.refused(world.client("ssm", found), "list_commands", json_code)
            for service, method in (("sts", "get_caller_identity"),
                                    ("autoscaling", "describe_auto_scaling_groups")):
                error = model.refused(world.client(service, found), method, query_code)
                equal(error["ResponseMetadata"]["HTTPStatusCode"], 403)
    with check("a denial of SSM has the status 400, one of Auto Scaling 403 (§8.3)"):
        error = model.refused(world.client("ssm"), "list_commands", "AccessDeniedException")
        equal(error["ResponseMetadata"]["HTTPStatusCode"], 400)
        error = model.refused(world.client("autoscaling"), "describe_auto_scaling_groups",
                              "AccessDenied")
        equal(error["ResponseMetadata"]["HTTPStatusCode"], 403)


def with_faults(world):
    """What only a fault brings about: the world orders each of them once for every operation."""
    for service, method, code, status, more in [
        ("ssm", "list_commands", "ThrottlingException", 400, {}),
        ("ssm", "send_command", "InternalServerError", 500, {"DocumentName": SHELL}),
        ("ssm", "list_documents", "ExpiredTokenException", 400, {}),
        ("sts", "get_caller_identity", "Throttling", 400, {}),
        ("sts", "assume_role", "InternalFailure", 500,
         {"RoleArn": "arn:aws:iam::123456789012:role/x", "RoleSessionName": "xx"}),
        ("autoscaling", "describe_auto_scaling_groups", "Throttling", 400, {}),
        ("autoscaling", "describe_auto_scaling_instances", "ExpiredToken", 403, {}),
    ]:
        said = "Rate exceeded" if code.startswith("Throttling") else None
        with check(f"{method}: the ordered {code} has its shape and the status {status}"):
            error = model.refused(world.client(service), method, code, said, **more)
            equal(error["ResponseMetadata"]["HTTPStatusCode"], status)
