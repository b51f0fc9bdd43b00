"""Every operation of IAM and STS that the sandbox offers: at least one success and one error each."""

import json

from walk import same

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*"}]}
)
AWS_POLICY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
TAGS = [{"Key": "team", "Value": "a"}, {"Key": "Empty", "Value": ""}]


def walk(iam):
    roles(iam)
    arn = policies(iam)
    attachments(iam, arn)
    profiles(iam)
    account(iam)
    simulations(iam)
    deletions(iam, arn)


def roles(iam):
    made = iam(
        "CreateRole",
        RoleName="app",
        Path="/team/",
        AssumeRolePolicyDocument=TRUST,
        Description="über <alles> & mehr",
        MaxSessionDuration=7200,
        PermissionsBoundary=AWS_POLICY,
        Tags=TAGS,
    )["Role"]
    same(made["Arn"].split(":", 4)[4], f"{iam.account}:role/team/app", "the ARN")
    iam.refused("EntityAlreadyExists", "CreateRole", RoleName="APP", AssumeRolePolicyDocument=TRUST)
    iam.refused("MalformedPolicyDocument", "CreateRole", RoleName="b", AssumeRolePolicyDocument="{}")
    iam.refused(
        "InvalidInput", "CreateRole", RoleName="b", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "aws:x", "Value": ""}]
    )
    iam.refused(
        "NoSuchEntity",
        "CreateRole",
        RoleName="b",
        AssumeRolePolicyDocument=TRUST,
        PermissionsBoundary=f"arn:aws:iam::{iam.account}:policy/nobodys",
    )
    iam.refused("ValidationError", "CreateRole", RoleName="b")
    iam.refused("ValidationError", "CreateRole", RoleName="a b", AssumeRolePolicyDocument=TRUST)

    got = iam("GetRole", RoleName="app")["Role"]
    same({**got, "RoleLastUsed": {}}, {**made, "RoleLastUsed": {}}, "the role that GetRole shows")
    same(got["AssumeRolePolicyDocument"], json.loads(TRUST), "the trust policy")
    same(got["Description"], "über <alles> & mehr", "the description")
    iam.refused("NoSuchEntity", "GetRole", RoleName="nobody")
    same([role["RoleName"] for role in iam("ListRoles", PathPrefix="/team/")["Roles"]], ["app"], "ListRoles")
    iam.refused("ValidationError", "ListRoles", MaxItems=0)
    iam.refused("ValidationError", "ListRoles", Marker="no marker!")

    iam("UpdateRole", RoleName="app", Description="two")
    same(iam("GetRole", RoleName="app")["Role"]["MaxSessionDuration"], 3600, "a duration that is left out")
    iam.refused("NoSuchEntity", "UpdateRole", RoleName="nobody")
    iam.refused("ValidationError", "UpdateRole", RoleName="app", MaxSessionDuration=60)
    same(
        iam("UpdateRoleDescription", RoleName="app", Description="three")["Role"]["Description"], "three", "description"
    )
    iam.refused("NoSuchEntity", "UpdateRoleDescription", RoleName="nobody", Description="x")
    iam("UpdateAssumeRolePolicy", RoleName="app", PolicyDocument=TRUST.replace("ec2", "backup"))
    iam.refused("MalformedPolicyDocument", "UpdateAssumeRolePolicy", RoleName="app", PolicyDocument="no")
    iam.refused("NoSuchEntity", "UpdateAssumeRolePolicy", RoleName="nobody", PolicyDocument=TRUST)

    iam("TagRole", RoleName="app", Tags=[{"Key": "TEAM", "Value": "b"}])
    iam.refused("NoSuchEntity", "TagRole", RoleName="nobody", Tags=TAGS)
    listed = iam("ListRoleTags", RoleName="app")
    same({tag["Key"]: tag["Value"] for tag in listed["Tags"]}, {"TEAM": "b", "Empty": ""}, "the tags")
    iam.refused("NoSuchEntity", "ListRoleTags", RoleName="nobody")
    iam("UntagRole", RoleName="app", TagKeys=["Empty", "missing"])
    iam.refused("NoSuchEntity", "UntagRole", RoleName="nobody", TagKeys=["a"])

    iam("PutRolePolicy", RoleName="app", PolicyName="inline", PolicyDocument=DOCUMENT)
    iam.refused("MalformedPolicyDocument", "PutRolePolicy", RoleName="app", PolicyName="i", PolicyDocument=TRUST)
    iam.refused("NoSuchEntity", "PutRolePolicy", RoleName="nobody", PolicyName="i", PolicyDocument=DOCUMENT)
    long = json.dumps({**json.loads(DOCUMENT), "Id": "x" * 10300})
    iam.refused("LimitExceeded", "PutRolePolicy", RoleName="app", PolicyName="i", PolicyDocument=long)
    got = iam("GetRolePolicy", RoleName="app", PolicyName="inline")
    same(got["PolicyDocument"], json.loads(DOCUMENT), "the inline policy")
    iam.refused("NoSuchEntity", "GetRolePolicy", RoleName="app", PolicyName="missing")
    same(iam("ListRolePolicies", RoleName="app")["PolicyNames"], ["inline"], "ListRolePolicies")
    iam.refused("NoSuchEntity", "ListRolePolicies", RoleName="nobody")

    iam("PutRolePermissionsBoundary", RoleName="app", PermissionsBoundary=AWS_POLICY)
    iam.refused("NoSuchEntity", "PutRolePermissionsBoundary", RoleName="nobody", PermissionsBoundary=AWS_POLICY)


