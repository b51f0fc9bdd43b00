//! The wrapper of everything that is printed.

use vssctl::model::json;
use vssctl::model::safe::{Safe, SafeLines, is_hidden};

/// Nothing raw comes out, nothing that is harmless is lost, and JSON says what it was given.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let line = Safe(&text).to_string();
    assert!(line.chars().all(|character| !is_hidden(character)), "{line:?}");
    super::assert_printable(&SafeLines(&text).to_string());
    let plain: String = text.chars().filter(|character| !is_hidden(*character)).collect();
    assert_eq!(Safe(&plain).to_string(), plain);
    for printed in [json::line(&text), json::pretty(&text)] {
        let printed = printed.expect("a string is JSON");
        super::assert_printable(&printed);
        assert_eq!(serde_json::from_str::<String>(&printed).expect("JSON"), text);
    }
}
