//! The read before what can't be taken back: whoever deletes looks once more whether the thing is the one that was planned
//! to go. IAM's names and those of vaults can be free and taken again between a plan and its deletion.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::aws::{AwsError, Tags};
use crate::kind::Live;
use crate::plan::{EXPECT, PlannedCall, marks};

/// The tags that must be there.
const TAGS: &str = "Tags";
/// The tags that must be so where they are there.
const OR_NONE: &str = "TagsOrNone";

/// Makes the read that must find a live thing as it was planned: its unique ids of these names, and the marks it has.
pub(crate) fn expecting(action: &str, mut input: Value, live: &Live, unique: &[&str]) -> PlannedCall {
    let ids = unique.iter().filter_map(|name| Some((*name, live.ids.get(*name)?)));
    let tags = live.fields.get("tags").and_then(Value::as_object);
    let marks: BTreeMap<_, _> =
        tags.into_iter().flatten().filter(|(key, _)| [marks::STACK, marks::ID].contains(&key.as_str())).collect();
    let mut expected: Value = ids
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .map(|(name, id)| (name.to_owned(), json!(id)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    if !marks.is_empty() {
        // Without any mark a token that names the stack says whose it is; a mark of another owner says more.
        let has_token = live.ids.get("CreatorRequestId").is_some_and(|token| token.starts_with(marks::TOKEN));
        expected[if has_token { OR_NONE } else { TAGS }] = json!(marks);
    }
    input[EXPECT] = expected;
    PlannedCall::new(action, input)
}

/// Compares what such a read found with what it must find.
///
/// # Errors
///
/// Names the first id or mark that differs: another thing has taken the place of the planned one, or another owner it.
pub(crate) fn check(call: &PlannedCall, ids: &[(&str, Option<&str>)], tags: Option<&Tags>) -> Result<Value, AwsError> {
    let expected = &call.input[EXPECT];
    let of_ids = ids.iter().map(|(name, found)| (*name, expected[*name].as_str(), *found));
    let of_tags = tags.into_iter().flat_map(|tags| {
        let members = |name: &str| expected[name].as_object().into_iter().flatten();
        let found = |key: &str| tags.get(key).map(String::as_str);
        let marked = members(OR_NONE).filter(move |(key, _)| tags.contains_key(*key));
        members(TAGS).chain(marked).map(move |(key, value)| (key.as_str(), value.as_str(), found(key)))
    });
    for (name, wanted, found) in of_ids.chain(of_tags) {
        if let Some(wanted) = wanted.filter(|wanted| found != Some(*wanted)) {
            let found = found.map_or_else(|| "gone".to_owned(), |found| format!("`{found}`"));
            let (service, operation) = call.action.split_once(':').unwrap_or(("", &call.action));
            let message = format!(
                "it is not what was planned to go: its `{name}` was `{wanted}` and is {found}; nothing was deleted, plan again"
            );
            return Err(AwsError::rejected(service, operation, message));
        }
    }
    Ok(json!({}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Owner;

    fn live() -> Live {
        let mut fields = crate::kind::Fields::new();
        fields.insert("tags".into(), json!({ "vssctl:stack": "s", "vssctl:id": "role.a", "team": "x" }));
        Live {
            name: "a".into(),
            owner: Owner::Ours(None),
            ids: BTreeMap::from([("RoleId".to_owned(), "AROA1".to_owned())]),
            fields,
            carried: Value::Null,
            refers: Vec::new(),
        }
    }

    #[test]
    fn only_the_planned_thing_with_its_marks_passes() {
        let call = expecting("iam:GetRole", json!({ "RoleName": "a" }), &live(), &["RoleId"]);
        let tags = |stack: &str| -> Tags {
            [("vssctl:stack", stack), ("vssctl:id", "role.a")].map(|(key, value)| (key.into(), value.into())).into()
        };
        assert_eq!(call.input[EXPECT]["Tags"].as_object().expect("marks").len(), 2);
        assert!(check(&call, &[("RoleId", Some("AROA1"))], Some(&tags("s"))).is_ok());
        let recreated = check(&call, &[("RoleId", Some("AROA2"))], Some(&tags("s"))).expect_err("another role");
        assert!(recreated.message.contains("`RoleId` was `AROA1` and is `AROA2`"), "{}", recreated.message);
        let taken = check(&call, &[("RoleId", Some("AROA1"))], Some(&tags("t"))).expect_err("another owner");
        assert!(taken.message.contains("`vssctl:stack` was `s` and is `t`"), "{}", taken.message);
        let unmarked = check(&call, &[("RoleId", Some("AROA1"))], Some(&Tags::default())).expect_err("nobody's");
        assert!(unmarked.message.contains("is gone"), "{}", unmarked.message);
        let mut with_token = live();
        with_token.ids.insert("CreatorRequestId".into(), "v1.0123456789.v.a.01234567".into());
        let call = expecting("backup:ListTags", json!({}), &with_token, &[]);
        assert!(check(&call, &[], Some(&Tags::default())).is_ok() && check(&call, &[], Some(&tags("t"))).is_err());
    }
}
