"""One scenario for any AWS server: what moto and the sandbox both have, in success and error.

It returns what every call answered, with everything masked that two servers make up each in its own way.
"""

import datetime
import re

import botocore.exceptions
import botocore.parsers
import support
import walk_iam
from botocore import xform_name

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UNIQUE = re.compile(r"(A[A-Z]{3})[A-Z0-9]{12,}")
SERVICES = {"iam": "iam", "sts": "sts", "ssm": "ssm", "backup": "backup", "ec2": "ec2", "kms": "kms"}
SERVICES["tagging"] = "resourcegroupstaggingapi"


class Recorder:
    """Calls a server and writes down (service:Operation, outcome)."""

    def __init__(self, url):
        self.clients = {
            name: support.client(service, url, access_key=support.ACCOUNT, parameter_validation=False)
            for name, service in SERVICES.items()
        }
        self.steps = []

    def __call__(self, name, **input):
        service, operation = name.split(":")
        try:
            answer = getattr(self.clients[service], xform_name(operation))(**input)
            outcome = {"Status": answer["ResponseMetadata"]["HTTPStatusCode"], **answer}
        except botocore.exceptions.ClientError as error:
            answer = error.response
            outcome = {"Status": answer["ResponseMetadata"]["HTTPStatusCode"], "Code": answer["Error"]["Code"]}
        except botocore.parsers.ResponseParserError:
            # moto shows a web page when it stumbles.
            answer, outcome = {}, {"Status": 500, "Code": "no answer of AWS's"}
        outcome.pop("ResponseMetadata", None)
        self.steps.append((name, masked(outcome), input))
        return answer

    def quietly(self, name, **input):
        """Clears up after a call that one of the servers ought to have refused."""
        self(name, **input)
        self.steps.pop()


def masked(value, name=""):
    if isinstance(value, dict):
        return {member: masked(inner, member) for member, inner in value.items()}
    if isinstance(value, list):
        # Where AWS promises an order, `walk_iam` and its like look at it.
        return sorted((masked(inner, name) for inner in value), key=identity_of)
    if isinstance(value, datetime.datetime):
        return "<time>"
    if isinstance(value, str):
        if name in ("NextToken", "Marker", "PaginationToken") and value:
            return "<token>"
        # The versions of backup plans: AWS makes them up of 48 letters, base64 of a UUID.
        if name == "VersionId" and len(value) > 20:
            return "<version>"
        return UNIQUE.sub(r"\1<id>", UUID.sub("<uuid>", value))
    return value


def identity_of(element):
    """What puts the elements of a list in the same order on both servers, whatever else they have."""
    if isinstance(element, dict):
        for name in ("Arn", "BackupVaultArn", "BackupPlanName", "PolicyArn", "RoleName", "Key", "Name", "VersionId"):
            if name in element:
                return str(element[name])
    return str(element)


def run(url):
    call = Recorder(url)
    for part in (
        identity,
        roles,
        policies,
        attachments,
        profiles,
        account,
        removal,
        vaults,
        plans,
        parameters,
        commands,
        tagging,
    ):
        part(call)
    return call.steps


def identity(call):
    call("sts:GetCallerIdentity")


TAGS = [{"Key": "Empty", "Value": ""}, {"Key": "team", "Value": "a"}]
TRUST = walk_iam.TRUST
DOCUMENT = walk_iam.DOCUMENT
AWS_POLICY = walk_iam.AWS_POLICY
OWN = f"arn:aws:iam::{support.ACCOUNT}:policy/team/own"


