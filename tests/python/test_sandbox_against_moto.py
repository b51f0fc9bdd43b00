"""The same scenario on moto and on the sandbox, compared member by member.

Both are simulations. Where they differ, a row below says who is right and by what. A difference without a row fails, so
does a row without a difference.
"""

import fnmatch
import unittest

import scenario
import support

# (what differs, who is right, why). A difference is `service:Operation.Path.Of[].Member`, or, where one of the two
# refuses, `service:Operation: code and status of the sandbox, of moto`.
DEVIATIONS = [
    # Whom a server takes its caller for is its own affair.
    (
        "sts:GetCallerIdentity.Arn",
        "both",
        "each has a user of its own; a user's ARN is of `iam`, as in GetCallerIdentity's examples",
    ),
    ("sts:GetCallerIdentity.UserId", "sandbox", "a user's id begins with AIDA (IAM User Guide, unique identifiers)"),
    ("iam:GetAccountSummary.SummaryMap.AccountMFAEnabled", "both", "each account is as it is"),
    (
        "iam:GetAccountSummary.SummaryMap.AccountPasswordPresent",
        "sandbox",
        "a key of the model that an account with a password has",
    ),
    ("iam:GetAccountSummary.SummaryMap.Users", "both", "the sandbox counts its one user"),
    (
        "iam:GetAccountSummary.SummaryMap.PolicyVersionsInUse",
        "sandbox",
        "every version of a customer managed policy counts, and five are there",
    ),
    # IAM refuses what its reference says.
    (
        "iam:CreateRole: MalformedPolicyDocument 400, 200",
        "sandbox",
        "CreateRole's errors; moto stores any text as trust policy",
    ),
    (
        "iam:CreateRole: InvalidInput 400, 200",
        "sandbox",
        "the prefix `aws:` is reserved (IAM User Guide, rules for tagging)",
    ),
    ("iam:CreateRole: ValidationError 400, 200", "sandbox", "required members, patterns and bounds of the model"),
    ("iam:DeletePolicy: DeleteConflict 409, 200", "sandbox", "DeletePolicy: detach the policy first"),
    ("iam:ListEntitiesForPolicy: NoSuchEntity 404, 200", "sandbox", "ListEntitiesForPolicy's errors"),
    ("iam:ListInstanceProfilesForRole: NoSuchEntity 404, 200", "sandbox", "ListInstanceProfilesForRole's errors"),
    (
        "iam:RemoveRoleFromInstanceProfile: NoSuchEntity 404, no answer of AWS's 500",
        "sandbox",
        "RemoveRoleFromInstanceProfile's errors; moto stumbles",
    ),
    # Members that IAM's reference gives to some operations only.
    (
        "iam:CreateRole.Role.RoleLastUsed",
        "sandbox",
        "RoleLastUsed comes with GetRole and GetAccountAuthorizationDetails (model)",
    ),
    (
        "iam:UpdateRoleDescription.Role.RoleLastUsed",
        "sandbox",
        "RoleLastUsed comes with GetRole and GetAccountAuthorizationDetails (model)",
    ),
    ("iam:UpdateRoleDescription.Role.Tags", "sandbox", "the example of UpdateRoleDescription has no tags"),
    ("iam:GetRole.Role.Description", "either", "an empty description; no page says whether it is left out"),
    ("iam:*.PermissionsBoundaryUsageCount", "sandbox", "a member of Policy and ManagedPolicyDetail (model)"),
    ("iam:*.PolicyId", "sandbox", "a managed policy's id begins with ANPA (IAM User Guide, unique identifiers)"),
    (
        "iam:*.InstanceProfileId",
        "sandbox",
        "an instance profile's id begins with AIPA (IAM User Guide, unique identifiers)",
    ),
    (
        "iam:CreatePolicyVersion.PolicyVersion.Document",
        "sandbox",
        "PolicyVersion.Document: not with CreatePolicyVersion or ListPolicyVersions",
    ),
    (
        "iam:ListPolicyVersions.Versions[].Document",
        "sandbox",
        "PolicyVersion.Document: not with CreatePolicyVersion or ListPolicyVersions",
    ),
    ("iam:*.IsTruncated", "sandbox", "the examples of all lists have it"),
    (
        "iam:*InstanceProfile*.Roles[].Description",
        "sandbox",
        "the examples of a profile's role have path, name, id, ARN, date and trust",
    ),
    (
        "iam:*InstanceProfile*.Roles[].MaxSessionDuration",
        "sandbox",
        "the examples of a profile's role have path, name, id, ARN, date and trust",
    ),
    (
        "iam:*InstanceProfile*.Roles[].RoleLastUsed",
        "sandbox",
        "the examples of a profile's role have path, name, id, ARN, date and trust",
    ),
    (
        "iam:*InstanceProfile*.Roles[].Tags",
        "sandbox",
        "the examples of a profile's role have path, name, id, ARN, date and trust",
    ),
    (
        "iam:ListInstanceProfiles*.InstanceProfiles[].Tags",
        "sandbox",
        "ListInstanceProfiles: lists return a subset of the attributes, no tags",
    ),
    (
        "iam:GetAccountAuthorizationDetails.*.InstanceProfileList[].Tags",
        "sandbox",
        "the example of GetAccountAuthorizationDetails has no tags of profiles",
    ),
    ("iam:GetAccountAuthorizationDetails.RoleDetailList[].Tags", "either", "no tags: an empty list or none"),
    ("iam:GetAccountAuthorizationDetails.Policies[].Description", "either", "no description: an empty one or none"),
    (
        "iam:GetAccountAuthorizationDetails.Policies[].PolicyName",
        "sandbox",
        "a member of ManagedPolicyDetail (model), shown in the example",
    ),
    # AWS Backup.
    (
        "backup:DescribeBackupVault: AccessDeniedException 403, ResourceNotFoundException 400",
        "sandbox",
        "AWS answers for a missing vault as for another's, against its model; Terraform's provider relies on it",
    ),
    (
        "backup:*.EncryptionKeyArn",
        "sandbox",
        "a vault without a key of its own has the service's (DescribeBackupVault)",
    ),
    ("backup:DescribeBackupVault.NumberOfRecoveryPoints", "sandbox", "a number, 0 too (model, examples)"),
    ("backup:*.VaultState", "sandbox", "a member of both descriptions of a vault (model)"),
    ("backup:*.VaultType", "sandbox", "a member of both descriptions of a vault (model)"),
    (
        "backup:GetBackupPlan.BackupPlan.AdvancedBackupSettings",
        "sandbox",
        "they come back beside the plan, not inside (model of GetBackupPlanOutput; Terraform's provider says so)",
    ),
    (
        "backup:GetBackupPlan.BackupPlan.Rules[].EnableContinuousBackup",
        "sandbox",
        "false is shown (answers quoted in issues of Terraform's provider)",
    ),
    # Systems Manager.
    (
        "ssm:PutParameter: ValidationException 400, 200",
        "sandbox",
        "at most 4 KB in the standard tier; letters, numbers and .-_/ in names (PutParameter)",
    ),
    (
        "ssm:PutParameter: ParameterPatternMismatchException 400, 200",
        "sandbox",
        "AllowedPattern is enforced (PutParameter)",
    ),
    (
        "ssm:PutParameter: HierarchyLevelLimitExceededException 400, 200",
        "sandbox",
        "at most fifteen levels (PutParameter)",
    ),
    (
        "ssm:GetParametersByPath: ValidationException 400, 200",
        "sandbox",
        "a hierarchy starts with a slash (GetParametersByPath)",
    ),
    ("ssm:GetParameter.Parameter.Selector", "sandbox", "Parameter.Selector: the version or label that was asked for"),
    (
        "ssm:GetParametersByPath.Parameters[].Value",
        "both",
        "a secure string without decryption: cipher text, each its own",
    ),
    ("ssm:DescribeParameters.Parameters[].ARN", "sandbox", "a member of ParameterMetadata (model)"),
    ("ssm:DescribeParameters.Parameters[].LastModifiedUser", "sandbox", "the ARN of a user (ParameterMetadata)"),
    (
        "ssm:DescribeParameters.Parameters[].Policies",
        "sandbox",
        "an empty list is shown (example of DescribeParameters)",
    ),
    ("ssm:*.DocumentVersion", "sandbox", "a command without a version runs $DEFAULT (SendCommand)"),
    ("ssm:*.NotificationConfig", "sandbox", "moto makes one up"),
    ("ssm:*.OutputS3BucketName", "either", "AWS's examples show an empty text, which the model does not allow"),
    ("ssm:*.OutputS3KeyPrefix", "either", "nothing was asked for: an empty text or none"),
    ("ssm:*.OutputS3Region", "either", "AWS's examples show an empty text, which the model does not allow"),
    ("ssm:*.ServiceRole", "either", "nothing was asked for: an empty text or none"),
    (
        "ssm:*.StatusDetails",
        "sandbox",
        "NoInstancesInTag (Systems Manager User Guide, command statuses); moto has a placeholder",
    ),
    # Tagging.
    ("tagging:*.PaginationToken", "sandbox", "an empty token on the last page (example of GetResources)"),
    ("tagging:GetTagKeys.TagKeys[]", "sandbox", "every key once (GetTagKeys)"),
    ("tagging:GetTagValues.TagValues[]", "sandbox", "every value once (GetTagValues)"),
]


