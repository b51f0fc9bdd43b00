//! The house stands as ARCHITECTURE.md draws it: every folder of `src/` is on a floor, and code speaks only of what is
//! below its own floor. There are no exceptions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

mod source;
mod texts;

use source::{Edge, Source};
use vssctl::model::{KindId, Operation};

/// The floors, from the ground up. Folders of one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["model"],
    &["policy", "aws"],
    &["kind", "sandbox"],
    &["kinds", "vss"],
    &["config", "permissions"],
    &["plan"],
    &["observe", "apply"],
    &["engine"],
    &["render"],
    &["cli"],
];

/// Folders that may use less than everything below them. The sandbox shares no code with the client that it answers: what
/// it knows of AWS comes from AWS's documentation and models, so that a mistake of ours is not made twice.
const STRICTER: &[(&str, &[&str])] = &[("sandbox", &["model", "policy"]), ("kind", &["model", "policy", "aws"])];

fn source() -> Source {
    Source::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")))
}

fn floor(folder: &str) -> usize {
    FLOORS.iter().position(|floor| floor.contains(&folder)).unwrap_or_else(|| panic!("`{folder}` stands on no floor"))
}

/// Returns the folders of `src/` at both ends of a path, for the way it is written and for where it leads.
fn ends(edge: &Edge) -> impl Iterator<Item = (&str, &str)> {
    let from = edge.from.first().map(String::as_str);
    let tos = [edge.to.first(), edge.defined.first()];
    let tos: BTreeSet<&str> = tos.into_iter().flatten().map(String::as_str).collect();
    tos.into_iter().filter_map(move |to| from.map(|from| (from, to))).filter(|(from, to)| from != to)
}

fn shown(edge: &Edge) -> String {
    format!("{}:{} names {}", edge.file.display(), edge.line, edge.to.join("::"))
}

#[test]
fn every_folder_stands_on_a_floor_and_speaks_only_of_what_is_below() {
    let source = source();
    for folder in &source.modules[&Vec::new()].children {
        floor(folder);
    }
    let edges = source.edges();
    assert!(edges.len() > 5_000, "only {} paths were found: the reader is blind", edges.len());
    let mut wrong = BTreeSet::new();
    for edge in &edges {
        for (from, to) in ends(edge) {
            let is_known = |folder: &&str| FLOORS.iter().flat_map(|floor| floor.iter()).any(|known| known == folder);
            let stricter = STRICTER.iter().find(|(folder, _)| *folder == from);
            if is_known(&to) && (floor(to) >= floor(from) || stricter.is_some_and(|(_, may)| !may.contains(&to))) {
                wrong.insert(shown(edge));
            }
        }
    }
    assert!(wrong.is_empty(), "{} paths lead up or across:\n{}", wrong.len(), Vec::from_iter(wrong).join("\n"));
}

