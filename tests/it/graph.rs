//! `vssctl graph`: each resource is there, each reference is an arrow, and no name breaks out of its quotes.

use std::collections::BTreeSet;

use vssctl::config::load;
use vssctl::kind::Desired;
use vssctl::render::graph::{dot, mermaid};

use crate::bench;
use crate::harness::{MAIN_JOB, Place};

type Edges = BTreeSet<(String, String)>;

fn references(desired: &[Desired]) -> Edges {
    let pairs = |one: &Desired| {
        let from = one.address.to_string();
        one.references.iter().map(move |to| (from.clone(), to.to_string())).collect::<Vec<_>>()
    };
    desired.iter().flat_map(pairs).collect()
}

/// Reads a quoted name of DOT from the start of a text, and returns what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.trim_start().strip_prefix('"')?;
    let mut name = String::new();
    loop {
        let mut characters = rest.chars();
        match characters.next()? {
            '"' => return Some((name, characters.as_str())),
            '\\' => match characters.next()? {
                'n' => name.push('\n'),
                other => name.push(other),
            },
            other => name.push(other),
        }
        rest = characters.as_str();
    }
}

/// Reads DOT: labels by node, and edges. Whatever it does not know is a panic.
fn read_dot(text: &str) -> (Vec<(String, String)>, Edges) {
    let (mut nodes, mut edges) = (Vec::new(), Edges::new());
    let mut lines = text.lines();
    let head = lines.next().and_then(|line| line.strip_prefix("digraph ")).and_then(quoted).expect("a head");
    assert_eq!(head.1, " {");
    for line in lines.take_while(|line| *line != "}").filter(|line| line.starts_with("  \"")) {
        let (name, rest) = quoted(line).expect("a name");
        if let Some(rest) = rest.strip_prefix(" -> ") {
            let (to, rest) = quoted(rest).expect("a name");
            assert_eq!(rest, "");
            assert!(edges.insert((name, to)), "{line} stands twice");
        } else {
            let (label, rest) = quoted(rest.strip_prefix(" [label = ").expect("a label")).expect("a label");
            assert_eq!(rest, "]");
            nodes.push((name, label.replace("&amp;", "&")));
        }
    }
    (nodes, edges)
}

/// Reads Mermaid: labels in their order, and edges by label.
fn read_mermaid(text: &str) -> (Vec<String>, Edges) {
    let (mut nodes, mut edges) = (Vec::new(), Edges::new());
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("flowchart LR"));
    let address = |nodes: &[String], id: &str| {
        let number: usize = id.trim().strip_prefix('n').and_then(|id| id.parse().ok()).expect("an id");
        nodes[number].split('\n').next().expect("an address").to_owned()
    };
    for line in lines {
        if let Some((from, to)) = line.split_once(" --> ") {
            assert!(edges.insert((address(&nodes, from), address(&nodes, to))), "{line} stands twice");
            continue;
        }
        let (id, label) = line.trim().split_once("[\"").expect("a node");
        assert_eq!(id, format!("n{}", nodes.len()));
        let label = label.strip_suffix("\"]").expect("an end");
        let mut read = String::new();
        let mut rest = label.replace("<br/>", "\n");
        while let Some((plain, coded)) = rest.split_once('#') {
            read.push_str(plain);
            let (number, after) = coded.split_once(';').expect("the end of a code");
            read.extend(number.parse().ok().and_then(char::from_u32));
            rest = after.to_owned();
        }
        assert!(!rest.contains(['"', '[', ']', '`', '<', '>', '&', ';']), "{line}");
        nodes.push(read + &rest);
    }
    (nodes, edges)
}

#[test]
fn every_reference_of_every_example_is_an_arrow() {
    let mut files = 0;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("examples")).expect("the examples") {
        let path = entry.expect("an example").path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let desired = load(&path).config.expect("a valid example").desired;
        let wanted = references(&desired);
        assert!(!wanted.is_empty(), "{}", path.display());
        let (nodes, edges) = read_dot(&dot("stack", &desired));
        assert_eq!(edges, wanted, "{}", path.display());
        let addresses: Vec<String> = desired.iter().map(|one| one.address.to_string()).collect();
        assert_eq!(nodes.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), addresses, "{}", path.display());
        let (labels, edges) = read_mermaid(&mermaid(&desired));
        assert_eq!(edges, wanted, "{}", path.display());
        assert_eq!(labels, nodes.into_iter().map(|(_, label)| label).collect::<Vec<_>>());
        files += 1;
    }
    assert!(files >= 4, "{files}");
}

#[test]
fn a_hostile_name_stays_between_its_quotes() {
    let mut desired = bench::load(MAIN_JOB).desired;
    let names = [
        "a\"]; evil [\"b",
        "x\\",
        "\\\"",
        "line\nbreak",
        "`md` **b** <img src=x> &quot; #35; #quot;",
        "%%{init}%%",
        "\u{1b}[31m\u{202e}",
        "日本 end",
        "]) --> n0",
    ];
    for (one, name) in desired.iter_mut().zip(names.iter().cycle()) {
        one.name = (*name).to_owned();
    }
    let shown = |one: &Desired| format!("{}\n{}", one.address, vssctl::model::safe::escaped(&one.name));
    let labels: Vec<String> = desired.iter().map(shown).collect();
    let (nodes, edges) = read_dot(&dot("st\"ack\\", &desired));
    assert_eq!(
        (&nodes.into_iter().map(|(_, label)| label).collect::<Vec<_>>(), &edges),
        (&labels, &references(&desired))
    );
    let (nodes, edges) = read_mermaid(&mermaid(&desired));
    assert_eq!((&nodes, &edges), (&labels, &references(&desired)));
}

#[test]
fn the_command_asks_nothing_of_aws_and_answers_the_same_each_time() {
    let place = Place::with(MAIN_JOB);
    let dot = place.run(&["graph"]).exits(0).stdout;
    assert!(dot.contains("\"selection.daily.windows\" -> \"plan.daily\"\n"), "{dot}");
    assert!(dot.contains("\"plan.daily\" -> \"vault.vss\"\n"), "{dot}");
    assert_eq!(place.run(&["graph", "--format", "dot"]).exits(0).stdout, dot);
    assert!(place.run(&["graph", "--format", "mermaid"]).exits(0).stdout.starts_with("flowchart LR\n  n0[\""));
    place.write("vss.toml", "[stack]\n");
    assert_eq!(place.run(&["graph"]).exits(6).stdout, "");
}
