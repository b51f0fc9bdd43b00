//! The canonical layout of a file: what `vssctl fmt` writes. It changes blanks, line ends, commas and the breaks of
//! lists, and nothing else: keys, values and comments stay as they are written, in the order in which they are written.
//!
//! It works on the tokens of the text and not on its values, so that nothing that TOML allows is lost. What it has laid
//! out is compared with what it was given, token by token ([`same_tokens`]), before anybody may write it.

mod print;
#[cfg(test)]
mod tests;
mod tokens;

use toml::de::DeTable;
use toml_parser::parser::EventKind;

use super::foreign::has_ours;
use super::tree::Node;
use print::print;
use tokens::{document, masked, significant};

/// Columns that a list may take before each of its items stands in a line of its own.
const WIDTH: usize = 120;
/// The blanks before an item of such a list.
const INDENT: usize = 4;

/// Why a text has no layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// It is not TOML; [`super::syntax`] says where.
    #[error("the text is not TOML")]
    NotToml,
    /// A comment stands where TOML allows none.
    #[error("a comment stands between a key and its value, where TOML allows none")]
    Comment,
    /// What was laid out is not what was given: a defect.
    #[error("the layout would have changed what the file says")]
    Changed,
}

/// Lays a text out. A byte order mark goes; line ends are those of the first line.
///
/// # Errors
/// The text is not TOML, or only to a parser that lets more pass.
pub fn format(text: &str) -> Result<String, LayoutError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !is_toml(text) {
        return Err(LayoutError::NotToml);
    }
    let end = if text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r')) { "\r\n" } else { "\n" };
    let laid_out = print(&document(text).ok_or(LayoutError::Comment)?, end);
    if same_tokens(text, &laid_out) && is_toml(&laid_out) { Ok(laid_out) } else { Err(LayoutError::Changed) }
}

/// Tells whether two texts have the same keys, values, brackets and comments in the same order.
pub fn same_tokens(before: &str, after: &str) -> bool {
    significant(before).eq(significant(after))
}

/// Lists the comments of a text.
pub fn comments(text: &str) -> Vec<String> {
    significant(text).filter(|(kind, _)| *kind == EventKind::Comment).map(|(_, comment)| comment).collect()
}

/// Returns a text for people, without the values that nobody is shown ([`crate::model::hidden`]).
pub fn for_people(text: &str) -> String {
    masked(text)
}

/// Tells whether a text is recognisably a configuration of vssctl: of another file no line is shown.
pub fn is_configuration(text: &str) -> bool {
    let (document, errors) = DeTable::parse_recoverable(text.strip_prefix('\u{feff}').unwrap_or(text));
    has_ours(&Node::from_document(0, &document), errors.is_empty())
}

fn is_toml(text: &str) -> bool {
    DeTable::parse_recoverable(text).1.is_empty()
}
