//! The calls of a plan, and what they wait for.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, Input};
use super::order::{Graph, Vertex};
use super::precedence::Precedence;
use super::seconds;
use crate::kind::{Calls, Kind, Live, Transition};
use crate::model::{Action, Address, KindId, Phase};

/// Asks the kinds for their calls.
pub(super) fn calls(input: &Input<'_>, drafts: &mut [Draft<'_>], precedence: &Precedence) -> Graph {
    let neighbours: BTreeMap<Address, &Live> =
        drafts.iter().filter_map(|draft| draft.live.map(|live| (draft.address.clone(), live))).collect();
    let replaced: BTreeSet<Address> =
        drafts.iter().filter(|draft| draft.action == Action::Replace).map(|draft| draft.address.clone()).collect();
    let mut graph = Graph::default();
    // Who deletes a second object keeps the first one: it must still be there, and the stack's.
    let kept: BTreeMap<Address, (&Live, BTreeMap<String, String>)> = drafts
        .iter()
        .filter(|draft| draft.second_of.is_none())
        .filter_map(|draft| Some((draft.address.clone(), (draft.live?, draft.marks.clone()))))
        .collect();
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
            changes: &draft.fields,
            marks: &draft.marks,
            neighbours: &neighbours,
            replaced: &replaced,
            attempt: input.live.iter().find_map(|(_, live)| live.attempts.get(&draft.address)).copied().unwrap_or(0),
            rings: precedence.rings(&draft.address),
        };
        let Calls { mut looks, release, ensure, remove, dropped } = draft.kind.calls(&transition);
        let first = draft.second_of.as_ref().and_then(|first| Some((first, kept.get(first)?)));
        if let Some((address, (live, marks))) = first.filter(|(first, _)| !replaced.contains(*first)) {
            let of_first = Transition { address, live: Some(live), marks, ..transition };
            looks.extend(draft.kind.calls(&of_first).looks);
        }
        draft.dropped = dropped;
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
    graph.waits.clone_from(&precedence.waits);
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
    let mut named: BTreeMap<(KindId, &str), Vec<(&Address, &Live)>> = BTreeMap::new();
    for (draft, live) in firsts.iter().filter_map(|draft| Some((draft, draft.live?))) {
        named.entry((draft.kind.id(), live.name.as_str())).or_default().push((&draft.address, live));
    }
    for draft in &firsts {
        for reference in draft.desired.iter().flat_map(|desired| &desired.references) {
            graph.references.insert((draft.address.clone(), reference.clone()));
        }
        let Some(live) = draft.live else { continue };
        for (kind, name) in &live.refers {
            let held = named.get(&(*kind, name.as_str())).into_iter().flatten();
            for (held, _) in held.filter(|(address, held)| **address != draft.address && live.refers_to(*kind, held)) {
                graph.holds.insert((draft.address.clone(), (*held).clone()));
            }
        }
    }
}

pub(super) fn rank(vertex: &Vertex) -> usize {
    let kind = vertex.1.kind().rank();
    kind + vertex.0 as usize * 100
}
