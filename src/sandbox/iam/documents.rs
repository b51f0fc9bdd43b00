//! Policy documents: what IAM checks before it stores one, and how it writes one into an answer.
//!
//! From the IAM User Guide's grammar of the policy language.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::errors::malformed;
use super::model::one_or_many;
use crate::model::partition::{self, Partition};
use crate::sandbox::account::{ApiError, Context};

/// The characters that are encoded: all but the unreserved ones of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// Writes a document as it is in IAM's answers.
pub(super) fn encoded(document: &str) -> String {
    utf8_percent_encode(document, ENCODED).to_string()
}

/// Returns the size that counts against a quota: white space does not count.
pub(super) fn size(document: &str) -> usize {
    document.chars().filter(|character| !character.is_whitespace()).count()
}

/// Checks a permissions policy, inline or managed.
pub(super) fn check_identity(document: &str) -> Result<(), ApiError> {
    let (version, statements) = parse(document)?;
    if version != "2012-10-17" {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    let mut sids = BTreeSet::new();
    for statement in &statements {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(malformed("Policy document should not specify a principal."));
        }
        if let Some(sid) = statement.get("Sid").and_then(Value::as_str) {
            if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(malformed(
                    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                     [0-9A-Za-z]*",
                ));
            }
            if !sid.is_empty() && !sids.insert(sid.to_owned()) {
                return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
            }
        }
        let actions = strings(statement, "Action", "NotAction");
        if actions.is_empty() {
            return Err(malformed("Policy statement must contain actions."));
        }
        actions.iter().try_for_each(|action| check_action(action))?;
        let resources = strings(statement, "Resource", "NotResource");
        if resources.is_empty() {
            return Err(malformed("Policy statement must contain resources."));
        }
        resources.iter().try_for_each(|resource| check_resource(resource))?;
    }
    Ok(())
}

