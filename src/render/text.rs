//! The plan for people: the verdict, one block for each thing that changes, what is left alone, what stands in the
//! way, and the line that Atlantis and people look for. Nothing means something by colour alone.

use crate::kinds;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

use super::text_diff::{self, Tag};
use crate::model::Address;
use crate::model::safe::escaped;
use crate::model::{Action, Display, FieldChange};
use crate::plan::{Change, Hazard, Orphan, Plan, Summary, hazard};

/// What is added.
pub(crate) const ADD: Style = AnsiColor::Green.on_default();
/// What is changed.
pub(crate) const CHANGE: Style = AnsiColor::Yellow.on_default();
/// What goes away, and what stands in the way.
pub(crate) const REMOVE: Style = AnsiColor::Red.on_default();
/// What could not be read.
pub(crate) const UNKNOWN: Style = AnsiColor::Magenta.on_default();
/// Headings.
pub(crate) const BOLD: Style = Style::new().bold();
/// What is said besides.
pub(crate) const DIM: Style = Style::new().dimmed();

/// The last line of a plan that changes nothing; pipelines match it.
pub const NO_CHANGES: &str = "No changes. Your infrastructure matches the configuration.";

/// The last line of a plan that found nothing to do and could not read everything.
pub const NO_CHANGES_SEEN: &str = "No changes in what could be read.";

/// Renders a plan in at most `width` columns, as far as names allow. `problems` is the rendered form of its
/// diagnostics, which needs the sources; `command` carries the plan out, and takes the consent to it.
pub fn plan(plan: &Plan, problems: &str, command: &str, width: usize) -> String {
    let mut text = String::new();
    verdict(&mut text, plan, width);
    let mut was_block = true;
    for change in plan.changes.iter().filter(|change| change.action != Action::NoOp) {
        let mut block = String::new();
        self::change(&mut block, change, width);
        hazards(&mut block, plan, &change.address, width);
        // Lone headers stand together, as in a list.
        let is_block = block.lines().nth(1).is_some();
        if is_block || was_block {
            text.push('\n');
        }
        was_block = is_block;
        text.push_str(&block);
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
    consent(&mut text, plan, command, width);
    let _ = writeln!(text, "{BOLD}{last}{BOLD:#}");
    text
}

/// Returns the plan's last line.
pub fn last_line(plan: &Plan) -> String {
    if plan.is_empty() && !plan.has_unknown() && !plan.has_refused() {
        // Who did not see everything does not say that everything is as it should be.
        let blind = plan.diagnostics.iter().any(|diagnostic| diagnostic.code == "VSS0802");
        if blind { NO_CHANGES_SEEN.to_owned() } else { NO_CHANGES.to_owned() }
    } else {
        let Summary { add, change, destroy } = plan.summary();
        format!("Plan: {add} to add, {change} to change, {destroy} to destroy.")
    }
}

/// Writes what the plan comes to, in a line or two; nothing where the last line alone says it.
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
}

/// Writes what of a thing needs consent, and why.
fn hazards(text: &mut String, plan: &Plan, address: &Address, width: usize) {
    for (_, note) in hazard::all(plan).filter(|(of, note)| *of == address && note.hazard != Hazard::LargeChange) {
        paragraph(
            text,
            &format!("{REMOVE}!{REMOVE:#} {BOLD}{}{BOLD:#}: {}", note.hazard, escaped(&note.why)),
            4,
            width,
        );
    }
}

/// Says how to consent to what the plan brings.
fn consent(text: &mut String, plan: &Plan, command: &str, width: usize) {
    let hazards: BTreeSet<Hazard> = hazard::all(plan).map(|(_, note)| note.hazard).collect();
    if hazards.is_empty() {
        return;
    }
    for (_, note) in hazard::all(plan).filter(|(_, note)| note.hazard == Hazard::LargeChange) {
        paragraph(
            text,
            &format!("{REMOVE}!{REMOVE:#} {BOLD}{}{BOLD:#}: {}", note.hazard, escaped(&note.why)),
            0,
            width,
        );
    }
    let names: Vec<&str> = hazards.into_iter().map(Hazard::name).collect();
    let line = format!("{BOLD}hint{BOLD:#}: `{command} --allow {}` consents to what is marked `!`", names.join(","));
    paragraph(text, &line, 0, width);
    text.push('\n');
}

