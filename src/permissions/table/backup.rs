//! Changing vaults, plans, selections, restore testing plans and the settings of AWS Backup.

use serde_json::json;

use crate::permissions::row::{
    Reach, Row, action, always, any_plan, any_restore_test, any_vault, claims, declared_plans, declared_restore_tests,
    everything, marks, on, own, own_and_stays, plans, region_settings, restore_tests, vault_arns, with,
};

/// The statements.
pub(super) const ROWS: &[Row] = &[
    Row {
        sid: "CreateVaults",
        reach: Reach::Write,
        why: "Makes the file's vaults, only with the stack's mark.",
        actions: &[always("backup:CreateBackupVault")],
        targets: |facts| on(vault_arns(facts), marks(facts)),
    },
    Row {
        sid: "CreatePlans",
        reach: Reach::Write,
        why: "Makes plans, only with the stack's mark. AWS chooses their ids.",
        actions: &[always("backup:CreateBackupPlan")],
        targets: |facts| on(any_plan(facts).into_iter().filter(|_| declared_plans(facts)), marks(facts)),
    },
    Row {
        sid: "MarkVaultsAndPlans",
        reach: Reach::Write,
        why: "Writes the stack's mark in the creating call, and on vaults and plans that are adopted.",
        actions: &[always("backup:TagResource")],
        targets: |facts| {
            let plans = any_plan(facts).into_iter().filter(|_| declared_plans(facts));
            on(vault_arns(facts).into_iter().chain(plans), claims(facts))
        },
    },
    Row {
        sid: "TagOwnVaultsAndPlans",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own vaults and plans, and never hands one to another stack.",
        actions: &[always("backup:TagResource"), always("backup:UntagResource")],
        targets: |facts| {
            let plans = any_plan(facts).into_iter().filter(|_| declared_plans(facts));
            on(vault_arns(facts).into_iter().chain(plans), own_and_stays(facts))
        },
    },
    Row {
        sid: "VaultStorage",
        reach: Reach::Write,
        why: "Making a vault mounts its storage. The action knows no resources.",
        actions: &[action("backup-storage:MountCapsule", |facts| !facts.vaults.is_empty())],
        targets: everything,
    },
    Row {
        sid: "VaultKeys",
        reach: Reach::Write,
        why: "A vault with a KMS key of its own takes grants on that key, through AWS Backup only.",
        actions: &[
            always("kms:CreateGrant"),
            always("kms:Decrypt"),
            always("kms:DescribeKey"),
            always("kms:GenerateDataKey"),
            always("kms:RetireGrant"),
        ],
        targets: |facts| {
            let via = format!("backup.{}.{}", facts.scope.region, facts.scope.dns_suffix());
            let keys = facts.vaults.iter().filter_map(|vault| vault.key.clone());
            on(keys, json!({ "StringEquals": { "kms:ViaService": via } }))
        },
    },
    Row {
        sid: "ChangeOwnPlans",
        reach: Reach::Write,
        why: "Changes and deletes the stack's own plans and their selections.",
        actions: &[
            action("backup:UpdateBackupPlan", declared_plans),
            action("backup:DeleteBackupPlan", plans),
            action("backup:CreateBackupSelection", declared_plans),
            action("backup:DeleteBackupSelection", plans),
        ],
        targets: |facts| on(any_plan(facts), own(facts)),
    },
    Row {
        sid: "CreateRestoreTests",
        reach: Reach::Write,
        why: "Makes restore testing plans, only with the stack's mark, and marks those that are adopted.",
        actions: &[
            action("backup:CreateRestoreTestingPlan", declared_restore_tests),
            action("backup:TagResource", declared_restore_tests),
        ],
        targets: |facts| on(any_restore_test(facts), claims(facts)),
    },
    Row {
        sid: "ChangeOwnRestoreTests",
        reach: Reach::Write,
        why: "Changes and deletes the stack's own restore testing plans and their selections.",
        actions: &[
            action("backup:UpdateRestoreTestingPlan", declared_restore_tests),
            action("backup:DeleteRestoreTestingPlan", restore_tests),
            action("backup:CreateRestoreTestingSelection", declared_restore_tests),
            action("backup:UpdateRestoreTestingSelection", declared_restore_tests),
            action("backup:DeleteRestoreTestingSelection", restore_tests),
        ],
        targets: |facts| on(any_restore_test(facts), own(facts)),
    },
    Row {
        sid: "TagOwnRestoreTests",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own restore testing plans, and never hands one to another stack.",
        actions: &[
            action("backup:TagResource", declared_restore_tests),
            action("backup:UntagResource", declared_restore_tests),
        ],
        targets: |facts| on(any_restore_test(facts), own_and_stays(facts)),
    },
    Row {
        sid: "DeleteOwnVaults",
        reach: Reach::Write,
        why: "Deletes the stack's own vaults. AWS refuses it while one holds recovery points.",
        actions: &[always("backup:DeleteBackupVault")],
        targets: |facts| on(any_vault(facts), own(facts)),
    },
    Row {
        sid: "VaultNotifications",
        reach: Reach::Write,
        why: "Changes the notifications of the stack's vaults that declare some.",
        actions: &[always("backup:PutBackupVaultNotifications"), always("backup:DeleteBackupVaultNotifications")],
        targets: |facts| {
            on(facts.vaults.iter().filter(|vault| vault.has_notifications).map(|vault| vault.arn.clone()), own(facts))
        },
    },
    Row {
        sid: "VaultAccessPolicies",
        reach: Reach::Write,
        why: "Changes the access policies of the stack's vaults that declare one.",
        actions: &[always("backup:PutBackupVaultAccessPolicy"), always("backup:DeleteBackupVaultAccessPolicy")],
        targets: |facts| {
            on(facts.vaults.iter().filter(|vault| vault.has_policy).map(|vault| vault.arn.clone()), own(facts))
        },
    },
    Row {
        sid: "GovernanceLocks",
        reach: Reach::Write,
        why: "Sets locks that can be taken off again, on the stack's vaults that declare one. `ChangeableForDays` is \
              what makes a lock final.",
        actions: &[always("backup:PutBackupVaultLockConfiguration")],
        targets: |facts| {
            let vaults = facts.vaults.iter().filter(|vault| vault.has_lock && !vault.has_compliance_lock);
            let condition = with(own(facts), "Null", "backup:ChangeableForDays", json!("true"));
            on(vaults.map(|vault| vault.arn.clone()), condition)
        },
    },
    Row {
        sid: "ComplianceLocks",
        reach: Reach::Write,
        why: "Sets final locks on the stack's vaults that declare one.",
        actions: &[always("backup:PutBackupVaultLockConfiguration")],
        targets: |facts| {
            let vaults = facts.vaults.iter().filter(|vault| vault.has_compliance_lock);
            on(vaults.map(|vault| vault.arn.clone()), own(facts))
        },
    },
    Row {
        sid: "RemoveLocks",
        reach: Reach::Write,
        why: "Takes governance locks off the stack's vaults that declare a lock or none; AWS keeps final ones.",
        actions: &[always("backup:DeleteBackupVaultLockConfiguration")],
        targets: |facts| {
            let vaults = facts.vaults.iter().filter(|vault| vault.has_lock && !vault.has_compliance_lock);
            on(vaults.map(|vault| vault.arn.clone()), own(facts))
        },
    },
    Row {
        sid: "RegionSettings",
        reach: Reach::Write,
        why: "Changes which resource types AWS Backup protects in the region. The action knows no resources.",
        actions: &[action("backup:UpdateRegionSettings", region_settings)],
        targets: everything,
    },
];
