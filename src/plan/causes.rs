//! Where each difference of a plan comes from: the change of the file that is under review, or AWS.
//!
//! The file's base is planned against the same account. What only the file's own plan has is the change; what both have
//! is drift; what only the base's plan has, the file has come to say as it is live.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Plan};
use crate::kind::Desired;
use crate::model::{Action, Address, Cause, FieldChange};

/// Writes into a plan where its differences come from. `base` is the plan of the base against the same account, and
/// `entries` are those of the base.
pub fn label(plan: &mut Plan, base: &Plan, entries: &[Desired]) {
    let before: BTreeMap<&Address, &Change> = base.changes.iter().map(|change| (&change.address, change)).collect();
    let known: BTreeSet<&Address> = entries.iter().map(|entry| &entry.address).collect();
    for change in &mut plan.changes {
        // What the base's plan deletes, as it would with `--prune`, it has no entry for.
        let old = before.get(&change.address).copied().filter(|_| known.contains(&change.address));
        match change.action {
            // Nothing is known of the live side.
            Action::Unknown | Action::Refused => {}
            Action::Delete => {
                let was_there = known.contains(&change.address);
                change.cause = Some(if was_there { Cause::Change } else { Cause::Drift });
            }
            Action::NoOp | Action::Create | Action::Adopt | Action::Update | Action::Replace => of_change(change, old),
        }
    }
    for orphan in &mut plan.orphans {
        orphan.cause = Some(if known.contains(&orphan.address) { Cause::Change } else { Cause::Drift });
    }
}

/// Labels one change by what the base's plan says of the same resource.
fn of_change(change: &mut Change, old: Option<&Change>) {
    let none = Vec::new();
    let before: BTreeMap<&str, &FieldChange> =
        old.map_or(&none, |old| &old.fields).iter().map(|field| (field.path.as_str(), field)).collect();
    for field in &mut change.fields {
        field.cause = Some(match before.get(field.path.as_str()) {
            None => Cause::Change,
            Some(old) if old.after == field.after => Cause::Drift,
            Some(_) => Cause::Both,
        });
    }
    let now: BTreeSet<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
    change.settles = before.keys().filter(|path| !now.contains(**path)).map(|path| (*path).to_owned()).collect();
    let causes: BTreeSet<Cause> = change.fields.iter().filter_map(|field| field.cause).collect();
    change.cause = match (change.action, causes.into_iter().collect::<Vec<_>>().as_slice()) {
        (Action::NoOp, _) if change.settles.is_empty() => None,
        (Action::NoOp, _) => Some(Cause::AcceptsDrift),
        (_, [one]) => Some(*one),
        // A change without fields, such as a mark that is lost, or one that another resource takes along.
        (action, []) => Some(match old {
            Some(old) if old.action == action => Cause::Drift,
            Some(_) | None => Cause::Change,
        }),
        (_, _) => Some(Cause::Both),
    };
}
