//! Looks: whoever writes to a name looks once more whether the object is the one that the plan saw, by its unique id
//! and by its marks. IAM's names and those of vaults can be free and taken again between a plan and its writes, and
//! an object can change hands.

use crate::model::Operation;
use crate::model::marks::{ID, STACK, TOKEN};
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::aws::{AwsError, Tags};
use crate::kind::Live;
use crate::kinds::input::{Accepted, Input};
use crate::model::PlannedCall;
use crate::model::Scope;
use crate::model::call::EXPECT;

/// The member of [`EXPECT`] that holds the values that are taken, by tag key.
const TAGS: &str = "Tags";

/// Makes the look that must find a live object as the plan saw it, by the unique ids of these names.
pub(crate) fn expecting_id(operation: Operation, mut input: Value, live: &Live, unique: &[&str]) -> PlannedCall {
    let ids = unique.iter().filter_map(|name| Some(((*name).to_owned(), json!(live.ids.get(*name)?))));
    input[EXPECT] = ids.collect::<serde_json::Map<_, _>>().into();
    PlannedCall::new(operation, input)
}

/// Makes the look that must find a live object as the plan saw it, by the unique ids of these names and by its marks.
/// `new` are the marks that the step itself writes: before and after that both are right.
pub(crate) fn expecting(
    operation: Operation,
    input: Value,
    live: &Live,
    unique: &[&str],
    new: &BTreeMap<String, String>,
) -> PlannedCall {
    expecting_marks(&[STACK, ID], expecting_id(operation, input, live, unique), live, new)
}

/// Makes the look at what a call puts into or onto another resource: it is the one that the plan saw, and nobody took
/// it from the stack. Its own step may have written its address meanwhile.
pub(crate) fn expecting_reference(
    operation: Operation,
    input: Value,
    live: &Live,
    unique: &[&str],
    scope: &Scope,
) -> PlannedCall {
    let ours = BTreeMap::from([(STACK.to_owned(), scope.stack.clone())]);
    expecting_marks(&[STACK], expecting_id(operation, input, live, unique), live, &ours)
}

fn expecting_marks(keys: &[&str], mut look: PlannedCall, live: &Live, new: &BTreeMap<String, String>) -> PlannedCall {
    // An object without marks belongs to the stack that its token names. A mark of another owner outweighs the token.
    let has_token = live.ids.get("CreatorRequestId").is_some_and(|token| token.starts_with(TOKEN));
    let tags = live.fields.get("tags").unwrap_or(&Value::Null);
    let taken = |key: &str| {
        let mut taken = vec![tags.get(key).cloned().unwrap_or_default()];
        for more in [new.get(key).map(|mark| json!(mark)), has_token.then_some(Value::Null)].into_iter().flatten() {
            if !taken.contains(&more) {
                taken.push(more);
            }
        }
        (key.to_owned(), Value::from(taken))
    };
    look.input[EXPECT][TAGS] = keys.iter().map(|key| taken(key)).collect::<serde_json::Map<_, _>>().into();
    look
}

/// What a look must find.
#[derive(Debug)]
pub(crate) struct Expected {
    operation: Operation,
    ids: Vec<(&'static str, Option<String>)>,
    tags: Option<Accepted>,
}

impl Expected {
    /// Reads the ids and marks that a look must find. `names` are those of the ids that it sees.
    pub(crate) fn marked(input: &Input<'_>, names: &[&'static str]) -> Result<Self, AwsError> {
        Self::read(input, names, |expected| expected.accepted(TAGS))
    }

