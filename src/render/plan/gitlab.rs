//! The counts that GitLab's merge request widget shows: a report of type `terraform`.
//!
//! Exactly three members, as GitLab's parser wants them. A replacement counts as created and as deleted.

use serde_json::{Value, json};

use super::tfplan;
use crate::plan::file::SavedPlan;

/// Counts what Terraform's resources of a plan come to.
pub fn counts(saved: &SavedPlan) -> Value {
    let plan = tfplan::plan(saved);
    let changes = plan["resource_changes"].as_array().cloned().unwrap_or_default();
    let actions: Vec<&str> = changes
        .iter()
        .flat_map(|change| change["change"]["actions"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let count = |word: &str| actions.iter().filter(|action| **action == word).count();
    json!({ "create": count("create"), "update": count("update"), "delete": count("delete") })
}
