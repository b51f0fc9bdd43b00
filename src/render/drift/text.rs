//! Drift for people.

use std::fmt::Write as _;

use super::{Drift, groups};
use crate::model::Action;
use crate::model::safe::escaped;
use crate::plan::drift::{Drifted, Severity};
use crate::render::fields::{field_lines, write_lines};
use crate::render::layout::{BOLD, CHANGE, DIM, REMOVE, paragraph};
use crate::render::text::header;

/// Renders what was found in at most `width` columns, as far as names allow. `problems` are those of the plan,
/// rendered.
pub fn text(drift: &Drift<'_>, problems: &str, width: usize) -> String {
    let scope = drift.scope;
    let [stack, account, region] = [&scope.stack, &scope.account_id, &scope.region].map(|text| escaped(text));
    let mut text = String::new();
    let line = format!("{BOLD}Stack {stack}{BOLD:#} ({account}, {region}): {}", drift.verdict());
    paragraph(&mut text, &line, 0, width);
    if drift.found.iter().any(|one| !one.fields.is_empty() && one.action != Some(Action::Create)) {
        let _ = writeln!(text, "{DIM}each line: as it is live -> as the file says{DIM:#}");
    }
    for (severity, found) in groups(drift.found) {
        let style = if severity >= Severity::SecurityWidened { REMOVE } else { CHANGE };
        let _ = writeln!(text, "\n{style}{severity}{style:#}");
        for one in found {
            write_one(&mut text, one, width);
        }
    }
    if !problems.is_empty() {
        let _ = write!(text, "\n{}\n", problems.trim_end());
    }
    let fixable = drift.found.iter().any(|one| one.action.is_some());
    if fixable {
        let hint = "`vssctl apply` makes AWS as the file says; or write into the file what is right";
        let _ = writeln!(text);
        paragraph(&mut text, &format!("{BOLD}hint{BOLD:#}: {hint}"), 0, width);
    }
    let last = if drift.is_clean() { "No drift.".to_owned() } else { format!("Drift: {}.", drift.verdict()) };
    let _ = writeln!(text, "\n{BOLD}{last}{BOLD:#}");
    text
}

fn write_one(text: &mut String, one: &Drifted, width: usize) {
    let words = match one.action {
        Some(Action::Create) => " is not there",
        Some(Action::Adopt) => " has lost its mark",
        None => " is no longer in the file",
        Some(Action::NoOp | Action::Update | Action::Replace | Action::Delete | Action::Unknown | Action::Refused) => {
            ""
        }
    };
    let _ = writeln!(text, "  {BOLD}{}{BOLD:#}{DIM}{words}{DIM:#}", header(&one.address, &one.name, width));
    for why in one.why.iter().filter(|_| one.action.is_some()) {
        paragraph(text, &format!("{REMOVE}!{REMOVE:#} {}", escaped(why)), 4, width);
    }
    // Of what is not there the header says all.
    if one.action == Some(Action::Create) {
        return;
    }
    let mut lines = Vec::new();
    for field in &one.fields {
        field_lines(&mut lines, field, false);
    }
    write_lines(text, lines, false, width);
}