/// Returns what a thing is for people: the kind's title and its AWS name.
pub(crate) fn described(address: &Address, name: &str) -> String {
    let title = kinds::of(address.kind()).title();
    if name.is_empty() { title.to_owned() } else { format!("{title}, {name}") }
}

/// Returns a thing's address with what it is; the AWS name is left out where it is the address's own and there is no
/// room for it.
pub(crate) fn header(address: &Address, name: &str, width: usize) -> String {
    let full = escaped(&format!("{address} ({})", described(address, name)));
    if full.width() <= width || address.last() != name {
        return full;
    }
    escaped(&format!("{address} ({})", described(address, "")))
}

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

/// Writes the fields of a change with their values in one column.
fn fields(text: &mut String, change: &Change, width: usize) {
    let creates = change.action == Action::Create;
    let mut lines = Vec::new();
    for field in &change.fields {
        field_lines(&mut lines, field, creates);
    }
    write_lines(text, lines, creates, width);
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
        names.sort();
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

/// Tells whether a side of a change is not there.
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

/// Returns the elements that leave and come, and in a new set all of them.
fn set_lines(before: &Value, after: &Value) -> Vec<String> {
    let none = Vec::new();
    let (before, after) = (before.as_array().unwrap_or(&none), after.as_array().unwrap_or(&none));
    let gone = before.iter().filter(|element| !after.contains(element));
    let new = after.iter().filter(|element| !before.contains(element));
    gone.map(|element| format!("{REMOVE}-{REMOVE:#} {}", bare(element)))
        .chain(new.map(|element| format!("{ADD}+{ADD:#} {}", bare(element))))
        .collect()
}

/// Returns an element of a set; text stands without quotes.
pub(crate) fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| scalar(value), escaped)
}

