//! Builds a plan from what the file says and what is live.
//!
//! First each thing gets its verdict alone; then verdicts spread along the references (what needs a refused thing is
//! refused); then the kinds give their calls, and `order` puts them into steps.

use super::draft::{Draft, Input, PROTECTED, allowed_deletions, cannot_go};
use crate::kinds;
use crate::kinds::registry;
use crate::model::KindId;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::gate::{self, Gate};
use super::order::{Graph, Vertex};
use super::{Change, FORMAT, Orphan, Plan, hazard, holders, seconds, unreadable, verdict};
use crate::kind::{Calls, Desired, Found, Kind, Live, Transition};
use crate::model::Thresholds;
use crate::model::{Action, Phase};
use crate::model::{Address, Diagnostic};

/// Builds the plan. Never fails: what can't be done is refused and says why.
pub fn build(input: &Input<'_>) -> Plan {
    let desired = follow_paths(input);
    build_resolved(&Input { desired: &desired, ..*input })
}

/// Fills in what only live says, and puts the live ARNs of roles, policies and instance profiles in place of those that the file implies: an entry without a `path` leaves the
/// thing where it is, and what refers to it has to find it there.
fn follow_paths(input: &Input<'_>) -> Vec<Desired> {
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
            // A set stays sorted.
            if items.iter().all(Value::is_string) {
                items.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
            }
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn build_resolved(input: &Input<'_>) -> Plan {
    let mut diagnostics = Vec::new();
    let mut drafts = Vec::new();
    let mut orphans = Vec::new();
    for kind in registry() {
        let Some((_, live)) = input.live.iter().find(|(id, _)| *id == kind.id()) else { continue };
        for desired in input.desired.iter().filter(|desired| desired.address.kind() == kind.id()) {
            let found = live.found.get(&desired.address).unwrap_or(&Found::Absent);
            drafts.push(verdict::judge(input, kind, desired, found, &mut diagnostics));
        }
        orphans.extend(live.orphans.iter().map(|live| (kind, live)));
    }
    keep_protected(&mut drafts, &mut diagnostics);
    spread_replacements(&mut drafts);
    // The limit of deletions is a part of the whole stack, whatever the targets are.
    let owned = drafts.iter().filter(|draft| draft.live.is_some()).count() + orphans.len();
    keep_targets(input, &mut drafts, &mut diagnostics);
    let kept = prune(input, orphans, owned, &mut drafts, &mut diagnostics);
    seconds::remove(input, owned, &mut drafts, &kept, &mut diagnostics);
    let gate = gate::hold(input, &mut drafts, &mut diagnostics);
    // Marks need nothing but the thing itself.
    if input.options.adopt.is_empty() {
        spread_refusals(&mut drafts);
    }
    if gate.hold_back(&mut drafts) {
        spread_refusals(&mut drafts);
    }
    if holders::refuse(input, &mut drafts, &mut diagnostics) {
        spread_refusals(&mut drafts);
    }
    diagnostics.extend(unreadable::diagnostics(input));
    keep_held(&mut drafts);
    let graph = calls(input, &mut drafts, &gate);
    let mut hazards = hazard::find(input, &drafts);
    gate.add_hazards(&mut hazards);
    let mut steps = graph.steps(rank).unwrap_or_else(|error| {
        diagnostics.push(
            Diagnostic::error("VSS0905", error.to_string())
                .help("this is a defect of vssctl: please report it with the file"),
        );
        Vec::new()
    });
    hazard::attach(&mut steps, hazards);
    Plan {
        format: FORMAT,
        tool: concat!("vssctl ", env!("CARGO_PKG_VERSION")).to_owned(),
        scope: input.scope.clone(),
        config_sha256: input.config_sha256.to_owned(),
        changes: drafts.into_iter().map(change).collect(),
        orphans: kept,
        steps,
        diagnostics,
    }
}

fn change(draft: Draft<'_>) -> Change {
    Change {
        name: draft.name().to_owned(),
        location: draft.desired.and_then(|desired| desired.location.clone()),
        address: draft.address,
        action: draft.action,
        reason: draft.reason,
        // How a second object differs from the entry is no change of either.
        fields: if draft.second_of.is_some() { Vec::new() } else { draft.fields },
    }
}

fn rank(vertex: &Vertex) -> usize {
    let kind = vertex.1.kind().rank();
    kind + vertex.0 as usize * 100
}

/// Leaves out what is neither a target nor needed by one, and its problems with it.
fn keep_targets(input: &Input<'_>, drafts: &mut Vec<Draft<'_>>, diagnostics: &mut Vec<Diagnostic>) {
    if input.options.targets.is_empty() {
        return;
    }
    let mut wanted: BTreeSet<Address> = BTreeSet::new();
    let mut queue = input.options.targets.clone();
    while let Some(address) = queue.pop() {
        if !wanted.insert(address.clone()) {
            continue;
        }
        for draft in drafts.iter() {
            let references = draft.desired.map(|desired| desired.references.as_slice()).unwrap_or_default();
            if input.options.destroy {
                // Who refers to a thing goes before it.
                if references.contains(&address) {
                    queue.push(draft.address.clone());
                }
            } else if draft.address == address {
                queue.extend(references.iter().cloned());
            } else if follows(draft, &address, drafts) {
                // What holds a replaced thing has to let go of it, target or not.
                queue.push(draft.address.clone());
            }
        }
    }
    drafts.retain(|draft| wanted.contains(&draft.address));
    diagnostics.retain(|diagnostic| diagnostic.address.as_ref().is_none_or(|address| wanted.contains(address)));
}

/// Tells whether a thing moves along with the replacement of another: its kind says so, or what it says of the other changes.
fn follows(draft: &Draft<'_>, replaced: &Address, drafts: &[Draft<'_>]) -> bool {
    let refers = draft.desired.is_some_and(|desired| desired.references.contains(replaced));
    let moves = draft.kind.follows(replaced.kind()).is_some()
        || draft.live.is_some() && matches!(draft.action, Action::Adopt | Action::Update | Action::Replace);
    refers && moves && drafts.iter().any(|other| other.address == *replaced && other.action == Action::Replace)
}

