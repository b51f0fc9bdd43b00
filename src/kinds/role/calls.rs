//! The calls that take a role from live to desired. Pure.

use super::carried::RoleCarried;
use crate::model::KindId;
use crate::model::Operation;
use serde_json::{Value, json};

use crate::kind::diff;
use crate::kind::value::{id, pairs, texts};
use crate::kind::{Calls, Live, Transition};
use crate::kinds::delta::{Delta, all_tags, new_path};
use crate::kinds::expect::expecting;
use crate::kinds::input::{tag_list, without_empty};
use crate::model::duration::seconds;
use crate::model::{Action, PlannedCall};
use crate::policy;

/// AWS's default session duration in seconds.
const DEFAULT_SESSION: u32 = 3600;

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    let look = |live: &Live| {
        expecting(Operation::GetRole, json!({ "RoleName": live.name }), live, &["RoleId"], transition.marks)
    };
    Calls { looks: transition.live.map(look).into_iter().collect(), ..changes(transition) }
}

fn changes(transition: &Transition<'_>) -> Calls {
    match transition.action {
        Action::Create => Calls { ensure: create(transition), ..Calls::default() },
        Action::Adopt => Calls { ensure: tags(transition), ..Calls::default() },
        Action::Update => update(transition),
        // The name is taken while the old role stands: it goes first.
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
    // What takes the place of a role keeps what the file does not speak of, its boundary first of all.
    let delta = Delta::of(transition);
    let mut input = json!({
        "RoleName": desired.name,
        "Path": new_path(transition),
        "AssumeRolePolicyDocument": Some(delta.wanted("trust")).filter(|trust| !trust.is_null()).map(Value::to_string),
        "Description": delta.wanted("description"),
        "PermissionsBoundary": delta.wanted("permissions_boundary"),
        "Tags": tag_list(&all_tags(transition)),
    });
    let duration = delta.wanted("max_session_duration");
    if !diff::is_empty(duration) {
        input["MaxSessionDuration"] = json!(session_seconds(duration));
    }
    let mut calls = vec![PlannedCall::new(Operation::CreateRole, without_empty(input))];
    let other = transition.live.and_then(|live| live.carried.get::<RoleCarried>()).cloned().unwrap_or_default();
    let attached = texts(delta.wanted("managed_policies"))
        .into_iter()
        .chain(other.other_managed_policies.iter().map(String::as_str));
    calls.extend(attached.map(|arn| attach(&desired.name, arn)));
    let inline = pairs(delta.wanted("inline_policies")).chain(&other.other_inline_policies);
    calls.extend(inline.map(|(name, document)| put(&desired.name, name, document)));
    calls
}

fn update(transition: &Transition<'_>) -> Calls {
    let Some(live) = transition.live else { return Calls::default() };
    let delta = Delta::of(transition);
    let role = live.name.as_str();
    // The mark comes first: what follows is done to what is ours, wherever the run ends.
    let mut calls = Calls { ensure: tags(transition), ..Calls::default() };
    if delta.changes_any(&["description", "max_session_duration"]) {
        // What UpdateRole does not name goes back to AWS's default: always both.
        calls.ensure.push(PlannedCall::new(
            Operation::UpdateRole,
            json!({
                "RoleName": role,
                "Description": delta.wanted("description").as_str().unwrap_or_default(),
                "MaxSessionDuration": session_seconds(delta.wanted("max_session_duration")),
            }),
        ));
    }
    if delta.changes("trust") {
        let document = delta.desired("trust").to_string();
        let input = json!({ "RoleName": role, "PolicyDocument": document });
        calls.ensure.push(PlannedCall::new(Operation::UpdateAssumeRolePolicy, input));
    }
    let replaced = replaced_policies(transition);
    let bounded = delta.live("permissions_boundary").as_str().is_some_and(|arn| replaced.contains(&arn));
    if bounded {
        calls.release.push(delete_boundary(role));
    }
    let boundary = delta.wanted("permissions_boundary").as_str().filter(|arn| !arn.is_empty());
    // A boundary that was let go and has no successor is gone already.
    if delta.changes("permissions_boundary") && !(bounded && boundary.is_none()) || bounded && boundary.is_some() {
        calls.ensure.push(match boundary {
            Some(arn) => {
                let input = json!({ "RoleName": role, "PermissionsBoundary": arn });
                PlannedCall::new(Operation::PutRolePermissionsBoundary, input)
            }
            None => delete_boundary(role),
        });
    }
    let (added, mut removed) = delta.set("managed_policies");
    // A replaced policy is let go before it goes, and attached again, under another ARN where its path changes.
    let attached = attached(live);
    let swapped: Vec<&str> = attached.filter(|arn| replaced.contains(arn)).collect();
    removed.retain(|arn| !swapped.contains(arn));
    calls.release.extend(swapped.iter().map(|arn| detach(role, arn)));
    let wanted = texts(delta.wanted("managed_policies"));
    let again = swapped.iter().copied().filter(|arn| wanted.contains(arn));
    calls.ensure.extend(added.into_iter().chain(again).map(|arn| attach(role, arn)));
    if delta.changes("inline_policies") {
        let (desired, current) = (delta.desired("inline_policies"), delta.live("inline_policies"));
        let differs = |(name, document): &(&String, &Value)| {
            current.get(name.as_str()).is_none_or(|current| !policy::equal(document, current))
        };
        calls.ensure.extend(pairs(desired).filter(differs).map(|(name, document)| put(role, name, document)));
        let gone = pairs(current).filter(|(name, _)| desired.get(name.as_str()).is_none());
        calls.remove.extend(gone.map(|(name, _)| delete_inline(role, name)));
    }
    // Attach before detach: the role is never without either policy.
    calls.remove.extend(removed.into_iter().filter(|arn| !swapped.contains(arn)).map(|arn| detach(role, arn)));
    calls
}

fn tags(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(live) = transition.live else { return Vec::new() };
    let changes = Delta::of(transition).tags();
    let mut calls = Vec::new();
    // IAM's keys ignore case: a key that only changes its case would go with the old one.
    if !changes.unset.is_empty() {
        calls.push(PlannedCall::new(Operation::UntagRole, json!({ "RoleName": live.name, "TagKeys": changes.unset })));
    }
    if !changes.set.is_empty() {
        calls.push(PlannedCall::new(
            Operation::TagRole,
            json!({ "RoleName": live.name, "Tags": tag_list(&changes.set) }),
        ));
    }
    calls
}

/// Detaches, empties and deletes a role; AWS deletes none that still has policies.
fn delete(live: &Live) -> Vec<PlannedCall> {
    let mut calls: Vec<PlannedCall> = attached(live).map(|arn| detach(&live.name, arn)).collect();
    let inline = live.carried.get::<RoleCarried>().into_iter().flat_map(|carried| &carried.role_policy_names);
    calls.extend(inline.map(|name| delete_inline(&live.name, name)));
    calls.push(PlannedCall::new(Operation::DeleteRole, json!({ "RoleName": live.name })));
    calls
}

/// The ARNs of the policies that this plan replaces.
fn replaced_policies<'a>(transition: &Transition<'a>) -> Vec<&'a str> {
    let replaced = transition.replaced.iter().filter(|address| address.kind() == KindId::Policy);
    replaced.filter_map(|address| transition.neighbours.get(address)).map(|policy| id(policy, "Arn")).collect()
}

