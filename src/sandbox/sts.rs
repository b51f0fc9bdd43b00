//! Security Token Service: says who is calling.

use serde_json::{Value, json};

use super::account::{Answer, Context};

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &["GetCallerIdentity"];

/// The name of the only user, who signs the requests of an account.
pub(super) const USER: &str = "sandbox";

/// Performs one operation.
#[expect(clippy::unnecessary_wraps, reason = "every service has this signature")]
pub(super) fn handle(context: &mut Context<'_>, operation: &str, _input: &Value) -> Answer {
    debug_assert_eq!(operation, "GetCallerIdentity");
    Ok(json!({
        "UserId": user_id(context.account_id),
        "Account": context.account_id,
        "Arn": caller_arn(context.partition, context.account_id),
    }))
}

/// Returns the id of the user who signs the requests of an account.
pub(super) fn user_id(account_id: &str) -> String {
    format!("AIDASANDBOX{:0>10}", &account_id[2..])
}

/// Returns the ARN of the user who signs the requests of an account.
pub(super) fn caller_arn(partition: &str, account_id: &str) -> String {
    format!("arn:{partition}:iam::{account_id}:user/{USER}")
}