/// Keeps from deletion what something that stays refers to.
fn keep_held(drafts: &mut [Draft<'_>]) {
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

/// Turns orphans into deletions where they are asked for and allowed; returns those that stay.
fn prune<'a>(
    input: &Input<'a>,
    orphans: Vec<(&'static dyn Kind, &'a Live)>,
    owned: usize,
    drafts: &mut Vec<Draft<'a>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Orphan> {
    let options = input.options;
    let targeted = |address: &Address| options.targets.is_empty() || options.targets.contains(address);
    let mut kept = Vec::new();
    let mut deletions = Vec::new();
    let mut taken: BTreeSet<Address> = input.desired.iter().map(|desired| desired.address.clone()).collect();
    for (kind, live) in orphans {
        let address = verdict::orphan_address(kind, live, &taken);
        taken.insert(address.clone());
        if (options.prune || options.destroy) && options.adopt.is_empty() && targeted(&address) {
            deletions.push(verdict::deletion(input, kind, address, None, live, diagnostics));
        } else if targeted(&address) {
            kept.push(orphan(address, live));
        }
    }
    let count = deletions.iter().filter(|draft| draft.action == Action::Delete).count();
    let Thresholds { max_deletions: most, max_deletion_percent: percent } = options.thresholds;
    let allowed = allowed_deletions(options, owned);
    if !options.destroy && count > allowed {
        diagnostics.push(
            Diagnostic::error(
                "VSS0904",
                format!(
                    "{count} of the {owned} things of stack `{}` would be deleted, and {allowed} may be",
                    input.scope.stack
                ),
            )
            .help(format!("the limit is {most} deletions and {percent} % of the stack"))
            .help(format!("if all of them should go, run again with `--prune --max-deletions {count}`")),
        );
        for draft in &mut deletions {
            draft.refuse(Action::Refused, "more deletions than the limit allows".to_owned());
        }
    }
    if let Some(lost) = lost_section(input, &deletions) {
        diagnostics.push(lost);
        for draft in &mut deletions {
            draft.refuse(Action::Refused, "the file has lost its whole section".to_owned());
        }
    }
    drafts.extend(deletions);
    kept.sort_by(|left, right| (&left.address, &left.id).cmp(&(&right.address, &right.id)));
    kept
}

/// An empty file, or one that has lost a whole section, never means that all of it should go.
fn lost_section(input: &Input<'_>, deletions: &[Draft<'_>]) -> Option<Diagnostic> {
    let options = input.options;
    if options.destroy || !deletions.iter().any(|draft| draft.action == Action::Delete) {
        return None;
    }
    if input.desired.is_empty() {
        let message = format!("the file has no entries, and everything of stack `{}` would go", input.scope.stack);
        return Some(Diagnostic::error("VSS0910", message).help("if that is meant, run `vssctl destroy`"));
    }
    // Somebody who counts the deletions, or names them, knows of them.
    if options.max_deletions.is_some() || !options.targets.is_empty() {
        return None;
    }
    let count = |kind: KindId| deletions.iter().filter(|draft| draft.kind.id() == kind).count();
    let in_file = |kind: KindId| input.desired.iter().any(|desired| desired.address.kind() == kind);
    let lost = KindId::ALL.into_iter().find(|kind| !in_file(*kind) && count(*kind) > 1)?;
    let message = format!("the file has no `{lost}` entries any more, and all {} would go", count(lost));
    let all = deletions.iter().filter(|draft| draft.action == Action::Delete).count();
    Some(
        Diagnostic::error("VSS0910", message)
            .help(format!("if that is meant, run again with `--prune --max-deletions {all}`")),
    )
}

