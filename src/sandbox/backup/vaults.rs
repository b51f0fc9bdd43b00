//! Vaults: their access policy, lock and notifications.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{arn, creator_request_id, invalid, not_found, nothing, paged, required, text};
use super::points::RecoveryPoint;
use super::tags;
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::{kms, made};

const DAY: i64 = 24 * 3_600_000;

/// A backup vault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vault {
    /// The name, which is case-sensitive.
    pub name: String,
    /// The ARN, with the name.
    pub arn: String,
    /// The KMS key.
    pub key: String,
    /// Whether the caller chose the key.
    pub customer_key: bool,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The caller's token.
    pub creator_request_id: Option<String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The access policy, as it was sent.
    pub policy: Option<String>,
    /// The Vault Lock.
    pub lock: Option<Lock>,
    /// The notifications that are sent to a topic.
    pub notifications: Option<Notifications>,
    /// Recovery points by ARN.
    #[serde(default)]
    pub recovery_points: BTreeMap<String, RecoveryPoint>,
}

/// A Vault Lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The retention in days.
    pub min_retention: Option<i64>,
    /// The retention in days.
    pub max_retention: Option<i64>,
    /// The time from which nobody can change the lock, in compliance mode; absent in governance mode.
    pub immutable_from: Option<i64>,
}

/// A notification configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notifications {
    /// The topic's ARN.
    pub topic: String,
    /// The events.
    pub events: Vec<String>,
}

/// The events that a vault can send; the service model names more, which are refused.
const EVENTS: [&str; 13] = [
    "BACKUP_JOB_STARTED",
    "BACKUP_JOB_COMPLETED",
    "COPY_JOB_STARTED",
    "COPY_JOB_SUCCESSFUL",
    "COPY_JOB_FAILED",
    "RESTORE_JOB_STARTED",
    "RESTORE_JOB_COMPLETED",
    "RECOVERY_POINT_MODIFIED",
    "S3_BACKUP_OBJECT_FAILED",
    "S3_RESTORE_OBJECT_FAILED",
    "CONTINUOUS_BACKUP_INTERRUPTED",
    "RECOVERY_POINT_INDEX_COMPLETED",
    "RECOVERY_POINT_INDEXING_FAILED",
];

impl Vault {
    fn is_immutable(&self, now: i64) -> bool {
        self.lock.as_ref().and_then(|lock| lock.immutable_from).is_some_and(|from| from <= now)
    }

    /// Tells whether its lock takes a lifecycle. Without one a backup is kept for ever.
    pub(super) fn takes(&self, lifecycle: &Map<String, Value>) -> bool {
        let Some(lock) = &self.lock else { return true };
        let kept = lifecycle.get("DeleteAfterDays").and_then(Value::as_i64);
        lock.min_retention.is_none_or(|least| kept.is_none_or(|days| days >= least))
            && lock.max_retention.is_none_or(|most| kept.is_some_and(|days| days <= most))
    }

    /// Writes the members that `DescribeBackupVault` and `ListBackupVaults` share.
    fn described(&self) -> Value {
        let mut members = Map::from_iter([
            ("BackupVaultName".to_owned(), json!(self.name)),
            ("BackupVaultArn".to_owned(), json!(self.arn)),
            ("VaultType".to_owned(), json!("BACKUP_VAULT")),
            ("VaultState".to_owned(), json!("AVAILABLE")),
            ("EncryptionKeyArn".to_owned(), json!(self.key)),
            ("CreationDate".to_owned(), made::timestamp(self.created)),
            ("NumberOfRecoveryPoints".to_owned(), json!(self.recovery_points.len())),
            ("Locked".to_owned(), json!(self.lock.is_some())),
        ]);
        if self.customer_key {
            members.insert("EncryptionKeyType".to_owned(), json!("CUSTOMER_MANAGED_KMS_KEY"));
        }
        if let Some(id) = &self.creator_request_id {
            members.insert("CreatorRequestId".to_owned(), json!(id));
        }
        if let Some(lock) = &self.lock {
            let days = [("MinRetentionDays", lock.min_retention), ("MaxRetentionDays", lock.max_retention)];
            members.extend(days.into_iter().filter_map(|(name, days)| Some((name.to_owned(), json!(days?)))));
            if let Some(from) = lock.immutable_from {
                members.insert("LockDate".to_owned(), made::timestamp(from));
            }
        }
        Value::Object(members)
    }
}

