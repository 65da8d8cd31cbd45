"""Automation: every operation's answer, every error it can give, pages, rate control and stopping,
held against botocore's model (aws-facts §7).
"""

import json
import uuid

import model
from harness import check, equal, holds, until

RUNBOOK = {
    "schemaVersion": "0.3",
    "description": "Looks, acts, tells",
    "assumeRole": "{{ AutomationAssumeRole }}",
    "parameters": {
        "InstanceId": {"type": "String", "description": "The instance"},
        "Action": {"type": "String", "default": "Check", "allowedValues": ["Check", "Fix"]},
        "Short": {"type": "String", "default": "a", "allowedPattern": "^[a-z]$", "maxChars": 1},
        "Count": {"type": "Integer", "default": 1},
        "AutomationAssumeRole": {"type": "String", "default": ""},
    },
    "mainSteps": [
        {"name": "look", "action": "aws:executeAwsApi", "nextStep": "act",
         "inputs": {"Service": "ec2", "Ids": ["{{ InstanceId }}"]},
         "outputs": [{"Name": "Output", "Selector": "$", "Type": "String"}]},
        {"name": "act", "action": "aws:executeScript", "timeoutSeconds": 3600, "maxAttempts": 2},
        {"name": "tell", "action": "aws:sleep", "inputs": {"Duration": "PT2S"}, "isEnd": True},
    ],
    "outputs": ["look.Output", "tell.Nothing"],
}
OVER = ("Success", "Failed", "TimedOut", "Cancelled")


def run(worlds):
    world = worlds["automation"]
    ssm, free = world.client("ssm"), world.free("ssm")
    web = world.members("web")
    ssm.create_document(Name="Own-Runbook", Content=json.dumps(RUNBOOK), DocumentType="Automation")
    until(lambda: ssm.describe_document(Name="Own-Runbook")["Document"]["Status"] == "Active")

    def start(instance, **more):
        request = {"DocumentName": "Own-Runbook", "Parameters": {"InstanceId": [instance]}} | more
        return model.ask(ssm, "start_automation_execution", **request)["AutomationExecutionId"]

    def get(execution):
        return model.ask(ssm, "get_automation_execution",
                         AutomationExecutionId=execution)["AutomationExecution"]

    def over(execution):
        def ask():
            res = get(execution)
            return res if res["AutomationExecutionStatus"] in OVER else None
        return until(ask)

    documents(ssm)
    with check("StartAutomationExecution: from its first step to Success, each answer a model's"):
        found = over(start(web[0]))
        equal([it["StepStatus"] for it in found["StepExecutions"]], ["Success"] * 3)
        equal(found["Outputs"]["look.Output"], ["seen"])
        equal(found["StepExecutions"][0]["Inputs"]["Ids"], json.dumps([web[0]]))
        equal(found["Parameters"]["Action"], ["Check"])
        equal((found["DocumentName"], found["DocumentVersion"], found["Mode"]),
              ("Own-Runbook", "1", "Auto"))
        holds(found["ExecutionEndTime"] >= found["ExecutionStartTime"], "it ends before it starts")
        equal(world.stats()["executions"][web[0]], {"Own-Runbook": 1})
    with check("GetAutomationExecution: a failed step has its FailureDetails, the rest is Pending"):
        found = over(start(web[1]))
        equal([it["StepStatus"] for it in found["StepExecutions"]],
              ["Success", "Failed", "Pending"])
        step = found["StepExecutions"][1]
        equal((step["FailureDetails"]["FailureStage"], step["FailureDetails"]["FailureType"]),
              ("Invocation", "Permission"))
        equal(found["FailureMessage"], step["FailureMessage"])
        equal(found["Outputs"]["tell.Nothing"],
              ["No output available yet because the step is not successfully executed"])
    with check("GetAutomationExecution: a step that timed out"):
        found = over(start(web[3]))
        equal(found["AutomationExecutionStatus"], "TimedOut")
        equal(found["StepExecutions"][1]["FailureDetails"]["FailureType"], "Verification")
    with check("StopAutomationExecution: a step that waits is Cancelled"):
        execution = start(web[2])
        until(lambda: get(execution)["AutomationExecutionStatus"] == "Waiting")
        equal(get(execution)["CurrentStepName"], "act")
        model.ask(ssm, "stop_automation_execution", AutomationExecutionId=execution)
        found = over(execution)
        equal([found["AutomationExecutionStatus"], found["StepExecutions"][1]["StepStatus"]],
              ["Cancelled"] * 2)
        model.refused(ssm, "stop_automation_execution", "InvalidAutomationStatusUpdateException",
                      AutomationExecutionId=execution)
    with check("StopAutomationExecution Complete: what runs comes to its end"):
        execution = start(web[4])
        model.ask(ssm, "stop_automation_execution", AutomationExecutionId=execution,
                  Type="Complete")
        equal(over(execution)["StepExecutions"][0]["StepStatus"], "Success")
    with check("StartAutomationExecution: a ClientToken starts one execution"):
        token = str(uuid.uuid4())
        first = start(web[5], ClientToken=token)
        equal(start(web[5], ClientToken=token.upper()), first)
        model.refused(ssm, "start_automation_execution", "IdempotentParameterMismatch",
                      DocumentName="Own-Runbook", Parameters={"InstanceId": [web[6]]},
                      ClientToken=token)
    rates(ssm, web, get, over)
    lists(ssm, web, start)
    refusals(ssm, free, web)