def roles(call):
    call(
        "iam:CreateRole",
        RoleName="app",
        Path="/team/",
        AssumeRolePolicyDocument=TRUST,
        Description="é",
        MaxSessionDuration=7200,
        Tags=TAGS,
    )
    call("iam:CreateRole", RoleName="bare", AssumeRolePolicyDocument=TRUST)
    call("iam:CreateRole", RoleName="app", AssumeRolePolicyDocument=TRUST)
    call("iam:CreateRole", RoleName="bounded", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=AWS_POLICY)
    wrong = [
        {"AssumeRolePolicyDocument": "{}"},
        {"AssumeRolePolicyDocument": "not json"},
        {"AssumeRolePolicyDocument": DOCUMENT},
        {"AssumeRolePolicyDocument": TRUST, "Tags": [{"Key": "aws:x", "Value": "y"}]},
        {"AssumeRolePolicyDocument": TRUST, "Tags": [*TAGS, {"Key": "TEAM", "Value": "y"}]},
        {"AssumeRolePolicyDocument": TRUST, "MaxSessionDuration": 60},
        {"AssumeRolePolicyDocument": TRUST, "Path": "team"},
        {"AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": AWS_POLICY + "x"},
        {},
    ]
    for input in wrong:
        call("iam:CreateRole", RoleName="wrong", **input)
        call.quietly("iam:DeleteRole", RoleName="wrong")
    call("iam:CreateRole", RoleName="a b", AssumeRolePolicyDocument=TRUST)
    call.quietly("iam:DeleteRole", RoleName="a b")
    for name in ("app", "bare", "bounded", "nobody"):
        call("iam:GetRole", RoleName=name)
    call("iam:ListRoles")
    call("iam:ListRoles", PathPrefix="/team/")
    call("iam:UpdateRole", RoleName="app", Description="two", MaxSessionDuration=3600)
    call("iam:UpdateRole", RoleName="app", Description="")
    call("iam:UpdateRole", RoleName="nobody")
    call("iam:GetRole", RoleName="app")
    call("iam:UpdateRoleDescription", RoleName="app", Description="three")
    call("iam:UpdateAssumeRolePolicy", RoleName="app", PolicyDocument=TRUST.replace("ec2", "backup"))
    call("iam:UpdateAssumeRolePolicy", RoleName="nobody", PolicyDocument=TRUST)
    call("iam:UpdateAssumeRolePolicy", RoleName="app", PolicyDocument="no")
    call.quietly("iam:UpdateAssumeRolePolicy", RoleName="app", PolicyDocument=TRUST)
    call("iam:TagRole", RoleName="app", Tags=[{"Key": "team", "Value": "b"}, {"Key": "more", "Value": "c"}])
    call("iam:TagRole", RoleName="nobody", Tags=TAGS)
    call("iam:ListRoleTags", RoleName="app")
    call("iam:UntagRole", RoleName="app", TagKeys=["more", "missing"])
    call("iam:UntagRole", RoleName="nobody", TagKeys=["more"])
    call("iam:ListRoleTags", RoleName="app")
    call("iam:ListRoleTags", RoleName="nobody")
    call("iam:PutRolePermissionsBoundary", RoleName="app", PermissionsBoundary=AWS_POLICY)
    call("iam:PutRolePermissionsBoundary", RoleName="nobody", PermissionsBoundary=AWS_POLICY)
    call("iam:GetRole", RoleName="app")
    call("iam:DeleteRolePermissionsBoundary", RoleName="app")
    call("iam:DeleteRolePermissionsBoundary", RoleName="nobody")
    call("iam:PutRolePolicy", RoleName="app", PolicyName="inline", PolicyDocument=DOCUMENT)
    call("iam:PutRolePolicy", RoleName="app", PolicyName="wrong", PolicyDocument=TRUST)
    call.quietly("iam:DeleteRolePolicy", RoleName="app", PolicyName="wrong")
    call("iam:PutRolePolicy", RoleName="nobody", PolicyName="inline", PolicyDocument=DOCUMENT)
    call("iam:GetRolePolicy", RoleName="app", PolicyName="inline")
    call("iam:GetRolePolicy", RoleName="app", PolicyName="missing")
    call("iam:ListRolePolicies", RoleName="app")
    call("iam:ListRolePolicies", RoleName="nobody")


