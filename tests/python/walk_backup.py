"""Every operation of AWS Backup that the sandbox offers: at least one success and one error each."""

import json

import support
import walk_iam
from walk import same

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "backup:DeleteRecoveryPoint", "Resource": "*"},
        ],
    }
)
PLAN = {
    "BackupPlanName": "daily",
    "Rules": [
        {
            "RuleName": "nightly",
            "TargetBackupVaultName": "vss",
            "ScheduleExpression": "cron(0 18 ? * * *)",
            "ScheduleExpressionTimezone": "Asia/Tokyo",
            "StartWindowMinutes": 60,
            "CompletionWindowMinutes": 480,
            "Lifecycle": {"DeleteAfterDays": 35},
            "RecoveryPointTags": {"from": "plan"},
            "CopyActions": [
                {
                    "DestinationBackupVaultArn": f"arn:aws:backup:us-east-1:{support.ACCOUNT}:backup-vault:far",
                    "Lifecycle": {"DeleteAfterDays": 120, "MoveToColdStorageAfterDays": 30},
                }
            ],
        },
        {"RuleName": "bare", "TargetBackupVaultName": "vss"},
    ],
    "AdvancedBackupSettings": [{"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": "enabled"}}],
}


def arn(backup, rest):
    return f"arn:aws:backup:{support.REGION}:{backup.account}:{rest}"


def walk(backup, iam, ssm, advance):
    vaults(backup)
    plan = plans(backup)
    selections(backup, iam, plan)
    restore_testing(backup, iam)
    tags(backup)
    settings(backup)
    role, resource = jobs(backup, iam, ssm, advance)
    deletions(backup, plan)
    copies(backup, role, resource, advance)


def vaults(backup):
    key = f"arn:aws:kms:{support.REGION}:{backup.account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    made = backup("CreateBackupVault", BackupVaultName="vss", BackupVaultTags={"team": "a"}, CreatorRequestId="token-1")
    same(made["BackupVaultArn"], arn(backup, "backup-vault:vss"), "the vault's ARN")
    backup("CreateBackupVault", BackupVaultName="keyed", EncryptionKeyArn=key)
    again = backup.refused("AlreadyExistsException", "CreateBackupVault", BackupVaultName="vss")
    same((again["Arn"], again["CreatorRequestId"]), (made["BackupVaultArn"], "token-1"), "the error's members")
    backup.refused(
        "InvalidParameterValueException", "CreateBackupVault", BackupVaultName="wrong", EncryptionKeyArn="mine"
    )
    backup.refused("ValidationException", "CreateBackupVault", BackupVaultName="x")
    got = backup("DescribeBackupVault", BackupVaultName="vss")
    same((got["NumberOfRecoveryPoints"], got["Locked"], got["CreatorRequestId"]), (0, False, "token-1"), "the vault")
    same(backup("DescribeBackupVault", BackupVaultName="keyed")["EncryptionKeyArn"], key, "the key")
    backup.refused("AccessDeniedException", "DescribeBackupVault", BackupVaultName="missing")
    names = [vault["BackupVaultName"] for vault in backup("ListBackupVaults")["BackupVaultList"]]
    same(names, ["keyed", "vss"], "ListBackupVaults")
    backup.refused("InvalidParameterValueException", "ListBackupVaults", NextToken="none of mine")

    backup("PutBackupVaultAccessPolicy", BackupVaultName="vss", Policy=POLICY)
    backup.refused("InvalidParameterValueException", "PutBackupVaultAccessPolicy", BackupVaultName="vss", Policy="{}")
    backup.refused("MissingParameterValueException", "PutBackupVaultAccessPolicy", BackupVaultName="vss")
    same(backup("GetBackupVaultAccessPolicy", BackupVaultName="vss")["Policy"], POLICY, "the access policy")
    backup.refused("ResourceNotFoundException", "GetBackupVaultAccessPolicy", BackupVaultName="keyed")
    backup("DeleteBackupVaultAccessPolicy", BackupVaultName="vss")
    backup.refused("ResourceNotFoundException", "DeleteBackupVaultAccessPolicy", BackupVaultName="missing")

    topic = f"arn:aws:sns:{support.REGION}:{backup.account}:told"
    events = ["BACKUP_JOB_COMPLETED", "COPY_JOB_FAILED"]
    backup("PutBackupVaultNotifications", BackupVaultName="vss", SNSTopicArn=topic, BackupVaultEvents=events)
    backup.refused(
        "InvalidParameterValueException",
        "PutBackupVaultNotifications",
        BackupVaultName="vss",
        SNSTopicArn="topic",
        BackupVaultEvents=events,
    )
    backup.refused(
        "ResourceNotFoundException",
        "PutBackupVaultNotifications",
        BackupVaultName="missing",
        SNSTopicArn=topic,
        BackupVaultEvents=events,
    )
    same(backup("GetBackupVaultNotifications", BackupVaultName="vss")["BackupVaultEvents"], events, "the events")
    backup.refused("ResourceNotFoundException", "GetBackupVaultNotifications", BackupVaultName="keyed")
    backup("DeleteBackupVaultNotifications", BackupVaultName="vss")
    backup.refused("ResourceNotFoundException", "DeleteBackupVaultNotifications", BackupVaultName="missing")

    backup("PutBackupVaultLockConfiguration", BackupVaultName="vss", MinRetentionDays=7, MaxRetentionDays=90)
    backup.refused(
        "InvalidParameterValueException",
        "PutBackupVaultLockConfiguration",
        BackupVaultName="vss",
        MinRetentionDays=9,
        MaxRetentionDays=8,
    )
    got = backup("DescribeBackupVault", BackupVaultName="vss")
    same((got["Locked"], got["MinRetentionDays"], "LockDate" in got), (True, 7, False), "the governance lock")
    backup("PutBackupVaultLockConfiguration", BackupVaultName="vss", MinRetentionDays=7, ChangeableForDays=3)
    same("LockDate" in backup("DescribeBackupVault", BackupVaultName="vss"), True, "a date of the compliance lock")
    backup("DeleteBackupVaultLockConfiguration", BackupVaultName="vss")
    backup.refused("ResourceNotFoundException", "DeleteBackupVaultLockConfiguration", BackupVaultName="missing")


