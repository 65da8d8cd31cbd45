"""What changes an Auto Scaling group (aws-facts §5.3 to §5.5), and EC2's view of its instances."""

import model
from harness import check, equal, holds, until


def run(worlds):
    world = worlds["scaling"]
    asg, ec2 = world.client("autoscaling"), world.client("ec2")
    processes(asg)
    health(world, asg, ec2)
    standby(world, asg)
    activities(asg)
    refreshes(asg)
    protection(world, asg)
    replacement(world, asg)
    instances(world, ec2)


def group(asg, name):
    return asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]


def lifecycle(asg, instance):
    found = asg.describe_auto_scaling_instances(InstanceIds=[instance])["AutoScalingInstances"]
    return found[0]["LifecycleState"] if found else None


def standby(world, asg):
    one = world.members("web")[0]
    enter = {"AutoScalingGroupName": "web", "ShouldDecrementDesiredCapacity": True}
    with check("EnterStandby: the activity has AWS's words, desired capacity shrinks (§5.3)"):
        found = model.ask(asg, "enter_standby", InstanceIds=[one], **enter)["Activities"][0]
        equal(found["Description"], f"Moving EC2 instance to Standby: {one}")
        equal((found["StatusCode"], found["Progress"]), ("InProgress", 50))
        holds(found["Cause"].endswith(
            f"instance {one} was moved to standby in response to a user request, shrinking the "
            "capacity from 4 to 3."), found["Cause"])
        equal(group(asg, "web")["DesiredCapacity"], 3)
    with check("EnterStandby: Standby after a while, and SSM still reaches it"):
        until(lambda: lifecycle(asg, one) == "Standby")
        model.ask(world.client("ssm"), "send_command", DocumentName="AWS-RunShellScript",
                  Parameters={"commands": ["true"]}, InstanceIds=[one])
    with check("EnterStandby: one that is not InService is ValidationError, in AWS's words"):
        model.refused(asg, "enter_standby", "ValidationError",
                      f"The instance {one} is not in InService.", InstanceIds=[one], **enter)
    with check("EnterStandby: below MinSize is ValidationError, in AWS's words"):
        model.refused(
            asg, "enter_standby", "ValidationError",
            "AutoScalingGroup tight has min-size=2, max-size=2, and desired-size=2. To place into "
            "standby 1 instance, please update the AutoScalingGroup sizes appropriately.",
            AutoScalingGroupName="tight", InstanceIds=world.members("tight")[:1],
            ShouldDecrementDesiredCapacity=True)
    with check("EnterStandby: more than 20 instances is ValidationError"):
        model.refused(asg, "enter_standby", "ValidationError", AutoScalingGroupName="large",
                      InstanceIds=world.members("large")[:21],
                      ShouldDecrementDesiredCapacity=True)
    with check("EnterStandby without ShouldDecrementDesiredCapacity is ValidationError"):
        model.refused(world.free("autoscaling"), "enter_standby", "ValidationError",
                      r".*'shouldDecrementDesiredCapacity'.*must not be null",
                      AutoScalingGroupName="web")
    for method, more in (("enter_standby", {"ShouldDecrementDesiredCapacity": True}),
                         ("exit_standby", {})):
        with check(f"{method}: a group that does not exist is ValidationError (D22)"):
            model.refused(asg, method, "ValidationError", r".*AutoScalingGroup.* not found.*",
                          AutoScalingGroupName="nobody", InstanceIds=[one], **more)
    with check("ExitStandby: the activity has AWS's words, desired capacity grows (§5.3)"):
        found = model.ask(asg, "exit_standby", AutoScalingGroupName="web",
                          InstanceIds=[one])["Activities"][0]
        equal(found["Description"], f"Moving EC2 instance out of Standby: {one}")
        equal((found["StatusCode"], found["Progress"]), ("PreInService", 30))
        until(lambda: lifecycle(asg, one) == "InService")
        equal(group(asg, "web")["DesiredCapacity"], 4)
    with check("EnterStandby without decrement launches a replacement (§5.3)"):
        model.ask(asg, "enter_standby", AutoScalingGroupName="web", InstanceIds=[one],
                  ShouldDecrementDesiredCapacity=False)
        until(lambda: len([it for it in group(asg, "web")["Instances"]
                           if it["LifecycleState"] == "InService"]) == 4)
        equal(group(asg, "web")["DesiredCapacity"], 4)