def policies(call):
    call("iam:CreatePolicy", PolicyName="own", Path="/team/", PolicyDocument=DOCUMENT, Description="one", Tags=TAGS)
    call("iam:CreatePolicy", PolicyName="own", Path="/team/", PolicyDocument=DOCUMENT)
    call("iam:CreatePolicy", PolicyName="bare", PolicyDocument=DOCUMENT)
    for document in (TRUST, "no", "{}"):
        call("iam:CreatePolicy", PolicyName="wrong", PolicyDocument=document)
        call.quietly("iam:DeletePolicy", PolicyArn=f"arn:aws:iam::{support.ACCOUNT}:policy/wrong")
    call("iam:GetPolicy", PolicyArn=OWN)
    call("iam:GetPolicy", PolicyArn=OWN + "x")
    call("iam:ListPolicies", Scope="Local")
    call("iam:ListPolicies", Scope="Local", PathPrefix="/team/")
    for default in (True, False, False, False, False):
        call("iam:CreatePolicyVersion", PolicyArn=OWN, PolicyDocument=DOCUMENT, SetAsDefault=default)
    call("iam:CreatePolicyVersion", PolicyArn=OWN + "x", PolicyDocument=DOCUMENT)
    call("iam:GetPolicyVersion", PolicyArn=OWN, VersionId="v2")
    call("iam:GetPolicyVersion", PolicyArn=OWN, VersionId="v9")
    call("iam:ListPolicyVersions", PolicyArn=OWN)
    call("iam:ListPolicyVersions", PolicyArn=OWN + "x")
    call("iam:SetDefaultPolicyVersion", PolicyArn=OWN, VersionId="v3")
    call("iam:SetDefaultPolicyVersion", PolicyArn=OWN, VersionId="v9")
    call("iam:DeletePolicyVersion", PolicyArn=OWN, VersionId="v3")
    call("iam:DeletePolicyVersion", PolicyArn=OWN, VersionId="v1")
    call("iam:DeletePolicyVersion", PolicyArn=OWN, VersionId="v9")
    call("iam:GetPolicy", PolicyArn=OWN)
    call("iam:TagPolicy", PolicyArn=OWN, Tags=[{"Key": "more", "Value": "c"}])
    call("iam:TagPolicy", PolicyArn=OWN + "x", Tags=TAGS)
    call("iam:ListPolicyTags", PolicyArn=OWN)
    call("iam:ListPolicyTags", PolicyArn=OWN + "x")
    call("iam:UntagPolicy", PolicyArn=OWN, TagKeys=["more"])
    call("iam:UntagPolicy", PolicyArn=OWN + "x", TagKeys=["more"])


def attachments(call):
    for arn in (OWN, AWS_POLICY, AWS_POLICY):
        call("iam:AttachRolePolicy", RoleName="app", PolicyArn=arn)
    call("iam:AttachRolePolicy", RoleName="app", PolicyArn=OWN + "x")
    call("iam:AttachRolePolicy", RoleName="nobody", PolicyArn=OWN)
    call("iam:ListAttachedRolePolicies", RoleName="app")
    call("iam:ListAttachedRolePolicies", RoleName="app", PathPrefix="/team/")
    call("iam:ListAttachedRolePolicies", RoleName="nobody")
    call("iam:ListEntitiesForPolicy", PolicyArn=OWN)
    call("iam:ListEntitiesForPolicy", PolicyArn=OWN + "x")
    call("iam:GetPolicy", PolicyArn=OWN)
    call("iam:ListPolicies", Scope="Local", OnlyAttached=True)


def profiles(call):
    call("iam:CreateInstanceProfile", InstanceProfileName="app", Path="/team/", Tags=TAGS)
    call("iam:CreateInstanceProfile", InstanceProfileName="app")
    call("iam:GetInstanceProfile", InstanceProfileName="app")
    call("iam:AddRoleToInstanceProfile", InstanceProfileName="app", RoleName="app")
    call("iam:AddRoleToInstanceProfile", InstanceProfileName="app", RoleName="bare")
    call("iam:AddRoleToInstanceProfile", InstanceProfileName="missing", RoleName="bare")
    call("iam:AddRoleToInstanceProfile", InstanceProfileName="app", RoleName="nobody")
    call("iam:GetInstanceProfile", InstanceProfileName="app")
    call("iam:GetInstanceProfile", InstanceProfileName="missing")
    call("iam:ListInstanceProfiles")
    call("iam:ListInstanceProfilesForRole", RoleName="app")
    call("iam:ListInstanceProfilesForRole", RoleName="nobody")
    call("iam:TagInstanceProfile", InstanceProfileName="app", Tags=[{"Key": "more", "Value": "c"}])
    call("iam:TagInstanceProfile", InstanceProfileName="missing", Tags=TAGS)
    call("iam:UntagInstanceProfile", InstanceProfileName="app", TagKeys=["more"])
    call("iam:UntagInstanceProfile", InstanceProfileName="missing", TagKeys=["more"])


def account(call):
    call("iam:GetAccountAuthorizationDetails", Filter=["Role", "LocalManagedPolicy"])
    call("iam:GetAccountSummary")


