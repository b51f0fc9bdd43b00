//! The calls that take a customer managed policy from live to desired. Pure.

use super::carried::PolicyCarried;
use crate::model::Operation;
use serde_json::{Value, json};

use crate::kind::value::id;
use crate::kind::{Calls, Live, Transition};
use crate::kinds::delta::{Delta, all_tags, new_path};
use crate::kinds::expect::expecting;
use crate::kinds::input::{tag_list, without_empty};
use crate::model::{Action, PlannedCall};

/// The number of versions that AWS keeps of a policy.
const VERSIONS: usize = 5;

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    let look = |live: &Live| {
        expecting(Operation::GetPolicy, json!({ "PolicyArn": id(live, "Arn") }), live, &["PolicyId"], transition.marks)
    };
    Calls { looks: transition.live.map(look).into_iter().collect(), ..changes(transition) }
}

fn changes(transition: &Transition<'_>) -> Calls {
    match transition.action {
        Action::Create => Calls { ensure: create(transition), ..Calls::default() },
        Action::Adopt => Calls { ensure: tags(transition), ..Calls::default() },
        Action::Update => Calls { ensure: update(transition), ..Calls::default() },
        Action::Replace => Calls {
            release: transition.live.map(delete).unwrap_or_default(),
            ensure: create(transition),
            ..Calls::default()
        },
        Action::Delete => Calls { remove: transition.live.map(delete).unwrap_or_default(), ..Calls::default() },
        Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

fn create(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(desired) = transition.desired else { return Vec::new() };
    let input = json!({
        "PolicyName": desired.name,
        "Path": new_path(transition),
        "PolicyDocument": desired.fields.get("document").map(Value::to_string),
        "Description": Delta::of(transition).wanted("description"),
        "Tags": tag_list(&all_tags(transition)),
    });
    vec![PlannedCall::new(Operation::CreatePolicy, without_empty(input))]
}

fn update(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(live) = transition.live else { return Vec::new() };
    let delta = Delta::of(transition);
    let arn = delta.id("Arn");
    // The mark comes first: what follows is done to what is ours, wherever the run ends.
    let mut calls = tags(transition);
    if delta.changes("document") {
        let versions = versions(live);
        if versions.len() >= VERSIONS {
            calls.extend(
                versions
                    .iter()
                    .find(|version| **version != delta.id("DefaultVersionId"))
                    .map(|version| delete_version(arn, version)),
            );
        }
        let document = delta.desired("document").to_string();
        let input = json!({ "PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": true });
        calls.push(PlannedCall::new(Operation::CreatePolicyVersion, input));
    }
    calls
}

fn tags(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let delta = Delta::of(transition);
    let (arn, changes) = (delta.id("Arn"), delta.tags());
    let mut calls = Vec::new();
    // IAM compares tag keys without regard to case: a key that changes its case only would be removed with the old one.
    if !changes.unset.is_empty() {
        calls.push(PlannedCall::new(Operation::UntagPolicy, json!({ "PolicyArn": arn, "TagKeys": changes.unset })));
    }
    if !changes.set.is_empty() {
        calls.push(PlannedCall::new(Operation::TagPolicy, json!({ "PolicyArn": arn, "Tags": tag_list(&changes.set) })));
    }
    calls
}

/// Deletes a policy; its other versions go first.
fn delete(live: &Live) -> Vec<PlannedCall> {
    let (arn, default) = (id(live, "Arn"), id(live, "DefaultVersionId"));
    let old = versions(live).into_iter().filter(|version| *version != default);
    let mut calls: Vec<PlannedCall> = old.map(|version| delete_version(arn, version)).collect();
    calls.push(PlannedCall::new(Operation::DeletePolicy, json!({ "PolicyArn": arn })));
    calls
}

/// The versions, oldest first.
fn versions(live: &Live) -> Vec<&str> {
    let carried = live.carried.get::<PolicyCarried>().into_iter();
    carried.flat_map(|carried| &carried.versions).map(String::as_str).collect()
}

fn delete_version(arn: &str, version: &str) -> PlannedCall {
    PlannedCall::new(Operation::DeletePolicyVersion, json!({ "PolicyArn": arn, "VersionId": version }))
}
