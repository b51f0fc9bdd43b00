//! The text of the file: its head, and each entry with what is said above it.

use std::ops::Range;

use super::block::Block;
use super::document::Node;
use super::evaluate::Evaluator;
use super::solved::{Content, Solved};
use super::spot::Gap;
use crate::config::layout::{comment, entry, stack};
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
    pub(super) outputs: Vec<(&'h str, &'h Node)>,
    /// Sections of the template that are about the deployment.
    pub(super) sections: Vec<&'h str>,
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
        let body = entry(&block.names, &block.table);
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
    parameters(&mut text, evaluator);
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
    for (name, node) in &head.outputs {
        let of = attributes(&evaluator.solve(node), "");
        comment(&mut text, &format!("Output `{}` stays with the template's stack: {}.", escaped(name), of.join(", ")));
    }
    for (what, names) in [
        ("Left out, as they make nothing in the account", &head.nothing),
        ("Sections that say nothing of a resource", &head.sections),
    ] {
        listed(&mut text, what, names);
    }
    text.push('\n');
    text
}

/// Lists names in one line; nothing where there are none.
fn listed(text: &mut String, what: &str, names: &[&str]) {
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(|name| format!("`{}`", escaped(name))).collect();
        comment(text, &format!("{what}: {}.", names.join(", ")));
    }
}

/// Says which values the parameters have, and what the template says of each.
fn parameters(text: &mut String, evaluator: &Evaluator<'_>) {
    let used = evaluator.used.borrow();
    for (name, value) in used.iter() {
        let Some(node) = evaluator.parameters.get(name.as_str()) else { continue };
        let is_secret = node.get("NoEcho").and_then(Node::text).is_some_and(|text| text != "false");
        let value = if is_secret { "***" } else { value.as_str() };
        let of = attributes(&evaluator.solve(node), "");
        // The value says what the default is.
        let of: Vec<String> = of.into_iter().filter(|one| !one.starts_with("Default ")).collect();
        let of = if of.is_empty() { String::new() } else { format!(" ({})", of.join(", ")) };
        comment(text, &format!("Parameter `{}` is `{}`{of}.", escaped(name), escaped(value)));
    }
    let unused: Vec<&str> = evaluator.parameters.keys().copied().filter(|name| !used.contains_key(*name)).collect();
    listed(text, "Parameters whose values the file does not have", &unused);
}

/// Lists what a map holds, each with the way to it.
fn attributes(solved: &Solved, way: &str) -> Vec<String> {
    let below = |step: &str| if way.is_empty() { step.to_owned() } else { format!("{way}/{step}") };
    match &solved.content {
        Content::Text(text) => vec![format!("{} `{}`", escaped(way), shortened(&text.actual))],
        Content::Open(open) => vec![format!("{} is open: {}", escaped(way), open.why)],
        Content::Nothing => Vec::new(),
        Content::List(items) => {
            items.iter().enumerate().flat_map(|(index, item)| attributes(item, &below(&index.to_string()))).collect()
        }
        Content::Map(entries) => entries.iter().flat_map(|(key, value)| attributes(value, &below(&key.text))).collect(),
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 100;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let start: String = line.chars().take(LONGEST).collect();
    if start == line { escaped(&line) } else { format!("{}...", escaped(&start)) }
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
