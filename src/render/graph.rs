//! The resources of a file and what each needs, as DOT for Graphviz and as Mermaid for Markdown. An arrow goes from a
//! resource to one that must exist before it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::kind::Desired;
use crate::model::Address;
use crate::model::safe::escaped;

/// Writes the graph in Graphviz's language. `title` is the stack's name.
pub fn dot(title: &str, desired: &[Desired]) -> String {
    let mut text = format!("digraph \"{}\" {{\n  rankdir = \"LR\"\n  node [shape = \"box\"]\n", quoted(title));
    for resource in desired {
        let address = quoted(&resource.address.to_string());
        let lines: Vec<String> = lines(resource).iter().map(|line| quoted(line)).collect();
        let _ = writeln!(text, "  \"{address}\" [label = \"{}\"]", lines.join("\\n"));
    }
    for (from, to) in edges(desired) {
        let _ = writeln!(text, "  \"{}\" -> \"{}\"", quoted(&from.to_string()), quoted(&to.to_string()));
    }
    text.push_str("}\n");
    text
}

/// Writes the graph in Mermaid's language.
pub fn mermaid(desired: &[Desired]) -> String {
    let mut text = "flowchart LR\n".to_owned();
    let numbers: BTreeMap<&Address, usize> =
        desired.iter().enumerate().map(|(number, resource)| (&resource.address, number)).collect();
    for (number, resource) in desired.iter().enumerate() {
        let lines: Vec<String> = lines(resource).iter().map(|line| coded(line)).collect();
        let _ = writeln!(text, "  n{number}[\"{}\"]", lines.join("<br/>"));
    }
    for (from, to) in edges(desired) {
        let _ = writeln!(text, "  n{} --> n{}", numbers[from], numbers[to]);
    }
    text
}

/// Returns the address, and the AWS name where the address does not have it.
fn lines(resource: &Desired) -> Vec<String> {
    let is_said = resource.address.last() == resource.name || resource.name.is_empty();
    let name = (!is_said).then(|| resource.name.clone());
    [resource.address.to_string()].into_iter().chain(name).collect()
}

/// Lists who needs whom, each pair once. What is not in the file has no place in its graph.
fn edges(desired: &[Desired]) -> Vec<(&Address, &Address)> {
    let is_there: std::collections::BTreeSet<&Address> = desired.iter().map(|resource| &resource.address).collect();
    let mut edges: Vec<(&Address, &Address)> = desired
        .iter()
        .flat_map(|resource| resource.references.iter().map(move |needed| (&resource.address, needed)))
        .filter(|(_, needed)| is_there.contains(needed))
        .collect();
    edges.sort();
    edges.dedup();
    edges
}

/// Writes foreign text between double quotes of DOT. A label has escapes of its own, and entities as HTML has them.
fn quoted(text: &str) -> String {
    escaped(text).replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}

/// Writes foreign text between double quotes of Mermaid: what could mean something there is the number of a character.
fn coded(text: &str) -> String {
    let mut coded = String::new();
    for character in escaped(text).chars() {
        let is_plain = character.is_alphanumeric() || " ._-/:@+=,".contains(character);
        let _ = if is_plain { write!(coded, "{character}") } else { write!(coded, "#{};", u32::from(character)) };
    }
    coded
}
