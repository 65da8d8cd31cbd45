"""Holds answers against botocore's own service model: what was parsed, and what was on the wire.

The parsed answer must have every required member, with the right type, length, range, enum value
and pattern. The raw answer must have no member that the model does not know, because parsers drop
those silently. AWS itself deviates in some places; those are listed in DEVIATIONS with their source.
"""

import datetime
import io
import json
import re
import xml.etree.ElementTree as ElementTree

import botocore.parsers

# Where AWS sends what its own model forbids: (member, what it sends, source in aws-facts).
DEVIATIONS = [
    ("OutputS3Region", "", "§1.6: fillers are empty strings"),
    ("OutputS3BucketName", "", "§1.6, §3.2: fillers are empty strings"),
    ("NotificationConfig.NotificationType", "", "§1.6"),
    ("CloudWatchOutputConfig.CloudWatchLogGroupName", "", "§1.6"),
    ("AlarmConfiguration.Alarms", [], "§1.6"),
    ("TriggeredAlarms", [], "§1.6"),
    ("PluginName", "", "§3.2, D13: several steps and no PluginName"),
    # The aws CLI's example of get-automation-execution has all of these.
    ("AutomationExecution.Outputs", {}, "CLI"),
    ("StepExecutions.Outputs", {}, "CLI"),
    ("StepExecutions.OverriddenParameters", {}, "CLI"),
    ("AutomationExecutionMetadataList.Outputs", {}, "CLI"),
    ("Parameters.AutomationAssumeRole", "", "CLI: a default that is empty"),
    ("Parameters.HelperInstanceProfileName", "", "the same"),
    ("Parameters.HelperInstanceSecurityGroupId", "", "the same"),
    ("Parameters.S3BucketName", "", "the same"),
    ("Parameters.S3Prefix", "", "the same"),
    ("Parameters.SubnetId", "", "the same"),
    # What printed nothing has an output all the same. UNVERIFIED: no capture of one is known.
    ("Outputs.Output", "", "UNVERIFIED"),
    ("Outputs.runScriptForWindows.Output", "", "UNVERIFIED"),
    # The CLI's example of describe-vpc-endpoints has it in lower case, as the model has not.
    ("VpcEndpoints.State", "available", "CLI"),
    ("FailureDetails.Details", {}, "as the others"),
    # Empty before the start; the model's pattern allows one digit of a second's fraction and no
    # duration at all, and AWS's own example has "2020-02-19T18:18:03.419Z" and "PT0.091S".
    ("ExecutionStartDateTime", re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)?"), "§3.2"),
    ("ExecutionEndDateTime", re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)?"), "§3.2"),
    ("ExecutionElapsedTime", re.compile(r"(PT(\d+H)?(\d+M)?\d+(\.\d{1,3})?S)?"), "§3.2"),
]

# What any operation may answer without its model saying so (aws-facts §1.5, §4.3, §8.3, §10).
UNMODELLED = {
    "ssm": {"AccessDeniedException", "ThrottlingException", "ValidationException",
            "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException",
            "SerializationException", "UnknownOperationException", "InternalServerError",
            "UnsupportedOperationException",
            "MissingAuthenticationTokenException", "IncompleteSignatureException"},
    "logs": {"AccessDeniedException", "ThrottlingException", "UnrecognizedClientException",
             "UnknownOperationException"},
    "query": {"AccessDenied", "ValidationError", "Throttling", "ExpiredToken", "InvalidAction",
              "InvalidClientTokenId", "SignatureDoesNotMatch", "InternalFailure",
              "InvalidParameterValue", "MalformedInput", "MissingAuthenticationToken",
              "IncompleteSignature"},
    "ec2": {"UnauthorizedOperation", "UnsupportedOperation", "RequestLimitExceeded", "AuthFailure",
            "InternalError", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed",
            "InvalidParameterValue", "InvalidParameterCombination", "InvalidAction",
            "RequestExpired", "InvalidNextToken", "InvalidParameter", "MissingParameter",
            "DryRunOperation", "OperationNotPermitted", "VolumeInUse", "IncorrectState",
            "InvalidVolume.NotFound", "InvalidAMIID.NotFound", "InvalidAMIID.Malformed",
            "InvalidSnapshot.NotFound", "InvalidVpcID.NotFound", "InvalidNetworkAclID.NotFound",
            "InvalidVolume.ZoneMismatch", "IncorrectInstanceState"},
}

_raw = {}
# What was wrong with any answer since it was last asked for.
_found = []


