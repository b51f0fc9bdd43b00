//! Coverage for people.

use std::fmt::Write as _;

use super::{MOST, counted, head, headline, line, tally, title, unread};
use crate::model::Scope;
use crate::render::layout::{ADD, BOLD, CHANGE, DIM, REMOVE, UNKNOWN};
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
        head(&mut text, "=", ADD, &title(&covered.name, &covered.id), word(covered), width);
        for one in covered.plans.iter().filter(|one| one.is_sure()) {
            line(&mut text, "selected", &membership(one), width);
        }
    }
    if fine.len() > MOST {
        let _ = writeln!(text, "{DIM}and {} more; `--format json` has them all{DIM:#}", fine.len() - MOST);
    }
    if !coverage.in_vain.is_empty() {
        text.push('\n');
    }
    for vain in &coverage.in_vain {
        head(&mut text, "~", CHANGE, &format!("selection {}/{}", vain.plan, vain.selection), "names nobody", width);
        for arn in &vain.arns {
            line(&mut text, "selects", &format!("{arn}, and there is no such instance"), width);
        }
        line(&mut text, "fix", "correct the ARN, or take it out of the selection", width);
    }
    unread(&mut text, &coverage.unread, width);
    let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", last_line(coverage));
    text
}

/// Returns the verdict in a sentence.
pub(crate) fn verdict(coverage: &Coverage) -> String {
    let (all, good) = (coverage.instances.len(), coverage.count(Protection::Vss));
    let unknown = coverage.count(Protection::Unknown);
    match all {
        0 if coverage.unread.is_empty() => "There is no Windows instance.".to_owned(),
        0 => "Which instances there are could not be read.".to_owned(),
        _ if good == all && coverage.overlapping() == 0 => format!("{} protected with VSS.", all_are(all)),
        _ if unknown > 0 => {
            let all = counted(all, "Windows instance");
            format!("{good} of {all} known to be protected with VSS, {unknown} unknown.")
        }
        _ => format!("{good} of {} protected with VSS.", counted(all, "Windows instance")),
    }
}

fn all_are(all: usize) -> String {
    if all == 1 { "The only Windows instance is".to_owned() } else { format!("All {all} Windows instances are") }
}

/// Returns what was looked at.
pub(super) fn about(coverage: &Coverage, scope: &Scope) -> String {
    let others = match coverage.others {
        Some(others) => format!("{} without Windows left out", counted(others, "instance")),
        None => "instances unknown".to_owned(),
    };
    let plans = match coverage.plans {
        Some((all, vss)) => format!("{}, {vss} of them with VSS", counted(all, "backup plan")),
        None => "backup plans unknown".to_owned(),
    };
    format!(
        "Account {}, {}, read at {}; {plans}; {others}.",
        scope.account_id,
        scope.region,
        coverage.read_at.for_people()
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
    if let Some(address) = covered.missing.first() {
        if let Some(role) = &covered.missing_role {
            return format!(
                "`{address}` of the file means it, and AWS does not have that selection: `vssctl apply` makes it once \
                 its role {role} is there, which the file does not make; make that role, or correct `role` in the file"
            );
        }
        return format!("`vssctl apply`: `{address}` of the file means it, and AWS does not have that selection");
    }
    if let Some(miss) = covered.near_misses.first() {
        return format!("write the tag as plan {} wants it: `{}`", miss.plan, miss.wanted);
    }
    if covered.plans.iter().any(|one| matches!(one.selected, Selected::SwitchedOff(_))) {
        return "write `[region_settings] resource_type_opt_in = { EC2 = true }`, or select by \
                `arn:aws:ec2:*:*:instance/*`"
            .to_owned();
    }
    match (covered.protection, covered.overlaps.is_empty()) {
        (Protection::WithoutVss, _) => "set `windows_vss = true` in a plan that selects it".to_owned(),
        (Protection::Unprotected, _) => match &covered.lacks {
            Some(lacks) => {
                let tags: Vec<String> = lacks.tags.iter().map(|tag| format!("`{tag}`")).collect();
                format!("give it {}, which the selection {} asks for", tags.join(" and "), lacks.selection)
            }
            None => "give it a tag that a plan with VSS selects".to_owned(),
        },
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
    head(text, sign, style, &title(&covered.name, &covered.id), word(covered), width);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vss::coverage::coverage;
    use crate::vss::evidence::{Evidence, Known, Unread};
    use crate::vss::fixture;

    fn shown(edit: impl FnOnce(&mut Evidence)) -> String {
        let mut evidence = fixture::healthy();
        edit(&mut evidence);
        anstream::adapter::strip_str(&text(&coverage(&evidence), &evidence.scope, 80)).to_string()
    }

    #[test]
    fn a_healthy_instance_of_two_plans_and_a_long_name_stay_within_the_width() {
        let text = shown(|evidence| {
            fixture::instance(evidence).name =
                "a server of a team with a name that is longer than it should be".to_owned();
            let mut morning = fixture::plan(evidence).clone();
            morning.id = "plan-morning".to_owned();
            morning.name = "morning-of-the-other-team".to_owned();
            morning.rules[0].schedule = Some("cron(0 6 ? * * *)".to_owned());
            if let Known::Known(plans) = &mut evidence.plans {
                plans.push(morning);
            }
        });
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(long, [""; 0], "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains("longer than it should be (i-0aaaaaaaaaaaaaaa1) with VSS selected: plan daily"),
            "{text}"
        );
        assert!(words.contains("selected: plan morning-of-the-other-team"), "{text}");
    }

    #[test]
    fn a_role_that_the_file_does_not_make_is_named_before_an_apply_that_aws_refuses() {
        let mut coverage = coverage(&fixture::healthy());
        let covered = &mut coverage.instances[0];
        covered.missing = vec!["selection.daily.windows".to_owned()];
        assert!(fix(covered).starts_with("`vssctl apply`: "), "{}", fix(covered));
        covered.missing_role = Some("arn:aws:iam::123456789012:role/Gone".to_owned());
        assert!(
            fix(covered).contains("once its role arn:aws:iam::123456789012:role/Gone is there"),
            "{}",
            fix(covered)
        );
    }

    #[test]
    fn what_could_not_be_read_is_not_counted_as_none() {
        let words = |edit: fn(&mut Evidence)| shown(edit).split_whitespace().collect::<Vec<_>>().join(" ");
        let text = words(|evidence| evidence.plans = Known::Unknown(Unread::default()));
        assert!(text.starts_with("0 of 1 Windows instance known to be protected with VSS, 1 unknown."), "{text}");
        assert!(text.contains("backup plans unknown;") && !text.contains("0 backup plans"), "{text}");
        let text = words(|evidence| evidence.instances = Known::Unknown(Unread::default()));
        assert!(text.contains("instances unknown.") && !text.contains("0 instances"), "{text}");
        let text = words(|_| {});
        assert!(text.contains("1 backup plan, 1 of them with VSS;"), "{text}");
    }
}