def deviations(name, sandbox, moto):
    """(what, in the sandbox, in moto) of each difference between two outcomes of a call."""
    if sandbox.get("Code") != moto.get("Code"):
        told = [" ".join(str(one[member]) for member in ("Code", "Status") if member in one) for one in (sandbox, moto)]
        return [(f"{name}: {told[0]}, {told[1]}", sandbox, moto)]
    return list(compare(sandbox, moto, name))


def compare(sandbox, moto, path):
    if isinstance(sandbox, dict) and isinstance(moto, dict):
        for member in sorted(set(sandbox) | set(moto)):
            if member in sandbox and member in moto:
                yield from compare(sandbox[member], moto[member], f"{path}.{member}")
            else:
                yield f"{path}.{member}", sandbox.get(member, "(absent)"), moto.get(member, "(absent)")
    elif isinstance(sandbox, list) and isinstance(moto, list) and len(sandbox) == len(moto):
        for mine, other in zip(sandbox, moto, strict=True):
            yield from compare(mine, other, f"{path}[]")
    elif isinstance(sandbox, list) and isinstance(moto, list):
        yield f"{path}[]", sandbox, moto
    elif sandbox != moto:
        yield path, sandbox, moto


def fits(what, row):
    """`*` stands for anything, and brackets for themselves."""
    return fnmatch.fnmatchcase(what, row.replace("[", "[[]"))


