//! Reads the members of inputs that several operations share.

use serde_json::Value;

/// Returns a text member of an input, empty when it is absent.
pub(super) fn text<'a>(input: &'a Value, member: &str) -> &'a str {
    input[member].as_str().unwrap_or_default()
}

/// Returns the path for a new role, profile or policy.
pub(super) fn path(input: &Value) -> String {
    input["Path"].as_str().unwrap_or("/").to_owned()
}

/// Tells whether a path is under the path that the request asks for.
pub(super) fn under(input: &Value, path: &str) -> bool {
    input["PathPrefix"].as_str().is_none_or(|prefix| path.starts_with(prefix))
}
