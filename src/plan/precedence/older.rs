//! Servers on which one older version of the package alone works, and which lose the policy that this version needs.
//!
//! What gives them AWS's managed policy instead is a swap, which `swaps` refuses. Here it goes without anything in its
//! place, and consent is asked for by the names of the servers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Precedence, changes, field};
use crate::model::{Address, Diagnostic, KindId};
use crate::plan::Input;
use crate::plan::access::{Access, Move};
use crate::plan::draft::Draft;
use crate::vss::gate::{Evidence, Machine, swaps, takes_older};
use crate::vss::package;

/// Warns where a package changes and it could not be read whether it means such servers: a system that is not known is
/// no hazard.
pub(super) fn unread(evidence: &Evidence, drafts: &[Draft<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let Some(error) = &evidence.fleet_unread else { return };
    let action = format!("{}:{}", error.service, error.operation);
    let is_package = |draft: &&Draft<'_>| draft.kind.id() == KindId::Package && changes(draft);
    for draft in drafts.iter().filter(is_package) {
        let name = field(draft, "package_name").as_str().unwrap_or_default();
        if package::is_package(name) {
            let address = draft.address.clone();
            let message = format!("the systems of the instances of `{address}` could not be read: {}", error.reason());
            diagnostics.push(
                Diagnostic::warning("VSS0801", message)
                    .at(&address)
                    .located(draft.desired.and_then(|desired| desired.location.clone()))
                    .help(format!(
                        "allow `{action}` to the caller: an older Windows Server works with one version of the package \
                         only"
                    )),
            );
        }
    }
}

/// Asks for consent where such servers lose what their version needs.
pub(super) fn losses(input: &Input<'_>, evidence: &Evidence, drafts: &[Draft<'_>], precedence: &mut Precedence) {
    let access = Access::of_drafts(input.scope, &evidence.account, drafts);
    let mut ways: BTreeMap<Move, Vec<&Machine>> = BTreeMap::new();
    for machine in evidence.fleet().iter().filter(|machine| machine.may_have_its_only_version()) {
        if let Some(way) = access.way(machine) {
            ways.entry(way).or_default().push(machine);
        }
    }
    for (way, machines) in ways {
        let (before, after) = (access.powers(&way, &|_| false), access.powers(&way, &|_| true));
        if !takes_older(&before, &after, input.scope) || swaps(&before, &after, input.scope) {
            continue;
        }
        let held: BTreeSet<Address> = machines.iter().flat_map(|machine| access.holding(Some(machine), &way)).collect();
        let alone =
            |address: &&Address| takes_older(&before, &access.powers(&way, &|other| other == *address), input.scope);
        let blamed: BTreeSet<Address> = held.iter().filter(alone).cloned().collect();
        for cause in if blamed.is_empty() { held } else { blamed } {
            for (rule, titles) in Machine::by_rule(&machines) {
                let what = format!("what VSS backups need is taken from {titles}: {rule}");
                precedence.note(&cause, &what, "until they have it again");
            }
        }
    }
}
