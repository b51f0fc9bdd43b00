//! A plan as a comment of a pull request: what the merge will do, pinned by its digest, within a limit of characters.
//!
//! Text from the file and from AWS stands only within fenced blocks and code spans, whose fences are longer than any
//! run of backticks in them: there it makes no markup, no mention and no link. No time and no number of a run is in it,
//! so that a comment that is written again stays as it is.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstream::adapter::strip_str;

use super::{Level, Notable, notable};
use crate::model::safe::escaped;
use crate::model::{Action, Cause};
use crate::plan::file::{SavedChange, SavedPlan};
use crate::plan::{Change, Hazard, Plan, Summary, hazard};
use crate::render::fields::{field_lines, name_instances, with_own_causes, write_lines};
use crate::render::runs::{self, Running, When};
use crate::render::security;
use crate::render::text::{self, steered};

/// The most characters of a comment on GitHub.
pub const COMMENT: usize = 65_535;
/// The fewest that a comment can be limited to: its head and its end always stand.
pub const LEAST: usize = 4_000;

/// What is said of a plan besides it.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The most characters.
    pub limit: usize,
    /// The options that another command needs to mean the same file and account, each after a blank.
    pub options_of_same: &'a str,
}

/// One part that can be left out: a line that is always seen, and lines that open.
struct Block {
    title: String,
    lines: Vec<String>,
    is_open: bool,
}

/// Renders a plan.
pub fn plan(saved: &SavedPlan, options: &Options<'_>) -> String {
    let plan = saved.plan();
    let head = head(saved, &plan);
    let end = end(saved, &plan, options);
    let blocks = blocks(saved, &plan);
    // A message about what is left out has at most this many characters.
    let room = options.limit.saturating_sub(count(&head) + count(&end) + 250);
    let (body, left_out) = fitted(&blocks, room);
    let mut text = head + &body;
    if let Some(left_out) = left_out {
        let line = code(&format!("vssctl{} plan", options.options_of_same));
        let _ = writeln!(text, "\n_{left_out}: run {line} for all of it._");
    }
    text + &end
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// Writes the marker by which the comment is found again, the title and the verdict.
fn head(saved: &SavedPlan, plan: &Plan) -> String {
    let scope = &saved.scope;
    let [stack, account, region] = [&scope.stack, &scope.account_id, &scope.region];
    let mut text = format!(
        "<!-- vssctl:plan:v1 stack={} account={} region={} -->\n### vssctl: {} · {} · {}\n\n",
        marked(stack),
        marked(account),
        marked(region),
        code(stack),
        code(account),
        code(region),
    );
    let mut line = format!("**{}**", verdict(plan));
    let hazards = hazards(saved);
    if !hazards.is_empty() {
        let names: Vec<String> = hazards.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(line, " · \u{26a0} {}", names.join(", "));
    }
    let _ = writeln!(text, "{line} · digest `{}`", saved.digest);
    text.push_str(&causes(saved));
    text
}

/// Counts what this change does and what is drift, where the file was held against its base.
fn causes(saved: &SavedPlan) -> String {
    let all = saved.changes.iter().map(|change| (change.action, change.cause));
    let all: Vec<(Action, Cause)> = all.filter_map(|(action, cause)| Some((action, cause?))).collect();
    let orphans: Vec<Cause> = saved.orphans.iter().filter_map(|orphan| orphan.cause).collect();
    if all.is_empty() && orphans.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n| | this change | drift |\n|---|---|---|\n");
    let mut row = |words: &str, causes: &[Cause]| {
        let change = causes.iter().filter(|cause| cause.is_change()).count();
        let drift = causes.iter().filter(|cause| cause.is_drift()).count();
        if change + drift > 0 {
            let _ = writeln!(text, "| {words} | {change} | {drift} |");
        }
    };
    let of = |actions: &[Action]| -> Vec<Cause> {
        all.iter().filter(|(action, _)| actions.contains(action)).map(|(_, cause)| *cause).collect()
    };
    row("to add", &of(&[Action::Create, Action::Replace]));
    row("to change", &of(&[Action::Update, Action::Adopt]));
    row("to destroy", &of(&[Action::Delete, Action::Replace]));
    row("as it is live now", &of(&[Action::NoOp]));
    row("no longer in the file", &orphans);
    text
}

/// Says what a plan comes to, in words.
pub(super) fn verdict(plan: &Plan) -> String {
    let Summary { add, change, destroy } = plan.summary();
    let stands = |action| plan.changes.iter().filter(|change| change.action == action).count();
    let parts: Vec<String> = [
        (add, "to add"),
        (change, "to change"),
        (destroy, "to destroy"),
        (stands(Action::Refused), "refused"),
        (stands(Action::Unknown), "could not be read"),
        (plan.orphans.len(), "no longer in the file"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, words)| format!("{number} {words}"))
    .collect();
    if parts.is_empty() { text::last_line(plan) } else { parts.join(", ") }
}

/// Returns the names of the hazards of a plan, each once.
pub(super) fn hazards(saved: &SavedPlan) -> Vec<&'static str> {
    let notes = saved.steps.iter().flat_map(|step| &step.hazards);
    let names: BTreeSet<Hazard> = notes.map(|note| note.hazard).collect();
    names.into_iter().map(Hazard::name).collect()
}

