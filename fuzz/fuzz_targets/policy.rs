//! Feeds bytes to the policy reader: a value or an error, never a panic, and the canonical form stays what it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vssctl::policy;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = policy::url_decode(&text);
    if let Ok(document) = policy::parse(&text) {
        assert_eq!(policy::canonical(&document).as_ref(), Ok(&document));
        assert_eq!(policy::parse(&policy::to_text(&document)).as_ref(), Ok(&document));
        assert_eq!(policy::diff(&document, &document), Ok(Vec::new()));
    }
});
