//! Recovery points, and the resources that have them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{invalid, not_found, nothing, paged, required, text};
use super::jobs::Origin;
use super::{Backup, Vault};
use crate::sandbox::account::{Answer, ApiError, Context, Region, seconds};
use crate::sandbox::made;

const DAY: i64 = 24 * 3_600_000;
/// How often expired recovery points are looked for.
const SWEEP: i64 = 3_600_000;

/// A backup in a vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// The image's ARN.
    pub arn: String,
    /// The ARN of what was backed up.
    pub resource: String,
    /// The ARN of the backup role.
    pub role: String,
    /// The job that made it.
    pub job: String,
    /// When it was begun. All times are in milliseconds since 1970.
    pub created: i64,
    /// When the job is over.
    pub completed: i64,
    /// The lifecycle as it was asked for.
    pub lifecycle: Map<String, Value>,
    /// The rule that made it; absent on demand.
    pub origin: Option<Origin>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The size of the instance's volumes.
    pub bytes: i64,
}

impl RecoveryPoint {
    /// When it is deleted.
    fn deletes(&self) -> Option<i64> {
        self.lifecycle.get("DeleteAfterDays").and_then(Value::as_i64).map(|days| self.created + days * DAY)
    }

    fn is_over(&self, now: i64) -> bool {
        self.deletes().is_some_and(|at| at <= now)
    }

    /// Writes the members that its description and the list of a vault share.
    fn described(&self, vault: &Vault, region: &Region, now: i64) -> Map<String, Value> {
        let made = now >= self.completed;
        let mut members = Map::from_iter(
            [
                ("RecoveryPointArn", json!(self.arn)),
                ("BackupVaultName", json!(vault.name)),
                ("BackupVaultArn", json!(vault.arn)),
                ("ResourceArn", json!(self.resource)),
                ("ResourceType", json!("EC2")),
                ("IamRoleArn", json!(self.role)),
                ("Status", json!(if made { "COMPLETED" } else { "CREATING" })),
                ("CreationDate", made::timestamp(self.created)),
                ("InitiationDate", made::timestamp(self.created)),
                ("BackupSizeInBytes", json!(self.bytes)),
                ("IsEncrypted", json!(false)),
                ("IsParent", json!(false)),
                ("VaultType", json!("BACKUP_VAULT")),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
        if made {
            add("CompletionDate", made::timestamp(self.completed));
        }
        if let Some(name) = region.fleet.name_of(&self.resource) {
            add("ResourceName", json!(name));
        }
        if !self.lifecycle.is_empty() {
            add("Lifecycle", json!(self.lifecycle));
        }
        if let Some(at) = self.deletes() {
            add("CalculatedLifecycle", json!({ "DeleteAt": made::timestamp(at) }));
        }
        if let Some(origin) = &self.origin {
            add("CreatedBy", origin.described(&region.backup));
        }
        members
    }
}

/// Removes expired recovery points from time to time; tells whether there were any.
pub(super) fn sweep(region: &mut Region, now: i64) -> bool {
    // In a region without backups, looking leaves no trace.
    let has_points = || region.backup.vaults.values().any(|vault| !vault.recovery_points.is_empty());
    (!region.backup.busy.is_empty() || has_points())
        && now >= region.backup.swept.saturating_add(SWEEP)
        && expire(region, now)
}

/// Removes expired recovery points; tells whether there were any.
pub(super) fn expire(region: &mut Region, now: i64) -> bool {
    region.backup.swept = now;
    let mut over = Vec::new();
    for vault in region.backup.vaults.values() {
        let old = vault.recovery_points.values().filter(|point| point.is_over(now));
        over.extend(old.map(|point| (vault.name.clone(), point.arn.clone())));
    }
    for (vault, arn) in &over {
        region.forget(vault, arn);
    }
    !over.is_empty()
}

fn vault<'a>(backup: &'a Backup, input: &Value) -> Result<&'a Vault, ApiError> {
    let name = required(input, "BackupVaultName");
    backup.vaults.get(name).ok_or_else(|| not_found(format!("Backup vault with name {name} cannot be found")))
}

fn missing(arn: &str) -> ApiError {
    not_found(format!("Cannot find recovery point {arn}"))
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let region = context.region_mut();
    let vault = vault(&region.backup, input)?;
    let arn = required(input, "RecoveryPointArn");
    let point = vault.recovery_points.get(arn).ok_or_else(|| missing(arn))?;
    let mut members = point.described(vault, region, now);
    members.insert("StorageClass".to_owned(), json!("WARM"));
    Ok(Value::Object(members))
}

/// Deletes a recovery point; a vault lock protects those of its range.
pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let region = context.region_mut();
    let vault = vault(&region.backup, input)?;
    let arn = required(input, "RecoveryPointArn");
    if !vault.recovery_points.contains_key(arn) {
        return Err(missing(arn));
    }
    if vault.lock.is_some() {
        return Err(ApiError::new(
            400,
            "InvalidRequestException",
            "Recovery points in a locked backup vault cannot be deleted manually",
        ));
    }
    let name = vault.name.clone();
    region.forget(&name, arn);
    Ok(nothing())
}

