//! Which instances the targets of State Manager and Run Command mean, and which of them two have in common.
//!
//! Targets are a map from SSM's key to its values: `tag:KEY`, `tag-key`, `InstanceIds`, `resource-groups:Name`. An
//! instance must fit every key, with one value of each. AWS page: "Understanding targets and rate controls in State
//! Manager associations".

use serde_json::Value;

use super::evidence::Tags;
use super::together::Specimen;

/// The key of instances by id.
const IDS: &str = "InstanceIds";

/// Tells whether targets mean an instance. The members of a resource group are not known here, so that a group means
/// none.
pub fn mean(targets: &Value, id: &str, tags: &Tags) -> bool {
    let Some(targets) = targets.as_object().filter(|targets| !targets.is_empty()) else { return false };
    targets.iter().all(|(key, values)| {
        let any = |wanted: &str| texts(values).any(|value| value == wanted);
        match key.split_once(':') {
            Some(("tag", name)) => tags.get(name).is_some_and(|value| any(value)),
            _ if key == "tag-key" => tags.keys().any(|name| any(name)),
            _ if key.eq_ignore_ascii_case(IDS) => any("*") || any(id),
            _ => false,
        }
    })
}

/// Returns the ids that targets name; `*` is none.
pub fn ids(targets: &Value) -> impl Iterator<Item = &str> {
    let lists = targets.as_object().into_iter().flatten().filter(|(key, _)| key.eq_ignore_ascii_case(IDS));
    lists.flat_map(|(_, values)| texts(values)).filter(|id| *id != "*")
}

/// Describes what two targets have in common, if they have: an instance that there is, or one that there may be.
///
/// Without an instance that both mean, targets by the same keys overlap where each key has a value in common; more keys
/// on one side narrow it. All instances (`*`) overlap with everything. Different keys alone do not, as nothing says
/// that an instance ever fits both.
pub fn shared(one: &Value, other: &Value, instances: &[Specimen]) -> Option<String> {
    let both = |specimen: &&Specimen| {
        let id = specimen.arn.rsplit('/').next().unwrap_or_default();
        mean(one, id, &specimen.tags) && mean(other, id, &specimen.tags)
    };
    let mut found = instances.iter().filter(both);
    if let Some(first) = found.next() {
        return Some(match found.count() {
            0 => first.words(),
            1 => format!("{} and one more instance", first.words()),
            more => format!("{} and {more} more instances", first.words()),
        });
    }
    if is_nothing(one) || is_nothing(other) {
        return None;
    }
    if is_everything(one) || is_everything(other) {
        return Some(words(if is_everything(one) { other } else { one }));
    }
    let (few, many) = if keys(one).count() <= keys(other).count() { (one, other) } else { (other, one) };
    let meets = |key: &str| texts(&few[key]).any(|value| texts(&many[key]).any(|it| it == value));
    keys(few).all(meets).then(|| words(many))
}

/// Describes targets, such as `` `tag:VssBackup` = `enabled` ``.
pub fn words(targets: &Value) -> String {
    let of = |key: &str| {
        let values: Vec<String> = texts(&targets[key]).map(|value| format!("`{value}`")).collect();
        format!("`{key}` = {}", values.join(" or "))
    };
    keys(targets).map(of).collect::<Vec<_>>().join(" and ")
}

fn keys(targets: &Value) -> impl Iterator<Item = &str> {
    targets.as_object().into_iter().flatten().map(|(key, _)| key.as_str())
}

fn texts(values: &Value) -> impl Iterator<Item = &str> {
    values.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn is_nothing(targets: &Value) -> bool {
    keys(targets).next().is_none() || keys(targets).any(|key| texts(&targets[key]).next().is_none())
}

fn is_everything(targets: &Value) -> bool {
    keys(targets).all(|key| key.eq_ignore_ascii_case(IDS) && texts(&targets[key]).any(|id| id == "*"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sql() -> Specimen {
        let tags = [("a", "1"), ("b", "2")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1".to_owned();
        Specimen { arn, tags: tags.into_iter().collect(), title: Some("sql".to_owned()) }
    }

    #[test]
    fn targets_overlap_by_a_common_value_of_each_common_key() {
        let cases = [
            (json!({ "tag:a": ["1"] }), json!({ "tag:a": ["1"] }), true),
            (json!({ "tag:a": ["1", "2"] }), json!({ "tag:a": ["2", "3"] }), true),
            (json!({ "tag:a": ["1"] }), json!({ "tag:a": ["2"] }), false),
            (json!({ "tag:a": ["1"] }), json!({ "tag:A": ["1"] }), false),
            (json!({ "tag:a": ["1"] }), json!({ "tag:a": ["1"], "tag:b": ["2"] }), true),
            (json!({ "tag:a": ["1"], "tag:c": ["3"] }), json!({ "tag:a": ["1"], "tag:b": ["2"] }), false),
            (json!({ "tag:a": ["1"] }), json!({ "tag:b": ["2"] }), false),
            (json!({ "tag:a": ["1"] }), json!({ "InstanceIds": ["*"] }), true),
            (json!({ "tag:a": ["1"] }), json!({ "InstanceIds": ["i-1"] }), false),
            (json!({ "InstanceIds": ["i-1", "i-2"] }), json!({ "InstanceIds": ["i-2"] }), true),
            (json!({ "InstanceIds": ["i-1"] }), json!({ "InstanceIds": ["i-2"] }), false),
            (json!({ "InstanceIds": ["*"] }), json!({ "InstanceIds": ["*"] }), true),
            (json!({ "resource-groups:Name": ["g"] }), json!({ "resource-groups:Name": ["g"] }), true),
            (json!({ "resource-groups:Name": ["g"] }), json!({ "tag:a": ["1"] }), false),
            (json!({}), json!({ "InstanceIds": ["*"] }), false),
            (json!({ "tag:a": [] }), json!({ "tag:a": [] }), false),
        ];
        for (one, other, overlaps) in cases {
            assert_eq!(shared(&one, &other, &[]).is_some(), overlaps, "{one} {other}");
            assert_eq!(shared(&other, &one, &[]).is_some(), overlaps, "{other} {one}");
        }
    }

    #[test]
    fn different_keys_overlap_where_an_instance_has_both() {
        let cases = [
            (json!({ "tag:a": ["1"] }), json!({ "tag:b": ["2"] }), true),
            (json!({ "tag:a": ["1"] }), json!({ "InstanceIds": ["i-1"] }), true),
            (json!({ "tag:a": ["1"] }), json!({ "tag-key": ["b"] }), true),
            (json!({ "tag:a": ["1"] }), json!({ "tag:b": ["3"] }), false),
        ];
        for (one, other, overlaps) in cases {
            let found = shared(&one, &other, &[sql()]);
            assert_eq!(found.as_deref(), overlaps.then_some("sql"), "{one} {other}");
        }
        assert_eq!(words(&json!({ "tag:a": ["1", "2"] })), "`tag:a` = `1` or `2`");
    }
}
