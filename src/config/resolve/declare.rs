//! The names of everything that a file declares, noted before anything is resolved: references lead to them.

use crate::config::context::{Context, Declared};
use crate::config::spec::{SECTIONS, Section};
use crate::config::tree::Node;
use crate::kinds;
use crate::model::{Address, KindId};

/// Notes the names of everything, faulty entries included.
pub(super) fn declare(file: &Node, context: &mut Context<'_>) {
    for Section { kind, .. } in SECTIONS.iter().copied() {
        let table = file.get(kind.name());
        let mut declared = Vec::new();
        for (key, member) in table.into_iter().flat_map(Node::members) {
            let given = member.node.get("name").and_then(Node::text);
            let old = old_key(table, &member.node, kind, key);
            declared.push(Declared {
                key: key.to_owned(),
                old_key: old.to_owned(),
                name: given.map_or_else(|| kinds::of(kind).default_name(old), ToOwned::to_owned),
                path: member.node.get("path").and_then(Node::text).map(ToOwned::to_owned),
                place: member.node.get("name").map_or_else(|| member.key.clone(), |name| name.place.clone()),
            });
        }
        context.declared.insert(kind, declared);
    }
    let mut selections = Vec::new();
    for (plan, member) in file.get("plan").into_iter().flat_map(Node::members) {
        let table = member.node.get("selection");
        for (key, selection) in table.into_iter().flat_map(Node::members) {
            let given = selection.node.get("name").and_then(Node::text);
            let old = old_key(table, &selection.node, KindId::Selection, key);
            selections.push(Declared {
                key: format!("{plan}.{key}"),
                old_key: old.to_owned(),
                name: given.unwrap_or(old).to_owned(),
                path: None,
                place: selection.key.clone(),
            });
        }
    }
    context.declared.insert(KindId::Selection, selections);
}

/// Returns the key that an entry had before it was renamed, else its own key. The AWS name stays when a key changes.
fn old_key<'a>(table: Option<&Node>, entry: &'a Node, kind: KindId, key: &'a str) -> &'a str {
    let Some(old) = entry.get("renamed_from").and_then(Node::text) else { return key };
    let old = old.strip_prefix(kind.name()).and_then(|rest| rest.strip_prefix('.')).unwrap_or(old);
    let last = if kind == KindId::Selection { old.rsplit('.').next().unwrap_or(old) } else { old };
    let is_key = Address::new(kind, last).to_string().parse::<Address>().is_ok() && !last.contains('.');
    // A key that is still in the file is an error, which is reported where the entry is read.
    let is_taken = table.is_some_and(|table| table.member(old).is_some());
    if is_key && !is_taken { last } else { key }
}
