//! Coverage for people.

use std::fmt::Write as _;

use super::{MOST, counted, head, headline, line, tally, title, unread};
use crate::model::Scope;
use crate::render::text::{ADD, BOLD, CHANGE, DIM, REMOVE, UNKNOWN};
use crate::vss::coverage::{self, Coverage, Covered, Membership, Protection};
use crate::vss::evidence::PlanOwner;
use crate::vss::selection::Selected;

/// Renders the coverage, the least protected first.
pub fn text(coverage: &Coverage, scope: &Scope, width: usize) -> String {
    let mut text = String::new();
    headline(&mut text, &verdict(coverage), &about(coverage, scope), width);
    let (wanting, fine): (Vec<&Covered>, Vec<&Covered>) = coverage
        .instances
        .iter()
        .partition(|covered| covered.is_finding() || covered.protection == Protection::Unknown);
    for covered in wanting {
        text.push('\n');
        block(&mut text, covered, width);
    }
    if !fine.is_empty() {
        text.push('\n');
    }
    for covered in fine.iter().take(MOST) {
        let plans: Vec<String> = covered.plans.iter().filter(|one| one.is_sure()).map(membership).collect();
        head(
            &mut text,
            "=",
            ADD,
            &title(&covered.name, &covered.id),
            &format!("{}: {}", word(covered), plans.join(", ")),
        );
    }
    if fine.len() > MOST {
        let _ = writeln!(text, "{DIM}and {} more; `--format json` has them all{DIM:#}", fine.len() - MOST);
    }
    unread(&mut text, &coverage.unread, width);
    let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", last_line(coverage));
    text
}

/// Returns the verdict in a sentence.
pub(crate) fn verdict(coverage: &Coverage) -> String {
    let (all, good) = (coverage.instances.len(), coverage.count(Protection::Vss));
    match all {
        0 if coverage.unread.is_empty() => "There is no Windows instance.".to_owned(),
        0 => "Which instances there are could not be read.".to_owned(),
        _ if good == all && coverage.overlapping() == 0 => format!("{} protected with VSS.", all_are(all)),
        _ => format!("{good} of {} protected with VSS.", counted(all, "Windows instance")),
    }
}

fn all_are(all: usize) -> String {
    if all == 1 { "The only Windows instance is".to_owned() } else { format!("All {all} Windows instances are") }
}

/// Returns what was looked at.
pub(super) fn about(coverage: &Coverage, scope: &Scope) -> String {
    format!(
        "Account {}, {}, read at {}; {}, {} of them with VSS; {} without Windows left out.",
        scope.account_id,
        scope.region,
        coverage.read_at.for_people(),
        counted(coverage.plans.0, "backup plan"),
        coverage.plans.1,
        counted(coverage.others, "instance")
    )
}

/// Returns the last line, which pipelines may match.
pub fn last_line(coverage: &Coverage) -> String {
    let counts = [
        (coverage.count(Protection::Vss), "with VSS"),
        (coverage.count(Protection::WithoutVss), "without VSS"),
        (coverage.count(Protection::Unprotected), "unprotected"),
        (coverage.overlapping(), "twice"),
        (coverage.count(Protection::Unknown), "unknown"),
    ];
    format!("Coverage: {}.", tally(counts))
}

/// Returns how an instance is protected, in a word or two.
pub(crate) fn word(covered: &Covered) -> &'static str {
    match (covered.protection, covered.overlaps.is_empty()) {
        (Protection::Unprotected, _) => "unprotected",
        (Protection::WithoutVss, _) => "without VSS",
        (Protection::Unknown, _) => "unknown",
        (Protection::Vss, false) => "twice",
        (Protection::Vss, true) => "with VSS",
    }
}

/// Returns what a plan does for an instance.
pub(super) fn membership(membership: &Membership) -> String {
    let owner = match &membership.owner {
        PlanOwner::Ours(_) => String::new(),
        PlanOwner::Stack(stack) => format!(" of stack {stack}"),
        PlanOwner::Organizations => " of AWS Organizations".to_owned(),
        PlanOwner::Other => " of somebody else".to_owned(),
    };
    let vss = if membership.windows_vss { "" } else { ", without VSS" };
    let (by, hold) = match &membership.selected {
        Selected::Yes(by) => (coverage::by(by), ""),
        Selected::SwitchedOff(by) => (coverage::by(by), ", but AWS Backup does not handle EC2 here"),
        Selected::Unsure(by) => (coverage::by(by), ", if AWS Backup handles EC2 here"),
        Selected::No => (String::new(), ""),
    };
    format!("plan {}{owner}{vss}, selection {} {by}{hold}", membership.plan, membership.selection)
}

/// Returns what to do about an instance.
pub(crate) fn fix(covered: &Covered) -> String {
    if let Some(miss) = covered.near_misses.first() {
        return format!("write the tag as plan {} wants it: `{}`", miss.plan, miss.wanted);
    }
    if covered.plans.iter().any(|one| matches!(one.selected, Selected::SwitchedOff(_))) {
        return "write `[region_settings] resource_type_opt_in = { EC2 = true }`, or select by `arn:aws:ec2:*:*:instance/*`"
            .to_owned();
    }
    match (covered.protection, covered.overlaps.is_empty()) {
        (Protection::WithoutVss, _) => "set `windows_vss = true` in a plan that selects it".to_owned(),
        (Protection::Unprotected, _) => "give it a tag that a plan with VSS selects".to_owned(),
        (Protection::Vss | Protection::Unknown, false) => {
            "merge the plans, or move their schedules apart by more than the longest start window".to_owned()
        }
        (Protection::Vss | Protection::Unknown, true) => String::new(),
    }
}

fn block(text: &mut String, covered: &Covered, width: usize) {
    let (sign, style) = match covered.protection {
        Protection::Unprotected => ("!", REMOVE),
        Protection::Unknown => ("?", UNKNOWN),
        Protection::WithoutVss | Protection::Vss => ("~", CHANGE),
    };
    head(text, sign, style, &title(&covered.name, &covered.id), word(covered));
    for one in &covered.plans {
        line(text, "selected", &membership(one), width);
    }
    for overlap in &covered.overlaps {
        let said = format!(
            "{} and {} have overlapping start windows, first at {}: the later job fails",
            overlap.one,
            overlap.other,
            overlap.first.for_people()
        );
        line(text, "overlap", &said, width);
    }
    for miss in &covered.near_misses {
        line(
            text,
            "near miss",
            &format!("has `{}`, and plan {} wants `{}`", miss.found, miss.plan, miss.wanted),
            width,
        );
    }
    let fix = fix(covered);
    if !fix.is_empty() {
        line(text, "fix", &fix, width);
    }
}
