//! Identity and Access Management of one account.

mod model;
mod page;

use serde_json::Value;

use super::account::{Account, Answer, ApiError, Context, Tagged};
pub use model::{Iam, InstanceProfile, Policy, PolicyVersion, Role};

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &[];

/// Performs one operation.
pub(super) fn handle(_context: &mut Context<'_>, operation: &str, _input: &Value) -> Answer {
    Err(ApiError::new(400, "InvalidAction", format!("Could not find operation {operation} for version 2010-05-08")))
}

/// Lists what carries tags and is listed by the Tagging API: instance profiles and customer managed policies.
pub(super) fn tagged(account: &Account) -> Vec<Tagged> {
    let iam = &account.iam;
    let profiles = iam.profiles.values().map(|profile| Tagged {
        arn: profile.arn.clone(),
        resource_type: "iam:instance-profile".to_owned(),
        tags: profile.tags.clone(),
    });
    let policies = iam.policies.values().map(|policy| Tagged {
        arn: policy.arn.clone(),
        resource_type: "iam:policy".to_owned(),
        tags: policy.tags.clone(),
    });
    profiles.chain(policies).collect()
}
