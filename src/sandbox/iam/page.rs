//! Pages of lists: `MaxItems`, `Marker`, `IsTruncated`.

use aws_smithy_types::base64;
use serde_json::{Map, Value, json};

use crate::sandbox::account::ApiError;

/// The number of items that IAM returns by default, and the most that it can be asked for.
const DEFAULT_ITEMS: usize = 100;

/// Cuts one page out of items that are sorted by key, and adds `IsTruncated` and `Marker` to the answer.
///
/// The marker holds the key of the last item on the page, so that items that are added or removed between two pages
/// move no others.
pub(super) fn page<T>(
    answer: &mut Map<String, Value>,
    input: &Value,
    items: impl IntoIterator<Item = (String, T)>,
) -> Result<Vec<T>, ApiError> {
    let limit = input["MaxItems"].as_u64().map_or(DEFAULT_ITEMS, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let after = match input["Marker"].as_str() {
        Some(marker) => Some(position(marker)?),
        None => None,
    };
    let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after)).peekable();
    let mut taken = Vec::new();
    let mut last = None;
    while taken.len() < limit
        && let Some((key, item)) = rest.next()
    {
        taken.push(item);
        last = Some(key);
    }
    let truncated = rest.peek().is_some();
    answer.insert("IsTruncated".to_owned(), json!(truncated));
    if let Some(key) = last.filter(|_| truncated) {
        answer.insert("Marker".to_owned(), json!(base64::encode(key)));
    }
    Ok(taken)
}

fn position(marker: &str) -> Result<String, ApiError> {
    base64::decode(marker)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| ApiError::new(400, "ValidationError", "Invalid Marker."))
}
