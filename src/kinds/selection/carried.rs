//! What is read of a selection beside its fields.

use serde::Serialize;

use crate::model::Unmodelled;

/// What is read of a selection beside its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SelectionCarried {
    /// The name of its plan: another plan of that name makes it another selection.
    pub backup_plan_name: String,
    /// What a selection that takes its place has to have as well.
    #[serde(skip_serializing_if = "Unmodelled::is_empty")]
    pub unmodelled: Unmodelled,
}