def health(world, asg, ec2):
    bad = world.members("sick")[1]
    asg.suspend_processes(AutoScalingGroupName="sick", ScalingProcesses=["ReplaceUnhealthy"])

    def unhealthy():
        return [it["InstanceId"] for it in group(asg, "sick")["Instances"]
                if it["HealthStatus"] == "Unhealthy"]

    with check("HealthCheck: an instance that fails its status checks is Unhealthy"):
        world.client("ssm").send_command(
            DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]},
            InstanceIds=[bad])
        until(unhealthy)
        equal(unhealthy(), [bad])
        found = model.ask(ec2, "describe_instance_status", InstanceIds=[bad])["InstanceStatuses"]
        equal(found[0]["InstanceStatus"]["Status"], "impaired")
    with check("ReplaceUnhealthy suspended: it stays; resumed: it is replaced"):
        equal(len(group(asg, "sick")["Instances"]), 2)
        asg.resume_processes(AutoScalingGroupName="sick", ScalingProcesses=["ReplaceUnhealthy"])
        until(lambda: bad not in world.members("sick"))
        until(lambda: [it["LifecycleState"] for it in group(asg, "sick")["Instances"]]
              == ["InService"] * 2)
        equal((group(asg, "sick")["DesiredCapacity"], unhealthy()), (2, []))
        causes = [it["Cause"] for it in asg.describe_scaling_activities(
            AutoScalingGroupName="sick")["Activities"]]
        holds(any("EC2 instance status checks failure" in it for it in causes), causes)


def processes(asg):
    with check("SuspendProcesses of one: an answer without a result, and the group says so (§5.4)"):
        equal(set(model.ask(asg, "suspend_processes", AutoScalingGroupName="tight",
                            ScalingProcesses=["AZRebalance"])), {"ResponseMetadata"})
        found = group(asg, "tight")["SuspendedProcesses"]
        equal([it["ProcessName"] for it in found], ["AZRebalance"])
        holds(found[0]["SuspensionReason"].startswith("User suspended at 20"), found)
    with check("SuspendProcesses without names means all nine (§5.4)"):
        model.ask(asg, "suspend_processes", AutoScalingGroupName="tight")
        equal(len(group(asg, "tight")["SuspendedProcesses"]), 9)
    with check("ResumeProcesses of one, then of all"):
        model.ask(asg, "resume_processes", AutoScalingGroupName="tight",
                  ScalingProcesses=["Launch"])
        equal(len(group(asg, "tight")["SuspendedProcesses"]), 8)
        model.ask(asg, "resume_processes", AutoScalingGroupName="tight")
        equal(group(asg, "tight")["SuspendedProcesses"], [])
    for method in ("suspend_processes", "resume_processes"):
        with check(f"{method}: an unknown process and an unknown group are ValidationError"):
            model.refused(asg, method, "ValidationError", AutoScalingGroupName="tight",
                          ScalingProcesses=["Nonsense"])
            model.refused(asg, method, "ValidationError", AutoScalingGroupName="nobody")


def activities(asg):
    with check("DescribeScalingActivities: newest first, and every one fits the model (§5.5)"):
        found = model.ask(asg, "describe_scaling_activities",
                          AutoScalingGroupName="web")["Activities"]
        times = [it["StartTime"] for it in found]
        equal(times, sorted(times, reverse=True))
    with check("DescribeScalingActivities pages by 1"):
        pages = list(asg.get_paginator("describe_scaling_activities").paginate(
            AutoScalingGroupName="web", PaginationConfig={"PageSize": 1}))
        ids = [it["ActivityId"] for page in pages for it in page["Activities"]]
        equal((len(ids), len(set(ids))), (len(found), len(found)))


