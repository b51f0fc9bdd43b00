//! Builds normal forms: only what is declared goes in, and sets are sorted without repetitions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::kind::Fields;

/// A normal form under construction.
#[derive(Debug, Default)]
pub(crate) struct Form(Fields);

impl Form {
    /// Sets a text, if it is declared.
    pub(crate) fn text(&mut self, name: &str, value: Option<impl Into<String>>) -> &mut Self {
        self.value(name, value.map(|text| Value::String(text.into())))
    }

    /// Sets a truth value, if it is declared.
    pub(crate) fn flag(&mut self, name: &str, value: Option<bool>) -> &mut Self {
        self.value(name, value.map(Value::Bool))
    }

    /// Sets a set of texts, if it is declared.
    pub(crate) fn set(&mut self, name: &str, value: Option<impl IntoIterator<Item = String>>) -> &mut Self {
        self.value(name, value.map(sorted))
    }

    /// Sets texts by name, if they are declared.
    pub(crate) fn texts(&mut self, name: &str, value: Option<&BTreeMap<String, String>>) -> &mut Self {
        self.value(
            name,
            value.map(|texts| texts.iter().map(|(key, text)| (key.clone(), Value::from(text.as_str()))).collect()),
        )
    }

    /// Sets any value, if it is declared.
    pub(crate) fn value(&mut self, name: &str, value: Option<Value>) -> &mut Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
        self
    }

    /// Returns the fields.
    pub(crate) fn fields(&mut self) -> Fields {
        std::mem::take(&mut self.0)
    }

    /// Returns the fields as a record within another form.
    pub(crate) fn record(&mut self) -> Value {
        Value::Object(self.fields())
    }
}

/// Makes a set: a sorted array without repetitions.
pub(crate) fn sorted(values: impl IntoIterator<Item = String>) -> Value {
    let mut values: Vec<String> = values.into_iter().collect();
    values.sort();
    values.dedup();
    Value::from(values)
}

/// Makes a map of values by name.
pub(crate) fn map(values: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(values.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect::<Map<_, _>>())
}
