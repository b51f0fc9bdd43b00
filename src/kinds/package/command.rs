//! The mark of a Run Command: its comment.

use serde_json::Value;

use super::normal::{write_parameters, write_targets};
use crate::kind::Desired;
use crate::model::hash::sha256_hex;
use crate::model::{Address, Scope};

/// AWS allows so many characters in a comment.
const LIMIT: usize = 100;

/// Returns how the comments of all our commands for an address begin.
pub(super) fn prefix(scope: &Scope, address: &Address) -> String {
    let readable = format!("vssctl/{}/{address}/", scope.stack);
    if readable.len() + 8 <= LIMIT { readable } else { format!("vssctl/{}/", &sha256_hex(readable.as_bytes())[..32]) }
}

/// Returns the parameters and the targets of the command that an entry asks for.
pub(super) fn content(desired: &Desired) -> (Value, Value) {
    let field = |name: &str| desired.fields.get(name).unwrap_or(&Value::Null);
    (write_parameters(&Value::Null, field), write_targets(field("targets")))
}

/// Returns the comment of the command that sends these parameters to these targets.
pub(super) fn comment(scope: &Scope, address: &Address, parameters: &Value, targets: &Value) -> String {
    let content = format!("{parameters}\n{targets}");
    format!("{}{}", prefix(scope, address), &sha256_hex(content.as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_fits_aws_whatever_the_names() {
        let scope =
            Scope { stack: "s".repeat(64), account_id: "1".repeat(12), region: "r".into(), iam_path: "/".into() };
        let address = Address::new("package", "k".repeat(64));
        let comment = comment(&scope, &address, &Value::Null, &Value::Null);
        assert!(comment.len() <= LIMIT && comment.starts_with(&prefix(&scope, &address)), "{comment}");
    }
}
