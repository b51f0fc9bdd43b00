//! What scripts ask of a live resource: its name, its ids and its fields, each by a name of its own.

use serde_json::{Map, Value};

use crate::kind::{Live, Shape};
use crate::kinds;
use crate::model::{KindId, hidden};

/// AWS's names of the id that a kind goes by, the closest first: a selection has its plan's id too.
const IDS: [&str; 7] =
    ["SelectionId", "BackupPlanId", "RoleId", "PolicyId", "InstanceProfileId", "AssociationId", "CommandId"];

/// Returns everything that can be asked of a live resource. A value that nobody is shown is its hash.
pub fn outputs(kind: KindId, live: &Live) -> Map<String, Value> {
    let mut outputs = Map::new();
    let mut add = |name: &str, value: Value| {
        outputs.entry(name).or_insert(value);
    };
    add("name", live.name.as_str().into());
    let id = IDS.iter().find_map(|name| live.ids.get(*name));
    add("id", id.unwrap_or(&live.name).as_str().into());
    let arn = live.ids.get("Arn").or_else(|| live.ids.iter().find(|(name, _)| name.ends_with("Arn")).map(|(_, id)| id));
    if let Some(arn) = arn {
        add("arn", arn.as_str().into());
    }
    for (name, id) in &live.ids {
        add(&in_snake_case(name), id.as_str().into());
    }
    for field in kinds::of(kind).fields() {
        if let Some(value) = live.fields.get(field.name) {
            add(field.name, without_hidden(&field.shape, value));
        }
    }
    outputs
}

/// Follows a way such as `rule.nightly.schedule`. The names on it may have dots themselves.
pub fn at<'v>(value: &'v Value, way: &str) -> Option<&'v Value> {
    if way.is_empty() {
        return Some(value);
    }
    match value {
        Value::Object(members) => {
            let mut fitting: Vec<(&String, &str)> = members
                .keys()
                .filter_map(|key| {
                    let rest = way.strip_prefix(key.as_str())?;
                    if rest.is_empty() { Some((key, "")) } else { Some((key, rest.strip_prefix('.')?)) }
                })
                .collect();
            fitting.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
            fitting.into_iter().find_map(|(key, rest)| at(&members[key], rest))
        }
        Value::Array(items) => {
            let (index, rest) = way.split_once('.').unwrap_or((way, ""));
            items.get(index.parse::<usize>().ok()?).and_then(|item| at(item, rest))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Lists the ways to all values, those of tables and lists too.
pub fn ways(value: &Value) -> Vec<String> {
    let below = |name: &str, value: &Value| {
        let own = name.to_owned();
        let inner = ways(value).into_iter().map(|way| format!("{name}.{way}")).collect::<Vec<_>>();
        [own].into_iter().chain(inner).collect::<Vec<_>>()
    };
    match value {
        Value::Object(_) if is_hidden(value) => Vec::new(),
        Value::Object(members) => members.iter().flat_map(|(name, value)| below(name, value)).collect(),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Tells whether a value is one that nobody is shown.
pub fn is_hidden(value: &Value) -> bool {
    value.as_object().is_some_and(|members| members.len() == 1 && members.contains_key("$hidden"))
}

fn without_hidden(shape: &Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Hidden, value) => hidden::placeholder(value.as_str().unwrap_or_default()),
        (Shape::Map(inner), Value::Object(members)) => {
            members.iter().map(|(name, value)| (name.clone(), without_hidden(inner, value))).collect()
        }
        (Shape::Record(fields), Value::Object(members)) => {
            let shown = members.iter().map(|(name, value)| {
                let field = fields.iter().find(|field| field.name == name);
                (name.clone(), field.map_or_else(|| value.clone(), |field| without_hidden(&field.shape, value)))
            });
            shown.collect()
        }
        (Shape::Scalar | Shape::Document | Shape::Set | Shape::Tags | Shape::Map(_) | Shape::Record(_), value) => {
            value.clone()
        }
    }
}

/// Writes AWS's name of an id as the file writes names: `BackupPlanId` is `backup_plan_id`.
fn in_snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_way_leads_through_names_with_dots() {
        let value = json!({ "tags": { "a": "1", "a.b": "2", "a.b.c": "3" }, "rule": { "x.y": { "schedule": "s" } } });
        for (way, found) in [
            ("tags.a", Some("1")),
            ("tags.a.b", Some("2")),
            ("tags.a.b.c", Some("3")),
            ("tags.a.b.d", None),
            ("rule.x.y.schedule", Some("s")),
            ("rule.x.schedule", None),
            ("rule.x.y.schedule.z", None),
        ] {
            assert_eq!(at(&value, way).and_then(Value::as_str), found, "{way}");
        }
        assert_eq!(at(&json!([["a"], ["b"]]), "1.0"), Some(&json!("b")));
        assert_eq!(at(&json!(["a"]), "1"), None);
        assert_eq!(in_snake_case("BackupPlanId"), "backup_plan_id");
    }
}