#[test]
fn no_circle_runs_through_folders() {
    let mut below: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for edge in source().edges() {
        for (from, to) in ends(&edge) {
            below.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
    }
    // Folders on which nothing depends any more are taken away; what can't be taken away is a circle.
    while let Some(free) = below.keys().find(|folder| below.values().all(|others| !others.contains(*folder))).cloned() {
        below.remove(&free);
    }
    assert!(below.is_empty(), "a circle runs through {:?}", below.keys());
}

#[test]
fn the_architecture_page_draws_the_same_floors() {
    let page = include_str!("../../ARCHITECTURE.md");
    let drawn = page.split("```text\nfloors\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the floors");
    let drawn: Vec<BTreeSet<&str>> =
        drawn.lines().map(|line| line.split_whitespace().skip(1).filter(|word| *word != "·").collect()).collect();
    let floors: Vec<BTreeSet<&str>> = FLOORS.iter().rev().map(|floor| floor.iter().copied().collect()).collect();
    assert_eq!(drawn, floors);
}

/// Folders that write and read names by their nature: the kinds themselves, the file's format, IAM's own language, and the
/// sandbox, which knows nothing of ours.
const NAMING: [&str; 5] = ["kinds", "config", "policy", "sandbox", "permissions"];

/// A kind or an operation that is compared by its name is kept by no compiler.
#[test]
fn kinds_and_operations_are_compared_by_their_types() {
    let kinds = KindId::ALL.map(KindId::name);
    let words: BTreeSet<&str> =
        kinds.into_iter().chain(Operation::ALL.iter().map(|operation| operation.action())).collect();
    let source = source();
    let is_naming = |path: &Vec<String>| path.first().is_some_and(|folder| NAMING.contains(&folder.as_str()));
    let files: BTreeSet<_> =
        source.modules.iter().filter(|(path, _)| !is_naming(path)).map(|(_, module)| &module.file).collect();
    let found: Vec<String> = files
        .into_iter()
        .filter(|file| !file.ends_with("model/kind_id.rs") && !file.ends_with("model/operation.rs"))
        .flat_map(|file| texts::comparisons(file, &words))
        .map(|(file, line, word)| format!("{}:{line} compares with \"{word}\"", file.display()))
        .collect();
    assert!(found.is_empty(), "{} comparisons by text:\n{}", found.len(), found.join("\n"));
}

/// The most lines of a file. A longer one has a seam; functions are measured by clippy (`too-many-lines-threshold`).
const LINES: usize = 500;

#[test]
fn no_file_has_more_lines_than_one_reader_holds() {
    let source = source();
    let files: BTreeSet<_> = source.modules.values().map(|module| &module.file).collect();
    assert!(files.len() > 200, "only {} files were read", files.len());
    let long = files.into_iter().filter_map(|file| {
        let lines = std::fs::read_to_string(file).expect("a source file").lines().count();
        (lines > LINES).then(|| format!("{}: {lines}", file.display()))
    });
    assert_eq!(long.collect::<Vec<_>>(), [""; 0]);
}

/// The reader of sources is no ornament: it finds each way in which code can name another module.
#[test]
fn paths_are_found_however_they_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write("lib.rs", "pub mod low; pub mod high;");
    write(
        "low/mod.rs",
        "pub mod used; pub mod inline; pub mod up; pub mod quoted; pub mod text; pub mod tests; pub mod alias; pub mod body;
         #[cfg(test)] mod never { use crate::high::Thing; }",
    );
    write("low/used.rs", "use crate::high::{Thing as Other, inner};");
    write("low/inline.rs", "fn f() -> u8 { crate::high::inner::g() }");
    write("low/up.rs", "fn f(x: super::super::high::Thing) {}");
    write("low/quoted.rs", "fn f() { println!(\"{}\", crate::high::inner::g()); }");
    write("low/text.rs", "struct A { #[serde(default = \"crate::high::inner::g\")] b: u8 }");
    write("low/tests.rs", "#[cfg(test)] mod tests { use crate::high::Thing; fn f() { crate::high::inner::g(); } }");
    write("low/alias.rs", "use crate as root; fn f() { root::high::inner::g(); }");
    write("low/body.rs", "fn f() { use crate::high::Thing; struct B(Thing); }");
    write("high.rs", "pub mod inner; pub use self::inner::Thing;");
    write("high/inner.rs", "pub struct Thing; pub fn g() -> u8 { 0 }");
    let edges = Source::read(&folder.path().join("lib.rs")).edges();
    let up: BTreeSet<&str> = edges
        .iter()
        .filter(|edge| {
            edge.from.first().is_some_and(|from| from == "low") && edge.to.first().is_some_and(|to| to == "high")
        })
        .map(|edge| edge.from[1].as_str())
        .collect();
    assert_eq!(up, BTreeSet::from(["alias", "body", "inline", "quoted", "text", "up", "used"]));
    let through: BTreeSet<String> =
        edges.iter().filter(|edge| edge.from == ["low", "up"]).map(|edge| edge.defined.join("::")).collect();
    assert_eq!(through, BTreeSet::from(["high::inner".to_owned()]), "a re-export leads to what it stands for");
}
