//! The rules of IAM for the texts inside a policy document: actions, resources, operators and statement ids. A text
//! that IAM refuses is an error. A text that it may accept but that cannot work is a warning.
//!
//! Source: IAM User Guide, "Grammar of the IAM JSON policy language", and the `MalformedPolicyDocument` answers of IAM.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::Diagnostic;
use crate::policy::{OPERATORS, is_operator};

use super::problems::safe;
use super::structure::closest;
use crate::policy::lint::Use;

/// A problem, and the path of the value that has it, such as `Statement[1].Action[0]`.
pub(crate) type Finding = (String, Diagnostic);

/// Checks the statements of a document. Faults of the structure are left to the canonical form, which reports them.
pub(crate) fn check(document: &Value, used: Use, partition: Option<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut sids = BTreeMap::new();
    for (index, statement) in one_or_many(document.get("Statement")).iter().enumerate() {
        let Some(statement) = statement.as_object() else { continue };
        let path = format!("Statement[{index}]");
        if let Some(sid) = statement.get("Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty()) {
            check_sid(sid, &format!("{path}.Sid"), used, sids.insert(sid, index), &mut found);
        }
        for (at, action) in texts(statement, ["Action", "NotAction"], &path) {
            found.extend(check_action(action, used).map(|diagnostic| (at, diagnostic)));
        }
        for (at, resource) in texts(statement, ["Resource", "NotResource"], &path) {
            found.extend(check_resource(resource, used, partition).map(|diagnostic| (at, diagnostic)));
        }
        for operator in statement.get("Condition").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            if !is_operator(operator) {
                let diagnostic =
                    Diagnostic::error("VSS0506", format!("there is no condition operator `{}`", safe(operator)))
                        .label("not an operator of IAM");
                let diagnostic = match closest(operator, &OPERATORS) {
                    Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                    None => diagnostic,
                };
                found.push((format!("{path}.Condition.{operator}"), diagnostic));
            }
        }
    }
    found
}

fn check_sid(sid: &str, path: &str, used: Use, first: Option<usize>, found: &mut Vec<Finding>) {
    // Other services have rules of their own for the policies of their resources.
    let start = match used {
        Use::Identity => Diagnostic::error,
        Use::Trust => Diagnostic::warning,
        Use::Resource => return,
    };
    if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let diagnostic = start("VSS0506", format!("the `Sid` cannot be `{}`", safe(sid))).label("only A-Z a-z 0-9");
        found.push((path.to_owned(), diagnostic));
    } else if let Some(first) = first {
        let diagnostic = start("VSS0506", format!("the `Sid` `{sid}` is that of statement {}, too", first + 1))
            .label("once more")
            .help("a `Sid` is there once in a document, or not at all");
        found.push((path.to_owned(), diagnostic));
    }
}

fn check_action(action: &str, used: Use) -> Option<Diagnostic> {
    if action == "*" {
        let message = "a trust policy allows actions of STS only, and `*` is every service's";
        return (used == Use::Trust).then(|| {
            Diagnostic::warning("VSS0506", message).label("not an action of STS").help("write `sts:AssumeRole`")
        });
    }
    let refused =
        |problem: &str| Some(Diagnostic::error("VSS0506", format!("the action `{}` {problem}", safe(action))));
    let Some((service, name)) = action.split_once(':') else {
        let diagnostic = refused("names no service")?.label("no `SERVICE:` before it");
        return Some(diagnostic.help("write it like `s3:GetObject`, or `*` for every action"));
    };
    if name.contains(':') {
        return Some(refused("has more than one colon")?.label("not `SERVICE:NAME`"));
    }
    let of_word = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || more.contains(it))
    };
    if !of_word(service, "-.*?") {
        return Some(refused("names no service that can be")?.label("no service has such a name"));
    }
    if used == Use::Trust && !service.eq_ignore_ascii_case("sts") && !service.contains(['*', '?']) {
        let diagnostic = refused("is none that a trust policy takes")?.label("not an action of STS");
        return Some(diagnostic.help("write `sts:AssumeRole`; what the role may do belongs into its policies"));
    }
    let certain = of_word(name, "*?") || name.contains("${");
    (!certain).then(|| {
        Diagnostic::warning("VSS0506", format!("the action `{}` cannot be", safe(action)))
            .label("no action has such a name")
            .help("names of actions have letters and digits; `*` and `?` stand for others")
    })
}

fn check_resource(resource: &str, used: Use, partition: Option<&str>) -> Option<Diagnostic> {
    if resource == "*" {
        return None;
    }
    let start = if used == Use::Identity { Diagnostic::error } else { Diagnostic::warning };
    let open = resource.contains(['*', '?']) || resource.contains("${");
    let fields: Vec<&str> = resource.splitn(6, ':').collect();
    if fields[0] != "arn" || fields.len() < 6 {
        // IAM's own rules for wildcards in the first fields are not written down.
        let start = if open { Diagnostic::warning } else { start };
        let diagnostic = start("VSS0506", format!("the resource `{}` is neither an ARN nor `*`", safe(resource)))
            .label("not `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`");
        let starts_well = open && resource.starts_with("arn:");
        return (!starts_well).then_some(diagnostic);
    }
    let written = fields[1];
    let plain = written.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let wanted = partition.filter(|partition| plain && *partition != written)?;
    let diagnostic = start("VSS0303", format!("the resource `{}` is not in the partition `{wanted}`", safe(resource)))
        .label("another partition")
        .help(format!("write `arn:{wanted}:`, or `arn:${{partition}}:`"));
    Some(diagnostic)
}

/// Returns the texts of one of two elements with their paths.
fn texts<'a>(statement: &'a Map<String, Value>, names: [&str; 2], path: &str) -> Vec<(String, &'a str)> {
    let mut texts = Vec::new();
    for name in names {
        for (index, value) in one_or_many(statement.get(name)).iter().enumerate() {
            texts.extend(value.as_str().map(|text| (format!("{path}.{name}[{index}]"), text)));
        }
    }
    texts
}

fn one_or_many(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(list)) => list,
        Some(single) => std::slice::from_ref(single),
    }
}
