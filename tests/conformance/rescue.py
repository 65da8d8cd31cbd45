"""What a rescue reads and changes: EC2's volumes, power, network and dry runs, IAM's simulation, keys, and
AWS's two runbooks, held against botocore's models.
"""

import base64
import json

import model
from harness import check, equal, holds, until

RESCUE = "AWSSupport-StartEC2RescueWorkflow"


def run(worlds):
    world = worlds["rescue"]
    ec2, ssm, iam, kms = (world.client(it) for it in ("ec2", "ssm", "iam", "kms"))
    win, web = world.members("win"), world.members("web")
    reads(ec2, win)
    materials(ec2, kms, win)
    power(ec2, win, web)
    identity(world, iam)
    runbooks(ec2, ssm, win, web)


def reads(ec2, win):
    with check("DescribeInstances: what a rescue looks for"):
        found = model.ask(ec2, "describe_instances", InstanceIds=[win[1], win[2]])
        by_id = {it["InstanceId"]: it for one in found["Reservations"] for it in one["Instances"]}
        equal(by_id[win[1]]["ProductCodes"],
              [{"ProductCodeId": "abc", "ProductCodeType": "marketplace"}])
        holds(by_id[win[1]]["PublicIpAddress"], "it has no public address")
        equal((by_id[win[2]]["InstanceLifecycle"], by_id[win[2]]["InstanceType"]),
              ("spot", "m5d.large"))
        mapped = by_id[win[2]]["BlockDeviceMappings"]
        equal([(it["DeviceName"], it["Ebs"]["DeleteOnTermination"]) for it in mapped],
              [("/dev/sda1", True)])
    for method, more in [
        ("describe_volumes", {}),
        ("describe_volumes", {"Filters": [{"Name": "attachment.instance-id", "Values": [win[2]]}]}),
        ("describe_subnets", {}), ("describe_route_tables", {}), ("describe_security_groups", {}),
        ("describe_vpc_endpoints", {}), ("describe_vpcs", {}), ("describe_network_acls", {}),
        ("describe_images", {}), ("describe_snapshots", {"OwnerIds": ["self"]}), ("get_ebs_encryption_by_default", {}),
        ("get_ebs_default_kms_key_id", {}), ("describe_instance_types", {}),
        ("describe_instance_type_offerings", {"LocationType": "availability-zone"}),
        ("describe_instance_status", {"IncludeAllInstances": True}),
        ("describe_instance_attribute", {"InstanceId": win[0], "Attribute": "blockDeviceMapping"}),
        ("describe_instance_attribute", {"InstanceId": win[3], "Attribute": "disableApiStop"}),
        ("describe_instance_attribute", {"InstanceId": win[1], "Attribute": "productCodes"}),
    ]:
        with check(f"{method} {' '.join(more)}: the answer is a model's"):
            model.ask(ec2, method, **more)
        if method != "describe_instance_attribute" and "get_ebs_default" not in method:
            with check(f"{method}: DryRun is DryRunOperation with the status 412"):
                error = model.refused(ec2, method, "DryRunOperation", DryRun=True, **more)
                equal(error["ResponseMetadata"]["HTTPStatusCode"], 412)
    with check("DescribeVolumes pages by 5: each once"):
        pages = ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 5})
        ids = [it["VolumeId"] for page in pages for it in page["Volumes"]]
        equal((len(ids), len(set(ids))), (6, 6))


