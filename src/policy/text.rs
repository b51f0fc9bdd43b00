//! The texts of documents, as AWS sends, takes and counts them.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::error::{PolicyError, PolicyErrorKind};

/// Decodes a document as IAM returns it, percent-encoded by RFC 3986: a `+` stays a `+`.
pub fn url_decode(text: &str) -> Result<String, PolicyError> {
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| PolicyError {
        kind: PolicyErrorKind::Syntax,
        message: "the document is not UTF-8 once its percent-encoding is undone".to_owned(),
        path: String::new(),
        position: None,
    })
}

/// Writes a document as the calls send it: JSON without white space between its tokens.
pub fn to_text(document: &Value) -> String {
    document.to_string()
}

/// Counts the characters of a document as IAM does against its limits: white space is not counted (IAM User Guide, "IAM
/// and AWS STS quotas").
pub fn minified_len(document: &Value) -> usize {
    to_text(document).chars().filter(|character| !character.is_ascii_whitespace()).count()
}
