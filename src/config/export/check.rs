//! The file that was written is checked as `validate` checks it, and what it declares is compared with what is live.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::file::{Draft, Placed, Ruling};
use crate::config::{Config, load_text};
use crate::kind::diff::diff;
use crate::kind::{Desired, Fields};
use crate::kinds;
use crate::model::marks::PREFIX;
use crate::model::{Diagnostic, FieldChange, KindId, Severity};
use crate::policy::lint::LINTS;

/// What a look at a draft gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The rulings say something new: another draft is to be made.
    Changed,
    /// The draft can stand.
    Settled,
}

/// Checks a draft, and decides what can't stand in it.
pub(super) fn judge(draft: &Draft, placed: &[Placed<'_>], rulings: &mut [Ruling]) -> Verdict {
    let loaded = load_text("vss.toml", &draft.text, None);
    let before = size(rulings);
    for found in loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error) {
        let Some(index) = entry_of(draft, placed, found) else { continue };
        let ruling = &mut rulings[index];
        let takes_lints = matches!(placed[index].resource.kind, KindId::Role | KindId::Policy | KindId::Vault);
        if takes_lints && LINTS.contains(&found.code) {
            ruling.allow.insert(found.code.to_owned());
        } else {
            ruling.out.push(format!("{} ({})", found.message, found.code));
        }
    }
    if let Some(config) = &loaded.config {
        compare(config, placed, rulings);
    }
    if size(rulings) == before { Verdict::Settled } else { Verdict::Changed }
}

/// Counts what is decided. A draft has no room for a decision that was made before.
fn size(rulings: &[Ruling]) -> usize {
    rulings.iter().map(|one| one.out.len() + one.allow.len() + one.dropped.len()).sum()
}

/// Finds the entry that a problem is about.
fn entry_of(draft: &Draft, placed: &[Placed<'_>], found: &Diagnostic) -> Option<usize> {
    let line = found.location.as_ref().map(|location| location.line);
    let by_line = draft.lines.iter().find(|(lines, _)| line.is_some_and(|line| lines.contains(&line)));
    let by_address = || {
        let address = found.address.as_ref()?;
        placed.iter().position(|one| one.address == *address)
    };
    by_line.map(|(_, index)| *index).or_else(by_address)
}

/// Compares what the file declares with what is live: a field that differs would be changed.
fn compare(config: &Config, placed: &[Placed<'_>], rulings: &mut [Ruling]) {
    for (one, ruling) in placed.iter().zip(rulings).filter(|(_, ruling)| ruling.out.is_empty()) {
        let Some(desired) = config.desired.iter().find(|desired| desired.address == one.address) else { continue };
        for change in differences(one, desired) {
            let (top, why) = (change.path.split('.').next().unwrap_or_default(), "the file would say it otherwise");
            let can_go = !matches!(
                top,
                "role" | "rule" | "selection" | "targets" | "arns" | "any" | "all" | "schedule" | "path" | "trust"
            );
            let at = if change.path == top { why.to_owned() } else { format!("{why}, at `{}`", change.path) };
            if can_go && !ruling.dropped.contains_key(top) {
                ruling.dropped.insert(top.to_owned(), at);
            } else if !can_go {
                ruling.out.push(format!("the file would change `{}`", change.path));
            }
        }
    }
}

/// Finds what an adoption of an entry would change.
fn differences(one: &Placed<'_>, desired: &Desired) -> Vec<FieldChange> {
    let live = &one.resource.live;
    let kind = kinds::of(one.resource.kind);
    let mut desired = desired.clone();
    kind.complete(&mut desired, live);
    diff(kind.fields(), &desired.fields, &live.fields, &marks(&live.fields))
}

/// Returns the marks that a resource carries: they are no difference.
fn marks(fields: &Fields) -> BTreeMap<String, String> {
    let nothing = Map::new();
    let tags = fields.get("tags").and_then(Value::as_object).unwrap_or(&nothing);
    let marks = tags.iter().filter(|(key, _)| key.starts_with(PREFIX));
    marks.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
