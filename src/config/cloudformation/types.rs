//! The resource types that the file has a kind for, and the word of the file for each of their properties. A property
//! that stands here neither in a row nor by hand is named, and left out. Source: the CloudFormation template reference
//! of each type.

use crate::model::KindId;

/// A resource type that is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Role,
    Profile,
    ManagedPolicy,
    /// A policy inside roles that is a resource of its own.
    InlinePolicy,
    /// The same, of one role.
    RolePolicy,
    Association,
    Vault,
    Plan,
    Selection,
    RestoreTest,
    RestoreSelection,
}

/// What a value is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Texts,
    Flag,
    Number,
    /// A whole number of days, such as `35d`.
    Days,
    /// A whole number of minutes.
    Minutes,
    /// A whole number of hours.
    Hours,
    /// A list of `Key` and `Value`, or a map.
    Tags,
}

/// What is lost with a value that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// The entry says something else without it: it does not stand in the file, except as a comment.
    Entry,
    /// The entry holds without it. What a file does not declare stays as it is.
    Line,
}

/// The word of the file for a property.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) property: &'static str,
    pub(super) key: &'static str,
    pub(super) form: Form,
    pub(super) weight: Weight,
}

const fn word(property: &'static str, key: &'static str, form: Form, weight: Weight) -> Word {
    Word { property, key, form, weight }
}

/// One type of the template.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) sort: Sort,
    pub(super) name: &'static str,
    /// The kind of its name: no two resources of a kind have the same.
    pub(super) kind: KindId,
    /// Where its name stands among its properties.
    pub(super) named_by: &'static [&'static str],
}

const fn sort(sort: Sort, name: &'static str, kind: KindId, named_by: &'static [&'static str]) -> Type {
    Type { sort, name, kind, named_by }
}

/// Every type that is taken over.
pub(super) const TYPES: &[Type] = &[
    sort(Sort::Role, "AWS::IAM::Role", KindId::Role, &["RoleName"]),
    sort(Sort::Profile, "AWS::IAM::InstanceProfile", KindId::InstanceProfile, &["InstanceProfileName"]),
    sort(Sort::ManagedPolicy, "AWS::IAM::ManagedPolicy", KindId::Policy, &["ManagedPolicyName"]),
    sort(Sort::InlinePolicy, "AWS::IAM::Policy", KindId::Role, &["PolicyName"]),
    sort(Sort::RolePolicy, "AWS::IAM::RolePolicy", KindId::Role, &["PolicyName"]),
    sort(Sort::Association, "AWS::SSM::Association", KindId::Package, &["AssociationName"]),
    sort(Sort::Vault, "AWS::Backup::BackupVault", KindId::Vault, &["BackupVaultName"]),
    sort(Sort::Plan, "AWS::Backup::BackupPlan", KindId::Plan, &["BackupPlan", "BackupPlanName"]),
    sort(Sort::Selection, "AWS::Backup::BackupSelection", KindId::Selection, &["BackupSelection", "SelectionName"]),
    sort(Sort::RestoreTest, "AWS::Backup::RestoreTestingPlan", KindId::RestoreTest, &["RestoreTestingPlanName"]),
    sort(
        Sort::RestoreSelection,
        "AWS::Backup::RestoreTestingSelection",
        KindId::RestoreTest,
        &["RestoreTestingSelectionName"],
    ),
];

/// Types that make nothing in the account.
pub(super) const NOTHING: &[&str] = &["AWS::CDK::Metadata", "AWS::CloudFormation::WaitConditionHandle"];

impl Type {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|known| known.name == name)
    }
}

impl Sort {
    /// Tells whether a resource becomes an entry of its own, whose name is unique.
    pub(super) const fn is_entry(self) -> bool {
        match self {
            Self::Role
            | Self::Profile
            | Self::ManagedPolicy
            | Self::Association
            | Self::Vault
            | Self::Plan
            | Self::RestoreTest => true,
            Self::InlinePolicy | Self::RolePolicy | Self::Selection | Self::RestoreSelection => false,
        }
    }
}

pub(super) const ROLE: &[Word] = &[
    word("Description", "description", Form::Text, Weight::Line),
    word("MaxSessionDuration", "max_session_duration", Form::Number, Weight::Line),
    word("Tags", "tags", Form::Tags, Weight::Line),
];

pub(super) const PROFILE: &[Word] = &[word("Tags", "tags", Form::Tags, Weight::Line)];

pub(super) const MANAGED_POLICY: &[Word] =
    &[word("Description", "description", Form::Text, Weight::Line), word("Tags", "tags", Form::Tags, Weight::Line)];

