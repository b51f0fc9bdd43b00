//! Markdown for pull requests and chats: the verdict, a table, and what to do. It fits into a comment on GitHub (65,535
//! characters) and says what it left out.

use std::fmt::Write as _;

use super::{counted, coverage as words, doctor as findings, verify as verdicts};
use crate::model::Scope;
use crate::vss::coverage::Coverage;
use crate::vss::doctor::Diagnosis;
use crate::vss::evidence::Unread;
use crate::vss::verify::{Report, Verdict};

/// GitHub's limit, with room for the end.
const ROOM: usize = 60_000;

/// Renders verdicts.
pub fn verify(report: &Report, scope: &Scope) -> String {
    let mut text = head("verify", &verdicts::verdict(report), &verdicts::about(report, scope));
    text.push_str("| instance | verdict | why | fix |\n|---|---|---|---|\n");
    let rows = report.instances.iter().map(|verified| {
        let cause = verified.cause.as_ref();
        let why = cause.map_or(verified.reason.clone(), |cause| format!("{}; {}", verified.reason, cause.cause));
        let bold = if verified.verdict == Verdict::Consistent { "" } else { "**" };
        format!(
            "| {} | {bold}{}{bold} | {} | {} |\n",
            title(&verified.name, &verified.id),
            verified.verdict.name(),
            cell(&why),
            cause.map(|cause| cell(&cause.fix)).unwrap_or_default()
        )
    });
    table(&mut text, rows.collect());
    unread(&mut text, &report.unread);
    let _ = writeln!(text, "\n{}", verdicts::last_line(report));
    text
}

/// Renders findings.
pub fn doctor(diagnosis: &Diagnosis, scope: &Scope) -> String {
    let about = format!("Account {}, {}, read at {}.", scope.account_id, scope.region, diagnosis.read_at.for_people());
    let mut text = head("doctor", &findings::verdict(diagnosis), &about);
    if !diagnosis.findings.is_empty() {
        text.push_str("| check | about | problem | remedy |\n|---|---|---|---|\n");
    }
    let rows = diagnosis.findings.iter().map(|finding| {
        format!(
            "| [{}]({}) {} | {} | {} | {} |\n",
            finding.check,
            finding.url,
            finding.severity.name(),
            cell(&finding.subject.title()),
            cell(&finding.problem),
            cell(&finding.remedy)
        )
    });
    table(&mut text, rows.collect());
    for undecided in &diagnosis.undecided {
        let said = format!("{} {}: {}", undecided.check, undecided.subject.title(), undecided.reason);
        let _ = writeln!(text, "\n- undecided: {}", cell(&said));
    }
    unread(&mut text, &diagnosis.unread);
    if let Some(said) = findings::packages(diagnosis) {
        let _ = writeln!(text, "\n- {}", cell(&said));
    }
    let _ = writeln!(text, "\n{}", findings::last_line(diagnosis));
    text
}

/// Renders coverage.
pub fn coverage(report: &Coverage, scope: &Scope) -> String {
    let mut text = head("coverage", &words::verdict(report), &words::about(report, scope));
    text.push_str("| instance | protected | by | fix |\n|---|---|---|---|\n");
    let rows = report.instances.iter().map(|covered| {
        let plans: Vec<String> = covered.plans.iter().map(words::membership).collect();
        let misses = covered.near_misses.iter().map(|miss| format!("has `{}`, wanted `{}`", miss.found, miss.wanted));
        let by: Vec<String> = plans.into_iter().chain(misses).collect();
        format!(
            "| {} | {} | {} | {} |\n",
            title(&covered.name, &covered.id),
            words::word(covered),
            cell(&by.join("; ")),
            cell(&words::fix(covered))
        )
    });
    table(&mut text, rows.collect());
    unread(&mut text, &report.unread);
    let _ = writeln!(text, "\n{}", words::last_line(report));
    text
}

fn head(command: &str, verdict: &str, about: &str) -> String {
    format!("### vssctl {command}: {verdict}\n\n{}\n\n", cell(about))
}

/// Writes as many rows as there is room for.
fn table(text: &mut String, rows: Vec<String>) {
    let all = rows.len();
    for (index, row) in rows.into_iter().enumerate() {
        if text.len() + row.len() > ROOM {
            let _ = writeln!(text, "\n{} left out: `--format json` has them all.", counted(all - index, "row"));
            return;
        }
        text.push_str(&row);
    }
}

fn unread(text: &mut String, unread: &[Unread]) {
    for one in unread.iter().take(20) {
        let _ = writeln!(text, "\n- could not be read: {}: {}", cell(&one.action), cell(&one.message));
    }
}

fn title(name: &str, id: &str) -> String {
    if name.is_empty() { cell(id) } else { format!("{} ({})", cell(name), cell(id)) }
}

/// Escapes foreign text for a cell, so that it makes no markup, starts no row and notifies nobody.
fn cell(text: &str) -> String {
    let text = crate::model::safe::escaped(text);
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '<' | '>' | '[' | ']' | '*' | '_' | '#' | '!' | '\\' => {
                cell.push('\\');
                cell.push(character);
            }
            '@' => cell.push_str("@\u{2060}"),
            _ => cell.push(character),
        }
    }
    // Backticks stay, because vssctl's own sentences put literals between them.
    cell
}
