//! Makes foreign text safe for a terminal. Whatever comes from a file, from AWS, from a file name or from another
//! program's error message is printed through [`Safe`] and in no other way.
//!
//! Unescaped, such text can move the cursor, hide what it says, or run in the other direction (as in kubectl's
//! CVE-2021-25743). C0 controls (`\r` included), DEL, C1, line and paragraph separators, bidirectional controls,
//! zero-width characters and tag characters are escaped as `\u{..}`.

use std::fmt;

/// Shows text on one line. Characters that a terminal would act on or hide are escaped, newlines and tabs included.
#[derive(Clone, Copy, Debug)]
pub struct Safe<'a>(pub &'a str);

/// Shows text on several lines as [`Safe`] does, but leaves `\n` and `\t`.
#[derive(Clone, Copy, Debug)]
pub struct SafeLines<'a>(pub &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, is_hidden, formatter)
    }
}

impl fmt::Display for SafeLines<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, |character| is_hidden(character) && !matches!(character, '\n' | '\t'), formatter)
    }
}

fn escape(text: &str, hidden: impl Fn(char) -> bool, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut written = 0;
    for (start, character) in text.char_indices().filter(|(_, character)| hidden(*character)) {
        formatter.write_str(&text[written..start])?;
        write!(formatter, "{}", character.escape_unicode())?;
        written = start + character.len_utf8();
    }
    formatter.write_str(&text[written..])
}

/// Tells whether a terminal would act on a character or hide it.
pub fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Escapes what a terminal would act on or hide in foreign text.
pub fn escaped(text: &str) -> String {
    Safe(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        for (given, shown) in [
            ("plain, ümläut, 日本語, 🦀", "plain, ümläut, 日本語, 🦀"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\rb\nc\td", "a\\u{d}b\\u{a}c\\u{9}d"),
            ("\u{7f}\u{9b}", "\\u{7f}\\u{9b}"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("\u{e0041}\u{feff}\u{200b}\u{61c}", "\\u{e0041}\\u{feff}\\u{200b}\\u{61c}"),
            ("", ""),
        ] {
            assert_eq!(Safe(given).to_string(), shown);
        }
        assert_eq!(SafeLines("a\n\tb\r\u{1b}").to_string(), "a\n\tb\\u{d}\\u{1b}");
    }

    proptest! {
        #[test]
        fn no_text_reaches_a_terminal_raw(
            text in any::<String>(),
            hostile in "[\u{0}-\u{a0}\u{2000}-\u{2070}\u{e0000}-\u{e0080}]{0,20}",
        ) {
            for text in [text, hostile] {
                prop_assert!(Safe(&text).to_string().chars().all(|character| !is_hidden(character)));
                let is_shown = |character: char| !is_hidden(character) || "\n\t".contains(character);
                prop_assert!(SafeLines(&text).to_string().chars().all(is_shown));
                let plain: String = text.chars().filter(|character| !is_hidden(*character)).collect();
                prop_assert_eq!(Safe(&plain).to_string(), plain);
            }
        }
    }
}
