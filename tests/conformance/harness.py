"""Checks that print their own name, and clients of the simulated worlds that they run against."""

import contextlib
import copy
import json
import shlex
import time
import traceback
import urllib.request
from pathlib import Path

import boto3
import botocore.session
from botocore.config import Config

import model

passed, failed = [], []


@contextlib.contextmanager
def check(name):
    """Runs the block as one check: whatever it raises is a failure, and so is any answer in it that
    deviates from botocore's model. The next check goes on.
    """
    try:
        yield
        model.settle()
    except Exception as error:
        failed.append(name)
        what = traceback.extract_tb(error.__traceback__)[-1]
        print(f"FAILED {name}\n       {Path(what.filename).name}:{what.lineno}: "
              f"{type(error).__name__}: {error}", flush=True)
    else:
        passed.append(name)
        print(f"ok     {name}", flush=True)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r} is not {expected!r}")


def holds(truth, why):
    if not truth:
        raise AssertionError(why)


def until(ask, seconds=20):
    """Asks again until the answer is true; every poll of the checks goes through it."""
    deadline = time.monotonic() + seconds
    while not (res := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {res!r} after {seconds} s")
        time.sleep(0.02)
    return res


def session(protocol):
    if protocol is None:
        return boto3.session.Session()
    core = botocore.session.Session()
    loader = core.get_component("data_loader")
    load = loader.load_service_model

    def load_speaking(service, kind, *version, **more):
        found = copy.deepcopy(load(service, kind, *version, **more))
        if kind == "service-2":
            found["metadata"].update(protocol=protocol, protocols=[protocol])
            if protocol == "query":  # its errors have their old codes by themselves
                found["metadata"].pop("awsQueryCompatible", None)
        return found

    loader.load_service_model = load_speaking
    return boto3.session.Session(botocore_session=core)


class World:
    """A running `fleet sim`, by the variables that it printed."""

    def __init__(self, exports):
        lines = shlex.split(Path(exports).read_text())
        self.env = dict(it.split("=", 1) for it in lines if it != "export")
        self.endpoint = self.env["AWS_ENDPOINT_URL"]
        self.region = self.env["AWS_REGION"]

    def client(self, service, keys=None, judged=True, protocol=None, **config):
        """`keys`: id, secret and perhaps a token; without them those of the world's first user.
        `judged`: whether its answers have to keep to the model. `protocol`: the one to speak, of
        those that the service has.
        """
        keys = keys or (self.env["AWS_ACCESS_KEY_ID"], self.env["AWS_SECRET_ACCESS_KEY"])
        config.setdefault("retries", {"total_max_attempts": 1})
        res = session(protocol).client(
            service, endpoint_url=self.endpoint, region_name=self.region,
            aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
            aws_session_token=keys[2] if len(keys) > 2 else None,
            config=Config(**config))
        if judged:
            model.listen(res)
        return res

    def free(self, service, **config):
        """A client that sends whatever it is told, as SDKs without client-side validation do."""
        return self.client(service, parameter_validation=False, **config)

    def members(self, group):
        found = self.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[group])["AutoScalingGroups"][0]["Instances"]
        return [it["InstanceId"] for it in found]

    def faults(self, method="GET", orders=None):
        """Asks /_fleet/faults, and returns what is ordered then."""
        body = None if orders is None else json.dumps(orders).encode()
        asked = urllib.request.Request(f"{self.endpoint}/_fleet/faults", body, method=method,
                                       headers={"content-type": "application/json"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    @contextlib.contextmanager
    def ordered(self, *orders):
        """Has faults for as long as the block lasts."""
        self.faults("POST", list(orders))
        try:
            yield
        finally:
            self.faults("DELETE")

    def stats(self):
        with urllib.request.urlopen(f"{self.endpoint}/_fleet/stats", timeout=10) as answer:
            return json.load(answer)


def by_group(*groups):
    return [{"Key": "tag:aws:autoscaling:groupName", "Values": list(groups)}]


def command(ssm, command_id):
    return ssm.list_commands(CommandId=command_id)["Commands"][0]


def finished(ssm, command_id):
    """Waits for the command's end."""
    def ask():
        res = command(ssm, command_id)
        return res if res["Status"] not in ("Pending", "InProgress", "Cancelling") else None
    return until(ask)


def invocations(ssm, command_id, **more):
    pages = ssm.get_paginator("list_command_invocations").paginate(CommandId=command_id, **more)
    return [it for page in pages for it in page["CommandInvocations"]]
