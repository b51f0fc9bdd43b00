//! The text of the file: its head, and each entry with what is said above it.

use std::fmt::Write as _;
use std::ops::Range;

use toml::{Table, Value as Toml};

use super::block::Block;
use super::evaluate::Evaluator;
use super::spot::Gap;
use crate::model::Scope;
use crate::model::safe::escaped;

/// The file, and the lines of the entries that stand in it.
#[derive(Debug)]
pub(super) struct File {
    pub(super) text: String,
    /// The lines (from 1) of each entry, with the index of its block.
    pub(super) lines: Vec<(Range<usize>, usize)>,
}

/// What the file says besides its entries.
pub(super) struct Head<'h> {
    /// The template as the user named it.
    pub(super) name: &'h str,
    pub(super) description: Option<&'h str>,
    pub(super) outputs: Vec<&'h str>,
    /// Resources that make nothing in the account.
    pub(super) nothing: Vec<&'h str>,
}

/// Lays out the file, in the order in which people read it. `place` names a place of the template.
pub(super) fn file(
    head: &Head<'_>,
    evaluator: &Evaluator<'_>,
    blocks: &[Block],
    by_hand: &[(String, Gap)],
    place: &dyn Fn(&Range<usize>) -> String,
) -> File {
    let mut text = self::head(head, evaluator);
    text.push_str(&stack(evaluator.scope));
    let mut lines = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        text.push('\n');
        for line in above(block, place) {
            comment(&mut text, &line);
        }
        let body = body(block);
        if block.is_out() {
            body.lines().for_each(|line| comment(&mut text, line));
        } else {
            let first = text.lines().count() + 1;
            text.push_str(&body);
            lines.push((first..text.lines().count() + 1, index));
        }
    }
    for (id, gap) in by_hand {
        text.push('\n');
        comment(&mut text, &todo(id, gap, place));
    }
    File { text, lines }
}

fn comment(text: &mut String, line: &str) {
    let _ = if line.is_empty() { writeln!(text, "#") } else { writeln!(text, "# {line}") };
}

fn head(head: &Head<'_>, evaluator: &Evaluator<'_>) -> String {
    let mut text = format!(
        "# Made from the CloudFormation template {} by `vssctl init`.\n\
         # `vssctl plan` shows what differs from AWS.\n\
         # Resources of the template's stack stay its own until it lets them go.\n",
        escaped(head.name)
    );
    if let Some(description) = head.description {
        let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
        comment(&mut text, &format!("The template says: {}", escaped(&line)));
    }
    let used = evaluator.used.borrow();
    let shown: Vec<String> = used
        .iter()
        .map(|(name, value)| {
            let is_secret = evaluator.parameters.get(name.as_str()).is_some_and(|parameter| {
                parameter.get("NoEcho").and_then(super::document::Node::text).is_some_and(|text| text != "false")
            });
            let value = if is_secret { "***" } else { value.as_str() };
            format!("`{}` is `{}`", escaped(name), escaped(value))
        })
        .collect();
    if !shown.is_empty() {
        comment(&mut text, &format!("Parameters: {}.", shown.join(", ")));
    }
    let decided = evaluator.decided.borrow();
    let conditions: Vec<String> = decided
        .iter()
        .filter_map(|(name, holds)| {
            let holds = if *holds.as_ref().ok()? { "holds" } else { "does not hold" };
            Some(format!("`{}` {holds}", escaped(name)))
        })
        .collect();
    if !conditions.is_empty() {
        comment(&mut text, &format!("Conditions: {}.", conditions.join(", ")));
    }
    for (what, names) in [
        ("Outputs that stay with the template's stack", &head.outputs),
        ("Left out, as they make nothing in the account", &head.nothing),
    ] {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|name| format!("`{}`", escaped(name))).collect();
            comment(&mut text, &format!("{what}: {}.", names.join(", ")));
        }
    }
    text.push('\n');
    text
}

fn stack(scope: &Scope) -> String {
    let rows = [("name", &scope.stack), ("account_id", &scope.account_id), ("region", &scope.region)];
    let rows: Table = rows.into_iter().map(|(key, value)| (key.to_owned(), value.as_str().into())).collect();
    pretty(&[("stack".to_owned(), Toml::from(rows))].into_iter().collect())
}

fn pretty(table: &Table) -> String {
    toml::to_string_pretty(table).expect("tables of texts, numbers and lists are TOML")
}

/// What is said above an entry.
fn above(block: &Block, place: &dyn Fn(&Range<usize>) -> String) -> Vec<String> {
    let from: Vec<String> = block.from.iter().map(|(id, at)| format!("`{}` ({})", escaped(id), place(at))).collect();
    let mut lines = vec![format!("From {}.", from.join(", "))];
    if !block.silent.is_empty() {
        let ways: Vec<String> =
            block.silent.iter().map(|(id, path)| format!("`{}` of `{}`", escaped(path), escaped(id))).collect();
        lines.push(format!("Given, and the same without: {}.", ways.join(", ")));
    }
    lines.extend(block.remarks.iter().cloned());
    lines.extend(block.holes.iter().map(|hole| todo(&hole.id, &hole.gap, place)));
    lines
}

fn todo(id: &str, gap: &Gap, place: &dyn Fn(&Range<usize>) -> String) -> String {
    format!("TODO: {} ({})", said(id, gap), place(&gap.at))
}

/// Names a gap.
pub(super) fn said(id: &str, gap: &Gap) -> String {
    let id = escaped(id);
    if gap.path.is_empty() {
        format!("`{id}`: {}", gap.why)
    } else {
        format!("`{}` of `{id}`: {}", escaped(&gap.path), gap.why)
    }
}

/// Writes the tables of an entry.
fn body(block: &Block) -> String {
    let inner = ordered(&block.table);
    let whole = block
        .names
        .iter()
        .rev()
        .fold(Toml::from(inner), |inner, name| Toml::from([(name.clone(), inner)].into_iter().collect::<Table>()));
    match whole {
        Toml::Table(table) => pretty(&table),
        _ => String::new(),
    }
}

/// Puts plain values before tables, as TOML wants them.
fn ordered(table: &Table) -> Table {
    let is_table = |value: &Toml| match value {
        Toml::Table(_) => true,
        Toml::Array(items) => items.iter().any(Toml::is_table),
        Toml::String(_) | Toml::Integer(_) | Toml::Float(_) | Toml::Boolean(_) | Toml::Datetime(_) => false,
    };
    let (tables, plain): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| is_table(value));
    let inner = |value: &Toml| match value {
        Toml::Table(table) => Toml::from(ordered(table)),
        other => other.clone(),
    };
    plain.into_iter().chain(tables).map(|(key, value)| (key.clone(), inner(value))).collect()
}
