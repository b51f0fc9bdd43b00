"""AWS's managed policies in the sandbox against moto, which ships AWS's own list: names, paths, default documents."""

import contextlib
import tempfile
import unittest

import botocore.exceptions
import support

# AWS no longer has these: roles of old accounts do.
GONE = {"AWSConfigRole"}


class ManagedPolicies(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.mine = support.client("iam", self.enterContext(support.sandbox(folder)))
        self.moto = support.client("iam", self.enterContext(support.moto()))

    def document(self, iam, policy):
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        return version["PolicyVersion"]["Document"]

    def test_each_policy_that_is_known_is_where_aws_has_it_and_says_what_awss_says(self):
        listed = support.pages(self.mine, "list_policies", "Policies", Scope="AWS")
        theirs = {one["PolicyName"]: one for one in support.pages(self.moto, "list_policies", "Policies", Scope="AWS")}
        self.assertEqual({one["PolicyName"] for one in listed} - set(theirs), GONE)
        for policy in listed:
            name = policy["PolicyName"]
            if name in GONE:
                with self.assertRaises(botocore.exceptions.ClientError, msg=name):
                    self.document(self.mine, policy)
                continue
            self.assertEqual(policy["Path"], theirs[name]["Path"], name)
            self.assertEqual(policy["DefaultVersionId"], theirs[name]["DefaultVersionId"], name)
            self.assertEqual(self.document(self.mine, policy), self.document(self.moto, theirs[name]), name)

    def test_a_policy_at_another_path_is_none(self):
        for way in ("service-role/AdministratorAccess", "AWSBackupServiceRolePolicyForBackup"):
            for iam in (self.mine, self.moto):
                with contextlib.suppress(iam.exceptions.NoSuchEntityException):
                    self.fail(iam.get_policy(PolicyArn=f"arn:aws:iam::aws:policy/{way}"))


if __name__ == "__main__":
    unittest.main()
