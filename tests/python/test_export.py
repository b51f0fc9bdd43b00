"""What `vssctl export` writes for other tools, judged by them: cfn-lint reads the templates, and Terraform with the AWS
provider imports what is live with nothing to change.

Terraform can't be had from a package registry: its test is skipped where it is not installed.
"""

import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

import support
import test_terraform

FILE = (pathlib.Path(__file__).parent / "export.toml").read_text()
HERE = ("--region", support.REGION, "--stack", "taken")
LINT = pathlib.Path(sys.executable).parent / "cfn-lint"
ACCOUNTS = 12


def lint():
    """The command of cfn-lint: that of the environment of the tests, else one on the search path."""
    return str(LINT) if LINT.exists() else shutil.which("cfn-lint")


def some_of(seed):
    """The file of the account without some of its tables that nothing else needs."""
    chosen = random.Random(seed)
    optional = [
        ["plan.daily.selection.named"],
        ["plan.daily.rule.\"weekly\""],
        ["restore_test.weekly", "restore_test.weekly.recovery_point_selection", "restore_test.weekly.selection.sql"],
        ["package.AwsVssComponents"],
        ["role.windows.inline_policies"],
        ["tags"],
    ]
    gone = [table for tables in optional if chosen.random() < 0.4 for table in tables]
    return support.without(FILE, *gone)


class Templates(support.FolderCase):
    def test_cfn_lint_has_nothing_to_say_of_a_template(self):
        command = lint()
        if command is None:
            self.skipTest("cfn-lint is not installed: nobody judges the templates in this run")
        resources = 0
        files = []
        for seed in range(ACCOUNTS):
            folder = self.folder / str(seed)
            folder.mkdir()
            vssctl = support.Vssctl(folder)
            vssctl.write(FILE if seed == 0 else some_of(seed))
            vssctl.run("apply", "--yes", "--no-input", "--allow", "starts-instances")
            # The region's settings, and the tags of what has none there, are named.
            vssctl.run("export", "--all", "--format", "cloudformation", "--out", "template.json", expect=8)
            template = json.loads((folder / "template.json").read_text())
            imports = json.loads((folder / "template.import.json").read_text())
            self.assertEqual({one["LogicalResourceId"] for one in imports}, set(template["Resources"]))
            self.assertTrue(all(all(one["ResourceIdentifier"].values()) for one in imports), imports)
            resources += len(imports)
            files.append(str(folder / "template.json"))
        done = subprocess.run([command, *files], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, ""), done.stderr)
        print(f"export: cfn-lint finds nothing in {len(files)} templates with {resources} resources", flush=True)

    def test_the_exported_file_is_the_stacks_own_again(self):
        vssctl = support.Vssctl(self.folder)
        vssctl.write(FILE)
        vssctl.run("apply", "--yes", "--no-input", "--allow", "starts-instances")
        text = vssctl.run("export", "--all").stdout
        vssctl.write(text)
        tomllib.loads(text)
        self.assertIn(support.NO_CHANGES, vssctl.run("plan", "--detailed-exitcode").stdout)


@unittest.skipIf(
    test_terraform.LACKING,
    f"{' and '.join(test_terraform.LACKING)} not installed: Terraform does not judge the configuration in this run",
)
class Terraform(test_terraform.Driver):
    def exported(self, file):
        vssctl = support.Vssctl(self.folder, self.url)
        vssctl.write(file)
        vssctl.run("apply", "--yes", "--no-input", "--allow", "starts-instances")
        vssctl.run("export", "--all", "--format", "terraform", "--out", "main.tf")
        return vssctl

    def test_everything_is_imported_with_nothing_to_change(self):
        vssctl = self.exported(FILE)
        self.terraform("init")
        self.terraform("validate")
        words = r"Plan: N to import, N to add, N to change, N to destroy\."
        output = self.terraform("plan")[1]
        imported, *others = self.summary(output, words)
        self.assertEqual(others, [0, 0, 0], output)
        written = (self.folder / "main.tf").read_text()
        self.assertEqual(imported, len(re.findall(r"^import \{", written, re.MULTILINE)))
        self.terraform("apply", "-auto-approve")
        self.is_empty()
        self.assertIn(support.NO_CHANGES, vssctl.run("plan", "--detailed-exitcode").stdout)
        print(f"export: Terraform imports {imported} resources with nothing to change", flush=True)


if __name__ == "__main__":
    unittest.main()