def listen(client):
    """Holds everything that a client gets against the model, whoever asked for it."""
    service = client.meta.service_model

    def keep(response_dict, **_):
        _raw["body"] = response_dict["body"]
        _raw["headers"] = response_dict["headers"]

    def judge(http_response, parsed, model, **_):
        if http_response.status_code < 300:
            _found.extend(f"{model.name}: {it}" for it in answer_faults(service, model, parsed))
        elif not parsed["Error"].get("Code", "").isdigit():  # a page of a proxy has no code
            _found.extend(f"{model.name}: {it}" for it in error_faults(
                service, model, parsed["Error"], http_response.status_code))

    client.meta.events.register("before-parse", keep)
    client.meta.events.register("after-call", judge)


def settle():
    """Raises if anything was wrong with the answers since the last time."""
    found, _found[:] = list(_found), []
    if found:
        raise AssertionError("; ".join(found[:6]))


def answer_faults(service, asked, parsed):
    body = {name: it for name, it in parsed.items() if name != "ResponseMetadata"}
    if asked.output_shape is not None:
        yield from violations(body, asked.output_shape)
    yield from unknown(service, asked)
    if not parsed["ResponseMetadata"].get("RequestId"):
        yield "there is no request id"


def ask(client, method, **parameters):
    """Calls, and raises at once unless the answer keeps to the model."""
    answer = getattr(client, method)(**parameters)
    settle()
    return answer


