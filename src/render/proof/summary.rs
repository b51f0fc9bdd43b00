//! Verdicts at a glance: the instances by what their verdicts come from, the worst first, on one screen however many
//! there are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{counted, headline, title, unread, verify};
use crate::model::Scope;
use crate::model::natural;
use crate::model::safe::escaped;
use crate::render::layout::{BOLD, DIM, columns, hanging};
use crate::vss::verify::{Report, Verdict, Verified};

/// The most lines, the first and the last one included.
const LINES: usize = 40;
/// The most lines of a cause, and of what to do about it.
const WRAPPED: usize = 2;

/// Renders the verdicts, by cause.
pub fn text(report: &Report, scope: &Scope, width: usize) -> String {
    let mut text = String::new();
    headline(&mut text, &verify::verdict(report), &verify::about(report, scope), width);
    let mut end = String::new();
    unread_causes(&mut end, report, width);
    let _ = writeln!(end, "\n{BOLD}{}{BOLD:#}", verify::last_line(report));
    // One line says what is left out, after an empty one.
    let room = LINES.saturating_sub(lines(&text) + lines(&end) + 2);
    let groups = groups(report);
    let mut used = 0;
    for (index, group) in groups.iter().enumerate() {
        let block = block(group, width);
        if used + lines(&block) > room {
            let left = &groups[index..];
            let instances: usize = left.iter().map(|group| group.instances.len()).sum();
            let causes = counted(left.len(), "more cause");
            let _ = writeln!(
                text,
                "\n{DIM}and {causes} on {}: leave out `--summary` for all of them{DIM:#}",
                counted(instances, "instance")
            );
            break;
        }
        used += lines(&block);
        text.push_str(&block);
    }
    text + &end
}

fn lines(text: &str) -> usize {
    text.lines().count()
}

/// Writes what could not be read: one line for each of a few, and how many more there are.
fn unread_causes(text: &mut String, report: &Report, width: usize) {
    const MOST: usize = 2;
    let mut written = String::new();
    unread(&mut written, report.unread.get(..MOST.min(report.unread.len())).unwrap_or_default(), width);
    text.push_str(&written);
    if let Some(more @ 1..) = report.unread.len().checked_sub(MOST) {
        let _ = writeln!(text, "    and {more} more");
    }
}

/// Instances with the same verdict for the same cause.
struct Group<'a> {
    verdict: Verdict,
    /// What it comes from; none where nothing is wrong.
    why: String,
    fix: String,
    instances: Vec<&'a Verified>,
}

/// Groups the instances: the worst verdict first, then the largest group.
fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut by_cause: BTreeMap<(Verdict, String), Group<'_>> = BTreeMap::new();
    for verified in &report.instances {
        let (why, fix) = match (&verified.cause, verified.verdict) {
            (_, Verdict::Consistent) => (String::new(), String::new()),
            (Some(cause), _) => (general(&cause.cause), cause.fix.replace(&verified.id, "INSTANCE")),
            (None, _) => (general(&verified.reason), String::new()),
        };
        let group = Group { verdict: verified.verdict, why: why.clone(), fix: general(&fix), instances: Vec::new() };
        by_cause.entry((verified.verdict, why)).or_insert(group).instances.push(verified);
    }
    let mut groups: Vec<Group<'_>> = by_cause.into_values().collect();
    groups.sort_by(|one, other| {
        let size = other.instances.len().cmp(&one.instances.len());
        one.verdict.cmp(&other.verdict).then(size).then_with(|| one.why.cmp(&other.why))
    });
    for group in &mut groups {
        let by_name = |one: &&Verified, other: &&Verified| {
            natural::compare(&one.name, &other.name).then_with(|| one.id.cmp(&other.id))
        };
        group.instances.sort_by(by_name);
    }
    groups
}

/// Writes a sentence about one instance as one about several: times, ids and numbers of one of them say nothing of the
/// others.
fn general(text: &str) -> String {
    let is_own = |word: &str| {
        let word = word.trim_matches(|character: char| !character.is_alphanumeric());
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        // Dates, times and ids; not versions, names of services and codes, which every sentence of a kind has.
        let is_time = word.contains(':') && digits >= 4 || word.len() == 10 && digits == 8;
        let is_id = word.split_once('-').is_some_and(|(_, rest)| {
            rest.len() >= 8 && rest.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        });
        is_time && !word.contains("arn:") || is_id
    };
    let mut written: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        let is_zone = word == "UTC" && written.last() == Some(&"…");
        let word = if is_own(word) || is_zone { "…" } else { word };
        if word != "…" || written.last() != Some(&"…") {
            written.push(word);
        }
    }
    written.join(" ")
}

fn block(group: &Group<'_>, width: usize) -> String {
    let (sign, style) = verify::sign(group.verdict);
    let count = counted(group.instances.len(), "instance");
    let mut text = String::from("\n");
    let _ = writeln!(text, "{style}{sign}{style:#} {BOLD}{count}{BOLD:#}  {}", group.verdict.name());
    short(&mut text, "cause", &group.why, width);
    short(&mut text, "fix", &group.fix, width);
    let _ = writeln!(text, "    {}", named(&group.instances, width.saturating_sub(4)));
    text
}

/// Writes a line of a block in a few lines at most.
fn short(text: &mut String, label: &str, words: &str, width: usize) {
    if words.is_empty() {
        return;
    }
    let mut wrapped = String::new();
    hanging(&mut wrapped, &format!("{label}: {}", escaped(words)), [4, 6], width);
    let all = lines(&wrapped);
    for (index, line) in wrapped.lines().take(WRAPPED).enumerate() {
        let is_cut = index + 1 == WRAPPED && all > WRAPPED;
        let _ = if is_cut { writeln!(text, "{} …", fitting(line, width)) } else { writeln!(text, "{line}") };
    }
}

/// Takes words off a line until a sign has room after it.
fn fitting(line: &str, width: usize) -> &str {
    let mut line = line;
    while columns(line) + 2 > width {
        match line.rsplit_once(' ') {
            Some((shorter, _)) if !shorter.trim().is_empty() => line = shorter,
            Some(_) | None => return line,
        }
    }
    line
}

/// Names as many instances as there is room for on one line, the first one always.
fn named(instances: &[&Verified], room: usize) -> String {
    let mut line = String::new();
    for (index, verified) in instances.iter().enumerate() {
        let one = title(&verified.name, &verified.id);
        let more = instances.len() - index - 1;
        let tail = if more > 0 { columns(&format!(" and {more} more")) } else { 0 };
        if index > 0 && columns(&line) + 2 + columns(&one) + tail > room {
            return format!("{line} and {} more", more + 1);
        }
        if index > 0 {
            line.push_str(", ");
        }
        line.push_str(&one);
    }
    line
}
