//! What still holds a resource that is deleted or replaced: where something beyond this plan does, the resource is
//! refused, before half of it is taken apart and AWS refuses to delete the rest.

use super::Input;
use super::draft::Draft;
use super::draft::cannot_go;
use super::rounds::{Decision, in_rounds};
use crate::kind::{Desired, Found, Holder, HolderKind, Kind, KindLive, Live, Owner};
use crate::kinds;
use crate::model::Action;
use crate::model::KindId;
use crate::model::{Address, Diagnostic};

/// The most holders that a message names.
const MOST: usize = 10;

/// Refuses deletions and replacements of what is still held when their turn comes. Tells whether it refused any.
pub(super) fn refuse(input: &Input<'_>, drafts: &mut [Draft<'_>], diagnostics: &mut Vec<Diagnostic>) -> bool {
    keep_children_of_strangers(input, drafts);
    // One at a time: what a refused resource would have let go of has one holder more.
    in_rounds(drafts, |drafts| {
        let held = drafts.iter().enumerate().find_map(|(index, draft)| {
            let holders = holders(input, drafts, draft);
            (!holders.is_empty()).then_some((index, draft, holders))
        });
        let decide = |(index, draft, holders): (usize, &Draft<'_>, Vec<Holder>)| {
            let what = if draft.action == Action::Delete { "deleted" } else { "replaced" };
            let reason = obstacle(&holders);
            let location = draft.desired.and_then(|desired| desired.location.clone());
            diagnostics.push(cannot_go(draft, what, &reason).located(location));
            Decision { index, action: Action::Refused, reason }
        };
        held.map(decide).into_iter().collect()
    })
}

fn obstacle(holders: &[Holder]) -> String {
    let name = |holder: &Holder| {
        let title = match holder.kind {
            HolderKind::Kind(kind) => kinds::of(kind).title(),
            HolderKind::Instance | HolderKind::Principal => holder.kind.name(),
        };
        format!("{title} `{}`", holder.name)
    };
    let mut names: Vec<String> = holders.iter().map(name).collect();
    names.dedup();
    let verb = if names.len() == 1 { "holds" } else { "hold" };
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more} {verb} it, and would not let go in this run", names.join(", "))
}

/// A resource that is deleted or replaced.
struct Held<'a> {
    kind: &'a dyn Kind,
    address: &'a Address,
    action: Action,
    live: &'a Live,
}

/// Returns the holders that do not let go of the resource that a draft deletes or replaces.
fn holders(input: &Input<'_>, drafts: &[Draft<'_>], draft: &Draft<'_>) -> Vec<Holder> {
    let Some(live) = draft.live.filter(|_| matches!(draft.action, Action::Delete | Action::Replace)) else {
        return Vec::new();
    };
    remaining(input, drafts, &Held { kind: draft.kind, address: &draft.address, action: draft.action, live })
}

fn remaining(input: &Input<'_>, drafts: &[Draft<'_>], held: &Held<'_>) -> Vec<Holder> {
    let mut holders = held.kind.holders(held.live, input.live);
    holders.retain(|holder| !lets_go(input, drafts, holder, held));
    holders
}

fn lets_go(input: &Input<'_>, drafts: &[Draft<'_>], holder: &Holder, held: &Held<'_>) -> bool {
    // Whoever targets a profile for deletion was told of the instances that have it.
    if holder.kind == HolderKind::Instance {
        return held.action == Action::Delete && input.options.targets.contains(held.address);
    }
    let is_it = |live: &Live| live.ids.values().any(|id| *id == holder.id);
    let found = drafts
        .iter()
        .filter(|draft| HolderKind::Kind(draft.kind.id()) == holder.kind)
        .find_map(|draft| draft.live.filter(|live| is_it(live)).map(|live| (draft, live)));
    let Some((draft, live)) = found else { return false };
    let follows = |desired: &Desired| {
        held.action == Action::Replace
            && draft.kind.follows(held.kind.id()).is_some()
            && desired.references.contains(held.address)
    };
    match draft.action {
        Action::Delete => true,
        // What takes its place may hold it again.
        Action::Replace => {
            draft.desired.is_none_or(|desired| follows(desired) || !draft.kind.keeps(desired, live, held.live))
        }
        Action::Update | Action::Adopt => {
            draft.desired.is_some_and(|desired| follows(desired) || draft.kind.lets_go(desired, live, held.live))
        }
        Action::NoOp | Action::Create | Action::Unknown | Action::Refused => false,
    }
}

/// Takes back the deletions of selections in plans that this stack does not own, or not yet: a selection has no mark of
/// its own.
fn keep_children_of_strangers(input: &Input<'_>, drafts: &mut [Draft<'_>]) {
    for draft in drafts.iter_mut().filter(|draft| draft.action == Action::Delete) {
        let Some(live) = draft.live.filter(|live| live.owner == Owner::Parent) else { continue };
        let parents = input.live.iter().filter(|(kind, _)| *kind == KindId::Plan).flat_map(|(_, plans)| all(plans));
        let is_ours = |plan: &Live| {
            matches!(plan.owner, Owner::Ours(_)) && plan.ids.get("BackupPlanId") == live.ids.get("BackupPlanId")
        };
        if !parents.into_iter().any(is_ours) {
            draft.action = Action::NoOp;
            draft.live = None;
        }
    }
}

fn all(plans: &KindLive) -> impl Iterator<Item = &Live> {
    let found = plans.found.values().filter_map(|found| match found {
        Found::Live(live) => Some(&**live),
        Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
    });
    found.chain(&plans.orphans).chain(plans.surplus.iter().map(|(_, live)| live))
}
