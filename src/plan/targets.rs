//! What a plan with targets leaves out.

use std::collections::BTreeSet;

use super::Input;
use super::draft::Draft;
use crate::model::{Action, Address, Diagnostic};

/// Leaves out what is neither a target nor needed by one, and its problems with it.
pub(super) fn keep_targets(input: &Input<'_>, drafts: &mut Vec<Draft<'_>>, diagnostics: &mut Vec<Diagnostic>) {
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
                // Whatever refers to a resource is deleted before it.
                if references.contains(&address) {
                    queue.push(draft.address.clone());
                }
            } else if draft.address == address {
                queue.extend(references.iter().cloned());
            } else if follows(draft, &address, drafts) {
                // What holds a replaced resource has to let go of it, target or not.
                queue.push(draft.address.clone());
            }
        }
    }
    drafts.retain(|draft| wanted.contains(&draft.address));
    diagnostics.retain(|diagnostic| diagnostic.address.as_ref().is_none_or(|address| wanted.contains(address)));
}

/// Tells whether a resource changes along with the replacement of another one: its kind says so, or it refers to the
/// other one and is changed anyway.
fn follows(draft: &Draft<'_>, replaced: &Address, drafts: &[Draft<'_>]) -> bool {
    let refers = draft.desired.is_some_and(|desired| desired.references.contains(replaced));
    let moves = draft.kind.follows(replaced.kind()).is_some()
        || draft.live.is_some() && matches!(draft.action, Action::Adopt | Action::Update | Action::Replace);
    refers && moves && drafts.iter().any(|other| other.address == *replaced && other.action == Action::Replace)
}
