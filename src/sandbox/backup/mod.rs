//! AWS Backup of one region: vaults, plans, selections, settings, jobs and recovery points.
//!
//! Nothing runs in the background: a job knows when it runs and when it comes to its snapshot, and what it comes to is decided
//! by what is there at that moment, at the first request after it.
//!
//! Written from the AWS Backup developer guide (API reference, quotas, Vault Lock) and the service model.

mod assign;
mod decide;
mod jobs;
mod past;
mod plans;
mod points;
mod rules;
mod scheduled;
mod selections;
mod settings;
mod tags;
mod vaults;
mod vss;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::account::{Answer, ApiError, Context, Region, Tagged};
use super::made;
use super::wire::model::Model;
use super::wire::validate::validate;

pub(super) use decide::settle;
pub use jobs::{Job, Origin, Outcome};
pub(super) use past::{Ended, Past};
pub use plans::{Plan, PlanVersion};
pub use points::RecoveryPoint;
pub(super) use scheduled::run_schedules;
pub use selections::Selection;
pub use vaults::{Lock, Notifications, Vault};

/// What AWS Backup remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Backup {
    /// Vaults by name.
    #[serde(default)]
    pub vaults: BTreeMap<String, Vault>,
    /// Plans by id, deleted ones too.
    #[serde(default)]
    pub plans: BTreeMap<String, Plan>,
    /// The opt-in switches that differ from AWS's defaults.
    #[serde(default)]
    pub opt_in: BTreeMap<String, bool>,
    /// The management switches that differ from AWS's defaults.
    #[serde(default)]
    pub management: BTreeMap<String, bool>,
    /// Backup jobs by id.
    #[serde(default)]
    pub jobs: BTreeMap<String, Job>,
    /// The jobs that nothing is decided about yet: when that is, and the id.
    #[serde(default)]
    pub open: BTreeSet<(i64, String)>,
    /// The end of the last running job of each resource, by ARN.
    #[serde(default)]
    pub busy: BTreeMap<String, i64>,
    /// When recovery points that are over were last looked for.
    #[serde(default)]
    pub swept: i64,
    /// What AWS's documentation leaves open, and a test may ask for.
    #[serde(default)]
    pub strictness: Strictness,
}

/// What AWS's documentation leaves open, in the reading that is harder on clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strictness {
    /// A plan takes one selection of a name.
    pub unique_selection_names: bool,
    /// A token is answered with what it made even when that is deleted.
    pub remembers_tokens: bool,
}

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &[
    "CreateBackupPlan",
    "CreateBackupSelection",
    "CreateBackupVault",
    "DeleteBackupPlan",
    "DeleteBackupSelection",
    "DeleteBackupVault",
    "DeleteBackupVaultAccessPolicy",
    "DeleteBackupVaultLockConfiguration",
    "DeleteBackupVaultNotifications",
    "DeleteRecoveryPoint",
    "DescribeBackupJob",
    "DescribeBackupVault",
    "DescribeGlobalSettings",
    "DescribeProtectedResource",
    "DescribeRecoveryPoint",
    "DescribeRegionSettings",
    "GetBackupPlan",
    "GetBackupSelection",
    "GetBackupVaultAccessPolicy",
    "GetBackupVaultNotifications",
    "GetSupportedResourceTypes",
    "ListBackupJobs",
    "ListBackupPlanVersions",
    "ListBackupPlans",
    "ListBackupSelections",
    "ListBackupVaults",
    "ListProtectedResources",
    "ListRecoveryPointsByBackupVault",
    "ListRecoveryPointsByResource",
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
];

/// Performs one operation.
pub(super) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    if let Some(model) = Model::of("backup")
        && let Some(shape) = model.operations.get(operation).and_then(|described| described.input.as_deref())
    {
        let mut checked = input.clone();
        // A management account asks for all accounts of its organisation so, against the model's own pattern.
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
        _ => Err(ApiError::new(
            404,
            "UnknownOperationException",
            format!("AWS Backup has no operation {operation} here"),
        )),
    }
}

/// Lists what carries tags: vaults and living plans.
pub(super) fn tagged(region: &Region) -> impl Iterator<Item = Tagged<'_>> {
    let vaults = region.backup.vaults.values().map(|vault| (&vault.arn, "backup:backup-vault", &vault.tags));
    let living = region.backup.plans.values().filter(|plan| plan.deleted.is_none());
    let plans = living.map(|plan| (&plan.arn, "backup:backup-plan", &plan.tags));
    vaults.chain(plans).map(|(arn, resource_type, tags)| Tagged { arn, resource_type, tags })
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidParameterValueException", message)
}

fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ResourceNotFoundException", message)
}

fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str)
}

/// A member that the model requires, after the check.
fn required<'a>(input: &'a Value, member: &str) -> &'a str {
    text(input, member).unwrap_or_default()
}

/// The ids that a caller may choose: 1 to 50 letters, digits and `-_.`.
fn creator_request_id(input: &Value) -> Result<Option<String>, ApiError> {
    let Some(id) = text(input, "CreatorRequestId") else { return Ok(None) };
    let fits =
        (1..=50).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits {
        Ok(Some(id.to_owned()))
    } else {
        Err(invalid("CreatorRequestId must contain 1 to 50 alphanumeric or '-_.' characters."))
    }
}

/// Cuts a list into pages of at most 1000.
fn paged(input: &Value, list: &str, member: &str, items: Vec<(String, Value)>) -> Answer {
    let size =
        input.get("MaxResults").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok()).unwrap_or(1000);
    let page = made::page(list, items, size, text(input, "NextToken"))
        .ok_or_else(|| invalid("Invalid token provided for pagination"))?;
    let mut answer = Map::from_iter([(member.to_owned(), Value::Array(page.items))]);
    if let Some(next) = page.next {
        answer.insert("NextToken".to_owned(), Value::from(next));
    }
    Ok(Value::Object(answer))
}

fn arn(context: &Context<'_>, rest: &str) -> String {
    format!("arn:{}:backup:{}:{}:{rest}", context.partition, context.region, context.account_id)
}

fn nothing() -> Value {
    json!({})
}

#[cfg(test)]
mod jobs_tests;
#[cfg(test)]
mod scheduled_tests;
#[cfg(test)]
mod tests;