def removal(call):
    call("iam:DeleteRole", RoleName="app")
    call("iam:DeleteInstanceProfile", InstanceProfileName="app")
    held = f"arn:aws:iam::{support.ACCOUNT}:policy/held"
    call.quietly("iam:CreatePolicy", PolicyName="held", PolicyDocument=DOCUMENT)
    call.quietly("iam:AttachRolePolicy", RoleName="bare", PolicyArn=held)
    call("iam:DeletePolicy", PolicyArn=held)
    call.quietly("iam:DetachRolePolicy", RoleName="bare", PolicyArn=held)
    call.quietly("iam:DeletePolicy", PolicyArn=held)
    call("iam:RemoveRoleFromInstanceProfile", InstanceProfileName="app", RoleName="app")
    call("iam:RemoveRoleFromInstanceProfile", InstanceProfileName="app", RoleName="app")
    call("iam:DeleteInstanceProfile", InstanceProfileName="app")
    call("iam:DeleteInstanceProfile", InstanceProfileName="app")
    call("iam:DetachRolePolicy", RoleName="app", PolicyArn=OWN)
    call("iam:DetachRolePolicy", RoleName="app", PolicyArn=OWN)
    call("iam:DetachRolePolicy", RoleName="app", PolicyArn=AWS_POLICY)
    call("iam:DeleteRolePolicy", RoleName="app", PolicyName="inline")
    call("iam:DeleteRolePolicy", RoleName="app", PolicyName="inline")
    call("iam:DeletePolicyVersion", PolicyArn=OWN, VersionId="v2")
    for version in ("v4", "v5"):
        call("iam:DeletePolicyVersion", PolicyArn=OWN, VersionId=version)
    call("iam:DeletePolicy", PolicyArn=OWN)
    call("iam:DeletePolicy", PolicyArn=OWN)
    call("iam:DeleteRole", RoleName="app")
    call("iam:DeleteRole", RoleName="app")


def vaults(call):
    call("backup:CreateBackupVault", BackupVaultName="vss", BackupVaultTags={"team": "a"}, CreatorRequestId="one")
    call("backup:CreateBackupVault", BackupVaultName="vss")
    call("backup:CreateBackupVault", BackupVaultName="other")
    call("backup:DescribeBackupVault", BackupVaultName="vss")
    call("backup:DescribeBackupVault", BackupVaultName="missing")
    call("backup:ListBackupVaults")
    arn = f"arn:aws:backup:{support.REGION}:{support.ACCOUNT}:backup-vault:vss"
    call("backup:TagResource", ResourceArn=arn, Tags={"more": "b"})
    call("backup:ListTags", ResourceArn=arn)
    call("backup:UntagResource", ResourceArn=arn, TagKeyList=["more"])
    call("backup:ListTags", ResourceArn=arn)
    call("backup:PutBackupVaultLockConfiguration", BackupVaultName="vss", MinRetentionDays=7, MaxRetentionDays=30)
    call("backup:DescribeBackupVault", BackupVaultName="vss")
    call("backup:DeleteBackupVaultLockConfiguration", BackupVaultName="vss")
    call("backup:DescribeBackupVault", BackupVaultName="vss")
    call("backup:DeleteBackupVault", BackupVaultName="other")
    call("backup:ListBackupVaults")


def plans(call):
    rule = {"RuleName": "nightly", "TargetBackupVaultName": "vss", "ScheduleExpression": "cron(0 18 ? * * *)"}
    full = {
        **rule,
        "ScheduleExpressionTimezone": "Asia/Tokyo",
        "StartWindowMinutes": 60,
        "CompletionWindowMinutes": 480,
        "Lifecycle": {"DeleteAfterDays": 35},
        "RecoveryPointTags": {"from": "plan"},
    }
    settings = [{"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": "enabled"}}]
    document = {"BackupPlanName": "daily", "Rules": [full], "AdvancedBackupSettings": settings}
    made = call("backup:CreateBackupPlan", BackupPlan=document, BackupPlanTags={"team": "a"}, CreatorRequestId="one")
    call("backup:CreateBackupPlan", BackupPlan=document)
    bare = {"BackupPlanName": "bare", "Rules": [{"RuleName": "r", "TargetBackupVaultName": "vss"}]}
    other = call("backup:CreateBackupPlan", BackupPlan=bare)
    call("backup:GetBackupPlan", BackupPlanId=made["BackupPlanId"])
    call("backup:GetBackupPlan", BackupPlanId=other["BackupPlanId"])
    call("backup:GetBackupPlan", BackupPlanId="missing")
    call("backup:ListBackupPlans")
    call("backup:ListTags", ResourceArn=made["BackupPlanArn"])
    call("backup:DeleteBackupPlan", BackupPlanId=other["BackupPlanId"])
    call("backup:DeleteBackupPlan", BackupPlanId="missing")
    call("backup:ListBackupPlans")
    call("backup:ListBackupPlans", IncludeDeleted=True)


