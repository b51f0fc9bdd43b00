//! The file that was written is checked as `validate` checks it, and what is found is said at the template's places.

use super::block::{Block, Origin};
use super::write::File;
use crate::config::load_text;
use crate::model::safe::escaped;
use crate::model::{Diagnostic, Location};
use std::ops::Range;

/// Checks the file; returns each finding with the place of the template that it comes from.
pub(super) fn findings(file: &File, blocks: &[Block]) -> Vec<(Range<usize>, Diagnostic)> {
    let loaded = load_text("vss.toml", &file.text, None);
    let placed = loaded.diagnostics.iter().map(|found| {
        let Some(block) = block_of(file, blocks, found.location.as_ref()) else { return (0..0, found.clone()) };
        let keys = found.location.as_ref().map(|location| key_of(file, block, location)).unwrap_or_default();
        let (id, way, at) = match origin(block, &keys) {
            Some(Origin { id, path, at }) => (id.clone(), path.clone(), at.clone()),
            None => (block.id().to_owned(), String::new(), block.from.first().map_or(0..0, |(_, at)| at.clone())),
        };
        let id = escaped(&id);
        let what = if way.is_empty() { format!("`{id}`") } else { format!("`{}` of `{id}`", escaped(&way)) };
        let message = format!("{}; from {what}", found.message);
        (at, Diagnostic { message, location: None, ..found.clone() })
    });
    placed.collect()
}

fn block_of<'b>(file: &File, blocks: &'b [Block], location: Option<&Location>) -> Option<&'b Block> {
    let line = location?.line;
    let (_, index) = file.lines.iter().find(|(lines, _)| lines.contains(&line))?;
    blocks.get(*index)
}

/// Returns the dotted way, within its entry, to the key at a place.
fn key_of(file: &File, block: &Block, location: &Location) -> String {
    let lines: Vec<&str> = file.text.lines().take(location.line).collect();
    let table = lines.iter().rposition(|line| line.starts_with('['));
    let mut ways = Vec::new();
    if let Some(table) = table {
        let name = lines[table].trim_matches(['[', ']']);
        let own = block.names.join(".");
        let below = name.strip_prefix(&own).unwrap_or_default().trim_start_matches('.').replace('"', "");
        ways.extend((!below.is_empty()).then_some(below));
        if lines[table].starts_with("[[") {
            let count = lines[..=table].iter().filter(|line| **line == lines[table]).count();
            ways.push((count - 1).to_string());
        }
    }
    let own = &lines[table.map_or(0, |table| table + 1)..];
    let key = own.iter().rev().find_map(|line| {
        let (key, _) = line.split_once(" = ")?;
        let key = key.trim_matches('"');
        (!key.is_empty() && !line.starts_with(' ') && !key.contains(' ')).then(|| key.to_owned())
    });
    ways.extend(key);
    ways.join(".")
}

/// Finds the origin of a key, or of the nearest table around it.
fn origin<'b>(block: &'b Block, keys: &str) -> Option<&'b Origin> {
    let mut way = keys;
    loop {
        if let Some(found) = block.origins.get(way) {
            return Some(found);
        }
        way = way.rsplit_once('.')?.0;
    }
}
