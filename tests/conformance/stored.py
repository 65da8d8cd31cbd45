"""Output where the agent puts it besides SSM (aws-facts §1.8): objects of a bucket and streams of a
log group, read by boto3 and the aws CLI; and who may read them.
"""

import os
import subprocess
import sys
from pathlib import Path

from botocore.exceptions import ClientError

from harness import by_group, check, equal, finished, holds
from worlds.outputs import text

SHELL = "AWS-RunShellScript"
LOGS = {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/runs"}
READER = ("AKIDREADER", "secret")


def run(worlds):
    world = worlds["stored"]
    ssm = world.client("ssm")
    one = world.members("web")[0]
    sent = send(ssm, InstanceIds=[one], OutputS3BucketName="kept", OutputS3KeyPrefix="/runs/",
                CloudWatchOutputConfig=LOGS)
    objects(world, sent, one)
    streams(world, sent, one)
    steps(world, ssm, one)
    silence(world, ssm)
    refusals(world, sent, one)
    whole(worlds["outputs"])
    cli(world, sent, one)


def send(ssm, document=SHELL, **more):
    if document == SHELL:
        more["Parameters"] = {"commands": ["true"]}
    sent = ssm.send_command(DocumentName=document, **more)["Command"]["CommandId"]
    finished(ssm, sent)
    return sent


def refused(ask, **request):
    try:
        ask(**request)
    except ClientError as error:
        return (error.response["Error"]["Code"],
                error.response["ResponseMetadata"]["HTTPStatusCode"])
    raise AssertionError("it was not refused")


def folder(sent, one):
    return f"runs/{sent}/{one}/awsrunShellScript/0.awsrunShellScript"


def bucket(world, keys=None):
    """Not held against the model on the wire: that reads no REST-XML."""
    return world.client("s3", keys, judged=False)


def objects(world, sent, one):
    s3 = bucket(world)
    with check("S3: an object is what was printed, under the agent's key"):
        found = s3.list_objects_v2(Bucket="kept", Prefix=f"runs/{sent}/")
        equal([(it["Key"], it["Size"]) for it in found["Contents"]],
              [(f"{folder(sent, one)}/stderr", 5), (f"{folder(sent, one)}/stdout", 8)])
        got = s3.get_object(Bucket="kept", Key=f"{folder(sent, one)}/stdout")
        equal(got["Body"].read(), b"one\ntwo\n")
    key = {"Bucket": "kept", "Key": f"{folder(sent, one)}/stdout"}
    with check("S3: a range is a part, and says of how much; HeadObject says how much there is"):
        got = s3.get_object(Range="bytes=4-6", **key)
        equal((got["Body"].read(), got["ContentRange"]), (b"two", "bytes 4-6/8"))
        got = s3.get_object(Range="bytes=-4", **key)
        equal((got["Body"].read(), got["ContentRange"]), (b"two\n", "bytes 4-7/8"))
        equal(s3.head_object(**key)["ContentLength"], 8)
        equal(refused(s3.get_object, Range="bytes=8-9", **key), ("InvalidRange", 416))
    with check("S3: ListObjectsV2 has pages, and prefixes up to a delimiter"):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket="kept", PaginationConfig={"PageSize": 1})
        pages = [[it["Key"] for it in page["Contents"]] for page in pages]
        equal([len(it) for it in pages], [1, 1])
        found = s3.list_objects_v2(Bucket="kept", Delimiter="/", Prefix="runs/")
        equal([it["Prefix"] for it in found["CommonPrefixes"]], [f"runs/{sent}/"])
    with check("S3: what is not there is refused by name; nothing can be stored"):
        equal(refused(s3.get_object, Bucket="absent", Key="a"), ("NoSuchBucket", 404))
        equal(refused(s3.get_object, Bucket="kept", Key="a b+c"), ("NoSuchKey", 404))
        equal(refused(s3.head_object, Bucket="kept", Key="a"), ("404", 404))
        equal(refused(s3.put_object, Bucket="kept", Key="a", Body=b""), ("NotImplemented", 501))
        equal(refused(s3.list_objects, Bucket="kept"), ("NotImplemented", 501))


def streams(world, sent, one):
    logs = world.client("logs")
    name = f"{sent}/{one}/aws-runShellScript/stdout"
    place = {"logGroupName": "/runs", "logStreamName": name}
    with check("Logs: a stream of the command, the instance, the plugin and the kind"):
        found = logs.describe_log_streams(logGroupName="/runs", logStreamNamePrefix=sent)
        equal([it["logStreamName"] for it in found["logStreams"]],
              [name.replace("stdout", "stderr"), name])
        found = logs.get_log_events(startFromHead=True, **place)
        equal([it["message"] for it in found["events"]], ["one\ntwo"])
    with check("Logs: at the end the token is the one that was sent"):
        token = found["nextForwardToken"]
        found = logs.get_log_events(startFromHead=True, nextToken=token, **place)
        equal((found["events"], found["nextForwardToken"]), ([], token))
        found = logs.get_log_events(nextToken=found["nextBackwardToken"], **place)
        equal(len(found["events"]), 1)
    with check("Logs: groups and streams that are not there, and tokens that lead nowhere"):
        absent = "ResourceNotFoundException"
        # Its model knows no message of it, which AWS sends.
        logs = world.client("logs", judged=False)
        equal(refused(logs.get_log_events, logGroupName="a", logStreamName="b"), (absent, 400))
        equal(refused(logs.get_log_events, logGroupName="/runs", logStreamName="b"), (absent, 400))
        equal(refused(logs.describe_log_streams, logGroupName="a"), (absent, 400))
        equal(refused(logs.get_log_events, nextToken="x", **place),
              ("InvalidParameterException", 400))


