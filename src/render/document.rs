//! A document in lines: whole, or as a diff.

use std::fmt::Write as _;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::layout::{ADD, DIM, REMOVE};
use super::text_diff::{self, Tag};
use crate::model::safe::escaped;

/// Returns a document: whole where it is new, else as a diff of its canonical text.
pub(super) fn document_lines(before: &Value, after: &Value, whole: bool) -> Vec<String> {
    if after.is_null() {
        return vec![format!("{REMOVE}-{REMOVE:#} (the whole document)")];
    }
    if whole || before.is_null() {
        let mut lines = Vec::new();
        compact(&mut lines, "", after, 0, "");
        return lines;
    }
    let mut lines = Vec::new();
    for (index, hunk) in text_diff::diff(before, after).hunks.iter().enumerate() {
        if index > 0 {
            lines.push(format!("{DIM}...{DIM:#}"));
        }
        lines.extend(hunk.iter().map(diff_line));
    }
    lines
}

/// Columns within which a part of a document stays on one line.
const COMPACT: usize = 68;

/// Writes JSON with every part on one line that fits there; `lead` is what comes before it, such as its key, and `tail`
/// what comes after it.
fn compact(lines: &mut Vec<String>, lead: &str, value: &Value, indent: usize, tail: &str) {
    let line = format!("{:indent$}{lead}{}{tail}", "", on_one_line(value));
    let parts = match value {
        Value::Array(elements) => elements.iter().map(|element| (String::new(), element)).collect(),
        Value::Object(members) => {
            members.iter().map(|(key, member)| (format!("{}: ", Value::from(key.as_str())), member)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    if parts.is_empty() || indent > 0 && line.width() <= COMPACT {
        lines.push(escaped(&line));
        return;
    }
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    lines.push(escaped(&format!("{:indent$}{lead}{open}", "")));
    let last = parts.len() - 1;
    for (index, (lead, part)) in parts.into_iter().enumerate() {
        compact(lines, &lead, part, indent + 2, if index == last { "" } else { "," });
    }
    lines.push(format!("{:indent$}{close}{tail}", ""));
}

/// Writes JSON on one line, with spaces within braces and after commas and colons.
fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(elements) => format!("[{}]", elements.iter().map(on_one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members =
                members.iter().map(|(key, member)| format!("{}: {}", Value::from(key.as_str()), on_one_line(member)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// Returns one line of a diff, in which the parts that differ are underlined.
fn diff_line(line: &text_diff::Line) -> String {
    let style = match line.tag {
        Tag::Context => return format!("  {}", escaped(&line.text())),
        Tag::Remove => REMOVE,
        Tag::Add => ADD,
    };
    let strong = style.underline();
    let mut text = format!("{style}{}{style:#} ", line.tag.sign());
    for span in &line.spans {
        let style = if span.emphasised { strong } else { style };
        let _ = write!(text, "{style}{}{style:#}", escaped(&span.text));
    }
    text
}
