//! What the file says about an IAM role, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::kind::Fields;
use crate::kind::form::{Form, map};
use crate::kind::values::{Allowance, DocumentSource, ProfileChoice, TextOrNumber, common};

/// An IAM role.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoleSpec {
    /// The role's name in AWS; the table key unless said. Unique in the account, case ignored.
    pub name: Option<String>,
    /// Fills in trust, managed policies and the instance profile; what the entry itself says goes before it.
    pub preset: Option<Preset>,
    /// Such as `/service/`; cannot be changed later. `[stack] iam_path` unless said.
    pub path: Option<String>,
    /// At most 1,000 characters.
    pub description: Option<String>,
    /// Who may assume the role.
    pub trust: Option<DocumentSource>,
    /// The longest session, from `"1h"` to `"12h"`, or in seconds.
    pub max_session_duration: Option<TextOrNumber>,
    /// The managed policy that bounds the role: a `policy` of this file, an ARN, or the name of an AWS managed policy.
    /// `""` removes it.
    pub permissions_boundary: Option<String>,
    /// Managed policies: names of `policy` entries of this file, names of AWS managed policies, or ARNs.
    pub managed_policies: Option<Vec<String>>,
    /// Inline policies by name.
    pub inline_policies: Option<BTreeMap<String, DocumentSource>>,
    /// `exclusive` (the default): a declared list of policies is the whole list. `additive`: others stay.
    pub policies_mode: Option<PoliciesMode>,
    /// Whether the role has an instance profile, and which.
    pub instance_profile: Option<ProfileChoice>,
    /// Lints of the entry's documents that are meant, each with the reason.
    pub allow: Option<Vec<Allowance>>,
    /// Tags, added to `[tags]`.
    pub tags: Option<BTreeMap<String, String>>,
    /// Takes over a live role of the same name that has no owner.
    pub adopt: Option<bool>,
    /// Never deletes or replaces it.
    pub protect: Option<bool>,
    /// The table key that this entry had before; the AWS name stays the one that it gave, unless `name` says another.
    pub renamed_from: Option<String>,
}

common!(RoleSpec);

/// What a role is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// For instances: trust `ec2.amazonaws.com`, `AmazonSSMManagedInstanceCore` and `AWSEC2VssSnapshotPolicy`, an
    /// instance profile of the same name.
    VssInstance,
    /// As `vss-instance`, with AWS's documented smaller policy as an inline document: enough for AWS Backup and AMIs,
    /// not for loose snapshots.
    VssInstanceBackupOnly,
    /// For AWS Backup: trust `backup.amazonaws.com` and the two AWS managed service-role policies.
    BackupService,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::VssInstance, Self::VssInstanceBackupOnly, Self::BackupService];

    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::VssInstance => "vss-instance",
            Self::VssInstanceBackupOnly => "vss-instance-backup-only",
            Self::BackupService => "backup-service",
        }
    }
}

/// Whether a declared list of policies is the whole list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoliciesMode {
    /// It is: policies that the file does not name are removed.
    #[default]
    Exclusive,
    /// It is not: others stay.
    Additive,
}

impl PoliciesMode {
    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Additive => "additive",
        }
    }
}

/// A role with presets, references and documents in place; absent fields are not declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedRole {
    /// As declared.
    pub path: Option<String>,
    /// As declared.
    pub description: Option<String>,
    /// In canonical form.
    pub trust: Option<Value>,
    /// In canonical form.
    pub max_session_duration: Option<String>,
    /// An ARN, or `""` for none.
    pub permissions_boundary: Option<String>,
    /// ARNs.
    pub managed_policies: Option<Vec<String>>,
    /// In canonical form, by name.
    pub inline_policies: Option<BTreeMap<String, Value>>,
    /// `[tags]` and the entry's own.
    pub tags: Option<BTreeMap<String, String>>,
}

impl ResolvedRole {
    /// Returns the normal form.
    pub fn normal_form(self) -> Fields {
        Form::default()
            .text("path", self.path)
            .text("description", self.description)
            .value("trust", self.trust)
            .text("max_session_duration", self.max_session_duration)
            .text("permissions_boundary", self.permissions_boundary)
            .set("managed_policies", self.managed_policies)
            .value("inline_policies", self.inline_policies.map(map))
            .texts("tags", self.tags.as_ref())
            .fields()
    }
}
