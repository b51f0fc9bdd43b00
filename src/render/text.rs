//! The plan for people: the verdict, one block for each resource that changes, what is left alone, what needs consent,
//! and the last line, which Atlantis and people look for. No meaning is in a colour alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::fields::{Alike, Line, alike, field_lines, name_instances, scalar, with_own_causes, write_lines};
use super::layout::{ADD, BOLD, CHANGE, DIM, REMOVE, UNKNOWN, hanging};
use super::runs::{self, Running};
use super::security;
use crate::kinds;
use crate::model::consent::Consent;
use crate::model::instance_ids::named;
use crate::model::safe::escaped;
use crate::model::{Action, Address, Consents, natural};
use crate::plan::{About, Change, Hazard, HazardNote, Orphan, Plan, Security, Sign, Summary, Turn, hazard};

mod addition;
mod summary;

use addition::Additions;

pub(crate) use super::layout::paragraph;

/// Leaves out what a new role may do: its addition names each of its policies already.
fn told_once(plan: &Plan) -> Security {
    let is_new = |turn: &Turn| {
        let change = plan.changes.iter().find(|change| change.address == turn.address);
        change.is_some_and(|change| change.action == Action::Create && turn.principal == change.address.to_string())
    };
    let mut security = plan.security.clone();
    security.turns.retain(|turn| turn.about != About::Permissions || turn.sign != Sign::Gain || !is_new(turn));
    security
}

/// The last line of a plan that changes nothing; pipelines match it.
pub const NO_CHANGES: &str = "No changes. Your infrastructure matches the configuration.";

/// How the last line of a plan begins that changes nothing, though AWS may not be as the file says.
pub const NO_CHANGES_TO_MAKE: &str = "No changes to make: ";

/// How many fields of one map with the same value are shown one by one.
const ALIKE: usize = 5;

/// How much of a plan is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Additions in few lines, what a preset brings by its name, and everything else field by field.
    #[default]
    Brief,
    /// Everything field by field.
    Full,
    /// One line for each change.
    Summary,
}

/// How a plan is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The consents of the file.
    pub consents: &'a Consents,
    /// The plan's problems, rendered: that needs the sources.
    pub problems: &'a str,
    /// The command that carries the plan out, and takes the consent to it.
    pub command: &'a str,
    /// The columns that there are, as far as names allow.
    pub width: usize,
    /// How much is written.
    pub detail: Detail,
}

/// Renders a plan.
pub fn plan(plan: &Plan, reading: &Reading<'_>) -> String {
    let mut text = String::new();
    verdict(&mut text, plan, reading.width);
    match reading.detail {
        Detail::Summary => summary::changes(&mut text, plan, reading.width),
        Detail::Brief | Detail::Full => changes(&mut text, plan, reading),
    }
    let security = match reading.detail {
        Detail::Brief => security::text(&told_once(plan), reading.width),
        Detail::Full | Detail::Summary => security::text(&plan.security, reading.width),
    };
    if !security.is_empty() {
        text.push('\n');
        text.push_str(&security);
    }
    if !plan.orphans.is_empty() {
        text.push('\n');
        orphans(&mut text, &plan.orphans, reading.width);
    }
    if reading.detail == Detail::Summary {
        summary::problems(&mut text, plan, reading.width);
    } else if !reading.problems.is_empty() {
        text.push('\n');
        text.push_str(reading.problems.trim_end());
        text.push('\n');
    }
    let last = last_line(plan);
    if !text.is_empty() {
        text.push('\n');
    }
    consent(&mut text, plan, reading);
    let _ = writeln!(text, "{BOLD}{last}{BOLD:#}");
    text
}

/// Writes the changes one by one.
fn changes(text: &mut String, plan: &Plan, reading: &Reading<'_>) {
    let (consents, width) = (reading.consents, reading.width);
    let mut notes: BTreeMap<&Address, Vec<&HazardNote>> = BTreeMap::new();
    for (address, note) in hazard::all(plan).filter(|(_, note)| note.hazard != Hazard::LargeChange) {
        notes.entry(address).or_default().push(note);
    }
    let additions =
        (reading.detail == Detail::Brief).then(|| Additions::of(plan, |address| notes.contains_key(address)));
    let mut was_block = true;
    for change in ordered(plan).into_iter().filter(|change| change.action != Action::NoOp) {
        if additions.as_ref().is_some_and(|additions| additions.is_told_elsewhere(change)) {
            continue;
        }
        let mut block = String::new();
        let is_brief = if let Some(additions) = additions.as_ref().filter(|_| change.action == Action::Create) {
            additions.write(&mut block, change, width)
        } else {
            self::change(&mut block, change, plan, reading);
            false
        };
        let of_change = notes.get(&change.address).into_iter().flatten();
        let of_change = of_change.map(|note| (*note, consents.declared(note.hazard, &change.address)));
        hazards(&mut block, of_change, &plan.seen.names, width);
        // Blocks of a header alone follow one another without empty lines, as in a list.
        let is_block = !is_brief && block.lines().nth(1).is_some();
        if is_block || was_block {
            text.push('\n');
        }
        was_block = is_block;
        text.push_str(&block);
    }
    if let Some(additions) = &additions {
        additions.closing(text, width);
    }
    for change in ordered(plan).into_iter().filter(|it| it.action == Action::NoOp && !it.settles.is_empty()) {
        let _ = writeln!(text, "\n  {BOLD}{}{BOLD:#}", header(&change.address, &change.name, width));
        settled(text, change, 4, width);
    }
}