pub(super) const ASSOCIATION: &[Word] = &[
    word("ScheduleExpression", "schedule", Form::Text, Weight::Entry),
    word("ApplyOnlyAtCronInterval", "apply_only_at_cron_interval", Form::Flag, Weight::Entry),
    word("ScheduleOffset", "schedule_offset", Form::Number, Weight::Entry),
    word("Duration", "duration", Form::Number, Weight::Entry),
    word("MaxConcurrency", "max_concurrency", Form::Text, Weight::Entry),
    word("MaxErrors", "max_errors", Form::Text, Weight::Entry),
    word("ComplianceSeverity", "compliance_severity", Form::Text, Weight::Line),
    word("SyncCompliance", "sync_compliance", Form::Text, Weight::Line),
    word("CalendarNames", "calendar_names", Form::Texts, Weight::Entry),
    word("Tags", "tags", Form::Tags, Weight::Line),
];

/// Within `OutputLocation` and `S3Location`.
pub(super) const OUTPUT: &[Word] = &[
    word("OutputS3BucketName", "output_s3_bucket", Form::Text, Weight::Line),
    word("OutputS3KeyPrefix", "output_s3_key_prefix", Form::Text, Weight::Line),
    word("OutputS3Region", "output_s3_region", Form::Text, Weight::Line),
];

pub(super) const VAULT: &[Word] = &[
    word("EncryptionKeyArn", "kms_key", Form::Text, Weight::Entry),
    word("BackupVaultTags", "tags", Form::Tags, Weight::Line),
];

/// Within `Notifications`.
pub(super) const NOTIFICATIONS: &[Word] = &[
    word("SNSTopicArn", "topic", Form::Text, Weight::Entry),
    word("BackupVaultEvents", "events", Form::Texts, Weight::Entry),
];

/// Within `LockConfiguration`.
pub(super) const LOCK: &[Word] = &[
    word("MinRetentionDays", "min_retention", Form::Days, Weight::Entry),
    word("MaxRetentionDays", "max_retention", Form::Days, Weight::Entry),
    word("ChangeableForDays", "changeable_for", Form::Days, Weight::Entry),
];

pub(super) const PLAN: &[Word] = &[word("BackupPlanTags", "tags", Form::Tags, Weight::Line)];

/// Within each of `BackupPlanRule`.
pub(super) const RULE: &[Word] = &[
    word("ScheduleExpression", "schedule", Form::Text, Weight::Entry),
    word("ScheduleExpressionTimezone", "timezone", Form::Text, Weight::Entry),
    word("StartWindowMinutes", "start_window", Form::Minutes, Weight::Entry),
    word("CompletionWindowMinutes", "complete_window", Form::Minutes, Weight::Entry),
    word("EnableContinuousBackup", "enable_continuous_backup", Form::Flag, Weight::Entry),
    word(
        "TargetLogicallyAirGappedBackupVaultArn",
        "target_logically_air_gapped_backup_vault_arn",
        Form::Text,
        Weight::Entry,
    ),
    word("RecoveryPointTags", "recovery_point_tags", Form::Tags, Weight::Line),
];

/// Within `Lifecycle`, of a rule and of a copy.
pub(super) const LIFECYCLE: &[Word] = &[
    word("DeleteAfterDays", "delete_after", Form::Days, Weight::Entry),
    word("MoveToColdStorageAfterDays", "move_to_cold_storage_after", Form::Days, Weight::Entry),
    word("OptInToArchiveForSupportedResources", "opt_in_to_archive_for_supported_resources", Form::Flag, Weight::Entry),
];

/// Within `BackupSelection`, into `match`.
pub(super) const SELECTION: &[Word] = &[
    word("Resources", "arns", Form::Texts, Weight::Entry),
    word("NotResources", "not_arns", Form::Texts, Weight::Entry),
];

pub(super) const RESTORE_TEST: &[Word] = &[
    word("ScheduleExpression", "schedule", Form::Text, Weight::Entry),
    word("ScheduleExpressionTimezone", "timezone", Form::Text, Weight::Entry),
    word("StartWindowHours", "start_window", Form::Hours, Weight::Entry),
    word("Tags", "tags", Form::Tags, Weight::Line),
];

/// Within `RecoveryPointSelection`.
pub(super) const POINTS: &[Word] = &[
    word("Algorithm", "algorithm", Form::Text, Weight::Entry),
    word("RecoveryPointTypes", "recovery_point_types", Form::Texts, Weight::Entry),
    word("SelectionWindowDays", "selection_window", Form::Days, Weight::Entry),
];

pub(super) const RESTORE_SELECTION: &[Word] = &[
    word("RestoreMetadataOverrides", "overrides", Form::Tags, Weight::Entry),
    word("ValidationWindowHours", "validation_window", Form::Hours, Weight::Entry),
];
