//! The mark of a Run Command: its comment.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::normal::{write_parameters, write_targets};
use crate::kind::Desired;
use crate::model::hash::sha256_hex;
use crate::model::{Address, Scope};

/// The most characters that AWS allows in a comment.
const LIMIT: usize = 100;

/// Returns how the comments of all our commands for an address begin.
pub(super) fn prefix(scope: &Scope, address: &str) -> String {
    let readable = format!("vssctl/{}/{address}/", scope.stack);
    if readable.len() + 8 <= LIMIT { readable } else { format!("vssctl/{}/", &sha256_hex(readable.as_bytes())[..32]) }
}

/// Returns how the comments of the commands begin that run on some instances ahead of the others.
pub(super) fn first_prefix(scope: &Scope, address: &Address) -> String {
    prefix(scope, &format!("first.{address}"))
}

/// Returns the comment of a command that runs ahead of the others.
pub(super) fn first_comment(scope: &Scope, address: &Address, parameters: &Value, targets: &Value) -> String {
    let content = format!("{parameters}\n{targets}");
    format!("{}{}", first_prefix(scope, address), &sha256_hex(content.as_bytes())[..8])
}

/// Returns the parameters and the targets of the command that an entry asks for.
pub(super) fn content(desired: &Desired) -> (Value, Value) {
    let field = |name: &str| desired.fields.get(name).unwrap_or(&Value::Null);
    (write_parameters(&Value::Null, field), write_targets(field("targets")))
}

/// Returns the comment of the command that sends these parameters to these targets.
pub(super) fn comment(scope: &Scope, address: &Address, parameters: &Value, targets: &Value) -> String {
    let content = format!("{parameters}\n{targets}");
    format!("{}{}", prefix(scope, &address.to_string()), &sha256_hex(content.as_bytes())[..8])
}

/// Leaves instances out of targets by id; targets by tag stay as they are.
pub(super) fn without(targets: &Value, instances: &BTreeSet<String>) -> Value {
    let mut left = Vec::new();
    for target in targets.as_array().into_iter().flatten() {
        if target["Key"] != "InstanceIds" {
            left.push(target.clone());
            continue;
        }
        let is_left = |id: &&Value| id.as_str().is_none_or(|id| !instances.contains(id));
        let ids: Vec<&Value> = target["Values"].as_array().into_iter().flatten().filter(is_left).collect();
        // Several targets must all fit: without one of them none does.
        if ids.is_empty() {
            return Value::Array(Vec::new());
        }
        left.push(json!({ "Key": "InstanceIds", "Values": ids }));
    }
    left.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KindId;

    #[test]
    fn a_comment_fits_aws_whatever_the_names() {
        let scope =
            Scope { stack: "s".repeat(64), account_id: "1".repeat(12), region: "r".into(), iam_path: "/".into() };
        let address = Address::new(KindId::Package, "k".repeat(64));
        let comment = comment(&scope, &address, &Value::Null, &Value::Null);
        assert!(comment.len() <= LIMIT && comment.starts_with(&prefix(&scope, &address.to_string())), "{comment}");
    }
}
