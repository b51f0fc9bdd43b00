//! Finds the instances that a selection includes.
//!
//! Written from `BackupSelection` of the API reference and "Assign resources programmatically" of the AWS Backup guide.
//! Instances are the only resources here.

use serde_json::{Map, Value};

use super::vss::Place;
use crate::model::glob;
use crate::sandbox::fleet::{Fleet, Instance};

/// Returns the instances that a selection includes: those that `Resources` names or that have one of `ListOfTags`, as
/// far as all `Conditions` hold, without those that `NotResources` names. Patterns without a resource type, and tags,
/// include instances only while the region's switch for EC2 is on.
pub(super) fn chosen<'a>(
    selection: &Map<String, Value>,
    fleet: &'a Fleet,
    place: Place<'_>,
    opted_in: bool,
) -> Vec<&'a Instance> {
    let (resources, not_resources) = (texts(selection, "Resources"), texts(selection, "NotResources"));
    let tags = list(selection, "ListOfTags");
    let named = |arn: &str| {
        resources.iter().any(|pattern| (opted_in || pattern.contains(":instance/")) && glob::is_starred(pattern, arn))
    };
    let tagged = |instance: &Instance| {
        opted_in
            && tags.iter().any(|tag| {
                let (key, value) = condition(tag);
                instance.tags.get(key).is_some_and(|own| own == value)
            })
    };
    // A selection without resources and tags includes all resources whose types are opted in.
    let everything = opted_in && resources.is_empty() && tags.is_empty();
    let is_chosen = |instance: &&Instance| {
        let arn = place.instance(&instance.id);
        (named(&arn) || tagged(instance) || everything)
            && holds(selection, instance)
            && !not_resources.iter().any(|pattern| glob::is_starred(pattern, &arn))
    };
    fleet.instances.values().filter(is_chosen).collect()
}

fn list<'a>(selection: &'a Map<String, Value>, member: &str) -> &'a [Value] {
    selection.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn texts<'a>(selection: &'a Map<String, Value>, member: &str) -> Vec<&'a str> {
    list(selection, member).iter().filter_map(Value::as_str).collect()
}

fn condition(condition: &Value) -> (&str, &str) {
    let text = |member: &str| condition.get(member).and_then(Value::as_str).unwrap_or_default();
    (text("ConditionKey"), text("ConditionValue"))
}

/// Tells whether all conditions hold. A tag that is absent equals no value.
fn holds(selection: &Map<String, Value>, instance: &Instance) -> bool {
    let of = |operator: &str| {
        let conditions = selection.get("Conditions").and_then(Value::as_object);
        conditions.map(|conditions| list(conditions, operator)).unwrap_or_default()
    };
    let fits = |one: &Value, compare: fn(&str, &str) -> bool| {
        let (key, wanted) = condition(one);
        let key = key.strip_prefix("aws:ResourceTag/").unwrap_or(key);
        instance.tags.get(key).is_some_and(|own| compare(wanted, own))
    };
    let equal: fn(&str, &str) -> bool = |wanted, own| wanted == own;
    of("StringEquals").iter().all(|one| fits(one, equal))
        && of("StringLike").iter().all(|one| fits(one, glob::is_starred))
        && of("StringNotEquals").iter().all(|one| !fits(one, equal))
        && of("StringNotLike").iter().all(|one| !fits(one, glob::is_starred))
}
