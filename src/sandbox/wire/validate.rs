//! The constraints of the service models on an input, in AWS's words.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use serde_json::Value;

use super::model::{Model, Protocol, Shape, Sort};
use crate::sandbox::account::ApiError;

/// Checks an input against its shape: required members, lengths, ranges, patterns and choices.
///
/// All violations are reported in one `ValidationError` (query) or `ValidationException` (the others), as AWS does.
pub(in crate::sandbox) fn validate(model: &Model, shape: &str, input: &Value) -> Result<(), ApiError> {
    let mut found = Vec::new();
    visit(model, model.shape(shape), "", input, &mut found);
    if found.is_empty() {
        return Ok(());
    }
    let code = match model.metadata.protocol {
        Protocol::Query | Protocol::Ec2 => "ValidationError",
        Protocol::Json | Protocol::RestJson => "ValidationException",
    };
    let noun = if found.len() == 1 { "error" } else { "errors" };
    Err(ApiError::new(400, code, format!("{} validation {noun} detected: {}", found.len(), found.join("; "))))
}

fn visit(model: &Model, shape: &Shape, path: &str, value: &Value, found: &mut Vec<String>) {
    let mut breach = |shown: &str, rule: &str| {
        found.push(format!("Value {shown} at '{path}' failed to satisfy constraint: {rule}"));
    };
    match shape.sort {
        Sort::Structure => {
            for name in &shape.required {
                if value.get(name).is_none_or(Value::is_null) {
                    let path = join(path, name);
                    found.push(format!("Value null at '{path}' failed to satisfy constraint: Member must not be null"));
                }
            }
            for (name, member) in &shape.members {
                if let Some(inner) = value.get(name).filter(|inner| !inner.is_null()) {
                    visit(model, model.shape(&member.shape), &join(path, name), inner, found);
                }
            }
        }
        Sort::List => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(rule) = length_rule(shape, items.len()) {
                let shown = items.iter().map(show).collect::<Vec<_>>().join(", ");
                breach(&format!("'[{shown}]'"), &rule);
            }
            if let Some(member) = &shape.member {
                for (index, item) in items.iter().enumerate() {
                    visit(model, model.shape(&member.shape), &format!("{path}.{}.member", index + 1), item, found);
                }
            }
        }
        Sort::Map => {
            let entries = value.as_object();
            if let Some(rule) = length_rule(shape, entries.map_or(0, serde_json::Map::len)) {
                breach(&format!("'{}'", show(value)), &rule);
            }
            if let (Some(key), Some(inner)) = (&shape.key, &shape.value) {
                for (name, item) in entries.into_iter().flatten() {
                    // Patterns of keys are not enforced: AWS accepts resource types such as `Storage Gateway`, which do
                    // not match the model's pattern.
                    if let Some(rule) = length_rule(model.shape(&key.shape), name.chars().count()) {
                        found.push(format!("Value '{name}' at '{path}' failed to satisfy constraint: {rule}"));
                    }
                    visit(model, model.shape(&inner.shape), &format!("{path}.{name}.member"), item, found);
                }
            }
        }
        Sort::String => {
            let text = value.as_str().unwrap_or_default();
            let shown = format!("'{text}'");
            if !shape.choices.is_empty() && !shape.choices.iter().any(|choice| choice == text) {
                breach(&shown, &format!("Member must satisfy enum value set: [{}]", shape.choices.join(", ")));
            }
            if let Some(rule) = length_rule(shape, text.chars().count()) {
                breach(&shown, &rule);
            }
            if let Some(pattern) = &shape.pattern
                && !matches(pattern, text)
            {
                breach(&shown, &format!("Member must satisfy regular expression pattern: {pattern}"));
            }
        }
        Sort::Integer | Sort::Long => {
            let Some(number) = value.as_f64() else { return };
            if let Some(min) = shape.min.filter(|min| number < *min) {
                breach(&format!("'{value}'"), &format!("Member must have value greater than or equal to {min}"));
            }
            if let Some(max) = shape.max.filter(|max| number > *max) {
                breach(&format!("'{value}'"), &format!("Member must have value less than or equal to {max}"));
            }
        }
        Sort::Boolean | Sort::Timestamp => {}
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^52")]
fn length_rule(shape: &Shape, length: usize) -> Option<String> {
    let length = length as f64;
    if let Some(min) = shape.min.filter(|min| length < *min) {
        return Some(format!("Member must have length greater than or equal to {min}"));
    }
    let max = shape.max.filter(|max| length > *max)?;
    Some(format!("Member must have length less than or equal to {max}"))
}

/// Returns a member's name as it is in these messages: with a small first letter.
fn join(path: &str, name: &str) -> String {
    let mut letters = name.chars();
    let small: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
    if path.is_empty() { small } else { format!("{path}.{small}") }
}

fn show(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Tells whether the whole text fits a pattern of a service model.
fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let regex = compiled.entry(pattern.to_owned()).or_insert_with(|| compile(pattern));
    regex.as_ref().is_none_or(|regex| regex.is_match(text))
}

/// Compiles a pattern. The models' patterns are Java's, where `\w`, `\d` and `\s` are ASCII and the whole text has to
/// fit. Patterns with look-around cannot be expressed and are not enforced.
fn compile(pattern: &str) -> Option<Regex> {
    let ascii = pattern.replace(r"\w", "[A-Za-z0-9_]").replace(r"\d", "[0-9]").replace(r"\s", r"[\t\n\x0B\f\r ]");
    Regex::new(&format!(r"\A(?s:{ascii})\z")).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn breaches_are_told_in_awss_words() {
        let model = Model::of("iam").unwrap();
        let input = json!({"RoleName": "not allowed", "AssumeRolePolicyDocument": "{}"});
        let error = validate(model, "CreateRoleRequest", &input).unwrap_err();
        assert_eq!(error.code, "ValidationError");
        assert_eq!(
            error.message,
            "1 validation error detected: Value 'not allowed' at 'roleName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\w+=,.@-]+"
        );
        let error = validate(model, "CreateRoleRequest", &json!({"RoleName": ""})).unwrap_err();
        assert!(error.message.starts_with("3 validation errors detected: Value null at 'assumeRolePolicyDocument'"));
    }

    #[test]
    fn every_pattern_that_is_checked_here_is_enforced_but_those_with_look_around() {
        // The models of Systems Manager and Backup are left out, because these services check their inputs themselves.
        for service in ["iam", "tagging"] {
            let model = Model::of(service).unwrap();
            for pattern in model.patterns() {
                assert!(compile(pattern).is_some() || pattern.contains("(?"), "{service}: {pattern}");
            }
        }
    }
}
