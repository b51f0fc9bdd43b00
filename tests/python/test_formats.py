"""The formats of a plan before the programs that read them: checkov, a Rego engine, a Markdown parser, a SARIF reader.

They are installed into an environment of their own, as what they need of boto3 is not what the other tests need.
"""

import json
import pathlib
import subprocess
import tempfile
import unittest

from support import BINARY, ROOT

CHECKERS = ROOT / "target" / "checkers" / "bin"

# The file of these resources: what `terraform plan` with the provider `hashicorp/aws` 5.100 was made of, with a planted
# `Action "*"` in an inline policy and in a policy of its own.
PLANTED = """
[stack]
name = "planted"
account_id = "123456789012"
region = "ap-northeast-1"

[role.EC2RoleforSSMVSSSnapshotV2]
trust = { Version = "2012-10-17", Statement = [
    { Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" },
] }
managed_policies = ["AWSEC2VssSnapshotPolicy"]
inline_policies = { bad = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] } }
instance_profile = true
tags = { team = "windows-platform" }
allow = [{ code = "VSS1020", reason = "planted" }, { code = "VSS1030", reason = "planted" }]

[role.AWSBackupVss]
preset = "backup-service"

[policy.badm]
document = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] }
allow = [{ code = "VSS1020", reason = "planted" }]

[vault.vss]
access_policy = { Version = "2012-10-17", Statement = [
    { Effect = "Allow", Principal = "*", Action = "backup:*", Resource = "*" },
] }
lock = { mode = "governance", min_retention = "7d" }

[plan.daily]
windows_vss = true

[plan.daily.rule.nightly]
vault = "vss"
schedule = "cron(0 18 ? * * *)"
timezone = "Asia/Tokyo"
start_window = "1h"
complete_window = "8h"
delete_after = "35d"

[plan.daily.selection.windows]
role = "AWSBackupVss"
match = { all = { VssBackup = "enabled" } }

[package.AwsVssComponents]
targets = { tags = { VssBackup = "enabled" } }
schedule = "rate(1 day)"

[region_settings]
resource_type_opt_in = { EC2 = true }
"""

# What checkov 3.3.30 says of Terraform's own plan of these resources, by check and type of resource.
POLICIES = {
    (check, kind)
    for check in (
        *("CKV_AWS_62", "CKV_AWS_63", "CKV_AWS_286", "CKV_AWS_287", "CKV_AWS_288", "CKV_AWS_289", "CKV_AWS_290"),
        *("CKV_AWS_355", "CKV2_AWS_40"),
    )
    for kind in ("aws_iam_policy", "aws_iam_role_policy")
}
FAILED = POLICIES | {("CKV_AWS_166", "aws_backup_vault")}

# No policy of a plan may allow everything.
REGO = """
package vssctl

import rego.v1

deny contains change.address if {
    some change in input.resource_changes
    change.type in {"aws_iam_policy", "aws_iam_role_policy"}
    document := json.unmarshal(change.change.after.policy)
    some statement in document.Statement
    statement.Effect == "Allow"
    "*" in statement.Action
}
"""


def checked(plan):
    """The failed checks of checkov, by check and type."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(plan, file, indent=2)
        file.flush()
        command = [CHECKERS / "checkov", "-f", file.name, "--framework", "terraform_plan", "--skip-download"]
        run = subprocess.run([*command, "--compact", "-o", "json"], capture_output=True, text=True, check=False)
    report = json.loads(run.stdout)
    reports = report if isinstance(report, list) else [report]
    failed = (check for one in reports for check in one.get("results", {}).get("failed_checks", []))
    return {(check["check_id"], check["resource"].split(".")[0]) for check in failed}


class Formats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not CHECKERS.exists():
            raise unittest.SkipTest("target/checkers is not installed (`tests/run tools`): nobody reads the formats")
        cls.folder = tempfile.TemporaryDirectory()
        cls.place = pathlib.Path(cls.folder.name)
        (cls.place / ".git").mkdir()
        (cls.place / "vss.toml").write_text(PLANTED)
        cls.run_plan("--out", "plan.json")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def run_plan(cls, *options):
        command = [BINARY, "--sandbox=account.json", "plan", *options]
        return subprocess.run(command, cwd=cls.place, capture_output=True, text=True, check=True).stdout

    def shown(self, form):
        command = [BINARY, "show", "plan.json", "--format", form]
        return subprocess.run(command, cwd=self.place, capture_output=True, text=True, check=True).stdout

    def test_checkov_finds_what_it_finds_on_terraforms_own_plan(self):
        plan = json.loads(self.shown("tfplan"))
        self.assertEqual(checked(plan), FAILED)
        # Without its version checkov reads nothing and says nothing: the member is needed.
        del plan["terraform_version"]
        self.assertEqual(checked(plan), set())

    def test_a_rego_rule_denies_the_planted_policies(self):
        (self.place / "tfplan.json").write_text(self.shown("tfplan"))
        (self.place / "planted.rego").write_text(REGO)
        program = (
            "import json, pathlib, sys, opa_eval\n"
            "engine = opa_eval.OpaEval(sys.argv[1], '{}', 'data.vssctl.deny')\n"
            "print(json.dumps(sorted(engine.evaluate_parsed(pathlib.Path(sys.argv[2]).read_text()))))\n"
        )
        found = inside(program, self.place / "planted.rego", self.place / "tfplan.json")
        self.assertEqual(
            set(found),
            {'aws_iam_policy.this["badm"]', 'aws_iam_role_policy.this["EC2RoleforSSMVSSSnapshotV2/bad"]'},
        )

    def test_gitlabs_counts_are_those_of_the_actions(self):
        plan = json.loads(self.shown("tfplan"))
        words = [word for change in plan["resource_changes"] for word in change["change"]["actions"]]
        counts = json.loads(self.shown("gitlab-terraform"))
        self.assertEqual(counts, {word: words.count(word) for word in ("create", "update", "delete")})
        self.assertGreater(counts["create"], 10)
        self.assertTrue({"format_version", "planned_values", "configuration"} <= plan.keys())

    def test_the_markdown_is_one_comment_whose_parts_are_closed(self):
        text = self.shown("markdown")
        tokens = markdown(text)
        self.assertTrue(text.startswith("<!-- vssctl:plan:v1 "))
        self.assertEqual(text.count("<!--"), 1)
        fences = [token for token in tokens if token["type"] == "fence"]
        self.assertEqual(len(fences), text.count("<details"))
        self.assertEqual(text.count("<details"), text.count("</details>"))

    def test_a_reader_of_sarif_takes_what_is_written(self):
        (self.place / "plan.sarif").write_text(self.shown("sarif"))
        command = [CHECKERS / "sarif", "summary", self.place / "plan.sarif"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)


def inside(program, *arguments):
    """What a program of the checkers' environment prints, as JSON."""
    command = [CHECKERS / "python", "-c", program, *map(str, arguments)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def markdown(text):
    program = (
        "import json, sys, markdown_it\n"
        "tokens = markdown_it.MarkdownIt('commonmark', {'html': True}).enable('table').parse(sys.argv[1])\n"
        "print(json.dumps([{'type': token.type, 'content': token.content} for token in tokens]))\n"
    )
    return inside(program, text)


if __name__ == "__main__":
    unittest.main()
