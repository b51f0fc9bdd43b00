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
    include_str!("../../docs/explain/08-plans.md"),
    include_str!("../../docs/explain/10-policy-lint.md"),
    include_str!("../../docs/explain/11-templates.md"),
];

static EXPLANATIONS: LazyLock<BTreeMap<&'static str, Explanation>> =
    LazyLock::new(|| sections().map(|explanation| (explanation.code, explanation)).collect());

/// Takes the texts apart.
fn sections() -> impl Iterator<Item = Explanation> {
    TEXTS.iter().flat_map(|text| text.split("\n## ").skip(1)).filter_map(|section| {
        let (heading, text) = section.split_once('\n')?;
        let (code, title) = heading.split_once(": ")?;
        Some(Explanation { code, title, text: text.trim() })
    })
}

/// Returns the long text of a code; the case of its letters does not matter.
pub fn explain(code: &str) -> Option<&'static Explanation> {
    EXPLANATIONS.get(code.trim().to_ascii_uppercase().as_str())
}

/// Returns all codes, sorted.
pub fn codes() -> impl Iterator<Item = &'static str> {
    EXPLANATIONS.keys().copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Collects the codes that source files hold, tests aside.
    fn used(folder: &Path, codes: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                used(&path, codes);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let found = code.match_indices("\"VSS").filter_map(|(at, _)| code.get(at + 1..at + 8));
                codes.extend(
                    found.filter(|code| code[3..].bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned),
                );
            }
        }
    }

    #[test]
    fn every_code_is_explained_and_every_explained_code_is_used() {
        let mut in_source = BTreeSet::new();
        used(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut in_source);
        let explained: BTreeSet<String> = codes().map(str::to_owned).collect();
        let unexplained: Vec<_> = in_source.difference(&explained).collect();
        let unused: Vec<_> = explained.difference(&in_source).collect();
        assert!(unexplained.is_empty() && unused.is_empty(), "unexplained: {unexplained:?}, unused: {unused:?}");
    }

    #[test]
    fn a_code_has_one_meaning() {
        let mut seen = BTreeSet::new();
        let twice: Vec<_> = sections().filter(|section| !seen.insert(section.code)).collect();
        assert_eq!(twice, []);
        let (attachment, package) = (explain("VSS0911").unwrap(), explain("VSS0913").unwrap());
        assert_eq!((attachment.title, package.title), ("an attachment that can't be done", "older package"));
    }

    #[test]
    fn a_code_is_found_in_any_case_and_its_text_is_more_than_its_title() {
        let explanation = explain("vss0102").unwrap();
        assert_eq!((explanation.code, explanation.title), ("VSS0102", "unknown key"));
        for code in codes() {
            assert!(explain(code).unwrap().text.len() > 30, "{code}");
        }
        assert_eq!(explain("VSS9999"), None);
    }
}