/// Describes one page of a sorted list of recovery points.
fn page(input: &Value, list: &str, points: Vec<(&str, Value)>) -> Answer {
    let items = points.into_iter().map(|(arn, item)| (arn.to_owned(), item)).collect();
    paged(input, &made::list_name(list, input), "RecoveryPoints", items)
}

/// Lists the recovery points of a vault, newest first.
pub(super) fn list_by_vault(context: &mut Context<'_>, input: &Value) -> Answer {
    let (now, account) = (context.now, context.account_id);
    let region = context.region_mut();
    let vault = vault(&region.backup, input)?;
    let is = |filter: &str, value: Option<&str>| text(input, filter).is_none_or(|wanted| value == Some(wanted));
    let limit = |filter: &str| input.get(filter).and_then(Value::as_f64);
    let mut points: Vec<&RecoveryPoint> = vault
        .recovery_points
        .values()
        .filter(|point| {
            is("BackupVaultAccountId", Some(account))
                && is("ByResourceArn", Some(&point.resource))
                && is("ByResourceType", Some("EC2"))
                && is("ByBackupPlanId", point.origin.as_ref().map(|origin| origin.plan.as_str()))
                && is("ByParentRecoveryPointArn", None)
                && limit("ByCreatedAfter").is_none_or(|from| seconds(point.created) >= from)
                && limit("ByCreatedBefore").is_none_or(|to| seconds(point.created) <= to)
        })
        .collect();
    points.sort_by(|one, other| other.created.cmp(&one.created).then_with(|| one.arn.cmp(&other.arn)));
    let names = points.into_iter().map(|point| (point.arn.as_str(), json!(point.arn))).collect();
    let mut answer = page(input, "ListRecoveryPointsByBackupVault", names)?;
    for item in answer["RecoveryPoints"].as_array_mut().into_iter().flatten() {
        let Some(point) = item.as_str().and_then(|arn| vault.recovery_points.get(arn)) else { continue };
        *item = Value::Object(point.described(vault, region, now));
    }
    Ok(answer)
}

/// Lists the recovery points of a resource, newest first.
pub(super) fn list_by_resource(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let region = context.region_mut();
    let resource = required(input, "ResourceArn");
    if resource.splitn(6, ':').count() < 6 {
        return Err(invalid(format!("Invalid ARN '{resource}'")));
    }
    let mut points: Vec<(&Vault, &RecoveryPoint)> = Vec::new();
    for vault in region.backup.vaults.values() {
        let own = vault.recovery_points.values().filter(|point| point.resource == resource);
        points.extend(own.map(|point| (vault, point)));
    }
    points.sort_by(|(_, one), (_, other)| other.created.cmp(&one.created).then_with(|| one.arn.cmp(&other.arn)));
    let described = |vault: &Vault, point: &RecoveryPoint| {
        let mut members = point.described(vault, region, now);
        let kept =
            ["RecoveryPointArn", "CreationDate", "Status", "BackupVaultName", "IsParent", "ResourceName", "VaultType"];
        members.retain(|name, _| kept.contains(&name.as_str()));
        members.insert("BackupSizeBytes".to_owned(), json!(point.bytes));
        Value::Object(members)
    };
    let items = points.into_iter().map(|(vault, point)| (point.arn.as_str(), described(vault, point))).collect();
    page(input, "ListRecoveryPointsByResource", items)
}

/// Lists the newest recovery point of every resource that has one.
fn protected(region: &Region) -> BTreeMap<&str, (&Vault, &RecoveryPoint)> {
    let mut newest: BTreeMap<&str, (&Vault, &RecoveryPoint)> = BTreeMap::new();
    for vault in region.backup.vaults.values() {
        for point in vault.recovery_points.values() {
            let known = newest.entry(&point.resource).or_insert((vault, point));
            if known.1.created < point.created {
                *known = (vault, point);
            }
        }
    }
    newest
}

fn protected_members(region: &Region, vault: &Vault, point: &RecoveryPoint) -> Value {
    let mut item = json!({
        "ResourceArn": point.resource,
        "ResourceType": "EC2",
        "LastBackupTime": made::timestamp(point.created),
        "LastBackupVaultArn": vault.arn,
        "LastRecoveryPointArn": point.arn,
    });
    if let Some(name) = region.fleet.name_of(&point.resource) {
        item["ResourceName"] = json!(name);
    }
    item
}

pub(super) fn list_protected(context: &mut Context<'_>, input: &Value) -> Answer {
    let region = context.region_mut();
    let items = protected(region)
        .into_iter()
        .map(|(resource, (vault, point))| (resource.to_owned(), protected_members(region, vault, point)))
        .collect();
    paged(input, "ListProtectedResources", "Results", items)
}

pub(super) fn describe_protected(context: &mut Context<'_>, input: &Value) -> Answer {
    let resource = required(input, "ResourceArn");
    let region = context.region_mut();
    let (vault, point) = protected(region)
        .remove(resource)
        .ok_or_else(|| not_found(format!("Resource {resource} has no recovery points")))?;
    Ok(protected_members(region, vault, point))
}