fn orphan(address: Address, live: &Live) -> Orphan {
    let id = ["Arn", "AssociationId", "SelectionId"]
        .iter()
        .find_map(|name| live.ids.get(*name))
        .cloned()
        .unwrap_or_default();
    Orphan { address, name: live.name.clone(), id }
}

/// Refuses what needs a refused thing, and leaves alone what needs an unreadable one.
fn spread_refusals(drafts: &mut [Draft<'_>]) {
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
fn keep_protected(drafts: &mut [Draft<'_>], diagnostics: &mut Vec<Diagnostic>) {
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
fn spread_replacements(drafts: &mut [Draft<'_>]) {
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

/// Asks the kinds for their calls.
fn calls(input: &Input<'_>, drafts: &mut [Draft<'_>], gate: &Gate) -> Graph {
    let neighbours: BTreeMap<Address, &Live> =
        drafts.iter().filter_map(|draft| draft.live.map(|live| (draft.address.clone(), live))).collect();
    let replaced: BTreeSet<Address> =
        drafts.iter().filter(|draft| draft.action == Action::Replace).map(|draft| draft.address.clone()).collect();
    let mut graph = Graph::default();
    for draft in drafts.iter_mut() {
        if matches!(draft.action, Action::NoOp | Action::Unknown | Action::Refused) {
            continue;
        }
        // A kind's `Adopt` writes marks and nothing else; where fields change as well, its `Update` does both.
        let action = match draft.action {
            Action::Adopt if !draft.fields.is_empty() => Action::Update,
            action => action,
        };
        let transition = Transition {
            scope: input.scope,
            action,
            address: &draft.address,
            // What goes is not taken for what the file wants.
            desired: draft.desired.filter(|_| draft.second_of.is_none()),
            live: draft.live,
            marks: &draft.marks,
            neighbours: &neighbours,
            replaced: &replaced,
            attempt: input.live.iter().find_map(|(_, live)| live.attempts.get(&draft.address)).copied().unwrap_or(0),
            rings: gate.rings(&draft.address),
        };
        let Calls { looks, release, ensure, remove } = draft.kind.calls(&transition);
        if draft.action == Action::Delete && release.is_empty() && ensure.is_empty() && remove.is_empty() {
            // What a Run Command did can't be deleted.
            draft.action = Action::NoOp;
            continue;
        }
        let last = if draft.action == Action::Delete { Phase::Prune } else { Phase::Remove };
        for (phase, calls) in [(Phase::Release, release), (Phase::Ensure, ensure), (last, remove)] {
            if !calls.is_empty() {
                let vertex = (phase, draft.address.clone());
                if action != Action::Replace || phase == takes_away(draft.kind) {
                    graph.looks.insert(vertex.clone(), looks.clone());
                }
                graph.calls.insert(vertex, calls);
            }
        }
    }
    connect(drafts, &mut graph);
    graph.waits.clone_from(&gate.waits);
    graph
}

/// The phase of a replacement in which the old object goes.
fn takes_away(kind: &dyn Kind) -> Phase {
    if kind.replaces_create_first() { Phase::Remove } else { Phase::Release }
}

fn connect(drafts: &[Draft<'_>], graph: &mut Graph) {
    let (firsts, seconds): (Vec<&Draft<'_>>, Vec<&Draft<'_>>) =
        drafts.iter().partition(|draft| draft.second_of.is_none());
    seconds::connect(drafts, &seconds, graph);
    let by_name: BTreeMap<(KindId, &str), &Address> = firsts
        .iter()
        .filter_map(|draft| draft.live.map(|live| ((draft.kind.id(), live.name.as_str()), &draft.address)))
        .collect();
    for draft in firsts {
        for reference in draft.desired.iter().flat_map(|desired| &desired.references) {
            graph.references.insert((draft.address.clone(), reference.clone()));
        }
        for (kind, name) in draft.live.iter().flat_map(|live| &live.refers) {
            if let Some(held) = by_name.get(&(*kind, name.as_str())).filter(|held| ***held != draft.address) {
                graph.holds.insert((draft.address.clone(), (*held).clone()));
            }
        }
    }
}
