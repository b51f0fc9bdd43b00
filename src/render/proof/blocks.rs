//! The parts of which the texts for people are made: a headline, blocks, and a last line.

use std::fmt::Write as _;

use anstyle::Style;

use crate::model::safe::escaped;
use crate::render::layout::{BOLD, DIM, UNKNOWN, columns, hanging, paragraph};
use crate::vss::evidence::Unread;

/// The most entries of a list that text shows one by one.
pub(super) const MOST: usize = 20;

/// Returns the name and id of an instance.
pub(in crate::render) fn title(name: &str, id: &str) -> String {
    if name.is_empty() { escaped(id) } else { format!("{} ({})", escaped(name), escaped(id)) }
}

/// Returns `1 instance`, `2 instances`.
pub(in crate::render) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Writes the first lines: the verdict, and about what.
pub(super) fn headline(text: &mut String, verdict: &str, about: &str, width: usize) {
    paragraph(text, &format!("{BOLD}{verdict}{BOLD:#}"), 0, width);
    paragraph(text, &format!("{DIM}{}{DIM:#}", escaped(about)), 0, width);
}

/// Writes the head of a block: a sign, what it is about, and a word.
pub(super) fn head(text: &mut String, sign: &str, style: Style, what: &str, word: &str, width: usize) {
    let head = format!("{style}{sign}{style:#} {BOLD}{what}{BOLD:#}  {word}");
    if columns(&head) <= width {
        let _ = writeln!(text, "{head}");
    } else {
        hanging(text, &head, [0, 2], width);
    }
}

/// Writes one line of a block, `label: words`, with further lines under the words.
pub(super) fn line(text: &mut String, label: &str, words: &str, width: usize) {
    // Further lines are indented by two more columns, so that the label stands out.
    hanging(text, &format!("{label}: {}", escaped(words)), [4, 6], width);
}

/// Writes what could not be read.
pub(super) fn unread(text: &mut String, unread: &[Unread], width: usize) {
    if unread.is_empty() {
        return;
    }
    text.push('\n');
    let _ = writeln!(
        text,
        "{UNKNOWN}?{UNKNOWN:#} {BOLD}Some of it could not be read{BOLD:#}, and is unknown, not missing:"
    );
    for one in unread {
        paragraph(text, &format!("{}: {}", escaped(&one.action), escaped(&one.message)), 4, width);
        paragraph(text, &format!("hint: allow `{}` to the credentials in use", escaped(&one.action)), 4, width);
    }
}

/// Joins the parts of a last line that are not zero.
pub(super) fn tally<'a>(parts: impl IntoIterator<Item = (usize, &'a str)>) -> String {
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}