/// Says how the plan is applied, where it can be.
fn end(saved: &SavedPlan, plan: &Plan, options: &Options<'_>) -> String {
    let can_be = plan.verdict() == crate::plan::Verdict::Clean && !plan.is_empty();
    if !can_be {
        return String::new();
    }
    format!("\nApply: {}\n", code(&apply_line(saved, options.options_of_same)))
}

/// Returns the command that applies exactly this plan.
pub fn apply_line(saved: &SavedPlan, options_of_same: &str) -> String {
    let mut line = format!("vssctl{options_of_same} apply --yes --expect-digest {}", saved.digest);
    for target in &saved.options.targets {
        let _ = write!(line, " --target {target}");
    }
    if saved.options.prune {
        line.push_str(" --prune");
    }
    if let Some(most) = saved.options.max_deletions {
        let _ = write!(line, " --max-deletions {most}");
    }
    // What the file consents to is not asked for again.
    let plan = saved.plan();
    let open: BTreeSet<Hazard> =
        hazard::unconsented(&plan, &saved.declared()).into_iter().map(|(_, note)| note.hazard).collect();
    if !open.is_empty() {
        let names: Vec<&str> = open.into_iter().map(Hazard::name).collect();
        let _ = write!(line, " --allow {}", names.join(","));
    }
    line
}

/// Returns the parts in the order of their weight: who may do more or less, what can't be done, what takes something
/// away, what changes, what is new, and then what is only told.
fn blocks(saved: &SavedPlan, plan: &Plan) -> Vec<Block> {
    let all = notable(saved);
    let is_told = |change: &&SavedChange| change.action != Action::NoOp || !change.settles.is_empty();
    let mut changes: Vec<&SavedChange> = saved.changes.iter().filter(is_told).collect();
    let has_hazard = |change: &SavedChange| {
        saved.steps.iter().any(|step| step.address == change.address && !step.hazards.is_empty())
    };
    changes.sort_by_key(|change| {
        let weight = match change.action {
            Action::Refused | Action::Unknown => 0,
            Action::Delete => 1,
            Action::Replace => 2,
            Action::Update | Action::Adopt => 3,
            Action::Create | Action::NoOp => 4,
        };
        (weight != 0, !has_hazard(change), weight)
    });
    let security = security::diff(&saved.security);
    let title = security::TITLE.to_owned();
    let security = Some(Block { title, lines: security, is_open: true }).filter(|block| !block.lines.is_empty());
    let of_changes = changes.into_iter().map(|change| block(change, saved, plan));
    let mut blocks: Vec<Block> = security.into_iter().chain(of_changes).collect();
    let others = all.iter().filter(|notable| !notable.rule.starts_with("hazard/"));
    let lines: Vec<String> = others.flat_map(notice).collect();
    if !lines.is_empty() {
        let is_open = all.iter().any(|notable| notable.level == Level::Error);
        blocks.push(Block { title: "Problems and notes".to_owned(), lines, is_open });
    }
    blocks
}

