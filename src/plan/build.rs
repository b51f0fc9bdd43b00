//! Builds a plan from what the file says and what is live.
//!
//! First each thing gets its verdict alone; then verdicts spread along the references (what needs a refused thing is
//! refused); then the kinds give their calls, and `order` puts them into steps.

use super::calls::{calls, rank};
use super::draft::{Draft, Input};
use super::live_names::follow_paths;
use super::prune::prune;
use super::spread::{keep_held, keep_protected, spread_refusals, spread_replacements};
use super::targets::keep_targets;
use super::{Change, FORMAT, Plan, gate, hazard, holders, seconds, unreadable, verdict};
use crate::kind::Found;
use crate::kinds::registry;
use crate::model::Diagnostic;

/// Builds the plan. Never fails: what can't be done is refused and says why.
pub fn build(input: &Input<'_>) -> Plan {
    let desired = follow_paths(input);
    build_resolved(&Input { desired: &desired, ..*input })
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
