//! What is read of a vault beside its fields.

use serde::{Deserialize, Serialize};

use crate::model::Unmodelled;

/// What is read of a vault beside its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VaultCarried {
    /// How many recovery points it holds; none where AWS does not say.
    #[serde(skip_serializing)]
    pub number_of_recovery_points: Option<i64>,
    /// What its notifications have, and a call that replaces them has to send again.
    #[serde(skip_serializing_if = "Unmodelled::is_empty")]
    pub notifications: Unmodelled,
    /// The names of members that belong to its lock. No call says how to send them, so that another lock drops them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lock: Vec<String>,
}
