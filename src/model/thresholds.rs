//! How much one run may delete without being told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much one run may delete without being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The number of resources.
    pub max_deletions: u32,
    /// The share of the stack, in percent.
    pub max_deletion_percent: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { max_deletions: 3, max_deletion_percent: 30 }
    }
}
