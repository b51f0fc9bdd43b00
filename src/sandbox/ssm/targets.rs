//! The targets of a command or an association.

use serde_json::Value;

use super::input::{items, refusal, required, texts};
use crate::sandbox::account::ApiError;

/// Reads `Targets`; the model has checked their number and lengths.
pub(super) fn read(input: &Value) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    let mut targets = Vec::new();
    for target in items(input, "Targets") {
        let (key, values) = (required(target, "Key"), texts(target, "Values"));
        let instances = key.eq_ignore_ascii_case("InstanceIds");
        let tag = key.strip_prefix("tag:").is_some_and(|name| !name.is_empty());
        if !(instances
            || tag
            || key == "tag-key"
            || key == "resource-groups:Name"
            || key == "resource-groups:ResourceTypeFilters")
        {
            return Err(refusal("InvalidTarget", format!("Target key {key} is not supported")));
        }
        if values.is_empty() {
            return Err(refusal("InvalidTarget", format!("Target key {key} has no values")));
        }
        if instances && !values.iter().all(|value| value == "*" && values.len() == 1 || is_instance_id(value)) {
            return Err(refusal("InvalidTarget", format!("Target values {} are not instance ids", values.join(", "))));
        }
        targets.push((key.to_owned(), values));
    }
    Ok(targets)
}

pub(super) fn is_instance_id(text: &str) -> bool {
    let fits = |rest: &str, lengths: &[usize]| {
        lengths.contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.strip_prefix("i-").is_some_and(|rest| fits(rest, &[8, 17]))
        || text.strip_prefix("mi-").is_some_and(|rest| fits(rest, &[17]))
}
