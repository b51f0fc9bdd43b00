"""botocore as an independent client of `vssctl sandbox serve`: every operation that it offers, in success and error."""

import unittest
from unittest import mock

import support
import walk_backup
import walk_ec2
import walk_iam
import walk_kms
import walk_ssm
from walk import Walk
from wire import Wire

# What cannot be refused: AWS's models give these no input and no error but the service's own failures.
WALKED = {"backup", "ec2", "iam", "kms", "ssm", "sts", "tagging"}
NEVER_REFUSED = {
    "backup:DescribeGlobalSettings",
    "backup:DescribeRegionSettings",
    "backup:GetSupportedResourceTypes",
    "iam:GetAccountSummary",
    "sts:GetCallerIdentity",
}


class Checks(unittest.TestCase):
    """The checks notice wrong answers, or the rest of this file would prove nothing."""

    def problems(self, service, operation, status, body, **headers):
        client = support.client(service, "http://127.0.0.1:9")
        wire = Wire()
        answer = mock.Mock(status_code=status, content=body.encode(), headers={"x-amzn-requestid": "1", **headers})
        wire.answered(answer, client.meta.service_model.operation_model(operation))
        return "\n".join(wire.problems)

    def test_an_answer_in_json_with_anything_else_than_the_model_has_is_noticed(self):
        right = '{"BackupVaultName": "vss", "CreationDate": 1.5e9, "Locked": false, "NumberOfRecoveryPoints": 0}'
        self.assertEqual(self.problems("backup", "DescribeBackupVault", 200, right), "")
        for old, new, problem in (
            ('"Locked"', '"Closed"', "`Closed`, which the model does not have"),
            ("false", '"false"', "not a boolean"),
            ("0}", "0.5}", "not a long"),
            ("0}", "true}", "not a long"),
            ("1.5e9", "1.5e12", "cannot be parsed"),
            ("1.5e9", "15", "not a time"),
            ("}", "", "cannot be parsed"),
        ):
            found = self.problems("backup", "DescribeBackupVault", 200, right.replace(old, new))
            self.assertIn(problem, found, new)
        self.assertIn("status 201", self.problems("backup", "DescribeBackupVault", 201, right))
        self.assertIn("not one of", self.problems("ssm", "GetDocument", 200, '{"Status": "Gone"}'))

    def test_an_answer_in_xml_with_anything_else_than_the_model_has_is_noticed(self):
        policy = "<PolicyNames><member>a</member></PolicyNames><IsTruncated>false</IsTruncated>"
        right = (
            '<ListRolePoliciesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListRolePoliciesResult>'
            f"{policy}</ListRolePoliciesResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
            "</ListRolePoliciesResponse>"
        )
        self.assertEqual(self.problems("iam", "ListRolePolicies", 200, right), "")
        for old, new, problem in (
            ("IsTruncated", "IsCut", "<IsCut>, which the model does not have"),
            ("member>", "item>", "<item>, not <member>"),
            ("false", "no", "no boolean"),
            ("<member>a<", "<member>a b<", "does not match"),
            (policy, "", "Missing required parameter"),
            (policy, policy + policy, "twice"),
            ("2010-05-08", "2011-01-01", "has namespace"),
            ("ListRolePoliciesResult", "Result", "cannot be parsed"),
        ):
            self.assertIn(problem, self.problems("iam", "ListRolePolicies", 200, right.replace(old, new)), new)

    def test_an_error_that_the_model_does_not_have_is_noticed(self):
        def told(code, status, more=""):
            return self.problems(
                "ssm", "GetParameter", status, '{"__type": "' + code + '", "message": "m"' + more + "}"
            )

        self.assertEqual(told("ParameterNotFound", 400), "")
        self.assertEqual(told("ValidationException", 400), "")
        self.assertIn("status 404, not 400", told("ParameterNotFound", 404))
        self.assertIn("neither", told("AssociationDoesNotExist", 400))
        self.assertIn("`Colour`", told("ParameterNotFound", 400, ', "Colour": "red"'))


class EveryOperation(support.SandboxCase):
    def setUp(self):
        self.wire = Wire()

    def walk(self, service, **arguments):
        return Walk(self.wire, service, self.url, **arguments)

    def held(self, *services):
        """Wants a success and an error of everything that these services offer, and all as the models say."""
        self.assertEqual(self.wire.problems, [], "\n".join(self.wire.problems))
        wanted = {name for name in support.offered() if name.split(":")[0] in services}
        self.assertTrue(wanted)
        self.assertEqual(wanted - self.wire.succeeded, set())
        self.assertEqual(wanted - set(self.wire.refused), wanted & NEVER_REFUSED)

    def test_iam_and_sts_answer_as_their_models_say(self):
        walk_iam.walk(self.walk("iam"))
        walk_iam.identity(self.walk("sts"))
        self.held("iam", "sts")

    def test_backup_answers_as_its_model_says(self):
        account = {"account": "333333333333"}
        services = [self.walk(service, **account) for service in ("backup", "iam", "ssm")]
        walk_backup.walk(*services, self.advance)
        self.held("backup")

    def test_systems_manager_answers_as_its_model_says(self):
        walk_ssm.walk(self.walk("ssm"))
        self.held("ssm")

    def test_ec2_answers_as_its_model_says(self):
        account = {"account": "444444444444"}
        walk_ec2.walk(self.walk("ec2", **account), self.walk("iam", **account))
        self.held("ec2")

    def test_kms_answers_as_its_model_says(self):
        account = {"account": "555555555555"}
        self.walk("backup", **account)("CreateBackupVault", BackupVaultName="vault")
        walk_kms.walk(self.walk("kms", **account), self.key("555555555555"))
        self.held("kms")

    def test_tagging_answers_as_its_model_says(self):
        account = {"account": "111111111111"}
        walk_ssm.tagging(self.walk("resourcegroupstaggingapi", **account), self.walk("backup", **account))
        self.held("tagging")

    def test_tagging_answers_as_its_model_says_in_cbor(self):
        first = ("smithy-rpc-v2-cbor", "json", "rest-json", "rest-xml", "query", "ec2")
        with mock.patch("botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", first):
            account = {"account": "222222222222"}
            tagging = self.walk("resourcegroupstaggingapi", **account)
            self.assertEqual(tagging.client.meta.service_model.resolved_protocol, "smithy-rpc-v2-cbor")
            walk_ssm.tagging(tagging, self.walk("backup", **account))
            self.held("tagging")

    def test_no_service_is_offered_that_is_not_walked_through(self):
        self.assertEqual({name.split(":")[0] for name in support.offered()}, WALKED)


if __name__ == "__main__":
    unittest.main()
