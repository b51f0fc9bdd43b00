"""`vssctl sandbox serve` as a server: addresses, accounts and regions, hostile requests, many writers, a sudden end."""

import concurrent.futures
import contextlib
import http.client
import signal
import subprocess
import tempfile
import threading
import unittest

import botocore
import botocore.exceptions
import scenario
import support
import walk_iam


def vaults(backup):
    return [vault["BackupVaultName"] for vault in support.pages(backup, "list_backup_vaults", "BackupVaultList")]


class Addresses(support.SandboxCase):
    def test_the_host_name_of_aws_leads_to_the_same_account_as_a_path_on_this_machine(self):
        """Through a proxy botocore sends AWS's own host names and whole addresses."""
        import boto3
        from botocore.config import Config

        for service in scenario.SERVICES.values():
            named = boto3.client(
                service,
                region_name=support.REGION,
                aws_access_key_id="123456789012",
                aws_secret_access_key="testing",
                use_ssl=False,
                config=Config(proxies={"http": self.url}, retries={"total_max_attempts": 1}),
            )
            self.assertIn("amazonaws.com", named.meta.endpoint_url)
            for client in (named, support.client(service, self.url), support.client(service, self.url + "/")):
                if service == "backup":
                    name = f"of-{len(vaults(client))}"
                    client.create_backup_vault(BackupVaultName=name)
                    self.assertIn(name, vaults(client))
                elif service == "iam":
                    self.assertEqual(client.list_roles()["Roles"], [])
                elif service == "ssm":
                    self.assertTrue(client.describe_instance_information()["InstanceInformationList"])
                elif service == "ec2":
                    self.assertTrue(client.describe_instances()["Reservations"])
                elif service == "kms":
                    with self.assertRaises(client.exceptions.NotFoundException):
                        client.describe_key(KeyId="1234abcd-12ab-34cd-56ef-1234567890ab")
                elif service == "sts":
                    self.assertEqual(client.get_caller_identity()["Account"], "123456789012")
                else:
                    self.assertTrue(client.get_resources()["ResourceTagMappingList"])
        self.assertEqual(vaults(support.client("backup", self.url)), ["of-0", "of-1", "of-2"])

    def test_accounts_and_regions_are_kept_apart_and_iam_is_one_for_all_regions(self):
        places = [
            (account, region) for account in ("111111111111", "222222222222") for region in ("eu-west-1", "us-east-1")
        ]
        for account, region in places:
            backup = support.client("backup", self.url, region, account)
            made = backup.create_backup_vault(BackupVaultName="vss", CreatorRequestId=f"{account}.{region}")
            self.assertEqual(made["BackupVaultArn"], f"arn:aws:backup:{region}:{account}:backup-vault:vss")
            ssm = support.client("ssm", self.url, region, account)
            ssm.put_parameter(Name="/where", Value=f"{account}.{region}", Type="String")
        for account, region in places:
            backup = support.client("backup", self.url, region, account)
            found = backup.describe_backup_vault(BackupVaultName="vss")
            self.assertEqual(found["CreatorRequestId"], f"{account}.{region}")
            ssm = support.client("ssm", self.url, region, account)
            self.assertEqual(ssm.get_parameter(Name="/where")["Parameter"]["Value"], f"{account}.{region}")
            sts = support.client("sts", self.url, region, account)
            self.assertEqual(sts.get_caller_identity()["Account"], account)
        made = support.client("iam", self.url, "eu-west-1", "111111111111")
        made.create_role(RoleName="app", AssumeRolePolicyDocument=walk_iam.TRUST)
        for account, region in places:
            roles = support.client("iam", self.url, region, account).list_roles()["Roles"]
            self.assertEqual(
                [role["Arn"] for role in roles], ["arn:aws:iam::111111111111:role/app"][: account == "111111111111"]
            )

    def test_other_partitions_have_arns_of_their_own(self):
        for region, partition in {"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}.items():
            backup = support.client("backup", self.url, region, "333333333333")
            arn = backup.create_backup_vault(BackupVaultName="vss")["BackupVaultArn"]
            self.assertEqual(arn, f"arn:{partition}:backup:{region}:333333333333:backup-vault:vss")

    def test_an_access_key_that_is_no_account_means_the_account_of_the_examples(self):
        for key in ("testing", "AKIAIOSFODNN7EXAMPLE", "12345678901"):
            sts = support.client("sts", self.url, access_key=key)
            self.assertEqual(sts.get_caller_identity()["Account"], "123456789012")


class Requests(support.SandboxCase):
    def send(self, method, path, body=b"", **headers):
        host, _, port = self.url.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self.addCleanup(connection.close)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")

    def signed(self, service, region=support.REGION, key="testing"):
        scope = f"{key}/20260101/{region}/{service}/aws4_request"
        return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"

    def test_a_request_without_a_signature_is_refused_in_the_protocol_that_it_speaks(self):
        asked = {
            "backup": "list_backup_vaults",
            "iam": "list_roles",
            "resourcegroupstaggingapi": "get_resources",
            "ssm": "list_associations",
            "sts": "get_caller_identity",
        }
        for service, operation in asked.items():
            client = support.client(service, self.url, signature_version=botocore.UNSIGNED)
            with self.assertRaises(botocore.exceptions.ClientError) as refused:
                getattr(client, operation)()
            answer = refused.exception.response
            self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 403, service)
            self.assertEqual(answer["Error"]["Code"].removesuffix("Exception"), "MissingAuthenticationToken", service)

    def test_a_browser_and_a_broken_signature_are_refused(self):
        for method, path in (("GET", "/"), ("POST", "/"), ("GET", "/favicon.ico"), ("HEAD", "/"), ("OPTIONS", "/x")):
            self.assertEqual(self.send(method, path)[0], 403, (method, path))
        for wrong in ("Basic dXNlcjpwYXNz", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c", "ü"):
            status, body = self.send("GET", "/", Authorization=wrong.encode())
            self.assertEqual((status, "IncompleteSignature" in body), (400, True), wrong)

    def test_an_unknown_operation_is_refused_in_the_words_of_each_protocol(self):
        asked = [
            ("iam", "POST", "/", b"Action=CreateUser&Version=2010-05-08", {}, 400, "InvalidAction"),
            ("iam", "POST", "/", b"Version=2010-05-08", {}, 400, "MissingAction"),
            ("sts", "GET", "/?Action=AssumeNothing", b"", {}, 400, "InvalidAction"),
            ("ssm", "POST", "/", b"{}", {"X_Amz_Target": "AmazonSSM.Nothing"}, 400, "UnknownOperationException"),
            ("ssm", "GET", "/", b"", {}, 400, "UnknownOperationException"),
            ("tagging", "POST", "/", b"{}", {"X_Amz_Target": "No.GetResources"}, 400, "UnknownOperationException"),
            ("s3", "GET", "/bucket", b"", {}, 404, "UnknownService"),
        ]
        for service, method, path, body, headers, status, code in asked:
            given = self.send(method, path, body, Authorization=self.signed(service), **headers)
            self.assertEqual((given[0], code in given[1]), (status, True), (service, path, given))
        self.assertEqual(self.send("GET", "/nothing", Authorization=self.signed("backup"))[0], 404)

    def test_an_operation_of_aws_that_is_not_offered_is_refused_as_unknown(self):
        backup = support.client("backup", self.url)
        with self.assertRaises(botocore.exceptions.ClientError) as refused:
            backup.list_frameworks()
        told = refused.exception.response["Error"]
        self.assertEqual(told["Code"], "UnknownOperationException")
        # By its name, and not by the path that stands for it.
        self.assertIn("the sandbox does not offer ListFrameworks;", told["Message"])
        with self.assertRaises(botocore.exceptions.ClientError) as refused:
            support.client("iam", self.url).list_users()
        self.assertEqual(refused.exception.response["Error"]["Code"], "InvalidAction")

    def test_hostile_bodies_are_refused_and_the_server_lives(self):
        deep = b'{"Tags":' * 5000
        bodies = [
            b"\xff\xfe\x00",
            b"{",
            b"[]",
            b'"x"',
            b"null",
            deep,
            b"[" * 100000,
            b'{"Name":1}',
            b'{"Name":"\\ud800"}',
            b"%",
            b"a=%zz&&&=b",
        ]
        for body in bodies:
            for service, headers in (
                ("ssm", {"X_Amz_Target": "AmazonSSM.GetParameter"}),
                ("tagging", {"X_Amz_Target": "ResourceGroupsTaggingAPI_20170126.GetResources"}),
                ("iam", {}),
                ("sts", {}),
            ):
                status, answer = self.send("POST", "/", body, Authorization=self.signed(service), **headers)
                self.assertIn(status, (200, 400) if service == "tagging" else (400,), (service, body[:40], answer))
            for path in ("/backup-vaults/vss", "/backup/plans", "/%ff%fe", "/backup-vaults/%00", "//"):
                status, answer = self.send("PUT", path, body, Authorization=self.signed("backup"))
                self.assertIn(status, (200, 400, 404), (path, body[:40], answer))
        path = "/service/ResourceGroupsTaggingAPI_20170126/operation/GetResources"
        for body in (b"\xff", b"\x9f" * 100000, b"\xbf\x61\x61", b"\x00", b"\xc2\x41\x01"):
            asked = {"Authorization": self.signed("tagging"), "smithy_protocol": "rpc-v2-cbor"}
            status, answer = self.send("POST", path, body, **asked)
            self.assertEqual(status, 400, (body[:40], answer))
        self.assertEqual(self.send("POST", "/", Authorization=self.signed("iam"), Content_Length=str(9 << 20))[0], 413)
        self.assertEqual(support.client("sts", self.url).get_caller_identity()["Account"], support.ACCOUNT)


class Writers(support.SandboxCase):
    def test_twenty_writers_at_once_lose_nothing(self):
        backup = support.client("backup", self.url, max_pool_connections=20)
        start = threading.Barrier(20)

        def write(writer):
            start.wait()
            for number in range(3):
                backup.create_backup_vault(
                    BackupVaultName=f"w{writer}-{number}", BackupVaultTags={"writer": str(writer)}
                )

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            list(pool.map(write, range(20)))
        self.assertEqual(
            sorted(vaults(backup)), sorted(f"w{writer}-{number}" for writer in range(20) for number in range(3))
        )

    def test_twenty_creators_of_one_name_make_one(self):
        iam = support.client("iam", self.url, max_pool_connections=20)

        def create(number):
            try:
                iam.create_role(RoleName="one", AssumeRolePolicyDocument=walk_iam.TRUST, Description=str(number))
            except iam.exceptions.EntityAlreadyExistsException:
                return None
            return str(number)

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            made = [number for number in pool.map(create, range(20)) if number is not None]
        self.assertEqual([iam.get_role(RoleName="one")["Role"]["Description"]], made)

    def test_two_servers_of_one_file_see_each_others_writes(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        one, two = (support.client("backup", stack.enter_context(support.sandbox(folder))) for _ in range(2))
        for number in range(5):
            one.create_backup_vault(BackupVaultName=f"one-{number}")
            two.create_backup_vault(BackupVaultName=f"two-{number}")
        self.assertEqual(vaults(one), vaults(two))
        self.assertEqual(len(vaults(one)), 10)


class SuddenEnd(support.FolderCase):
    def test_a_killed_server_keeps_every_acknowledged_write(self):
        acknowledged = set()
        for round_ in range(3):
            port = support.free_port()
            file = self.folder / "sandbox.json"
            command = [support.BINARY, f"--sandbox={file}", "sandbox", "serve", "--listen", f"127.0.0.1:{port}"]
            log = self.folder / "log"
            with log.open("w") as output:
                process = subprocess.Popen(command, stdout=output, stderr=output)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            support.wait_until_open(port, process, log)
            backup = support.client("backup", f"http://127.0.0.1:{port}", max_pool_connections=8)
            enough = threading.Event()
            before = len(acknowledged)

            def write(writer, backup=backup, round_=round_, enough=enough, before=before):
                for number in range(1000):
                    name = f"r{round_}-{writer}-{number}"
                    try:
                        backup.create_backup_vault(BackupVaultName=name)
                    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                        return
                    acknowledged.add(name)
                    if len(acknowledged) >= before + 20:
                        enough.set()

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                written = [pool.submit(write, writer) for writer in range(8)]
                self.assertTrue(enough.wait(60))
                process.send_signal(signal.SIGKILL)
                for one in written:
                    one.result()
            with support.sandbox(self.folder) as url:
                found = set(vaults(support.client("backup", url)))
            self.assertEqual(acknowledged - found, set())
            # A write whose answer was lost may stand too: one for each writer at most.
            self.assertLessEqual(len(found), len(acknowledged) + 8 * (round_ + 1))


if __name__ == "__main__":
    unittest.main()
