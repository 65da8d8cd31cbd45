"""Faults ordered over POST /_fleet/faults, and what botocore and the aws CLI make of them."""

import json
import os
import subprocess
import sys
import urllib.error
from pathlib import Path

from botocore.exceptions import ClientError, PaginationError
from botocore.parsers import ResponseParserError

from harness import by_group, check, equal, finished, holds

RUN = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}


def run(worlds):
    world = worlds["orders"]
    ssm, asg, ec2 = (world.client(it) for it in ("ssm", "autoscaling", "ec2"))
    orders(world)
    pages(world, ssm, asg, ec2)
    stale(world, ssm)
    bodies(world, ssm, ec2)
    throttles(world, ssm)
    accepted(world, ssm)
    aws_cli(world)


def fault(operation, kind, calls=(1,), **more):
    return {"operation": operation, "kind": kind, "calls": list(calls)} | more


def code(ask, **more):
    try:
        ask(**more)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def orders(world):
    sts = world.client("sts")
    with check("POST /_fleet/faults adds, GET lists, DELETE clears"):
        equal(world.faults(), [])
        first = fault("GetCallerIdentity", "throttle", (1, 3))
        equal(world.faults("POST", [first]), [first])
        second = fault("*", "delay", delay="1s")
        equal([it["kind"] for it in world.faults("POST", [second])], ["throttle", "delay"])
        equal([it["kind"] for it in world.faults()], ["throttle", "delay"])
        equal(world.faults("DELETE"), [])
        equal(code(sts.get_caller_identity), None)
    with check("a fault that was ordered counts its calls from then on"):
        sts.get_caller_identity()
        with world.ordered(first):
            equal([code(sts.get_caller_identity) for _ in range(4)],
                  ["Throttling", None, "Throttling", None])
    with check("an order with a mistake is refused whole, and names it"):
        try:
            world.faults("POST", [first, fault("Nonsense", "throttle")])
        except urllib.error.HTTPError as error:
            equal(error.code, 400)
            holds("operation" in error.read().decode(), "the key is not named")
        else:
            raise AssertionError("it was taken")
        equal(world.faults(), [])


def name(item):
    """What tells an item of a list from the others."""
    if "Instances" in item:
        return item.get("AutoScalingGroupName") or item["Instances"][0]["InstanceId"]
    return item["InstanceId"]


def pages(world, ssm, asg, ec2):
    sent = ssm.send_command(Targets=by_group("web"), **RUN)["Command"]["CommandId"]
    finished(ssm, sent)
    for client, method, operation, key, size, more in [
        (ssm, "list_command_invocations", "ListCommandInvocations", "CommandInvocations", 5,
         {"CommandId": sent}),
        (ssm, "describe_instance_information", "DescribeInstanceInformation",
         "InstanceInformationList", 5, {}),
        (asg, "describe_auto_scaling_groups", "DescribeAutoScalingGroups", "AutoScalingGroups",
         2, {}),
        (asg, "describe_auto_scaling_instances", "DescribeAutoScalingInstances",
         "AutoScalingInstances", 5, {}),
        (ec2, "describe_instances", "DescribeInstances", "Reservations", 5, {}),
    ]:
        def read():
            found = client.get_paginator(method).paginate(
                PaginationConfig={"PageSize": size}, **more)
            return [page[key] for page in found]

        def whole(found):
            return sorted(name(it) for page in found for it in page)

        good = read()
        with check(f"empty-page: the paginator of {operation} goes on and loses nothing"):
            with world.ordered(fault(operation, "empty-page", (1, 3))):
                found = read()
            equal(found[0], [])
            equal(whole(found), whole(good))
        with check(f"short-page: the paginator of {operation} goes on and loses nothing"):
            with world.ordered(fault(operation, "short-page", (1, 2))):
                found = read()
            holds(len(found) > len(good), found)
            equal(whole(found), whole(good))
        with check(f"repeated-page: botocore refuses the token of {operation} that comes again"):
            with world.ordered(fault(operation, "repeated-page", (2, 3))):
                try:
                    read()
                except PaginationError as error:
                    holds("same next token" in str(error), error)
                else:
                    raise AssertionError("it went on")


def stale(world, ssm):
    for method, operation, key in [
        ("list_commands", "ListCommands", "Commands"),
        ("list_command_invocations", "ListCommandInvocations", "CommandInvocations"),
    ]:
        with check(f"stale-page: {operation} goes back to an older state, and then on"):
            sent = ssm.send_command(Targets=by_group("web"), MaxConcurrency="100%",
                                    **RUN)["Command"]["CommandId"]
            finished(ssm, sent)
            ask = getattr(ssm, method)
            def statuses():
                return {it["Status"] for it in ask(CommandId=sent)[key]}
            equal(statuses(), {"Success"})
            with world.ordered(fault(operation, "stale-page", age="30m")):
                equal(statuses() & {"Success"}, set())
                equal(statuses(), {"Success"})