def refreshes(asg):
    with check("DescribeInstanceRefreshes: the one that a group is in, by itself and by its id"):
        def found(name, **more):
            return model.ask(asg, "describe_instance_refreshes", AutoScalingGroupName=name,
                             **more)["InstanceRefreshes"]
        one, = found("large")
        equal((one["AutoScalingGroupName"], one["Status"]), ("large", "InProgress"))
        equal(found("large", InstanceRefreshIds=[one["InstanceRefreshId"]]), [one])
        equal(found("large", InstanceRefreshIds=["another"]), [])
        equal(found("web"), [])
    with check("DescribeInstanceRefreshes: an unknown group and a stray token are refused"):
        model.refused(asg, "describe_instance_refreshes", "ValidationError",
                      AutoScalingGroupName="nobody")
        model.refused(asg, "describe_instance_refreshes", "InvalidNextToken",
                      AutoScalingGroupName="large", NextToken="nowhere")


def protection(world, asg):
    one = world.members("large")[0]
    with check("SetInstanceProtection: the group's instances say so"):
        model.ask(asg, "set_instance_protection", AutoScalingGroupName="large", InstanceIds=[one],
                  ProtectedFromScaleIn=True)
        found = [it for it in group(asg, "large")["Instances"] if it["ProtectedFromScaleIn"]]
        equal([it["InstanceId"] for it in found], [one])
    with check("SetInstanceHealth: the group says so, and only of its members"):
        model.ask(asg, "set_instance_health", InstanceId=one, HealthStatus="Healthy")
        found = [it for it in group(asg, "large")["Instances"] if it["InstanceId"] == one]
        equal([it["HealthStatus"] for it in found], ["Healthy"])
        model.refused(asg, "set_instance_health", "ValidationError",
                      InstanceId="i-0123456789abcdef0", HealthStatus="Healthy")
    with check("TerminateInstanceInAutoScalingGroup: it leaves the group, SSM does not know it"):
        found = model.ask(asg, "terminate_instance_in_auto_scaling_group", InstanceId=one,
                          ShouldDecrementDesiredCapacity=True)["Activity"]
        holds(one in found["Description"], found)
        until(lambda: one not in world.members("large"))
        model.refused(world.client("ssm"), "send_command", "InvalidInstanceId",
                      DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]},
                      InstanceIds=[one])
    with check("TerminateInstanceInAutoScalingGroup of nobody is ValidationError"):
        model.refused(asg, "terminate_instance_in_auto_scaling_group", "ValidationError",
                      InstanceId="i-0123456789abcdef0", ShouldDecrementDesiredCapacity=True)


def replacement(world, asg):
    def newest(name):
        return model.ask(asg, "describe_scaling_activities",
                         AutoScalingGroupName=name)["Activities"]

    def ends(name):
        one = world.members(name)[0]
        found = model.ask(asg, "terminate_instance_in_auto_scaling_group", InstanceId=one,
                          ShouldDecrementDesiredCapacity=False)["Activity"]
        return one, found

    with check("TerminateInstanceInAutoScalingGroup: the activity has AWS's words"):
        one, found = ends("tight")
        equal((found["Description"], found["StatusCode"], found["Progress"]),
              (f"Terminating EC2 instance: {one}", "InProgress", 0))
        holds(found["Cause"].endswith(
            f"instance {one} was taken out of service in response to a user request."), found)
    with check("... without decrement: another is launched, told by an activity of its own"):
        until(lambda: lifecycle(asg, one) is None)
        until(lambda: [it["LifecycleState"] for it in group(asg, "tight")["Instances"]]
              == ["InService"] * 2)
        equal(group(asg, "tight")["DesiredCapacity"], 2)
        launched, ended = newest("tight")[:2]
        holds(launched["Description"].startswith("Launching a new EC2 instance: i-"), launched)
        equal([it["StatusCode"] for it in (launched, ended)], ["Successful"] * 2)
        only = model.ask(asg, "describe_scaling_activities",
                         ActivityIds=[found["ActivityId"]])["Activities"]
        equal(only, [ended])
    with check("... that is Terminating already is ValidationError"):
        one, _ = ends("full")
        model.refused(asg, "terminate_instance_in_auto_scaling_group", "ValidationError",
                      InstanceId=one, ShouldDecrementDesiredCapacity=False)
    with check("A launch that fails: Failed, with StatusMessage, and the group tries again"):
        until(lambda: lifecycle(asg, one) is None)
        failed = [it for it in newest("full") if it["StatusCode"] == "Failed"]
        message = ("We currently do not have sufficient t3.micro capacity. "
                   "Launching EC2 instance failed.")
        equal((failed[0]["StatusMessage"], failed[0]["Progress"]), (message, 100))
        equal(failed[0]["Description"],
              f"Launching a new EC2 instance.  Status Reason: {message}")
        until(lambda: len([it for it in newest("full") if it["StatusCode"] == "Failed"]) > 1)
        equal(len(group(asg, "full")["Instances"]), 1)


