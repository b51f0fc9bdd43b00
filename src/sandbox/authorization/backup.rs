//! The permissions that AWS Backup's operations need.

use std::collections::BTreeMap;

use serde_json::Value;

use super::needs::{Call, Need, request_tags, resource_tags};
use crate::model::partition::Partition;
use crate::policy::Keys;
use crate::sandbox::account::Region;

/// The permissions that a vault with a customer's key needs: "Access control" in the AWS Backup guide.
const KEY_ACTIONS: [&str; 5] =
    ["kms:CreateGrant", "kms:GenerateDataKey", "kms:Decrypt", "kms:RetireGrant", "kms:DescribeKey"];

pub(super) fn needs(call: &Call<'_>) -> Vec<Need> {
    match call.operation {
        "CreateBackupVault" => create_vault(call),
        "CreateBackupPlan" => {
            let tags = tags(call, "BackupPlanTags");
            let keys = request_tags(Keys::default(), tags.iter().copied());
            with_tags(&tags, call.own(call.arn("backup", "backup-plan:*"), keys))
        }
        "TagResource" | "UntagResource" | "ListTags" => vec![tagging(call)],
        "CreateBackupSelection" => {
            let role = call.input["BackupSelection"]["IamRoleArn"].as_str().unwrap_or_default();
            vec![of_plan(call), Need::pass_role(role, "backup.amazonaws.com")]
        }
        "StartBackupJob" => {
            vec![of_vault(call), Need::pass_role(call.text("IamRoleArn"), "backup.amazonaws.com")]
        }
        "CreateRestoreTestingPlan" => {
            let tags = tags(call, "Tags");
            let keys = request_tags(Keys::default(), tags.iter().copied());
            let name = call.input["RestoreTestingPlan"]["RestoreTestingPlanName"].as_str().unwrap_or_default();
            with_tags(&tags, call.own(call.arn("backup", &format!("restore-testing-plan:{name}-*")), keys))
        }
        "CreateRestoreTestingSelection" | "UpdateRestoreTestingSelection" => {
            let role = call.input["RestoreTestingSelection"]["IamRoleArn"].as_str().unwrap_or_default();
            vec![of_restore_test(call), Need::pass_role(role, "backup.amazonaws.com")]
        }
        "DescribeRecoveryPoint" | "DeleteRecoveryPoint" => vec![of_point(call)],
        _ if call.input.get("RestoreTestingPlanName").is_some() => vec![of_restore_test(call)],
        _ if call.input.get("BackupPlanId").is_some() => vec![of_plan(call)],
        _ if call.input.get("BackupVaultName").is_some() => vec![of_vault(call)],
        _ => vec![call.own("*", Keys::default())],
    }
}

fn region<'a>(call: &Call<'a>) -> Option<&'a Region> {
    call.account.regions.get(call.region)
}

fn tags<'a>(call: &Call<'a>, member: &str) -> Vec<(&'a str, &'a str)> {
    let tags = call.input.get(member).and_then(Value::as_object).into_iter().flatten();
    tags.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default())).collect()
}

/// Adds the tagging action, which tags in a creating call need too.
fn with_tags(tags: &[(&str, &str)], own: Need) -> Vec<Need> {
    let tagging = Need::of("backup:TagResource", own.request.resource.clone(), own.request.keys.clone());
    if tags.is_empty() { vec![own] } else { vec![own, tagging] }
}

fn create_vault(call: &Call<'_>) -> Vec<Need> {
    let tags = tags(call, "BackupVaultTags");
    let arn = call.arn("backup", &format!("backup-vault:{}", call.text("BackupVaultName")));
    let own = call.own(arn, request_tags(Keys::default(), tags.iter().copied()));
    let mut needs = with_tags(&tags, own);
    needs.push(Need::of("backup-storage:MountCapsule", "*", Keys::default()));
    let key = call.text("EncryptionKeyArn");
    if !key.is_empty() {
        let domain = &Partition::of(call.region).dns_suffix;
        let via = Keys::default().with("kms:ViaService", format!("backup.{}.{domain}", call.region));
        needs.extend(KEY_ACTIONS.iter().map(|action| Need::of(action, key, via.clone())));
    }
    needs
}

fn tagging(call: &Call<'_>) -> Need {
    let arn = call.text("ResourceArn");
    let backup = region(call).map(|region| &region.backup);
    let live: Option<&BTreeMap<String, String>> = backup.and_then(|backup| {
        let vault = backup.vaults.values().find(|vault| vault.arn == arn).map(|vault| &vault.tags);
        let test = backup.restore_testing.values().find(|plan| plan.arn == arn).map(|plan| &plan.tags);
        vault.or(test).or_else(|| backup.plans.values().find(|plan| plan.arn == arn).map(|plan| &plan.tags))
    });
    let mut keys = request_tags(resource_tags(Keys::default(), "aws:ResourceTag", live), tags(call, "Tags"));
    let untagged: Vec<String> = call.list("TagKeyList").map(str::to_owned).collect();
    if !untagged.is_empty() {
        keys.set("aws:TagKeys", untagged);
    }
    call.own(arn, keys)
}

fn of_plan(call: &Call<'_>) -> Need {
    let id = call.text("BackupPlanId");
    let live = region(call).and_then(|region| region.backup.plans.get(id));
    let keys = resource_tags(Keys::default(), "aws:ResourceTag", live.map(|plan| &plan.tags));
    call.own(call.arn("backup", &format!("backup-plan:{id}")), keys)
}

fn of_restore_test(call: &Call<'_>) -> Need {
    let name = call.text("RestoreTestingPlanName");
    let live = region(call).and_then(|region| region.backup.restore_testing.get(name));
    let keys = resource_tags(Keys::default(), "aws:ResourceTag", live.map(|plan| &plan.tags));
    let unknown = || call.arn("backup", &format!("restore-testing-plan:{name}-*"));
    call.own(live.map_or_else(unknown, |plan| plan.arn.clone()), keys)
}

fn of_vault(call: &Call<'_>) -> Need {
    let name = call.text("BackupVaultName");
    let live = region(call).and_then(|region| region.backup.vaults.get(name));
    let mut keys = resource_tags(Keys::default(), "aws:ResourceTag", live.map(|vault| &vault.tags));
    if call.operation == "PutBackupVaultLockConfiguration" {
        for member in ["ChangeableForDays", "MinRetentionDays", "MaxRetentionDays"] {
            if let Some(days) = call.input.get(member).and_then(Value::as_i64) {
                keys.set(&format!("backup:{member}"), [days.to_string()]);
            }
        }
    }
    call.own(call.arn("backup", &format!("backup-vault:{name}")), keys)
}

/// Needs a recovery point. One of EC2 is an image, whose ARN names no vault.
fn of_point(call: &Call<'_>) -> Need {
    let arn = call.text("RecoveryPointArn");
    let vault = region(call).and_then(|region| region.backup.vaults.get(call.text("BackupVaultName")));
    let live = vault.and_then(|vault| vault.recovery_points.get(arn));
    call.own(arn, resource_tags(Keys::default(), "aws:ResourceTag", live.map(|point| &point.tags)))
}
