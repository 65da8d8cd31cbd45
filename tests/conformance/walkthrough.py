"""The published walk-through, whole, with the aws CLI: examples/scoped-role is its world."""

import json
import os
import subprocess
import sys
from pathlib import Path

from harness import check, equal, holds, until

GROUP = "aaa-Ec2InstanceAutoScalingGroup-aaa"
DOCUMENT = "aaa-SsmDocument-aaa"
ROLE = "arn:aws:iam::000000000000:role/aaa-IamRoleSendCommand-aaa"
SESSION = "arn:aws:sts::000000000000:assumed-role/aaa-IamRoleSendCommand-aaa/cli-session"
AWS = Path(sys.executable).with_name("aws")


class Cli:
    """The aws CLI, with nothing in its environment but what it is told."""

    def __init__(self, world):
        home = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_PAGER": "",
                "AWS_EC2_METADATA_DISABLED": "true"}
        self.env = {**world.env, **home}

    def run(self, *words):
        return subprocess.run([AWS, *words, "--output", "json"], env=self.env, timeout=60,
                              capture_output=True, text=True)

    def ask(self, *words):
        res = self.run(*words)
        holds(res.returncode == 0, res.stderr)
        return json.loads(res.stdout)

    def refusal(self, *words):
        """The one line that the CLI prints of an error."""
        res = self.run(*words)
        # 255 from version 1 of the CLI, which PyPI has; 254 from version 2.
        holds(res.returncode in (254, 255) and not res.stdout, res)
        lines = [it for it in res.stderr.splitlines() if it]
        equal(len(lines), 1)
        return lines[0].removeprefix("aws: [ERROR]: ")

    def assume(self):
        found = self.ask("sts", "assume-role", "--role-arn", ROLE,
                         "--role-session-name", "cli-session")
        keys = found["Credentials"]
        self.env["AWS_ACCESS_KEY_ID"] = keys["AccessKeyId"]
        self.env["AWS_SECRET_ACCESS_KEY"] = keys["SecretAccessKey"]
        self.env["AWS_SESSION_TOKEN"] = keys["SessionToken"]
        return found

    def send(self, *limits):
        return self.ask("ssm", "send-command", "--document-name", DOCUMENT, "--targets",
                        f"Key=tag:aws:autoscaling:groupName,Values={GROUP}", *limits)["Command"]

    def ends(self, command):
        """Lists the command's invocations until there are two that ended."""
        def ask():
            found = self.ask("ssm", "list-command-invocations", "--command-id",
                             command["CommandId"])["CommandInvocations"]
            over = [it for it in found if it["Status"] not in ("Pending", "InProgress")]
            return found if len(over) == 2 else None
        return until(ask, 60)


