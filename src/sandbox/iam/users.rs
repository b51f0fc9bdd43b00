//! The only user, who signs the requests of an account. There are no others.

use serde_json::{Value, json};

use super::errors::no_such_entity;
use super::input::text;
use crate::sandbox::account::{Answer, Context, seconds};
use crate::sandbox::sts;

/// When the user was made: before all that an account of the sandbox has.
const CREATED: i64 = 1_735_689_600_000;

/// Describes the user. Without a name, the one who asks.
pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let name = text(input, "UserName");
    if !name.is_empty() && name != sts::USER {
        return Err(no_such_entity(format!("The user with name {name} cannot be found.")));
    }
    Ok(json!({"User": {
        "Path": "/",
        "UserName": sts::USER,
        "UserId": sts::user_id(context.account_id),
        "Arn": sts::caller_arn(context.partition, context.account_id),
        "CreateDate": seconds(CREATED),
    }}))
}
