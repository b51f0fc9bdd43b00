//! The JSON object around every result.

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::Scope;

/// The version of the JSON forms.
pub const FORMAT: u32 = 1;

/// Returns the JSON of a result.
pub fn json<T: Serialize>(command: &str, scope: &Scope, findings: bool, unknown: bool, report: &T) -> Value {
    json!({
        "format": FORMAT,
        "tool": concat!("vssctl ", env!("CARGO_PKG_VERSION")),
        "command": command,
        "account_id": scope.account_id,
        "region": scope.region,
        "has_findings": findings,
        "has_unknown": unknown,
        "report": report,
    })
}
