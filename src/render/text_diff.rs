//! Two policy documents as a text diff for people: canonical JSON, line by line, as data that a renderer colours.
//!
//! A comma at the end of a line is no difference, and a statement that moved is compared with itself, so that one added
//! action is one line. The text is foreign: print it through [`crate::model::safe`].

use std::fmt;

use serde_json::Value;
use similar::{ChangeTag, DiffOp, InlineChange, TextDiff};

use crate::policy;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// What a line of a diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// On both sides.
    Context,
    /// Only before.
    Remove,
    /// Only after.
    Add,
}

impl Tag {
    /// Returns the sign before the line: a space, `-` or `+`.
    pub fn sign(self) -> char {
        match self {
            Self::Context => ' ',
            Self::Remove => '-',
            Self::Add => '+',
        }
    }
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The text, without newlines.
    pub text: String,
    /// It is what differs from the line on the other side.
    pub emphasised: bool,
}

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub tag: Tag,
    /// Its text in pieces.
    pub spans: Vec<Span>,
}

impl Line {
    /// Returns the whole text.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

/// A diff: groups of lines with their context. Lines between groups are the same on both sides and left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// The groups, in order.
    pub hunks: Vec<Vec<Line>>,
}

/// Returns the indented JSON of a document; of null, nothing.
pub fn canonical_text(document: &Value) -> String {
    if document.is_null() { String::new() } else { format!("{document:#}") }
}

/// Compares two documents; null is a document that is not there. Policies are brought into canonical form and their
/// statements side by side, other JSON is compared as it is.
pub fn diff(before: &Value, after: &Value) -> Diff {
    let (before, after) = match (policy::align(before, after), policy::canonical(after)) {
        (Ok(before), Ok(after)) => (before, after),
        _ => (before.clone(), after.clone()),
    };
    let (before, after) = (canonical_text(&before), canonical_text(&after));
    let old: Vec<&str> = before.lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let old_bare: Vec<&str> = old.iter().map(|line| without_comma(line)).collect();
    let new_bare: Vec<&str> = new.iter().map(|line| without_comma(line)).collect();
    let lines = TextDiff::from_slices(&old_bare, &new_bare);
    let line = |change: InlineChange<'_, str>| {
        let (tag, full) = match (change.tag(), change.old_index(), change.new_index()) {
            (ChangeTag::Delete, Some(index), _) => (Tag::Remove, old[index]),
            (ChangeTag::Insert, _, Some(index)) => (Tag::Add, new[index]),
            (_, _, Some(index)) => (Tag::Context, new[index]),
            (_, _, None) => (Tag::Context, ""),
        };
        let mut spans: Vec<Span> = change
            .iter_strings_lossy()
            .map(|(emphasised, text)| Span { text: text.into_owned(), emphasised })
            .collect();
        if full.ends_with(',') {
            spans.push(Span { text: ",".to_owned(), emphasised: false });
        }
        Line { tag, spans }
    };
    let hunk = |operations: &Vec<DiffOp>| {
        // There is no deadline, because a diff must not depend on the speed of the machine.
        let changes = operations.iter().flat_map(|operation| lines.iter_inline_changes_deadline(operation, None));
        changes.map(line).collect()
    };
    Diff { hunks: lines.grouped_ops(CONTEXT).iter().map(hunk).collect() }
}

/// The comma after the last element of a list is punctuation: an element after it must not change its line.
fn without_comma(line: &str) -> &str {
    line.strip_suffix(',').unwrap_or(line)
}

impl fmt::Display for Diff {
    /// Writes the diff without colours: a sign, a space and the line; `...` between groups.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, hunk) in self.hunks.iter().enumerate() {
            if index > 0 {
                writeln!(formatter, "  ...")?;
            }
            for line in hunk {
                writeln!(formatter, "{} {}", line.tag.sign(), crate::model::safe::Safe(&line.text()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(actions: &[&str]) -> Value {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": actions, "Resource": "*" },
            { "Sid": "Describe", "Effect": "Allow", "Action": "ec2:DescribeImages", "Resource": "*" },
        ] })
    }

    fn changed(diff: &Diff) -> Vec<String> {
        let lines = diff.hunks.iter().flatten().filter(|line| line.tag != Tag::Context);
        lines.map(|line| format!("{}{}", line.tag.sign(), line.text())).collect()
    }

    #[test]
    fn one_added_action_is_one_line() {
        let before = document(&["ec2:CreateImage", "ec2:CreateTags"]);
        let added_last = document(&["ec2:CreateImage", "ec2:CreateTags", "ec2:DescribeTags"]);
        let added_first = document(&["ec2:AttachVolume", "ec2:CreateImage", "ec2:CreateTags"]);
        assert_eq!(changed(&diff(&before, &added_last)), ["+        \"ec2:DescribeTags\""]);
        assert_eq!(changed(&diff(&before, &added_first)), ["+        \"ec2:AttachVolume\","]);
        assert_eq!(changed(&diff(&added_last, &before)), ["-        \"ec2:DescribeTags\""]);
        // From one action, which the file may hold as a string, to two.
        assert_eq!(changed(&diff(&document(&["a:b"]), &document(&["a:b", "a:c"]))), ["+        \"a:c\""]);
    }

    #[test]
    fn documents_that_aws_treats_the_same_have_no_diff() {
        let before = json!({ "Statement": { "Effect": "Allow", "Action": ["EC2:b", "ec2:A"], "Resource": "*" } });
        let after = json!({
            "Statement": [{ "Resource": ["*"], "Action": ["ec2:a", "ec2:B"], "Effect": "Allow" }],
            "Version": "2008-10-17",
        });
        assert_eq!(diff(&before, &after), Diff::default());
    }

    #[test]
    fn a_changed_value_is_emphasised_within_its_line() {
        let before =
            json!({ "Statement": { "Effect": "Allow", "Action": "a:b", "Resource": "arn:aws:ec2:*:*:instance/*" } });
        let after =
            json!({ "Statement": { "Effect": "Allow", "Action": "a:b", "Resource": "arn:aws:ec2:*:*:volume/*" } });
        let diff = diff(&before, &after);
        let emphasised: Vec<&str> = diff
            .hunks
            .iter()
            .flatten()
            .flat_map(|line| &line.spans)
            .filter(|span| span.emphasised)
            .map(|span| span.text.as_str())
            .collect();
        assert_eq!(emphasised, ["instance", "volume"]);
    }

    #[test]
    fn three_lines_of_context_surround_a_change() {
        let shown = diff(
            &document(&["a:a", "a:b", "a:c", "a:d", "a:e", "a:f", "a:g", "a:h"]),
            &document(&["a:a", "a:b", "a:c", "a:e", "a:f", "a:g", "a:h"]),
        )
        .to_string();
        let expected = r#"          "a:a",
          "a:b",
          "a:c",
-         "a:d",
          "a:e",
          "a:f",
          "a:g",
"#;
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_document_that_is_not_there_is_all_added_or_all_removed() {
        let document = json!({ "Statement": { "Effect": "Allow", "Action": "a:b" } });
        let added = diff(&Value::Null, &document);
        assert!(added.hunks.iter().flatten().all(|line| line.tag == Tag::Add));
        assert!(diff(&document, &Value::Null).hunks.iter().flatten().all(|line| line.tag == Tag::Remove));
        assert_eq!(diff(&Value::Null, &Value::Null), Diff::default());
    }
}
