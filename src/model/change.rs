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

/// Where a difference comes from: the change of the file under review, or AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The file differs from its base, and what is live is as the base says.
    Change,
    /// The file says what its base says, and what is live differs.
    Drift,
    /// The file, its base and what is live differ from one another.
    Both,
    /// The file differs from its base and is now as what is live.
    AcceptsDrift,
}

impl Cause {
    /// Returns it in the words of a reviewer.
    pub fn words(self) -> &'static str {
        match self {
            Self::Change => "this change",
            Self::Drift => "drift",
            Self::Both => "this change and drift",
            Self::AcceptsDrift => "this change settles drift",
        }
    }

    /// Tells whether the file's change has a part in it.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Change | Self::Both | Self::AcceptsDrift)
    }

    /// Tells whether what is live differed from the base.
    pub fn is_drift(self) -> bool {
        matches!(self, Self::Drift | Self::Both | Self::AcceptsDrift)
    }
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
    /// Where the difference comes from, where the file was held against its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
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