def steps(world, ssm, one):
    with check("two steps have folders and streams of their own, without colons"):
        sent = send(ssm, "two-steps", InstanceIds=[one], OutputS3BucketName="kept",
                    CloudWatchOutputConfig={"CloudWatchOutputEnabled": True})
        found = bucket(world).list_objects_v2(Bucket="kept", Prefix=sent)
        # The world's outcome is that of the first step.
        equal([it["Key"] for it in found["Contents"]],
              [f"{sent}/{one}/awsrunShellScript/firststep/{it}" for it in ("stderr", "stdout")])
        found = world.client("logs").describe_log_streams(logGroupName="/aws/ssm/two-steps")
        equal([it["logStreamName"] for it in found["logStreams"]],
              [f"{sent}/{one}/first-step/{it}" for it in ("stderr", "stdout")])


def silence(world, ssm):
    with check("an instance whose profile may not write leaves nothing behind, and succeeds"):
        sent = send(ssm, Targets=by_group("mute"), OutputS3BucketName="kept")
        equal(ssm.list_commands(CommandId=sent)["Commands"][0]["Status"], "Success")
        equal(bucket(world).list_objects_v2(Bucket="kept", Prefix=sent)["KeyCount"], 0)


def refusals(world, sent, one):
    s3, logs = bucket(world, READER), world.client("logs", READER)
    with check("policies decide by object and by stream; signatures are verified for S3 as well"):
        key = f"{folder(sent, one)}/stdout"
        equal(s3.get_object(Bucket="kept", Key=key)["Body"].read(), b"one\ntwo\n")
        denied = ("AccessDenied", 403)
        equal(refused(s3.list_objects_v2, Bucket="kept"), denied)
        equal(refused(s3.get_object, Bucket="other", Key="a"), denied)
        # Without s3:ListBucket one is not told that a key is absent.
        equal(refused(s3.get_object, Bucket="kept", Key="runs/absent"), denied)
        name = f"{sent}/{one}/aws-runShellScript/stdout"
        found = logs.get_log_events(logGroupName="/runs", logStreamName=name)
        equal(len(found["events"]), 1)
        denied = ("AccessDeniedException", 400)
        equal(refused(logs.get_log_events, logGroupName="/no", logStreamName="a"), denied)
        equal(refused(logs.describe_log_streams, logGroupName="/runs"), denied)
        forged = bucket(world, ("AKIDREADER", "guessed"))
        equal(refused(forged.get_object, Bucket="kept", Key=key), ("SignatureDoesNotMatch", 403))
        unknown = bucket(world, ("AKIDNOBODY", "secret"))
        equal(refused(unknown.get_object, Bucket="kept", Key=key), ("InvalidAccessKeyId", 403))


def whole(world):
    with check("what GetCommandInvocation cuts at 24,000 is whole in the bucket and in the log"):
        ssm = world.client("ssm")
        sent = send(ssm, Targets=by_group("both-large"), OutputS3BucketName="kept",
                    CloudWatchOutputConfig=LOGS)
        one = world.members("both-large")[0]
        prefix = f"{sent}/{one}/awsrunShellScript/0.awsrunShellScript"
        for kind in ("stdout", "stderr"):
            got = bucket(world).get_object(Bucket="kept", Key=f"{prefix}/{kind}")
            equal(got["Body"].read().decode(), text(kind[3], 30_000))
            found = world.client("logs").get_log_events(
                logGroupName="/runs", logStreamName=f"{sent}/{one}/aws-runShellScript/{kind}")
            equal("".join(it["message"] for it in found["events"]), text(kind[3], 30_000))


def cli(world, sent, one):
    """The aws CLI beside the Python that runs this."""
    aws = Path(sys.executable).with_name("aws")

    def call(*args):
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_PAGER": ""} | world.env
        res = subprocess.run([aws, *args], env=env, capture_output=True, timeout=60, check=False)
        holds(res.returncode == 0, res.stderr.decode())
        return res.stdout.decode()

    with check("the aws CLI: s3 ls, s3 cp and logs get-log-events"):
        holds(aws.exists(), "there is no aws beside Python")
        prefix = f"s3://kept/{folder(sent, one)}"
        equal([it.split()[2:] for it in call("s3", "ls", f"{prefix}/").splitlines()],
              [["5", "stderr"], ["8", "stdout"]])
        equal(call("s3", "cp", f"{prefix}/stdout", "-"), "one\ntwo\n")
        name = f"{sent}/{one}/aws-runShellScript/stdout"
        found = call("logs", "get-log-events", "--log-group-name", "/runs", "--log-stream-name",
                     name, "--query", "events[].message", "--output", "text")
        equal(found, "one\ntwo\n")