def plans(backup):
    made = backup("CreateBackupPlan", BackupPlan=PLAN, BackupPlanTags={"team": "a"}, CreatorRequestId="token-2")
    plan = made["BackupPlanId"]
    same(made["BackupPlanArn"], arn(backup, f"backup-plan:{plan}"), "the plan's ARN")
    same(backup("CreateBackupPlan", BackupPlan=PLAN, CreatorRequestId="token-2")["BackupPlanId"], plan, "the same plan")
    again = backup.refused("AlreadyExistsException", "CreateBackupPlan", BackupPlan=PLAN)
    same(again["Arn"], made["BackupPlanArn"], "the error's ARN")
    wrong = {**PLAN, "Rules": [{**PLAN["Rules"][0], "ScheduleExpression": "daily"}]}
    backup.refused("InvalidParameterValueException", "CreateBackupPlan", BackupPlan=wrong)

    got = backup("GetBackupPlan", BackupPlanId=plan, MaxScheduledRunsPreview=3)
    same(got["AdvancedBackupSettings"], PLAN["AdvancedBackupSettings"], "the settings beside the plan")
    rules = {rule["RuleName"]: rule for rule in got["BackupPlan"]["Rules"]}
    sent = PLAN["Rules"][0]
    same({name: rules["nightly"][name] for name in sent}, sent, "the rule")
    bare = {
        name: rules["bare"][name] for name in ("ScheduleExpression", "StartWindowMinutes", "CompletionWindowMinutes")
    }
    defaults = {"ScheduleExpression": "cron(0 5 ? * * *)", "StartWindowMinutes": 480, "CompletionWindowMinutes": 10080}
    same(bare, defaults, "what a rule leaves out")
    same(len(got["ScheduledRunsPreview"]), 3, "the preview")
    backup.refused("ResourceNotFoundException", "GetBackupPlan", BackupPlanId="missing")
    same([one["BackupPlanName"] for one in backup("ListBackupPlans")["BackupPlansList"]], ["daily"], "ListBackupPlans")
    backup.refused("InvalidParameterValueException", "ListBackupPlans", NextToken="none of mine")

    changed = {**PLAN, "Rules": [{**sent, "ScheduleExpression": "cron(0 19 ? * * *)"}]}
    updated = backup("UpdateBackupPlan", BackupPlanId=plan, BackupPlan=changed)
    same(updated["VersionId"] != made["VersionId"], True, "a new version")
    kept = backup("GetBackupPlan", BackupPlanId=plan)["BackupPlan"]["Rules"][0]["RuleId"]
    same(kept, rules["nightly"]["RuleId"], "the id of a rule that kept its name")
    backup("GetBackupPlan", BackupPlanId=plan, VersionId=made["VersionId"])
    backup.refused("ResourceNotFoundException", "UpdateBackupPlan", BackupPlanId="missing", BackupPlan=PLAN)
    versions = backup("ListBackupPlanVersions", BackupPlanId=plan)["BackupPlanVersionsList"]
    same([one["VersionId"] for one in versions], [updated["VersionId"], made["VersionId"]], "the versions")
    backup.refused("ResourceNotFoundException", "ListBackupPlanVersions", BackupPlanId="missing")
    return plan


