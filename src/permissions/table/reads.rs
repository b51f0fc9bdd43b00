//! Reading what is live: what `plan` needs.

use serde_json::Value;

use crate::permissions::facts::Facts;
use crate::permissions::row::{
    Reach, Row, action, always, any_association, any_plan, any_restore_test, any_vault, attachments, backup, by_name,
    carriers, commands, declared_in_iam, declared_packages, declared_plans, declared_policies, declared_profiles,
    described_roles, everything, firsts, installed, on, package_document, packages, plans, region_settings,
    restore_tests, waits,
};

/// The statements.
pub(super) const ROWS: &[Row] = &[
    Row {
        sid: "Lists",
        reach: Reach::Read,
        why: "Finds what the stack has, in one sweep of each service, and whose the resources of the file's names are. \
              These actions know no resources.",
        actions: &[
            always("iam:GetAccountAuthorizationDetails"),
            always("iam:ListInstanceProfiles"),
            action("iam:ListRoles", described_roles),
            // Where the lists show that a default quota is not enough.
            action("iam:GetAccountSummary", declared_in_iam),
            always("tag:GetResources"),
            always("backup:ListBackupPlans"),
            always("backup:ListBackupVaults"),
            action("backup:ListRestoreTestingPlans", restore_tests),
            action("backup:DescribeRegionSettings", region_settings),
            // Others may back the same instances up, or install the same package on them.
            action("ec2:DescribeInstances", |facts| {
                attachments(facts) || declared_plans(facts) || declared_packages(facts)
            }),
            action("ec2:DescribeIamInstanceProfileAssociations", carriers),
            action("ssm:ListAssociations", |facts| packages(facts) || installed(facts)),
            action("ssm:ListCommands", commands),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadInstanceProfiles",
        reach: Reach::Read,
        why: "Reads the tags of the file's instance profiles where the Tagging API's index does not show them yet.",
        actions: &[action("iam:GetInstanceProfile", declared_profiles)],
        targets: |facts| {
            let names = facts.profiles.iter().map(|profile| profile.name.as_str());
            on(by_name(facts, "instance-profile", names), Value::Null)
        },
    },
    Row {
        sid: "ReadPolicies",
        reach: Reach::Read,
        why: "Reads descriptions and tags of the file's customer managed policies.",
        actions: &[action("iam:GetPolicy", declared_policies)],
        targets: |facts| {
            on(by_name(facts, "policy", facts.policies.iter().map(|policy| policy.name.as_str())), Value::Null)
        },
    },
    Row {
        sid: "ReadVaultsAndPlans",
        reach: Reach::Read,
        why: "Reads the tags of vaults and plans at their source, as the Tagging API's index lags behind.",
        actions: &[action("backup:ListTags", backup)],
        targets: |facts| on([any_vault(facts), any_plan(facts)].concat(), Value::Null),
    },
    Row {
        sid: "ReadPlans",
        reach: Reach::Read,
        why: "Reads plans and their selections, other people's where the file's change: two plans may back the same \
              instances up. Their ids are AWS's, so that no ARN can be known beforehand.",
        actions: &[
            action("backup:GetBackupPlan", plans),
            action("backup:ListBackupSelections", plans),
            action("backup:GetBackupSelection", plans),
        ],
        targets: |facts| on(any_plan(facts), Value::Null),
    },
    Row {
        sid: "ReadRestoreTests",
        reach: Reach::Read,
        why: "Reads restore testing plans with their selections and tags. The end of their ARNs is AWS's.",
        actions: &[
            always("backup:GetRestoreTestingPlan"),
            always("backup:ListRestoreTestingSelections"),
            always("backup:GetRestoreTestingSelection"),
            always("backup:ListTags"),
        ],
        targets: |facts| on(any_restore_test(facts), Value::Null),
    },
    Row {
        sid: "ReadVaultPolicies",
        reach: Reach::Read,
        why: "Reads the access policies of the vaults that declare one or a key.",
        actions: &[always("backup:GetBackupVaultAccessPolicy")],
        targets: |facts| {
            on(
                facts
                    .vaults
                    .iter()
                    .filter(|vault| vault.has_policy || vault.key.is_some())
                    .map(|vault| vault.arn.clone()),
                Value::Null,
            )
        },
    },
    Row {
        sid: "ReadVaultNotifications",
        reach: Reach::Read,
        why: "Reads the notifications of the vaults that declare some or a key.",
        actions: &[always("backup:GetBackupVaultNotifications")],
        targets: |facts| {
            on(
                facts
                    .vaults
                    .iter()
                    .filter(|vault| vault.has_notifications || vault.key.is_some())
                    .map(|vault| vault.arn.clone()),
                Value::Null,
            )
        },
    },
    Row {
        sid: "ReadVaultKeys",
        reach: Reach::Read,
        why: "Reads whether the keys of the file's vaults exist, when a vault is to be made with one.",
        actions: &[always("kms:DescribeKey")],
        targets: |facts| on(keys(facts), Value::Null),
    },
    Row {
        sid: "ReadAssociations",
        reach: Reach::Read,
        why: "Reads State Manager associations, and what the runs of them that install packages came to. AWS asks for \
              the association's document as well.",
        actions: &[
            action("ssm:DescribeAssociation", |facts| packages(facts) || installed(facts)),
            action("ssm:DescribeAssociationExecutions", |facts| installed(facts) || waits(facts)),
            action("ssm:DescribeAssociationExecutionTargets", |facts| installed(facts) || waits(facts)),
        ],
        targets: |facts| on(any_association(facts).into_iter().chain(package_document(facts)), Value::Null),
    },
    Row {
        sid: "ReadAssociationTags",
        reach: Reach::Read,
        why: "Reads the tags of associations at their source, as the Tagging API's index lags behind.",
        actions: &[action("ssm:ListTagsForResource", packages)],
        targets: |facts| on(any_association(facts), Value::Null),
    },
    Row {
        sid: "ReadSentCommands",
        reach: Reach::Read,
        why: "Reads the records of commands that must be sent once.",
        actions: &[action("ssm:GetParametersByPath", |facts| commands(facts) || firsts(facts))],
        targets: |facts| {
            let once = facts.arn("ssm", &format!("parameter/vssctl/v1/{}/once", facts.scope.stack));
            on([format!("{once}/*"), once], Value::Null)
        },
    },
    Row {
        sid: "ReadFailedCommands",
        reach: Reach::Read,
        why: "Reads what commands that install packages came to: which version is there, and why one failed.",
        actions: &[action("ssm:ListCommandInvocations", |facts| commands(facts) || installed(facts))],
        targets: everything,
    },
    Row {
        sid: "ReadInstalledVersions",
        reach: Reach::Read,
        why: "Reads which instances a package or a role is for, and the version on them by the tags of their snapshots \
              and images: `AWSEC2VssSnapshotPolicy` never takes an older policy's place before the package that it \
              needs. And their systems, as an older Windows Server works with one version of the package only, and \
              which of them answer, as a command that a server could not get is not sent again before.",
        actions: &[
            action("ec2:DescribeInstances", installed),
            action("ec2:DescribeImages", installed),
            action("ec2:DescribeSnapshots", installed),
            action("ssm:DescribeInstanceInformation", |facts| commands(facts) || installed(facts)),
        ],
        targets: everything,
    },
];

/// The keys of the file's vaults that a plan looks up. What another account has shared is left to AWS.
fn keys(facts: &Facts) -> impl Iterator<Item = String> {
    facts.vaults.iter().filter_map(|vault| vault.key.clone()).filter(|key| facts.scope.has(key))
}
