//! The words of the repository: users and readers meet `resource`, or the precise word, and lines end by 120 columns.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders and files that do not keep the rules of this page yet.
const NOT_YET_CLEAN: &[&str] = &[];

/// Where the word is looked for, by the endings of the files that people write.
const FOLDERS_CLEAN: &[&str] = &["ARCHITECTURE.md", "README.md", "docs", "examples", "schema", "src"];

/// Where lines are measured.
const FOLDERS_MEASURED: &[&str] = &["ARCHITECTURE.md", "README.md", "docs", "src"];

/// The files that people write; style sheets, models of AWS and lists of its actions are not prose.
const ENDINGS: [&str; 4] = ["json", "md", "rs", "toml"];

/// The most characters of a line.
const COLUMNS: usize = 120;

/// Files that hold AWS's own words.
const FOREIGN: &[&str] = &["src/sandbox/managed_policies", "src/sandbox/wire/models"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files below some paths, without those of the exceptions, relative to the root.
fn files(below: &[&str], endings: &[&str], exceptions: &[&[&str]]) -> BTreeSet<PathBuf> {
    fn collect(path: &Path, found: &mut BTreeSet<PathBuf>) {
        if !path.is_dir() {
            found.insert(path.to_owned());
            return;
        }
        for entry in fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            collect(&entry.expect("an entry").path(), found);
        }
    }
    let mut found = BTreeSet::new();
    for path in below {
        collect(&root().join(path), &mut found);
    }
    let is_meant = |path: &PathBuf| {
        path.extension().is_some_and(|own| endings.iter().any(|ending| own == *ending))
            && !exceptions.iter().copied().flatten().any(|exception| path.starts_with(exception))
    };
    let relative = |path: PathBuf| path.strip_prefix(root()).expect("a path below the root").to_owned();
    found.into_iter().map(relative).filter(is_meant).collect()
}

/// Returns the lines that hold the word, in whatever case: alone, or as a part of an identifier.
fn lines_with_the_word(text: &str) -> Vec<usize> {
    let is_word = |part: &str| matches!(part, "thing" | "things");
    // `a_thing`, `AThing` and `THINGS` hold it; `nothing` and `something` don't.
    let holds = |line: &str| {
        line.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| {
            is_word(&part.to_ascii_lowercase()) || humps(part).iter().any(|hump| is_word(&hump.to_ascii_lowercase()))
        })
    };
    text.lines().enumerate().filter(|(_, line)| holds(line)).map(|(index, _)| index + 1).collect()
}

/// Takes a name in camel case apart.
fn humps(name: &str) -> Vec<&str> {
    let starts = name.char_indices().filter(|(_, letter)| letter.is_ascii_uppercase()).map(|(at, _)| at);
    let mut starts: Vec<usize> = std::iter::once(0).chain(starts.filter(|at| *at > 0)).collect();
    starts.push(name.len());
    starts.windows(2).map(|pair| &name[pair[0]..pair[1]]).collect()
}

fn wide_lines(text: &str) -> Vec<usize> {
    let is_wide = |line: &str| line.chars().count() > COLUMNS;
    text.lines().enumerate().filter(|(_, line)| is_wide(line)).map(|(index, _)| index + 1).collect()
}

/// Asserts that a rule finds nothing in files, and names each place where it does.
fn assert_clean(files: &BTreeSet<PathBuf>, rule: fn(&str) -> Vec<usize>) {
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        found.extend(rule(&text).into_iter().map(|line| format!("{}:{line}", file.display())));
    }
    assert!(found.is_empty(), "{} lines:\n{}", found.len(), found.join("\n"));
}

#[test]
fn resources_are_called_resources() {
    let files = files(FOLDERS_CLEAN, &ENDINGS, &[NOT_YET_CLEAN, FOREIGN]);
    assert!(files.len() > 200, "only {} files were found", files.len());
    assert_clean(&files, lines_with_the_word);
}

#[test]
fn lines_end_by_120_columns() {
    let files = files(FOLDERS_MEASURED, &["md", "rs", "toml"], &[NOT_YET_CLEAN, FOREIGN]);
    assert!(files.len() > 200, "only {} files were found", files.len());
    assert_clean(&files, wide_lines);
}

/// What is clean already leaves the list: the rule then holds it.
#[test]
fn only_what_breaks_a_rule_is_excused_from_it() {
    for path in NOT_YET_CLEAN {
        let files = files(&[path], &ENDINGS, &[]);
        let breaks = |file: &PathBuf| {
            let text = fs::read_to_string(root().join(file)).expect("a text");
            !lines_with_the_word(&text).is_empty() || !wide_lines(&text).is_empty()
        };
        assert!(files.iter().any(breaks), "`{path}` breaks no rule any more: take it from the list");
    }
}

#[test]
fn both_rules_find_what_they_look_for() {
    let text = "// nothing, anything, something and everything\n// The thing.\nlet all_things = 1;\nstruct LiveThing;\n\
                const THINGS: u8 = 1;\n\"Things\"\nlet plaything = 2;\n";
    assert_eq!(lines_with_the_word(text), [2, 3, 4, 5, 6]);
    let (short, long) = ("é".repeat(COLUMNS), "é".repeat(COLUMNS + 1));
    assert_eq!(wide_lines(&format!("{short}\n{long}\n")), [2]);
}
