//! Renames that were not said: an entry that would be made anew, and something that the stack owns, that no entry means
//! any more, and that is as the entry says. A table key that was changed without `renamed_from` looks like that.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::{Beside, Input, verdict};
use crate::kind::{Desired, Kind, Live, diff};
use crate::model::{Action, Address, Diagnostic, KindId};

/// The most old keys that are named for one entry.
const MOST: usize = 3;

/// Names the `renamed_from` line of each entry that would be made anew although the stack owns its like.
pub(super) fn unsaid(input: &Input<'_>, drafts: &[Draft<'_>], beside: &[Beside<'_>]) -> Vec<Diagnostic> {
    if input.options.destroy || !input.options.adopt.is_empty() {
        return Vec::new();
    }
    let taken: BTreeSet<Address> = input.desired.iter().map(|desired| desired.address.clone()).collect();
    // The line to write names the address of the mark, also where several orphans carry it.
    let orphans = beside.iter().filter(|one| one.second_of.is_none());
    let left: Vec<(Address, &'static dyn Kind, &Live)> =
        orphans.map(|one| (verdict::orphan_address(one.kind, one.live, &taken), one.kind, one.live)).collect();
    let made = drafts.iter().filter(|draft| draft.action == Action::Create);
    made.filter_map(|draft| Some((draft, draft.desired?)))
        .filter(|(_, desired)| desired.renamed_from.is_none() && has_own_table(input, desired))
        .filter_map(|(draft, desired)| {
            let like = left.iter().filter(|(address, kind, live)| is_like(draft, desired, address, *kind, live));
            let mut like: Vec<&Address> = like.map(|(address, ..)| address).collect();
            like.sort();
            (!like.is_empty()).then(|| diagnostic(input, desired, &like))
        })
        .collect()
}

/// Tells whether a live resource is as an entry says, tags and name apart.
fn is_like(draft: &Draft<'_>, desired: &Desired, address: &Address, kind: &dyn Kind, live: &Live) -> bool {
    let is_neighbour = kind.id() == draft.kind.id() && address.parent_key() == desired.address.parent_key();
    let changes = || diff::diff(kind.fields(), &desired.fields, &live.fields, &BTreeMap::new());
    is_neighbour && changes().iter().all(|change| change.path.starts_with("tags."))
}

/// An instance profile that stands under its role has no table of its own: the role's line is the one to write.
fn has_own_table(input: &Input<'_>, desired: &Desired) -> bool {
    desired.address.kind() != KindId::InstanceProfile
        || verdict::entry_of(input, desired).starts_with(KindId::InstanceProfile.name())
}

fn diagnostic(input: &Input<'_>, desired: &Desired, like: &[&Address]) -> Diagnostic {
    let address = &desired.address;
    let names: Vec<String> = like.iter().take(MOST).map(|old| format!("`{old}`")).collect();
    let what = if input.options.prune { "deleted" } else { "left alone" };
    let (names, verb) = (names.join(", "), if like.len() == 1 { "is" } else { "are" });
    let message =
        format!("`{address}` is made anew, and {names} of this stack, which the file no longer has, {verb} {what}");
    let entry = verdict::entry_of(input, desired);
    let lines = like.iter().take(MOST).map(|old| {
        format!(
            "if `{address}` is `{old}` under another key, add `renamed_from = \"{}\"` under `[{entry}]`",
            old.last()
        )
    });
    lines.fold(Diagnostic::warning("VSS0914", message).at(address).located(desired.location.clone()), Diagnostic::help)
}
