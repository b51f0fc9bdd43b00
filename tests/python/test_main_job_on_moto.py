"""The main job on an independent server, for all that moto implements: roles, profiles, policies, vaults and plans.

moto has no selections, associations or UpdateBackupPlan, and does not list the tags of plans: the file here has none of
them, and the plan is known as ours by its `CreatorRequestId`.
"""

import json
import unittest

import support

TEAM = 'tags = { team = "windows-platform" }'


def file(description):
    """The main job, but for what moto lacks."""
    text = support.without(support.MAIN_JOB, "package.AwsVssComponents", "plan.daily.selection.windows")
    role = f'[role.AWSBackupVss]\ndescription = "{description}"\n{TEAM}'
    return text.replace("[role.AWSBackupVss]", role).replace("[vault.vss]", f"[vault.vss]\n{TEAM}")


# moto has no ListBackupSelections, and vssctl says that it could not look for what else the stack owns.
NO_CHANGES = "No changes to make: not everything could be read."

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


class MainJob(support.FolderCase):
    def setUp(self):
        super().setUp()
        server = support.moto()
        self.url = server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        self.vssctl = support.Vssctl(self.folder, self.url)
        self.vssctl.write(file("one"))

    def test_apply_then_plan_is_empty_and_a_change_is_one_change(self):
        self.assertEqual(support.summary(self.vssctl.run("plan").stdout), (5, 0, 0))
        self.vssctl.run("plan", "--detailed-exitcode", expect=2)
        self.vssctl.run("apply", "--yes", "--no-input")
        again = self.vssctl.run("plan", "--detailed-exitcode")
        self.assertIn(NO_CHANGES, again.stdout)

        backup = support.client("backup", self.url)
        plans = support.pages(backup, "list_backup_plans", "BackupPlansList")
        self.assertEqual([plan["BackupPlanName"] for plan in plans], ["daily"])
        plan = backup.get_backup_plan(BackupPlanId=plans[0]["BackupPlanId"])
        rule = plan["BackupPlan"]["Rules"][0]
        self.assertEqual(
            (rule["RuleName"], rule["TargetBackupVaultName"], rule["StartWindowMinutes"], rule["CompletionWindowMinutes"]),
            ("nightly", "vss", 60, 480),
        )
        self.assertEqual(rule["Lifecycle"]["DeleteAfterDays"], 35)

        self.vssctl.write(file("two"))
        changed = json.loads(self.vssctl.run("plan", "--format", "json").stdout)
        changes = [change for change in changed["changes"] if change["action"] != "no_op"]
        self.assertEqual([change["address"] for change in changes], ["role.AWSBackupVss"])
        self.assertEqual([field["path"] for field in changes[0]["fields"]], ["description"])
        self.vssctl.run("apply", "--yes", "--no-input")
        self.assertIn(NO_CHANGES, self.vssctl.run("plan").stdout)
        iam = support.client("iam", self.url)
        self.assertEqual(iam.get_role(RoleName="AWSBackupVss")["Role"]["Description"], "two")

    def test_a_stranger_is_refused_untouched_until_it_is_adopted(self):
        iam = support.client("iam", self.url)
        iam.create_role(RoleName="AWSBackupVss", AssumeRolePolicyDocument=json.dumps(TRUST), Description="theirs")
        refused = self.vssctl.run("apply", "--yes", "--no-input", expect=4)
        self.assertIn("vssctl adopt role.AWSBackupVss", " ".join((refused.stdout + refused.stderr).split()))
        self.assertEqual(iam.get_role(RoleName="AWSBackupVss")["Role"]["Description"], "theirs")
        self.assertEqual(iam.list_role_tags(RoleName="AWSBackupVss")["Tags"], [])

        self.vssctl.run("adopt", "role.AWSBackupVss", "--yes", "--no-input")
        self.assertEqual(iam.get_role(RoleName="AWSBackupVss")["Role"]["Description"], "theirs")
        # What its preset attaches to a role of the stack is the job itself, and takes no consent.
        self.vssctl.run("apply", "--yes", "--no-input")
        self.assertEqual(iam.get_role(RoleName="AWSBackupVss")["Role"]["Description"], "one")
        self.assertIn(NO_CHANGES, self.vssctl.run("plan").stdout)

    def test_destroy_takes_away_what_apply_made_and_nothing_else(self):
        iam = support.client("iam", self.url)
        iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=json.dumps(TRUST))
        self.vssctl.run("apply", "--yes", "--no-input")
        # moto has no ListBackupSelections: a destroy that could not look for selections does not call itself complete.
        self.vssctl.run("destroy", "--yes", "--no-input", expect=5)
        names = [role["RoleName"] for role in support.pages(iam, "list_roles", "Roles")]
        self.assertEqual(names, ["theirs"])
        backup = support.client("backup", self.url)
        self.assertEqual(support.pages(backup, "list_backup_vaults", "BackupVaultList"), [])
        self.assertEqual(support.pages(backup, "list_backup_plans", "BackupPlansList"), [])


if __name__ == "__main__":
    unittest.main()
