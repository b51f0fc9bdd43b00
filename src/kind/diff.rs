//! The two-way diff of declared fields. Declared is enforced, undeclared is left as it is, empty and absent are the
//! same.

use crate::model::marks::PREFIX;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::marks;
use crate::kind::{Field, Fields, Shape};
use crate::model::{Display, FieldChange, hidden};
use crate::policy;

/// Compares what the file declares with what is live, in the order of the field table.
///
/// `marks` are the owner tags that the resource should carry; a difference in them alone is shown as `tags.vssctl:...`.
pub fn diff(table: &[Field], desired: &Fields, live: &Fields, marks: &BTreeMap<String, String>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for field in table {
        if matches!(field.shape, Shape::Tags) {
            changes.extend(diff_tags(field, desired.get(field.name), live.get(field.name), marks));
        } else if let Some(wanted) = desired.get(field.name) {
            compare(
                field.name,
                field.shape,
                field.replaces,
                wanted,
                live.get(field.name).unwrap_or(&Value::Null),
                &mut changes,
            );
        }
    }
    changes
}

/// Shows everything that is declared as added: the fields of a resource to create.
pub fn all_added(table: &[Field], desired: &Fields) -> Vec<FieldChange> {
    let mut changes = diff(table, desired, &Fields::new(), &BTreeMap::new());
    // A resource that does not exist yet is made, not replaced.
    for change in &mut changes {
        change.replaces = false;
    }
    changes
}

/// Tells whether a value means "none".
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn compare(path: &str, shape: Shape, replaces: bool, desired: &Value, live: &Value, changes: &mut Vec<FieldChange>) {
    if desired == live || (is_empty(desired) && is_empty(live)) {
        return;
    }
    match shape {
        Shape::Map(inner) => {
            let names: BTreeSet<&String> = entries(desired).chain(entries(live)).map(|(name, _)| name).collect();
            for name in names {
                let path = format!("{path}.{name}");
                compare_entry(&path, *inner, replaces, &desired[name.as_str()], &live[name.as_str()], changes);
            }
        }
        Shape::Record(table) => compare_record(path, table, replaces, desired, live, changes),
        Shape::Scalar | Shape::Tags => changes.push(change(path, Display::Value, replaces, desired, live)),
        // Canonical forms keep the spelling of names whose case does not matter.
        Shape::Document if policy::equal(desired, live) => {}
        Shape::Document => changes.push(change(path, Display::Document, replaces, desired, live)),
        Shape::Set => changes.push(change(path, Display::Set, replaces, desired, live)),
        Shape::Hidden => changes.push(hidden_change(path, replaces, desired, live)),
    }
}

/// Compares one entry of a map. An entry that is on one side only is a change of its own, even with nothing in it; a
/// record that declares nothing says that it is there, and nothing else.
fn compare_entry(
    path: &str,
    shape: Shape,
    replaces: bool,
    desired: &Value,
    live: &Value,
    changes: &mut Vec<FieldChange>,
) {
    let before = changes.len();
    let says_nothing = matches!(shape, Shape::Record(_)) && desired.is_object() && is_empty(desired);
    if says_nothing && !live.is_null() {
        return;
    }
    if desired.is_null() {
        changes.push(change(path, display_of(shape), replaces, desired, live));
    } else {
        compare(path, shape, replaces, desired, live, changes);
        if live.is_null() && changes.len() == before {
            changes.push(change(path, display_of(shape), replaces, desired, live));
        }
    }
}

fn compare_record(
    path: &str,
    table: &[Field],
    replaces: bool,
    desired: &Value,
    live: &Value,
    changes: &mut Vec<FieldChange>,
) {
    if is_empty(desired) {
        changes.push(change(path, Display::Value, replaces, desired, live));
        return;
    }
    for field in table {
        if let Some(wanted) = desired.get(field.name) {
            let path = format!("{path}.{}", field.name);
            compare(&path, field.shape, replaces || field.replaces, wanted, &live[field.name], changes);
        }
    }
}

