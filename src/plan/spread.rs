//! How the verdict on one resource reaches the others, along what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, PROTECTED, cannot_go};
use crate::model::{Action, Address, Diagnostic, KindId};

/// Keeps from deletion what something that stays refers to.
pub(super) fn keep_held(drafts: &mut [Draft<'_>]) {
    // A plan without its selections would be protected and protect nothing.
    let is_protected =
        |draft: &&Draft<'_>| draft.action == Action::Refused && draft.reason.as_deref() == Some(PROTECTED);
    let parents: BTreeSet<Address> = drafts.iter().filter(is_protected).map(|draft| draft.address.clone()).collect();
    for draft in drafts.iter_mut().filter(|draft| draft.action == Action::Delete) {
        let parent = draft
            .desired
            .into_iter()
            .flat_map(|desired| &desired.references)
            .find(|held| draft.address.parent_key() == Some(held.key()) && parents.contains(*held));
        if let Some(parent) = parent {
            let reason = format!("`{parent}` is protected (`protect = true`)");
            draft.refuse(Action::Refused, reason);
        }
    }
    loop {
        let held: BTreeMap<(KindId, String), Address> = drafts
            .iter()
            .filter(|draft| draft.action == Action::Refused)
            .filter_map(|draft| draft.live.map(|live| (draft, live)))
            .flat_map(|(draft, live)| live.refers.iter().map(|held| (held.clone(), draft.address.clone())))
            .collect();
        let mut spread = false;
        for draft in drafts.iter_mut().filter(|draft| draft.action == Action::Delete) {
            let holder = draft.live.and_then(|live| held.get(&(draft.kind.id(), live.name.clone())));
            if let Some(holder) = holder {
                let reason = format!("`{holder}` stays and needs it");
                draft.refuse(Action::Refused, reason);
                spread = true;
            }
        }
        if !spread {
            return;
        }
    }
}

/// Refuses what needs a refused thing, and leaves alone what needs an unreadable one.
pub(super) fn spread_refusals(drafts: &mut [Draft<'_>]) {
    loop {
        let blocked: BTreeMap<Address, Action> = drafts
            .iter()
            .filter(|draft| matches!(draft.action, Action::Refused | Action::Unknown))
            .map(|draft| (draft.address.clone(), draft.action))
            .collect();
        // What an unreadable thing refers to may be held by it: it stays.
        let held: BTreeMap<Address, Address> = drafts
            .iter()
            .filter(|draft| draft.action == Action::Unknown)
            .flat_map(|draft| draft.desired.into_iter().map(move |desired| (&draft.address, desired)))
            .flat_map(|(holder, desired)| desired.references.iter().map(|held| (held.clone(), holder.clone())))
            .collect();
        let mut spread = false;
        for draft in drafts.iter_mut() {
            if draft.action == Action::Delete
                && let Some(holder) = held.get(&draft.address)
            {
                draft.refuse(Action::Unknown, format!("`{holder}` may need it, which could not be read"));
                spread = true;
            }
            if !matches!(draft.action, Action::Create | Action::Adopt | Action::Update | Action::Replace) {
                continue;
            }
            let needs = draft
                .desired
                .and_then(|desired| desired.references.iter().find(|address| blocked.contains_key(*address)));
            if let Some(needed) = needs {
                let action = blocked[needed];
                let why = if action == Action::Unknown { "which could not be read" } else { "which is refused" };
                let reason = format!("needs `{needed}`, {why}");
                draft.refuse(action, reason);
                spread = true;
            }
        }
        if !spread {
            return;
        }
    }
}

/// Refuses the replacement of what a protected thing would be replaced along with.
pub(super) fn keep_protected(drafts: &mut [Draft<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let follows = |follower: &&Draft<'_>, replaced: &Draft<'_>| {
        follower.live.is_some()
            && follower.action != Action::Replace
            && follower.desired.is_some_and(|desired| desired.protect && desired.references.contains(&replaced.address))
            && follower.kind.follows(replaced.kind.id()) == Some(Action::Replace)
    };
    let kept: Vec<(Address, Address)> = drafts
        .iter()
        .filter(|draft| draft.action == Action::Replace)
        .filter_map(|draft| {
            let follower = drafts.iter().find(|follower| follows(follower, draft))?;
            Some((draft.address.clone(), follower.address.clone()))
        })
        .collect();
    for (address, follower) in kept {
        let Some(draft) = drafts.iter_mut().find(|draft| draft.address == address) else { continue };
        let location = draft.desired.and_then(|desired| desired.location.clone());
        let obstacle = format!("`{follower}` would be replaced with it, and is protected (`protect = true`)");
        diagnostics.push(cannot_go(draft, "replaced", &obstacle).located(location));
        draft.refuse(Action::Refused, obstacle);
    }
}

/// Moves what refers to a replaced thing along with it.
pub(super) fn spread_replacements(drafts: &mut [Draft<'_>]) {
    loop {
        let replaced: Vec<Address> =
            drafts.iter().filter(|draft| draft.action == Action::Replace).map(|draft| draft.address.clone()).collect();
        let mut spread = false;
        for draft in drafts.iter_mut() {
            let Some(desired) = draft.desired else { continue };
            for address in replaced.iter().filter(|address| desired.references.contains(address)) {
                let Some(action) = draft.kind.follows(address.kind()) else { continue };
                let stronger = match draft.action {
                    Action::NoOp => true,
                    Action::Adopt | Action::Update => action == Action::Replace,
                    Action::Create | Action::Replace | Action::Delete | Action::Unknown | Action::Refused => false,
                };
                if stronger {
                    draft.action = action;
                    draft.reason = Some(format!("`{address}` is replaced"));
                    spread = true;
                }
            }
        }
        if !spread {
            return;
        }
    }
}
