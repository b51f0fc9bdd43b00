//! How a planned call is read when it is made: AWS's own JSON shape, value by value.
//!
//! A plan can come from a file, and what it spells out is what somebody agreed to. Neither a value of the wrong type
//! nor a member that no request has is therefore ever left out: the call is refused before anything is sent.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::aws::AwsError;
use crate::model::safe::Safe;
use crate::model::{Operation, PlannedCall};

/// Lists of texts by name, in which `None` stands for absence.
pub(crate) type Accepted = HashMap<String, Vec<Option<String>>>;

/// The input of a planned call, or a structure in it. Every reader returns `None` for a member that is absent or null,
/// and the error of an unusable call for one of another type. What was read is remembered, so that what was not can be
/// refused.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    call: &'a PlannedCall,
    value: &'a Value,
    /// The members that were read, where all must be.
    read: Option<RefCell<BTreeSet<&'a str>>>,
}

/// Builds a request from the input of a planned call.
///
/// # Errors
///
/// Refuses a call that has a member which `build` does not read, here or in a structure.
pub(crate) fn whole<'a, T>(
    call: &'a PlannedCall,
    build: impl FnOnce(&Input<'a>) -> Result<T, AwsError>,
) -> Result<T, AwsError> {
    Input { call, value: &call.input, read: Some(RefCell::default()) }.build(build)
}

/// Reads some members of a planned call: for a look at the effect of a call that is made by [`whole`] of its input.
pub(crate) fn part<'a, T>(
    call: &'a PlannedCall,
    read: impl FnOnce(&Input<'a>) -> Result<T, AwsError>,
) -> Result<T, AwsError> {
    read(&Input { call, value: &call.input, read: None })
}

/// Builds a request that takes along what it has no name for: AWS had it when the plan was made.
pub(crate) fn open<'a, T>(
    call: &'a PlannedCall,
    build: impl FnOnce(&Input<'a>) -> Result<T, AwsError>,
) -> Result<T, AwsError> {
    build(&Input { call, value: &call.input, read: None })
}

/// Returns all members of a planned call but those that its request has in another place than its body.
pub(crate) fn body(call: &PlannedCall, elsewhere: &[&str]) -> Value {
    let members = call.input.as_object().into_iter().flatten();
    let members = members.filter(|(name, _)| !elsewhere.contains(&name.as_str()));
    members.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>().into()
}

impl<'a> Input<'a> {
    /// Returns a structure in this one, if it is one.
    fn below(&self, value: &'a Value) -> Option<Self> {
        let read = self.read.is_some().then(RefCell::default);
        value.is_object().then_some(Self { call: self.call, value, read })
    }

    /// Builds a value, on the way to which every member must be read.
    fn build<T>(&self, build: impl FnOnce(&Self) -> Result<T, AwsError>) -> Result<T, AwsError> {
        let value = build(self)?;
        let Some(read) = &self.read else { return Ok(value) };
        let read = read.borrow();
        match self.value.as_object().and_then(|members| members.keys().find(|name| !read.contains(name.as_str()))) {
            Some(unknown) => Err(self.refuse(format!("`{}` is unknown", Safe(unknown)))),
            None => Ok(value),
        }
    }

    /// Leaves out a member that is not for the request.
    pub(crate) fn pass_over(&self, name: &'a str) {
        self.note(name);
    }

    fn note(&self, name: &'a str) {
        if let Some(read) = &self.read {
            read.borrow_mut().insert(name);
        }
    }

    /// Returns the operation of the call.
    pub(crate) fn operation(&self) -> Operation {
        self.call.operation
    }

    /// Makes the error of a call whose input can't be used.
    pub(crate) fn refuse(&self, why: impl std::fmt::Display) -> AwsError {
        unusable(self.call, why)
    }

