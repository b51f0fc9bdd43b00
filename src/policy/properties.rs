//! Properties of the canonical form: another spelling is never a difference, and another meaning always is one.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::tests::same;
use super::*;

fn values(text: &'static str) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(text, 1..4)
}

prop_compose! {
    fn any_condition()(
        entries in proptest::collection::btree_map(
            (
                prop::sample::select(vec![
                    "StringEquals",
                    "StringLike",
                    "Bool",
                    "ForAllValues:StringEquals",
                    "NumericLessThanIfExists",
                ]),
                "aws:[a-c][A-C]?",
            ),
            values("[a-cA-C0-9]{1,3}|true"),
            0..4,
        )
    ) -> Value {
        let mut condition = Map::new();
        for ((operator, key), values) in entries {
            let keys = condition.entry(operator).or_insert_with(|| json!({})).as_object_mut().unwrap();
            if !keys.keys().any(|known| known.eq_ignore_ascii_case(&key)) {
                keys.insert(key, Value::from(values));
            }
        }
        Value::Object(condition)
    }
}

prop_compose! {
    fn any_statement()(
        sid in "|[a-c]",
        effect in prop::sample::select(vec!["Allow", "Deny"]),
        principal in prop_oneof![
            2 => Just(Value::Null),
            1 => Just(json!("*")),
            1 => values("[a-c]|12345678901[0-2]|arn:aws:iam::12345678901[0-2]:root|\\*")
                .prop_map(|list| json!({ "AWS": list })),
            1 => values("[a-c]\\.amazonaws\\.com").prop_map(|list| json!({ "Service": list })),
        ],
        negated in any::<[bool; 3]>(),
        actions in values("[a-c]{1,2}:[a-cA-C]{1,2}\\*?|\\*"),
        resources in proptest::option::of(values("arn:[a-cA-C]\\*?|\\*")),
        condition in any_condition(),
    ) -> Value {
        let name = |negated: bool, name: &str| if negated { format!("Not{name}") } else { name.to_owned() };
        let mut statement = Map::new();
        statement.insert("Sid".to_owned(), Value::from(sid));
        statement.insert("Effect".to_owned(), Value::from(effect));
        if !principal.is_null() {
            statement.insert(name(negated[0], "Principal"), principal);
        }
        statement.insert(name(negated[1], "Action"), Value::from(actions));
        if let Some(resources) = resources {
            statement.insert(name(negated[2], "Resource"), Value::from(resources));
        }
        statement.insert("Condition".to_owned(), condition);
        Value::Object(statement)
    }
}

prop_compose! {
    fn any_document()(
        version in proptest::option::of(prop::sample::select(vec!["2008-10-17", "2012-10-17"])),
        id in "|[a-c]",
        statements in proptest::collection::vec(any_statement(), 1..4),
    ) -> Value {
        let mut document = json!({ "Id": id, "Statement": statements });
        if let Some(version) = version {
            document["Version"] = Value::from(version);
        }
        document
    }
}

/// The place of a value, which decides what AWS ignores there.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Other,
    Set,
    Actions,
    Condition,
    ConditionValues,
    Name,
}