def documents(ssm):
    with check("DescribeDocument, GetDocument, ListDocuments: a runbook is of type Automation"):
        found = model.ask(ssm, "describe_document", Name="Own-Runbook")["Document"]
        equal((found["DocumentType"], found["SchemaVersion"]), ("Automation", "0.3"))
        equal({it["Name"] for it in found["Parameters"]}, set(RUNBOOK["parameters"]))
        found = model.ask(ssm, "get_document", Name="Own-Runbook")
        equal((found["DocumentType"], json.loads(found["Content"])), ("Automation", RUNBOOK))
        listed = model.ask(ssm, "list_documents", Filters=[
            {"Key": "DocumentType", "Values": ["Automation"]}, {"Key": "Owner", "Values": ["Self"]}])
        equal([it["Name"] for it in listed["DocumentIdentifiers"]], ["Own-Runbook"])
    with check("CreateDocument: a runbook of another type is InvalidDocumentSchemaVersion"):
        model.refused(ssm, "create_document", "InvalidDocumentSchemaVersion", Name="Own-Wrong",
                      Content=json.dumps(RUNBOOK), DocumentType="Command")
    with check("CreateDocument: a runbook that waits for a signal is stored, and not started"):
        step = {"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["a"]}}
        ssm.create_document(Name="Own-Asking", DocumentType="Automation", Content=json.dumps(
            {"schemaVersion": "0.3", "mainSteps": [step]}))
        until(lambda: ssm.describe_document(Name="Own-Asking")["Document"]["Status"] == "Active")
        model.refused(ssm, "start_automation_execution", "ValidationException",
                      ".* waits for SendAutomationSignal, which is not implemented .*",
                      DocumentName="Own-Asking")
        ssm.delete_document(Name="Own-Asking")
    for name, steps in [("no steps", []), ("an unknown action", [{"name": "a", "action": "aws:x"}]),
                        ("a step that leads nowhere",
                         [{"name": "a", "action": "aws:sleep", "nextStep": "b"}])]:
        with check(f"CreateDocument: a runbook with {name} is InvalidDocumentContent"):
            model.refused(ssm, "create_document", "InvalidDocumentContent", Name="Own-Wrong",
                          Content=json.dumps({"schemaVersion": "0.3", "mainSteps": steps}),
                          DocumentType="Automation")


def rates(ssm, web, get, over):
    def start(**more):
        return model.ask(ssm, "start_automation_execution", DocumentName="Own-Runbook",
                         **more)["AutomationExecutionId"]

    with check("rate control: a parent with a child a target, counters and resolved targets"):
        parent = start(TargetParameterName="InstanceId", MaxConcurrency="50%", MaxErrors="100%",
                       Targets=[{"Key": "ParameterValues", "Values": [web[0], web[1], web[4]]}])
        found = over(parent)
        equal(found["ResolvedTargets"]["ParameterValues"], [web[0], web[1], web[4]])
        equal([it["StepStatus"] for it in found["StepExecutions"]], ["Success", "Failed", "Success"])
        counters = found["ProgressCounters"]
        equal((counters["TotalSteps"], counters["SuccessSteps"], counters["FailedSteps"]), (3, 2, 1))
        children = model.ask(ssm, "describe_automation_executions", Filters=[
            {"Key": "ParentExecutionId", "Values": [parent]}])["AutomationExecutionMetadataList"]
        equal({it["Target"] for it in children}, {web[0], web[1], web[4]})
        equal({it["ParentAutomationExecutionId"] for it in children}, {parent})
        steps = model.ask(ssm, "describe_automation_step_executions",
                          AutomationExecutionId=parent)["StepExecutions"]
        equal({it["Action"] for it in steps}, {"aws:executeAutomation"})
    with check("rate control: MaxErrors withholds what was not started, and fails the parent"):
        found = over(start(TargetParameterName="InstanceId", MaxConcurrency="1",
                           Targets=[{"Key": "ParameterValues", "Values": [web[1], web[0]]}]))
        equal(found["AutomationExecutionStatus"], "Failed")
        equal(found["ProgressCounters"]["CancelledSteps"], 1)
    with check("rate control: TargetMaps, tags, and every instance"):
        maps = [{"InstanceId": [web[0]], "Action": ["Fix"]}, {"InstanceId": [web[4]]}]
        equal(over(start(TargetMaps=maps))["AutomationExecutionStatus"], "Success")
        tag = {"Key": "tag:aws:autoscaling:groupName", "Values": ["web"]}
        found = get(start(TargetParameterName="InstanceId", Targets=[tag]))
        equal(found["ResolvedTargets"]["ParameterValues"], web)
        found = get(start(TargetParameterName="InstanceId",
                          Targets=[{"Key": "AWS::EC2::Instance", "Values": ["*"]}]))
        equal(found["ResolvedTargets"]["ParameterValues"], web)
    with check("rate control: a tag that nobody has starts nothing"):
        found = over(start(TargetParameterName="InstanceId",
                           Targets=[{"Key": "tag:nobody", "Values": ["x"]}]))
        equal((found["StepExecutions"], found["ProgressCounters"]["TotalSteps"]), ([], 0))


def lists(ssm, web, start):
    with check("DescribeAutomationExecutions and its steps page by page: nothing lost or repeated"):
        for _ in range(3):
            start(web[0])
        pages = ssm.get_paginator("describe_automation_executions").paginate(
            PaginationConfig={"PageSize": 4})
        ids = [it["AutomationExecutionId"] for page in pages
               for it in page["AutomationExecutionMetadataList"]]
        equal(len(ids), len(set(ids)))
        holds(len(ids) > 12, f"there are {len(ids)} only")
        last = start(web[0])
        until(lambda: ssm.get_automation_execution(AutomationExecutionId=last)[
            "AutomationExecution"]["AutomationExecutionStatus"] == "Success")
        for reverse, expected in [(False, ["look", "act", "tell"]), (True, ["tell", "act", "look"])]:
            pages = ssm.get_paginator("describe_automation_step_executions").paginate(
                AutomationExecutionId=last, ReverseOrder=reverse, PaginationConfig={"PageSize": 1})
            equal([it["StepName"] for page in pages for it in page["StepExecutions"]], expected)
    for key, value in [("DocumentNamePrefix", "Own"), ("ExecutionStatus", "Success"),
                       ("CurrentAction", "aws:sleep"), ("StartTimeAfter", "2020-01-01T00:00:00Z"),
                       ("StartTimeBefore", "2120-01-01T00:00:00Z"), ("AutomationType", "Local"),
                       ("TagKey", "x"), ("TargetResourceGroup", "x"), ("OpsItemId", "x"),
                       ("AutomationSubtype", "ChangeRequest")]:
        with check(f"DescribeAutomationExecutions filters by {key}"):
            found = model.ask(ssm, "describe_automation_executions",
                              Filters=[{"Key": key, "Values": [value]}])
            if key == "ExecutionStatus":
                equal({it["AutomationExecutionStatus"]
                       for it in found["AutomationExecutionMetadataList"]}, {"Success"})


def refusals(ssm, free, web):
    bad = "InvalidAutomationExecutionParametersException"
    targets = [{"Key": "tag:a", "Values": ["b"]}]
    for why, code, said, more in [
        ("an unknown runbook", "AutomationDefinitionNotFoundException", None,
         {"DocumentName": "No-Such"}),
        ("a command document", "AutomationDefinitionNotFoundException", None,
         {"DocumentName": "AWS-RunShellScript"}),
        ("an unknown version", "AutomationDefinitionVersionNotFoundException", None,
         {"DocumentVersion": "9"}),
        ("a parameter left out", bad, "Missing required parameter: InstanceId in user inputs.",
         {"Parameters": {"Action": ["Fix"]}}),
        ("a value outside allowedValues", bad,
         r'Parameter "Action" has value "fix" not found in \[Check, Fix\]\.',
         {"Parameters": {"InstanceId": web[:1], "Action": ["fix"]}}),
        ("a parameter that is not declared", bad, None,
         {"Parameters": {"InstanceId": web[:1], "Other": ["x"]}}),
        ("a value against allowedPattern", bad, None,
         {"Parameters": {"InstanceId": web[:1], "Short": ["X"]}}),
        ("a value that is no Integer", bad, None,
         {"Parameters": {"InstanceId": web[:1], "Count": ["x"]}}),
        ("two values for a String", bad, None, {"Parameters": {"InstanceId": web[:2]}}),
        ("a role of nowhere", bad, "The defined assume role is unable to be assumed.",
         {"Parameters": {"InstanceId": web[:1], "AutomationAssumeRole": ["nowhere"]}}),
        ("two targets", bad, "Only one resource group or tag can be specified at a time",
         {"TargetParameterName": "InstanceId", "Targets": targets * 2, "Parameters": None}),
        ("targets without a parameter for them", bad, None, {"Targets": targets}),
        ("targets for no parameter", bad, None,
         {"TargetParameterName": "Nope", "Targets": targets}),
        ("a target key that is none", bad, "Target key can have only following values .*",
         {"TargetParameterName": "InstanceId", "Targets": [{"Key": "x", "Values": ["y"]}]}),
        ("Targets and TargetMaps", bad, None,
         {"TargetParameterName": "InstanceId", "Targets": targets,
          "TargetMaps": [{"InstanceId": web[:1]}]}),
        ("a target's value against allowedPattern", bad, None,
         {"Parameters": {"InstanceId": web[:1]}, "TargetParameterName": "Short",
          "Targets": [{"Key": "ParameterValues", "Values": ["a", "X"]}]}),
        ("a target map without what is required", bad, "Missing required parameter: InstanceId .*",
         {"Parameters": None, "TargetMaps": [{"InstanceId": web[:1]}, {"Action": ["Fix"]}]}),
        ("a resource group that is not there", "InvalidTarget", None,
         {"TargetParameterName": "InstanceId",
          "Targets": [{"Key": "ResourceGroup", "Values": ["none"]}]}),
        ("a token that is no UUID", "ValidationException", ".*'clientToken'.*",
         {"ClientToken": "x" * 36}),
        ("MaxConcurrency 0", "ValidationException", ".*'maxConcurrency'.*",
         {"MaxConcurrency": "0"}),
        ("Mode Interactive, which the simulator has not,", "ValidationException",
         "Mode Interactive .*", {"Mode": "Interactive"}),
        ("TargetLocations, which the simulator has not,", "ValidationException",
         ".* TargetLocations .*", {"TargetLocations": [{"Accounts": ["1"], "Regions": ["r"]}]}),
    ]:
        request = {"DocumentName": "Own-Runbook", "Parameters": {"InstanceId": web[:1]}} | more
        request = {name: it for name, it in request.items() if it is not None}
        with check(f"start_automation_execution: {why} is {code}"):
            model.refused(free, "start_automation_execution", code, said, **request)
    for method in ("get_automation_execution", "stop_automation_execution",
                   "describe_automation_step_executions"):
        with check(f"{method}: an unknown execution is AutomationExecutionNotFoundException"):
            model.refused(ssm, method, "AutomationExecutionNotFoundException",
                          AutomationExecutionId=str(uuid.uuid4()))
    for key, value, code in [("Color", "red", "InvalidFilterKey"),
                             ("ExecutionStatus", "Done", "InvalidFilterValue")]:
        with check(f"describe_automation_executions: {key} {value} is {code}"):
            model.refused(ssm, "describe_automation_executions", code,
                          Filters=[{"Key": key, "Values": [value]}])
    with check("describe_automation_executions: a token of nowhere is InvalidNextToken"):
        model.refused(ssm, "describe_automation_executions", "InvalidNextToken", NextToken="x")
    with check("start_automation_execution: more than may wait is "
               "AutomationExecutionLimitExceededException"):
        code = "AutomationExecutionLimitExceededException"
        try:
            for _ in range(1_200):
                ssm.start_automation_execution(DocumentName="Own-Runbook",
                                               Parameters={"InstanceId": [web[2]]})
        except ssm.exceptions.ClientError as error:
            model.refusal(ssm, "start_automation_execution", error, code)
        else:
            raise AssertionError("it was never refused")
