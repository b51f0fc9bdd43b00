"""Wrong inputs, one at a time, for every operation of the sandbox: refused as AWS's models say, and never a crash."""

import unittest

import botocore.exceptions
import scenario
import support
from botocore import xform_name
from wire import Wire

# Longer than any text may be, yet not longer than an address may be; letters that XML cannot carry and patterns do not
# have; what looks like more than it is.
TEXTS = ("", "x" * 6000, "é\u0000\ud7ff\U0001f600<&>'\"\r\n", "../..", "arn:aws:iam::123456789012:role/x")
DEEP = 3


def right(shape):
    """The least that a shape allows, if not what an operation makes sense of."""
    kind = shape.type_name
    if kind == "string":
        return shape.enum[0] if shape.enum else "x" * int(max(2, shape.metadata.get("min", 2)))
    if kind == "structure":
        return {name: right(shape.members[name]) for name in shape.required_members}
    if kind == "list":
        return [right(shape.member)] * int(max(1, shape.metadata.get("min", 1)))
    if kind == "map":
        return {"a": right(shape.value)}
    return {"boolean": True, "timestamp": 1_700_000_000}.get(kind, int(max(1, shape.metadata.get("min", 1))))


def wrong(shape, depth=0):
    kind = shape.type_name
    if kind == "string":
        yield from TEXTS
    elif kind in ("integer", "long"):
        yield from (-1, 0, 2**31, 2**63 - 1)
    elif kind == "boolean":
        yield from (True, False)
    elif kind == "timestamp":
        yield from (0, 4_000_000_000)
    elif kind == "list":
        yield []
        yield [right(shape.member)] * 300
        if depth < DEEP:
            yield from ([value] for value in wrong(shape.member, depth + 1))
    elif kind == "map":
        yield {}
        yield {"": right(shape.value)}
        if depth < DEEP:
            yield from ({"a": value} for value in wrong(shape.value, depth + 1))
    elif kind == "structure":
        yield {}
        if depth < DEEP:
            whole = right(shape)
            for name, member in shape.members.items():
                yield from ({**whole, name: value} for value in wrong(member, depth + 1))


def inputs(shape):
    """(the member that is wrong, the input)"""
    whole = right(shape)
    yield None, {}
    yield None, whole
    for name, member in shape.members.items():
        # An empty part of a path is the path of another operation.
        labels = member.serialization.get("location") == "uri"
        for value in wrong(member):
            if not (labels and value in ("", "../..")):
                yield name, {**whole, name: value}
        if name in whole:
            yield name, {other: value for other, value in whole.items() if other != name}


class WrongInputs(support.SandboxCase):
    def test_every_wrong_input_is_refused_as_the_models_say(self):
        wire = Wire()
        clients = {
            name: wire.listen(support.client(service, self.url, parameter_validation=False))
            for name, service in scenario.SERVICES.items()
        }
        calls = 0
        for name in sorted(support.offered()):
            service, operation = name.split(":")
            shape = clients[service].meta.service_model.operation_model(operation).input_shape
            call = getattr(clients[service], xform_name(operation))
            for member, input in inputs(shape) if shape else []:
                before = len(wire.problems)
                try:
                    call(**input)
                except botocore.exceptions.ClientError:
                    # The wire has judged it.
                    calls += 1
                except KeyError:
                    # botocore itself cannot make a path without its parts.
                    continue
                wire.problems[before:] = [f"{problem} ({member})" for problem in wire.problems[before:]]
        self.assertEqual(wire.problems, [], "\n".join(wire.problems))
        self.assertGreater(calls, 1000)


if __name__ == "__main__":
    unittest.main()
