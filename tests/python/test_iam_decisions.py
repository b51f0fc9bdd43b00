"""IAM decisions of the sandbox, by `SimulateCustomPolicy`, against an evaluator that is not ours: principalmapper.

principalmapper is run as it is and nothing of it is copied (AGPL). It needs names that Python 3.10 took out of
`collections`, which are put back before it is loaded. VSSCTL_POLICIES and VSSCTL_SEED ask for other policies.
"""

import collections
import collections.abc
import copy
import http.client
import json
import os
import random
import re
import tempfile
import unittest
import urllib.parse

import random_policies
import support

for name in ("Mapping", "MutableMapping"):
    setattr(collections, name, getattr(collections.abc, name))

from principalmapper.common import Node, Policy  # noqa: E402
from principalmapper.querying.local_policy_simulation import has_matching_statement  # noqa: E402
from principalmapper.querying.query_interface import local_check_authorization_full  # noqa: E402
from principalmapper.util.case_insensitive_dict import CaseInsensitiveDict  # noqa: E402

POLICIES = int(os.environ.get("VSSCTL_POLICIES", "10000"))
SEED = int(os.environ.get("VSSCTL_SEED", random.SystemRandom().randrange(2**32)))
ROLE = f"arn:aws:iam::{random_policies.ACCOUNT}:role/judged"
# The parts of a result that count, each once in a result.
RESULT = re.compile(r"<(EvalActionName|EvalDecision|EvalResourceName)>(.*?)</")


class Simulator:
    """Asks a served sandbox, over one connection."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
        scope = f"{random_policies.ACCOUNT}/20260101/us-east-1/iam/aws4_request"
        self.headers = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def decisions(self, case):
        """The decisions by action and resource."""
        asked = {"Action": "SimulateCustomPolicy", "Version": "2010-05-08"}

        def add(member, values):
            asked.update({f"{member}.member.{number}": value for number, value in enumerate(values, 1)})

        add("PolicyInputList", [json.dumps(policy) for policy in case.policies])
        add("PermissionsBoundaryPolicyInputList", [json.dumps(case.boundary)] if case.boundary else [])
        add("ActionNames", case.actions)
        add("ResourceArns", case.resources)
        for number, (key, values) in enumerate(case.context.items(), 1):
            entry = f"ContextEntries.member.{number}"
            asked[f"{entry}.ContextKeyName"] = key
            asked[f"{entry}.ContextKeyType"] = "stringList"
            add(f"{entry}.ContextKeyValues", values)
        self.connection.request("POST", "/", urllib.parse.urlencode(asked), self.headers)
        answer = self.connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {body}\n{case}")
        texts = collections.defaultdict(list)
        for member, text in RESULT.findall(body):
            texts[member].append(text)
        asked_for = zip(texts["EvalActionName"], texts["EvalResourceName"], strict=True)
        return dict(zip(asked_for, texts["EvalDecision"], strict=True))


def judged(case):
    """The judge's decisions by action and resource."""
    policies = [Policy(ROLE, f"p{number}", policy) for number, policy in enumerate(case.policies)]
    boundary = Policy(ROLE, "boundary", case.boundary) if case.boundary else None
    role = Node(ROLE, "AROAEXAMPLE", policies, [], {}, None, 0, False, False, boundary, False, {})
    bounds = Node(ROLE, "AROAEXAMPLE", [boundary], [], {}, None, 0, False, False, None, False, {}) if boundary else None
    context = {key: values if len(values) > 1 else values[0] for key, values in case.context.items()}
    keys = CaseInsensitiveDict(context)
    found = {}
    for action in case.actions:
        for resource in case.resources:
            denied = has_matching_statement(role, "Deny", action, resource, keys)
            denied = denied or bounds and has_matching_statement(bounds, "Deny", action, resource, keys)
            allowed = local_check_authorization_full(role, action, resource, context)
            found[action, resource] = "explicitDeny" if denied else "allowed" if allowed else "implicitDeny"
    return found


def documents(case):
    return [*case.policies, *([case.boundary] if case.boundary else [])]


def operators(case):
    """The operators of a case, without quantity and IfExists."""
    found = set()
    for document in documents(case):
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        for statement in statements:
            found.update(name.split(":")[-1].removesuffix("IfExists") for name in statement.get("Condition", {}))
    return found


class Decisions(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.simulator = Simulator(self.enterContext(support.sandbox(folder)))
        self.addCleanup(self.simulator.connection.close)

    def test_decisions_are_those_of_another_evaluator(self):
        maker = random_policies.Maker(random.Random(SEED))
        compared, skipped, decided, seen = 0, collections.Counter(), collections.Counter(), collections.Counter()
        differing = []
        while compared < POLICIES:
            case = maker.case()
            if case.beyond:
                skipped.update({min(case.beyond): len(documents(case))})
                continue
            ours, theirs = self.simulator.decisions(case), judged(case)
            compared += len(documents(case))
            decided.update(theirs.values())
            seen.update(operators(case))
            if ours != theirs:
                differing.append((case, {asked: (ours.get(asked), theirs[asked]) for asked in theirs if ours.get(asked) != theirs[asked]}))
        for reason, number in sorted(skipped.items()):
            print(f"iam decisions: skipped {number} random policies: {reason}")
        print(
            f"iam decisions: {compared} random policies compared in {sum(decided.values())} decisions "
            f"({', '.join(f'{number} {name}' for name, number in sorted(decided.items()))}), "
            f"{sum(skipped.values())} skipped, {len(differing)} differing (seed {SEED})",
            flush=True,
        )
        told = "\n".join(f"{case}\n  (ours, theirs): {how}" for case, how in differing[:3])
        self.assertEqual(len(differing), 0, told)
        self.assertEqual(set(decided), {"allowed", "explicitDeny", "implicitDeny"})
        for name, number in decided.items():
            self.assertGreater(number, sum(decided.values()) / 20, name)
        self.assertEqual(sorted(seen), random_policies.OPERATORS)

    def test_a_decision_that_is_wrong_is_noticed(self):
        maker = random_policies.Maker(random.Random(SEED))
        cases = [case for case in (maker.case() for _ in range(300)) if not case.beyond]
        noticed = 0
        for case in cases:
            wrong = copy.deepcopy(case)
            wrong.policies.append({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
            noticed += self.simulator.decisions(wrong) != judged(case)
        self.assertGreater(noticed, len(cases) / 2)


if __name__ == "__main__":
    unittest.main()