/// Rewrites a document as another author might write it: in another order, with other lists, repetitions and spellings.
fn disguise(value: &Value, place: Place, random: &mut impl FnMut(usize) -> usize) -> Value {
    match value {
        Value::Object(object) => {
            let mut members: Vec<(String, Value)> = object
                .iter()
                .map(|(key, member)| {
                    let (place, key) = match (place, key.as_str()) {
                        (Place::Condition, key) => {
                            let next = if member.is_object() { Place::Condition } else { Place::ConditionValues };
                            (next, if random(2) == 0 { key.to_ascii_uppercase() } else { key.to_owned() })
                        }
                        (_, "Action" | "NotAction") => (Place::Actions, key.clone()),
                        (_, "Resource" | "NotResource" | "AWS" | "Service") => (Place::Set, key.clone()),
                        (_, "Condition") => (Place::Condition, key.clone()),
                        (_, "Sid" | "Id") => (Place::Name, key.clone()),
                        _ => (Place::Other, key.clone()),
                    };
                    (key, disguise(member, place, random))
                })
                .collect();
            shuffle(&mut members, random);
            Value::Object(members.into_iter().collect())
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(|element| disguise(element, place, random)).collect();
            if !list.is_empty() && random(2) == 0 {
                list.push(list[random(list.len())].clone());
            }
            shuffle(&mut list, random);
            if list.len() == 1 && random(2) == 0 { list.remove(0) } else { Value::Array(list) }
        }
        Value::String(text) => match place {
            Place::Name if random(2) == 0 => Value::from(["", "d", "e"][random(3)]),
            Place::Actions if random(2) == 0 => Value::from(text.to_ascii_uppercase()),
            Place::ConditionValues if text == "true" && random(2) == 0 => Value::Bool(true),
            Place::ConditionValues if random(2) == 0 => match text.parse::<u64>() {
                Ok(number) if number.to_string() == *text => Value::from(number),
                _ => value.clone(),
            },
            Place::Set if random(2) == 0 && crate::model::arn::is_account(text) => {
                Value::from(format!("arn:aws:iam::{text}:root"))
            }
            _ => value.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn shuffle<T>(list: &mut [T], random: &mut impl FnMut(usize) -> usize) {
    for index in (1..list.len()).rev() {
        list.swap(index, random(index + 1));
    }
}

/// A small generator of random numbers, so that one number of proptest decides about the whole rewriting.
fn generator(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed | 1;
    move |bound| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    }
}

/// Lists the pointers of all strings in a document.
fn strings(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, member) in object {
                // AWS does not heed names.
                if key != "Sid" && key != "Id" {
                    strings(member, &format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), found);
                }
            }
        }
        Value::Array(list) => {
            for (index, element) in list.iter().enumerate() {
                strings(element, &format!("{pointer}/{index}"), found);
            }
        }
        Value::String(_) => found.push(pointer.to_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Changes one part that AWS reads: a value, a key of a condition, an operator or the sense of an element.
fn tamper(document: &Value, pick: Index, kind: usize) -> Value {
    let mut changed = document.clone();
    let statements = changed["Statement"].as_array_mut().unwrap();
    let chosen = pick.index(statements.len());
    let statement = statements[chosen].as_object_mut().unwrap();
    let swap = |statement: &mut Map<String, Value>, from: &str, to: &str| {
        if let Some(value) = statement.shift_remove(from) {
            statement.insert(to.to_owned(), value);
            true
        } else {
            false
        }
    };
    match kind {
        0 if swap(statement, "Action", "NotAction") || swap(statement, "NotAction", "Action") => return changed,
        1 if swap(statement, "Resource", "NotResource") || swap(statement, "NotResource", "Resource") => {
            return changed;
        }
        2 if swap(statement, "Principal", "NotPrincipal") || swap(statement, "NotPrincipal", "Principal") => {
            return changed;
        }
        3 => {
            if let Some(condition) = statement.get_mut("Condition").and_then(Value::as_object_mut)
                && let Some(operator) = condition.keys().next().cloned()
            {
                swap(condition, &operator, "NumericNotEquals");
                return changed;
            }
        }
        4 => {
            let condition = statement.get_mut("Condition").and_then(Value::as_object_mut);
            if let Some(keys) =
                condition.and_then(|condition| condition.values_mut().next()).and_then(Value::as_object_mut)
            {
                let key = keys.keys().next().cloned().unwrap();
                swap(keys, &key, "aws:Tampered");
                return changed;
            }
        }
        5 => {
            let condition = statement.entry("Condition").or_insert_with(|| json!({})).as_object_mut().unwrap();
            condition.insert("NumericEquals".to_owned(), json!({ "aws:Tampered": 1 }));
            return changed;
        }
        6 => {
            let action = statement.get_mut("Action").and_then(Value::as_array_mut);
            if let Some(action) = action {
                action.push(json!("z:Tampered"));
                return changed;
            }
        }
        7 => {
            // Resources are compared with their case: the same name in another case is one more resource.
            let resources = statement.get_mut("Resource").and_then(Value::as_array_mut);
            if let Some(resources) = resources {
                let other = resources[0].as_str().unwrap().replace("arn:", "ARN:");
                if other != resources[0] {
                    resources.push(Value::from(other));
                    return changed;
                }
            }
        }
        _ => {}
    }
    let mut found = Vec::new();
    strings(document, "", &mut found);
    let pointer = &found[pick.index(found.len())];
    let value = changed.pointer_mut(pointer).unwrap();
    *value = match (pointer.rsplit('/').next().unwrap(), value.as_str().unwrap()) {
        ("Version", "2008-10-17") => json!("2012-10-17"),
        ("Version", _) => json!("2008-10-17"),
        ("Effect", "Allow") => json!("Deny"),
        ("Effect", _) => json!("Allow"),
        ("Principal" | "NotPrincipal", _) => json!({ "AWS": "*" }),
        (_, text) => json!(format!("{text}z")),
    };
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn another_spelling_of_a_document_is_never_a_difference(document in any_document(), seed: u64) {
        let other = disguise(&document, Place::Other, &mut generator(seed));
        prop_assert!(same(&document, &other), "{}\n{}", document, other);
        let aligned = align(&other, &document).unwrap();
        prop_assert!(same(&document, &aligned));
    }

    #[test]
    fn one_changed_value_is_always_a_difference(
        document in any_document(), pick: Index, kind in 0..12_usize, seed: u64,
    ) {
        // The document is brought into canonical form first. Otherwise a change of one of two copies may turn it into a
        // copy of a third value. Names go for the same reason: statements that differ in them alone are copies.
        let mut document = document;
        for statement in document["Statement"].as_array_mut().unwrap() {
            statement["Sid"] = json!("");
        }
        let document = canonical(&document).unwrap();
        let changed = tamper(&document, pick, kind);
        prop_assume!(canonical(&changed).is_ok());
        let changed = disguise(&changed, Place::Other, &mut generator(seed));
        prop_assert!(!same(&document, &changed), "{}\n{}", document, changed);
    }

    #[test]
    fn the_canonical_form_is_its_own_canonical_form(document in any_document()) {
        let once = canonical(&document).unwrap();
        prop_assert_eq!(to_text(&canonical(&once).unwrap()), to_text(&once));
        prop_assert_eq!(&parse(&to_text(&once)).unwrap(), &once);
        let pretty = serde_json::to_string_pretty(&once).unwrap();
        prop_assert_eq!(parse(&pretty).unwrap(), once);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = (parse(&text), url_decode(&text));
    }

    #[test]
    fn no_near_json_makes_the_parser_panic(text in "[\\[\\]{}:, \"a0-9eE.\\\\u\n-]{0,60}") {
        if let Some(position) = parse(&text).err().and_then(|error| error.position) {
            prop_assert!(text.get(position.start..position.end).is_some());
        }
    }
}