fn find<'a>(context: &'a mut Context<'_>, input: &Value) -> Result<&'a mut Vault, ApiError> {
    let name = required(input, "BackupVaultName");
    let vault = context.region_mut().backup.vaults.get_mut(name);
    vault.ok_or_else(|| not_found(format!("Backup vault with name {name} cannot be found")))
}

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let name = required(input, "BackupVaultName").to_owned();
    let tags = tags::read(input.get("BackupVaultTags"))?;
    let creator_request_id = creator_request_id(input)?;
    let customer_key = text(input, "EncryptionKeyArn").map(str::to_owned);
    if let Some(key) = customer_key.as_ref().filter(|key| !is_key(key)) {
        return Err(invalid(format!("Invalid KMS key ARN: {key}")));
    }
    let key = customer_key.clone().unwrap_or_else(|| kms::of_aws(context, "backup"));
    let arn = arn(context, &format!("backup-vault:{name}"));
    let now = context.now;
    let vaults = &mut context.region_mut().backup.vaults;
    if let Some(existing) = vaults.get(&name) {
        // The error names the existing vault, so that a caller can see whether it is its own.
        let error = ApiError::new(400, "AlreadyExistsException", "Backup vault with the same name already exists")
            .with("Arn", &existing.arn);
        return Err(match &existing.creator_request_id {
            Some(id) => error.with("CreatorRequestId", id),
            None => error,
        });
    }
    if vaults.len() >= 300 {
        return Err(ApiError::new(
            400,
            "LimitExceededException",
            "You have reached the maximum number of backup vaults, which is 300.",
        ));
    }
    let vault = Vault {
        name: name.clone(),
        arn: arn.clone(),
        key,
        customer_key: customer_key.is_some(),
        created: now,
        creator_request_id,
        tags,
        policy: None,
        lock: None,
        notifications: None,
        recovery_points: BTreeMap::new(),
    };
    vaults.insert(name.clone(), vault);
    Ok(json!({ "BackupVaultName": name, "BackupVaultArn": arn, "CreationDate": made::timestamp(now) }))
}

fn is_key(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts[..], ["arn", _, "kms", _, _, key] if key.starts_with("key/"))
}

/// Describes a vault. AWS answers a missing one with "access denied" here, although its model has
/// `ResourceNotFoundException`.
pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    match find(context, input) {
        Ok(vault) => Ok(vault.described()),
        Err(_) => Err(ApiError::new(403, "AccessDeniedException", "Insufficient privileges to perform this action.")),
    }
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let plain = text(input, "ByVaultType").is_none_or(|kind| kind == "BACKUP_VAULT");
    let own = input.get("ByShared").and_then(Value::as_bool) != Some(true);
    let vaults = context.region_mut().backup.vaults.values().filter(|_| plain && own);
    let items = vaults.map(|vault| (vault.name.clone(), vault.described())).collect();
    paged(input, "ListBackupVaults", "BackupVaultList", items)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let vault = find(context, input)?;
    if !vault.recovery_points.is_empty() {
        return Err(ApiError::new(
            400,
            "InvalidRequestException",
            "Backup vault cannot be deleted because it contains recovery points.",
        ));
    }
    let name = vault.name.clone();
    context.region_mut().backup.vaults.remove(&name);
    Ok(nothing())
}

pub(super) fn put_policy(context: &mut Context<'_>, input: &Value) -> Answer {
    let vault = find(context, input)?;
    let Some(policy) = text(input, "Policy") else {
        return Err(ApiError::new(400, "MissingParameterValueException", "Policy is required"));
    };
    let statements =
        serde_json::from_str::<Value>(policy).ok().and_then(|document| match document.get("Statement")? {
            Value::Array(statements) => Some(statements.clone()),
            single @ Value::Object(_) => Some(vec![single.clone()]),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        });
    let fits = |statement: &Value| {
        matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny"))
            && (statement.get("Principal").is_some() || statement.get("NotPrincipal").is_some())
            && (statement.get("Action").is_some() || statement.get("NotAction").is_some())
            && (statement.get("Resource").is_some() || statement.get("NotResource").is_some())
    };
    if !statements.is_some_and(|statements| !statements.is_empty() && statements.iter().all(fits)) {
        return Err(invalid("The specified policy cannot be added to the vault due to being malformed"));
    }
    vault.policy = Some(policy.to_owned());
    Ok(nothing())
}