fn session_seconds(duration: &Value) -> u32 {
    duration.as_str().and_then(|text| seconds::parse(text).ok()).unwrap_or(DEFAULT_SESSION)
}

/// The ARNs of all managed policies that a role has.
fn attached(live: &Live) -> impl Iterator<Item = &str> {
    let carried = live.carried.get::<RoleCarried>().into_iter();
    carried.flat_map(|carried| &carried.attached_managed_policies).map(String::as_str)
}

fn attach(role: &str, arn: &str) -> PlannedCall {
    PlannedCall::new(Operation::AttachRolePolicy, json!({ "RoleName": role, "PolicyArn": arn }))
}

fn detach(role: &str, arn: &str) -> PlannedCall {
    PlannedCall::new(Operation::DetachRolePolicy, json!({ "RoleName": role, "PolicyArn": arn }))
}

fn delete_boundary(role: &str) -> PlannedCall {
    PlannedCall::new(Operation::DeleteRolePermissionsBoundary, json!({ "RoleName": role }))
}

fn put(role: &str, name: &str, document: &Value) -> PlannedCall {
    let input = json!({ "RoleName": role, "PolicyName": name, "PolicyDocument": document.to_string() });
    PlannedCall::new(Operation::PutRolePolicy, input)
}

fn delete_inline(role: &str, name: &str) -> PlannedCall {
    PlannedCall::new(Operation::DeleteRolePolicy, json!({ "RoleName": role, "PolicyName": name }))
}
