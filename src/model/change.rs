//! What a plan does to a resource, and how a field differs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a plan does to one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Live is as the file says.
    NoOp,
    /// Makes it.
    Create,
    /// Takes over a live thing that had no owner; fields may change as well.
    Adopt,
    /// Changes it in place.
    Update,
    /// Makes a new one in place of the old one.
    Replace,
    /// Deletes it.
    Delete,
    /// It could not be read: nothing is done to it.
    Unknown,
    /// It is somebody else's, protected, or needs something that is: nothing is done to it.
    Refused,
}

/// How one field differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// The path in the entry, such as `rule.nightly.schedule` or `tags.team`.
    pub path: String,
    /// How it is shown.
    pub display: Display,
    /// The live value; null where there is none.
    pub before: Value,
    /// The desired value; null where it goes away.
    pub after: Value,
    /// The change can't be made in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
}

/// How the two sides of a field change read best.
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
