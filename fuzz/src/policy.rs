//! The reader of policy documents.

use vssctl::policy;

/// A document or an error; a document's canonical form is one, and its text is read as itself.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = policy::url_decode(&text);
    if let Ok(document) = policy::parse(&text) {
        assert_eq!(policy::canonical(&document).as_ref(), Ok(&document));
        assert_eq!(policy::parse(&policy::to_text(&document)).as_ref(), Ok(&document));
        assert_eq!(policy::diff(&document, &document), Ok(Vec::new()));
    }
}