    fn member(&self, name: &str) -> Result<Option<&'a Value>, AwsError> {
        let members = self.value.as_object().ok_or_else(|| self.refuse("its input is no structure"))?;
        let Some((name, value)) = members.get_key_value(name) else { return Ok(None) };
        self.note(name);
        Ok(Some(value).filter(|value| !value.is_null()))
    }

    /// Reads a member with a function that returns `None` for a value of another type. `fault` says what is wrong then.
    fn reading<T>(
        &self,
        name: &str,
        fault: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, AwsError> {
        let read = |value| read(value).ok_or_else(|| self.refuse(format!("`{name}` {fault}")));
        self.member(name)?.map(read).transpose()
    }

    /// Reads a member without which the request can't be built, with one of the other readers.
    pub(crate) fn required<T>(
        &self,
        name: &str,
        read: impl Fn(&Self, &str) -> Result<Option<T>, AwsError>,
    ) -> Result<T, AwsError> {
        read(self, name)?.ok_or_else(|| self.refuse(format!("`{name}` is missing")))
    }

    /// Reads a text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, AwsError> {
        self.reading(name, "is no text", text)
    }

    /// Reads a text that AWS takes from a list of its own.
    pub(crate) fn choice<T: for<'t> From<&'t str>>(&self, name: &str) -> Result<Option<T>, AwsError> {
        self.reading(name, "is no text", |value| value.as_str().map(T::from))
    }

    /// Reads a whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, AwsError> {
        self.reading(name, "is no whole number", Value::as_i64)
    }

    /// Reads a whole number that AWS keeps in 32 bits.
    pub(crate) fn small(&self, name: &str) -> Result<Option<i32>, AwsError> {
        self.reading(name, "is no whole number of 32 bits", |value| {
            value.as_i64().and_then(|number| number.try_into().ok())
        })
    }

    /// Reads a truth value.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, AwsError> {
        self.reading(name, "is neither `true` nor `false`", Value::as_bool)
    }

    /// Reads a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, AwsError> {
        self.reading(name, "is no list of texts", texts)
    }

    /// Reads a list of texts that AWS takes from a list of its own.
    pub(crate) fn choices<T: for<'t> From<&'t str>>(&self, name: &str) -> Result<Option<Vec<T>>, AwsError> {
        let choices = |value: &'a Value| value.as_array()?.iter().map(|item| item.as_str().map(T::from)).collect();
        self.reading(name, "is no list of texts", choices)
    }

    /// Reads texts by name.
    pub(crate) fn map(&self, name: &str) -> Result<Option<HashMap<String, String>>, AwsError> {
        self.reading(name, "is no map of texts", |value| by_name(value, text))
    }

    /// Reads truth values by name.
    pub(crate) fn flags(&self, name: &str) -> Result<Option<HashMap<String, bool>>, AwsError> {
        self.reading(name, "is no map of `true` and `false`", |value| by_name(value, Value::as_bool))
    }

    /// Reads lists of texts by name.
    pub(crate) fn lists(&self, name: &str) -> Result<Option<HashMap<String, Vec<String>>>, AwsError> {
        self.reading(name, "is no map of lists of texts", |value| by_name(value, texts))
    }

    /// Reads lists of texts by name, in which null stands for absence.
    pub(crate) fn accepted(&self, name: &str) -> Result<Option<Accepted>, AwsError> {
        let item = |item: &Value| if item.is_null() { Some(None) } else { text(item).map(Some) };
        let items = |value: &Value| value.as_array()?.iter().map(item).collect();
        self.reading(name, "is no map of lists of texts", |value| by_name(value, items))
    }

    /// Reads a structure and builds a value from it.
    pub(crate) fn built<T>(
        &self,
        name: &str,
        build: impl Fn(&Self) -> Result<T, AwsError>,
    ) -> Result<Option<T>, AwsError> {
        let structure = self.reading(name, "is no structure", |value| self.below(value))?;
        structure.map(|structure| structure.build(build)).transpose()
    }

    /// Reads a structure that is sent with what it has and the SDK's types have no name for.
    pub(crate) fn carried<T>(
        &self,
        name: &str,
        build: impl Fn(&Self) -> Result<T, AwsError>,
    ) -> Result<Option<T>, AwsError> {
        let open = |value: &'a Value| value.is_object().then_some(Self { call: self.call, value, read: None });
        self.reading(name, "is no structure", open)?.map(|structure| build(&structure)).transpose()
    }

    /// Reads a list of structures and builds a value from each.
    pub(crate) fn all_built<T>(
        &self,
        name: &str,
        build: impl Fn(&Self) -> Result<T, AwsError>,
    ) -> Result<Option<Vec<T>>, AwsError> {
        let structures =
            |value: &'a Value| value.as_array()?.iter().map(|item| self.below(item)).collect::<Option<Vec<_>>>();
        let structures = self.reading(name, "is no list of structures", structures)?;
        structures.map(|all| all.iter().map(|one| one.build(&build)).collect()).transpose()
    }

    /// Reads AWS's list of `{Key, Value}` as pairs.
    pub(crate) fn tags(&self, name: &str) -> Result<Option<Vec<(String, String)>>, AwsError> {
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
    use serde_json::json;

    /// Makes an input that lasts as long as the test.
    fn input(value: Value) -> Input<'static> {
        let call = Box::leak(Box::new(PlannedCall::new(Operation::CreateRole, value)));
        Input { call, value: &call.input, read: None }
    }

    /// Asserts that a reader takes a value, and that it refuses every other one by the name of the member.
    #[track_caller]
    fn takes<T>(read: fn(&Input<'static>, &str) -> Result<Option<T>, AwsError>, good: &Value, bad: &[Value]) {
        assert!(matches!(read(&input(json!({ "Member": good })), "Member"), Ok(Some(_))));
        for value in bad {
            let error = read(&input(json!({ "Member": value })), "Member").err();
            let error = error.unwrap_or_else(|| panic!("it took {value}"));
            assert!(error.message.contains("can't be made: `Member` is "), "{value}: {}", error.message);
        }
        for absent in [json!({ "Member": null }), json!({})] {
            assert!(matches!(read(&input(absent.clone()), "Member"), Ok(None)));
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
        takes(|input, name| input.built(name, |_| Ok(())), &json!({}), &[json!("a"), json!([])]);
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

    #[test]
    fn a_member_that_nobody_reads_is_refused_in_every_structure() {
        let value = |deep: &str| json!({ "Member": [{ "Deep": { deep: "a" } }], "$until": { "any": "b" } });
        let read = |value: Value, more: &'static str| {
            let deep = |deep: &Input<'_>| deep.text("Known");
            let call = PlannedCall::new(Operation::CreateRole, value);
            let built = whole(&call, |input| {
                input.pass_over(more);
                input.all_built("Member", |one| one.built("Deep", deep))
            });
            built.err().map(|error| error.message)
        };
        assert_eq!(read(value("Known"), "$until"), None);
        let refused = |name: &str| Some(format!("the planned call can't be made: `{name}` is unknown"));
        assert_eq!(read(value("Other"), "$until"), refused("Other"));
        assert_eq!(read(value("Known"), "other"), refused("$until"));
        assert_eq!(read(json!({ "Nothing": null }), "$until"), refused("Nothing"));
    }
}
