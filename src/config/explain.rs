//! The long texts of the diagnostic codes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The long text of one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Such as `VSS0102`.
    pub code: &'static str,
    /// What the code means, in a few words.
    pub title: &'static str,
    /// Markdown: why it is a problem, and what to do.
    pub text: &'static str,
}

const TEXTS: &[&str] = &[
    include_str!("../../docs/explain/01-structure.md"),
    include_str!("../../docs/explain/02-names.md"),
    include_str!("../../docs/explain/03-references.md"),
    include_str!("../../docs/explain/04-backup.md"),
    include_str!("../../docs/explain/05-documents.md"),
    include_str!("../../docs/explain/06-packages.md"),
    include_str!("../../docs/explain/07-selections.md"),
    include_str!("../../docs/explain/08-roles.md"),
];

static EXPLANATIONS: LazyLock<BTreeMap<&'static str, Explanation>> = LazyLock::new(|| {
    let sections = TEXTS.iter().flat_map(|text| text.split("\n## ").skip(1));
    sections
        .filter_map(|section| {
            let (heading, text) = section.split_once('\n')?;
            let (code, title) = heading.split_once(": ")?;
            Some((code, Explanation { code, title, text: text.trim() }))
        })
        .collect()
});

/// Explains a code; the case of its letters does not matter.
pub fn explain(code: &str) -> Option<&'static Explanation> {
    EXPLANATIONS.get(code.trim().to_ascii_uppercase().as_str())
}

/// Returns all codes, sorted.
pub fn codes() -> impl Iterator<Item = &'static str> {
    EXPLANATIONS.keys().copied()
}
