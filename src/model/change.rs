//! What a plan does to a resource, and how a field differs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a plan does to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The live resource is as the file says.
    NoOp,
    /// Creates the resource.
    Create,
    /// Takes over a live resource that had no owner; fields may change as well.
    Adopt,
    /// Changes the resource in place.
    Update,
    /// Creates a new resource that replaces the old one.
    Replace,
    /// Deletes the resource.
    Delete,
    /// The resource could not be read: nothing is done to it.
    Unknown,
    /// The resource belongs to another owner, is protected, or needs one that is: nothing is done to it.
    Refused,
}

/// How one field differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// The path in the entry, such as `rule.nightly.schedule` or `tags.team`.
    pub path: String,
    /// How the difference is shown.
    pub display: Display,
    /// The live value; null where there is none.
    pub before: Value,
    /// The desired value; null where it goes away.
    pub after: Value,
    /// The change can't be made in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
}

/// How the two sides of a field change are best shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Display {
    /// `old -> new`.
    Value,
    /// Elements added and removed.
    Set,
    /// A text diff of canonical JSON.
    Document,
}
