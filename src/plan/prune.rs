//! What becomes of orphans: what the stack owns and the file no longer has.

use super::draft::{Draft, allowed_deletions};
use super::{Beside, Input, Orphan, verdict};
use crate::kind::Live;
use crate::model::{Action, Address, Diagnostic, KindId, Thresholds};

/// Turns orphans into deletions where they are asked for and allowed; returns those that stay.
pub(super) fn prune<'a>(
    input: &Input<'a>,
    beside: &[Beside<'a>],
    owned: usize,
    drafts: &mut Vec<Draft<'a>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Orphan> {
    let options = input.options;
    let targeted = |address: &Address| options.targets.is_empty() || options.targets.contains(address);
    let mut kept = Vec::new();
    let mut deletions = Vec::new();
    for Beside { address, kind, live, second_of: _ } in beside.iter().filter(|one| one.second_of.is_none()).cloned() {
        if (options.prune || options.destroy) && options.adopt.is_empty() && targeted(&address) {
            deletions.push(verdict::deletion(input, kind, address, None, live, diagnostics));
        } else if targeted(&address) {
            kept.push(orphan(address, live));
        }
    }
    let count = deletions.iter().filter(|draft| draft.action == Action::Delete).count();
    let Thresholds { max_deletions: most, max_deletion_percent: percent } = options.thresholds;
    let allowed = allowed_deletions(options, owned);
    // More deletions allowed would not help a file without entries.
    if !options.destroy && count > allowed && !input.desired.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                "VSS0904",
                format!(
                    "{count} of the {owned} resources of stack `{}` would be deleted, and {allowed} may be",
                    input.scope.stack
                ),
            )
            .help(format!("the limit is {most} deletions and {percent} % of the stack"))
            .help(format!("if all of them should go, run again with `--prune --max-deletions {count}`")),
        );
        for draft in &mut deletions {
            draft.refuse(Action::Refused, "more deletions than the limit allows".to_owned());
        }
    } else if let Some(lost) = lost_section(input, &deletions) {
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
    // Whoever counts the deletions, or names them, knows of them.
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
    Orphan { address, name: live.name.clone(), id, cause: None }
}