class AgainstMoto(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox, cls.moto = support.on_both(lambda url, _: scenario.run(url))
        cls.found = []
        for (name, mine, _), (_, other, _) in zip(cls.sandbox, cls.moto, strict=True):
            cls.found += deviations(name, mine, other)

    def test_both_answer_alike_but_for_the_deviations_that_are_known(self):
        rows = [row for row, _, _ in DEVIATIONS]
        unknown = [
            f"{what}\n  sandbox: {mine}\n  moto:    {other}"
            for what, mine, other in self.found
            if not any(fits(what, row) for row in rows)
        ]
        self.assertEqual(unknown, [], "\n".join(unknown))

    def test_every_known_deviation_is_still_one(self):
        stale = [row for row, _, _ in DEVIATIONS if not any(fits(what, row) for what, _, _ in self.found)]
        self.assertEqual(stale, [])

    def test_every_known_deviation_says_who_is_right_and_why_and_it_is_never_moto(self):
        for row, right, why in DEVIATIONS:
            self.assertIn(right, ("sandbox", "both", "either"), row)
            self.assertTrue(why, row)

    def test_most_of_the_scenario_is_alike(self):
        """Guards the comparison itself: rows that match everything would hide everything."""
        alike = [
            mine
            for (name, mine, _), (_, other, _) in zip(self.sandbox, self.moto, strict=True)
            if not deviations(name, mine, other)
        ]
        self.assertGreater(len(alike), len(self.sandbox) * 6 // 10)
        self.assertGreater(len(self.sandbox), 150)


if __name__ == "__main__":
    unittest.main()
