//! What is read of a restore testing plan beside its fields.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::Unmodelled;

/// What an update of the plan, or of one of its selections, has to send again and vssctl has no name for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RestoreTestCarried {
    /// Of the plan.
    #[serde(skip_serializing_if = "Unmodelled::is_empty")]
    pub plan: Unmodelled,
    /// Of its selections, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub selections: BTreeMap<String, Unmodelled>,
}