/// Returns the changes in the order of the plan, and those of one kind in the order in which people look for them.
fn ordered(plan: &Plan) -> Vec<&Change> {
    let of_one = |one: &Change, other: &Change| {
        one.address.kind() == other.address.kind() && (one.action == Action::Delete) == (other.action == Action::Delete)
    };
    let mut all = Vec::with_capacity(plan.changes.len());
    for run in plan.changes.chunk_by(of_one) {
        let mut run: Vec<&Change> = run.iter().collect();
        run.sort_by(|one, other| natural::compare(&one.address.to_string(), &other.address.to_string()));
        all.extend(run);
    }
    all
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
fn change(text: &mut String, change: &Change, plan: &Plan, reading: &Reading<'_>) {
    let width = reading.width;
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
        paragraph(text, &named(&escaped(reason), &plan.seen.names), 4, width);
    }
    fields(text, change, &plan.seen.names, reading);
    runs(text, change, plan.seen.at, width);
    steering(text, change, width);
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
fn hazards<'a>(
    text: &mut String,
    notes: impl Iterator<Item = (&'a HazardNote, Option<&'a Consent>)>,
    names: &BTreeMap<String, String>,
    width: usize,
) {
    for (note, consent) in notes {
        hazard_lines(text, note, consent, names, [4, width]);
    }
}

/// Writes one hazard, and the consent of the file that covers it.
fn hazard_lines(
    text: &mut String,
    note: &HazardNote,
    consent: Option<&Consent>,
    names: &BTreeMap<String, String>,
    [indent, width]: [usize; 2],
) {
    let why = named(&escaped(&note.why), names);
    let line = format!("{REMOVE}!{REMOVE:#} {BOLD}{}{BOLD:#}: {why}", note.hazard);
    paragraph(text, &line, indent, width);
    if let Some(Consent { reason, until, .. }) = consent {
        paragraph(text, &format!("consented to in the file until {until}: {}", escaped(reason)), indent + 2, width);
    }
}

/// Says how to consent to what the plan brings.
fn consent(text: &mut String, plan: &Plan, reading: &Reading<'_>) {
    let Reading { consents, command, width, .. } = *reading;
    for (address, note) in hazard::all(plan).filter(|(_, note)| note.hazard == Hazard::LargeChange) {
        hazard_lines(text, note, consents.declared(note.hazard, address), &plan.seen.names, [0, width]);
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
fn fields(text: &mut String, change: &Change, names: &BTreeMap<String, String>, reading: &Reading<'_>) {
    let creates = change.action == Action::Create;
    let mut lines = Vec::new();
    let fields = with_own_causes(change);
    let most = if reading.detail == Detail::Full { usize::MAX } else { ALIKE };
    for Alike { shown, more } in alike(&fields, most) {
        for field in shown {
            field_lines(&mut lines, field, creates);
        }
        lines.extend(more.map(|more| Line::note(format!("... and {more} more alike; `--full` shows them"))));
    }
    name_instances(&mut lines, names);
    write_lines(text, lines, creates, reading.width);
}

/// Says when something runs now whose schedule changes, and when it ran before.
fn runs(text: &mut String, change: &Change, at: Option<Timestamp>, width: usize) {
    if change.action == Action::Create {
        return;
    }
    for Running { path, before, after } in runs::changed(change, at) {
        let of = if path.is_empty() { String::new() } else { format!(" {}", escaped(&path)) };
        let _ = writeln!(text, "      {DIM}when{of} runs:{DIM:#}");
        for (sign, style, when) in [("-", REMOVE, before), ("+", ADD, after)] {
            if let Some(when) = when {
                hanging(text, &format!("{style}{sign}{style:#} {}", escaped(&when.line())), [8, 10], width);
            }
        }
    }
}

/// Says what the entry declares to steer vssctl.
fn steering(text: &mut String, change: &Change, width: usize) {
    let said = steered(change);
    if !said.is_empty() {
        hanging(text, &format!("{DIM}steered by{DIM:#} {}", said.join(", ")), [6, 8], width);
    }
}

/// Returns what the entry declares to steer vssctl, one piece each.
pub(super) fn steered(change: &Change) -> Vec<String> {
    if matches!(change.action, Action::NoOp | Action::Delete | Action::Refused | Action::Unknown) {
        return Vec::new();
    }
    let piece = |(name, value): (&String, &Value)| format!("{} = {}", escaped(name), scalar(value));
    change.told.options.iter().map(piece).collect()
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