/// Writes one problem in lines of a diff: `!` is what a reader's eye is drawn to there.
fn notice(notable: &Notable) -> Vec<String> {
    let level = match notable.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let mut lines = vec![escaped(&format!("! {level}: {} ({})", notable.message, notable.rule))];
    lines.extend(notable.help.iter().map(|help| escaped(&format!("#   {help}"))));
    lines
}

/// Makes the part of one resource: its fields as lines of a diff, then what needs consent.
fn block(change: &SavedChange, saved: &SavedPlan, plan: &Plan) -> Block {
    let sign = match change.action {
        Action::NoOp => " ",
        Action::Create => "+",
        Action::Adopt | Action::Update => "~",
        Action::Replace => "-/+",
        Action::Delete => "-",
        Action::Unknown => "?",
        Action::Refused => "!",
    };
    let words = match change.action {
        Action::Adopt => " is adopted",
        Action::Replace => " is replaced",
        Action::Unknown => " could not be read",
        Action::Refused => " is refused",
        Action::NoOp | Action::Create | Action::Update | Action::Delete => "",
    };
    let name = text::described(&change.address, &change.name);
    let cause = change.cause.map(|cause| format!(" · <i>{}</i>", cause.words())).unwrap_or_default();
    let title = format!("<code>{sign} {}</code>{words}{cause} <sub><code>{}</code></sub>", change.address, html(&name));
    let settles = Some(change.settles.join(", ")).filter(|paths| !paths.is_empty());
    let settles = settles.map(|paths| escaped(&format!("# this change settles drift of {paths}")));
    let mut lines: Vec<String> = change.reason.iter().map(|reason| escaped(&format!("# {reason}"))).collect();
    let of_plan = plan.changes.iter().find(|it| it.address == change.address);
    lines.extend(of_plan.into_iter().flat_map(|change| fields(change, plan)));
    lines.extend(settles);
    let notes = saved.steps.iter().filter(|step| step.address == change.address).flat_map(|step| &step.hazards);
    let consents = saved.declared();
    for note in notes {
        lines.push(escaped(&format!("! {}: {}", note.hazard, note.why)));
        let consent = consents.declared(note.hazard, &change.address);
        let said = consent.map(|it| format!("#   consented to in the file until {}: {}", it.until, it.reason));
        lines.extend(said.map(|said| escaped(&said)));
    }
    Block { title, lines, is_open: change.action != Action::Create }
}

/// Writes the fields of a change, each line with its sign first, as a diff has it.
fn fields(change: &Change, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for field in &with_own_causes(change) {
        field_lines(&mut lines, field, change.action == Action::Create);
    }
    name_instances(&mut lines, &plan.seen.names);
    let mut written = String::new();
    write_lines(&mut written, lines, false, usize::MAX);
    let mut lines: Vec<String> = strip_str(&written).to_string().lines().map(as_diff).collect();
    // In words alone: a comment that is written again on another day stays as it is.
    for Running { path, before, after } in runs::changed(change, None).into_iter().filter(|_| !is_new(change)) {
        let of = if path.is_empty() { String::new() } else { format!("{path} ") };
        let said = |verb: &str, when: Option<When>| when.map(|when| format!("{verb} {}", when.words));
        let said: Vec<String> = [said("ran", before), said("runs", after)].into_iter().flatten().collect();
        lines.push(escaped(&format!("# {of}{}", said.join(", now "))));
    }
    let steered = steered(change);
    if !steered.is_empty() {
        lines.push(format!("# steered by {}", steered.join(", ")));
    }
    lines
}

