//! How the verdict on one resource reaches the others, along what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, PROTECTED, cannot_go};
use super::rounds::{Decision, in_rounds};
use crate::kind::Live;
use crate::model::{Action, Address, Diagnostic, KindId};

/// Refuses the replacement of a resource that a protected one would be replaced along with.
pub(super) fn keep_protected(drafts: &mut [Draft<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let follows = |follower: &&Draft<'_>, replaced: &Draft<'_>| {
        follower.live.is_some()
            && follower.action != Action::Replace
            && follower.desired.is_some_and(|desired| desired.protect && desired.references.contains(&replaced.address))
            && follower.kind.follows(replaced.kind.id()) == Some(Action::Replace)
    };
    let kept: Vec<(usize, Address)> = drafts
        .iter()
        .enumerate()
        .filter(|(_, draft)| draft.action == Action::Replace)
        .filter_map(|(index, draft)| {
            let follower = drafts.iter().find(|follower| follows(follower, draft))?;
            Some((index, follower.address.clone()))
        })
        .collect();
    for (index, follower) in kept {
        let draft = &mut drafts[index];
        let location = draft.desired.and_then(|desired| desired.location.clone());
        let obstacle = format!("`{follower}` would be replaced with it, and is protected (`protect = true`)");
        diagnostics.push(cannot_go(draft, "replaced", &obstacle).located(location));
        draft.refuse(Action::Refused, obstacle);
    }
}

/// Moves what refers to a replaced resource along with it: the kind of the one that refers says how.
pub(super) fn spread_replacements(drafts: &mut [Draft<'_>]) {
    in_rounds(drafts, |drafts| {
        let replaced: Vec<&Address> =
            drafts.iter().filter(|draft| draft.action == Action::Replace).map(|draft| &draft.address).collect();
        let followers = drafts.iter().enumerate();
        followers.filter_map(|(index, draft)| follow(index, draft, &replaced)).collect()
    });
}

fn follow(index: usize, draft: &Draft<'_>, replaced: &[&Address]) -> Option<Decision> {
    let desired = draft.desired?;
    let mut decision: Option<Decision> = None;
    for address in replaced.iter().filter(|address| desired.references.contains(**address)) {
        let Some(action) = draft.kind.follows(address.kind()) else { continue };
        let is_stronger = match decision.as_ref().map_or(draft.action, |decision| decision.action) {
            Action::NoOp => true,
            Action::Adopt | Action::Update => action == Action::Replace,
            Action::Create | Action::Replace | Action::Delete | Action::Unknown | Action::Refused => false,
        };
        if is_stronger {
            decision = Some(Decision { index, action, reason: format!("`{address}` is replaced") });
        }
    }
    decision
}

/// Returns the parents of which every part is refused, with the first of these parts: a backup plan without a selection
/// backs up nothing, and who sees it there takes it for protection.
fn without_parts(drafts: &[Draft<'_>]) -> BTreeMap<Address, Address> {
    let parent_of = |draft: &Draft<'_>| {
        let address = &draft.address;
        let mut parents = draft.desired?.references.iter();
        parents.find(|parent| address.parent_key() == Some(parent.key())).cloned()
    };
    let mut parts: BTreeMap<Address, Vec<&Draft<'_>>> = BTreeMap::new();
    for (parent, draft) in drafts.iter().filter_map(|draft| Some((parent_of(draft)?, draft))) {
        parts.entry(parent).or_default().push(draft);
    }
    parts.retain(|_, parts| parts.iter().all(|part| part.action == Action::Refused));
    parts.into_iter().map(|(parent, parts)| (parent, parts[0].address.clone())).collect()
}

/// Refuses what needs a refused resource, and leaves alone what needs one that could not be read. The second object of
/// a refused entry stays: it may be what does its work.
pub(super) fn spread_refusals(drafts: &mut [Draft<'_>]) {
    in_rounds(drafts, |drafts| {
        let blocked: BTreeMap<&Address, Action> = drafts
            .iter()
            .filter(|draft| matches!(draft.action, Action::Refused | Action::Unknown))
            .map(|draft| (&draft.address, draft.action))
            .collect();
        // A resource that could not be read may hold what it refers to, which therefore stays.
        let held: BTreeMap<&Address, &Address> = drafts
            .iter()
            .filter(|draft| draft.action == Action::Unknown)
            .flat_map(|draft| draft.desired.into_iter().map(move |desired| (&draft.address, desired)))
            .flat_map(|(holder, desired)| desired.references.iter().map(move |held| (held, holder)))
            .collect();
        let useless = without_parts(drafts);
        let decide = |(index, draft): (usize, &Draft<'_>)| match draft.action {
            Action::Delete => second_of_blocked(index, draft, &blocked).or_else(|| {
                held.get(&draft.address).map(|holder| Decision {
                    index,
                    action: Action::Unknown,
                    reason: format!("`{holder}` may need it, which could not be read"),
                })
            }),
            Action::Create | Action::Adopt | Action::Update | Action::Replace => {
                let Some(needed) = draft.desired?.references.iter().find(|address| blocked.contains_key(address))
                else {
                    return useless
                        .get(&draft.address)
                        .filter(|_| matches!(draft.action, Action::Create | Action::Replace))
                        .map(|part| Decision {
                            index,
                            action: Action::Refused,
                            reason: format!("does nothing without `{part}`, which is refused"),
                        });
                };
                let action = blocked[needed];
                let why = if action == Action::Unknown { "which could not be read" } else { "which is refused" };
                Some(Decision { index, action, reason: format!("needs `{needed}`, {why}") })
            }
            Action::NoOp | Action::Unknown | Action::Refused => None,
        };
        drafts.iter().enumerate().filter_map(decide).collect()
    });
}

fn second_of_blocked(index: usize, draft: &Draft<'_>, blocked: &BTreeMap<&Address, Action>) -> Option<Decision> {
    let entry = draft.second_of.as_ref()?;
    let action = *blocked.get(entry)?;
    let why = if action == Action::Unknown { "which could not be read" } else { "which is refused" };
    Some(Decision { index, action, reason: format!("a second object of `{entry}`, {why}") })
}

/// Keeps a resource from deletion that another one refers to which stays.
pub(super) fn keep_held(drafts: &mut [Draft<'_>]) {
    keep_children_of_protected(drafts);
    in_rounds(drafts, |drafts| {
        let refused = drafts.iter().filter(|draft| draft.action == Action::Refused);
        let mut staying: BTreeMap<(KindId, &str), Vec<(&Address, &Live)>> = BTreeMap::new();
        for (draft, live) in refused.filter_map(|draft| Some((draft, draft.live?))) {
            for (kind, name) in &live.refers {
                staying.entry((*kind, name.as_str())).or_default().push((&draft.address, live));
            }
        }
        let decide = |(index, draft): (usize, &Draft<'_>)| {
            let (kind, held) = (draft.kind.id(), draft.live?);
            let mut holders = staying.get(&(kind, held.name.as_str()))?.iter();
            let (holder, _) = holders.find(|(_, live)| live.refers_to(kind, held))?;
            Some(Decision { index, action: Action::Refused, reason: format!("`{holder}` stays and needs it") })
        };
        let going = drafts.iter().enumerate().filter(|(_, draft)| draft.action == Action::Delete);
        going.filter_map(decide).collect()
    });
}

/// Keeps the selections of a protected plan: without them it would be protected and protect nothing.
fn keep_children_of_protected(drafts: &mut [Draft<'_>]) {
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
}
