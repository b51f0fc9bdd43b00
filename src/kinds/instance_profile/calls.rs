//! The calls that take an instance profile from live to desired. Pure.

use super::carried::ProfileCarried;
use crate::model::KindId;
use crate::model::Operation;
use serde_json::json;

use crate::kind::value::text;
use crate::kind::{Calls, Live, Transition};
use crate::kinds::delta::{Delta, all_tags, new_path};
use crate::kinds::expect::{expecting, expecting_reference};
use crate::kinds::input::{tag_list, without_empty};
use crate::model::{Action, PlannedCall};

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    let look = |live: &Live| {
        let input = json!({ "InstanceProfileName": live.name });
        expecting(Operation::GetInstanceProfile, input, live, &["InstanceProfileId"], transition.marks)
    };
    let profile = transition.live.map(look);
    Calls { looks: profile.into_iter().chain(role_look(transition)).collect(), ..changes(transition) }
}

/// Looks whether the role that is put into the profile is the one that the plan saw: instances get what it may do.
fn role_look(transition: &Transition<'_>) -> Option<PlannedCall> {
    let wanted = Delta::of(transition).wanted("role").as_str().filter(|role| !role.is_empty())?;
    let is_put_in = match transition.action {
        Action::Create | Action::Replace => true,
        Action::Update => Delta::of(transition).changes("role"),
        Action::Adopt | Action::Delete | Action::NoOp | Action::Unknown | Action::Refused => false,
    };
    let mut neighbours =
        transition.neighbours.iter().filter(|(address, _)| is_put_in && address.kind() == KindId::Role);
    let (address, role) = neighbours.find(|(_, role)| role.name == wanted)?;
    // A role that is made again has another id.
    let input = json!({ "RoleName": role.name });
    (!transition.replaced.contains(address))
        .then(|| expecting_reference(Operation::GetRole, input, role, &["RoleId"], transition.scope))
}

fn changes(transition: &Transition<'_>) -> Calls {
    match transition.action {
        Action::Create => Calls { ensure: create(transition), ..Calls::default() },
        Action::Adopt => Calls { ensure: tags(transition), ..Calls::default() },
        Action::Update => update(transition),
        Action::Replace => Calls {
            release: transition.live.map(delete).unwrap_or_default(),
            ensure: create(transition),
            ..Calls::default()
        },
        Action::Delete => {
            let calls = |live: &Live| [take_off(live), delete(live)].concat();
            Calls { remove: transition.live.map(calls).unwrap_or_default(), ..Calls::default() }
        }
        Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

fn create(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(desired) = transition.desired else { return Vec::new() };
    let input = json!({
        "InstanceProfileName": desired.name,
        "Path": new_path(transition),
        "Tags": tag_list(&all_tags(transition)),
    });
    let mut calls = vec![PlannedCall::new(Operation::CreateInstanceProfile, without_empty(input))];
    let role = Delta::of(transition).wanted("role").as_str().unwrap_or_default();
    if !role.is_empty() {
        calls.push(add(&desired.name, role));
    }
    calls
}

fn update(transition: &Transition<'_>) -> Calls {
    let Some(live) = transition.live else { return Calls::default() };
    let delta = Delta::of(transition);
    let current = delta.live("role").as_str().unwrap_or_default();
    let wanted = delta.wanted("role").as_str().unwrap_or_default();
    // The mark comes first: what follows is done to what is ours, wherever the run ends.
    let mut calls = Calls { ensure: tags(transition), ..Calls::default() };
    // The role of this name is replaced: it can't go while the profile holds it.
    let is_replaced = transition.replaced.iter().any(|address| {
        address.kind() == KindId::Role
            && transition.neighbours.get(address).is_some_and(|role| !current.is_empty() && role.name == current)
    });
    if is_replaced {
        calls.release.push(remove(&live.name, current));
    }
    if delta.changes("role") && !current.is_empty() && !is_replaced {
        // A profile holds one role: the old one leaves first.
        calls.ensure.push(remove(&live.name, current));
    }
    if (delta.changes("role") || is_replaced) && !wanted.is_empty() {
        calls.ensure.push(add(&live.name, wanted));
    }
    calls
}

fn tags(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(live) = transition.live else { return Vec::new() };
    let changes = Delta::of(transition).tags();
    let mut calls = Vec::new();
    // IAM compares tag keys without regard to case: a key that changes its case only would be removed with the old one.
    if !changes.unset.is_empty() {
        let input = json!({ "InstanceProfileName": live.name, "TagKeys": changes.unset });
        calls.push(PlannedCall::new(Operation::UntagInstanceProfile, input));
    }
    if !changes.set.is_empty() {
        let input = json!({ "InstanceProfileName": live.name, "Tags": tag_list(&changes.set) });
        calls.push(PlannedCall::new(Operation::TagInstanceProfile, input));
    }
    calls
}

fn delete(live: &Live) -> Vec<PlannedCall> {
    let role = text(&live.fields, "role");
    let mut calls = Vec::new();
    if !role.is_empty() {
        calls.push(remove(&live.name, role));
    }
    calls.push(PlannedCall::new(Operation::DeleteInstanceProfile, json!({ "InstanceProfileName": live.name })));
    calls
}

/// Takes the profile off the instances that no attachment speaks for: who named the profile has been told of them.
fn take_off(live: &Live) -> Vec<PlannedCall> {
    let carriers = live.carried.get::<ProfileCarried>().into_iter().flat_map(|carried| &carried.carriers);
    let uncovered = carriers.filter(|carrier| carrier.attachment.is_none());
    let input = uncovered.map(|carrier| json!({ "AssociationId": carrier.association_id }));
    input.map(|input| PlannedCall::new(Operation::DisassociateIamInstanceProfile, input)).collect()
}

fn add(profile: &str, role: &str) -> PlannedCall {
    PlannedCall::new(Operation::AddRoleToInstanceProfile, json!({ "InstanceProfileName": profile, "RoleName": role }))
}

fn remove(profile: &str, role: &str) -> PlannedCall {
    PlannedCall::new(
        Operation::RemoveRoleFromInstanceProfile,
        json!({ "InstanceProfileName": profile, "RoleName": role }),
    )
}
