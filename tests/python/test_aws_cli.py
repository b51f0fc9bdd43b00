"""The AWS CLI as an independent client of `vssctl sandbox serve`: the steps of AWS's announcement as its own command
lines, pages, waiters and errors."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import support

AWS = pathlib.Path(sys.executable).parent / "aws"
ROLE = "EC2RoleforSSMVSSSnapshotV2"
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
SNAPSHOT = "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy"
BACKUP = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"


def trust(service):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Cli(unittest.TestCase):
    ran = 0

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.url = cls.enterClassContext(support.sandbox(cls.folder))

    @classmethod
    def tearDownClass(cls):
        print(f"aws cli: {cls.ran} command lines run in {cls.__name__}", flush=True)

    def run_aws(self, *arguments):
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": self.folder,
            "AWS_ACCESS_KEY_ID": support.ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_DEFAULT_REGION": support.REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }
        command = [AWS, *arguments, "--output", "json"]
        type(self).ran += 1
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def aws(self, *arguments):
        """What a command line prints; it must end with 0."""
        done = self.run_aws(*arguments)
        self.assertEqual(done.returncode, 0, f"aws {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def refused(self, code, *arguments):
        """What a command line that the service refuses says."""
        done = self.run_aws(*arguments)
        self.assertEqual(done.returncode, 255, f"aws {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        self.assertIn(f"An error occurred ({code})", done.stderr)
        return done.stderr


class Announcement(Cli):
    """From a server that knows nothing of VSS to a backup that is consistent, in the order of the announcement."""

    def server(self):
        """A Windows server of the seeded fleet that runs and has no profile."""
        query = "Reservations[].Instances[].[InstanceId]"
        filters = ["Name=platform,Values=windows", "Name=instance-state-name,Values=running", "Name=tag:Name,Values=sql-1"]
        return self.aws("ec2", "describe-instances", "--filters", *filters, "--query", query)[0][0]

    def roles(self):
        self.aws("iam", "create-role", "--role-name", ROLE, "--assume-role-policy-document", trust("ec2.amazonaws.com"))
        for policy in (CORE, SNAPSHOT):
            self.aws("iam", "attach-role-policy", "--role-name", ROLE, "--policy-arn", policy)
        self.aws("iam", "create-instance-profile", "--instance-profile-name", ROLE)
        self.aws("iam", "add-role-to-instance-profile", "--instance-profile-name", ROLE, "--role-name", ROLE)
        self.aws("iam", "wait", "instance-profile-exists", "--instance-profile-name", ROLE)
        document = trust("backup.amazonaws.com")
        self.aws("iam", "create-role", "--role-name", "AWSBackupVss", "--assume-role-policy-document", document)
        self.aws("iam", "attach-role-policy", "--role-name", "AWSBackupVss", "--policy-arn", BACKUP)
        self.aws("iam", "wait", "role-exists", "--role-name", "AWSBackupVss")
        attached = self.aws("iam", "list-attached-role-policies", "--role-name", ROLE)["AttachedPolicies"]
        self.assertEqual({policy["PolicyArn"] for policy in attached}, {CORE, SNAPSHOT})

    def install(self, server):
        words = ["--document-name", "AWS-ConfigureAWSPackage", "--instance-ids", server]
        parameters = '{"action":["Install"],"name":["AwsVssComponents"]}'
        sent = self.aws("ssm", "send-command", *words, "--parameters", parameters)["Command"]["CommandId"]
        support.advance(self.folder, "5m")
        of_it = ["--command-id", sent, "--instance-id", server]
        self.aws("ssm", "wait", "command-executed", *of_it)
        self.assertEqual(self.aws("ssm", "get-command-invocation", *of_it)["Status"], "Success")

    def backup(self, server):
        self.aws("backup", "create-backup-vault", "--backup-vault-name", "vss")
        arn = f"arn:aws:ec2:{support.REGION}:{support.ACCOUNT}:instance/{server}"
        words = ["--backup-vault-name", "vss", "--resource-arn", arn, "--backup-options", "WindowsVSS=enabled"]
        role = f"arn:aws:iam::{support.ACCOUNT}:role/AWSBackupVss"
        job = self.aws("backup", "start-backup-job", *words, "--iam-role-arn", role)["BackupJobId"]
        support.advance(self.folder, "2h")
        return self.aws("backup", "describe-backup-job", "--backup-job-id", job)

    def test_the_steps_of_the_announcement_end_in_a_consistent_backup(self):
        server = self.server()
        self.roles()
        profile = ["--instance-id", server, "--iam-instance-profile", f"Name={ROLE}"]
        self.aws("ec2", "associate-iam-instance-profile", *profile)
        support.advance(self.folder, "5m")
        of_server = ["--filters", f"Name=instance-id,Values={server}"]
        associations = self.aws("ec2", "describe-iam-instance-profile-associations", *of_server)
        states = [one["State"] for one in associations["IamInstanceProfileAssociations"]]
        self.assertEqual(states, ["associated"])
        self.install(server)
        job = self.backup(server)
        self.assertEqual((job["State"], job["BackupType"]), ("COMPLETED", "WindowsVSS"), job)
        image = job["RecoveryPointArn"].rsplit("/", 1)[-1]
        self.aws("ec2", "wait", "image-available", "--image-ids", image)
        mapped = "Images[].BlockDeviceMappings[].Ebs.SnapshotId"
        of_image = self.aws("ec2", "describe-images", "--owners", "self", "--image-ids", image, "--query", mapped)
        consistent = ["--owner-ids", "self", "--filters", "Name=tag:AppConsistent,Values=True"]
        self.aws("ec2", "wait", "snapshot-completed", "--snapshot-ids", *of_image)
        snapshots = self.aws("ec2", "describe-snapshots", *consistent)["Snapshots"]
        self.assertEqual({one["SnapshotId"] for one in snapshots}, set(of_image))
        for one in snapshots:
            tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
            self.assertEqual({"AwsVssConfig", "AppConsistent", "Device"} - set(tags), set())


class Client(Cli):
    def test_pages_are_followed_cut_and_taken_up_again(self):
        lists = [
            (["iam", "list-policies", "--scope", "AWS"], "Policies", "Arn"),
            (["backup", "list-backup-vaults"], "BackupVaultList", "BackupVaultArn"),
            (["ssm", "get-parameters-by-path", "--path", "/", "--recursive"], "Parameters", "Name"),
            (["ec2", "describe-tags"], "Tags", "ResourceId"),
            (["resourcegroupstaggingapi", "get-resources"], "ResourceTagMappingList", "ResourceARN"),
        ]
        for number in range(7):
            support.client("backup", self.url).create_backup_vault(BackupVaultName=f"vault-{number}")
            support.client("ssm", self.url).put_parameter(Name=f"/cli/{number}", Value="x", Type="String")
        for command, member, name in lists:
            everything = self.aws(*command)[member]
            self.assertGreater(len(everything), 3, command)
            first = self.aws(*command, "--page-size", "5", "--max-items", "3")
            rest = self.aws(*command, "--page-size", "5", "--starting-token", first["NextToken"])
            self.assertEqual([one[name] for one in [*first[member], *rest[member]]], [one[name] for one in everything])

    def test_waiters_end_when_what_they_wait_for_is_there(self):
        document = json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}
        )
        made = self.aws("iam", "create-policy", "--policy-name", "waited", "--policy-document", document)["Policy"]
        self.aws("iam", "wait", "policy-exists", "--policy-arn", made["Arn"])
        self.aws("iam", "wait", "user-exists", "--user-name", "sandbox")
        query = "Reservations[].Instances[].InstanceId"
        running = ["--filters", "Name=instance-state-name,Values=running", "--query", query]
        servers = self.aws("ec2", "describe-instances", *running)
        self.aws("ec2", "wait", "instance-running", "--instance-ids", *servers)
        self.aws("ec2", "wait", "instance-exists", "--instance-ids", *servers)

    def test_errors_have_awss_codes(self):
        for code, command in (
            ("NoSuchEntity", ["iam", "get-role", "--role-name", "nobody"]),
            ("NoSuchEntity", ["iam", "get-user", "--user-name", "nobody"]),
            ("MalformedPolicyDocument", ["iam", "create-role", "--role-name", "x", "--assume-role-policy-document", "{}"]),
            ("InvalidAction", ["iam", "create-user", "--user-name", "x"]),
            ("ResourceNotFoundException", ["backup", "describe-backup-job", "--backup-job-id", "nothing"]),
            ("AccessDeniedException", ["backup", "describe-backup-vault", "--backup-vault-name", "nowhere"]),
            ("ParameterNotFound", ["ssm", "get-parameter", "--name", "/nowhere"]),
            ("InvalidInstanceID.NotFound", ["ec2", "describe-instances", "--instance-ids", "i-00000000000000000"]),
            ("InvalidAction", ["ec2", "describe-regions"]),
            ("NotFoundException", ["kms", "describe-key", "--key-id", "alias/nobodys"]),
        ):
            told = self.refused(code, *command)
            if code == "InvalidAction":
                self.assertIn("the sandbox does not offer", told)
        caller = self.aws("sts", "get-caller-identity")
        self.assertEqual(self.aws("iam", "get-user")["User"]["Arn"], caller["Arn"])

    def test_the_key_of_a_vault_is_the_one_of_its_alias(self):
        self.aws("backup", "create-backup-vault", "--backup-vault-name", "keyed")
        vault = self.aws("backup", "describe-backup-vault", "--backup-vault-name", "keyed")
        for name in ("alias/aws/backup", vault["EncryptionKeyArn"]):
            key = self.aws("kms", "describe-key", "--key-id", name)["KeyMetadata"]
            self.assertEqual((key["Arn"], key["KeyManager"]), (vault["EncryptionKeyArn"], "AWS"))
        policy = self.aws("kms", "get-key-policy", "--key-id", vault["EncryptionKeyArn"], "--policy-name", "default")
        self.assertIn(f"backup.{support.REGION}.amazonaws.com", policy["Policy"])

    def test_the_policy_simulator_tells_what_a_role_may_do(self):
        self.aws("iam", "create-role", "--role-name", "sim", "--assume-role-policy-document", trust("ec2.amazonaws.com"))
        self.aws("iam", "attach-role-policy", "--role-name", "sim", "--policy-arn", SNAPSHOT)
        arn = f"arn:aws:iam::{support.ACCOUNT}:role/sim"
        asked = ["--policy-source-arn", arn, "--action-names", "ec2:DescribeImages", "iam:CreateRole"]
        results = self.aws("iam", "simulate-principal-policy", *asked)["EvaluationResults"]
        decisions = {one["EvalActionName"]: one["EvalDecision"] for one in results}
        self.assertEqual(decisions, {"ec2:DescribeImages": "allowed", "iam:CreateRole": "implicitDeny"})
        self.assertEqual(results[0]["MatchedStatements"][0]["SourcePolicyId"], "AWSEC2VssSnapshotPolicy")
        unknown = "arn:aws:iam::aws:policy/SomethingNew"
        self.aws("iam", "attach-role-policy", "--role-name", "sim", "--policy-arn", unknown)
        self.assertIn("what it allows is unknown", self.refused("PolicyEvaluation", "iam", "simulate-principal-policy", *asked))


if __name__ == "__main__":
    unittest.main()
