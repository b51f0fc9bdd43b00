"""Terraform with the AWS provider as an independent client of `vssctl sandbox serve`, and beside vssctl in one account.

Neither can be had from a package registry: the tests are skipped where `terraform` and the provider of `PROVIDER` are not
installed. The provider is looked for where Terraform keeps mirrors of plugins, and below /opt.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import support

PROVIDER = "5.100.0"
FILES = pathlib.Path(__file__).parent / "terraform"
MIRRORS = ["~/.terraform.d/plugins", "~/.local/share/terraform/plugins", "/usr/local/share/terraform/plugins"]

HEAD = f"""
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws", version = "{PROVIDER}" }}
  }}
}}

provider "aws" {{
  region                  = "{support.REGION}"
  access_key              = "{support.ACCOUNT}"
  secret_key              = "sandbox"
  skip_metadata_api_check = true
  IGNORED
}}
"""
# docs/terraform.md advises this.
IGNORED = 'ignore_tags { key_prefixes = ["vssctl:"] }'.replace("{ ", "{\n    ").replace(" }", "\n  }")


def mirror():
    """The folder from which the provider can be installed."""
    places = [pathlib.Path(place).expanduser() for place in MIRRORS] + sorted(pathlib.Path("/opt").glob("*"))
    found = (place / "registry.terraform.io" / "hashicorp" / "aws" for place in places)
    return next((place.parents[2] for place in found if any(place.glob(f"{PROVIDER}/*")) or any(place.glob(f"*{PROVIDER}*.zip"))), None)


MIRROR = mirror()
LACKING = [what for what, there in (("terraform", shutil.which("terraform")), (f"hashicorp/aws {PROVIDER}", MIRROR)) if not there]


class Driver(unittest.TestCase):
    """A served sandbox, and a folder in which Terraform works on it."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.url = self.enterContext(support.sandbox(self.folder))
        mirrored = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{MIRROR}"\n  }}\n}}\n'
        (self.folder / "terraform.rc").write_text(mirrored)

    def use(self, file, ignored=IGNORED):
        """Makes the folder one of Terraform's, with this file."""
        (self.folder / "head.tf").write_text(HEAD.replace("IGNORED", ignored))
        shutil.copy(FILES / file, self.folder / "main.tf")
        self.terraform("init")

    def terraform(self, command, *arguments, expect=(0,), **variables):
        """Runs Terraform; gives its exit code and what it prints."""
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder),
            "TF_CLI_CONFIG_FILE": str(self.folder / "terraform.rc"),
            "CHECKPOINT_DISABLE": "1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": support.ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        environment.update({f"TF_VAR_{name}": json.dumps(value) for name, value in variables.items()})
        done = subprocess.run(
            ["terraform", command, "-no-color", *([] if command == "validate" else ["-input=false"]), *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        self.assertIn(done.returncode, expect, f"terraform {command}\n{done.stdout}")
        return done.returncode, done.stdout

    def summary(self, output, words):
        """The numbers of a summary line."""
        found = re.search(rf"^{words}$".replace("N", r"(\d+)"), output, re.MULTILINE)
        self.assertIsNotNone(found, output)
        return tuple(int(number) for number in found.groups())

    def is_empty(self, **variables):
        code, output = self.terraform("plan", "-detailed-exitcode", expect=(0, 2), **variables)
        self.assertEqual(code, 0, output)


@unittest.skipIf(LACKING, f"{' and '.join(LACKING)} not installed: Terraform does not judge the sandbox in this run")
class Terraform(Driver):
    def left(self):
        """What the account holds of Terraform's."""
        iam, backup, ssm = (support.client(name, self.url) for name in ("iam", "backup", "ssm"))
        return [
            *[role["RoleName"] for role in support.pages(iam, "list_roles", "Roles")],
            *[policy["Arn"] for policy in support.pages(iam, "list_policies", "Policies", Scope="Local")],
            *[one["InstanceProfileName"] for one in support.pages(iam, "list_instance_profiles", "InstanceProfiles")],
            *[vault["BackupVaultName"] for vault in support.pages(backup, "list_backup_vaults", "BackupVaultList")],
            *[plan["BackupPlanName"] for plan in support.pages(backup, "list_backup_plans", "BackupPlansList")],
            *[one["AssociationId"] for one in support.pages(ssm, "list_associations", "Associations")],
            *[one["Name"] for one in support.pages(ssm, "describe_parameters", "Parameters")],
        ]

    def test_every_type_is_made_read_edited_and_destroyed(self):
        types = set(re.findall(r'^resource "(\w+)"', (FILES / "main.tf").read_text(), re.MULTILINE))
        settings = support.client("backup", self.url).describe_region_settings()
        opt_in = settings["ResourceTypeOptInPreference"]
        self.use("main.tf")
        made = self.terraform("apply", "-auto-approve", opt_in=opt_in)[1]
        added, _, _ = self.summary(made, r"Apply complete! Resources: N added, N changed, N destroyed\.")
        self.is_empty(opt_in=opt_in)
        edited = self.terraform("apply", "-auto-approve", opt_in=opt_in, edit=True)[1]
        more, changed, gone = self.summary(edited, r"Apply complete! Resources: N added, N changed, N destroyed\.")
        self.assertEqual(more, gone)
        self.assertGreater(changed + gone, 14, edited)
        self.is_empty(opt_in=opt_in, edit=True)
        destroyed = self.terraform("destroy", "-auto-approve", opt_in=opt_in)[1]
        self.assertEqual(self.summary(destroyed, r"Destroy complete! Resources: N destroyed\."), (added,))
        self.assertEqual(self.left(), [])
        print(
            f"terraform: {added} resources of {len(types)} types made, {changed} changed, {gone} replaced and all destroyed "
            f"with hashicorp/aws {PROVIDER}; each plan after an apply was empty",
            flush=True,
        )

    def test_what_vssctl_made_is_imported_with_nothing_to_change_and_both_stay_quiet(self):
        vssctl = support.Vssctl(self.folder, self.url)
        vssctl.write(support.MAIN_JOB)
        vssctl.run("apply", "--yes", "--no-input")
        backup, ssm = support.client("backup", self.url), support.client("ssm", self.url)
        plan = backup.list_backup_plans()["BackupPlansList"][0]["BackupPlanId"]
        selection = backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"][0]["SelectionId"]
        association = ssm.list_associations()["Associations"][0]["AssociationId"]
        ids = {"plan": plan, "selection": selection, "association": association}
        words = r"Plan: N to import, N to add, N to change, N to destroy\."

        # Without the advice of docs/terraform.md, Terraform would take vssctl's marks off.
        self.use("imported.tf", ignored="")
        _, _, changed, _ = self.summary(self.terraform("plan", ids=ids)[1], words)
        self.assertGreater(changed, 0)

        self.use("imported.tf")
        imported, *others = self.summary(self.terraform("plan", ids=ids)[1], words)
        self.assertEqual(others, [0, 0, 0])
        self.terraform("apply", "-auto-approve", ids=ids)
        self.is_empty(ids=ids)
        self.assertIn(support.NO_CHANGES, vssctl.run("plan", "--detailed-exitcode").stdout)
        print(f"terraform: {imported} resources that vssctl made imported, 0 to change", flush=True)


if __name__ == "__main__":
    unittest.main()
