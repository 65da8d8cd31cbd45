"""Every constraint that botocore's model states for a member, broken once on purpose.

The requests are made from the model, not by hand: each member of each operation is sent too short,
too long, too small, too large, outside its enum or its pattern, or not at all. botocore would not
send most of them, so its own validation is off.

No member is passed over either: each is looked at or refused by its name.
"""

import re

import model
from harness import check, equal

OPERATIONS = {
    "ssm": [
        "send_command", "cancel_command", "list_commands", "list_command_invocations",
        "get_command_invocation", "describe_instance_information", "describe_document",
        "get_document", "list_documents", "create_document", "update_document",
        "update_document_default_version", "delete_document", "list_document_versions",
        "describe_document_permission", "modify_document_permission",
        "start_automation_execution", "stop_automation_execution", "get_automation_execution",
        "describe_automation_executions", "describe_automation_step_executions",
    ],
    "sts": ["assume_role"],
    "autoscaling": [
        "describe_auto_scaling_groups", "describe_auto_scaling_instances",
        "describe_scaling_activities", "enter_standby", "exit_standby", "suspend_processes",
        "resume_processes", "set_instance_protection", "terminate_instance_in_auto_scaling_group",
    ],
}

# Members that the simulator refuses as a whole, because it does not implement them.
WHOLE = {
    "ssm": {
        "create_document": {"Requires", "Attachments"},
        "update_document": {"Attachments"},
        "describe_instance_properties": {"InstancePropertyFilterList", "FiltersWithOperator"},
        "start_automation_execution": {
            "AlarmConfiguration", "TargetLocations", "TargetLocationsURL"},
    },
    "autoscaling": {
        "describe_auto_scaling_groups": {"IncludeManagedResources"},
        "describe_auto_scaling_instances": {"IncludeManagedResources"},
        "describe_scaling_activities": {
            "Filters", "IncludeDeletedGroups", "IncludeManagedResources"},
        "terminate_instance_in_auto_scaling_group": {"AutoScalingGroupName", "InstanceIds"},
    },
    "sts": {"assume_role": {"ProvidedContexts", "MinimumSessionTokenSize"}},
    "iam": {
        "simulate_principal_policy": {
            "CallerArn", "PolicyExclusionList", "ResourceHandlingOption", "ResourceOwner",
            "ResourcePolicy"},
    },
    "kms": {"describe_key": {"GrantTokens"}},
    "logs": {
        "describe_log_streams": {"descending", "logGroupIdentifier", "orderBy"},
        "get_log_events": {"endTime", "logGroupIdentifier", "startTime", "unmask"},
    },
}

# What such a refusal is called.
CODES = {"ssm": "ValidationException", "kms": "UnsupportedOperationException",
         "logs": "InvalidParameterException", "iam": "InvalidInput"}

