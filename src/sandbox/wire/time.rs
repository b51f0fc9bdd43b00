//! Timestamps: they are numbers of seconds inside the sandbox, and have each protocol's own form outside.

use jiff::Timestamp;
use serde_json::{Value, json};

/// Writes seconds since 1970 as IAM does: ISO 8601 in UTC, whole seconds.
pub(super) fn iso8601(seconds: f64) -> String {
    timestamp(seconds).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Writes seconds since 1970 as EC2 does: ISO 8601 in UTC, with milliseconds.
pub(in crate::sandbox) fn iso8601_milliseconds(seconds: f64) -> String {
    timestamp(seconds).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Reads a timestamp of a request, a number of seconds or a text as in RFC 3339, as a number of seconds.
pub(super) fn read(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            if let Ok(seconds) = text.parse::<f64>() {
                return Some(json!(seconds));
            }
            let moment: Timestamp = text.parse().ok()?;
            Some(json!(crate::sandbox::account::seconds(moment.as_millisecond())))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, and the clock's range is checked by jiff")]
fn timestamp(seconds: f64) -> Timestamp {
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap_or(Timestamp::UNIX_EPOCH)
}