pub(super) fn get_policy(context: &mut Context<'_>, input: &Value) -> Answer {
    let vault = find(context, input)?;
    let policy = vault
        .policy
        .as_ref()
        .ok_or_else(|| not_found(format!("Backup Vault {} has no associated POLICY", vault.arn)))?;
    Ok(json!({ "BackupVaultName": vault.name, "BackupVaultArn": vault.arn, "Policy": policy }))
}

pub(super) fn delete_policy(context: &mut Context<'_>, input: &Value) -> Answer {
    find(context, input)?.policy = None;
    Ok(nothing())
}

/// Locks a vault. Without `ChangeableForDays` the lock is in governance mode and can be changed. With it, the lock is
/// in compliance mode: after that many days of grace nobody can change it.
pub(super) fn put_lock(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let vault = find(context, input)?;
    if vault.is_immutable(now) {
        return Err(ApiError::new(
            400,
            "InvalidRequestException",
            "Vault lock configuration is immutable and cannot be changed",
        ));
    }
    let number = |member: &str| input.get(member).and_then(Value::as_i64);
    let (min, max, changeable) = (number("MinRetentionDays"), number("MaxRetentionDays"), number("ChangeableForDays"));
    if min.is_some_and(|days| days < 1) {
        return Err(invalid("MinRetentionDays must be at least 1"));
    }
    if min.is_some_and(|days| days > 36_500) || max.is_some_and(|days| !(1..=36_500).contains(&days)) {
        return Err(invalid("Retention days must be between 1 and 36500"));
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Err(invalid("MinRetentionDays cannot be greater than MaxRetentionDays"));
    }
    if changeable.is_some_and(|days| !(3..=36_500).contains(&days)) {
        return Err(invalid("ChangeableForDays must be between 3 and 36500"));
    }
    let immutable_from = changeable.map(|days| now + days * DAY);
    vault.lock = Some(Lock { min_retention: min, max_retention: max, immutable_from });
    Ok(nothing())
}

pub(super) fn delete_lock(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let vault = find(context, input)?;
    if vault.is_immutable(now) {
        return Err(ApiError::new(
            400,
            "InvalidRequestException",
            "Vault lock configuration is immutable and cannot be deleted",
        ));
    }
    vault.lock = None;
    Ok(nothing())
}

pub(super) fn put_notifications(context: &mut Context<'_>, input: &Value) -> Answer {
    let account = context.account_id.to_owned();
    let vault = find(context, input)?;
    let topic = required(input, "SNSTopicArn");
    let parts: Vec<&str> = topic.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "sns", _, owner, name] if !name.is_empty() => {
            if owner != account {
                return Err(invalid("The SNS topic must belong to the same account as the backup vault"));
            }
            if name.strip_suffix(".fifo").is_some() {
                return Err(invalid("SNS FIFO topics are not supported"));
            }
        }
        _ => return Err(invalid(format!("Invalid SNS topic ARN: {topic}"))),
    }
    let mut events: Vec<String> = Vec::new();
    for event in
        input.get("BackupVaultEvents").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    {
        if !EVENTS.contains(&event) {
            return Err(invalid(format!(
                "Please select from the following list of notifications {}",
                EVENTS.join(", ")
            )));
        }
        if !events.iter().any(|known| known == event) {
            events.push(event.to_owned());
        }
    }
    if events.is_empty() {
        return Err(invalid("BackupVaultEvents must not be empty"));
    }
    vault.notifications = Some(Notifications { topic: topic.to_owned(), events });
    Ok(nothing())
}

pub(super) fn get_notifications(context: &mut Context<'_>, input: &Value) -> Answer {
    let vault = find(context, input)?;
    let Some(notifications) = &vault.notifications else {
        return Err(not_found(format!("Failed reading notifications from database for Backup vault {}", vault.name)));
    };
    Ok(json!({
        "BackupVaultName": vault.name,
        "BackupVaultArn": vault.arn,
        "SNSTopicArn": notifications.topic,
        "BackupVaultEvents": notifications.events,
    }))
}

pub(super) fn delete_notifications(context: &mut Context<'_>, input: &Value) -> Answer {
    find(context, input)?.notifications = None;
    Ok(nothing())
}
