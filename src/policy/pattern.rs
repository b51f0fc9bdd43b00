//! The patterns of policies: `*` for any text, `?` for any one character, and variables.

use super::keys::{Given, Keys};
use crate::model::glob::{Piece, matches};

/// A pattern, and the text that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
    text: String,
}

/// An ARN has six parts; the last one may contain colons.
pub(super) const PARTS: usize = 6;

impl Pattern {
    /// Reads a pattern that knows no variables.
    pub(super) fn wildcards(text: &str) -> Self {
        Self { pieces: text.chars().map(Piece::wildcard).collect(), text: text.to_owned() }
    }

    /// Reads a pattern with variables: `${key}`, `${key, 'default'}`, and `${*}`, `${?}`, `${$}` for the characters
    /// themselves. `None` when the request has no single value for a variable without a default.
    pub(super) fn with_variables(text: &str, keys: &Keys) -> Option<Self> {
        let mut read = Self { pieces: Vec::new(), text: String::new() };
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, variable) = rest.split_at(start);
            // A `${` without a closing brace is plain text.
            let Some(end) = variable.find('}') else { break };
            read.extend(before.chars().map(Piece::wildcard), before);
            let value = value_of(variable[2..end].trim(), keys)?;
            // The value of a variable is compared as text, even where it contains wildcards.
            read.extend(value.chars().map(Piece::Exact), &value);
            rest = &variable[end + 1..];
        }
        read.extend(rest.chars().map(Piece::wildcard), rest);
        Some(read)
    }

    fn extend(&mut self, pieces: impl Iterator<Item = Piece>, text: &str) {
        self.pieces.extend(pieces);
        self.text.push_str(text);
    }

    /// Returns the text, variables replaced, for operators that know no wildcards.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Tells whether a text matches as a whole.
    pub(super) fn matches(&self, text: &str) -> bool {
        matches(&self.pieces, &text.chars().collect::<Vec<_>>())
    }

    /// Tells whether an ARN matches, part by part: a wildcard stays within its part, unless it ends the pattern.
    pub(super) fn matches_arn(&self, arn: &str) -> bool {
        let pattern: Vec<&[Piece]> = self.pieces.splitn(PARTS, |piece| *piece == Piece::Exact(':')).collect();
        let whole: Vec<char> = arn.chars().collect();
        let open = pattern.len() < PARTS && pattern.last().is_some_and(|part| part.last() == Some(&Piece::Any));
        let parts: Vec<&[char]> = whole.splitn(if open { pattern.len() } else { PARTS }, |one| *one == ':').collect();
        pattern.len() == parts.len() && pattern.iter().zip(parts).all(|(pattern, part)| matches(pattern, part))
    }
}

/// Returns the first variable of a text whose value is not known.
pub(super) fn unknown_variable(text: &str, keys: &Keys) -> Option<String> {
    let variables = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    let mut names = variables.map(|(variable, _)| variable.split(',').next().unwrap_or(variable).trim());
    names
        .find(|name| !matches!(*name, "*" | "?" | "$") && !matches!(keys.given(name), Given::Known(_)))
        .map(str::to_owned)
}

fn value_of(variable: &str, keys: &Keys) -> Option<String> {
    if matches!(variable, "*" | "?" | "$") {
        return Some(variable.to_owned());
    }
    let (key, default) = match variable.split_once(',') {
        Some((key, default)) => {
            (key.trim(), default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\'')))
        }
        None => (variable, None),
    };
    match keys.get(key) {
        Some([value]) => Some(value.clone()),
        // A variable stands for a key that has exactly one value.
        Some(_) | None => default.map(str::to_owned),
    }
}