def materials(ec2, kms, win):
    filtered = lambda name, *values: {"Filters": [{"Name": name, "Values": list(values)}]}
    with check("DescribeImages: of an instance, its own codes are not those of its image"):
        found = ec2.describe_instances(InstanceIds=[win[4]])["Reservations"][0]["Instances"][0]
        images = model.ask(ec2, "describe_images", **filtered("image-id", found["ImageId"]))
        equal([(it["Name"], it["ProductCodes"], it["OwnerId"]) for it in images["Images"]],
              [("golden", [{"ProductCodeId": "xyz", "ProductCodeType": "marketplace"}],
                found["NetworkInterfaces"][0]["OwnerId"])])
        equal(found.get("ProductCodes", []), [])
    with check("DescribeImages by Owners, by ImageIds and by pages"):
        count = lambda **more: len(model.ask(ec2, "describe_images", **more)["Images"])
        equal((count(Owners=["self"]), count(Owners=["amazon"]), count(Owners=["012345678901"])),
              (1, 3, 0))
        pages = ec2.get_paginator("describe_images").paginate(PaginationConfig={"PageSize": 2})
        equal(len({it["ImageId"] for page in pages for it in page["Images"]}), count())
    for why, code, method, more in [
        ("no id", "InvalidAMIID.Malformed", "describe_images", {"ImageIds": ["x"]}),
        ("an unknown id", "InvalidAMIID.NotFound", "describe_images",
         {"ImageIds": ["ami-0123456789abcdef0"]}),
        ("ExecutableUsers", "UnsupportedOperation", "describe_images",
         {"ExecutableUsers": ["self"]}),
        ("an unknown id", "InvalidSnapshot.NotFound", "describe_snapshots",
         {"SnapshotIds": ["snap-0123456789abcdef0"]}),
        ("an unknown id", "InvalidVpcID.NotFound", "describe_vpcs",
         {"VpcIds": ["vpc-1123456789abcdef0"]}),
        ("an unknown id", "InvalidNetworkAclID.NotFound", "describe_network_acls",
         {"NetworkAclIds": ["acl-1123456789abcdef0"]}),
        ("an unknown id", "InvalidVolume.NotFound", "describe_volume_attribute",
         {"VolumeId": "vol-0123456789abcdef0", "Attribute": "productCodes"}),
    ]:
        with check(f"{method} refuses {why}"):
            model.refused(ec2, method, code, **more)
    with check("DescribeVolumeAttribute has the codes of the instance"):
        found = model.ask(ec2, "describe_volume_attribute", VolumeId=root(ec2, win[1]),
                          Attribute="productCodes")
        equal([it["ProductCodeId"] for it in found["ProductCodes"]], ["abc"])
    with check("DescribeVpcs: one default VPC of six"):
        found = model.ask(ec2, "describe_vpcs")["Vpcs"]
        equal(sorted(it["IsDefault"] for it in found), [False] * 5 + [True])
    with check("DescribeInstanceStatus: since when a check fails"):
        found = model.ask(ec2, "describe_instance_status", InstanceIds=[win[1]])
        details = found["InstanceStatuses"][0]["InstanceStatus"]["Details"]
        holds(details[0]["ImpairedSince"], "it is not told")
    volume = ec2.describe_volumes(VolumeIds=[root(ec2, win[2])])["Volumes"][0]
    with check("DescribeSnapshots: with the volume's key"):
        found = model.ask(ec2, "describe_snapshots", **filtered("volume-id", volume["VolumeId"]))
        equal([(it["State"], it["KmsKeyId"]) for it in found["Snapshots"]],
              [("completed", volume["KmsKeyId"])])
    with check("DescribeKey: of a volume, by ARN and by alias"):
        found = model.ask(kms, "describe_key", KeyId=volume["KmsKeyId"])["KeyMetadata"]
        equal((found["KeyState"], found["Enabled"], found["KeyManager"]),
              ("PendingDeletion", False, "CUSTOMER"))
        holds(found["DeletionDate"] > found["CreationDate"], "it is deleted before it is made")
        equal(model.ask(kms, "describe_key", KeyId="alias/disks")["KeyMetadata"], found)
        default = model.ask(kms, "describe_key", KeyId="alias/aws/ebs")["KeyMetadata"]
        equal((default["KeyState"], default["KeyManager"]), ("Enabled", "AWS"))
    for why, code, method, more in [
        ("an unknown key", "NotFoundException", "describe_key",
         {"KeyId": "00000000-0000-4000-8000-000000000000"}),
        ("an alias of another account", "NotFoundException", "describe_key",
         {"KeyId": "alias/theirs"}),
        ("an ARN of another service", "InvalidArnException", "describe_key",
         {"KeyId": "arn:aws:ec2:us-east-1:123456789012:key/a"}),
        ("GrantTokens", "UnsupportedOperationException", "describe_key",
         {"KeyId": "alias/disks", "GrantTokens": ["a"]}),
        ("what is not modelled", "UnknownOperationException", "list_keys", {}),
    ]:
        with check(f"KMS {method} refuses {why}"):
            model.refused(kms, method, code, **more)


