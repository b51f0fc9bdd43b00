//! What the file says about a backup vault, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::kind::Fields;
use crate::kind::form::Form;
use crate::kind::values::{Allowance, DocumentSource, common};

/// A backup vault.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VaultSpec {
    /// The vault's name in AWS; the table key unless said.
    pub name: Option<String>,
    /// The ARN of the KMS key; cannot be changed later. AWS's own key unless said. EC2 backups keep the key of their
    /// volumes.
    pub kms_key: Option<String>,
    /// Who may do what with the vault; `{}` removes it.
    pub access_policy: Option<DocumentSource>,
    /// Which events go to an SNS topic; `{}` removes them.
    pub notifications: Option<NotificationsSpec>,
    /// Vault Lock: the range of retentions that the vault accepts.
    pub lock: Option<LockSpec>,
    /// Lints of the entry's documents that are meant, each with the reason.
    pub allow: Option<Vec<Allowance>>,
    /// Tags, added to `[tags]`.
    pub tags: Option<BTreeMap<String, String>>,
    /// Takes over a live vault of the same name that has no owner.
    pub adopt: Option<bool>,
    /// Never deletes or replaces it.
    pub protect: Option<bool>,
    /// The table key that this entry had before; the AWS name stays the one that it gave, unless `name` says another.
    pub renamed_from: Option<String>,
}

common!(VaultSpec);

/// Where a vault's events go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotificationsSpec {
    /// The ARN of a standard SNS topic of the same account and region.
    pub topic: Option<String>,
    /// Such as `BACKUP_JOB_COMPLETED`.
    pub events: Option<Vec<VaultEvent>>,
}

/// The events of a vault that AWS documents for notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "AWS's own words")]
pub enum VaultEvent {
    BackupJobStarted,
    BackupJobCompleted,
    BackupJobSuccessful,
    BackupJobFailed,
    BackupJobExpired,
    RestoreJobStarted,
    RestoreJobCompleted,
    RestoreJobSuccessful,
    RestoreJobFailed,
    CopyJobStarted,
    CopyJobSuccessful,
    CopyJobFailed,
    RecoveryPointModified,
    BackupPlanCreated,
    BackupPlanModified,
    S3BackupObjectFailed,
    S3RestoreObjectFailed,
    ContinuousBackupInterrupted,
    RecoveryPointIndexCompleted,
    RecoveryPointIndexDeleted,
    RecoveryPointIndexingFailed,
}

impl VaultEvent {
    /// Returns AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BackupJobStarted => "BACKUP_JOB_STARTED",
            Self::BackupJobCompleted => "BACKUP_JOB_COMPLETED",
            Self::BackupJobSuccessful => "BACKUP_JOB_SUCCESSFUL",
            Self::BackupJobFailed => "BACKUP_JOB_FAILED",
            Self::BackupJobExpired => "BACKUP_JOB_EXPIRED",
            Self::RestoreJobStarted => "RESTORE_JOB_STARTED",
            Self::RestoreJobCompleted => "RESTORE_JOB_COMPLETED",
            Self::RestoreJobSuccessful => "RESTORE_JOB_SUCCESSFUL",
            Self::RestoreJobFailed => "RESTORE_JOB_FAILED",
            Self::CopyJobStarted => "COPY_JOB_STARTED",
            Self::CopyJobSuccessful => "COPY_JOB_SUCCESSFUL",
            Self::CopyJobFailed => "COPY_JOB_FAILED",
            Self::RecoveryPointModified => "RECOVERY_POINT_MODIFIED",
            Self::BackupPlanCreated => "BACKUP_PLAN_CREATED",
            Self::BackupPlanModified => "BACKUP_PLAN_MODIFIED",
            Self::S3BackupObjectFailed => "S3_BACKUP_OBJECT_FAILED",
            Self::S3RestoreObjectFailed => "S3_RESTORE_OBJECT_FAILED",
            Self::ContinuousBackupInterrupted => "CONTINUOUS_BACKUP_INTERRUPTED",
            Self::RecoveryPointIndexCompleted => "RECOVERY_POINT_INDEX_COMPLETED",
            Self::RecoveryPointIndexDeleted => "RECOVERY_POINT_INDEX_DELETED",
            Self::RecoveryPointIndexingFailed => "RECOVERY_POINT_INDEXING_FAILED",
        }
    }
}

/// AWS Backup Vault Lock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockSpec {
    /// `governance`: whoever has the permission can take it off. `compliance`: nobody can, once the grace time is over.
    /// `none`: takes a governance lock off.
    pub mode: LockMode,
    /// The shortest retention that the vault accepts, such as `"7d"`.
    pub min_retention: Option<String>,
    /// The longest retention that the vault accepts, such as `"365d"`.
    pub max_retention: Option<String>,
    /// With `compliance`: how long the lock can still be changed, from `"3d"`.
    pub changeable_for: Option<String>,
    /// With `compliance`: must be true. After the grace time neither you nor AWS can remove the lock or delete a backup
    /// early.
    pub compliance_lock_is_irreversible: Option<bool>,
}

/// How firm a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// Whoever has the permission can take it off.
    Governance,
    /// Nobody can, once the grace time is over.
    Compliance,
    /// No lock.
    None,
}

/// A lock in canonical durations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedLock {
    /// The mode.
    pub mode: LockMode,
    /// In days, such as `7d`.
    pub min_retention: Option<String>,
    /// In days, such as `365d`.
    pub max_retention: Option<String>,
    /// In days; written, never read back.
    pub changeable_for: Option<String>,
}

/// A vault with its documents in place; absent fields are not declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedVault {
    /// As declared.
    pub kms_key: Option<String>,
    /// In canonical form; an empty object for none.
    pub access_policy: Option<Value>,
    /// As declared.
    pub notifications: Option<NotificationsSpec>,
    /// In canonical durations.
    pub lock: Option<ResolvedLock>,
    /// `[tags]` and the entry's own.
    pub tags: Option<BTreeMap<String, String>>,
}

impl ResolvedVault {
    /// Returns the normal form.
    pub fn normal_form(&self) -> Fields {
        let notifications = self.notifications.as_ref().map(|notifications| {
            let events = notifications.events.as_ref().map(|events| events.iter().map(|event| event.name().to_owned()));
            Form::default().text("topic", notifications.topic.as_deref()).set("events", events).record()
        });
        let lock = self.lock.as_ref().map(|lock| {
            let mode = match lock.mode {
                LockMode::None => return Form::default().record(),
                LockMode::Governance => "governance",
                LockMode::Compliance => "compliance",
            };
            Form::default()
                .text("mode", Some(mode))
                .text("min_retention", lock.min_retention.as_deref())
                .text("max_retention", lock.max_retention.as_deref())
                .record()
        });
        Form::default()
            .text("kms_key", self.kms_key.as_deref())
            .value("access_policy", self.access_policy.as_ref().map(crate::policy::of_resource))
            .value("notifications", notifications)
            .value("lock", lock)
            .texts("tags", self.tags.as_ref())
            .fields()
    }

    /// Returns what steers vssctl and lives on no AWS object.
    pub fn options(&self) -> Fields {
        let changeable_for = self.lock.as_ref().and_then(|lock| lock.changeable_for.as_deref());
        Form::default().text("changeable_for", changeable_for).fields()
    }
}
