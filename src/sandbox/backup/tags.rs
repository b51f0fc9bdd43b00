//! The tags of vaults, plans and restore testing plans.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::input::{invalid, not_found, nothing, required};
use crate::sandbox::account::{Answer, ApiError, Context, Region, Tagged};
use crate::sandbox::made;

/// Reads a map of tags and checks it.
pub(super) fn read(tags: Option<&Value>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut read = BTreeMap::new();
    for (key, value) in tags.and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let allowed = |letter: char| letter.is_alphanumeric() || letter.is_whitespace() || "_.:/=+-@".contains(letter);
        if !(1..=128).contains(&key.chars().count())
            || value.chars().count() > 256
            || !key.chars().chain(value.chars()).all(allowed)
        {
            return Err(invalid(format!("Tag key '{key}' or its value does not meet the tag restrictions")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys that start with 'aws:' are reserved for system use"));
        }
        read.insert(key.clone(), value.to_owned());
    }
    if read.len() > 50 {
        return Err(invalid("A resource can have at most 50 tags"));
    }
    Ok(read)
}

fn of<'a>(context: &'a mut Context<'_>, arn: &str) -> Result<&'a mut BTreeMap<String, String>, ApiError> {
    if !arn.starts_with("arn:") || arn.split(':').count() < 7 {
        return Err(invalid(format!("Invalid ARN '{arn}'")));
    }
    let backup = &mut context.region_mut().backup;
    if let Some(vault) = backup.vaults.values_mut().find(|vault| vault.arn == arn) {
        return Ok(&mut vault.tags);
    }
    if let Some(plan) = backup.restore_testing.values_mut().find(|plan| plan.arn == arn) {
        return Ok(&mut plan.tags);
    }
    let plan = backup.plans.values_mut().find(|plan| plan.arn == arn && plan.deleted.is_none());
    plan.map(|plan| &mut plan.tags).ok_or_else(|| not_found(format!("Resource {arn} cannot be found")))
}

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Answer {
    let new = read(input.get("Tags"))?;
    let tags = of(context, required(input, "ResourceArn"))?;
    let mut after = tags.clone();
    after.extend(new);
    if after.len() > 50 {
        return Err(ApiError::new(400, "LimitExceededException", "A resource can have at most 50 tags"));
    }
    *tags = after;
    Ok(nothing())
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Answer {
    let tags = of(context, required(input, "ResourceArn"))?;
    for key in input.get("TagKeyList").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        tags.remove(key);
    }
    Ok(nothing())
}

/// Lists tags. `Tags` is a map, so that the pages are cut from its keys.
pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let arn = required(input, "ResourceArn").to_owned();
    let tags = of(context, &arn)?.clone();
    let size =
        input.get("MaxResults").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok()).unwrap_or(1000);
    let items = tags.keys().map(|key| (key.clone(), Value::from(key.as_str()))).collect();
    let token = input.get("NextToken").and_then(Value::as_str);
    let page = made::page(&format!("ListTags/{arn}"), items, size, token)
        .ok_or_else(|| invalid("Invalid token provided for pagination"))?;
    let chosen: BTreeMap<&str, &String> =
        page.items.iter().filter_map(Value::as_str).map(|key| (key, &tags[key])).collect();
    let mut answer = json!({ "Tags": chosen });
    if let Some(next) = page.next {
        answer["NextToken"] = Value::from(next);
    }
    Ok(answer)
}

/// Lists the resources that have tags: vaults, restore testing plans, and plans that are not deleted.
pub(in crate::sandbox) fn tagged(region: &Region) -> impl Iterator<Item = Tagged<'_>> {
    let vaults = region.backup.vaults.values().map(|vault| (&vault.arn, "backup:backup-vault", &vault.tags));
    let living = region.backup.plans.values().filter(|plan| plan.deleted.is_none());
    let plans = living.map(|plan| (&plan.arn, "backup:backup-plan", &plan.tags));
    let tests = region.backup.restore_testing.values();
    let tests = tests.map(|plan| (&plan.arn, "backup:restore-testing-plan", &plan.tags));
    vaults.chain(plans).chain(tests).map(|(arn, resource_type, tags)| Tagged {
        arn: Cow::Borrowed(arn),
        resource_type,
        tags,
    })
}
