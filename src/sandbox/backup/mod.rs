//! AWS Backup of one region.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::{Answer, ApiError, Context, Region, Tagged};

/// What AWS Backup remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Backup {}

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &[];

/// Performs one operation.
pub(super) fn handle(_context: &mut Context<'_>, operation: &str, _input: &Value) -> Answer {
    Err(ApiError::new(400, "UnknownOperationException", format!("{operation} is not offered")))
}

/// Lists what carries tags.
pub(super) fn tagged(_region: &Region) -> Vec<Tagged> {
    Vec::new()
}
