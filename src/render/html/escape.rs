//! Foreign text made fit for a page that is read as HTML and as XML: no markup of its own, no control or bidirectional
//! characters, a bounded length, and a direction of its own.

use std::fmt::Write as _;

use crate::model::safe;

/// The most characters of one foreign text; AWS's messages and tags are far shorter.
const MOST: usize = 2_000;

/// Escapes text for elements and attributes.
pub(super) fn text(foreign: &str) -> String {
    let mut escaped = String::with_capacity(foreign.len() + 8);
    let mut characters = foreign.chars();
    for character in characters.by_ref().take(MOST) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if safe::is_hidden(character) => {
                let _ = write!(escaped, "{}", character.escape_unicode());
            }
            _ => escaped.push(character),
        }
    }
    let rest = characters.count();
    if rest > 0 {
        let _ = write!(escaped, "… ({rest} more characters)");
    }
    escaped
}

/// Escapes a name, a tag or a message, and isolates its writing direction from the text around it.
pub(super) fn foreign(words: &str) -> String {
    format!("<bdi>{}</bdi>", text(words))
}

/// Escapes a literal: an id, a tag, a pattern.
pub(super) fn code(literal: &str) -> String {
    format!("<code><bdi>{}</bdi></code>", text(literal))
}

/// Escapes one of vssctl's own sentences, in which literals stand between backticks.
pub(super) fn prose(words: &str) -> String {
    let mut parts = words.split('`').peekable();
    let mut written = String::with_capacity(words.len() + 32);
    let mut literal = false;
    while let Some(part) = parts.next() {
        // A backtick without a second one stays as it is.
        match (literal, parts.peek().is_some()) {
            (true, true) => written.push_str(&code(part)),
            (true, false) => {
                written.push('`');
                written.push_str(&text(part));
            }
            (false, _) => written.push_str(&text(part)),
        }
        literal = !literal;
    }
    written
}

/// Escapes a sentence as [`prose`] does, and adds the capital letter and the full stop.
pub(super) fn sentence(words: &str) -> String {
    let mut characters = words.chars();
    let front = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let words = format!("{front}{}", characters.as_str());
    let stop = if words.is_empty() || words.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{stop}", prose(&words))
}
