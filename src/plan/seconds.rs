//! Second objects of an entry, as an interrupted replacement or a lost answer leaves them.
//!
//! An entry keeps one object. Another one that carries its mark goes, as a destruction of its own: named with its id,
//! under the entry's `protect`, the limit of deletions and the hazards of what is lost with it.

use super::draft::id_of;
use crate::model::Address;
use crate::model::KindId;
use std::collections::{BTreeMap, BTreeSet};

use super::Beside;
use super::Input;
use super::draft::{Draft, allowed_deletions, differences};
use super::draft::{PROTECTED, cannot_go};
use super::order::Graph;
use crate::model::Action;
use crate::model::Diagnostic;

/// Adds the deletions of second objects of all entries that stand or come to stand. `owned` counts what the stack has.
pub(super) fn remove<'a>(
    input: &Input<'a>,
    owned: usize,
    drafts: &mut Vec<Draft<'a>>,
    beside: &[Beside<'a>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    if !input.options.adopt.is_empty() {
        return;
    }
    let mut seconds = Vec::new();
    for (entry, one) in beside.iter().filter_map(|one| Some((one.second_of?, one))) {
        let Some(first) = drafts.iter().find(|draft| draft.address == *entry) else { continue };
        if matches!(first.action, Action::Unknown | Action::Refused) {
            continue;
        }
        seconds.push(second(one, first, diagnostics));
    }
    limit(input, owned + seconds.len(), &mut seconds, diagnostics);
    drafts.extend(seconds);
}

fn second<'a>(one: &Beside<'a>, first: &Draft<'a>, diagnostics: &mut Vec<Diagnostic>) -> Draft<'a> {
    let Beside { address, kind, live, second_of: _ } = one.clone();
    // Where the entry is deleted as well, its second object is deleted like any other resource.
    let desired = first.desired.filter(|_| first.action != Action::Delete);
    let id = id_of(live);
    let reason = format!("it is a second object of `{}`, with the id `{id}`", first.address);
    let mut draft = Draft {
        kind,
        address,
        desired,
        live: Some(live),
        marks: std::collections::BTreeMap::new(),
        action: Action::Delete,
        reason: Some(reason),
        fields: desired
            .map(|desired| differences(kind, desired, live, &std::collections::BTreeMap::new()))
            .unwrap_or_default(),
        second_of: desired.map(|_| first.address.clone()),
        dropped: Vec::new(),
    };
    let protected = first.desired.filter(|desired| desired.protect).map(|_| PROTECTED.to_owned());
    if let Some(obstacle) = protected.or_else(|| kind.obstacle(live)) {
        let location = first.desired.and_then(|desired| desired.location.clone());
        diagnostics.push(cannot_go(&draft, "deleted", &obstacle).located(location));
        draft.refuse(Action::Refused, format!("{obstacle}; its id is `{id}`"));
    }
    draft
}

/// Holds second objects against the limit of deletions. What goes along with its plan counts once with it, and one is
/// allowed unless the limit is set to none: an interrupted replacement leaves as much, and the next apply has to
/// finish it.
fn limit(input: &Input<'_>, owned: usize, seconds: &mut [Draft<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let plan_id = |draft: &Draft<'_>| draft.live.and_then(|live| live.ids.get("BackupPlanId")).cloned();
    let goes = |draft: &&Draft<'_>| draft.action == Action::Delete;
    let plans: BTreeSet<String> =
        seconds.iter().filter(goes).filter(|draft| draft.kind.id() == KindId::Plan).filter_map(plan_id).collect();
    let is_part = |draft: &&Draft<'_>| {
        draft.kind.id() == KindId::Selection && plan_id(draft).is_some_and(|plan| plans.contains(&plan))
    };
    let counted: Vec<&Draft<'_>> = seconds.iter().filter(goes).filter(|draft| !is_part(draft)).collect();
    let most = input.options.max_deletions.unwrap_or(input.options.thresholds.max_deletions as usize);
    let (count, allowed) = (counted.len(), allowed_deletions(input.options, owned).max(1).min(most));
    if input.options.destroy || count <= allowed {
        return;
    }
    let names: Vec<String> = counted.iter().map(|draft| format!("`{}`", draft.address)).collect();
    let stack = &input.scope.stack;
    diagnostics.push(
        Diagnostic::error(
            "VSS0904",
            format!("{count} second objects of stack `{stack}` would be deleted, and {allowed} may be"),
        )
        .help(format!("they are {}", names.join(", ")))
        .help(format!("if all of them should go, run again with `--max-deletions {count}`")),
    );
    for draft in seconds.iter_mut() {
        draft.refuse(Action::Refused, "more deletions than the limit allows".to_owned());
    }
}

/// Adds what second objects wait for: their entry and whatever refers to it. The selections in a plan are deleted
/// before the plan.
pub(super) fn connect(drafts: &[Draft<'_>], seconds: &[&Draft<'_>], graph: &mut Graph) {
    fn plan_id<'a>(draft: &Draft<'a>) -> Option<&'a String> {
        draft.live.and_then(|live| live.ids.get("BackupPlanId"))
    }
    for draft in seconds {
        if let Some(entry) = &draft.second_of {
            graph.seconds.insert((draft.address.clone(), entry.clone()));
        }
    }
    // A plan and its second object have one name: the plan id of a selection tells which of them it is in.
    let mut plans: BTreeMap<&String, Vec<&Address>> = BTreeMap::new();
    for plan in drafts.iter().filter(|draft| draft.kind.id() == KindId::Plan) {
        if let Some(id) = plan_id(plan) {
            plans.entry(id).or_default().push(&plan.address);
        }
    }
    for selection in drafts.iter().filter(|draft| draft.kind.id() == KindId::Selection) {
        for plan in plan_id(selection).and_then(|id| plans.get(id)).into_iter().flatten() {
            graph.holds.insert((selection.address.clone(), (*plan).clone()));
        }
    }
}