def root(ec2, instance):
    found = model.ask(ec2, "describe_volumes", Filters=[
        {"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
    return found[0]["VolumeId"]


def state(ec2, instance):
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found["State"]["Name"]


def power(ec2, win, web):
    volume = root(ec2, win[4])
    for why, code, method, more in [
        ("an unknown instance", "InvalidInstanceID.NotFound", "stop_instances",
         {"InstanceIds": ["i-0123456789abcdef0"]}),
        ("an instance store", "UnsupportedOperation", "stop_instances", {"InstanceIds": [win[3]]}),
        ("a try", "DryRunOperation", "stop_instances", {"InstanceIds": [win[4]], "DryRun": True}),
        ("a try", "DryRunOperation", "create_image",
         {"InstanceId": win[4], "Name": "abc", "DryRun": True}),
        ("the root of what runs", "OperationNotPermitted", "detach_volume", {"VolumeId": volume}),
        ("a volume in use", "VolumeInUse", "attach_volume",
         {"VolumeId": volume, "InstanceId": win[0], "Device": "/dev/xvdf"}),
        ("an unknown volume", "InvalidVolume.NotFound", "detach_volume",
         {"VolumeId": "vol-0123456789abcdef0"}),
    ]:
        with check(f"{method}: {why} is {code}"):
            model.refused(ec2, method, code, **more)
    with check("a stop, a detached root, a start in vain, and everything back"):
        model.ask(ec2, "stop_instances", InstanceIds=[win[4]])
        until(lambda: state(ec2, win[4]) == "stopped")
        model.ask(ec2, "detach_volume", VolumeId=volume, InstanceId=win[4])
        model.refused(ec2, "start_instances", "InvalidParameterValue", InstanceIds=[win[4]])
        model.refused(ec2, "detach_volume", "IncorrectState", VolumeId=volume)
        model.ask(ec2, "attach_volume", VolumeId=volume, InstanceId=win[4], Device="/dev/sda1")
        model.ask(ec2, "modify_instance_attribute", InstanceId=win[4], BlockDeviceMappings=[
            {"DeviceName": "/dev/sda1", "Ebs": {"DeleteOnTermination": True}}])
        model.ask(ec2, "start_instances", InstanceIds=[win[4]])
        until(lambda: state(ec2, win[4]) == "running")
        found = model.ask(ec2, "describe_instance_attribute", InstanceId=win[4],
                          Attribute="blockDeviceMapping")["BlockDeviceMappings"]
        equal(found[0]["Ebs"]["DeleteOnTermination"], True)
    with check("the waiters instance_stopped and instance_running return"):
        quick = {"Delay": 0, "MaxAttempts": 4000}
        ec2.stop_instances(InstanceIds=[web[1]])
        ec2.get_waiter("instance_stopped").wait(InstanceIds=[web[1]], WaiterConfig=quick)


def identity(world, iam):
    own = "arn:aws:iam::123456789012:role/any"
    with check("SimulatePrincipalPolicy: a world without roles lets them do everything"):
        found = model.ask(iam, "simulate_principal_policy", PolicySourceArn=own,
                          ActionNames=["ec2:StopInstances", "lambda:InvokeFunction"])
        equal([it["EvalDecision"] for it in found["EvaluationResults"]], ["allowed"] * 2)
    with check("SimulatePrincipalPolicy: a condition key that was not told stands by its resource"):
        deny = {"Effect": "Deny", "Action": "ec2:StopInstances", "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalTag/team": "edge"}}}
        asked = {"PolicySourceArn": own, "ActionNames": ["ec2:StopInstances"], "PolicyInputList":
                 [json.dumps({"Version": "2012-10-17", "Statement": [deny]})]}
        [found] = model.ask(iam, "simulate_principal_policy", **asked)["EvaluationResults"]
        equal(found["MissingContextValues"], ["aws:principaltag/team"])
        arn = "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0"
        [found] = model.ask(iam, "simulate_principal_policy", ResourceArns=[arn],
                            **asked)["EvaluationResults"]
        [of_resource] = found["ResourceSpecificResults"]
        equal((found["EvalDecision"], found["MissingContextValues"]), ("allowed", []))
        equal((of_resource["EvalResourceName"], of_resource["EvalResourceDecision"],
               of_resource["MissingContextValues"]), (arn, "allowed", ["aws:principaltag/team"]))
    with check("SimulatePrincipalPolicy pages: each decision once"):
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=own, ActionNames=[f"ec2:A{it}" for it in range(7)],
            PaginationConfig={"PageSize": 2})
        equal(len([it for page in pages for it in page["EvaluationResults"]]), 7)
    with check("SimulatePrincipalPolicy: a world without users lets its user do everything"):
        [found] = model.ask(iam, "simulate_principal_policy", ActionNames=["ec2:X"],
                            PolicySourceArn=own.replace("role", "user"))["EvaluationResults"]
        equal(found["EvalDecision"], "allowed")
    for why, code, more in [("no principal", "InvalidInput", {"PolicySourceArn": "arn:aws:iam::123456789012:x"})]:
        with check(f"simulate_principal_policy: {why} is {code}"):
            model.refused(iam, "simulate_principal_policy", code, ActionNames=["ec2:X"], **more)
    with check("get_role: a role of nowhere is NoSuchEntity"):
        model.refused(iam, "get_role", "NoSuchEntity", RoleName="none")


