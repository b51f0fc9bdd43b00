//! The placeholders of policy documents: `${account_id}`, `${region}` and `${partition}`.

use serde_json::Value;

use crate::model::Scope;

/// The words that stand for a part of the scope.
pub(super) const PLACEHOLDERS: [&str; 3] = ["account_id", "region", "partition"];

/// Expands placeholders in all strings and keys; returns unknown ones with the string that holds them.
pub(super) fn expand(value: &mut Value, scope: &Scope) -> Vec<(String, String)> {
    match value {
        Value::String(text) => {
            let (expanded, unknown) = expand_text(text, scope);
            let held = unknown.into_iter().map(|word| (word, text.clone())).collect();
            *text = expanded;
            held
        }
        Value::Array(items) => items.iter_mut().flat_map(|item| expand(item, scope)).collect(),
        Value::Object(members) => {
            let mut unknown = Vec::new();
            *members = std::mem::take(members)
                .into_iter()
                .map(|(key, mut value)| {
                    let (expanded, words) = expand_text(&key, scope);
                    unknown.extend(words.into_iter().map(|word| (word, key.clone())));
                    unknown.extend(expand(&mut value, scope));
                    (expanded, value)
                })
                .collect();
            unknown
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// IAM's own policy variables have a `:` in their names, or are one of `${*}`, `${?}` and `${$}`: they stay.
fn expand_text(text: &str, scope: &Scope) -> (String, Vec<String>) {
    let mut expanded = String::with_capacity(text.len());
    let mut unknown = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, marked) = rest.split_at(start);
        expanded.push_str(before);
        let Some(end) = marked.find('}') else {
            rest = marked;
            break;
        };
        let word = &marked[2..end];
        match word {
            "account_id" => expanded.push_str(&scope.account_id),
            "region" => expanded.push_str(&scope.region),
            "partition" => expanded.push_str(scope.partition()),
            _ => {
                if !word.contains(':') && !matches!(word, "*" | "?" | "$") {
                    unknown.push(word.to_owned());
                }
                expanded.push_str(&marked[..=end]);
            }
        }
        rest = &marked[end + 1..];
    }
    expanded.push_str(rest);
    (expanded, unknown)
}
