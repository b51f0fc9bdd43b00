//! The fields of a resource in lines: a sign, a path, and what follows it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

use super::document::document_lines;
use super::layout::{ADD, CHANGE, DIM, REMOVE};
use crate::model::instance_ids::named;
use crate::model::safe::escaped;
use crate::model::{Display, FieldChange, natural};
use crate::plan::Change;

/// One line of a field block: a sign, a path, and what follows it.
pub(super) struct Line {
    pub(super) sign: &'static str,
    pub(super) style: Style,
    pub(super) path: String,
    pub(super) value: Shown,
}

/// The value part of a line.
pub(super) enum Shown {
    /// Stands beside the path.
    Beside(String),
    /// `before -> after`, beside the path if it fits.
    Changed(String, String),
    /// Stands below the path, one finished line each.
    Below(Vec<String>),
}

impl Line {
    /// Makes a line without a value, which says something of the ones above.
    pub(super) fn note(text: String) -> Self {
        Self { sign: " ", style: DIM, path: text, value: Shown::Below(Vec::new()) }
    }
}

/// Fields that stand together.
pub(super) struct Alike<'a> {
    /// Those that are shown.
    pub(super) shown: &'a [FieldChange],
    /// How many more of them there are, where that is worth saying.
    pub(super) more: Option<usize>,
}

/// Cuts lists of fields of one map that differ in the same way, such as one profile on hundreds of instances, after
/// `most`.
pub(super) fn alike(fields: &[FieldChange], most: usize) -> Vec<Alike<'_>> {
    let parent = |field: &FieldChange| field.path.rsplit_once('.').map(|(parent, _)| parent.to_owned());
    let is_alike = |one: &FieldChange, other: &FieldChange| {
        one.before == other.before
            && one.after == other.after
            && one.cause == other.cause
            && parent(one).is_some()
            && parent(one) == parent(other)
    };
    let cut = |run| -> Alike<'_> {
        let run: &[FieldChange] = run;
        match run.len().checked_sub(most) {
            // One line is no longer than the line that says that it is left out.
            Some(more @ 2..) => Alike { shown: &run[..most], more: Some(more) },
            Some(_) | None => Alike { shown: run, more: None },
        }
    };
    fields.chunk_by(is_alike).map(cut).collect()
}

/// Writes the names of instances beside their ids, as far as they are known.
pub(super) fn name_instances(lines: &mut [Line], names: &BTreeMap<String, String>) {
    let name = |text: &mut String| *text = named(text, names);
    for line in lines {
        name(&mut line.path);
        match &mut line.value {
            Shown::Beside(value) => name(value),
            Shown::Changed(before, after) => {
                name(before);
                name(after);
            }
            Shown::Below(below) => below.iter_mut().for_each(name),
        }
    }
}

/// Writes lines with their values in one column; `bare` leaves the signs out.
pub(super) fn write_lines(text: &mut String, lines: Vec<Line>, bare: bool, width: usize) {
    let column = lines
        .iter()
        .filter(|line| !matches!(line.value, Shown::Below(_)))
        .map(|line| line.path.width())
        .max()
        .unwrap_or(0)
        .min(width / 2);
    for Line { sign, style, path, value } in lines {
        let lead = if bare { "    ".to_owned() } else { format!("    {style}{sign}{style:#} ") };
        let indent = if bare { 4 } else { 6 };
        let pad = " ".repeat(column.saturating_sub(path.width()));
        match value {
            Shown::Beside(value) => {
                let _ = writeln!(text, "{lead}{path}{pad} = {value}");
            }
            Shown::Changed(before, after) => {
                if indent + path.width() + pad.len() + before.width() + after.width() + 7 <= width {
                    let _ = writeln!(text, "{lead}{path}{pad} = {before} -> {after}");
                } else {
                    let _ = writeln!(text, "{lead}{path}");
                    let _ = writeln!(text, "{:indent$}  {REMOVE}-{REMOVE:#} {before}", "");
                    let _ = writeln!(text, "{:indent$}  {ADD}+{ADD:#} {after}", "");
                }
            }
            Shown::Below(below) => {
                let _ = writeln!(text, "{lead}{path}");
                for line in below {
                    let _ = writeln!(text, "{:indent$}  {line}", "");
                }
            }
        }
    }
}

