//! What is read of a policy beside its fields.

use serde::{Deserialize, Serialize};

use crate::kind::Holder;

/// What is read of a policy beside its fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyCarried {
    /// The ids of its versions, oldest first.
    pub versions: Vec<String>,
    /// Who has it, or has it as permissions boundary.
    #[serde(rename = "Holders")]
    pub holders: Vec<Holder>,
}
