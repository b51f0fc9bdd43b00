//! What is read of a role beside its fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kind::Holder;

/// What is read of a role beside its fields. Documents are in canonical form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RoleCarried {
    /// The ARNs of all managed policies that are attached.
    pub attached_managed_policies: Vec<String>,
    /// The names of all inline policies.
    pub role_policy_names: Vec<String>,
    /// The ARNs that `additive` hides from the fields: a role that takes this one's place gets them too.
    pub other_managed_policies: Vec<String>,
    /// The inline policies that `additive` hides from the fields, by name.
    pub other_inline_policies: BTreeMap<String, Value>,
    /// The instance profiles that hold it.
    pub holders: Vec<Holder>,
    /// Somebody has used it.
    #[serde(skip)]
    pub was_used: bool,
}