# The members that are looked at. Any other one of the model has to be in WHOLE.
LOOKED_AT = {
    "ssm": {
        "send_command": "AlarmConfiguration CloudWatchOutputConfig Comment DocumentHash"
                        " DocumentHashType DocumentName DocumentVersion InstanceIds MaxConcurrency"
                        " MaxErrors NotificationConfig OutputS3BucketName OutputS3KeyPrefix"
                        " OutputS3Region Parameters ServiceRoleArn Targets TimeoutSeconds",
        "cancel_command": "CommandId InstanceIds",
        "list_commands": "CommandId Filters InstanceId MaxResults NextToken",
        "list_command_invocations": "CommandId Details Filters InstanceId MaxResults NextToken",
        "get_command_invocation": "CommandId InstanceId PluginName",
        "describe_instance_information": "Filters InstanceInformationFilterList MaxResults"
                                         " NextToken",
        "describe_instance_properties": "MaxResults NextToken",
        "describe_document": "DocumentVersion Name VersionName",
        "get_document": "DocumentFormat DocumentVersion Name VersionName",
        "list_documents": "DocumentFilterList Filters MaxResults NextToken",
        "create_document": "Content DisplayName DocumentFormat DocumentType Name Tags TargetType"
                           " VersionName",
        "update_document": "Content DisplayName DocumentFormat DocumentVersion Name TargetType"
                           " VersionName",
        "update_document_default_version": "DocumentVersion Name",
        "delete_document": "DocumentVersion Force Name VersionName",
        "list_document_versions": "MaxResults Name NextToken",
        "describe_document_permission": "MaxResults Name NextToken PermissionType",
        "modify_document_permission": "AccountIdsToAdd AccountIdsToRemove Name PermissionType"
                                      " SharedDocumentVersion",
        "add_tags_to_resource": "ResourceId ResourceType Tags",
        "remove_tags_from_resource": "ResourceId ResourceType TagKeys",
        "list_tags_for_resource": "ResourceId ResourceType",
        "start_automation_execution": "ClientToken DocumentName DocumentVersion MaxConcurrency"
                                      " MaxErrors Mode Parameters Tags TargetMaps"
                                      " TargetParameterName Targets",
        "stop_automation_execution": "AutomationExecutionId Type",
        "get_automation_execution": "AutomationExecutionId",
        "describe_automation_executions": "Filters MaxResults NextToken",
        "describe_automation_step_executions": "AutomationExecutionId Filters MaxResults NextToken"
                                               " ReverseOrder",
    },
    "autoscaling": {
        "describe_auto_scaling_groups": "AutoScalingGroupNames Filters IncludeInstances MaxRecords"
                                        " NextToken",
        "describe_auto_scaling_instances": "InstanceIds MaxRecords NextToken",
        "describe_instance_refreshes": "AutoScalingGroupName InstanceRefreshIds MaxRecords"
                                       " NextToken",
        "describe_scaling_activities": "ActivityIds AutoScalingGroupName MaxRecords NextToken",
        "enter_standby": "AutoScalingGroupName InstanceIds ShouldDecrementDesiredCapacity",
        "exit_standby": "AutoScalingGroupName InstanceIds",
        "resume_processes": "AutoScalingGroupName ScalingProcesses",
        "set_instance_health": "HealthStatus InstanceId ShouldRespectGracePeriod",
        "set_instance_protection": "AutoScalingGroupName InstanceIds ProtectedFromScaleIn",
        "suspend_processes": "AutoScalingGroupName ScalingProcesses",
        "terminate_instance_in_auto_scaling_group": "InstanceId ShouldDecrementDesiredCapacity",
    },
    "sts": {
        "assume_role": "DurationSeconds ExternalId Policy PolicyArns RoleArn RoleSessionName"
                       " SerialNumber SourceIdentity Tags TokenCode TransitiveTagKeys",
        "get_caller_identity": "",
    },
    "iam": {
        "get_role": "RoleName",
        "simulate_principal_policy": "ActionNames ContextEntries Marker MaxItems"
                                     " PermissionsBoundaryPolicyInputList PolicyInputList"
                                     " PolicySourceArn ResourceArns",
    },
    "cloudwatch": {
        "describe_alarms": "ActionPrefix AlarmNamePrefix AlarmNames AlarmTypes ChildrenOfAlarmName"
                           " MaxRecords NextToken ParentsOfAlarmName StateValue",
    },
    "kms": {"describe_key": "KeyId"},
    "logs": {
        "describe_log_streams": "limit logGroupName logStreamNamePrefix nextToken",
        "get_log_events": "limit logGroupName logStreamName nextToken startFromHead",
    },
}

# Values of required members without which nothing else is looked at.
NEEDED = {"describe_key": {"KeyId": "alias/aws/ebs"},
          "describe_log_streams": {"logGroupName": "a"}, "get_log_events": {"logGroupName": "a"},
          "start_automation_execution": {"DocumentName": "AWSSupport-TroubleshootSSH"}}

# Where AWS does not answer as its model says: (method, path, what), and its own code for it; None:
# nothing is refused (aws-facts D16).
OWN = {
    ("start_automation_execution", "targets", "with more than 1"):
        "InvalidAutomationExecutionParametersException",
    ("start_automation_execution", "parameters.k0.member", "with an item shorter than 1"): None,
    ("start_automation_execution", "parameters.k0.member", "with an item longer than 512"): None,
    ("describe_automation_executions", "filters.1.member.key", "outside its values"):
        "InvalidFilterKey",
    ("describe_automation_step_executions", "filters.1.member.key", "outside its values"):
        "InvalidFilterKey",
}

# Values to try against a pattern; the first that breaks it is sent.
ODD = ["!", " ", "x y!", "ü!", "\u0007", "", "-1", "a"]


def run(worlds):
    world = worlds["plain"]
    for service, methods in OPERATIONS.items():
        client = world.free(service)
        code = "ValidationException" if service == "ssm" else "ValidationError"
        for method in methods:
            name = client.meta.method_to_api_mapping[method]
            shape = client.meta.service_model.operation_model(name).input_shape
            base = {name: valid(shape.members[name]) for name in shape.required_members}
            base |= NEEDED.get(method, {})
            skipped = WHOLE[service].get(method, set())
            for path, what, request in broken(shape, base, "", skipped):
                if service != "ssm" and [] in request.values():
                    continue  # a form cannot say that a list is there and empty
                own = OWN.get((method, path, what), code)
                if own is None:
                    continue
                with check(f"{method}: {path} {what} is {own}"):
                    names = rf".*validation errors? detected: .*'{re.escape(path)}'.*"
                    model.refused(client, method, own, names if own == code else None, **request)
    for service, methods in LOOKED_AT.items():
        everything(world.free(service), service, methods)