/// Checks a role's trust policy. Principals of the same account must exist.
pub(super) fn check_trust(context: &Context<'_>, document: &str) -> Result<(), ApiError> {
    let (_, statements) = parse(document)?;
    for statement in &statements {
        if statement.contains_key("Resource") || statement.contains_key("NotResource") {
            return Err(malformed("Has prohibited field Resource"));
        }
        let principal = statement.get("Principal").or_else(|| statement.get("NotPrincipal"));
        let principal = principal.ok_or_else(|| malformed("Missing required field Principal"))?;
        let actions = strings(statement, "Action", "NotAction");
        if actions.is_empty() {
            return Err(malformed("Missing required field Action"));
        }
        if !actions.iter().all(|action| action.to_ascii_lowercase().starts_with("sts:")) {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
        check_principal(context, principal)?;
    }
    Ok(())
}

fn syntax() -> ApiError {
    malformed("Syntax errors in policy.")
}

/// Reads a document down to its statements, and checks the grammar that all kinds of policies share.
fn parse(document: &str) -> Result<(String, Vec<Map<String, Value>>), ApiError> {
    let value: Value = serde_json::from_str(document).map_err(|_| malformed("This policy contains invalid Json"))?;
    let Value::Object(members) = value else { return Err(syntax()) };
    if members.keys().any(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
        return Err(syntax());
    }
    let version = match members.get("Version") {
        None => "2008-10-17",
        Some(Value::String(version)) if ["2008-10-17", "2012-10-17"].contains(&version.as_str()) => version,
        Some(_) => return Err(syntax()),
    };
    if members.get("Id").is_some_and(|id| !id.is_string()) {
        return Err(syntax());
    }
    let statements: Vec<Map<String, Value>> = one_or_many(members.get("Statement"))
        .into_iter()
        .map(|statement| statement.as_object().cloned().ok_or_else(syntax))
        .collect::<Result<_, _>>()?;
    if statements.is_empty() {
        return Err(syntax());
    }
    statements.iter().try_for_each(check_statement)?;
    Ok((version.to_owned(), statements))
}

fn check_statement(statement: &Map<String, Value>) -> Result<(), ApiError> {
    const MEMBERS: &[&str] =
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let both = |a: &str, b: &str| statement.contains_key(a) && statement.contains_key(b);
    let effect = statement.get("Effect").and_then(Value::as_str);
    if statement.keys().any(|key| !MEMBERS.contains(&key.as_str()))
        || !matches!(effect, Some("Allow" | "Deny"))
        || statement.get("Sid").is_some_and(|sid| !sid.is_string())
        || both("Action", "NotAction")
        || both("Resource", "NotResource")
        || both("Principal", "NotPrincipal")
    {
        return Err(syntax());
    }
    for member in ["Action", "NotAction", "Resource", "NotResource"] {
        if one_or_many(statement.get(member)).iter().any(|item| !item.is_string()) {
            return Err(syntax());
        }
    }
    match statement.get("Condition") {
        None => Ok(()),
        Some(Value::Object(condition)) => condition.iter().try_for_each(|(operator, keys)| {
            let keys = keys.as_object().ok_or_else(syntax)?;
            if !is_operator(operator) {
                return Err(malformed(format!("Invalid Condition type : {operator}.")));
            }
            let scalar = |value: &&Value| value.is_string() || value.is_boolean() || value.is_number();
            let fine = |values: &Value| one_or_many(Some(values)).iter().all(scalar);
            if keys.values().all(fine) { Ok(()) } else { Err(syntax()) }
        }),
        Some(_) => Err(syntax()),
    }
}

fn is_operator(operator: &str) -> bool {
    let name =
        operator.strip_prefix("ForAnyValue:").or_else(|| operator.strip_prefix("ForAllValues:")).unwrap_or(operator);
    let name = name.strip_suffix("IfExists").unwrap_or(name);
    OPERATORS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn check_action(action: &str) -> Result<(), ApiError> {
    if action == "*" {
        return Ok(());
    }
    let parts: Vec<&str> = action.split(':').collect();
    match parts[..] {
        [_] => Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")),
        [vendor, _] => {
            let letters = vendor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
            if letters { Ok(()) } else { Err(malformed(format!("Vendor {vendor} is not valid"))) }
        }
        _ => Err(malformed("Actions/Condition can contain only one colon.")),
    }
}

fn check_resource(resource: &str) -> Result<(), ApiError> {
    if resource == "*" {
        return Ok(());
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    if parts.len() < 2 || parts[0] != "arn" {
        return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
    }
    if Partition::named(parts[1]).is_none() && parts[1] != "*" && !parts[1].contains('$') {
        let rest = |index: usize| parts.get(index).copied().filter(|part| !part.is_empty()).unwrap_or("*");
        return Err(malformed(format!(
            "Partition \"{0}\" is not valid for resource \"arn:{0}:{1}:{2}:{3}:{4}\".",
            parts[1],
            rest(2),
            rest(3),
            rest(4),
            rest(5)
        )));
    }
    if parts.len() < 3 {
        return Err(malformed("Resource vendor must be fully qualified and cannot contain regexes."));
    }
    if parts.len() < 6 {
        return Err(malformed("The policy failed legacy parsing"));
    }
    Ok(())
}

fn check_principal(context: &Context<'_>, principal: &Value) -> Result<(), ApiError> {
    let kinds = match principal {
        Value::String(everyone) if everyone == "*" => return Ok(()),
        Value::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return Err(syntax()),
    };
    for (kind, names) in kinds {
        let names = one_or_many(Some(names));
        if names.is_empty() {
            return Err(malformed("Policy contains an empty principal"));
        }
        for name in names {
            let name = name.as_str().ok_or_else(syntax)?;
            let known = match kind.as_str() {
                "Service" => is_service(name),
                "AWS" => is_known(context, name),
                "Federated" | "CanonicalUser" => true,
                _ => return Err(syntax()),
            };
            if !known {
                let kind = kind.to_ascii_uppercase();
                return Err(malformed(format!("Invalid principal in policy: \"{kind}\":\"{name}\"")));
            }
        }
    }
    Ok(())
}

fn is_service(name: &str) -> bool {
    let others = [".amazon.com", ".aws.internal"];
    let is_ours = |host: &str| name.strip_suffix(host).is_some_and(|front| front.ends_with('.'));
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    letters
        && !name.starts_with('.')
        && (others.iter().any(|suffix| name.ends_with(suffix))
            || partition::all().iter().any(|one| is_ours(&one.dns_suffix)))
}

/// Checks that a principal exists, where it is a role of this account; other accounts' principals cannot be looked up.
fn is_known(context: &Context<'_>, name: &str) -> bool {
    if name == "*" || (name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit())) {
        return true;
    }
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    let ["arn", partition, service @ ("iam" | "sts"), "", account, resource] = parts[..] else { return false };
    if partition != context.partition || account.len() != 12 {
        return false;
    }
    if account != context.account_id || service == "sts" || resource == "root" {
        return true;
    }
    let ours = crate::sandbox::sts::caller_arn(context.partition, context.account_id);
    name == ours || context.account.iam.role_by_arn(name).is_some()
}

fn strings<'a>(statement: &'a Map<String, Value>, member: &str, other: &str) -> Vec<&'a str> {
    let given = statement.get(member).or_else(|| statement.get(other));
    one_or_many(given).into_iter().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_that_iam_refuses_are_refused_with_its_message() {
        for (document, message) in [
            ("{", "This policy contains invalid Json"),
            ("[]", "Syntax errors in policy."),
            (r#"{"Version":"2012-10-17","Statement":[]}"#, "Syntax errors in policy."),
            (
                r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#,
                "Policy document must be version 2012-10-17 or greater.",
            ),
            (
                r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*"}}"#,
                "Policy statement must contain actions.",
            ),
            (
                r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*"}}"#,
                "Policy statement must contain resources.",
            ),
            (
                r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3","Resource":"*"}}"#,
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ),
            (
                r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}"#,
                "Resource bucket must be in ARN format or \"*\".",
            ),
            (
                r#"{"Version":"2012-10-17","Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}}"#,
                "Syntax errors in policy.",
            ),
        ] {
            assert_eq!(check_identity(document).unwrap_err().message, message, "{document}");
        }
        check_identity(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#)
            .unwrap();
    }

    #[test]
    fn answers_carry_documents_in_url_encoding_with_capital_digits_and_no_plus_signs() {
        assert_eq!(encoded(r#"{"a": "é~-_."}"#), "%7B%22a%22%3A%20%22%C3%A9~-_.%22%7D");
    }
}
