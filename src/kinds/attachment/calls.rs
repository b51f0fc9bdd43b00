//! The calls that put a profile on instances, swap it and take it off. Pure.

use super::carried::{AttachmentCarried, On};
use crate::model::KindId;
use crate::model::Operation;
use serde_json::json;

use super::live::name_of;
use crate::kind::value::{id, pairs, text};
use crate::kind::{Calls, Live, Transition};
use crate::kinds::delta::Delta;
use crate::kinds::expect::expecting_reference;
use crate::model::{Action, PlannedCall};

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    Calls { looks: profile_look(transition).into_iter().collect(), ..changes(transition) }
}

/// Looks whether the profile that instances get is the one that the plan saw: EC2 takes it by its name.
fn profile_look(transition: &Transition<'_>) -> Option<PlannedCall> {
    let wanted = text(&transition.desired?.fields, "instance_profile");
    let (address, profile) = transition
        .neighbours
        .iter()
        .find(|(address, live)| address.kind() == KindId::InstanceProfile && id(live, "Arn") == wanted)?;
    // A profile that is made again has another id.
    let input = json!({ "InstanceProfileName": profile.name });
    (!transition.replaced.contains(address)).then(|| {
        expecting_reference(Operation::GetInstanceProfile, input, profile, &["InstanceProfileId"], transition.scope)
    })
}

fn changes(transition: &Transition<'_>) -> Calls {
    match transition.action {
        Action::Create | Action::Update => update(transition),
        Action::Delete => Calls { remove: transition.live.map(take_off).unwrap_or_default(), ..Calls::default() },
        Action::Adopt | Action::Replace | Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

fn update(transition: &Transition<'_>) -> Calls {
    let (Some(desired), Some(live)) = (transition.desired, transition.live) else { return Calls::default() };
    let profile = text(&desired.fields, "instance_profile");
    let is_replaced = desired.references.iter().any(|address| transition.replaced.contains(address));
    let delta = Delta::of(transition);
    let carried = live.carried.get::<AttachmentCarried>();
    let mut calls = Calls::default();
    for (instance, _) in pairs(delta.desired("instances")) {
        let on = delta.live("instances")[instance.as_str()].as_str();
        let association = carried.and_then(|carried| carried.associations.get(instance));
        let (Some(on), Some(On { association_id: association, is_own: _, is_stopped })) = (on, association) else {
            calls.ensure.push(associate(instance, profile));
            continue;
        };
        if is_replaced && name_of(on) == name_of(profile) {
            // The old profile goes, and the new one has its name: the instance lets go first.
            calls.release.push(disassociate(association));
            calls.ensure.push(associate(instance, profile));
        } else if on != profile && *is_stopped {
            // EC2 answers `IncorrectState` to a replacement on a stopped instance. Between the two calls it has none,
            // and nothing runs there that would miss it.
            calls.ensure.extend([disassociate(association), associate(instance, profile)]);
        } else if on != profile {
            let input = json!({ "AssociationId": association, "IamInstanceProfile": { "Name": name_of(profile) } });
            calls.ensure.push(PlannedCall::new(Operation::ReplaceIamInstanceProfileAssociation, input));
        }
    }
    calls
}

/// Takes the stack's own profiles off.
fn take_off(live: &Live) -> Vec<PlannedCall> {
    let carried = live.carried.get::<AttachmentCarried>().into_iter();
    let own = carried.flat_map(|carried| carried.associations.values()).filter(|on| on.is_own);
    own.map(|on| disassociate(&on.association_id)).collect()
}

fn associate(instance: &str, profile: &str) -> PlannedCall {
    let input = json!({ "InstanceId": instance, "IamInstanceProfile": { "Name": name_of(profile) } });
    PlannedCall::new(Operation::AssociateIamInstanceProfile, input)
}

fn disassociate(association: &str) -> PlannedCall {
    PlannedCall::new(Operation::DisassociateIamInstanceProfile, json!({ "AssociationId": association }))
}
