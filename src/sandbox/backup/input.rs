//! Reads the members of inputs, and makes the pages, ARNs and refusals that several operations share.

use serde_json::{Map, Value, json};

use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::made;

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidParameterValueException", message)
}

pub(super) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ResourceNotFoundException", message)
}

pub(super) fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str)
}

/// Returns a member that the model requires; the input has been checked against it.
pub(super) fn required<'a>(input: &'a Value, member: &str) -> &'a str {
    text(input, member).unwrap_or_default()
}

/// Reads the token of a caller: 1 to 50 letters, digits and `-_.`.
pub(super) fn creator_request_id(input: &Value) -> Result<Option<String>, ApiError> {
    let Some(id) = text(input, "CreatorRequestId") else { return Ok(None) };
    let fits =
        (1..=50).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits {
        Ok(Some(id.to_owned()))
    } else {
        Err(invalid("CreatorRequestId must contain 1 to 50 alphanumeric or '-_.' characters."))
    }
}

/// Cuts a list into pages of at most 1000.
pub(super) fn paged(input: &Value, list: &str, member: &str, items: Vec<(String, Value)>) -> Answer {
    let size =
        input.get("MaxResults").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok()).unwrap_or(1000);
    let page = made::page(list, items, size, text(input, "NextToken"))
        .ok_or_else(|| invalid("Invalid token provided for pagination"))?;
    let mut answer = Map::from_iter([(member.to_owned(), Value::Array(page.items))]);
    if let Some(next) = page.next {
        answer.insert("NextToken".to_owned(), Value::from(next));
    }
    Ok(Value::Object(answer))
}

pub(super) fn arn(context: &Context<'_>, rest: &str) -> String {
    format!("arn:{}:backup:{}:{}:{rest}", context.partition, context.region, context.account_id)
}

pub(super) fn nothing() -> Value {
    json!({})
}
