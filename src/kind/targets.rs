//! Which instances the targets of an entry mean.

use std::collections::BTreeMap;

use serde_json::Value;

/// Tells whether targets mean an instance with this id and these tags: all keys must fit, one value of each is enough.
pub(crate) fn means(targets: &Value, id: &str, tags: &BTreeMap<String, String>) -> bool {
    let mut targets = targets.as_object().into_iter().flatten().peekable();
    targets.peek().is_some()
        && targets.all(|(key, values)| {
            let holds = |text: &str| values.as_array().into_iter().flatten().any(|value| value == text);
            match key.strip_prefix("tag:") {
                Some(tag) => tags.get(tag).is_some_and(|value| holds(value)),
                None => holds(id),
            }
        })
}
