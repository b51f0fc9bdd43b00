//! The tags of associations and parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::input::{items, refusal, required, texts};
use crate::sandbox::account::{Answer, ApiError, Context, Region, Tagged};

/// Reads a list of tags and checks what the model cannot say. `code` is the operation's error for bad tags.
pub(super) fn read(input: &Value, code: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in items(input, "Tags") {
        let (key, value) = (required(tag, "Key"), required(tag, "Value"));
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(refusal(code, "aws: prefixed tag key names are not allowed for external use."));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(refusal(code, format!("Duplicate tag key {key}")));
        }
    }
    if tags.len() > 50 {
        return Err(refusal("TooManyTagsError", "A resource can have at most 50 tags."));
    }
    Ok(tags)
}

fn of<'a>(context: &'a mut Context<'_>, input: &Value) -> Result<&'a mut BTreeMap<String, String>, ApiError> {
    let id = required(input, "ResourceId");
    let ssm = &mut context.region_mut().ssm;
    let tags = match required(input, "ResourceType") {
        "Association" => ssm.associations.get_mut(id).map(|association| &mut association.tags),
        "Parameter" => ssm.parameters.get_mut(id).map(|parameter| &mut parameter.tags),
        // Documents are AWS's own, and nodes are EC2 instances, which are tagged in EC2. Other types are not simulated,
        // so that no such resource exists.
        _ => None,
    };
    tags.ok_or_else(|| {
        refusal(
            "InvalidResourceId",
            "The resource ID is not valid. Verify that you entered the correct ID and try again.",
        )
    })
}

pub(super) fn add(context: &mut Context<'_>, input: &Value) -> Answer {
    let new = read(input, "ValidationException")?;
    let tags = of(context, input)?;
    let mut after = tags.clone();
    after.extend(new);
    if after.len() > 50 {
        return Err(refusal("TooManyTagsError", "A resource can have at most 50 tags."));
    }
    *tags = after;
    Ok(json!({}))
}

pub(super) fn remove(context: &mut Context<'_>, input: &Value) -> Answer {
    let tags = of(context, input)?;
    for key in texts(input, "TagKeys") {
        tags.remove(&key);
    }
    Ok(json!({}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let tags = of(context, input)?;
    let list: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "TagList": list }))
}

/// Lists the resources that have tags: associations and parameters.
pub(in crate::sandbox) fn tagged(region: &Region) -> impl Iterator<Item = Tagged<'_>> {
    let associations = region.ssm.associations.values().map(|one| (&one.arn, "ssm:association", &one.tags));
    let parameters = region.ssm.parameters.values().map(|one| (&one.arn, "ssm:parameter", &one.tags));
    associations.chain(parameters).map(|(arn, resource_type, tags)| Tagged {
        arn: Cow::Borrowed(arn),
        resource_type,
        tags,
    })
}
