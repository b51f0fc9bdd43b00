//! What is read of region settings beside the fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Unmodelled;

/// All settings of the region, by resource type: an update sends all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SettingsCarried {
    /// Whether AWS Backup protects a type.
    pub resource_type_opt_in_preference: BTreeMap<String, bool>,
    /// Whether AWS Backup manages a type's backups fully.
    pub resource_type_management_preference: BTreeMap<String, bool>,
    /// What vssctl has no name for.
    #[serde(skip_serializing_if = "Unmodelled::is_empty")]
    pub unmodelled: Unmodelled,
}
