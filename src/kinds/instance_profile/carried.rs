//! What is read of an instance profile beside its fields.

use serde::{Deserialize, Serialize};

/// What is read of an instance profile beside its fields, where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProfileCarried {
    /// The instances that carry it.
    pub carriers: Vec<Carrier>,
}

/// An instance that carries a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Carrier {
    /// The instance.
    pub instance_id: String,
    /// The association of the two.
    pub association_id: String,
    /// The name of the stack's attachment that put it there; none where nobody's did.
    pub attachment: Option<String>,
}