def parameters(call):
    call(
        "ssm:PutParameter",
        Name="/app/a",
        Value="one",
        Type="String",
        Description="d",
        Tags=[{"Key": "team", "Value": "a"}],
    )
    call("ssm:PutParameter", Name="/app/a", Value="two", Type="String")
    call("ssm:PutParameter", Name="/app/a", Value="two", Type="String", Overwrite=True)
    call("ssm:PutParameter", Name="/app/a", Value="x", Type="String", Overwrite=True, Tags=[{"Key": "a", "Value": "b"}])
    call("ssm:PutParameter", Name="/app/b", Value="secret", Type="SecureString")
    call("ssm:PutParameter", Name="/app/list/c", Value="a,b", Type="StringList", Tier="Advanced")
    wrong = [
        {"Name": "/app/d", "Value": "", "Type": "String"},
        {"Name": "/app/d", "Value": "x"},
        {"Name": "/app/d", "Value": "x", "Type": "Number"},
        {"Name": "/app/d", "Value": "x" * 5000, "Type": "String"},
        {"Name": "/app/d", "Value": "abc", "Type": "String", "AllowedPattern": "^[0-9]+$"},
        {"Name": "/aws/x", "Value": "x", "Type": "String"},
        {"Name": "ssmx", "Value": "x", "Type": "String"},
        {"Name": "a b", "Value": "x", "Type": "String"},
        {"Name": "/1" * 16, "Value": "x", "Type": "String"},
    ]
    for input in wrong:
        call("ssm:PutParameter", **input)
        call.quietly("ssm:DeleteParameter", Name=input["Name"])
    call("ssm:GetParameter", Name="/app/a")
    call("ssm:GetParameter", Name="/app/a:1")
    call("ssm:GetParameter", Name="/app/a:9")
    call("ssm:GetParameter", Name="/app/b", WithDecryption=True)
    call("ssm:GetParameter", Name="/missing")
    call("ssm:GetParameters", Names=["/app/a", "/missing"])
    call("ssm:GetParametersByPath", Path="/app")
    call("ssm:GetParametersByPath", Path="/app", Recursive=True, WithDecryption=True)
    call("ssm:GetParametersByPath", Path="app")
    call("ssm:DescribeParameters")
    call("ssm:DescribeParameters", ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/app/list"]}])
    call("ssm:AddTagsToResource", ResourceType="Parameter", ResourceId="/app/a", Tags=[{"Key": "more", "Value": "b"}])
    call("ssm:AddTagsToResource", ResourceType="Parameter", ResourceId="/missing", Tags=[{"Key": "more", "Value": "b"}])
    call("ssm:ListTagsForResource", ResourceType="Parameter", ResourceId="/app/a")
    call("ssm:ListTagsForResource", ResourceType="Parameter", ResourceId="/missing")
    call("ssm:RemoveTagsFromResource", ResourceType="Parameter", ResourceId="/app/a", TagKeys=["more"])
    call("ssm:DeleteParameters", Names=["/app/b", "/missing"])
    call("ssm:DeleteParameter", Name="/app/list/c")
    call("ssm:DeleteParameter", Name="/app/list/c")


def commands(call):
    package = {"action": ["Install"], "name": ["AwsVssComponents"]}
    nodes = [{"Key": "tag:Nobody", "Values": ["here"]}]
    sent = call(
        "ssm:SendCommand",
        DocumentName="AWS-ConfigureAWSPackage",
        Parameters=package,
        Targets=nodes,
        Comment="mark",
        MaxConcurrency="1",
        MaxErrors="10%",
        TimeoutSeconds=600,
    )
    command = sent["Command"]["CommandId"]
    call("ssm:ListCommands", CommandId=command)
    call("ssm:ListCommands", CommandId="00000000-0000-4000-a000-000000000000")
    call("ssm:GetCommandInvocation", CommandId=command, InstanceId="i-00000000000000000")


def tagging(call):
    call("tagging:GetResources", ResourceTypeFilters=["backup:backup-vault"])
    call("tagging:GetResources", TagFilters=[{"Key": "team", "Values": ["none"]}])
    call("tagging:GetTagKeys")
    call("tagging:GetTagValues", Key="team")
