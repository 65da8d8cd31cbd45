"""What botocore does with the faults that a world orders, and what is left of a command then."""

import time

from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.parsers import ResponseParserError

from harness import by_group, check, equal, finished, holds

RUN = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}


def calls(world, operation):
    return world.stats()["calls"].get(operation, 0)


def run(worlds):
    world = worlds["faults"]
    retrying = {"retries": {"total_max_attempts": 3, "mode": "standard"}}
    ssm, once = world.client("ssm", **retrying), world.client("ssm")
    asg, sts = world.client("autoscaling", **retrying), world.client("sts", **retrying)
    with check("throttle: botocore tries ListCommands again, and the third call is answered"):
        answer = ssm.list_commands()
        equal(answer["ResponseMetadata"]["RetryAttempts"], 2)
        equal(calls(world, "ListCommands"), 3)
        equal(world.stats()["throttled"], 2)
    with check("throttle in the query protocol: botocore tries DescribeAutoScalingGroups again"):
        equal(asg.describe_auto_scaling_groups()["ResponseMetadata"]["RetryAttempts"], 1)
    with check("html-500: botocore makes a 500 of it and tries again"):
        answer = ssm.list_command_invocations()
        equal(answer["ResponseMetadata"]["RetryAttempts"], 1)
    with check("html-500 in the query protocol, to the last attempt"):
        broken = world.client("autoscaling")
        try:
            # The third call is the truncated one.
            broken.describe_auto_scaling_groups()
        except ResponseParserError:
            pass
        else:
            raise AssertionError("half an answer was taken for a whole one")
        try:
            asg.describe_auto_scaling_groups()
        except (ClientError, ResponseParserError) as error:
            if isinstance(error, ClientError):
                equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 500)
        else:
            raise AssertionError("a page of a proxy was taken for an answer")
    with check("error-500 on GetCallerIdentity is tried again"):
        equal(sts.get_caller_identity()["ResponseMetadata"]["RetryAttempts"], 1)
    with check("error-500 on GetDocument is InternalServerError after three attempts"):
        try:
            ssm.get_document(Name="AWS-RunShellScript")
        except ssm.exceptions.InternalServerError as error:
            equal(error.response["ResponseMetadata"]["RetryAttempts"], 2)
            equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 500)
        else:
            raise AssertionError("it was answered")
    with check("truncated-body: what botocore makes of half a ListDocuments is no list"):
        try:
            answer = world.client("ssm", judged=False).list_documents()
        except ResponseParserError:
            pass
        else:
            # botocore reads a JSON body that it cannot parse as one without members.
            equal(answer.get("DocumentIdentifiers"), None)
    with check("expired-token: ExpiredTokenException, and it is not tried again"):
        for _ in range(2):
            try:
                ssm.describe_instance_information()
            except ClientError as error:
                equal(error.response["Error"]["Code"], "ExpiredTokenException")
                equal(error.response["ResponseMetadata"]["RetryAttempts"], 0)
            else:
                raise AssertionError("it was answered")
    with check("delay: the answer comes, 10 simulated seconds later"):
        before = time.monotonic()
        ssm.describe_document(Name="AWS-RunShellScript")
        took = time.monotonic() - before
        holds(0.45 <= took < 5, f"it took {took:.3f} s")
    with check("error-500-after-accept: botocore sends again, and the command runs twice (§1.7)"):
        sent = ssm.send_command(Targets=by_group("web"), Comment="first", **RUN)
        equal(sent["ResponseMetadata"]["RetryAttempts"], 1)
        found = [it for it in ssm.list_commands()["Commands"] if it["Comment"] == "first"]
        equal(len(found), 2)
    with check("drop-after-accept: without retries the caller knows nothing, the command is there"):
        try:
            once.send_command(Targets=by_group("web"), Comment="second", **RUN)
        except ConnectionClosedError:
            pass
        else:
            raise AssertionError("it was answered")
        found = [it for it in ssm.list_commands()["Commands"] if it["Comment"] == "second"]
        equal(len(found), 1)
        finished(ssm, found[0]["CommandId"])
    with check("drop-before-accept: without retries the caller knows nothing, and nothing is there"):
        once.send_command(Targets=by_group("web"), Comment="third", **RUN)
        try:
            once.send_command(Targets=by_group("web"), Comment="fourth", **RUN)
        except ConnectionClosedError:
            pass
        else:
            raise AssertionError("it was answered")
        found = [it["Comment"] for it in ssm.list_commands()["Commands"]]
        equal(sorted(found), ["first", "first", "second", "third"])
    with check("the stats tell of it: every command that was accepted ran once on each instance"):
        stats = world.stats()
        for command in ssm.list_commands()["Commands"]:
            finished(ssm, command["CommandId"])
        stats = world.stats()
        equal(stats["commands"], 4)
        equal([it["AWS-RunShellScript"] for it in stats["executions"].values()], [4, 4])
