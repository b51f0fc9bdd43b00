//! Builds a plan from what the file says and what is live, in five stages: each entry is judged by itself, replacements
//! take along what depends on them, deletions are chosen, refusals spread, and what is left becomes steps.
//!
//! Each stage sees what the ones before it left, and says why it stands where it does. A rule whose decisions give it
//! more to decide runs in rounds ([`super::rounds`]).

use super::beside::beside;
use super::calls::{calls, rank};
use super::draft::{Draft, Input};
use super::live_names::follow_paths;
use super::precedence::{self, Precedence};
use super::prune::prune;
use super::spread::{keep_held, keep_protected, spread_refusals, spread_replacements};
use super::targets::keep_targets;
use super::{
    Change, FORMAT, Orphan, Plan, Security, Seen, Step, Told, hazard, holders, near, quotas, references, renames,
    seconds, security, servers, unreached, unreadable, verdict,
};
use crate::kind::Found;
use crate::kinds::registry;
use crate::model::Diagnostic;

/// Builds the plan. Never fails: what can't be done is refused, and the plan says why.
pub fn build(input: &Input<'_>) -> Plan {
    let desired = follow_paths(input);
    let input = &Input { desired: &desired, ..*input };
    let mut work = judge(input);
    replace(&mut work);
    let kept = delete(input, &mut work);
    let precedence = refuse(input, &mut work);
    let (steps, security) = steps(input, &mut work, &precedence);
    Plan {
        format: FORMAT,
        tool: concat!("vssctl ", env!("CARGO_PKG_VERSION")).to_owned(),
        scope: input.scope.clone(),
        config_sha256: input.config_sha256.to_owned(),
        changes: work.drafts.into_iter().map(change).collect(),
        orphans: kept,
        steps,
        diagnostics: work.diagnostics,
        security,
        is_targeted: !input.options.targets.is_empty(),
        seen: Seen::default(),
    }
}

/// A plan on its way through the stages.
#[derive(Default)]
struct Work<'a> {
    drafts: Vec<Draft<'a>>,
    diagnostics: Vec<Diagnostic>,
}

/// The first stage: judges each entry of the file by itself.
fn judge<'a>(input: &Input<'a>) -> Work<'a> {
    let mut work = Work::default();
    for kind in registry() {
        let Some((_, live)) = input.live.iter().find(|(id, _)| *id == kind.id()) else { continue };
        for desired in input.desired.iter().filter(|desired| desired.address.kind() == kind.id()) {
            let found = live.found.get(&desired.address).unwrap_or(&Found::Absent);
            work.drafts.push(verdict::judge(input, kind, desired, found, &mut work.diagnostics));
        }
    }
    work
}

/// The second stage: lets replacements take along what depends on them. A replacement that would take along something
/// protected is refused before it spreads.
fn replace(work: &mut Work<'_>) {
    keep_protected(&mut work.drafts, &mut work.diagnostics);
    spread_replacements(&mut work.drafts);
}

/// The third stage: chooses what is deleted, orphans and second objects, and returns the orphans that stay.
///
/// It comes after the replacements, because a target takes along what follows its replacement.
fn delete<'a>(input: &Input<'a>, work: &mut Work<'a>) -> Vec<Orphan> {
    let Work { drafts, diagnostics } = work;
    let beside = beside(input.desired, input.live);
    let orphans = beside.iter().filter(|one| one.second_of.is_none()).count();
    // The limit of deletions is a part of the whole stack, whatever the targets are.
    let owned = drafts.iter().filter(|draft| draft.live.is_some()).count() + orphans;
    keep_targets(input, drafts, diagnostics);
    diagnostics.extend(renames::unsaid(input, drafts, &beside));
    let kept = prune(input, &beside, owned, drafts, diagnostics);
    seconds::remove(input, owned, drafts, &beside, diagnostics);
    kept
}

/// The fourth stage: finds what can't be done beside what else is planned, and lets each refusal reach what needs the
/// refused resource before the next question is asked.
fn refuse(input: &Input<'_>, work: &mut Work<'_>) -> Precedence {
    let Work { drafts, diagnostics } = work;
    let precedence = precedence::hold(input, drafts, diagnostics);
    references::refuse(input, drafts, diagnostics);
    servers::check(input, drafts, diagnostics);
    // `adopt` writes tags only, so a refused dependency does not block it.
    if input.options.adopt.is_empty() {
        spread_refusals(drafts);
    }
    if precedence.hold_back(drafts) {
        spread_refusals(drafts);
    }
    // Whoever is refused lets go of nothing: holders are counted once all other refusals are known.
    if holders::refuse(input, drafts, diagnostics) {
        spread_refusals(drafts);
    }
    diagnostics.extend(unreadable::diagnostics(input));
    diagnostics.extend(unreadable::others(input));
    diagnostics.extend(near::misses(input, drafts));
    diagnostics.extend(unreached::servers(drafts));
    diagnostics.extend(quotas::exceeded(input, drafts));
    // The last of them: every refused resource keeps what it refers to.
    keep_held(drafts);
    precedence
}

/// The fifth stage: asks the kinds for the calls of what is left, puts them in order, and notes their hazards and who
/// may do more or less by them.
fn steps(input: &Input<'_>, work: &mut Work<'_>, precedence: &Precedence) -> (Vec<Step>, Security) {
    let Work { drafts, diagnostics } = work;
    // A deletion without calls becomes no change here, so the hazards come after the calls.
    let graph = calls(input, drafts, precedence);
    let found = security::find(input, drafts);
    let mut hazards = hazard::find(input, drafts, &found);
    precedence.add_hazards(&mut hazards);
    let mut steps = graph.steps(rank).unwrap_or_else(|error| {
        diagnostics.push(
            Diagnostic::error("VSS0905", error.to_string())
                .help("this is a defect of vssctl: please report it with the file"),
        );
        Vec::new()
    });
    hazard::attach(&mut steps, hazards);
    (steps, security::view(&found))
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
        cause: None,
        settles: Vec::new(),
        told: draft.desired.map(|desired| Told::of(&desired.fields, &desired.options)).unwrap_or_default(),
    }
}
