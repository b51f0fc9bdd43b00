//! What EC2's describing operations share: required parameters, filters and pages.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::operations::refusal;
use crate::model::glob::{self, Piece};
use crate::sandbox::account::{Answer, ApiError};
use crate::sandbox::made;
use crate::sandbox::wire::model::{Model, Sort};

/// The most items that EC2 puts on a page, whether or not the request asks for a size.
const LARGEST_PAGE: usize = 1000;
const SMALLEST_PAGE: usize = 5;

/// Checks required parameters and the names of choices.
pub(super) fn check(model: &Model, operation: &str, input: &Value) -> Result<(), ApiError> {
    let Some(shape) = model.operations.get(operation).and_then(|described| described.input.as_deref()) else {
        return Ok(());
    };
    let shape = model.shape(shape);
    for name in &shape.required {
        if input.get(name).is_none_or(Value::is_null) {
            let member = &shape.members[name];
            // The error about a missing list has the name of the first element's parameter, without the number.
            let shown = if model.shape(&member.shape).sort == Sort::List {
                name.trim_end_matches('s').to_owned()
            } else {
                member.parameter_name(name)
            };
            return Err(refusal("MissingParameter", format!("The request must contain the parameter {shown}")));
        }
    }
    Ok(())
}

/// Returns a text member of an input, empty when it is absent.
pub(super) fn text<'a>(input: &'a Value, member: &str) -> &'a str {
    input[member].as_str().unwrap_or_default()
}

/// Returns the texts of a list member.
pub(super) fn texts<'a>(input: &'a Value, member: &str) -> Vec<&'a str> {
    input[member].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The filters of a request: all of them must match, and a filter matches by one of its values.
#[derive(Debug)]
pub(super) struct Filters<'a>(Vec<Filter<'a>>);

/// One filter. Its values are in a set, because hundreds of ids are compared with tens of thousands of objects.
#[derive(Debug)]
struct Filter<'a> {
    name: &'a str,
    plain: BTreeSet<&'a str>,
    patterns: Vec<&'a str>,
}

impl<'a> Filters<'a> {
    /// Reads the filters; one that is none of `known`, `tag:KEY` and `tag-key` is refused.
    pub(super) fn read(input: &'a Value, known: &[&str]) -> Result<Self, ApiError> {
        let mut filters = Vec::new();
        for filter in input["Filters"].as_array().into_iter().flatten() {
            let name = text(filter, "Name");
            let is_tag = name == "tag-key" || name.strip_prefix("tag:").is_some_and(|key| !key.is_empty());
            if !is_tag && !known.contains(&name) {
                return Err(refusal("InvalidParameterValue", format!("The filter '{name}' is invalid")));
            }
            let values = texts(filter, "Values");
            if values.is_empty() {
                let message = format!("The filter '{name}' needs at least one value");
                return Err(refusal("InvalidParameterValue", message));
            }
            let (patterns, plain): (Vec<&str>, Vec<&str>) =
                values.into_iter().partition(|value| value.contains(['*', '?', '\\']));
            filters.push(Filter { name, plain: plain.into_iter().collect(), patterns });
        }
        Ok(Self(filters))
    }

    /// Tells whether an object passes. `values` returns the object's values for the name of a filter.
    pub(super) fn pass(&self, tags: &BTreeMap<String, String>, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|Filter { name, plain, patterns }| {
            let has: Vec<String> = match name.strip_prefix("tag:") {
                Some(key) => tags.get(key).cloned().into_iter().collect(),
                None if *name == "tag-key" => tags.keys().cloned().collect(),
                None => values(name),
            };
            has.iter()
                .any(|value| plain.contains(value.as_str()) || patterns.iter().any(|pattern| matches(pattern, value)))
        })
    }
}

/// Tells whether a value fits a filter's pattern: `*` is any text, `?` is one letter, and a backslash makes the next
/// character stand for itself.
fn matches(pattern: &str, value: &str) -> bool {
    let mut pieces = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            // A backslash at the end stands for itself.
            '\\' => Piece::Exact(letters.next().unwrap_or('\\')),
            other => Piece::wildcard(other),
        });
    }
    glob::matches(&pieces, &value.chars().collect::<Vec<char>>())
}

/// Refuses ids together with the size of a page, as EC2 does.
pub(super) fn ids_or_pages(input: &Value, ids: &str, set: &str) -> Result<(), ApiError> {
    if input[ids].is_array() && !input["MaxResults"].is_null() {
        let message = format!("The parameter {set} cannot be used with the parameter maxResults");
        return Err(refusal("InvalidParameterCombination", message));
    }
    Ok(())
}

/// Cuts a list, in the order of its keys, into pages.
pub(super) fn paged(operation: &str, input: &Value, member: &str, all: Vec<(String, Value)>) -> Answer {
    let size = match input["MaxResults"].as_i64() {
        None => LARGEST_PAGE,
        Some(asked) => {
            let refused = |rule: &str| {
                let message =
                    format!("Value ( {asked} ) for parameter maxResults is invalid. Expecting a value {rule}.");
                refusal("InvalidParameterValue", message)
            };
            let size = usize::try_from(asked).unwrap_or_default();
            if size < SMALLEST_PAGE {
                return Err(refused("greater than 5"));
            }
            size.min(LARGEST_PAGE)
        }
    };
    let token = input["NextToken"].as_str().filter(|token| !token.is_empty());
    let page = made::page(&made::list_name(operation, input), all, size, token)
        .ok_or_else(|| refusal("InvalidNextToken", "The specified NextToken is not valid."))?;
    let mut answer = Map::from_iter([(member.to_owned(), Value::Array(page.items))]);
    if let Some(next) = page.next {
        answer.insert("NextToken".to_owned(), json!(next));
    }
    Ok(Value::Object(answer))
}

/// Writes tags as EC2 lists them.
pub(super) fn tag_list(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// Tells whether an id has the form of its kind: a prefix and 8 or 17 hexadecimal digits.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        matches!(rest.len(), 8 | 17) && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn values_of_filters_know_wildcards() {
        assert!(
            matches("*", "") && matches("web-*", "web-1") && matches("web-?", "web-1") && matches("a*b*c", "axxbxc")
        );
        assert!(!matches("web-?", "web-10") && !matches("Web-1", "web-1") && !matches("", "x"));
        assert!(matches("a\\*", "a*") && !matches("a\\*", "ab"));
        assert!(matches(r"a\\*", r"a\bc") && matches(r"a\", r"a\") && !matches(r"db-\?", "db-1"));
        // Trying every way to match would never end, and it would hold the account's only lock.
        assert!(!matches(&("*a".repeat(40) + "*b"), &"a".repeat(255)));
    }
}