def everything(client, service, methods):
    """What the model has of each operation is looked at, or refused by its name."""
    for method, looked_at in methods.items():
        name = client.meta.method_to_api_mapping[method]
        shape = client.meta.service_model.operation_model(name).input_shape
        whole = WHOLE.get(service, {}).get(method, set())
        with check(f"{method}: every member is looked at or refused"):
            equal(set(shape.members), set(looked_at.split()) | whole)
        base = {name: valid(shape.members[name]) for name in shape.required_members}
        for name in sorted(whole):
            with check(f"{method}: {name} is not implemented, and says so"):
                request = base | NEEDED.get(method, {}) | {name: valid(shape.members[name])}
                model.refused(client, method, CODES.get(service, "ValidationError"),
                              f"The parameter {name} is not implemented by this simulator.",
                              **request)


def broken(shape, base, prefix, skipped):
    """Yields (path, what is wrong, request) for each constraint, one level of lists deep."""
    for name, member in shape.members.items():
        if name in skipped:
            continue
        path = prefix + name[0].lower() + name[1:]
        if name in shape.required_members:
            yield path, "missing", {key: it for key, it in base.items() if key != name}
        yield from ((path_, what, base | {name: value})
                    for path_, what, value in values(member, path))


def values(shape, path):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    kind = shape.type_name
    if kind == "string":
        if least:
            yield path, f"shorter than {least}", "a" * (least - 1)
        if most and most < 100_000:
            yield path, f"longer than {most}", "a" * (most + 1)
        if shape.enum:
            yield path, "outside its values", "Nonsense"
        pattern = shape.metadata.get("pattern")
        if pattern:
            for odd in ODD:
                if len(odd) >= (least or 0) and not model.fits(pattern, odd):
                    yield path, f"as {odd!r} against its pattern", odd
                    break
    elif kind in ("integer", "long"):
        if least is not None:
            yield path, f"below {least}", least - 1
        if most is not None:
            yield path, f"above {most}", most + 1
    elif kind == "list":
        if least:
            yield path, f"with fewer than {least}", []
        if most and most < 1001:
            yield path, f"with more than {most}", [valid(shape.member)] * (most + 1)
        item = shape.member
        if item.type_name == "structure":
            base = {name: valid(item.members[name]) for name in item.required_members}
            for path_, what, value in broken(item, base, f"{path}.1.member.", set()):
                yield path_, what, [value]
        elif item.type_name == "map":
            for path_, what, value in values(item, f"{path}.1.member"):
                yield path_, what, [value]
        elif item.type_name == "string":
            # A list of strings is reported whole.
            for _, what, value in values(item, path):
                yield path, f"with an item {what}", [value]
    elif kind == "map":
        item = valid(shape.value)
        if least:
            yield path, f"with fewer than {least}", {}
        if most:
            yield path, f"with more than {most}", {f"k{it}": item for it in range(most + 1)}
        for _, what, key in values(shape.key, path):
            yield path, f"with a key {what}", {key: item}
        for path_, what, value in values(shape.value, f"{path}.k0.member"):
            yield path_, what, {"k0": value}
    elif kind == "structure":
        base = {name: valid(shape.members[name]) for name in shape.required_members}
        for path_, what, value in broken(shape, base, f"{path}.", set()):
            yield path_, what, value


def valid(shape):
    """Some value that keeps every constraint."""
    kind, least = shape.type_name, shape.metadata.get("min") or 0
    if kind == "string":
        if shape.enum:
            return shape.enum[0]
        pattern = shape.metadata.get("pattern")
        for it in ("a" * max(least, 3), "1" * max(least, 1), "i-0123456789abcdef0",
                   "arn:aws:iam::123456789012:role/x", "/a", "$LATEST", "123456789012",
                   "https://a.s3.amazonaws.com/a"):
            if len(it) >= least and (not pattern or model.fits(pattern, it)):
                return it
        raise AssertionError(f"no value for {shape.name}: {pattern}")
    if kind in ("integer", "long"):
        return max(least, 1)
    if kind == "boolean":
        return True
    if kind == "list":
        return [valid(shape.member)] * max(least, 1)
    if kind == "map":
        return {f"k{it}": valid(shape.value) for it in range(least)}
    if kind == "structure":
        # Without required members, something has to be there to be sent at all.
        names = shape.required_members or list(shape.members)[:1]
        return {name: valid(shape.members[name]) for name in names}
    raise AssertionError(kind)
