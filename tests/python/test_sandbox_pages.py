"""Every list of the sandbox, a page at a time and in one page."""

import json
import unittest

import scenario
import support
import walk_iam
from botocore import xform_name
from wire import Wire

# How the services name the place to go on from, and the size of a page.
TOKENS = ("NextToken", "Marker", "PaginationToken")
LIMITS = ("MaxResults", "MaxItems", "ResourcesPerPage")


def items(list_or_map):
    return list(list_or_map.items()) if isinstance(list_or_map, dict) else list_or_map


def still(item):
    """An element of a list without what goes on while the list is read: how far a run is."""
    if isinstance(item, dict):
        moving = ("State", "Status", "Overview", "Summary", "LastExecution", "Count")
        return {name: still(inner) for name, inner in item.items() if not any(word in name for word in moving)}
    return item


class Pages(support.SandboxCase):
    """A sandbox with enough of everything for a second page."""

    # There is nothing to list.
    EMPTY = {"ec2:DescribeVpcEndpoints"}
    # The fleet is smaller than the smallest page that AWS allows, which is five.
    SHORT = {
        "ec2:DescribeIamInstanceProfileAssociations",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstances",
        "ec2:DescribeRouteTables",
        "ssm:DescribeInstanceInformation",
        "ssm:DescribeInstanceProperties",
    }
    # EC2's references ask for five; its model says so of one list only.
    SMALLEST = {"ec2": 5}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wire = Wire()
        cls.clients = {
            name: cls.wire.listen(support.client(service, cls.url)) for name, service in scenario.SERVICES.items()
        }
        cls.arguments = {**cls.make_iam(), **cls.make_backup(), **cls.make_ssm(), **cls.make_ec2()}
        cls.arguments["tagging:GetTagValues"] = {"Key": "number"}

    @classmethod
    def make_iam(cls):
        iam = cls.clients["iam"]
        tags = [{"Key": f"k{number}", "Value": ""} for number in range(3)]
        trust = json.loads(walk_iam.TRUST)
        trust["Statement"].append({**trust["Statement"][0], "Principal": {"Service": "backup.amazonaws.com"}})
        arns = []
        for number in range(3):
            made = iam.create_policy(PolicyName=f"p{number}", PolicyDocument=walk_iam.DOCUMENT, Tags=tags)
            arns.append(made["Policy"]["Arn"])
            iam.create_policy_version(PolicyArn=arns[0], PolicyDocument=walk_iam.DOCUMENT)
        for number in range(3):
            name = f"r{number}"
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Tags=tags)
            iam.create_instance_profile(InstanceProfileName=name, Tags=tags)
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="r0")
            iam.put_role_policy(RoleName="r0", PolicyName=f"i{number}", PolicyDocument=walk_iam.DOCUMENT)
            iam.attach_role_policy(RoleName="r0", PolicyArn=arns[number])
            iam.attach_role_policy(RoleName=name, PolicyArn=arns[0])
        role, policy = {"RoleName": "r0"}, {"PolicyArn": arns[0]}
        asked = {"ActionNames": ["ec2:CreateTags", "ec2:RunInstances", "iam:GetRole"]}
        made_role = iam.get_role(**role)["Role"]["Arn"]
        return {
            "iam:ListAttachedRolePolicies": role,
            "iam:ListEntitiesForPolicy": policy,
            "iam:ListInstanceProfileTags": {"InstanceProfileName": "r0"},
            "iam:ListInstanceProfilesForRole": role,
            "iam:ListPolicyTags": policy,
            "iam:ListPolicyVersions": policy,
            "iam:ListRolePolicies": role,
            "iam:ListRoleTags": role,
            "iam:SimulateCustomPolicy": {"PolicyInputList": [walk_iam.DOCUMENT], **asked},
            "iam:SimulatePrincipalPolicy": {"PolicySourceArn": made_role, **asked},
        }

    @classmethod
    def make_backup(cls):
        backup = cls.clients["backup"]
        for number in range(3):
            tags = {f"key{number}-{index}": "" for index in range(50)}
            vault = backup.create_backup_vault(BackupVaultName=f"v{number}", BackupVaultTags=tags)["BackupVaultArn"]
        plans = []
        for number in range(3):
            rule = {"RuleName": "r", "TargetBackupVaultName": "v0"}
            document = {"BackupPlanName": f"p{number}", "Rules": [rule]}
            plans.append(backup.create_backup_plan(BackupPlan=document)["BackupPlanId"])
            rule["StartWindowMinutes"] = 60 + number
            document["BackupPlanName"] = "p0"
            backup.update_backup_plan(BackupPlanId=plans[0], BackupPlan=document)
        for number in range(3):
            selection = {
                "SelectionName": f"s{number}",
                "IamRoleArn": f"arn:aws:iam::{support.ACCOUNT}:role/r{number}",
                "Resources": ["*"],
            }
            backup.create_backup_selection(BackupPlanId=plans[0], BackupSelection=selection)
        for number in range(3):
            plan = {
                "RestoreTestingPlanName": f"t{number}",
                "ScheduleExpression": "cron(0 5 ? * SUN *)",
                "RecoveryPointSelection": {
                    "Algorithm": "LATEST_WITHIN_WINDOW",
                    "IncludeVaults": ["*"],
                    "RecoveryPointTypes": ["SNAPSHOT"],
                },
            }
            backup.create_restore_testing_plan(RestoreTestingPlan=plan)
        for number in range(3):
            selection = {
                "RestoreTestingSelectionName": f"s{number}",
                "ProtectedResourceType": "EC2",
                "IamRoleArn": f"arn:aws:iam::{support.ACCOUNT}:role/r{number}",
                "ProtectedResourceArns": ["*"],
            }
            backup.create_restore_testing_selection(RestoreTestingPlanName="t0", RestoreTestingSelection=selection)
        iam = cls.clients["iam"]
        policy = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"
        iam.attach_role_policy(RoleName="r0", PolicyArn=policy)
        nodes = cls.clients["ssm"].describe_instance_information()["InstanceInformationList"]
        arns = [f"arn:aws:ec2:{support.REGION}:{support.ACCOUNT}:instance/{node['InstanceId']}" for node in nodes]
        for _ in range(2):
            for arn in arns:
                role = f"arn:aws:iam::{support.ACCOUNT}:role/r0"
                backup.start_backup_job(BackupVaultName="v0", ResourceArn=arn, IamRoleArn=role)
            cls.advance("1h")
        rule = {"RuleName": "r", "TargetBackupVaultName": "v0", "ScheduleExpression": "cron(0 * ? * * *)"}
        rule["CopyActions"] = [{"DestinationBackupVaultArn": vault}]
        copying = backup.create_backup_plan(BackupPlan={"BackupPlanName": "copying", "Rules": [rule]})["BackupPlanId"]
        selection = {"SelectionName": "s", "IamRoleArn": role, "Resources": arns}
        chosen = backup.create_backup_selection(BackupPlanId=copying, BackupSelection=selection)["SelectionId"]
        cls.advance("1d")
        backup.delete_backup_selection(BackupPlanId=copying, SelectionId=chosen)
        return {
            "backup:ListRecoveryPointsByBackupVault": {"BackupVaultName": "v0"},
            "backup:ListRecoveryPointsByResource": {"ResourceArn": arns[0]},
            "backup:ListBackupPlanVersions": {"BackupPlanId": plans[0]},
            "backup:ListBackupSelections": {"BackupPlanId": plans[0]},
            "backup:ListRestoreTestingSelections": {"RestoreTestingPlanName": "t0"},
            "backup:ListTags": {"ResourceArn": vault},
        }

    @classmethod
    def make_ssm(cls):
        ssm = cls.clients["ssm"]
        for number in range(101):
            tags = [{"Key": "number", "Value": f"{number}"}]
            ssm.put_parameter(Name=f"/many/p{number}", Value="x", Type="String", Tags=tags)
        package = {"action": ["Install"], "name": ["AwsVssComponents"]}
        command = {"Parameters": package, "Targets": [{"Key": "InstanceIds", "Values": ["*"]}]}
        associations = []
        for number in range(6):
            made = ssm.create_association(Name="AWS-ConfigureAWSPackage", **command)["AssociationDescription"]
            associations.append(made["AssociationId"])
            named = {"AssociationId": associations[0]}
            ssm.update_association(**named, **command, MaxErrors=str(number))
            nodes = ssm.describe_instance_information()["InstanceInformationList"]
            ids = [node["InstanceId"] for node in nodes if node["PlatformType"] == "Windows"]
            ssm.send_command(DocumentName="AWS-ConfigureAWSPackage", InstanceIds=ids, Parameters=package)
        run = ssm.describe_association_executions(**named)["AssociationExecutions"][0]["ExecutionId"]
        return {
            "ssm:DescribeAssociationExecutionTargets": {**named, "ExecutionId": run},
            "ssm:DescribeAssociationExecutions": named,
            "ssm:DescribeEffectiveInstanceAssociations": {"InstanceId": ids[0]},
            "ssm:DescribeInstanceAssociationsStatus": {"InstanceId": ids[0]},
            "ssm:GetParametersByPath": {"Path": "/many"},
            "ssm:ListAssociationVersions": named,
            "ssm:ListInventoryEntries": {"InstanceId": ids[0], "TypeName": "AWS:AWSComponent"},
        }

    @classmethod
    def make_ec2(cls):
        ec2, iam = cls.clients["ec2"], cls.clients["iam"]
        ids = [one["Instances"][0]["InstanceId"] for one in ec2.describe_instances()["Reservations"]]
        ec2.create_tags(Resources=ids, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(3)])
        iam.create_instance_profile(InstanceProfileName="on-instances")
        iam.add_role_to_instance_profile(InstanceProfileName="on-instances", RoleName="r0")
        ec2.associate_iam_instance_profile(InstanceId=ids[0], IamInstanceProfile={"Name": "on-instances"})
        return {}

    def test_a_page_at_a_time_gives_the_same_as_one_page(self):
        for name in sorted(support.offered()):
            service, operation = name.split(":")
            model = self.clients[service].meta.service_model.operation_model(operation)
            token = (
                next((token for token in TOKENS if token in model.output_shape.members), None)
                if model.output_shape
                else None
            )
            if token:
                with self.subTest(operation=name):
                    self.compare(name, self.clients[service], model, token)
        self.assertEqual(self.wire.problems, [], "\n".join(self.wire.problems))

    def compare(self, name, client, model, token):
        given, shown = model.input_shape.members, model.output_shape.members
        lists = [member for member, shape in shown.items() if shape.type_name in ("list", "map")]
        limit = next((limit for limit in LIMITS if limit in given), None)
        sizes = [None]
        if limit:
            bounds = given[limit].metadata
            most = 100 if limit == "ResourcesPerPage" else int(bounds.get("max", 1000))
            least = self.SMALLEST.get(name.split(":")[0], 1)
            sizes = [max(least, int(bounds.get("min", least))), most]
        found, counts = [], []
        for size in sizes:
            arguments = {**self.arguments.get(name, {}), **({limit: size} if size else {})}
            everything, pages = [], 0
            while True:
                page = getattr(client, xform_name(model.name))(**arguments)
                inside = [(member, still(item)) for member in lists for item in items(page.get(member, []))]
                self.assertLessEqual(len(inside), size or 100)
                everything += inside
                pages += 1
                if not page.get(token):
                    break
                arguments[token] = page[token]
            found.append(everything)
            counts.append(pages)
        self.assertEqual(found[0], found[-1])
        if name in self.EMPTY:
            self.assertEqual(found[0], [], "there is something now: this list can have pages")
        elif name in self.SHORT:
            self.assertTrue(0 < len(found[0]) <= sizes[0], "the fleet has grown: this list can have pages now")
        else:
            self.assertGreater(counts[0], 1, "there is too little for a second page")
            self.assertEqual(len(found[0]), len({str(item) for item in found[0]}))


if __name__ == "__main__":
    unittest.main()
