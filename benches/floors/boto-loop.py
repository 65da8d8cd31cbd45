"""What fleet is compared with: a boto3 script, as one would write it in an incident.

    boto-loop.py GROUP SECONDS REPORT      SECONDS pass between two looks
"""

import json
import sys
import time

import boto3

FINAL = {"Success", "Failed", "Cancelled", "TimedOut"}


def main(group, interval, report):
    ssm = boto3.client("ssm")
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": ["uptime"]},
        Targets=[{"Key": "tag:aws:autoscaling:groupName", "Values": [group]}],
        MaxConcurrency="10%",
        MaxErrors="100%",
    )
    command = sent["Command"]["CommandId"]
    pages = ssm.get_paginator("list_command_invocations")
    rows = []
    # The rows of the last look are the report: nothing is asked for twice. There are none at first.
    while not rows or any(it["Status"] not in FINAL for it in rows):
        time.sleep(float(interval))
        found = pages.paginate(CommandId=command, Details=True)
        rows = [it for page in found for it in page["CommandInvocations"]]
    instances = [
        {
            "instance_id": it["InstanceId"],
            "status": it["StatusDetails"],
            "response_code": it["CommandPlugins"][0]["ResponseCode"],
            "output": it["CommandPlugins"][0]["Output"],
        }
        for it in rows
    ]
    with open(report, "w") as file:
        json.dump({"command": command, "instances": instances}, file, indent=2)


main(*sys.argv[1:])
