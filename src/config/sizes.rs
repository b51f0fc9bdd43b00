//! How large one stack may be: its entries, its defaults, and what they resolve to.

use crate::kind::Desired;
use crate::model::{Diagnostic, json};

use super::limits;
use super::problems::Problems;
use super::spec::{SECTIONS, Section};
use super::tree::Node;

/// Refuses a file with more entries than one stack has, or with defaults that would add too many values to them.
pub(super) fn check_entries(root: &Node, problems: &mut Problems<'_>) -> bool {
    let count = |node: &Node, name: &str| node.get(name).map_or(0, |table| table.members().count());
    let of_section = |section: &Section| {
        let entries = root.get(section.kind.name()).into_iter().flat_map(Node::members);
        let nested =
            entries.flat_map(|(_, entry)| section.nested.iter().map(move |(name, _)| count(&entry.node, name)));
        count(root, section.kind.name()) + nested.sum::<usize>()
    };
    let entries = SECTIONS.iter().map(of_section).sum::<usize>();
    let defaults = root.get("defaults").map_or(0, Node::count).saturating_mul(entries) as u64;
    let message = if entries > limits::ENTRIES {
        format!("the file has {entries} entries, and one stack has {} resources at most", limits::RESOURCES)
    } else if defaults > limits::DEFAULT_VALUES {
        format!("`defaults` would add up to {defaults} values to {entries} entries")
    } else {
        return true;
    };
    let place = root.members().next().map_or_else(|| root.place.clone(), |(_, member)| member.key.clone());
    problems.add(&place, Diagnostic::error("VSS0210", message).label("too large").help("split the stack"));
    false
}

/// Refuses a file that resolves to more than a saved plan has room for: policy files and defaults, written once, count
/// in each resource that they go into.
pub(super) fn too_large(desired: &[Desired]) -> Option<Diagnostic> {
    let mut sizes: Vec<(u64, &Desired)> = desired.iter().map(|desired| (resolved_size(desired), desired)).collect();
    let whole: u64 = sizes.iter().map(|(size, _)| size).sum();
    if whole <= limits::RESOLVED {
        return None;
    }
    sizes.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let largest = sizes.iter().take(3).map(|(size, desired)| format!("`{}` has {size}", desired.address));
    let message = format!(
        "with presets, defaults and policy files in place the file comes to {whole} bytes, and {} is the most \
         for one stack",
        limits::RESOLVED
    );
    Some(
        Diagnostic::error("VSS0216", message)
            .label("resolves to too much")
            .help(format!("the largest: {}", largest.collect::<Vec<_>>().join(", ")))
            .help("make a document that many roles share one `[policy]`, or split the stack"),
    )
}

/// Counts the bytes of a resource as a saved plan writes it.
fn resolved_size(desired: &Desired) -> u64 {
    json::pretty(desired).map_or(u64::MAX, |text| text.len() as u64)
}
