//! How a planned call is read when it is made: AWS's own JSON shape, value by value.
//!
//! A plan can come from a file, and what it spells out is what somebody agreed to. A value of the wrong type is
//! therefore never left out: the call is refused before anything is sent.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::aws::AwsError;
use crate::model::PlannedCall;

/// Lists of texts by name, in which `None` stands for absence.
type Accepted = HashMap<String, Vec<Option<String>>>;

/// The input of a planned call, or a structure in it. Every reader returns `None` for a member that is absent or null,
/// and the error of an unusable call for one of another type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    call: &'a PlannedCall,
    value: &'a Value,
}

impl<'a> Input<'a> {
    pub(crate) fn of(call: &'a PlannedCall) -> Self {
        Self { call, value: &call.input }
    }

    /// Makes the error of a call whose input can't be used.
    pub(crate) fn refuse(self, why: impl std::fmt::Display) -> AwsError {
        unusable(self.call, why)
    }

    fn member(self, name: &str) -> Result<Option<&'a Value>, AwsError> {
        let members = self.value.as_object().ok_or_else(|| self.refuse("its input is no structure"))?;
        Ok(members.get(name).filter(|value| !value.is_null()))
    }

    /// Reads a member with a function that returns `None` for a value of another type. `fault` says what is wrong then.
    fn read<T>(self, name: &str, fault: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, AwsError> {
        let read = |value| read(value).ok_or_else(|| self.refuse(format!("`{name}` {fault}")));
        self.member(name)?.map(read).transpose()
    }

    /// Reads a member without which the request can't be built, with one of the other readers.
    pub(crate) fn required<T>(
        self,
        name: &str,
        read: impl Fn(Self, &str) -> Result<Option<T>, AwsError>,
    ) -> Result<T, AwsError> {
        read(self, name)?.ok_or_else(|| self.refuse(format!("`{name}` is missing")))
    }

    /// Reads a text.
    pub(crate) fn text(self, name: &str) -> Result<Option<String>, AwsError> {
        self.read(name, "is no text", text)
    }

    /// Reads a text that AWS takes from a list of its own.
    pub(crate) fn choice<T: for<'t> From<&'t str>>(self, name: &str) -> Result<Option<T>, AwsError> {
        self.read(name, "is no text", |value| value.as_str().map(T::from))
    }

    /// Reads a whole number.
    pub(crate) fn number(self, name: &str) -> Result<Option<i64>, AwsError> {
        self.read(name, "is no whole number", Value::as_i64)
    }

    /// Reads a whole number that AWS keeps in 32 bits.
    pub(crate) fn small(self, name: &str) -> Result<Option<i32>, AwsError> {
        self.read(name, "is no whole number of 32 bits", |value| {
            value.as_i64().and_then(|number| number.try_into().ok())
        })
    }

    /// Reads a truth value.
    pub(crate) fn flag(self, name: &str) -> Result<Option<bool>, AwsError> {
        self.read(name, "is neither `true` nor `false`", Value::as_bool)
    }

    /// Reads a list of texts.
    pub(crate) fn texts(self, name: &str) -> Result<Option<Vec<String>>, AwsError> {
        self.read(name, "is no list of texts", texts)
    }

    /// Reads a list of texts that AWS takes from a list of its own.
    pub(crate) fn choices<T: for<'t> From<&'t str>>(self, name: &str) -> Result<Option<Vec<T>>, AwsError> {
        let choices = |value: &'a Value| value.as_array()?.iter().map(|item| item.as_str().map(T::from)).collect();
        self.read(name, "is no list of texts", choices)
    }

    /// Reads texts by name.
    pub(crate) fn map(self, name: &str) -> Result<Option<HashMap<String, String>>, AwsError> {
        self.read(name, "is no map of texts", |value| by_name(value, text))
    }

    /// Reads truth values by name.
    pub(crate) fn flags(self, name: &str) -> Result<Option<HashMap<String, bool>>, AwsError> {
        self.read(name, "is no map of `true` and `false`", |value| by_name(value, Value::as_bool))
    }

    /// Reads lists of texts by name.
    pub(crate) fn lists(self, name: &str) -> Result<Option<HashMap<String, Vec<String>>>, AwsError> {
        self.read(name, "is no map of lists of texts", |value| by_name(value, texts))
    }

    /// Reads lists of texts by name, in which null stands for absence.
    pub(crate) fn accepted(self, name: &str) -> Result<Option<Accepted>, AwsError> {
        let item = |item: &Value| if item.is_null() { Some(None) } else { text(item).map(Some) };
        let items = |value: &Value| value.as_array()?.iter().map(item).collect();
        self.read(name, "is no map of lists of texts", |value| by_name(value, items))
    }

    /// Reads a structure.
    pub(crate) fn structure(self, name: &str) -> Result<Option<Self>, AwsError> {
        self.read(name, "is no structure", |value| value.is_object().then_some(Self { call: self.call, value }))
    }

    /// Reads a structure and builds a value of the SDK from it.
    pub(crate) fn built<T>(
        self,
        name: &str,
        build: impl Fn(Self) -> Result<T, AwsError>,
    ) -> Result<Option<T>, AwsError> {
        self.structure(name)?.map(build).transpose()
    }

    /// Reads a list of structures and builds a value of the SDK from each.
    pub(crate) fn all_built<T>(
        self,
        name: &str,
        build: impl Fn(Self) -> Result<T, AwsError>,
    ) -> Result<Option<Vec<T>>, AwsError> {
        let structure = |value: &'a Value| value.is_object().then_some(Self { call: self.call, value });
        let structures = |value: &'a Value| value.as_array()?.iter().map(structure).collect::<Option<Vec<_>>>();
        let structures = self.read(name, "is no list of structures", structures)?;
        structures.map(|structures| structures.into_iter().map(build).collect()).transpose()
    }

    /// Reads AWS's list of `{Key, Value}` as pairs.
    pub(crate) fn tags(self, name: &str) -> Result<Option<Vec<(String, String)>>, AwsError> {
        self.all_built(name, |tag| Ok((tag.required("Key", Self::text)?, tag.required("Value", Self::text)?)))
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

fn by_name<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<HashMap<String, T>> {
    value.as_object()?.iter().map(|(name, value)| Some((name.clone(), read(value)?))).collect()
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

/// Removes what is null or empty from an input: AWS applies its default to a member that is absent.
pub(crate) fn without_empty(input: Value) -> Value {
    match input {
        Value::Object(entries) => {
            Value::Object(entries.into_iter().filter(|(_, value)| !crate::kind::diff::is_empty(value)).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Operation;
    use serde_json::json;

    /// Makes an input that lasts as long as the test.
    fn input(value: Value) -> Input<'static> {
        Input::of(Box::leak(Box::new(PlannedCall::new(Operation::CreateRole, value))))
    }

    /// Asserts that a reader takes a value, and that it refuses every other one by the name of the member.
    #[track_caller]
    fn takes<T>(read: fn(Input<'static>, &str) -> Result<Option<T>, AwsError>, good: &Value, bad: &[Value]) {
        assert!(matches!(read(input(json!({ "Member": good })), "Member"), Ok(Some(_))));
        for value in bad {
            let error = read(input(json!({ "Member": value })), "Member").err();
            let error = error.unwrap_or_else(|| panic!("it took {value}"));
            assert!(error.message.contains("can't be made: `Member` is "), "{value}: {}", error.message);
        }
        for absent in [json!({ "Member": null }), json!({})] {
            assert!(matches!(read(input(absent.clone()), "Member"), Ok(None)));
            let error = input(absent).required("Member", read).err().expect("a refusal");
            assert!(error.message.ends_with("`Member` is missing"), "{}", error.message);
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_and_never_left_out() {
        takes(Input::text, &json!("a"), &[json!(1), json!(true), json!(["a"]), json!({ "a": "b" })]);
        takes(Input::choice::<String>, &json!("a"), &[json!(1), json!(["a"])]);
        takes(Input::number, &json!(1), &[json!("1"), json!(1.5), json!(u64::MAX), json!([1])]);
        takes(Input::small, &json!(1), &[json!("1"), json!(1_i64 << 31), json!(-(1_i64 << 31) - 1)]);
        takes(Input::flag, &json!(true), &[json!("true"), json!(1)]);
        takes(Input::texts, &json!(["a"]), &[json!("a"), json!(["a", 1]), json!(["a", null]), json!({ "a": "b" })]);
        takes(Input::choices::<String>, &json!(["a"]), &[json!("a"), json!(["a", 1])]);
        takes(Input::map, &json!({ "a": "b" }), &[json!("a"), json!(["a"]), json!({ "a": "b", "c": 1 })]);
        takes(Input::flags, &json!({ "a": true }), &[json!(true), json!({ "a": true, "b": "true" })]);
        takes(
            Input::lists,
            &json!({ "a": ["b"] }),
            &[json!(["b"]), json!({ "a": ["b"], "c": "d" }), json!({ "a": [1] })],
        );
        takes(Input::accepted, &json!({ "a": ["b", null] }), &[json!(["b"]), json!({ "a": "b" }), json!({ "a": [1] })]);
        takes(Input::structure, &json!({}), &[json!("a"), json!([])]);
        let tag = json!({ "Key": "a", "Value": "b" });
        takes(Input::tags, &json!([tag]), &[json!("a"), json!({ "a": "b" }), json!([tag, "a"])]);
    }

    #[test]
    fn half_a_tag_and_an_input_that_is_no_structure_are_refused() {
        for tag in [json!({ "Key": "a" }), json!({ "Value": "b" }), json!({ "Key": "a", "Value": 1 })] {
            assert!(input(json!({ "Member": [tag] })).tags("Member").is_err());
        }
        assert!(input(json!(["a"])).text("Member").is_err());
    }
}
