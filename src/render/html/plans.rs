//! The backup plans of a region, with what they select and when.

use std::fmt::Write as _;

use super::escape::{code, text};
use super::page::table;
use crate::vss::evidence::{Evidence, Known, Plan, PlanOwner, Rule, Selection};

/// The most plans with a row of their own; a region may have 300.
const PLANS: usize = 300;
/// The most ARNs or tags of one selection.
const ENTRIES: usize = 40;

/// Writes the plans.
pub(super) fn plans(evidence: &Evidence) -> String {
    let plans = match &evidence.plans {
        Known::Known(plans) => plans,
        Known::Unknown(_) | Known::NotRead => return "<p>The plans could not be read.</p>\n".to_owned(),
    };
    if plans.is_empty() {
        return "<p>The region has no backup plan.</p>\n".to_owned();
    }
    let rows = plans.iter().take(PLANS).map(row);
    let columns = ["Plan", "Whose", "Windows VSS", "Rules", "Selections"];
    let mut html = table("Backup plans of the region", &columns, rows);
    if plans.len() > PLANS {
        let _ = writeln!(html, "<p>{} more plans left out here.</p>", plans.len() - PLANS);
    }
    html
}

/// Says who owns a plan.
pub(super) fn owner(owner: &PlanOwner) -> String {
    match owner {
        PlanOwner::Ours(_) => "this stack’s".to_owned(),
        PlanOwner::Stack(stack) => format!("stack {}", code(stack)),
        PlanOwner::Organizations => "AWS Organizations’".to_owned(),
        PlanOwner::Other => "somebody else’s".to_owned(),
    }
}

fn row(plan: &Plan) -> Vec<String> {
    let selections = match &plan.selections {
        Known::Known(selections) if selections.is_empty() => "<p>none: it backs up nothing</p>".to_owned(),
        Known::Known(selections) => selections.iter().map(selection).collect(),
        Known::Unknown(_) | Known::NotRead => "<p>could not be read</p>".to_owned(),
    };
    vec![
        format!("{}<br /><span class=\"whole id\">{}</span>", code(&plan.name), code(&plan.id)),
        owner(&plan.owner),
        if plan.windows_vss { "yes" } else { "no" }.to_owned(),
        plan.rules.iter().map(rule).collect(),
        selections,
    ]
}

fn rule(rule: &Rule) -> String {
    let schedule = match (&rule.schedule, &rule.timezone) {
        (Some(schedule), Some(zone)) => format!("{} {}", code(schedule), code(zone)),
        (Some(schedule), None) => code(schedule),
        (None, _) => "on demand only".to_owned(),
    };
    let kept = rule.delete_after_days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
    format!(
        "<p>{}: {schedule}, start window {} minutes, vault {}, kept {kept}</p>",
        code(&rule.name),
        rule.start_window_minutes,
        code(&rule.vault)
    )
}

fn selection(selection: &Selection) -> String {
    let list = |entries: &[String]| -> String {
        let shown: Vec<String> = entries.iter().take(ENTRIES).map(|entry| code(entry)).collect();
        let more = match entries.len().saturating_sub(ENTRIES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}", shown.join(", "))
    };
    let pairs = |pairs: &[(String, String)]| -> Vec<String> {
        pairs.iter().map(|(key, value)| format!("{key}={value}")).collect()
    };
    let conditions = &selection.conditions;
    let parts = [
        ("any of", selection.resources.clone()),
        ("any of the tags", pairs(&selection.list_of_tags)),
        ("all of the tags", pairs(&conditions.equals)),
        ("tags like", pairs(&conditions.like)),
        ("not", selection.not_resources.clone()),
        ("none of the tags", pairs(&conditions.not_equals)),
        ("no tags like", pairs(&conditions.not_like)),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(_, entries)| !entries.is_empty())
        .map(|(word, entries)| format!("{} {}", text(word), list(entries)))
        .collect();
    let said = if said.is_empty() { "everything".to_owned() } else { said.join("; ") };
    format!("<p>{}: {said}; role {}</p>", code(&selection.name), code(&selection.role_arn))
}