def runbooks(ec2, ssm, win, web):
    script = base64.b64encode(b"get-childitem -path c:").decode()

    def play(document, **parameters):
        parameters = {name: [it] for name, it in parameters.items()}
        started = model.ask(ssm, "start_automation_execution", DocumentName=document,
                            Parameters=parameters)["AutomationExecutionId"]

        def ask():
            found = model.ask(ssm, "get_automation_execution",
                              AutomationExecutionId=started)["AutomationExecution"]
            return found if found["AutomationExecutionStatus"] in ("Success", "Failed") else None
        return until(ask)

    with check("GetDocument: AWS's runbooks are there, with their parameters"):
        for name in (RESCUE, "AWSSupport-TroubleshootSSH"):
            found = model.ask(ssm, "describe_document", Name=name)["Document"]
            equal((found["Owner"], found["DocumentType"]), ("Amazon", "Automation"))
            model.ask(ssm, "get_document", Name=name, DocumentFormat="YAML")
    with check(f"{RESCUE}: the instance is back, and runs"):
        found = play(RESCUE, InstanceId=win[4], OfflineScript=script)
        equal(found["AutomationExecutionStatus"], "Success")
        equal((state(ec2, win[4]), len(root(ec2, win[4])) > 0), ("running", True))
    with check(f"{RESCUE}: a Marketplace image is refused before anything is touched"):
        found = play(RESCUE, InstanceId=win[1], OfflineScript=script)
        equal((found["AutomationExecutionStatus"], state(ec2, win[1])), ("Failed", "running"))
    with check("AWSSupport-TroubleshootSSH: online"):
        equal(play("AWSSupport-TroubleshootSSH", InstanceId=web[0])["AutomationExecutionStatus"],
              "Success")
