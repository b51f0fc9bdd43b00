//! Reads the members of inputs, and makes the pages and refusals that several operations share.

use serde_json::{Map, Value};

use crate::sandbox::account::{Answer, ApiError};
use crate::sandbox::made;

pub(super) fn refusal(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(400, code, message)
}

pub(super) fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str)
}

/// Returns a member that the model requires; the input has been checked against it.
pub(super) fn required<'a>(input: &'a Value, member: &str) -> &'a str {
    text(input, member).unwrap_or_default()
}

pub(super) fn flag(input: &Value, member: &str) -> bool {
    input.get(member).and_then(Value::as_bool).unwrap_or_default()
}

pub(super) fn items<'a>(input: &'a Value, member: &str) -> &'a [Value] {
    input.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn texts(input: &Value, member: &str) -> Vec<String> {
    items(input, member).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Cuts a list into pages. The token belongs to the operation and its filters.
pub(super) fn paged(operation: &str, input: &Value, member: &str, size: usize, items: Vec<(String, Value)>) -> Answer {
    let size =
        input.get("MaxResults").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok()).unwrap_or(size);
    let page = made::page(&made::list_name(operation, input), items, size, text(input, "NextToken"));
    let page = page.ok_or_else(|| refusal("InvalidNextToken", "The specified token is not valid."))?;
    let mut answer = Map::from_iter([(member.to_owned(), Value::Array(page.items))]);
    if let Some(next) = page.next {
        answer.insert("NextToken".to_owned(), Value::from(next));
    }
    Ok(Value::Object(answer))
}

/// Reads the time of a filter as milliseconds since 1970.
pub(super) fn moment(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}
