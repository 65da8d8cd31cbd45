"""Waiters and paginators of boto3, with small pages: nothing is lost, nothing is repeated."""

from botocore.exceptions import WaiterError

from harness import by_group, check, equal, finished, holds

RUN = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}


def pages(client, method, key, size, **more):
    found = client.get_paginator(method).paginate(PaginationConfig={"PageSize": size}, **more)
    return [page[key] for page in found]


def whole(found, size, n, by):
    """All of them, none twice, in as many pages as it takes."""
    items = [by(it) for page in found for it in page]
    equal((len(items), len(set(items))), (n, n))
    holds(all(len(it) <= size for it in found), "a page is too large")
    holds(len(found) >= -(-n // size), "there are too few pages")


def run(worlds):
    world = worlds["many"]
    ssm, asg = world.client("ssm"), world.client("autoscaling")
    waiter = ssm.get_waiter("command_executed")
    quick = {"Delay": 0, "MaxAttempts": 4000}
    with check("the waiter command_executed returns on Success, from InvocationDoesNotExist on"):
        one = world.members("quick")[0]
        sent = ssm.send_command(InstanceIds=[one], **RUN)["Command"]["CommandId"]
        waiter.wait(CommandId=sent, InstanceId=one, WaiterConfig=quick)
    with check("the waiter command_executed fails on Failed"):
        one = world.members("broken")[0]
        sent = ssm.send_command(InstanceIds=[one], **RUN)["Command"]["CommandId"]
        try:
            waiter.wait(CommandId=sent, InstanceId=one, WaiterConfig=quick)
        except WaiterError as error:
            equal(error.last_response["Status"], "Failed")
        else:
            raise AssertionError("it returned")
    sent = ssm.send_command(Targets=by_group("large"), MaxConcurrency="100%", **RUN)
    large = sent["Command"]["CommandId"]
    with check("ListCommandInvocations pages by 7: each of 123 once, Details included"):
        finished(ssm, large)
        found = pages(ssm, "list_command_invocations", "CommandInvocations", 7,
                      CommandId=large, Details=True)
        whole(found, 7, 123, lambda it: it["InstanceId"])
        times = [it["RequestedDateTime"] for page in found for it in page]
        equal(times, sorted(times, reverse=True))
    with check("ListCommandInvocations pages by 50 and by default, without a CommandId as well"):
        found = pages(ssm, "list_command_invocations", "CommandInvocations", 50, CommandId=large)
        whole(found, 50, 123, lambda it: it["InstanceId"])
        equal([len(it) for it in found], [50, 50, 23])
        found = pages(ssm, "list_command_invocations", "CommandInvocations", 50)
        whole(found, 50, 125, lambda it: (it["CommandId"], it["InstanceId"]))
    with check("ListCommandInvocations pages with a filter are full of what it selects"):
        found = pages(ssm, "list_command_invocations", "CommandInvocations", 10,
                      Filters=[{"key": "Status", "value": "Success"}])
        whole(found, 10, 124, lambda it: (it["CommandId"], it["InstanceId"]))
    with check("ListCommands pages by 3: each of 20 once, newest first"):
        ids = [ssm.send_command(Targets=by_group("quick"), **RUN)["Command"]["CommandId"]
               for _ in range(17)]
        found = pages(ssm, "list_commands", "Commands", 3)
        whole(found, 3, 20, lambda it: it["CommandId"])
        equal([it["CommandId"] for page in found for it in page][:17], ids[::-1])
    with check("ListCommands pages stay whole while new commands arrive"):
        first = ssm.list_commands(MaxResults=5)
        ssm.send_command(Targets=by_group("quick"), **RUN)
        rest = ssm.list_commands(MaxResults=5, NextToken=first["NextToken"])
        both = [it["CommandId"] for page in (first, rest) for it in page["Commands"]]
        equal(both, ids[::-1][:10])
    with check("DescribeInstanceInformation pages by 5: each of 148 once"):
        found = pages(ssm, "describe_instance_information", "InstanceInformationList", 5)
        whole(found, 5, 148, lambda it: it["InstanceId"])
    with check("DescribeInstanceInformation by tag pages by 50"):
        found = pages(ssm, "describe_instance_information", "InstanceInformationList", 50,
                      Filters=[{"Key": "tag:aws:autoscaling:groupName", "Values": ["large"]}])
        whole(found, 50, 123, lambda it: it["InstanceId"])
        equal({it["InstanceId"] for page in found for it in page}, set(world.members("large")))
    with check("DescribeInstanceInformation has 10 to a page by default"):
        equal(len(ssm.describe_instance_information()["InstanceInformationList"]), 10)
    with check("DescribeAutoScalingGroups pages by 4: each of 24 once"):
        found = pages(asg, "describe_auto_scaling_groups", "AutoScalingGroups", 4)
        whole(found, 4, 24, lambda it: it["AutoScalingGroupName"])
    with check("DescribeAutoScalingGroups pages by 2 with a filter"):
        found = pages(asg, "describe_auto_scaling_groups", "AutoScalingGroups", 2,
                      Filters=[{"Name": "tag:part", "Values": ["1"]}])
        whole(found, 2, 10, lambda it: it["AutoScalingGroupName"])
    with check("DescribeAutoScalingInstances pages by 11: each of 148 once"):
        found = pages(asg, "describe_auto_scaling_instances", "AutoScalingInstances", 11)
        whole(found, 11, 148, lambda it: it["InstanceId"])
    with check("ListDocuments pages by 1, 3 and 50: each once"):
        content = '{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript",' \
                  '"name":"run","inputs":{"runCommand":["true"]}}]}'
        for n in range(9):
            ssm.create_document(Name=f"paged-{n}", Content=content, DocumentType="Command")
        n = len(ssm.list_documents(MaxResults=50)["DocumentIdentifiers"])
        for size in (1, 3, 50):
            whole(pages(ssm, "list_documents", "DocumentIdentifiers", size), size, n,
                  lambda it: it["Name"])
        found = pages(ssm, "list_documents", "DocumentIdentifiers", 2,
                      Filters=[{"Key": "Owner", "Values": ["Self"]}])
        whole(found, 2, 9, lambda it: it["Name"])
    with check("a token of another list or of nowhere is InvalidNextToken"):
        token = ssm.list_commands(MaxResults=1)["NextToken"]
        for ask in (lambda: ssm.list_documents(NextToken=token),
                    lambda: ssm.list_commands(NextToken="nowhere"),
                    lambda: asg.describe_auto_scaling_groups(NextToken="nowhere")):
            try:
                ask()
            except (ssm.exceptions.InvalidNextToken, asg.exceptions.InvalidNextToken):
                continue
            raise AssertionError("it was taken")
