//! The plan for people: the verdict, one block for each resource that changes, what is left alone, what needs consent,
//! and the last line, which Atlantis and people look for. No meaning is in a colour alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::fields::{field_lines, with_own_causes, write_lines};
use super::layout::{ADD, BOLD, CHANGE, DIM, REMOVE, UNKNOWN};
use super::security;
use crate::kinds;
use crate::model::consent::Consent;
use crate::model::safe::escaped;
use crate::model::{Action, Address, Consents};
use crate::plan::{Change, Hazard, HazardNote, Orphan, Plan, Summary, hazard};

pub(crate) use super::layout::paragraph;

/// The last line of a plan that changes nothing; pipelines match it.
pub const NO_CHANGES: &str = "No changes. Your infrastructure matches the configuration.";

/// How the last line of a plan begins that changes nothing, though AWS may not be as the file says.
pub const NO_CHANGES_TO_MAKE: &str = "No changes to make: ";

/// Renders a plan in at most `width` columns, as far as names allow. `problems` is the rendered form of its
/// diagnostics, which needs the sources; `command` carries the plan out, and takes the consent to it. `consents` are
/// those of the file.
pub fn plan(plan: &Plan, consents: &Consents, problems: &str, command: &str, width: usize) -> String {
    let mut text = String::new();
    verdict(&mut text, plan, width);
    let mut was_block = true;
    let mut notes: BTreeMap<&Address, Vec<&HazardNote>> = BTreeMap::new();
    for (address, note) in hazard::all(plan).filter(|(_, note)| note.hazard != Hazard::LargeChange) {
        notes.entry(address).or_default().push(note);
    }
    for change in plan.changes.iter().filter(|change| change.action != Action::NoOp) {
        let mut block = String::new();
        self::change(&mut block, change, width);
        let of_change = notes.get(&change.address).into_iter().flatten();
        let of_change = of_change.map(|note| (*note, consents.declared(note.hazard, &change.address)));
        hazards(&mut block, of_change, width);
        // Blocks of a header alone follow one another without empty lines, as in a list.
        let is_block = block.lines().nth(1).is_some();
        if is_block || was_block {
            text.push('\n');
        }
        was_block = is_block;
        text.push_str(&block);
    }
    for change in plan.changes.iter().filter(|it| it.action == Action::NoOp && !it.settles.is_empty()) {
        let _ = writeln!(text, "\n  {BOLD}{}{BOLD:#}", header(&change.address, &change.name, width));
        settled(&mut text, change, 4, width);
    }
    let security = security::text(&plan.security, width);
    if !security.is_empty() {
        text.push('\n');
        text.push_str(&security);
    }
    if !plan.orphans.is_empty() {
        text.push('\n');
        orphans(&mut text, &plan.orphans, width);
    }
    if !problems.is_empty() {
        text.push('\n');
        text.push_str(problems.trim_end());
        text.push('\n');
    }
    let last = last_line(plan);
    if !text.is_empty() {
        text.push('\n');
    }
    consent(&mut text, plan, consents, command, width);
    let _ = writeln!(text, "{BOLD}{last}{BOLD:#}");
    text
}

/// Returns the plan's last line.
pub fn last_line(plan: &Plan) -> String {
    if !plan.is_empty() {
        let Summary { add, change, destroy } = plan.summary();
        return format!("Plan: {add} to add, {change} to change, {destroy} to destroy.");
    }
    let left = kept_from_matching(plan);
    if left.is_empty() { NO_CHANGES.to_owned() } else { format!("{NO_CHANGES_TO_MAKE}{}.", left.join("; ")) }
}

/// Says what keeps a plan without changes from telling that everything matches.
fn kept_from_matching(plan: &Plan) -> Vec<String> {
    let count = |action| plan.changes.iter().filter(|change| change.action == action).count();
    let resources = |number: usize, one: &str, several: &str| {
        (number > 0)
            .then(|| if number == 1 { format!("1 resource {one}") } else { format!("{number} resources {several}") })
    };
    let all = [
        resources(count(Action::Refused), "is refused", "are refused"),
        resources(count(Action::Unknown), "could not be read", "could not be read"),
        plan.is_blind().then(|| "not everything could be read".to_owned()),
        resources(plan.orphans.len(), "is no longer in the file", "are no longer in the file"),
        plan.is_targeted.then(|| "only what `--target` names was looked at".to_owned()),
    ];
    all.into_iter().flatten().collect()
}

/// Writes the sum of the plan in a line or two, or nothing where the last line says it.
fn verdict(text: &mut String, plan: &Plan, width: usize) {
    let Summary { add, change, destroy } = plan.summary();
    let count = |action| plan.changes.iter().filter(|change| change.action == action).count();
    let parts: Vec<String> = [
        (add, "to add"),
        (change, "to change"),
        (destroy, "to destroy"),
        (count(Action::Refused), "refused"),
        (count(Action::Unknown), "could not be read"),
        (plan.orphans.len(), "no longer in the file"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, words)| format!("{number} {words}"))
    .collect();
    if parts.is_empty() {
        return;
    }
    let scope = &plan.scope;
    let (stack, account, region) = (escaped(&scope.stack), escaped(&scope.account_id), escaped(&scope.region));
    let line = format!("{BOLD}Stack {stack}{BOLD:#} ({account}, {region}): {}", parts.join(", "));
    paragraph(text, &line, 0, width);
}

