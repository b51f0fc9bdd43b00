//! Members of inputs that several operations read alike.

use serde_json::Value;

/// A text member of an input, empty when it is not there.
pub(super) fn text<'a>(input: &'a Value, member: &str) -> &'a str {
    input[member].as_str().unwrap_or_default()
}

/// The path of something new.
pub(super) fn path(input: &Value) -> String {
    input["Path"].as_str().unwrap_or("/").to_owned()
}

/// Tells whether something is under the asked for path.
pub(super) fn under(input: &Value, path: &str) -> bool {
    input["PathPrefix"].as_str().is_none_or(|prefix| path.starts_with(prefix))
}