def policies(iam):
    made = iam("CreatePolicy", PolicyName="own", Path="/team/", PolicyDocument=DOCUMENT, Description="one", Tags=TAGS)
    arn = made["Policy"]["Arn"]
    iam.refused("EntityAlreadyExists", "CreatePolicy", PolicyName="OWN", PolicyDocument=DOCUMENT)
    iam.refused("MalformedPolicyDocument", "CreatePolicy", PolicyName="bad", PolicyDocument=TRUST)
    got = iam("GetPolicy", PolicyArn=arn)["Policy"]
    same((got["Description"], got["AttachmentCount"], got["DefaultVersionId"]), ("one", 0, "v1"), "the policy")
    iam("GetPolicy", PolicyArn=AWS_POLICY)
    iam.refused("NoSuchEntity", "GetPolicy", PolicyArn=arn + "x")
    iam.refused("ValidationError", "GetPolicy", PolicyArn="short")
    same([one["PolicyName"] for one in iam("ListPolicies", Scope="Local")["Policies"]], ["own"], "ListPolicies")
    iam("ListPolicies", Scope="AWS")
    iam.refused("ValidationError", "ListPolicies", Scope="Everywhere")

    for _ in range(4):
        version = iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DOCUMENT, SetAsDefault=True)["PolicyVersion"]
    same(version["VersionId"], "v5", "the version")
    iam.refused("LimitExceeded", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DOCUMENT)
    iam.refused("AccessDenied", "CreatePolicyVersion", PolicyArn=AWS_POLICY, PolicyDocument=DOCUMENT)
    got = iam("GetPolicyVersion", PolicyArn=arn, VersionId="v5")["PolicyVersion"]
    same((got["Document"], got["IsDefaultVersion"]), (json.loads(DOCUMENT), True), "the version's document")
    iam.refused("NoSuchEntity", "GetPolicyVersion", PolicyArn=arn, VersionId="v9")
    same(len(iam("ListPolicyVersions", PolicyArn=arn)["Versions"]), 5, "the number of versions")
    iam.refused("NoSuchEntity", "ListPolicyVersions", PolicyArn=arn + "x")
    iam("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
    iam.refused("NoSuchEntity", "SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v9")
    iam.refused("DeleteConflict", "DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    for number in (1, 3, 4, 5):
        iam("DeletePolicyVersion", PolicyArn=arn, VersionId=f"v{number}")
    iam.refused("NoSuchEntity", "DeletePolicyVersion", PolicyArn=arn, VersionId="v1")

    iam("TagPolicy", PolicyArn=arn, Tags=[{"Key": "more", "Value": "é"}])
    iam.refused("NoSuchEntity", "TagPolicy", PolicyArn=arn + "x", Tags=TAGS)
    same(len(iam("ListPolicyTags", PolicyArn=arn)["Tags"]), 3, "the number of tags")
    iam.refused("NoSuchEntity", "ListPolicyTags", PolicyArn=arn + "x")
    iam("UntagPolicy", PolicyArn=arn, TagKeys=["more"])
    iam.refused("NoSuchEntity", "UntagPolicy", PolicyArn=arn + "x", TagKeys=["more"])
    return arn


def attachments(iam, arn):
    for policy in (arn, AWS_POLICY, AWS_POLICY):
        iam("AttachRolePolicy", RoleName="app", PolicyArn=policy)
    iam.refused("NoSuchEntity", "AttachRolePolicy", RoleName="app", PolicyArn=arn + "x")
    listed = iam("ListAttachedRolePolicies", RoleName="app")["AttachedPolicies"]
    same(sorted(one["PolicyArn"] for one in listed), sorted([arn, AWS_POLICY]), "what is attached")
    iam.refused("NoSuchEntity", "ListAttachedRolePolicies", RoleName="nobody")
    holders = iam("ListEntitiesForPolicy", PolicyArn=arn)
    same([role["RoleName"] for role in holders["PolicyRoles"]], ["app"], "who holds the policy")
    iam.refused("NoSuchEntity", "ListEntitiesForPolicy", PolicyArn=arn + "x")


def profiles(iam):
    iam("CreateInstanceProfile", InstanceProfileName="app", Path="/team/", Tags=TAGS)
    iam.refused("EntityAlreadyExists", "CreateInstanceProfile", InstanceProfileName="App")
    iam("AddRoleToInstanceProfile", InstanceProfileName="app", RoleName="app")
    iam.refused("LimitExceeded", "AddRoleToInstanceProfile", InstanceProfileName="app", RoleName="app")
    iam.refused("NoSuchEntity", "AddRoleToInstanceProfile", InstanceProfileName="app", RoleName="nobody")
    profile = iam("GetInstanceProfile", InstanceProfileName="app")["InstanceProfile"]
    same([role["RoleName"] for role in profile["Roles"]], ["app"], "the profile's roles")
    iam.refused("NoSuchEntity", "GetInstanceProfile", InstanceProfileName="missing")
    same(len(iam("ListInstanceProfiles", PathPrefix="/team/")["InstanceProfiles"]), 1, "the number of profiles")
    iam.refused("ValidationError", "ListInstanceProfiles", PathPrefix="team")
    same(len(iam("ListInstanceProfilesForRole", RoleName="app")["InstanceProfiles"]), 1, "the role's profiles")
    iam.refused("NoSuchEntity", "ListInstanceProfilesForRole", RoleName="nobody")
    iam("TagInstanceProfile", InstanceProfileName="app", Tags=[{"Key": "more", "Value": "1"}])
    iam.refused("NoSuchEntity", "TagInstanceProfile", InstanceProfileName="missing", Tags=TAGS)
    same(len(iam("ListInstanceProfileTags", InstanceProfileName="app")["Tags"]), 3, "the number of tags")
    iam.refused("NoSuchEntity", "ListInstanceProfileTags", InstanceProfileName="missing")
    iam("UntagInstanceProfile", InstanceProfileName="app", TagKeys=["more"])
    iam.refused("NoSuchEntity", "UntagInstanceProfile", InstanceProfileName="missing", TagKeys=["more"])


def account(iam):
    details = iam("GetAccountAuthorizationDetails", Filter=["Role", "LocalManagedPolicy"])
    same([role["RoleName"] for role in details["RoleDetailList"]], ["app"], "the roles in detail")
    same([policy["PolicyName"] for policy in details["Policies"]], ["own"], "the policies in detail")
    iam("GetAccountAuthorizationDetails")
    iam.refused("ValidationError", "GetAccountAuthorizationDetails", Filter=["Everything"])
    summary = iam("GetAccountSummary")["SummaryMap"]
    same((summary["Roles"], summary["InstanceProfiles"], summary["Policies"]), (1, 1, 1), "the summary")


def simulations(iam):
    """The policy simulator, on the role `app` as it is by now: a boundary that knows no EC2, and more policies than that."""
    user = iam("GetUser")["User"]
    same(iam("GetUser", UserName=user["UserName"])["User"]["Arn"], user["Arn"], "the user by its name")
    iam.refused("NoSuchEntity", "GetUser", UserName="nobody")

    def decisions(results):
        return {(one["EvalActionName"], one["EvalResourceName"]): one["EvalDecision"] for one in results}

    deny = {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    asked = {
        "PolicyInputList": [DOCUMENT, json.dumps({"Version": "2012-10-17", "Statement": deny})],
        "ActionNames": ["ec2:CreateTags", "iam:GetRole"],
    }
    results = iam("SimulateCustomPolicy", **asked)["EvaluationResults"]
    allowed = {("ec2:CreateTags", "*"): "allowed", ("iam:GetRole", "*"): "implicitDeny"}
    same(decisions(results), allowed, "what the policies allow")
    same(results[0]["MissingContextValues"], ["aws:SecureTransport"], "the key that nobody gave")
    entry = {"ContextKeyName": "aws:securetransport", "ContextKeyType": "boolean", "ContextKeyValues": ["false"]}
    results = iam("SimulateCustomPolicy", **asked, ContextEntries=[entry], MaxItems=1)
    same(results["IsTruncated"], True, "whether two results are more than one")
    denied = results["EvaluationResults"]
    same((denied[0]["EvalDecision"], denied[0]["MissingContextValues"]), ("explicitDeny", []), "what the policies deny")
    rest = iam("SimulateCustomPolicy", **asked, ContextEntries=[entry], Marker=results["Marker"])["EvaluationResults"]
    same([one["EvalActionName"] for one in rest], ["iam:GetRole"], "the second page")
    iam.refused("ValidationError", "SimulateCustomPolicy", PolicyInputList=[DOCUMENT])
    for wrong in ({"PolicyInputList": ["{}"]}, {"ActionNames": ["ec2:*"]}, {"ResourcePolicy": DOCUMENT}):
        iam.refused("InvalidInput", "SimulateCustomPolicy", **{**asked, **wrong})

    role = {"PolicySourceArn": iam("GetRole", RoleName="app")["Role"]["Arn"], "ActionNames": asked["ActionNames"]}
    results = iam("SimulatePrincipalPolicy", **role)["EvaluationResults"]
    bounded = {"AllowedByPermissionsBoundary": False}
    same((results[0]["EvalDecision"], results[0]["PermissionsBoundaryDecisionDetail"]), ("implicitDeny", bounded), "app")
    results = iam("SimulatePrincipalPolicy", **role, PermissionsBoundaryPolicyInputList=[DOCUMENT])["EvaluationResults"]
    same(decisions(results), allowed, "what the role may do within another boundary")
    everything = iam("SimulatePrincipalPolicy", **{**role, "PolicySourceArn": user["Arn"]})["EvaluationResults"]
    same({one["EvalDecision"] for one in everything}, {"allowed"}, "what the user may do")
    iam.refused("NoSuchEntity", "SimulatePrincipalPolicy", **{**role, "PolicySourceArn": role["PolicySourceArn"] + "x"})
    unknown = "arn:aws:iam::aws:policy/SomethingNew"
    iam("AttachRolePolicy", RoleName="app", PolicyArn=unknown)
    iam.refused("PolicyEvaluation", "SimulatePrincipalPolicy", **role)
    iam("DetachRolePolicy", RoleName="app", PolicyArn=unknown)


def deletions(iam, arn):
    iam.refused("DeleteConflict", "DeleteRole", RoleName="app")
    iam.refused("DeleteConflict", "DeleteInstanceProfile", InstanceProfileName="app")
    iam.refused("DeleteConflict", "DeletePolicy", PolicyArn=arn)
    iam("RemoveRoleFromInstanceProfile", InstanceProfileName="app", RoleName="app")
    iam.refused("NoSuchEntity", "RemoveRoleFromInstanceProfile", InstanceProfileName="app", RoleName="app")
    iam("DeleteInstanceProfile", InstanceProfileName="app")
    for policy in (arn, AWS_POLICY):
        iam("DetachRolePolicy", RoleName="app", PolicyArn=policy)
    iam.refused("NoSuchEntity", "DetachRolePolicy", RoleName="app", PolicyArn=arn)
    iam("DeleteRolePolicy", RoleName="app", PolicyName="inline")
    iam.refused("NoSuchEntity", "DeleteRolePolicy", RoleName="app", PolicyName="inline")
    iam("DeleteRolePermissionsBoundary", RoleName="app")
    iam.refused("NoSuchEntity", "DeleteRolePermissionsBoundary", RoleName="nobody")
    iam("DeletePolicy", PolicyArn=arn)
    iam.refused("NoSuchEntity", "DeletePolicy", PolicyArn=arn)
    iam("DeleteRole", RoleName="app")
    iam.refused("NoSuchEntity", "DeleteRole", RoleName="app")


def identity(sts):
    caller = sts("GetCallerIdentity")
    same(caller["Account"], sts.account, "the account")
    same(caller["Arn"].split(":")[4], sts.account, "the account in the caller's ARN")
