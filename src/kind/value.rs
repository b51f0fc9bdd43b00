//! Reads parts of normal forms.

use serde_json::Map;
use serde_json::Value;

use super::Live;

/// Returns an id of a live resource; empty where it has none.
pub(crate) fn id<'a>(live: &'a Live, name: &str) -> &'a str {
    live.ids.get(name).map_or("", String::as_str)
}

/// Returns the texts of a set.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Returns the entries of a map or record.
pub(crate) fn pairs(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Returns a text of a record; empty where it has none.
pub(crate) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Tells whether a value holds a text, or has it as a key.
pub(crate) fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(own) => own == text,
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(members) => members.iter().any(|(key, value)| key == text || holds(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
