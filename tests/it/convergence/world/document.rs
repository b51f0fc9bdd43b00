//! The document that says what the histories reached: `docs/coverage-of-tests.md`.
//!
//! `VSSCTL_COVERAGE=FILE` has a run write its part of it; `tests/figures` does. Each part stands between two marks, so
//! that the runs do not need to know of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::coverage::{Coverage, RARE};

/// The part of the wide histories.
pub(crate) const HISTORIES: &str = "histories";
/// The part of the fault matrix.
pub(crate) const MATRIX: &str = "matrix";

/// No line of a document is longer.
const COLUMNS: usize = 120;

const HEAD: &str = "# What the random tests reach

Written by the tests themselves, from what they counted, with `tests/figures histories` or with

```sh
VSSCTL_COVERAGE=$PWD/docs/coverage-of-tests.md VSSCTL_SIMULATIONS=2000 cargo test --locked --profile simulation \
    --test it -- convergence::any_file_of convergence::every_fault
```

A number says how often something was reached: in how many files a key stood, how often a call was made, a hazard was
named, a fault or an odd answer came, somebody else meddled. [`reliability.md`](reliability.md) says what is checked of
each history, and from how many histories on a row of zero fails the run.
";

/// Where a run writes the document; nowhere unless it was asked for.
pub(crate) fn asked() -> Option<PathBuf> {
    std::env::var_os("VSSCTL_COVERAGE").map(PathBuf::from)
}

fn marks(part: &str) -> [String; 2] {
    [format!("<!-- begin: {part} -->\n"), format!("<!-- end: {part} -->\n")]
}

/// The text of a part of the document.
pub(crate) fn part<'a>(document: &'a str, part: &str) -> Option<&'a str> {
    let [begin, end] = marks(part);
    Some(document.split_once(&begin)?.1.split_once(&end)?.0)
}

/// Puts a part in its place in the document, or at its end.
pub(crate) fn put(path: &Path, name: &str, text: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().expect("no poison");
    let document = std::fs::read_to_string(path).unwrap_or_else(|_| HEAD.to_owned());
    let [begin, end] = marks(name);
    let whole = format!("{begin}{text}{end}");
    let document = match part(&document, name) {
        Some(before) => document.replace(&format!("{begin}{before}{end}"), &whole),
        None => format!("{document}\n{whole}"),
    };
    std::fs::write(path, document).expect("a document");
}

/// What each sort of things is, in words.
pub(crate) fn title(sort: &str) -> &'static str {
    match sort {
        "keys" => "Keys of the file",
        "operations" => "Writing operations",
        "hazards" => "Hazards",
        "faults" => "Faults",
        "lenses" => "Odd answers",
        "meddlings" => "What somebody else does during an apply",
        other => panic!("`{other}` has no title"),
    }
}

/// Writes one table for each sort.
pub(crate) fn tables(figures: &str, reached: &Coverage, all: &BTreeMap<&'static str, BTreeSet<String>>) -> String {
    let mut text = format!("\n## The wide histories\n\n{}\n", wrapped(&format!("Counted in: {figures}.")));
    for (sort, names) in all {
        let missed = reached.holes(sort, names).len();
        let _ = write!(
            text,
            "\n### {}\n\n{} of {} were reached.\n\n| | times |\n|---|---|\n",
            title(sort),
            names.len() - missed,
            names.len()
        );
        for name in names {
            let _ = writeln!(text, "| `{name}` | {} |", reached.times(sort, name));
        }
    }
    let rare = RARE.map(|name| format!("`{name}`")).join(", ");
    let rare = format!(
        "These need more luck than a run has, and may be missing: {rare}. The tests of the kinds and of the hazards have \
         each of them."
    );
    let _ = writeln!(text, "\n{}", wrapped(&rare));
    text
}

/// Breaks a paragraph into lines as the documents have them.
pub(crate) fn wrapped(paragraph: &str) -> String {
    let mut lines = vec![String::new()];
    for word in paragraph.split(' ') {
        let line = lines.last_mut().expect("a line");
        if !line.is_empty() && line.len() + word.len() >= COLUMNS {
            lines.push(word.to_owned());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines.join("\n")
}