def bodies(world, ssm, ec2):
    with check("truncated-body in the ec2 protocol: no list, or an error"):
        with world.ordered(fault("DescribeInstances", "truncated-body")):
            try:
                ec2.describe_instances()
            except ResponseParserError:
                pass
            else:
                raise AssertionError("half an answer was taken for a whole one")
    for client, method, operation in [
        (ec2, "describe_instance_status", "DescribeInstanceStatus"),
        (ssm, "list_commands", "ListCommands"),
    ]:
        with check(f"html-500: {operation} is tried again by botocore, and answered"):
            patient = world.client(client.meta.service_model.service_name,
                                   retries={"total_max_attempts": 3, "mode": "standard"})
            with world.ordered(fault(operation, "html-500")):
                found = getattr(patient, method)()
            equal(found["ResponseMetadata"]["RetryAttempts"], 1)
    with check("empty-message: InvalidInstanceId says no word, as it was seen to do (§1.5)"):
        with world.ordered(fault("SendCommand", "empty-message")):
            try:
                ssm.send_command(InstanceIds=["i-0123456789abcdef0"], **RUN)
            except ssm.exceptions.InvalidInstanceId as error:
                equal(error.response["Error"]["Message"], "")
            else:
                raise AssertionError("it was accepted")


def throttles(world, ssm):
    with check("throttle with calls_per_second: what is beyond them is refused, with Rate exceeded"):
        order = {"operation": "ListCommands", "kind": "throttle", "calls_per_second": 0.001}
        before = world.stats()["throttled"]
        with world.ordered(order):
            equal([code(ssm.list_commands) for _ in range(3)],
                  [None, "ThrottlingException", "ThrottlingException"])
            equal(code(ssm.list_documents), None)
        equal(world.stats()["throttled"], before + 2)
    with check("throttle with calls_per_second: botocore's standard mode gets through in time"):
        patient = world.client("ssm", retries={"total_max_attempts": 6, "mode": "standard"})
        order = {"operation": "ListCommands", "kind": "throttle", "calls_per_second": 0.5}
        with world.ordered(order):
            for _ in range(3):
                patient.list_commands()


def accepted(world, ssm):
    with check("drop-after-accept: botocore sends again, and the document runs twice (§1.7)"):
        [one] = world.members("one")
        twice = world.client("ssm", retries={"total_max_attempts": 3, "mode": "standard"})
        with world.ordered(fault("SendCommand", "drop-after-accept")):
            sent = twice.send_command(InstanceIds=[one], Comment="dropped", **RUN)
        equal(sent["ResponseMetadata"]["RetryAttempts"], 1)
        found = [it for it in ssm.list_commands()["Commands"] if it["Comment"] == "dropped"]
        equal(len(found), 2)
        for it in found:
            finished(ssm, it["CommandId"])
        equal(world.stats()["executions"][one]["AWS-RunShellScript"], 2)


def aws_cli(world):
    aws = Path(sys.executable).parent / "aws"

    def cli(*words):
        env = os.environ | world.env | {"AWS_MAX_ATTEMPTS": "3", "AWS_RETRY_MODE": "standard"}
        found = subprocess.run([aws, *words, "--output", "json"], env=env, capture_output=True,
                               text=True, timeout=60, check=False)
        return found.returncode, found.stdout, found.stderr

    with check("the aws CLI reads on over an empty page and a short one"):
        with world.ordered(fault("DescribeInstanceInformation", "empty-page"),
                           fault("DescribeInstanceInformation", "short-page", (2,))):
            status, out, err = cli("ssm", "describe-instance-information", "--page-size", "10")
        equal(status, 0)
        equal(len(json.loads(out)["InstanceInformationList"]), 16)
    with check("the aws CLI tries again after a throttle and after a proxy's page"):
        with world.ordered(fault("ListDocuments", "throttle"),
                           fault("ListDocuments", "html-500", (2,))):
            status, out, err = cli("ssm", "list-documents")
        equal(status, 0)
        holds(json.loads(out)["DocumentIdentifiers"], out)
    with check("the aws CLI tells of an expired token in AWS's words"):
        with world.ordered(fault("ListCommands", "expired-token")):
            status, out, err = cli("ssm", "list-commands")
        holds(status != 0 and "(ExpiredTokenException) when calling the ListCommands operation: "
              "The security token included in the request is expired" in err, err)