/// Returns the fields of a change, with the causes that are not those of the whole change.
pub(super) fn with_own_causes(change: &Change) -> Vec<FieldChange> {
    let own = |field: &FieldChange| field.cause.filter(|cause| change.cause != Some(*cause));
    let mut fields: Vec<FieldChange> =
        change.fields.iter().map(|field| FieldChange { cause: own(field), ..field.clone() }).collect();
    // Within a map the names stand in the order in which people look for them; what stands in a table keeps its order.
    let of = |field: &FieldChange| {
        let mut parts = field.path.splitn(3, '.');
        (parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default().to_owned())
    };
    for run in fields.chunk_by_mut(|one, other| of(one).0 == of(other).0) {
        run.sort_by(|one, other| natural::compare(&of(one).1, &of(other).1));
    }
    fields
}

/// Makes the lines of one field.
pub(super) fn field_lines(lines: &mut Vec<Line>, field: &FieldChange, creates: bool) {
    let (sign, style) = match (is_nothing(&field.before), is_nothing(&field.after)) {
        (true, _) => ("+", ADD),
        (false, true) => ("-", REMOVE),
        (false, false) => ("~", CHANGE),
    };
    let mut path = escaped(&field.path);
    if field.replaces {
        path.push_str(" (forces replacement)");
    }
    if let Some(cause) = field.cause {
        let _ = write!(path, " ({})", cause.words());
    }
    let value = match field.display {
        Display::Value => return value_lines(lines, field, path, sign, style),
        Display::Set => Shown::Below(set_lines(&field.before, &field.after)),
        Display::Document => Shown::Below(document_lines(&field.before, &field.after, creates)),
    };
    lines.push(Line { sign, style, path, value });
}

/// Makes the lines of a value: one, or one for each leaf where it has parts.
fn value_lines(lines: &mut Vec<Line>, field: &FieldChange, path: String, sign: &'static str, style: Style) {
    let empty = Map::new();
    let parts = |value: &Value| match value {
        Value::Object(map) if !is_output(value) => Some(map.clone()),
        Value::Null => Some(empty.clone()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let has_parts = |value: &Value| value.as_object().is_some_and(|map| !map.is_empty()) && !is_output(value);
    if let (Some(before), Some(after)) = (parts(&field.before), parts(&field.after))
        && (has_parts(&field.before) || has_parts(&field.after))
    {
        let mut names: Vec<&String> =
            before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))).collect();
        names.sort_by(|one, other| natural::compare(one, other));
        for name in names {
            let (before, after) = (before.get(name).cloned(), after.get(name).cloned());
            if before == after {
                continue;
            }
            let inner = FieldChange {
                path: format!("{}.{name}", field.path),
                display: if before.as_ref().or(after.as_ref()).is_some_and(Value::is_array) {
                    Display::Set
                } else {
                    Display::Value
                },
                before: before.unwrap_or_default(),
                after: after.unwrap_or_default(),
                replaces: field.replaces,
                cause: field.cause,
            };
            field_lines(lines, &inner, false);
        }
        return;
    }
    let value = match (is_nothing(&field.before), is_nothing(&field.after)) {
        (true, _) => Shown::Beside(scalar(&field.after)),
        (false, true) => Shown::Beside(scalar(&field.before)),
        (false, false) => Shown::Changed(scalar(&field.before), scalar(&field.after)),
    };
    lines.push(Line { sign, style, path, value });
}

/// Tells whether one side of a change has no value.
fn is_nothing(value: &Value) -> bool {
    value.is_null()
}

/// Tells whether a value comes out of an earlier call.
fn is_output(value: &Value) -> bool {
    value.get("$output").is_some()
}

/// Returns a value as one line.
pub(crate) fn scalar(value: &Value) -> String {
    match value {
        Value::Object(_) if is_output(value) => "(known after apply)".to_owned(),
        Value::Null => "(none)".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            escaped(&value.to_string())
        }
    }
}

/// Returns the elements that are removed and added; for a new set these are all of its elements.
fn set_lines(before: &Value, after: &Value) -> Vec<String> {
    let none = Vec::new();
    let (before, after) = (before.as_array().unwrap_or(&none), after.as_array().unwrap_or(&none));
    let shown = |side: &[Value], other: &[Value]| {
        let elements = side.iter().filter(|element| !other.contains(element));
        let mut elements: Vec<String> = elements.map(bare).collect();
        elements.sort_by(|one, other| natural::compare(one, other));
        elements
    };
    let (gone, new) = (shown(before, after), shown(after, before));
    let gone = gone.iter().map(|element| format!("{REMOVE}-{REMOVE:#} {element}"));
    gone.chain(new.iter().map(|element| format!("{ADD}+{ADD:#} {element}"))).collect()
}

/// Returns an element of a set; text stands without quotes.
pub(crate) fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| scalar(value), escaped)
}
