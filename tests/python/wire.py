"""Holds every answer of a server against botocore's own service models, as it was on the wire and as botocore reads it.

Nothing here knows vssctl or the sandbox: the models say which members an answer may have, of which type and with which
values, which errors an operation may give, and with which HTTP status.
"""

import datetime
import json
import re
import xml.etree.ElementTree as ElementTree

import botocore.exceptions
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

# The errors that AWS's services share and no model lists, with their status ("Common errors" of the references).
COMMON = {
    "query": {
        "AccessDenied": 403,
        "ExpiredToken": 403,
        "IncompleteSignature": 400,
        "InvalidAction": 400,
        "InvalidClientTokenId": 403,
        "MalformedInput": 400,
        "MissingAction": 400,
        "MissingAuthenticationToken": 403,
        "Throttling": 400,
        "ValidationError": 400,
    },
    # EC2's model lists no errors at all: "Error codes for the Amazon EC2 API".
    "ec2": {
        "DryRunOperation": 412,
        "IncorrectInstanceState": 400,
        "IncorrectState": 400,
        "InvalidAMIID.Malformed": 400,
        "InvalidAMIID.NotFound": 400,
        "InvalidAction": 400,
        "InvalidAssociationID.NotFound": 400,
        "InvalidID": 400,
        "InvalidInstanceID.Malformed": 400,
        "InvalidInstanceID.NotFound": 400,
        "InvalidNextToken": 400,
        "InvalidParameterCombination": 400,
        "InvalidParameterValue": 400,
        "InvalidRouteTableID.NotFound": 400,
        "InvalidSnapshot.NotFound": 400,
        "InvalidVolume.NotFound": 400,
        "InvalidVpcEndpointId.NotFound": 400,
        "MissingParameter": 400,
        "RequestExpired": 400,
        "RequestLimitExceeded": 503,
        "TagLimitExceeded": 400,
        "UnauthorizedOperation": 403,
    },
    "json": {
        "AccessDeniedException": 400,
        "SerializationException": 400,
        "UnknownOperationException": 400,
        "ValidationException": 400,
    },
    "rest-json": {
        "AccessDeniedException": 403,
        "SerializationException": 400,
        "UnknownOperationException": 404,
        "ValidationException": 400,
    },
}
# Errors that AWS gives and its model of the operation does not list.
UNLISTED = {
    # "NoSuchEntity: Scope ARN: ... does not exist or is not attachable", as users of CreateRole report it.
    ("iam:CreateRole", "NoSuchEntity"): 404,
}

# Names that AWS's documentation of AWS Backup has, against the pattern of its model.
RESOURCE_TYPES = {"Redshift Serverless", "SAP HANA on Amazon EC2", "Storage Gateway"}

# Values that AWS's answers have, against the choices of its model: `windows` in every example of DescribeInstances.
SPELT = {("PlatformValues", "windows")}

# Texts that AWS's examples of the operation show empty, against the lengths and patterns of its model.
EMPTY = {
    "GetCommandInvocation": [
        "CloudWatchOutputConfig.CloudWatchLogGroupName",
        "ExecutionElapsedTime",
        "ExecutionEndDateTime",
        "ExecutionStartDateTime",
    ],
}

COMMON["smithy-rpc-v2-cbor"] = COMMON["json"]


class Wire:
    """Listens to clients and remembers which operations worked, which were refused, and what was wrong."""

    def __init__(self):
        self.succeeded = set()
        self.refused = {}
        self.problems = []

    def listen(self, client):
        client.meta.events.register("after-call.*.*", self.answered)
        return client

    def answered(self, http_response, model, **_):
        """Judges one answer."""
        service = model.service_model
        name = f"{service.signing_name}:{model.name}"
        protocol = service.resolved_protocol
        status, body, headers = http_response.status_code, http_response.content, http_response.headers
        found = []
        answer = {"status_code": status, "headers": headers, "body": body}
        try:
            if status < 300:
                self.succeeded.add(name)
                parsed = create_parser(protocol).parse(answer, model.output_shape)
                found += success(protocol, model, status, body, parsed)
            else:
                parsed = create_parser(protocol).parse(answer, model.output_shape)
                self.refused.setdefault(name, set()).add(parsed["Error"]["Code"])
                found += error(protocol, name, model, status, body, parsed)
            if not headers.get("x-amzn-requestid"):
                found.append("has no request id")
        except (ValueError, KeyError, ElementTree.ParseError, botocore.exceptions.BotoCoreError) as problem:
            found.append(f"cannot be parsed: {problem!r}")
        self.problems += [f"{name}: {problem}" for problem in found]


