//! A plan at a glance: one line for each change, in groups, what can't be done and what takes something away first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{described, ordered, sign};
use crate::config::presets;
use crate::model::instance_ids::named;
use crate::model::safe::escaped;
use crate::model::{Action, Address, Hazard, KindId, Severity};
use crate::plan::{Change, Plan, hazard};
use crate::render::fields::with_own_causes;
use crate::render::layout::{BOLD, CHANGE, DIM, REMOVE, columns, paragraph};

/// The groups, in the order of their weight.
const GROUPS: [(Action, &str); 7] = [
    (Action::Refused, "Refused"),
    (Action::Unknown, "Could not be read"),
    (Action::Delete, "To destroy"),
    (Action::Replace, "To replace"),
    (Action::Update, "To change"),
    (Action::Adopt, "To adopt"),
    (Action::Create, "To add"),
];

/// Writes the changes.
pub(super) fn changes(text: &mut String, plan: &Plan, width: usize) {
    let mut hazards: BTreeMap<&Address, BTreeSet<Hazard>> = BTreeMap::new();
    for (address, note) in hazard::all(plan) {
        hazards.entry(address).or_default().insert(note.hazard);
    }
    let all = ordered(plan);
    for (action, title) in GROUPS {
        let group: Vec<&&Change> = all.iter().filter(|change| change.action == action).collect();
        if group.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{BOLD}{title} ({}){BOLD:#}", group.len());
        for change in group {
            line(text, change, plan, hazards.get(&change.address), width);
        }
    }
}

/// Writes one change on one line: as much of what differs as there is room for, and all hazards.
fn line(text: &mut String, change: &Change, plan: &Plan, hazards: Option<&BTreeSet<Hazard>>, width: usize) {
    let (sign, style, _) = sign(change);
    let mut line = format!("  {style}{sign}{style:#} {}", change.address);
    let notes: Vec<&str> = hazards.into_iter().flatten().map(|hazard| hazard.name()).collect();
    let notes = if notes.is_empty() { String::new() } else { format!("  {REMOVE}!{REMOVE:#} {}", notes.join(", ")) };
    let cause = change.cause.map(|cause| format!(" {DIM}[{}]{DIM:#}", cause.words())).unwrap_or_default();
    line.push_str(&cause);
    let room = width.saturating_sub(columns(&line) + columns(&notes) + 2);
    let said = said(change, plan, room);
    if !said.is_empty() {
        let _ = write!(line, "  {said}");
    }
    let _ = writeln!(text, "{line}{notes}");
}

/// Says of a change what there is room for.
fn said(change: &Change, plan: &Plan, room: usize) -> String {
    let parts: Vec<String> = match change.action {
        Action::Refused | Action::Unknown => {
            let reason = named(&escaped(change.reason.as_deref().unwrap_or_default()), &plan.seen.names);
            reason.split_whitespace().map(str::to_owned).collect()
        }
        Action::Update | Action::Adopt | Action::Replace => {
            let fields = with_own_causes(change);
            let paths = fields.iter().map(|field| named(&escaped(&field.path), &plan.seen.names));
            return listed(&paths.collect::<Vec<_>>(), room);
        }
        Action::Create => {
            let is_role = change.address.kind() == KindId::Role;
            let preset = is_role.then(|| presets::of_addition(&change.fields, &plan.scope)).flatten();
            let words =
                described(&change.address, if change.name == change.address.last() { "" } else { &change.name });
            let words = preset.map_or(words, |preset| format!("as preset {}", preset.name()));
            vec![escaped(&words)]
        }
        Action::Delete | Action::NoOp => vec![escaped(&described(&change.address, ""))],
    };
    cut(&parts, room)
}

/// Joins as many words as there is room for.
fn cut(words: &[String], room: usize) -> String {
    let mut line = String::new();
    for word in words {
        let gap = usize::from(!line.is_empty());
        if columns(&line) + gap + columns(word) + 2 > room {
            return if line.is_empty() { line } else { format!("{line} …") };
        }
        if gap == 1 {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Lists as many as there is room for, and says how many more there are.
fn listed(all: &[String], room: usize) -> String {
    let mut line = String::new();
    for (index, one) in all.iter().enumerate() {
        let gap = if index == 0 { "" } else { ", " };
        let left = all.len() - index - 1;
        let tail = if left > 0 { format!(" and {left} more").len() } else { 0 };
        if columns(&line) + gap.len() + columns(one) + tail > room {
            let more = all.len() - index;
            return match index {
                0 => format!("{more} field{}", if more == 1 { "" } else { "s" }),
                _ => format!("{line} and {more} more"),
            };
        }
        line.push_str(gap);
        line.push_str(one);
    }
    line
}

/// Writes the problems, one paragraph each.
pub(super) fn problems(text: &mut String, plan: &Plan, width: usize) {
    if !plan.diagnostics.is_empty() {
        text.push('\n');
    }
    for problem in &plan.diagnostics {
        let (style, level) = match problem.severity {
            Severity::Error => (REMOVE, "error"),
            Severity::Warning => (CHANGE, "warning"),
        };
        let message = named(&escaped(&problem.message), &plan.seen.names);
        paragraph(text, &format!("{style}{level}[{}]{style:#}: {message}", problem.code), 0, width);
    }
}
