//! How a planned call is read when it is made: AWS's own JSON shape, value by value.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::aws::AwsError;
use crate::model::PlannedCall;

/// The input of a planned call, or a structure in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a>(&'a Value);

impl<'a> Input<'a> {
    pub(crate) fn of(call: &'a PlannedCall) -> Self {
        Self(&call.input)
    }

    fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Reads a text.
    pub(crate) fn text(self, name: &str) -> Option<String> {
        self.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    /// Reads a number.
    pub(crate) fn number(self, name: &str) -> Option<i64> {
        self.get(name).and_then(Value::as_i64)
    }

    /// Reads a number that AWS keeps in 32 bits.
    pub(crate) fn small(self, name: &str) -> Option<i32> {
        self.number(name).and_then(|number| i32::try_from(number).ok())
    }

    /// Reads a truth.
    pub(crate) fn flag(self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    /// Reads a list of texts.
    pub(crate) fn texts(self, name: &str) -> Option<Vec<String>> {
        let items = self.get(name)?.as_array()?;
        Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Reads texts by name.
    pub(crate) fn map(self, name: &str) -> Option<HashMap<String, String>> {
        let entries = self.get(name)?.as_object()?;
        Some(entries.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
    }

    /// Reads truths by name.
    pub(crate) fn flags(self, name: &str) -> Option<HashMap<String, bool>> {
        let entries = self.get(name)?.as_object()?;
        Some(entries.iter().filter_map(|(key, value)| Some((key.clone(), value.as_bool()?))).collect())
    }

    /// Reads lists of texts by name.
    pub(crate) fn lists(self, name: &str) -> Option<HashMap<String, Vec<String>>> {
        let entries = self.get(name)?.as_object()?;
        let list = |value: &Value| {
            value.as_array().map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        };
        Some(entries.iter().filter_map(|(key, value)| Some((key.clone(), list(value)?))).collect())
    }

    /// Reads a structure.
    pub(crate) fn structure(self, name: &str) -> Option<Self> {
        self.get(name).map(Input)
    }

    /// Reads a list of structures.
    pub(crate) fn structures(self, name: &str) -> Option<Vec<Self>> {
        Some(self.get(name)?.as_array()?.iter().map(Input).collect())
    }

    /// Reads AWS's list of `{Key, Value}` as pairs.
    pub(crate) fn tags(self, name: &str) -> Option<Vec<(String, String)>> {
        let tags = self.structures(name)?;
        Some(tags.into_iter().filter_map(|tag| Some((tag.text("Key")?, tag.text("Value")?))).collect())
    }
}

/// Makes the error of a call that its kind does not make, or whose input can't be built.
pub(crate) fn unusable(call: &PlannedCall, why: impl std::fmt::Display) -> AwsError {
    AwsError::rejected(
        call.operation.service(),
        call.operation.name(),
        format!("the planned call can't be made: {why}"),
    )
}

/// Makes the error of an answer that lacks what later calls need.
pub(crate) fn incomplete(call: &PlannedCall, name: &str) -> AwsError {
    AwsError::unsettled(call.operation.service(), call.operation.name(), format!("the answer has no `{name}`"))
}

/// Makes AWS's list of `{Key, Value}`.
pub(crate) fn tag_list<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Value {
    tags.into_iter().map(|(key, value)| serde_json::json!({ "Key": key, "Value": value })).collect()
}

/// Makes a map of texts.
pub(crate) fn tag_map<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Value {
    tags.into_iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect::<Map<_, _>>().into()
}

/// Removes what is null or empty from an input: AWS takes absence for "as it is by default".
pub(crate) fn without_empty(input: Value) -> Value {
    match input {
        Value::Object(entries) => {
            Value::Object(entries.into_iter().filter(|(_, value)| !crate::kind::diff::is_empty(value)).collect())
        }
        other => other,
    }
}