/// Returns a document: whole where it is new, else as a diff of its canonical text.
pub(super) fn document_lines(before: &Value, after: &Value, whole: bool) -> Vec<String> {
    if is_nothing(after) {
        return vec![format!("{REMOVE}-{REMOVE:#} (the whole document)")];
    }
    if whole || is_nothing(before) {
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

/// Writes JSON on one line, with spaces where people put them.
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

/// Returns one line of a diff, what differs within it underlined.
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

/// Writes what the stack owns and the file lacks.
fn orphans(text: &mut String, orphans: &[Orphan], width: usize) {
    let things = if orphans.len() == 1 { "thing is" } else { "things are" };
    paragraph(
        text,
        &format!("{} {things} this stack's and no longer in the file; left alone:", orphans.len()),
        0,
        width,
    );
    for orphan in orphans {
        let _ = writeln!(text, "  {}", header(&orphan.address, &orphan.name, width.saturating_sub(2)));
        if !orphan.id.is_empty() && orphan.id != orphan.name {
            let _ = writeln!(text, "    {DIM}{}{DIM:#}", escaped(&orphan.id));
        }
    }
    let them = if orphans.len() == 1 { "it" } else { "them" };
    let _ = writeln!(text, "{BOLD}hint{BOLD:#}: `--prune` deletes {them}");
}

/// Counts the columns that styled text takes.
pub(crate) fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(UnicodeWidthStr::width).sum()
}

/// Writes words wrapped at `width`, each line indented.
pub(crate) fn paragraph(text: &mut String, words: &str, indent: usize, width: usize) {
    hanging(text, words, [indent, indent], width);
}

/// Writes words wrapped at `width`, the first line indented otherwise than the further ones.
pub(crate) fn hanging(text: &mut String, words: &str, [first, further]: [usize; 2], width: usize) {
    let mut column = 0;
    for word in words.split_whitespace() {
        let columns = columns(word);
        if column == 0 {
            let _ = write!(text, "{:first$}{word}", "");
            column = first + columns;
        } else if column + 1 + columns > width {
            let _ = write!(text, "\n{:further$}{word}", "");
            column = further + columns;
        } else {
            let _ = write!(text, " {word}");
            column += 1 + columns;
        }
    }
    if column > 0 {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;
    use serde_json::json;

    fn plan_of(changes: Vec<Change>) -> Plan {
        let scope = Scope {
            stack: "windows-backup".into(),
            account_id: "123456789012".into(),
            region: "ap-northeast-1".into(),
            iam_path: "/".into(),
        };
        let steps = changes
            .iter()
            .filter(|change| change.action != Action::NoOp)
            .map(|change| crate::plan::Step {
                id: 0,
                address: change.address.clone(),
                phase: crate::model::Phase::Ensure,
                after: Vec::new(),
                looks: Vec::new(),
                calls: Vec::new(),
                hazards: Vec::new(),
            })
            .collect();
        let (config_sha256, tool) = (String::new(), String::new());
        Plan { format: 1, tool, scope, config_sha256, changes, orphans: Vec::new(), steps, diagnostics: Vec::new() }
    }

    fn changed(address: &str, action: Action, fields: Vec<FieldChange>) -> Change {
        let address: Address = address.parse().expect("an address");
        Change { name: address.last().to_owned(), address, action, reason: None, fields, location: None }
    }

    fn field(path: &str, display: Display, before: Value, after: Value) -> FieldChange {
        FieldChange { path: path.into(), display, before, after, replaces: false }
    }

    fn rendered(plan: &Plan) -> String {
        anstream::adapter::strip_str(&super::plan(plan, "", "apply", 80)).to_string()
    }

    #[test]
    fn a_plan_without_changes_is_one_line() {
        let plan = plan_of(vec![changed("vault.vss", Action::NoOp, Vec::new())]);
        assert_eq!(rendered(&plan), format!("{NO_CHANGES}\n"));
    }

    #[test]
    fn what_could_not_be_read_is_never_no_change() {
        let plan = plan_of(vec![changed("vault.vss", Action::Unknown, Vec::new())]);
        let text = rendered(&plan);
        assert!(text.ends_with("\nPlan: 0 to add, 0 to change, 0 to destroy.\n"), "{text}");
        assert!(text.contains("? vault.vss"), "{text}");
    }

    #[test]
    fn every_sort_of_change_reads_without_colour() {
        let arn = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
        let mut replaced = field("path", Display::Value, json!("/"), json!("/backup/"));
        replaced.replaces = true;
        let plan = plan_of(vec![
            changed(
                "role.app",
                Action::Create,
                vec![
                    field("path", Display::Value, Value::Null, json!("/")),
                    field("max_session_duration", Display::Value, Value::Null, json!("1h")),
                    field("managed_policies", Display::Set, Value::Null, json!([arn("A"), arn("B")])),
                    field("arn", Display::Value, Value::Null, json!({ "$output": "role.app", "name": "Arn" })),
                ],
            ),
            changed(
                "plan.daily",
                Action::Update,
                vec![
                    field("windows_vss", Display::Value, json!(false), json!(true)),
                    field(
                        "rule.nightly.schedule",
                        Display::Value,
                        json!("cron(0 18 ? * MON-FRI *)"),
                        json!("cron(0 19 ? * MON-FRI *)"),
                    ),
                    field("rule.weekly", Display::Value, Value::Null, json!({ "vault": "vss", "delete_after": "35d" })),
                    field("tags.old", Display::Value, json!("x"), Value::Null),
                ],
            ),
            changed("policy.p", Action::Replace, vec![replaced]),
            changed("vault.old", Action::Delete, Vec::new()),
        ]);
        let expected = r#"Stack windows-backup (123456789012, ap-northeast-1): 2 to add, 1 to change, 2 to
destroy

+ role.app (IAM role, app)
    path                 = "/"
    max_session_duration = "1h"
    managed_policies
      + arn:aws:iam::aws:policy/A
      + arn:aws:iam::aws:policy/B
    arn                  = (known after apply)

~ plan.daily (backup plan, daily)
    ~ windows_vss              = false -> true
    ~ rule.nightly.schedule
        - "cron(0 18 ? * MON-FRI *)"
        + "cron(0 19 ? * MON-FRI *)"
    + rule.weekly.delete_after = "35d"
    + rule.weekly.vault        = "vss"
    - tags.old                 = "x"

-/+ policy.p (IAM policy, p) will be replaced
    ~ path (forces replacement) = "/" -> "/backup/"

- vault.old (backup vault, old)

Plan: 2 to add, 1 to change, 2 to destroy.
"#;
        assert_eq!(rendered(&plan), expected);
    }

    #[test]
    fn foreign_text_brings_no_codes_of_its_own() {
        let hostile = "\u{1b}[31mred\u{202e}\n- vault.vss";
        let plan = plan_of(vec![changed(
            "role.app",
            Action::Update,
            vec![field("description", Display::Value, json!("a"), json!(hostile))],
        )]);
        let text = super::plan(&plan, "", "apply", 80);
        assert!(!text.contains("\u{1b}[31m") && !text.contains('\u{202e}') && !text.contains("\n- vault"), "{text}");
    }
}
