//! The lease, and what nobody may do whatever else allows it.

use serde_json::{Value, json};

use crate::model::marks::PREFIX;
use crate::permissions::row::{
    Reach, Row, action, always, associations, declared_plans, declared_policies, declared_profiles,
    declared_restore_tests, declared_roles, everything, on, region_settings,
};

/// The statements.
pub(super) const ROWS: &[Row] = &[
    Row {
        sid: "Lease",
        reach: Reach::Write,
        why: "Takes, renews and gives back the lease of the stack, and keeps the records of commands that must be sent \
              once.",
        actions: &[
            always("ssm:GetParameter"),
            always("ssm:GetParametersByPath"),
            always("ssm:PutParameter"),
            always("ssm:DeleteParameters"),
        ],
        targets: |facts| {
            let path = facts.arn("ssm", &format!("parameter/vssctl/v1/{}", facts.scope.stack));
            on([format!("{path}/*"), path], Value::Null)
        },
    },
    Row {
        sid: "NeverDropMark",
        reach: Reach::Guard,
        why: "Nobody takes the stack's mark off: what is ours stays recognisable.",
        actions: &[
            action("iam:UntagRole", declared_roles),
            action("iam:UntagPolicy", declared_policies),
            action("iam:UntagInstanceProfile", declared_profiles),
            action("backup:UntagResource", |facts| {
                declared_plans(facts) || declared_restore_tests(facts) || !facts.vaults.is_empty()
            }),
            action("ssm:RemoveTagsFromResource", associations),
        ],
        targets: |_| {
            let keys = json!({ "ForAnyValue:StringLike": { "aws:TagKeys": [format!("{PREFIX}*")] } });
            on(["*".to_owned()], keys)
        },
    },
    Row {
        sid: "NeverLoosen",
        reach: Reach::Guard,
        why: "Nobody takes a boundary off a role, unless the file says that one has none.",
        actions: &[action("iam:DeleteRolePermissionsBoundary", |facts| {
            !facts.roles.iter().any(|role| role.boundary.as_deref() == Some(""))
        })],
        targets: everything,
    },
    Row {
        sid: "NeverTouchBackups",
        reach: Reach::Guard,
        why: "Nobody deletes or ages recovery points, nor changes the policies, locks and settings that the file does \
              not declare.",
        actions: &[
            always("backup:DeleteRecoveryPoint"),
            always("backup:UpdateRecoveryPointLifecycle"),
            always("backup:UpdateGlobalSettings"),
            action("backup:UpdateRegionSettings", |facts| !region_settings(facts)),
            action("backup:PutBackupVaultAccessPolicy", |facts| !facts.vaults.iter().any(|vault| vault.has_policy)),
            action("backup:DeleteBackupVaultAccessPolicy", |facts| !facts.vaults.iter().any(|vault| vault.has_policy)),
            action("backup:PutBackupVaultLockConfiguration", |facts| !facts.vaults.iter().any(|vault| vault.has_lock)),
            action("backup:DeleteBackupVaultLockConfiguration", |facts| {
                !facts.vaults.iter().any(|vault| vault.has_lock)
            }),
        ],
        targets: everything,
    },
    Row {
        sid: "OnceIsWrittenOnce",
        reach: Reach::Guard,
        why: "The record of a command that must be sent once is never overwritten.",
        actions: &[always("ssm:PutParameter")],
        targets: |facts| {
            let once = facts.arn("ssm", &format!("parameter/vssctl/v1/{}/once/*", facts.scope.stack));
            on([once], json!({ "StringEquals": { "ssm:Overwrite": "true" } }))
        },
    },
];
