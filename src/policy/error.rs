//! The problems of a policy document.

use std::fmt;

/// The sort of a problem, for its diagnostic code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyErrorKind {
    /// The text is not JSON.
    Syntax,
    /// An object has a key twice: IAM takes one of the two, and people may read the other.
    DuplicateKey,
    /// A character outside U+0009, U+000A, U+000D and U+0020-U+00FF, which IAM refuses.
    Character,
    /// More bytes than IAM's API takes.
    TooLarge,
    /// Nested deeper than any policy.
    TooDeep,
    /// JSON, but not a policy.
    Structure,
}

/// A place in the text of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte in characters, from 1.
    pub column: usize,
}

impl Position {
    /// Finds the line and column of a range of bytes, which is moved to the boundaries of characters.
    pub(super) fn of(text: &str, start: usize, end: usize) -> Self {
        let start = text.floor_char_boundary(start);
        let end = text.ceil_char_boundary(end.max(start));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            start,
            end,
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Reports why a text or value is no policy document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// The sort of problem.
    pub kind: PolicyErrorKind,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// Where in the document, such as `Statement[1].Action`; empty at the top.
    pub path: String,
    /// Where in its text, if it was read from text and the place is known.
    pub position: Option<Position>,
}

impl PolicyError {
    pub(super) fn structure(path: &str, message: impl Into<String>) -> Self {
        Self { kind: PolicyErrorKind::Structure, message: message.into(), path: path.to_owned(), position: None }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "`{}` ", self.path)?;
        }
        formatter.write_str(&self.message)
    }
}

/// Tells whether IAM allows a character in a document (the pattern of `policyDocumentType` in the IAM model).
pub(super) fn is_allowed(character: char) -> bool {
    matches!(character, '\u{9}' | '\u{a}' | '\u{d}' | '\u{20}'..='\u{ff}')
}