def selections(backup, iam, plan):
    trust = walk_iam.TRUST.replace("ec2", "backup")
    role = iam("CreateRole", RoleName="backups", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    selection = {
        "SelectionName": "windows",
        "IamRoleArn": role,
        "Resources": ["arn:aws:ec2:*:*:instance/*"],
        "Conditions": {"StringEquals": [{"ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": "enabled"}]},
    }
    made = backup("CreateBackupSelection", BackupPlanId=plan, BackupSelection=selection, CreatorRequestId="token-3")
    same(made["BackupPlanId"], plan, "the selection's plan")
    backup.refused(
        "InvalidParameterValueException",
        "CreateBackupSelection",
        BackupPlanId=plan,
        BackupSelection={**selection, "IamRoleArn": role + "x"},
    )
    got = backup("GetBackupSelection", BackupPlanId=plan, SelectionId=made["SelectionId"])
    same(got["BackupSelection"]["Conditions"]["StringEquals"], selection["Conditions"]["StringEquals"], "conditions")
    backup.refused("ResourceNotFoundException", "GetBackupSelection", BackupPlanId=plan, SelectionId="missing")
    listed = backup("ListBackupSelections", BackupPlanId=plan)["BackupSelectionsList"]
    same([one["SelectionName"] for one in listed], ["windows"], "ListBackupSelections")
    backup.refused("ResourceNotFoundException", "ListBackupSelections", BackupPlanId="missing")
    backup.refused("InvalidRequestException", "DeleteBackupPlan", BackupPlanId=plan)
    backup("DeleteBackupSelection", BackupPlanId=plan, SelectionId=made["SelectionId"])
    backup.refused("ResourceNotFoundException", "DeleteBackupSelection", BackupPlanId=plan, SelectionId="missing")


def restore_testing(backup, iam):
    trust = walk_iam.TRUST.replace("ec2", "backup")
    role = iam("CreateRole", RoleName="restores", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    points = {"Algorithm": "LATEST_WITHIN_WINDOW", "IncludeVaults": ["*"], "RecoveryPointTypes": ["SNAPSHOT"]}
    plan = {
        "RestoreTestingPlanName": "weekly",
        "ScheduleExpression": "cron(0 5 ? * SUN *)",
        "RecoveryPointSelection": points,
    }
    made = backup("CreateRestoreTestingPlan", RestoreTestingPlan=plan, Tags={"a": "b"}, CreatorRequestId="token-4")
    same(backup("ListTags", ResourceArn=made["RestoreTestingPlanArn"])["Tags"], {"a": "b"}, "the tags of a test")
    backup.refused("AlreadyExistsException", "CreateRestoreTestingPlan", RestoreTestingPlan=plan)
    selection = {
        "RestoreTestingSelectionName": "windows",
        "ProtectedResourceType": "EC2",
        "IamRoleArn": role,
        "ProtectedResourceArns": ["*"],
        "RestoreMetadataOverrides": {"subnetId": "subnet-1"},
    }
    of = {"RestoreTestingPlanName": "weekly"}
    one = {**of, "RestoreTestingSelectionName": "windows"}
    backup("CreateRestoreTestingSelection", **of, RestoreTestingSelection=selection)
    backup.refused("InvalidRequestException", "DeleteRestoreTestingPlan", **of)
    backup("UpdateRestoreTestingSelection", **one, RestoreTestingSelection={"IamRoleArn": role, "ValidationWindowHours": 4})
    got = backup("GetRestoreTestingSelection", **one)["RestoreTestingSelection"]
    same((got["ValidationWindowHours"], got.get("RestoreMetadataOverrides")), (4, None), "the changed selection")
    listed = backup("ListRestoreTestingSelections", **of)["RestoreTestingSelections"]
    same([it["RestoreTestingSelectionName"] for it in listed], ["windows"], "ListRestoreTestingSelections")
    changed = {"ScheduleExpression": "cron(0 6 ? * SUN *)", "RecoveryPointSelection": points}
    backup("UpdateRestoreTestingPlan", **of, RestoreTestingPlan=changed)
    got = backup("GetRestoreTestingPlan", **of)["RestoreTestingPlan"]
    same((got["ScheduleExpression"], got["StartWindowHours"]), ("cron(0 6 ? * SUN *)", 24), "the changed plan")
    same(len(backup("ListRestoreTestingPlans")["RestoreTestingPlans"]), 1, "ListRestoreTestingPlans")
    backup("DeleteRestoreTestingSelection", **one)
    backup("DeleteRestoreTestingPlan", **of)
    for operation in ("GetRestoreTestingPlan", "ListRestoreTestingSelections"):
        backup.refused("ResourceNotFoundException", operation, **of)
    backup.refused("ResourceNotFoundException", "UpdateRestoreTestingPlan", **of, RestoreTestingPlan=changed)
    backup.refused("ResourceNotFoundException", "CreateRestoreTestingSelection", **of, RestoreTestingSelection=selection)
    for operation in ("GetRestoreTestingSelection", "DeleteRestoreTestingSelection"):
        backup.refused("ResourceNotFoundException", operation, **one)
    changed = {"IamRoleArn": role}
    backup.refused("ResourceNotFoundException", "UpdateRestoreTestingSelection", **one, RestoreTestingSelection=changed)
    backup.refused("InvalidParameterValueException", "ListRestoreTestingPlans", NextToken="none")


def tags(backup):
    vault = arn(backup, "backup-vault:vss")
    backup("TagResource", ResourceArn=vault, Tags={"more": "é"})
    same(backup("ListTags", ResourceArn=vault)["Tags"], {"team": "a", "more": "é"}, "the tags")
    backup("UntagResource", ResourceArn=vault, TagKeyList=["more"])
    missing = arn(backup, "backup-vault:missing")
    backup.refused("ResourceNotFoundException", "TagResource", ResourceArn=missing, Tags={"a": "b"})
    backup.refused("InvalidParameterValueException", "TagResource", ResourceArn=vault, Tags={"aws:a": "b"})
    backup.refused("ResourceNotFoundException", "ListTags", ResourceArn=missing)
    backup.refused("ResourceNotFoundException", "UntagResource", ResourceArn=missing, TagKeyList=["a"])


def settings(backup):
    before = backup("DescribeRegionSettings")["ResourceTypeOptInPreference"]
    backup("UpdateRegionSettings", ResourceTypeOptInPreference={**before, "EBS": False})
    same(backup("DescribeRegionSettings")["ResourceTypeOptInPreference"], {**before, "EBS": False}, "the settings")
    backup.refused("InvalidParameterValueException", "UpdateRegionSettings", ResourceTypeOptInPreference={"EC3": True})
    same("EC2" in backup("GetSupportedResourceTypes")["ResourceTypes"], True, "EC2 is supported")
    backup("DescribeGlobalSettings")


def jobs(backup, iam, ssm, advance):
    backup("CreateBackupVault", BackupVaultName="jobs")
    trust = walk_iam.TRUST.replace("ec2.amazonaws.com", "backup.amazonaws.com")
    role = iam("CreateRole", RoleName="AWSBackupJobs", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    policy = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"
    iam("AttachRolePolicy", RoleName="AWSBackupJobs", PolicyArn=policy)
    node = ssm("DescribeInstanceInformation")["InstanceInformationList"][0]["InstanceId"]
    resource = f"arn:aws:ec2:{support.REGION}:{backup.account}:instance/{node}"
    request = {
        "BackupVaultName": "jobs",
        "ResourceArn": resource,
        "IamRoleArn": role,
        "IdempotencyToken": "once",
        "StartWindowMinutes": 60,
        "CompleteWindowMinutes": 120,
        "Lifecycle": {"DeleteAfterDays": 1},
        "RecoveryPointTags": {"from": "hand"},
        "BackupOptions": {"WindowsVSS": "enabled"},
    }
    job = backup("StartBackupJob", **request)["BackupJobId"]
    same(backup("StartBackupJob", **request)["BackupJobId"], job, "the job of the same token")
    same(backup("DescribeBackupJob", BackupJobId=job)["State"], "CREATED", "the job's state")
    again = {**request, "IdempotencyToken": "twice"}
    backup.refused("InvalidParameterValueException", "StartBackupJob", **{**again, "StartWindowMinutes": 59})
    backup.refused("ResourceNotFoundException", "StartBackupJob", **{**again, "BackupVaultName": "missing"})
    advance("1h")
    done = backup("DescribeBackupJob", BackupJobId=job)
    same((done["State"], done.get("BackupType")), ("COMPLETED", None), "the end of the job")
    same(done["StatusMessage"].startswith("Windows VSS Backup attempt failed"), True, "the fallback")
    listed = backup("ListBackupJobs", ByState="COMPLETED", ByResourceType="EC2", ByCreatedAfter=0)["BackupJobs"]
    same([one["BackupJobId"] for one in listed], [job], "the completed jobs")
    backup.refused("InvalidParameterValueException", "ListBackupJobs", NextToken="none of mine")
    backup.refused("ResourceNotFoundException", "DescribeBackupJob", BackupJobId="missing")
    backup.refused("InvalidRequestException", "StopBackupJob", BackupJobId=job)
    same(backup("ListCopyJobs", ByResourceType="EC2")["CopyJobs"], [], "the copy jobs")
    backup.refused("InvalidParameterValueException", "ListCopyJobs", NextToken="none of mine")
    backup.refused("ResourceNotFoundException", "DescribeCopyJob", CopyJobId="missing")
    stopped = backup("StartBackupJob", **again)["BackupJobId"]
    backup("StopBackupJob", BackupJobId=stopped)
    same(backup("DescribeBackupJob", BackupJobId=stopped)["State"], "ABORTED", "the stopped job")
    points(backup, resource, done["RecoveryPointArn"])
    return role, resource


def points(backup, resource, point):
    one = {"BackupVaultName": "jobs", "RecoveryPointArn": point}
    missing = {**one, "RecoveryPointArn": point + "0"}
    same(backup("DescribeRecoveryPoint", **one)["ResourceArn"], resource, "the recovery point")
    backup.refused("ResourceNotFoundException", "DescribeRecoveryPoint", **missing)
    for name, input in (
        ("ListRecoveryPointsByBackupVault", {"BackupVaultName": "jobs"}),
        ("ListRecoveryPointsByResource", {"ResourceArn": resource}),
    ):
        same([one["RecoveryPointArn"] for one in backup(name, **input)["RecoveryPoints"]], [point], name)
        backup.refused("InvalidParameterValueException", name, **input, NextToken="none of mine")
    same([one["ResourceArn"] for one in backup("ListProtectedResources")["Results"]], [resource], "what is protected")
    backup.refused("InvalidParameterValueException", "ListProtectedResources", NextToken="none of mine")
    same(backup("DescribeProtectedResource", ResourceArn=resource)["LastRecoveryPointArn"], point, "the last one")
    backup.refused("InvalidRequestException", "DeleteBackupVault", BackupVaultName="jobs")
    backup("DeleteRecoveryPoint", **one)
    backup.refused("ResourceNotFoundException", "DeleteRecoveryPoint", **one)
    backup.refused("ResourceNotFoundException", "DescribeProtectedResource", ResourceArn=resource)


def copies(backup, role, resource, advance):
    backup("CreateBackupVault", BackupVaultName="copies")
    to = arn(backup, "backup-vault:copies")
    rule = {"RuleName": "hourly", "TargetBackupVaultName": "jobs", "ScheduleExpression": "cron(0 * ? * * *)"}
    rules = [{**rule, "CopyActions": [{"DestinationBackupVaultArn": to}]}]
    plan = backup("CreateBackupPlan", BackupPlan={"BackupPlanName": "copying", "Rules": rules})["BackupPlanId"]
    chosen = {"SelectionName": "one", "IamRoleArn": role, "Resources": [resource]}
    backup("CreateBackupSelection", BackupPlanId=plan, BackupSelection=chosen)
    advance("1d")
    listed = backup("ListCopyJobs", ByResourceArn=resource, ByState="COMPLETED")["CopyJobs"]
    same(len(listed) > 1, True, "the copies of a day")
    got = backup("DescribeCopyJob", CopyJobId=listed[0]["CopyJobId"])["CopyJob"]
    same((got["ResourceArn"], got["DestinationBackupVaultArn"], got["State"]), (resource, to, "COMPLETED"), "a copy")


def deletions(backup, plan):
    same(backup("DeleteBackupPlan", BackupPlanId=plan)["BackupPlanId"], plan, "the deleted plan")
    backup.refused("ResourceNotFoundException", "DeleteBackupPlan", BackupPlanId=plan)
    deleted = backup("ListBackupPlans", IncludeDeleted=True)["BackupPlansList"]
    same(["DeletionDate" in one for one in deleted], [True], "deleted plans")
    backup("DeleteBackupVault", BackupVaultName="vss")
    backup.refused("ResourceNotFoundException", "DeleteBackupVault", BackupVaultName="vss")
