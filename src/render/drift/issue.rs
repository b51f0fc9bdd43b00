//! Drift as one issue that is kept up to date, and as a comment.
//!
//! The title never changes and the body holds a marker, so that a pipeline finds the issue again; there is no time in
//! it, so that the same drift is the same text.

use std::fmt::Write as _;

use anstream::adapter::strip_str;

use super::{Drift, groups};
use crate::model::Action;
use crate::model::safe::escaped;
use crate::plan::drift::Drifted;
use crate::render::fields::{field_lines, write_lines};
use crate::render::plan::markdown::{COMMENT, as_diff, code, fenced, marked, thousands};

/// Room for what is said after the differences.
const END: usize = 400;

/// Returns the title and the body of the issue: the title is the first line, the body begins after an empty one.
pub fn issue(drift: &Drift<'_>) -> String {
    let scope = drift.scope;
    let [stack, account, region] = [&scope.stack, &scope.account_id, &scope.region];
    let title = format!("vssctl drift: {} ({} {})", escaped(stack), escaped(account), escaped(region));
    let marker = format!(
        "<!-- vssctl:drift:v1 stack={} account={} region={} state={} -->\n",
        marked(stack),
        marked(account),
        marked(region),
        if drift.is_clean() { "clean" } else { "drift" },
    );
    format!("{title}\n\n{marker}{}", body(drift, COMMENT - marker.chars().count()))
}

/// Returns a comment.
pub fn markdown(drift: &Drift<'_>) -> String {
    let scope = drift.scope;
    let head =
        format!("### vssctl drift: {} · {} · {}\n\n", code(&scope.stack), code(&scope.account_id), code(&scope.region));
    let room = COMMENT - head.chars().count();
    head + &body(drift, room)
}

fn body(drift: &Drift<'_>, limit: usize) -> String {
    let mut text = format!("**{}**\n", drift.verdict());
    if drift.is_clean() {
        text.push_str("\nAWS is as the file says. This can be closed.\n");
        return text;
    }
    let room = limit.saturating_sub(END);
    if drift.found.iter().any(|one| !one.fields.is_empty()) {
        text.push_str("\nEach line shows what is live, and then what the file says.\n");
    }
    let mut left_out = 0;
    let mut missed = 0;
    for (severity, found) in groups(drift.found) {
        let mut is_headed = false;
        for one in found {
            let head = if is_headed { String::new() } else { format!("\n#### {severity}\n") };
            let part = head + &part(one);
            let size = part.chars().count();
            if text.chars().count() + size > room {
                left_out += 1;
                missed += size;
                continue;
            }
            is_headed = true;
            text.push_str(&part);
        }
    }
    if left_out > 0 {
        let _ = writeln!(
            text,
            "\n_{left_out} of {} differences left out ({} characters): run `vssctl drift` for all of them._",
            drift.found.len(),
            thousands(missed)
        );
    }
    let undecided = drift.undecided();
    if !undecided.is_empty() {
        let shown: Vec<String> = undecided.iter().take(3).map(|address| code(&address.to_string())).collect();
        let more = undecided.len() - shown.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(text, "\nNot known, as it could not be read or is refused: {}{more}", shown.join(", "));
    }
    text.push_str("\nMend it with `vssctl apply`, or write into the file what is right.\n");
    text
}

/// Writes one difference: a line, and its fields within a fence.
fn part(one: &Drifted) -> String {
    let words = match one.action {
        Some(Action::Create) => " is not there",
        Some(Action::Adopt) => " has lost its mark",
        None => " is no longer in the file",
        Some(Action::NoOp | Action::Update | Action::Replace | Action::Delete | Action::Unknown | Action::Refused) => {
            ""
        }
    };
    let mut lines: Vec<String> =
        one.why.iter().filter(|_| one.action.is_some()).map(|why| escaped(&format!("! {why}"))).collect();
    if one.action != Some(Action::Create) {
        let mut fields = Vec::new();
        for field in &one.fields {
            field_lines(&mut fields, field, false);
        }
        let mut written = String::new();
        write_lines(&mut written, fields, false, usize::MAX);
        lines.extend(strip_str(&written).to_string().lines().map(as_diff));
    }
    let mut text = format!("\n- {}{words}\n", code(&one.address.to_string()));
    if !lines.is_empty() {
        text.push_str(&fenced(&lines));
    }
    text
}