fn diff_tags(
    field: &Field,
    desired: Option<&Value>,
    live: Option<&Value>,
    marks: &BTreeMap<String, String>,
) -> Vec<FieldChange> {
    let live = live.and_then(Value::as_object);
    let tags = marks::tag_changes(live, desired.and_then(Value::as_object), marks);
    let current = |key: &str| live.and_then(|live: &Map<String, Value>| live.get(key)).cloned().unwrap_or_default();
    let path = |key: &str| format!("{}.{key}", field.name);
    let mut changes: Vec<FieldChange> = tags
        .set
        .iter()
        .filter(|(key, value)| current(key).as_str() != Some(value.as_str()))
        .map(|(key, value)| change(&path(key), Display::Value, false, &Value::from(value.as_str()), &current(key)))
        .chain(tags.unset.iter().map(|key| change(&path(key), Display::Value, false, &Value::Null, &current(key))))
        .collect();
    changes.sort_by(|left, right| left.path.cmp(&right.path));
    // The marks follow the tags; they are worth a line only where nothing else says that something changes.
    let is_mark = |change: &FieldChange| change.path.contains(PREFIX);
    if !changes.iter().all(is_mark) {
        changes.retain(|change| !is_mark(change));
    }
    changes
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn display_of(shape: Shape) -> Display {
    match shape {
        Shape::Document => Display::Document,
        Shape::Set => Display::Set,
        Shape::Scalar | Shape::Tags | Shape::Map(_) | Shape::Record(_) | Shape::Hidden => Display::Value,
    }
}

/// Says that a hidden value differs, and nothing of either side.
fn hidden_change(path: &str, replaces: bool, desired: &Value, live: &Value) -> FieldChange {
    let shown = |value: &Value, text: &str| if is_empty(value) { Value::Null } else { Value::from(text) };
    let after = if is_empty(live) { hidden::SHOWN } else { hidden::SHOWN_CHANGED };
    change(path, Display::Value, replaces, &shown(desired, after), &shown(live, hidden::SHOWN))
}

fn change(path: &str, display: Display, replaces: bool, desired: &Value, live: &Value) -> FieldChange {
    let side = |value: &Value| if is_empty(value) && !value.is_object() { Value::Null } else { value.clone() };
    FieldChange { path: path.to_owned(), display, before: side(live), after: side(desired), replaces, cause: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static RULE: &[Field] = &[Field::new("vault", Shape::Scalar, ""), Field::new("start_window", Shape::Scalar, "")];
    static TABLE: &[Field] = &[
        Field::fixed("path", Shape::Scalar, ""),
        Field::new("description", Shape::Scalar, ""),
        Field::new("managed_policies", Shape::Set, ""),
        Field::new("rule", Shape::Map(&Shape::Record(RULE)), ""),
        Field::new("lock", Shape::Record(RULE), ""),
        Field::new("tags", Shape::Tags, ""),
    ];

    fn paths(desired: &Value, live: &Value) -> Vec<String> {
        let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
        diff(TABLE, &fields(desired), &fields(live), &BTreeMap::new()).into_iter().map(|change| change.path).collect()
    }

    #[test]
    fn undeclared_fields_are_left_as_they_are() {
        assert_eq!(paths(&json!({}), &json!({"description": "by hand", "rule": {"a": {"vault": "v"}}})), [""; 0]);
    }

    #[test]
    fn empty_and_absent_are_the_same() {
        let desired = json!({"description": "", "managed_policies": [], "rule": {}, "tags": {}});
        assert_eq!(paths(&desired, &json!({})), [""; 0]);
    }

    #[test]
    fn a_declared_empty_value_removes_the_live_one() {
        assert_eq!(paths(&json!({"description": ""}), &json!({"description": "x"})), ["description"]);
    }

    #[test]
    fn within_a_rule_only_declared_fields_are_compared() {
        let live = json!({"rule": {"a": {"vault": "v", "start_window": "8h"}}});
        assert_eq!(paths(&json!({"rule": {"a": {"vault": "v"}}}), &live), [""; 0]);
        assert_eq!(paths(&json!({"rule": {"a": {"vault": "w"}}}), &live), ["rule.a.vault"]);
    }

    #[test]
    fn a_rule_that_the_file_lacks_is_one_removal() {
        let live = json!({"rule": {"a": {"vault": "v"}, "b": {"vault": "v", "start_window": "8h"}}});
        assert_eq!(paths(&json!({"rule": {"a": {"vault": "v"}}}), &live), ["rule.b"]);
    }

    #[test]
    fn a_new_rule_is_shown_field_by_field() {
        let desired = json!({"rule": {"a": {"vault": "v", "start_window": "8h"}}});
        assert_eq!(paths(&desired, &json!({})), ["rule.a.vault", "rule.a.start_window"]);
    }

    #[test]
    fn an_entry_that_declares_nothing_is_there_and_has_no_other_difference() {
        let live = json!({"rule": {"a": {"vault": "v", "start_window": "8h"}}});
        assert_eq!(paths(&json!({"rule": {"a": {}}}), &live), [""; 0]);
        assert_eq!(paths(&json!({"rule": {"a": {}}}), &json!({"rule": {"a": {}}})), [""; 0]);
        assert_eq!(paths(&json!({"rule": {"a": {}}}), &json!({})), ["rule.a"]);
        assert_eq!(paths(&json!({"rule": {"a": {}, "b": {}}}), &live), ["rule.b"]);
        assert_eq!(paths(&json!({"rule": {"b": {}}}), &live), ["rule.a", "rule.b"]);
    }

    #[test]
    fn a_record_of_its_own_that_is_declared_empty_goes() {
        let live = json!({"lock": {"vault": "v"}});
        assert_eq!(paths(&json!({"lock": {}}), &live), ["lock"]);
        assert_eq!(paths(&json!({"lock": {}}), &json!({})), [""; 0]);
    }

    #[test]
    fn a_tag_that_we_wrote_goes_even_when_the_file_has_no_tags_left() {
        let live = json!({"tags": {"team": "a", "theirs": "b", "vssctl:keys": "team"}});
        assert_eq!(paths(&json!({}), &live), ["tags.team"]);
    }

    #[test]
    fn a_lost_mark_is_a_difference_of_its_own() {
        let marks = BTreeMap::from([("vssctl:id".to_owned(), "role.a".to_owned())]);
        let changes = diff(TABLE, &Fields::new(), &Fields::new(), &marks);
        assert_eq!(changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["tags.vssctl:id"]);
    }

    #[test]
    fn a_hidden_value_is_compared_and_not_shown() {
        static HIDDEN: &[Field] = &[Field::new("overrides", Shape::Hidden, "")];
        let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
        let shown = |desired: Value, live: Value| -> Vec<(Value, Value)> {
            let changes = diff(HIDDEN, &fields(&desired), &fields(&live), &BTreeMap::new());
            changes.into_iter().map(|change| (change.before, change.after)).collect()
        };
        let (one, two) = (json!({ "overrides": "sha256:1" }), json!({ "overrides": "sha256:2" }));
        assert_eq!(shown(one.clone(), one.clone()), []);
        assert_eq!(shown(one.clone(), json!({})), [(Value::Null, json!("(hidden)"))]);
        assert_eq!(shown(one.clone(), two), [(json!("(hidden)"), json!("(hidden, changed)"))]);
        assert_eq!(shown(json!({ "overrides": "" }), one), [(json!("(hidden)"), Value::Null)]);
    }

    #[test]
    fn a_field_that_no_call_changes_replaces_the_resource() {
        let fields = |value: Value| value.as_object().cloned().unwrap_or_default();
        let changes = diff(TABLE, &fields(json!({"path": "/b/"})), &fields(json!({"path": "/a/"})), &BTreeMap::new());
        assert!(changes[0].replaces);
    }
}
