//! JSON for programs: versioned, in a stable order of keys, and safe to show on a terminal.

use std::fmt::Write as _;

use serde::Serialize;

use super::safe;

/// Renders a value over several lines, with a newline at the end.
pub fn pretty<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|text| escape(&text) + "\n")
}

/// Renders a value on one line, with a newline at the end.
pub fn line<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(|text| escape(&text) + "\n")
}

/// Writes what a terminal would act on or hide as JSON escapes. Such characters stand only within strings: JSON's own
/// syntax has none of them, and `serde_json` has escaped C0 already.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && safe::is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_never_sees_control_or_bidi_characters_and_a_parser_sees_them_all() {
        let hostile = "a\u{1b}[31m\u{9b}b\u{7f}\u{202e}c\u{e0041}\u{200b}\n";
        let text = pretty(&serde_json::json!({ "x": hostile })).expect("JSON");
        assert!(text.chars().all(|character| character == '\n' || (' '..='~').contains(&character)), "{text}");
        let back: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back["x"], hostile);
    }

    #[test]
    fn ordinary_text_in_any_script_stays_as_it_is() {
        assert_eq!(line(&"バックアップ é").ok().as_deref(), Some("\"バックアップ é\"\n"));
    }
}