fn is_new(change: &Change) -> bool {
    change.action == Action::Create
}

/// Moves the sign of a line to its front, for the colours of a diff: `~` stays as it is, and is drawn as context.
pub(in crate::render) fn as_diff(line: &str) -> String {
    let bare = line.trim_start();
    let depth = line.len() - bare.len();
    let depth = depth.saturating_sub(4);
    match bare.chars().next() {
        Some(sign @ ('+' | '-' | '~')) => {
            let rest = &bare[1..];
            format!("{sign}{}{rest}", " ".repeat(depth))
        }
        _ => format!("  {}{bare}", " ".repeat(depth)),
    }
}

/// Writes as many parts as there is room for, the last of them cut between lines, and says what is left out.
fn fitted(blocks: &[Block], room: usize) -> (String, Option<String>) {
    let whole: Vec<String> = blocks.iter().map(|block| written(block, &block.lines)).collect();
    let all: usize = whole.iter().map(|text| count(text)).sum();
    let mut text = String::new();
    let mut used = 0;
    for (index, block) in blocks.iter().enumerate() {
        let size = count(&whole[index]);
        if used + size <= room {
            text.push_str(&whole[index]);
            used += size;
            continue;
        }
        let cut = cut(block, room - used);
        let is_cut = usize::from(cut.is_some());
        if let Some(cut) = cut {
            used += count(&cut);
            text.push_str(&cut);
        }
        let gone = blocks.len() - index - is_cut;
        let cut_short = if is_cut == 1 { ", 1 cut short" } else { "" };
        let sizes = thousands(all.saturating_sub(used));
        return (text, Some(format!("{gone} of {} parts left out{cut_short} ({sizes} characters)", blocks.len())));
    }
    (text, None)
}

/// Writes as many lines of a part as there is room for; nothing where there is hardly any.
fn cut(block: &Block, room: usize) -> Option<String> {
    let told = |gone: usize| format!("# {gone} more lines");
    let frame = count(&written(block, &[told(block.lines.len())])) + 10;
    let mut left = room.checked_sub(frame)?;
    let mut lines: Vec<String> = Vec::new();
    for line in &block.lines {
        let size = count(line) + 1;
        if size > left {
            break;
        }
        left -= size;
        lines.push(line.clone());
    }
    if lines.is_empty() {
        return None;
    }
    lines.push(told(block.lines.len() - lines.len()));
    let text = written(block, &lines);
    (count(&text) <= room).then_some(text)
}

/// Writes one part.
fn written(block: &Block, lines: &[String]) -> String {
    if lines.is_empty() {
        return format!("\n{}\n", block.title);
    }
    let open = if block.is_open { " open" } else { "" };
    format!("\n<details{open}><summary>{}</summary>\n{}\n</details>\n", block.title, fenced(lines))
}

/// Writes lines of a diff within a fence that is longer than any run of backticks in them.
pub(in crate::render) fn fenced(lines: &[String]) -> String {
    let text = lines.join("\n");
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("\n{fence}diff\n{text}\n{fence}\n")
}

/// Returns the length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or_default()
}

/// Writes foreign text as a code span: nothing in it is markup.
pub(in crate::render) fn code(text: &str) -> String {
    let text = escaped(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    // A blank keeps a backtick at the edge apart from the fence; both blanks are taken away again when it is shown.
    let pad = if text.starts_with('`') || text.ends_with('`') || text.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Escapes foreign text within HTML.
fn html(text: &str) -> String {
    let mut written = String::new();
    for character in escaped(text).chars() {
        match character {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            _ => written.push(character),
        }
    }
    written
}

/// Writes a word of the marker: it holds nothing that could end an HTML comment or begin another word.
pub(in crate::render) fn marked(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._:/+".contains(&byte) || byte == b'-' && !written.ends_with('-') {
            written.push(char::from(byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

/// Writes a number with commas.
pub(in crate::render) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}
