//! API calls as data: what a plan spells out, and the members of a call that control how it is executed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::Address;
use super::operation::Operation;

/// The parts of a plan, in their order. Each step also knows what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A resource lets go of another one that is about to be replaced.
    Release,
    /// Resources become what the file says.
    Ensure,
    /// What a changed resource leaves behind is removed, its predecessor included.
    Remove,
    /// Resources are deleted.
    Prune,
}

/// One API call, spelled out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedCall {
    /// The IAM action of the operation, such as `iam:CreateRole`.
    #[serde(rename = "action")]
    pub operation: Operation,
    /// The request in AWS's own shape, as `aws ... --cli-input-json` takes it. A value that only an earlier call's
    /// answer has is written `{"$output": "plan.daily", "name": "BackupPlanId"}`.
    pub input: Value,
}

impl PlannedCall {
    /// Makes a call.
    pub fn new(operation: Operation, input: Value) -> Self {
        Self { operation, input }
    }

    /// Returns the IAM action, such as `iam:CreateRole`.
    pub fn action(&self) -> &'static str {
        self.operation.action()
    }
}

/// Makes the placeholder of a value that the calls of `address` will have returned.
pub fn output(address: &Address, name: &str) -> Value {
    serde_json::json!({ "$output": address.to_string(), "name": name })
}

/// The member of a call that waits: the call is repeated until its answer has this. AWS's waiters do the same.
pub const UNTIL: &str = "$until";

/// The member of the answer to such a call that says what it is still waiting for.
pub const PENDING: &str = "$pending";

/// The member of a look: what the look must find. Ids stand under AWS's names, each with its one value. `Tags` has for
/// each key the list of values that are accepted; `null` in that list accepts that the tag is absent.
pub const EXPECT: &str = "$expect";
