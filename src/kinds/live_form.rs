//! How a live object becomes a normal form: empty values are left out, sets are sorted, policy documents are canonical.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::aws::Tags;
use crate::kind::Fields;

/// Collects the fields of one live resource.
#[derive(Debug, Default)]
pub(crate) struct LiveForm(Fields);

impl LiveForm {
    /// Adds a value unless it is empty.
    pub(crate) fn value(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        let value = value.into();
        if !crate::kind::diff::is_empty(&value) {
            self.0.insert(name.to_owned(), value);
        }
        self
    }

    /// Adds a text unless it is absent or empty.
    pub(crate) fn text(&mut self, name: &str, text: Option<impl Into<String>>) -> &mut Self {
        self.value(name, text.map_or(Value::Null, |text| Value::String(text.into())))
    }

    /// Adds a set unless it is empty.
    pub(crate) fn set(&mut self, name: &str, items: impl IntoIterator<Item = impl Into<String>>) -> &mut Self {
        self.value(name, set(items))
    }

    /// Adds tags, without those of AWS (`aws:...`), which nobody can change.
    pub(crate) fn tags(&mut self, tags: &Tags) -> &mut Self {
        let ours = tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
        self.value("tags", ours.map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect::<Map<_, _>>())
    }

    /// Ends the form.
    pub(crate) fn fields(&mut self) -> Fields {
        std::mem::take(&mut self.0)
    }

    /// Ends the form as a value in another one.
    pub(crate) fn record(&mut self) -> Value {
        Value::Object(self.fields())
    }
}

/// Makes a set: sorted, without repetitions.
pub(crate) fn set(items: impl IntoIterator<Item = impl Into<String>>) -> Value {
    items.into_iter().map(Into::into).collect::<BTreeSet<String>>().into_iter().collect()
}

/// Reads a policy document that AWS returned, URL-encoded or not, in canonical form.
///
/// A document that can't be parsed stays as text, so that it differs from every document that can.
pub(crate) fn document(text: &str) -> Value {
    let decoded = if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
    };
    crate::policy::parse(&decoded).unwrap_or(Value::String(decoded))
}

/// Makes the map of ids, absent ones left out.
pub(crate) fn ids<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> BTreeMap<String, String> {
    pairs.into_iter().filter_map(|(name, id)| id.map(|id| (name.to_owned(), id.to_owned()))).collect()
}

/// Puts names in backquotes.
pub(crate) fn quoted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    names.into_iter().map(|name| format!("`{name}`")).collect()
}
