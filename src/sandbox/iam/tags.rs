//! The tags of IAM resources: their keys are unique ignoring case, and there are at most fifty.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::errors::{invalid_input, limit_exceeded, validation};
use super::input::text;
use super::page::page;
use crate::sandbox::account::{Account, Answer, ApiError, Tagged};

const MOST_TAGS: usize = 50;

/// Reads the tags of an input.
pub(super) fn read(input: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in input["Tags"].as_array().into_iter().flatten() {
        let (key, value) = (text(tag, "Key"), text(tag, "Value"));
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_input("System tags cannot be added/updated by requester."));
        }
        if same_key(&tags, key).is_some() {
            return Err(invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > MOST_TAGS {
        return Err(validation(format!(
            "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less \
             than or equal to {MOST_TAGS}"
        )));
    }
    Ok(tags)
}

/// Adds the tags of an input. A key that differs only in case replaces the old one.
pub(super) fn add(tags: &mut BTreeMap<String, String>, input: &Value) -> Result<(), ApiError> {
    let mut all = tags.clone();
    for (key, value) in read(input)? {
        if let Some(old) = same_key(&all, &key) {
            all.remove(&old);
        }
        all.insert(key, value);
    }
    if all.len() > MOST_TAGS {
        return Err(limit_exceeded("The number of tags has reached the maximum limit."));
    }
    *tags = all;
    Ok(())
}

/// Removes the keys of an input; those that are not there are no error.
pub(super) fn remove(tags: &mut BTreeMap<String, String>, input: &Value) {
    for key in input["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if let Some(old) = same_key(tags, key) {
            tags.remove(&old);
        }
    }
}

/// Answers a page of tags.
pub(super) fn list(tags: &BTreeMap<String, String>, input: &Value) -> Answer {
    let mut answer = Map::new();
    let page = page(&mut answer, input, tags.iter().map(|(key, value)| (key.clone(), (key, value))))?;
    let page: Vec<Value> = page.into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    answer.insert("Tags".to_owned(), json!(page));
    Ok(Value::Object(answer))
}

/// Lists the resources that have tags and are listed by the Tagging API: instance profiles and customer managed
/// policies, but no roles.
pub(in crate::sandbox) fn tagged(account: &Account) -> impl Iterator<Item = Tagged<'_>> {
    let iam = &account.iam;
    let profiles = iam.profiles.values().map(|profile| Tagged {
        arn: Cow::Borrowed(&profile.arn),
        resource_type: "iam:instance-profile",
        tags: &profile.tags,
    });
    let policies = iam.policies.values().map(|policy| Tagged {
        arn: Cow::Borrowed(&policy.arn),
        resource_type: "iam:policy",
        tags: &policy.tags,
    });
    profiles.chain(policies)
}

/// Writes tags as they are in answers; null without tags.
pub(super) fn shown(tags: &BTreeMap<String, String>) -> Value {
    if tags.is_empty() {
        return Value::Null;
    }
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

fn same_key(tags: &BTreeMap<String, String>, key: &str) -> Option<String> {
    tags.keys().find(|old| old.to_lowercase() == key.to_lowercase()).cloned()
}
