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
import pathlib
import random
import re
import subprocess
import tempfile
import types
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


GITHUB = "token.actions.githubusercontent.com"


def github(sub, aud="sts.amazonaws.com"):
    """A token of a job of GitHub Actions, as the condition keys that IAM makes of it."""
    return {f"{GITHUB}:aud": [aud], f"{GITHUB}:sub": [sub]}


def gitlab(project, ref, kind="branch", aud="https://gitlab.com"):
    """A token of a job of GitLab."""
    return {"gitlab.com:aud": [aud], "gitlab.com:sub": [f"project_path:{project}:ref_type:{kind}:ref:{ref}"]}


def build(project, account=support.ACCOUNT, region=support.REGION):
    """What CodeBuild says for whom it acts."""
    arn = f"arn:aws:codebuild:{region}:{account}:project/{project}"
    return {"aws:SourceAccount": [account], "aws:SourceArn": [arn]}


class Trusts(unittest.TestCase):
    """Who comes in by the trust policies that `permissions --trust` prints, by two evaluators."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        pathlib.Path(self.folder, "vss.toml").write_text(support.MAIN_JOB)
        self.simulator = Simulator(self.enterContext(support.sandbox(self.folder)))
        self.addCleanup(self.simulator.connection.close)

    def printed(self, *arguments):
        command = [support.BINARY, "permissions", *arguments]
        run = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return json.loads(run.stdout)["trust"]

    def lets_in(self, trust, action, principal, context):
        """What both say of a principal with these keys, which they have to agree on."""
        (statement,) = trust["Statement"] if isinstance(trust["Statement"], list) else [trust["Statement"]]
        kind, name = principal
        named = statement["Principal"].get(kind, [])
        if name not in (named if isinstance(named, list) else [named]):
            return False
        # Evaluators of identity policies know no principals, and ask for a resource.
        rest = {name: value for name, value in statement.items() if name not in ("Principal", "Sid")}
        policy = {"Version": trust["Version"], "Statement": [{**rest, "Resource": "*"}]}
        case = types.SimpleNamespace(
            policies=[policy], boundary=None, actions=[action], resources=[ROLE], context=context
        )
        ours, theirs = self.simulator.decisions(case), judged(case)
        self.assertEqual(ours, theirs, f"{principal} {context}")
        return theirs[action, ROLE] == "allowed"

    def judge(self, arguments, action, principal, right, wrong):
        trust = self.printed(*arguments)
        for context in right:
            self.assertTrue(self.lets_in(trust, action, principal, context), f"{arguments} {context}")
        for context in wrong:
            self.assertFalse(self.lets_in(trust, action, principal, context), f"{arguments} {context}")
        for other in [("AWS", "*"), ("AWS", support.ACCOUNT), ("Service", "ec2.amazonaws.com")]:
            self.assertFalse(self.lets_in(trust, "sts:AssumeRole", other, right[0]), f"{arguments} {other}")

    def test_only_the_right_token_takes_the_role_that_applies(self):
        provider = ("Federated", f"arn:aws:iam::{support.ACCOUNT}:oidc-provider/{GITHUB}")
        web = "sts:AssumeRoleWithWebIdentity"
        apply = ["apply", "--trust", "github", "--repo", "owner/name"]
        everywhere = [
            # The token of a pull request is one of the repository that it is for, a fork's of the fork.
            "repo:owner/name:pull_request",
            "repo:fork/name:pull_request",
            "repo:fork/name:environment:production",
            "repo:fork/name:ref:refs/heads/main",
            "repo:owner/name2:environment:production",
            "repo:owner/name2:ref:refs/heads/main",
            "repo:owner/name:environment:staging",
            "repo:owner/name:environment:production2",
            "repo:owner/name:environment:Production",
            "repo:owner/name:ref:refs/heads/other",
            "repo:owner/name:ref:refs/heads/main2",
            "repo:owner/name:ref:refs/tags/main",
            "repo:owner/name:environment:*",
            "repo:*",
            "*",
            "",
        ]
        production = github("repo:owner/name:environment:production")
        main = github("repo:owner/name:ref:refs/heads/main")
        audiences = [{**right, f"{GITHUB}:aud": ["https://github.com/owner"]} for right in (production, main)]
        partial = [{f"{GITHUB}:aud": ["sts.amazonaws.com"]}, {}]
        wrong = [*map(github, everywhere), *audiences, *partial]
        self.judge([*apply, "--environment", "production"], web, provider, [production], [*wrong, main])
        self.judge([*apply, "--branch", "main"], web, provider, [main], [*wrong, production])

    def test_the_role_that_plans_is_for_the_repository_alone(self):
        provider = ("Federated", f"arn:aws:iam::{support.ACCOUNT}:oidc-provider/{GITHUB}")
        plan = ["plan", "--trust", "github", "--repo", "owner/name", "--branch", "main"]
        right = ["repo:owner/name:pull_request", "repo:owner/name:ref:refs/heads/main"]
        right.append("repo:owner/name:ref:refs/heads/gh-readonly-queue/main/pr-1-abc")
        wrong = ["repo:fork/name:pull_request", "repo:owner/name2:pull_request", "repo:owner/name:ref:refs/heads/other"]
        wrong.append("repo:owner/name:ref:refs/heads/gh-readonly-queue/other/pr-1-abc")
        self.judge(plan, "sts:AssumeRoleWithWebIdentity", provider, [*map(github, right)], [*map(github, wrong)])

    def test_gitlab_and_codebuild_let_in_one_branch_and_one_project(self):
        provider = ("Federated", f"arn:aws:iam::{support.ACCOUNT}:oidc-provider/gitlab.com")
        right = gitlab("group/name", "main")
        wrong = [
            gitlab("fork/name", "main"),
            gitlab("group/name2", "main"),
            gitlab("group/name", "other"),
            gitlab("group/name", "main2"),
            gitlab("group/name", "main", kind="tag"),
            gitlab("group/name", "main", aud="https://gitlab.example.com"),
            {},
        ]
        apply = ["apply", "--trust", "gitlab", "--repo", "group/name", "--branch", "main"]
        self.judge(apply, "sts:AssumeRoleWithWebIdentity", provider, [right], wrong)
        service = ("Service", "codebuild.amazonaws.com")
        elsewhere = [build("deploy", account="999999999999"), build("deploy", region="us-east-1")]
        wrong = [build("other"), build("deploy2"), *elsewhere, {}]
        apply = ["apply", "--trust", "codebuild", "--repo", "deploy"]
        self.judge(apply, "sts:AssumeRole", service, [build("deploy")], wrong)


if __name__ == "__main__":
    unittest.main()
