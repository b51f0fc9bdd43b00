//! Looking at IAM's resources before writes, and changing them.

use serde_json::Value;

use crate::permissions::row::{
    Reach, Row, action, always, by_boundary, by_policies, claims, declared_policies, declared_profiles, declared_roles,
    described_roles, marks, on, own, own_and_stays, own_policies, own_profiles, own_roles, passed_to, policies,
    profiles, role_arns, roles,
};

/// The statements.
pub(super) const ROWS: &[Row] = &[
    Row {
        sid: "LookAtRoles",
        reach: Reach::Write,
        why: "Looks whether a role that should have been made is there, after an answer that was lost, and before each \
              change and deletion whether it is still the one that the plan saw.",
        actions: &[action("iam:GetRole", roles)],
        targets: |facts| on(own_roles(facts), Value::Null),
    },
    Row {
        sid: "LookAtPolicies",
        reach: Reach::Write,
        why: "Looks before each change and deletion whether a policy is still the one that the plan saw.",
        actions: &[action("iam:GetPolicy", policies)],
        targets: |facts| on(own_policies(facts), Value::Null),
    },
    Row {
        sid: "LookAtInstanceProfiles",
        reach: Reach::Write,
        why: "Looks before each change and deletion, and before instances get it, whether an instance profile is still \
              the one that the plan saw.",
        actions: &[action("iam:GetInstanceProfile", profiles)],
        targets: |facts| on(own_profiles(facts), Value::Null),
    },
    Row {
        sid: "CreateRoles",
        reach: Reach::Write,
        why: "Makes the file's roles: with their boundary where they have one, and only with the stack's mark.",
        actions: &[always("iam:CreateRole")],
        targets: |facts| by_boundary(facts, |_| true, &marks(facts)),
    },
    Row {
        sid: "MarkRoles",
        reach: Reach::Write,
        why: "Writes the stack's mark in the creating call, and on a role that is adopted; never on another stack's.",
        actions: &[always("iam:TagRole")],
        targets: |facts| on(role_arns(facts, |_| true), claims(facts)),
    },
    Row {
        sid: "TagOwnRoles",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own roles, and never hands one to another stack.",
        actions: &[action("iam:TagRole", declared_roles), action("iam:UntagRole", declared_roles)],
        targets: |facts| on(own_roles(facts), own_and_stays(facts)),
    },
    Row {
        sid: "ChangeOwnRoles",
        reach: Reach::Write,
        why: "Changes, empties and deletes the stack's own roles.",
        actions: &[
            action("iam:UpdateAssumeRolePolicy", declared_roles),
            action("iam:UpdateRole", described_roles),
            action("iam:DetachRolePolicy", roles),
            action("iam:DeleteRolePolicy", roles),
            action("iam:DeleteRole", roles),
        ],
        targets: |facts| on(own_roles(facts), own(facts)),
    },
    Row {
        sid: "AttachListedPolicies",
        reach: Reach::Write,
        why: "Attaches to each role the managed policies that the file lists for it, and no others.",
        actions: &[always("iam:AttachRolePolicy")],
        targets: by_policies,
    },
    Row {
        sid: "PutInlinePolicies",
        reach: Reach::Write,
        why: "Writes inline policies into the roles that declare some, within their boundary where they have one.",
        actions: &[always("iam:PutRolePolicy")],
        targets: |facts| by_boundary(facts, |role| role.has_inline, &own(facts)),
    },
    Row {
        sid: "PutBoundaries",
        reach: Reach::Write,
        why: "Sets the boundaries that the file declares, and no others.",
        actions: &[always("iam:PutRolePermissionsBoundary")],
        targets: |facts| {
            by_boundary(facts, |role| role.boundary.as_ref().is_some_and(|arn| !arn.is_empty()), &own(facts))
        },
    },
    Row {
        sid: "RemoveBoundaries",
        reach: Reach::Write,
        why: "Takes the boundary off the roles for which the file says that they have none.",
        actions: &[always("iam:DeleteRolePermissionsBoundary")],
        targets: |facts| on(role_arns(facts, |role| role.boundary.as_deref() == Some("")), own(facts)),
    },
    Row {
        sid: "CreatePolicies",
        reach: Reach::Write,
        why: "Makes the file's customer managed policies, only with the stack's mark, and marks those that are \
              adopted.",
        actions: &[always("iam:CreatePolicy"), always("iam:TagPolicy")],
        targets: |facts| on(facts.policies.iter().map(|policy| policy.arn.clone()), claims(facts)),
    },
    Row {
        sid: "TagOwnPolicies",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own policies, and never hands one to another stack.",
        actions: &[action("iam:TagPolicy", declared_policies), action("iam:UntagPolicy", declared_policies)],
        targets: |facts| on(own_policies(facts), own_and_stays(facts)),
    },
    Row {
        sid: "ChangeOwnPolicies",
        reach: Reach::Write,
        why: "Makes new versions of the stack's own policies, deletes old ones (AWS keeps five) and the policies.",
        actions: &[
            action("iam:CreatePolicyVersion", declared_policies),
            action("iam:DeletePolicyVersion", policies),
            action("iam:DeletePolicy", policies),
        ],
        targets: |facts| on(own_policies(facts), own(facts)),
    },
    Row {
        sid: "CreateInstanceProfiles",
        reach: Reach::Write,
        why: "Makes the file's instance profiles, only with the stack's mark, and marks those that are adopted.",
        actions: &[always("iam:CreateInstanceProfile"), always("iam:TagInstanceProfile")],
        targets: |facts| on(facts.profiles.iter().map(|profile| profile.arn.clone()), claims(facts)),
    },
    Row {
        sid: "TagOwnInstanceProfiles",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own instance profiles, and never hands one to another stack.",
        actions: &[
            action("iam:TagInstanceProfile", declared_profiles),
            action("iam:UntagInstanceProfile", declared_profiles),
        ],
        targets: |facts| on(own_profiles(facts), own_and_stays(facts)),
    },
    Row {
        sid: "ChangeOwnInstanceProfiles",
        reach: Reach::Write,
        why: "Puts roles into the stack's own instance profiles, takes them out, deletes the profiles.",
        actions: &[
            action("iam:AddRoleToInstanceProfile", declared_profiles),
            action("iam:RemoveRoleFromInstanceProfile", profiles),
            action("iam:DeleteInstanceProfile", profiles),
        ],
        targets: |facts| on(own_profiles(facts), own(facts)),
    },
    Row {
        sid: "PassInstanceRoles",
        reach: Reach::Write,
        why: "Hands the roles of the instance profiles to EC2. Named, because tags do not decide reliably about this \
              action.",
        actions: &[always("iam:PassRole")],
        targets: |facts| on(facts.instance_roles.clone(), passed_to(facts, "ec2")),
    },
    Row {
        sid: "PassBackupRoles",
        reach: Reach::Write,
        why: "Hands the roles of the selections, those of restore tests included, to AWS Backup.",
        actions: &[always("iam:PassRole")],
        targets: |facts| on(facts.backup_roles.clone(), passed_to(facts, "backup")),
    },
    Row {
        sid: "PassDispatchRoles",
        reach: Reach::Write,
        why: "Hands the roles that State Manager works with to Systems Manager.",
        actions: &[always("iam:PassRole")],
        targets: |facts| on(facts.dispatch_roles.clone(), passed_to(facts, "ssm")),
    },
];