/// Returns an action's sign, colour and words.
fn sign(change: &Change) -> (&'static str, Style, &'static str) {
    match change.action {
        Action::NoOp => (" ", DIM, "stays as it is"),
        Action::Create => ("+", ADD, "will be created"),
        Action::Adopt => ("~", CHANGE, "will be adopted"),
        Action::Update => ("~", CHANGE, "will be changed"),
        Action::Replace if kinds::of(change.address.kind()).replaces_create_first() => {
            ("+/-", CHANGE, "will be replaced, the new one first")
        }
        Action::Replace => ("-/+", CHANGE, "will be replaced"),
        Action::Delete => ("-", REMOVE, "will be destroyed"),
        Action::Unknown => ("?", UNKNOWN, "could not be read; left alone"),
        Action::Refused => ("!", REMOVE, "is refused; left alone"),
    }
}

/// Writes one change: its header, its reason, its fields.
fn change(text: &mut String, change: &Change, width: usize) {
    let (sign, style, words) = sign(change);
    let header = header(&change.address, &change.name, width.saturating_sub(sign.len() + 1));
    let _ = write!(text, "{style}{sign}{style:#} {BOLD}{header}{BOLD:#}");
    let told_by_sign = matches!(change.action, Action::Create | Action::Update | Action::Delete);
    if let Some(cause) = change.cause.filter(|_| change.action != Action::NoOp) {
        let _ = write!(text, " {DIM}[{}]{DIM:#}", cause.words());
    }
    if told_by_sign {
        text.push('\n');
    } else if sign.len() + 1 + header.width() + 1 + words.len() <= width {
        let _ = writeln!(text, " {words}");
    } else {
        let _ = writeln!(text, "\n    {words}");
    }
    if let Some(reason) = &change.reason {
        paragraph(text, &escaped(reason), 4, width);
    }
    fields(text, change, width);
    if change.action != Action::NoOp {
        settled(text, change, 4, width);
    }
}

/// Says which fields the file has come to say as they are live.
fn settled(text: &mut String, change: &Change, indent: usize, width: usize) {
    if !change.settles.is_empty() {
        let paths = escaped(&change.settles.join(", "));
        paragraph(text, &format!("{DIM}this change settles drift of{DIM:#} {paths}"), indent, width);
    }
}

/// Writes which changes of a resource need consent, and why.
fn hazards<'a>(text: &mut String, notes: impl Iterator<Item = (&'a HazardNote, Option<&'a Consent>)>, width: usize) {
    for (note, consent) in notes {
        hazard_lines(text, note, consent, 4, width);
    }
}

/// Writes one hazard, and the consent of the file that covers it.
fn hazard_lines(text: &mut String, note: &HazardNote, consent: Option<&Consent>, indent: usize, width: usize) {
    let line = format!("{REMOVE}!{REMOVE:#} {BOLD}{}{BOLD:#}: {}", note.hazard, escaped(&note.why));
    paragraph(text, &line, indent, width);
    if let Some(Consent { reason, until, .. }) = consent {
        paragraph(text, &format!("consented to in the file until {until}: {}", escaped(reason)), indent + 2, width);
    }
}

/// Says how to consent to what the plan brings.
fn consent(text: &mut String, plan: &Plan, consents: &Consents, command: &str, width: usize) {
    for (address, note) in hazard::all(plan).filter(|(_, note)| note.hazard == Hazard::LargeChange) {
        hazard_lines(text, note, consents.declared(note.hazard, address), 0, width);
    }
    let open = hazard::unconsented(plan, consents);
    let hazards: BTreeSet<Hazard> = open.into_iter().map(|(_, note)| note.hazard).collect();
    if hazards.is_empty() {
        return;
    }
    let names: Vec<&str> = hazards.into_iter().map(Hazard::name).collect();
    let line = format!("{BOLD}hint{BOLD:#}: `{command} --allow {}` consents to what is marked `!`", names.join(","));
    paragraph(text, &line, 0, width);
    text.push('\n');
}

/// Returns what a resource is for people: the kind's title and its AWS name.
pub(crate) fn described(address: &Address, name: &str) -> String {
    let title = kinds::of(address.kind()).title();
    if name.is_empty() { title.to_owned() } else { format!("{title}, {name}") }
}

/// Returns a resource's address with what it is. The AWS name is left out where the address has the same name and there
/// is no room for both.
pub(crate) fn header(address: &Address, name: &str, width: usize) -> String {
    let full = escaped(&format!("{address} ({})", described(address, name)));
    if full.width() <= width || address.last() != name {
        return full;
    }
    escaped(&format!("{address} ({})", described(address, "")))
}

/// Writes the fields of a change with their values in one column.
fn fields(text: &mut String, change: &Change, width: usize) {
    let creates = change.action == Action::Create;
    let mut lines = Vec::new();
    for field in &with_own_causes(change) {
        field_lines(&mut lines, field, creates);
    }
    write_lines(text, lines, creates, width);
}

/// Writes what the stack owns and the file lacks.
fn orphans(text: &mut String, orphans: &[Orphan], width: usize) {
    let resources = if orphans.len() == 1 { "resource is" } else { "resources are" };
    paragraph(
        text,
        &format!("{} {resources} this stack's and no longer in the file; left alone:", orphans.len()),
        0,
        width,
    );
    for orphan in orphans {
        let cause = orphan.cause.map(|cause| format!(" {DIM}[{}]{DIM:#}", cause.words())).unwrap_or_default();
        let _ = writeln!(text, "  {}{cause}", header(&orphan.address, &orphan.name, width.saturating_sub(2)));
        if !orphan.id.is_empty() && orphan.id != orphan.name {
            let _ = writeln!(text, "    {DIM}{}{DIM:#}", escaped(&orphan.id));
        }
    }
    let them = if orphans.len() == 1 { "it" } else { "them" };
    let _ = writeln!(text, "{BOLD}hint{BOLD:#}: `--prune` deletes {them}");
}

#[cfg(test)]
mod tests;