def run(worlds):
    cli = Cli(worlds["scoped-role"])
    with check("walk-through: the user alone may not send"):
        equal(cli.refusal("ssm", "send-command", "--document-name", DOCUMENT),
              "An error occurred (AccessDeniedException) when calling the SendCommand operation: "
              "User: arn:aws:iam::000000000000:user/aaa-IamUserAssumeRole-aaa is not authorized "
              "to perform: ssm:SendCommand on resource: "
              f"arn:aws:ssm:ap-northeast-1:000000000000:document/{DOCUMENT} because no "
              "identity-based policy allows the ssm:SendCommand action")
    with check("walk-through: the user may not assume a role outside the prefix"):
        equal(cli.refusal("sts", "assume-role", "--role-arn",
                          "arn:aws:iam::000000000000:role/other", "--role-session-name", "s1"),
              "An error occurred (AccessDenied) when calling the AssumeRole operation: User: "
              "arn:aws:iam::000000000000:user/aaa-IamUserAssumeRole-aaa is not authorized to "
              "perform: sts:AssumeRole on resource: arn:aws:iam::000000000000:role/other")
    with check("walk-through: the user assumes the scoped role"):
        found = cli.assume()
        equal(found["AssumedRoleUser"]["Arn"], SESSION)
        holds(found["AssumedRoleUser"]["AssumedRoleId"].endswith(":cli-session"), found)
        equal(cli.ask("sts", "get-caller-identity")["Arn"], SESSION)
    with check("walk-through: send-command by tag is accepted"):
        command = cli.send("--max-concurrency=1")
        # The published answer, without its ids and times. AWS has since filled DocumentVersion
        # and added AlarmConfiguration and TriggeredAlarms (aws-facts §1.6).
        expected = {
            "MaxErrors": "0", "Parameters": {}, "DocumentName": DOCUMENT,
            "OutputS3BucketName": "", "OutputS3KeyPrefix": "", "StatusDetails": "Pending",
            "Status": "Pending", "TimeoutSeconds": 3600, "TargetCount": 0,
            "NotificationConfig":
                {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
            "InstanceIds": [], "ErrorCount": 0, "MaxConcurrency": "1", "ServiceRole": "",
            "CloudWatchOutputConfig":
                {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
            "CompletedCount": 0, "Comment": "", "DeliveryTimedOutCount": 0,
            "Targets": [{"Key": "tag:aws:autoscaling:groupName", "Values": [GROUP]}],
        }
        equal({name: command.get(name) for name in expected}, expected)
    with check("walk-through: list-command-invocations comes to two Success"):
        found = cli.ends(command)
        equal([(it["Status"], it["StatusDetails"]) for it in found], [("Success",) * 2] * 2)
        holds(found[0]["RequestedDateTime"] > found[1]["RequestedDateTime"], "newest first")
    with check("walk-through: another document is refused, in AWS's words"):
        equal(cli.refusal("ssm", "send-command", "--document-name", "xx-SsmDocument-xx"),
              "An error occurred (AccessDeniedException) when calling the SendCommand operation: "
              f"User: {SESSION} is not authorized to perform: ssm:SendCommand on resource: "
              "arn:aws:ssm:ap-northeast-1:000000000000:document/xx-SsmDocument-xx because no "
              "identity-based policy allows the ssm:SendCommand action")
    with check("walk-through: an instance outside the group is refused, in AWS's words"):
        outside = "i-0cccccccccccccccc"
        equal(cli.refusal("ssm", "send-command", "--document-name", DOCUMENT,
                          "--instance-ids", outside),
              "An error occurred (AccessDeniedException) when calling the SendCommand operation: "
              f"User: {SESSION} is not authorized to perform: ssm:SendCommand on resource: "
              f"arn:aws:ec2:ap-northeast-1:000000000000:instance/{outside} because no "
              "identity-based policy allows the ssm:SendCommand action")
    with check("walk-through: whatever else is refused by name"):
        for words, action in [
            (["ssm", "list-commands"], "ssm:ListCommands"),
            (["ssm", "describe-instance-information"], "ssm:DescribeInstanceInformation"),
            (["ssm", "cancel-command", "--command-id", command["CommandId"]], "ssm:CancelCommand"),
        ]:
            said = cli.refusal(*words)
            holds(f"User: {SESSION} is not authorized to perform: {action} on resource: "
                  "arn:aws:ssm:ap-northeast-1:000000000000:* because no identity-based policy "
                  f"allows the {action} action" in said, said)
        said = cli.refusal("autoscaling", "describe-auto-scaling-groups")
        holds("(AccessDenied)" in said and said.endswith(
            f"User: {SESSION} is not authorized to perform: "
            "autoscaling:DescribeAutoScalingGroups because no identity-based policy allows the "
            "autoscaling:DescribeAutoScalingGroups action"), said)
    with check("walk-through: what a tag matches beyond the role ends AccessDenied"):
        sent = cli.ask("ssm", "send-command", "--document-name", DOCUMENT, "--targets",
                       "Key=tag-key,Values=aws:autoscaling:groupName")["Command"]
        def ended():
            found = cli.ask("ssm", "list-command-invocations", "--command-id",
                            sent["CommandId"])["CommandInvocations"]
            over = [it["StatusDetails"] for it in found
                    if it["Status"] not in ("Pending", "InProgress")]
            return sorted(over) if len(over) == 3 else None
        equal(until(ended, 60), ["AccessDenied", "Success", "Success"])

    failing = Cli(worlds["failing-walkthrough"])
    with check("walk-through: the failing document with --max-errors 0 is stopped after one"):
        failing.assume()
        found = failing.ends(failing.send("--max-concurrency=1", "--max-errors=0"))
        # Newest first: the one that was withheld comes first, as in the article.
        equal([(it["Status"], it["StatusDetails"]) for it in found],
              [("Failed", "Terminated"), ("Failed", "Failed")])
