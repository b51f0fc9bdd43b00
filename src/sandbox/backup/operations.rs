//! The operations of AWS Backup that the sandbox offers, and the function that performs each.

use serde_json::Value;

use super::{copies, jobs, plans, points, restore_testing, selections, settings, tags, vaults};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::wire::model::Model;
use crate::sandbox::wire::validate::validate;

/// The operations offered.
pub(in crate::sandbox) const OPERATIONS: &[&str] = &[
    "CreateBackupPlan",
    "CreateBackupSelection",
    "CreateBackupVault",
    "CreateRestoreTestingPlan",
    "CreateRestoreTestingSelection",
    "DeleteBackupPlan",
    "DeleteBackupSelection",
    "DeleteBackupVault",
    "DeleteBackupVaultAccessPolicy",
    "DeleteBackupVaultLockConfiguration",
    "DeleteBackupVaultNotifications",
    "DeleteRecoveryPoint",
    "DeleteRestoreTestingPlan",
    "DeleteRestoreTestingSelection",
    "DescribeBackupJob",
    "DescribeBackupVault",
    "DescribeCopyJob",
    "DescribeGlobalSettings",
    "DescribeProtectedResource",
    "DescribeRecoveryPoint",
    "DescribeRegionSettings",
    "GetBackupPlan",
    "GetBackupSelection",
    "GetBackupVaultAccessPolicy",
    "GetBackupVaultNotifications",
    "GetRestoreTestingPlan",
    "GetRestoreTestingSelection",
    "GetSupportedResourceTypes",
    "ListBackupJobs",
    "ListBackupPlanVersions",
    "ListBackupPlans",
    "ListBackupSelections",
    "ListBackupVaults",
    "ListCopyJobs",
    "ListProtectedResources",
    "ListRecoveryPointsByBackupVault",
    "ListRecoveryPointsByResource",
    "ListRestoreTestingPlans",
    "ListRestoreTestingSelections",
    "ListTags",
    "PutBackupVaultAccessPolicy",
    "PutBackupVaultLockConfiguration",
    "PutBackupVaultNotifications",
    "StartBackupJob",
    "StopBackupJob",
    "TagResource",
    "UntagResource",
    "UpdateBackupPlan",
    "UpdateRegionSettings",
    "UpdateRestoreTestingPlan",
    "UpdateRestoreTestingSelection",
];

/// Performs one operation.
pub(in crate::sandbox) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    if let Some(model) = Model::of("backup")
        && let Some(shape) = model.operations.get(operation).and_then(|described| described.input.as_deref())
    {
        let mut checked = input.clone();
        // A management account asks in this way for all accounts of its organisation, which the model's own pattern
        // does not allow.
        if input["ByAccountId"] == "*"
            && let Some(members) = checked.as_object_mut()
        {
            members.remove("ByAccountId");
        }
        validate(model, shape, &checked)?;
    }
    match operation {
        "CreateBackupVault" => vaults::create(context, input),
        "DescribeBackupVault" => vaults::describe(context, input),
        "ListBackupVaults" => vaults::list(context, input),
        "DeleteBackupVault" => vaults::delete(context, input),
        "PutBackupVaultAccessPolicy" => vaults::put_policy(context, input),
        "GetBackupVaultAccessPolicy" => vaults::get_policy(context, input),
        "DeleteBackupVaultAccessPolicy" => vaults::delete_policy(context, input),
        "PutBackupVaultLockConfiguration" => vaults::put_lock(context, input),
        "DeleteBackupVaultLockConfiguration" => vaults::delete_lock(context, input),
        "PutBackupVaultNotifications" => vaults::put_notifications(context, input),
        "GetBackupVaultNotifications" => vaults::get_notifications(context, input),
        "DeleteBackupVaultNotifications" => vaults::delete_notifications(context, input),
        "CreateBackupPlan" => plans::create(context, input),
        "GetBackupPlan" => plans::get(context, input),
        "UpdateBackupPlan" => plans::update(context, input),
        "DeleteBackupPlan" => plans::delete(context, input),
        "ListBackupPlans" => plans::list(context, input),
        "ListBackupPlanVersions" => plans::list_versions(context, input),
        "CreateBackupSelection" => selections::create(context, input),
        "GetBackupSelection" => selections::get(context, input),
        "ListBackupSelections" => selections::list(context, input),
        "DeleteBackupSelection" => selections::delete(context, input),
        "TagResource" => tags::tag(context, input),
        "UntagResource" => tags::untag(context, input),
        "ListTags" => tags::list(context, input),
        "DescribeRegionSettings" => Ok(settings::describe(context)),
        "UpdateRegionSettings" => settings::update(context, input),
        "DescribeGlobalSettings" => Ok(settings::global()),
        "GetSupportedResourceTypes" => Ok(settings::supported()),
        "ListProtectedResources" => points::list_protected(context, input),
        "DescribeProtectedResource" => points::describe_protected(context, input),
        "DescribeRecoveryPoint" => points::describe(context, input),
        "ListRecoveryPointsByBackupVault" => points::list_by_vault(context, input),
        "ListRecoveryPointsByResource" => points::list_by_resource(context, input),
        "DeleteRecoveryPoint" => points::delete(context, input),
        "StartBackupJob" => jobs::start(context, input),
        "StopBackupJob" => jobs::stop(context, input),
        "ListBackupJobs" => jobs::list(context, input),
        "DescribeBackupJob" => jobs::describe(context, input),
        "ListCopyJobs" => copies::list(context, input),
        "DescribeCopyJob" => copies::describe(context, input),
        name if restore_testing::OPERATIONS.contains(&name) => restore_testing::handle(context, name, input),
        _ => Err(ApiError::new(
            404,
            "UnknownOperationException",
            format!("AWS Backup has no operation {operation} here"),
        )),
    }
}