def violations(value, shape, path=""):
    """Everything in a parsed value that its shape forbids."""
    for member, allowed, _ in DEVIATIONS:
        is_allowed = value == allowed
        if isinstance(allowed, re.Pattern) and isinstance(value, str):
            is_allowed = allowed.fullmatch(value) is not None
        if is_allowed and path.endswith(f".{member}"):
            return
    kind = shape.type_name
    wanted = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool,
              "integer": int, "long": int, "double": (int, float), "float": (int, float),
              "timestamp": datetime.datetime, "blob": bytes}[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{path}={value!r} is no {kind}"
        return
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    size = None
    if kind in ("integer", "long", "double", "float"):
        size = value
    elif kind in ("string", "list", "map", "blob"):
        size = len(value)
    if size is not None and least is not None and size < least:
        yield f"{path}={value!r} is below its minimum of {least}"
    if size is not None and most is not None and size > most:
        yield f"{path}={str(value)[:80]!r} is above its maximum of {most}"
    if kind == "structure":
        for name in shape.required_members:
            if name not in value:
                yield f"{path}.{name} is required and missing"
        for name, it in value.items():
            if name not in shape.members:
                yield f"{path}.{name} is not in the model"
            else:
                yield from violations(it, shape.members[name], f"{path}.{name}")
    elif kind == "list":
        for it in value:
            yield from violations(it, shape.member, path)
    elif kind == "map":
        for name, it in value.items():
            yield from violations(name, shape.key, f"{path}.(key)")
            yield from violations(it, shape.value, f"{path}.{name}")
    elif kind == "string":
        if shape.enum and value not in shape.enum:
            yield f"{path}={value!r} is not one of {shape.enum}"
        pattern = shape.metadata.get("pattern")
        if pattern and not fits(pattern, value):
            yield f"{path}={value!r} does not fit {pattern}"


def fits(pattern, text):
    """Java's `matches`, for the patterns of the model."""
    # Within a class; Python has no classes of properties.
    for java, python in ((r"\p{L}", r"\w"), (r"\p{Z}", r"\s"), (r"\p{N}", r"\d")):
        pattern = pattern.replace(java, python)
    # UTF-16 in Java, characters here.
    pattern = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010ffff")
    return re.fullmatch(pattern, text) is not None


def spoken(service):
    """The protocol that the client has chosen of those that the service has."""
    return getattr(service, "resolved_protocol", None) or service.metadata["protocol"]


def unknown(service, asked):
    """What is on the wire and not in the model."""
    body, shape, protocol = _raw["body"], asked.output_shape, spoken(service)
    if protocol == "json":
        yield from unknown_json(json.loads(body or b"{}"), shape, "")
        return
    if protocol == "smithy-rpc-v2-cbor":
        read = botocore.parsers.RpcV2CBORParser().parse_data_item
        yield from unknown_json(read(io.BufferedReader(io.BytesIO(body))), shape, "")
        return
    root = ElementTree.fromstring(body)
    namespace, _, name = root.tag[1:].rpartition("}")
    if name != f"{asked.name}Response":
        yield f"the root is {name}"
    if namespace.rstrip("/") != service.metadata["xmlNamespace"].rstrip("/"):
        yield f"the namespace is {namespace}"
    result = root
    if protocol == "query":
        if local(root[-1]) != "ResponseMetadata":
            yield "there is no ResponseMetadata"
        if shape is None:
            if len(root) > 1:
                yield f"{asked.name} has no output, and the answer has {local(root[0])}"
            return
        result = root[0]
        if local(result) != shape.serialization["resultWrapper"]:
            yield f"the first child is {local(result)}"
    elif shape is None:
        return
    yield from unknown_xml(result, shape, "")


def unknown_json(value, shape, path):
    if value is None or shape is None:
        return
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {it.serialization.get("name", name): it for name, it in shape.members.items()}
        for name, it in value.items():
            if name not in members:
                yield f"{path}.{name} is on the wire and not in the model"
            else:
                yield from unknown_json(it, members[name], f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for it in value:
            yield from unknown_json(it, shape.member, path)
    elif shape.type_name == "timestamp" and isinstance(value, datetime.datetime):
        pass  # CBOR has a type of its own for them
    elif shape.type_name == "timestamp" and not isinstance(value, (int, float)):
        yield f"{path}={value!r} is no number of seconds (§10.1)"


def unknown_xml(element, shape, path):
    if shape.type_name == "structure":
        members = {it.serialization.get("name", name): it for name, it in shape.members.items()}
        seen = set()
        for it in element:
            name = local(it)
            if name in ("requestId",) and not path:
                continue
            if name not in members:
                yield f"{path}.{name} is on the wire and not in the model"
                continue
            flattened = members[name].serialization.get("flattened")
            if name in seen and not flattened:
                yield f"{path}.{name} is there twice"
            seen.add(name)
            yield from unknown_xml(it, members[name], f"{path}.{name}")
    elif shape.type_name == "list" and not shape.serialization.get("flattened"):
        item = shape.member.serialization.get("name", "member")
        for it in element:
            if local(it) != item:
                yield f"{path} has a child {local(it)}, not {item}"
            yield from unknown_xml(it, shape.member, path)


def local(element):
    return element.tag.rpartition("}")[2]


def refused(client, method, code, message=None, **parameters):
    """Calls, and raises unless the answer is that error in the shape of the model."""
    try:
        getattr(client, method)(**parameters)
    except client.exceptions.ClientError as error:
        return refusal(client, method, error, code, message)
    raise AssertionError(f"{method} was not refused")


def refusal(client, method, error, code, message=None):
    """Raises unless an error is of that code and sentence, and of the type that boto3 has for it."""
    settle()
    found = error.response["Error"]
    if found["Code"] != code:
        raise AssertionError(f"{found['Code']}: {found['Message']} is not {code}")
    if message is not None and not re.fullmatch(message, found["Message"], re.DOTALL):
        raise AssertionError(f"{found['Message']!r} does not fit {message!r}")
    asked = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    shape = modelled(asked).get(code)
    if shape is not None and type(error).__name__ not in (shape.name, code):
        raise AssertionError(f"{code} is {type(error).__name__} in boto3, not {shape.name}")
    return error.response


def modelled(asked):
    """The errors of an operation, by their code on the wire."""
    code = lambda it: (it.metadata.get("error") or {}).get("code", it.name)
    return {code(it): it for it in asked.error_shapes}


def error_faults(service, asked, error, status):
    """Everything in an error that neither the model nor AWS's documentation has."""
    code, protocol = error["Code"], spoken(service)
    shape = modelled(asked).get(code)
    # Its codes are those of the older protocol, in whichever it is asked (§10.4).
    is_old = "awsQueryCompatible" in service.metadata
    kind = "query" if is_old else {"json": "ssm", "ec2": "ec2"}.get(protocol, "query")
    if shape is None and code not in UNMODELLED[kind]:
        yield f"{code} is neither modelled nor documented"
    details = (shape.metadata.get("error") or {}) if shape is not None else {}
    if status != details.get("httpStatusCode", status):
        yield f"{code} has the status {status}, not {details['httpStatusCode']}"
    if is_old:
        told = _raw["headers"].get("x-amzn-query-error")
        if told != f"{code};{'Sender' if status < 500 else 'Receiver'}":
            yield f"x-amzn-query-error is {told} (§10.4)"
    if protocol != "json" or is_old:
        return
    body = json.loads(_raw["body"])
    if body.get("__type") != code or _raw["headers"].get("x-amzn-errortype") != code:
        yield f"__type and x-amzn-ErrorType are not both {code} (§10.1)"
    if status != (500 if code == "InternalServerError" else 400):
        yield f"{code} has the status {status}"
    if shape is not None:
        allowed = {"__type"} | {it for name in shape.members for it in (name, name.lower())}
        allowed |= {it.capitalize() for it in shape.members}
        if service.service_name == "logs":  # its model has no members, and its errors a message
            allowed |= {"message", "Message"}
        for it in set(body) - allowed:
            yield f"{code} has no member {it} in the model"
