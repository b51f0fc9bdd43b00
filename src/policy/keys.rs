//! The condition keys of a request.

use std::collections::BTreeMap;

/// The condition keys of a request, by name in lower case: key names ignore case, the tag key in them included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<String, Vec<String>>);

impl Keys {
    /// Adds a key with one value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, [value.into()]);
        self
    }

    /// Sets a key with all its values.
    pub fn set(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        self.0.insert(name.to_ascii_lowercase(), values.into_iter().collect());
    }

    /// Returns the values of a key; `None` where the request does not have it.
    pub fn get(&self, name: &str) -> Option<&[String]> {
        self.0.get(&name.to_ascii_lowercase()).map(Vec::as_slice)
    }
}