def success(protocol, model, status, body, parsed):
    """What is wrong with an answer that is no error."""
    problems = []
    wanted = model.http.get("responseCode", 200)
    if status != wanted:
        problems.append(f"status {status}, not {wanted}")
    shape = model.output_shape
    if shape is None:
        return problems
    content = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
    for path in EMPTY.get(model.name, ()):
        *above, last = path.split(".")
        holder = content
        for name in above:
            holder = holder.get(name, {})
        if holder.get(last) == "":
            del holder[last]
    report = ParamValidator().validate(content, shape)
    if report.has_errors():
        problems.append(report.generate_report())
    problems += constraints(shape, content, model.name)
    return problems + raw(protocol, model, shape, body)


def raw(protocol, model, shape, body):
    """What is in a body and not in the model."""
    if protocol == "ec2":
        root = ElementTree.fromstring(body)
        problems = namespaces(root, model.service_model.metadata["xmlNamespace"] + "/")
        if root.tag != f"{model.name}Response":
            problems.append(f"the root is <{root.tag}>")
        if [child.tag for child in root][:1] != ["requestId"]:
            problems.append("has no request id in it")
        for child in [child for child in root if child.tag == "requestId"]:
            root.remove(child)
        return problems + xml(shape, root, model.name)
    if protocol == "query":
        root = ElementTree.fromstring(body)
        problems = namespaces(root, model.service_model.metadata["xmlNamespace"])
        if root.tag != f"{model.name}Response":
            problems.append(f"the root is <{root.tag}>")
        inner = [child for child in root if child.tag != "ResponseMetadata"]
        if [child.tag for child in inner] != [shape.serialization["resultWrapper"]]:
            return [*problems, f"the root holds {[child.tag for child in inner]}"]
        return problems + xml(shape, inner[0], model.name)
    if protocol == "smithy-rpc-v2-cbor":
        return tree(shape, uncbor(body), model.name)
    return tree(shape, json.loads(body or "{}"), model.name)


def namespaces(root, wanted):
    """What is of another namespace; takes the namespaces off."""
    problems = []
    for element in root.iter():
        space, _, element.tag = element.tag.rpartition("}")
        if space != "{" + wanted:
            problems.append(f"<{element.tag}> has namespace {space!r}")
    return problems


def wire_members(shape):
    members = shape.members.items()
    return {
        member.serialization.get("name", name): member
        for name, member in members
        if "location" not in member.serialization
    }


def uncbor(body):
    parser = create_parser("smithy-rpc-v2-cbor")
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body)) if body else {}


def tree(shape, value, path):
    """What is in a JSON or CBOR body and not in the model."""
    kinds = {
        "structure": dict,
        "map": dict,
        "list": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "long": int,
        "timestamp": (int, float),
    }
    kind = shape.type_name
    if not isinstance(value, kinds[kind]) or isinstance(value, bool) != (kind == "boolean"):
        return [f"{path} is {value!r}, not a {kind}"]
    problems = []
    if kind == "structure":
        members = wire_members(shape)
        for name, inner in value.items():
            if name in members:
                problems += tree(members[name], inner, f"{path}.{name}")
            else:
                problems.append(f"{path} has `{name}`, which the model does not have")
    elif kind == "map":
        for name, inner in value.items():
            problems += tree(shape.value, inner, f"{path}.{name}")
    elif kind == "list":
        for index, inner in enumerate(value):
            problems += tree(shape.member, inner, f"{path}[{index}]")
    return problems


def xml(shape, element, path):
    """What is in an XML body and not in the model."""
    kind, problems = shape.type_name, []
    children = list(element)
    if kind == "structure":
        members = wire_members(shape)
        tags = [child.tag for child in children]
        problems += [f"{path} has <{tag}> twice" for tag in set(tags) if tags.count(tag) > 1]
        for child in children:
            if child.tag in members:
                problems += xml(members[child.tag], child, f"{path}.{child.tag}")
            else:
                problems.append(f"{path} has <{child.tag}>, which the model does not have")
    elif kind == "list":
        for index, child in enumerate(children):
            wanted = shape.member.serialization.get("name", "member")
            if child.tag != wanted:
                problems.append(f"{path}[{index}] is <{child.tag}>, not <{wanted}>")
            problems += xml(shape.member, child, f"{path}[{index}]")
    elif kind == "map":
        for child in children:
            if child.tag != "entry" or [inner.tag for inner in child] != ["key", "value"]:
                problems.append(f"{path} has an entry <{child.tag}> of {[inner.tag for inner in child]}")
            else:
                problems += xml(shape.value, child[1], f"{path}.{child[0].text}")
    elif children:
        problems.append(f"{path} has children, but is a {kind}")
    elif kind == "timestamp" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", element.text or ""):
        problems.append(f"{path} is no time: {element.text!r}")
    elif kind == "boolean" and element.text not in ("true", "false"):
        problems.append(f"{path} is no boolean: {element.text!r}")
    elif kind in ("integer", "long") and not re.fullmatch(r"-?\d+", element.text or ""):
        problems.append(f"{path} is no number: {element.text!r}")
    return problems


