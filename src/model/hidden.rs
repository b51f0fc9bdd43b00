//! Values that nobody is shown: neither plans, nor saved plans, nor logs have them. The hash of a value stands in its
//! place, so that two of them can be compared; the value itself goes from the file into the request.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::hash::sha256_hex;

/// What people see in the place of a hidden value.
pub const SHOWN: &str = "(hidden)";
/// What people see in the place of a hidden value that takes the place of another one.
pub const SHOWN_CHANGED: &str = "(hidden, changed)";

/// The member of a planned call that stands for a hidden value.
const HIDDEN: &str = "$hidden";

/// Hidden values by their hash. They are never written, not even by `{:?}`.
#[derive(Clone, Default)]
pub struct Hidden(BTreeMap<String, Value>);

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Hidden").field(&self.0.len()).finish()
    }
}

impl Hidden {
    /// Keeps a value, and returns the hash that stands in its place.
    pub fn keep(&mut self, value: Value) -> String {
        let hash = hash(&value);
        self.0.insert(hash.clone(), value);
        hash
    }

    /// Puts the values into an input, in place of their placeholders.
    ///
    /// # Errors
    /// The hash of a value that is not known here.
    pub fn reveal(&self, input: &Value) -> Result<Value, String> {
        match input {
            Value::Object(entries) => {
                if let Some(hash) = entries.get(HIDDEN).and_then(Value::as_str) {
                    return self.0.get(hash).cloned().ok_or_else(|| hash.to_owned());
                }
                let revealed = entries.iter().map(|(key, value)| Ok((key.clone(), self.reveal(value)?)));
                revealed.collect::<Result<serde_json::Map<_, _>, _>>().map(Value::from)
            }
            Value::Array(items) => {
                items.iter().map(|item| self.reveal(item)).collect::<Result<Vec<_>, _>>().map(Value::from)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(input.clone()),
        }
    }
}

/// Returns the hash of a value: `sha256:` and the hash of its JSON, whose keys are sorted.
pub fn hash(value: &Value) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    format!("sha256:{}", sha256_hex(sorted.to_string().as_bytes()))
}

/// Makes the placeholder that stands for the value of a hash in a planned call: `{"$hidden": "sha256:..."}`.
pub fn placeholder(hash: &str) -> Value {
    json!({ HIDDEN: hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_value_comes_back_from_its_hash_and_is_never_printed() {
        let mut hidden = Hidden::default();
        let hash = hidden.keep(json!({ "b": "secret", "a": "1" }));
        assert_eq!(hash, super::hash(&json!({ "a": "1", "b": "secret" })));
        let input = json!({ "list": [{ "Overrides": placeholder(&hash) }], "Name": "x" });
        let revealed = hidden.reveal(&input).expect("it is known");
        assert_eq!(revealed, json!({ "list": [{ "Overrides": { "a": "1", "b": "secret" } }], "Name": "x" }));
        assert!(!format!("{hidden:?}{input}").contains("secret"));
        assert_eq!(Hidden::default().reveal(&input), Err(hash));
    }
}
