//! What is read of a plan beside its fields.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The whole plan as AWS has it, in the shape of its requests: an update sends all of it, and what the file does not
/// model survives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanCarried(pub Value);