    /// Reads the ids that a look must find which sees no marks.
    pub(crate) fn unmarked(input: &Input<'_>, names: &[&'static str]) -> Result<Self, AwsError> {
        Self::read(input, names, |_| Ok(None))
    }

    fn read(
        input: &Input<'_>,
        names: &[&'static str],
        tags: impl Fn(&Input<'_>) -> Result<Option<Accepted>, AwsError>,
    ) -> Result<Self, AwsError> {
        let read = input.built(EXPECT, |expected| {
            let ids = names.iter().map(|name| Ok((*name, expected.text(name)?)));
            Ok((ids.collect::<Result<Vec<_>, AwsError>>()?, tags(expected)?))
        })?;
        let (ids, tags) = read.unwrap_or_default();
        Ok(Self { operation: input.operation(), ids, tags })
    }

    /// Compares what a look found with what it must find. `ids` are in the order of the names.
    ///
    /// # Errors
    ///
    /// Names the first id or mark that differs: another object has taken the place of the planned one, or another owner
    /// took it.
    pub(crate) fn check(self, ids: &[Option<&str>], tags: Option<&Tags>) -> Result<Value, AwsError> {
        let differs = |name: &str, was: Option<&str>, is: Option<&str>| {
            let quoted =
                |value: Option<&str>| value.map_or_else(|| "not there".to_owned(), |value| format!("`{value}`"));
            let (was, is) = (quoted(was), quoted(is));
            let message = format!(
                "it is not the one that the plan saw: its `{name}` was {was} and is {is}; nothing was written to it, \
                 plan again"
            );
            AwsError::rejected(self.operation.service(), self.operation.name(), message)
        };
        for ((name, wanted), found) in self.ids.iter().zip(ids) {
            if wanted.is_some() && wanted.as_deref() != *found {
                return Err(differs(name, wanted.as_deref(), *found));
            }
        }
        let Some(tags) = tags else { return Ok(json!({})) };
        for (key, accepted) in self.tags.iter().flatten() {
            let found = tags.get(key).map(String::as_str);
            if !accepted.iter().any(|accepted| accepted.as_deref() == found) {
                return Err(differs(key, accepted.iter().flatten().next().map(String::as_str), found));
            }
        }
        Ok(json!({}))
    }
}

/// Returns what a look answers when no object has the name.
pub(crate) fn gone() -> Value {
    Value::Null
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Owner;
    use crate::kinds::input::whole;

    fn live() -> Live {
        let mut fields = crate::kind::Fields::new();
        fields.insert("tags".into(), json!({ "vssctl:stack": "s", "vssctl:id": "role.a", "team": "x" }));
        Live {
            name: "a".into(),
            owner: Owner::Ours(None),
            ids: BTreeMap::from([("RoleId".to_owned(), "AROA1".to_owned())]),
            fields,
            carried: crate::kind::Carried::default(),
            refers: Vec::new(),
        }
    }

    fn check(call: &PlannedCall, ids: &[(&'static str, Option<&str>)], tags: &Tags) -> Result<Value, AwsError> {
        let (names, ids): (Vec<_>, Vec<_>) = ids.iter().copied().unzip();
        let expected = whole(call, |input| {
            input.text("RoleName")?;
            Expected::marked(input, &names)
        });
        expected?.check(&ids, Some(tags))
    }

    #[test]
    fn an_expectation_of_another_type_or_of_what_the_look_does_not_see_is_refused() {
        for expected in [
            json!("AROA1"),
            json!({ "RoleId": 1 }),
            json!({ "RoleId": ["AROA1"] }),
            json!({ "RoleId": "AROA1", "Arn": "a" }),
            json!({ "Tags": "vssctl:stack" }),
            json!({ "Tags": { "vssctl:stack": "s" } }),
            json!({ "Tags": { "vssctl:stack": ["s", 1] } }),
        ] {
            let call = PlannedCall::new(Operation::GetRole, json!({ "RoleName": "a", EXPECT: expected }));
            let tags = Tags::from([("vssctl:stack".to_owned(), "s".to_owned())]);
            let error = check(&call, &[("RoleId", Some("AROA1"))], &tags).expect_err("a refusal");
            assert!(error.message.contains("can't be made"), "{expected}: {}", error.message);
        }
    }

    #[test]
    fn only_the_planned_object_with_its_marks_passes() {
        let unchanged = BTreeMap::new();
        let call = expecting(Operation::GetRole, json!({ "RoleName": "a" }), &live(), &["RoleId"], &unchanged);
        let tags = |stack: &str| -> Tags {
            [("vssctl:stack", stack), ("vssctl:id", "role.a")].map(|(key, value)| (key.into(), value.into())).into()
        };
        assert_eq!(call.input[EXPECT]["Tags"].as_object().expect("marks").len(), 2);
        assert!(check(&call, &[("RoleId", Some("AROA1"))], &tags("s")).is_ok());
        let recreated = check(&call, &[("RoleId", Some("AROA2"))], &tags("s")).expect_err("another role");
        assert!(recreated.message.contains("`RoleId` was `AROA1` and is `AROA2`"), "{}", recreated.message);
        let taken = check(&call, &[("RoleId", Some("AROA1"))], &tags("t")).expect_err("another owner");
        assert!(taken.message.contains("`vssctl:stack` was `s` and is `t`"), "{}", taken.message);
        let unmarked = check(&call, &[("RoleId", Some("AROA1"))], &Tags::default()).expect_err("nobody's");
        assert!(unmarked.message.contains("is not there"), "{}", unmarked.message);
        // An object that had no marks may carry those that the step itself writes, and nobody else's.
        let (mut strangers, own) = (live(), tags("s").into_iter().collect());
        strangers.fields.clear();
        let adopted = expecting(Operation::GetRole, json!({}), &strangers, &["RoleId"], &own);
        for (found, taken) in [(Tags::default(), true), (tags("s"), true), (tags("t"), false)] {
            assert_eq!(check(&adopted, &[("RoleId", Some("AROA1"))], &found).is_ok(), taken, "{found:?}");
        }
        let mut with_token = live();
        with_token.ids.insert("CreatorRequestId".into(), "v1.0123456789.v.a.01234567".into());
        let call = expecting(Operation::ListTags, json!({}), &with_token, &[], &unchanged);
        assert!(check(&call, &[], &Tags::default()).is_ok() && check(&call, &[], &tags("t")).is_err());
    }
}
