//! What only the account says of an entry, put where the file leaves it open.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Input;
use crate::kind::{Desired, Found};
use crate::kinds;
use crate::model::Address;

/// Fills in what only the account says, and puts the live ARNs of roles, policies and instance profiles in place of
/// those that the file implies: an entry without a `path` leaves the resource where it is, and what refers to it has to
/// find it there.
pub(super) fn follow_paths(input: &Input<'_>) -> Vec<Desired> {
    let found: BTreeMap<&Address, &Found> = input.live.iter().flat_map(|(_, live)| &live.found).collect();
    let moved: BTreeMap<String, String> = input
        .desired
        .iter()
        .filter(|desired| !desired.fields.contains_key("path"))
        .filter_map(|desired| {
            let resource = kinds::of(desired.address.kind()).iam_resource()?;
            let Found::Live(live) = found.get(&desired.address)? else { return None };
            let implied = input.scope.iam_arn(resource, &input.scope.iam_path, &desired.name);
            live.ids.get("Arn").filter(|arn| **arn != implied).map(|arn| (implied, arn.clone()))
        })
        .collect();
    let mut desired = input.desired.to_vec();
    if !moved.is_empty() {
        for value in desired.iter_mut().flat_map(|desired| desired.fields.values_mut()) {
            follow(value, &moved);
        }
    }
    for desired in &mut desired {
        if let Some(Found::Live(live)) = found.get(&desired.address).copied() {
            kinds::of(desired.address.kind()).complete(desired, live);
        }
    }
    desired
}

fn follow(value: &mut Value, moved: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(arn) = moved.get(text.as_str()) {
                text.clone_from(arn);
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                follow(item, moved);
            }
            // Sets are kept sorted.
            if items.iter().all(Value::is_string) {
                items.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
            }
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
