//! The ids of instances within texts, and their `Name` tags beside them: `i-0123456789abcdef0 (web-1)`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::safe::escaped;

/// The most characters of a name that is shown beside an id.
const LONGEST: usize = 40;

/// Finds the ids of instances in a text: `i-` with 8 or 17 hexadecimal digits, as a word of its own.
pub fn ids(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.match_indices("i-").filter_map(move |(start, _)| {
        let digits = bytes[start + 2..].iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        let end = start + 2 + digits;
        let begins = start == 0 || !is_word(bytes[start - 1]);
        let ends = bytes.get(end).is_none_or(|byte| !is_word(*byte));
        (matches!(digits, 8 | 17) && begins && ends).then_some(start..end)
    })
}

/// Writes the names of instances beside their ids in a text that is escaped already. An id that stands with a name, as
/// in `web-1 (i-...)`, stays as it is; so does one whose name nobody knows.
pub fn named(text: &str, names: &BTreeMap<String, String>) -> String {
    if names.is_empty() {
        return text.to_owned();
    }
    let mut written = String::with_capacity(text.len());
    let mut from = 0;
    for id in ids(text) {
        let name = names.get(&text[id.clone()]).filter(|name| !name.is_empty());
        let (before, after) = (&text[..id.start], &text[id.end..]);
        // A quoted value keeps its quotes to itself.
        let quotes = after.bytes().take_while(|byte| matches!(byte, b'"' | b'`' | b'\'')).count().min(1);
        let is_named = before.trim_end_matches(['"', '`', '\'']).ends_with('(') || after[quotes..].starts_with(" (");
        if let Some(name) = name.filter(|_| !is_named) {
            let end = id.end + quotes;
            written.push_str(&text[from..end]);
            written.push_str(&beside(name));
            from = end;
        }
    }
    written.push_str(&text[from..]);
    written
}

/// Writes a name in brackets, escaped and not longer than people read.
fn beside(name: &str) -> String {
    let mut shown: String = name.chars().take(LONGEST).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!(" ({})", escaped(&shown))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> BTreeMap<String, String> {
        let of = |id: &str, name: &str| (id.to_owned(), name.to_owned());
        [
            of("i-0123456789abcdef0", "web-1"),
            of("i-01234567", "old\u{1b}[31m\n"),
            of("i-0000000000000000f", &"n".repeat(256)),
            of("i-00000000", ""),
        ]
        .into()
    }

    #[test]
    fn names_stand_beside_ids() {
        for (text, expected) in [
            ("of i-0123456789abcdef0, and", "of i-0123456789abcdef0 (web-1), and"),
            ("\"i-0123456789abcdef0\"", "\"i-0123456789abcdef0\" (web-1)"),
            ("`i-0123456789abcdef0`", "`i-0123456789abcdef0` (web-1)"),
            ("arn:aws:ec2:r:1:instance/i-0123456789abcdef0", "arn:aws:ec2:r:1:instance/i-0123456789abcdef0 (web-1)"),
            ("i-01234567", "i-01234567 (old\\u{1b}[31m\\u{a})"),
            // Known already, unknown, without a name, and no ids.
            ("web-1 (i-0123456789abcdef0)", "web-1 (i-0123456789abcdef0)"),
            ("web-1 (`i-0123456789abcdef0`)", "web-1 (`i-0123456789abcdef0`)"),
            ("i-0123456789abcdef0 (web-1)", "i-0123456789abcdef0 (web-1)"),
            ("i-0123456789abcdef1 i-00000000", "i-0123456789abcdef1 i-00000000"),
            ("ami-01234567 xi-01234567 i-012345678", "ami-01234567 xi-01234567 i-012345678"),
            ("i-01234567-x i-0123", "i-01234567-x i-0123"),
        ] {
            assert_eq!(named(text, &names()), expected);
        }
        let long = named("i-0000000000000000f", &names());
        assert_eq!(long, format!("i-0000000000000000f ({}…)", "n".repeat(40)));
    }

    proptest! {
        #[test]
        fn no_text_is_lost(text in any::<String>(), with in "(i-0123456789abcdef0|i-01234567|[\"` (é]){0,6}") {
            for text in [text, with] {
                let shown = named(&text, &names());
                let bare = shown.replace(" (web-1)", "").replace(" (old\\u{1b}[31m\\u{a})", "");
                prop_assert_eq!(bare, text);
            }
        }
    }
}