def constraints(shape, value, path):
    """The choices, patterns and upper bounds of a model, which botocore does not check, and the types of times."""
    kind, problems = shape.type_name, []
    if kind == "structure":
        for name, inner in value.items():
            if name in shape.members:
                problems += constraints(shape.members[name], inner, f"{path}.{name}")
    elif kind == "map":
        for name, inner in value.items():
            problems += constraints(shape.key, name, f"{path}({name})")
            problems += constraints(shape.value, inner, f"{path}.{name}")
    elif kind == "list":
        for index, inner in enumerate(value):
            problems += constraints(shape.member, inner, f"{path}[{index}]")
    elif kind == "timestamp":
        if not isinstance(value, datetime.datetime) or not 2015 <= value.year <= 2199:
            problems.append(f"{path} is {value!r}, not a time")
    elif kind == "string":
        if shape.enum and value not in shape.enum and (shape.name, value) not in SPELT:
            problems.append(f"{path} is {value!r}, not one of {shape.enum}")
        pattern = shape.metadata.get("pattern")
        named = value in RESOURCE_TYPES and shape.name == "ResourceType"
        if pattern and not named and not re.fullmatch(java(pattern), value, re.DOTALL):
            problems.append(f"{path} is {value!r}, which does not match {pattern}")
    most = shape.metadata.get("max")
    size = value if kind in ("integer", "long") else len(value) if kind in ("string", "list", "map") else 0
    if most is not None and size > most:
        problems.append(f"{path} is larger than {most}: {size}")
    return problems


def java(pattern):
    """The models' patterns are Java's."""
    for name, letters in {"L": "^\\W\\d_", "Z": "\\s", "N": "\\d"}.items():
        pattern = pattern.replace("\\p{" + name + "}", "\\w" if name == "L" else letters)
    return pattern.replace("\\u00", "\\x").replace("\\x{9}", "\\x09")


def error(protocol, name, model, status, body, parsed):
    """What is wrong with an error."""
    code = parsed["Error"]["Code"]
    problems = []
    modelled = {shape.error_code: shape for shape in model.error_shapes}
    modelled.update({shape.name: shape for shape in model.error_shapes})
    if code in modelled:
        described = modelled[code].metadata
        wanted = described.get("error", {}).get("httpStatusCode", 500 if described.get("fault") else 400)
        members = set(wire_members(modelled[code]))
    elif code in COMMON[protocol]:
        wanted, members = COMMON[protocol][code], set()
    elif (name, code) in UNLISTED:
        wanted, members = UNLISTED[name, code], set()
    else:
        return [f"refuses with {code}, which neither the operation's model nor the common errors have"]
    if status != wanted:
        problems.append(f"{code} has status {status}, not {wanted}")
    if protocol == "ec2":
        given = {element.tag for element in ElementTree.fromstring(body).iter()}
        members |= {"Response", "Errors", "Error", "Code", "Message", "RequestID"}
    elif protocol == "query":
        given = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(body).iter()}
        members |= {"ErrorResponse", "Error", "RequestId", "Type", "Code", "Message"}
    else:
        content = uncbor(body) if protocol == "smithy-rpc-v2-cbor" else json.loads(body or "{}")
        given = set(content)
        # The services do not agree on the letter with which it begins.
        members |= {"__type", "message", "Message"}
    problems += [f"{code} has `{member}`, which the model does not have" for member in sorted(given - members)]
    if not parsed["Error"].get("Message") and code not in MESSAGELESS:
        problems.append(f"{code} says nothing")
    return problems


# Errors that AWS sends with a code and no message.
MESSAGELESS = {"InvocationDoesNotExist", "ParameterNotFound", "UnknownOperationException"}
