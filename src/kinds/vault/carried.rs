//! What is read of a vault beside its fields.

use serde::{Deserialize, Serialize};

/// What is read of a vault beside its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VaultCarried {
    /// How many recovery points it holds; none where AWS does not say.
    #[serde(skip_serializing)]
    pub number_of_recovery_points: Option<i64>,
}