def instances(world, ec2):
    tight = world.members("tight")
    with check("DescribeInstances: every instance fits the model, with its tags"):
        found = model.ask(ec2, "describe_instances", InstanceIds=tight)["Reservations"]
        all_of_them = [it for reservation in found for it in reservation["Instances"]]
        equal({it["InstanceId"] for it in all_of_them}, set(tight))
        for it in all_of_them:
            tags = {tag["Key"]: tag["Value"] for tag in it["Tags"]}
            equal(tags["aws:autoscaling:groupName"], "tight")
            equal(it["State"], {"Code": 16, "Name": "running"})
    with check("DescribeInstances by filter"):
        found = model.ask(ec2, "describe_instances", Filters=[
            {"Name": "tag:role", "Values": ["web"]},
            {"Name": "instance-state-name", "Values": ["running"]}])["Reservations"]
        holds(len([it for r in found for it in r["Instances"]]) >= 4, found)
    with check("DescribeInstances pages by 5: nothing lost, nothing repeated"):
        pages = ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "tag:aws:autoscaling:groupName", "Values": ["large"]}],
            PaginationConfig={"PageSize": 5})
        ids = [it["InstanceId"] for page in pages for r in page["Reservations"]
               for it in r["Instances"]]
        equal(len(ids), len(set(ids)))
        holds(set(world.members("large")) <= set(ids), "some are lost")
    with check("DescribeInstances filters by what it tells of an instance, and says what it lacks"):
        one = ec2.describe_instances(InstanceIds=tight[:1])["Reservations"][0]["Instances"][0]
        for name, value in (("vpc-id", one["VpcId"]), ("subnet-id", one["SubnetId"]),
                            ("image-id", one["ImageId"]), ("instance-type", one["InstanceType"]),
                            ("private-ip-address", one["PrivateIpAddress"]),
                            ("availability-zone", one["Placement"]["AvailabilityZone"])):
            found = model.ask(ec2, "describe_instances", InstanceIds=tight[:1],
                              Filters=[{"Name": name, "Values": [value]}])["Reservations"]
            equal(len(found), 1)
        model.refused(ec2, "describe_instances", "UnsupportedOperation",
                      "The filter 'key-name' is not implemented by this simulator.",
                      Filters=[{"Name": "key-name", "Values": ["a"]}])
    with check("DescribeInstances: unknown and malformed ids, ids with MaxResults (§5.5)"):
        model.refused(ec2, "describe_instances", "InvalidInstanceID.NotFound",
                      "The instance ID 'i-0123456789abcdef0' does not exist",
                      InstanceIds=["i-0123456789abcdef0"])
        model.refused(ec2, "describe_instances", "InvalidInstanceID.Malformed",
                      InstanceIds=["nonsense"])
        model.refused(ec2, "describe_instances", "InvalidParameterCombination",
                      InstanceIds=tight, MaxResults=5)
    with check("DescribeInstanceStatus: running ones, and they fit the model"):
        found = model.ask(ec2, "describe_instance_status", InstanceIds=tight)["InstanceStatuses"]
        equal({it["InstanceId"] for it in found}, set(tight))
    with check("DescribeInstanceStatus pages by 5"):
        pages = ec2.get_paginator("describe_instance_status").paginate(
            PaginationConfig={"PageSize": 5})
        ids = [it["InstanceId"] for page in pages for it in page["InstanceStatuses"]]
        equal(len(ids), len(set(ids)))
