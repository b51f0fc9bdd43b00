//! The Resource Groups Tagging API: one list of all resources in a region that have tags.

use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_types::base64;
use serde_json::{Value, json};

use super::account::{Answer, ApiError, Context, Tagged};
use super::wire::model::Model;
use super::wire::validate::validate;
use super::{backup, ec2, iam, ssm};
use crate::model::partition::Partition;

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &["GetResources", "GetTagKeys", "GetTagValues"];

/// The number of resources that `GetResources` returns when it is not asked for a number.
const DEFAULT_PAGE: usize = 50;
/// The number of keys or values on a page.
const VALUES_PAGE: usize = 100;

/// Performs one operation.
pub(super) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    let model = Model::of("tagging").expect("the sandbox has the Tagging API's model");
    if let Some(shape) = model.operations.get(operation).and_then(|described| described.input.as_ref()) {
        validate(model, shape, input).map_err(|error| invalid(&error.message))?;
    }
    let tagged = tagged(context);
    match operation {
        "GetResources" => resources(tagged, input),
        "GetTagKeys" => {
            let keys: BTreeSet<String> = tagged.into_iter().flat_map(|one| one.tags.keys().cloned()).collect();
            names(keys, input, "TagKeys")
        }
        "GetTagValues" => {
            let key = input["Key"].as_str().unwrap_or_default();
            let values: BTreeSet<String> = tagged.into_iter().filter_map(|one| one.tags.get(key).cloned()).collect();
            names(values, input, "TagValues")
        }
        _ => Err(ApiError::new(400, "UnknownOperationException", "")),
    }
}

/// Lists the resources with tags in the region, sorted by ARN. IAM is global and listed in one region of each partition
/// only.
fn tagged<'a>(context: &'a mut Context<'_>) -> Vec<Tagged<'a>> {
    context.region_mut();
    let mut all = Vec::new();
    if context.region == Partition::of(context.region).iam_region() {
        all.extend(iam::tagged(context.account));
    }
    let region = &context.account.regions[context.region];
    all.extend(ssm::tagged(region));
    all.extend(backup::tagged(region));
    all.extend(ec2::tagged(region, context.partition, context.region, context.account_id));
    all.retain(|one| !one.tags.is_empty());
    all.sort_by(|one, other| one.arn.cmp(&other.arn));
    all
}

fn resources(tagged: Vec<Tagged<'_>>, input: &Value) -> Answer {
    let arns = texts(&input["ResourceARNList"]);
    let types = texts(&input["ResourceTypeFilters"]);
    let filters = input["TagFilters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let limit = match input["ResourcesPerPage"].as_u64() {
        None => DEFAULT_PAGE,
        Some(count @ 1..=100) => usize::try_from(count).unwrap_or(DEFAULT_PAGE),
        Some(_) => return Err(invalid("ResourcesPerPage must be between 1 and 100")),
    };
    if input["ResourcesPerPage"].as_i64().is_some_and(|count| count < 1) {
        return Err(invalid("ResourcesPerPage must be between 1 and 100"));
    }
    if input.get("ResourceARNList").is_some() {
        // DOC GetResources: "If you use this parameter, you can't use any others", those of pages included.
        let others = ["ResourceTypeFilters", "TagFilters", "PaginationToken", "ResourcesPerPage", "TagsPerPage"];
        if others.iter().any(|other| given(&input[*other])) {
            return Err(invalid("ResourceARNList cannot be used together with any other parameter"));
        }
        if arns.len() > 100 {
            return Err(invalid("ResourceARNList can have at most 100 ARNs"));
        }
    }
    if filters.len() > 50 {
        return Err(invalid("TagFilters can have at most 50 filters"));
    }
    let matching = tagged.into_iter().filter(|one| {
        (arns.is_empty() || arns.contains(&one.arn.as_ref()))
            && (types.is_empty() || types.iter().any(|wanted| is_of_type(one, wanted)))
            && filters.iter().all(|filter| carries(one, filter))
    });
    let limit = if arns.is_empty() { limit } else { 100 };
    let (page, token) = page(matching.map(|one| (one.arn.clone(), one)), limit, input)?;
    let mappings: Vec<Value> =
        page.into_iter().map(|one| json!({"ResourceARN": one.arn, "Tags": tag_list(one.tags)})).collect();
    Ok(json!({"PaginationToken": token, "ResourceTagMappingList": mappings}))
}

fn names(names: BTreeSet<String>, input: &Value, member: &str) -> Answer {
    let (page, token) = page(names.into_iter().map(|name| (name.clone(), name)), VALUES_PAGE, input)?;
    Ok(json!({"PaginationToken": token, member: page}))
}

/// Cuts one page out of items sorted by key. The token of the last page is empty, as AWS's is.
fn page<K: AsRef<str>, T>(
    items: impl Iterator<Item = (K, T)>,
    limit: usize,
    input: &Value,
) -> Result<(Vec<T>, String), ApiError> {
    let after = match input["PaginationToken"].as_str() {
        None | Some("") => None,
        Some(token) => {
            Some(base64::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
                ApiError::new(400, "PaginationTokenExpiredException", "The pagination token is not valid or expired.")
            })?)
        }
    };
    let mut rest = items.filter(|(key, _)| after.as_ref().is_none_or(|after| key.as_ref() > after.as_str())).peekable();
    let mut page = Vec::new();
    let mut last = None;
    while page.len() < limit
        && let Some((key, item)) = rest.next()
    {
        page.push(item);
        last = Some(key);
    }
    let next = last.filter(|_| rest.peek().is_some());
    let token = next.map(|key| base64::encode(key.as_ref())).unwrap_or_default();
    Ok((page, token))
}

/// Tells whether a resource is of a type; `backup` stands for all types of that service.
fn is_of_type(one: &Tagged<'_>, wanted: &str) -> bool {
    one.resource_type == wanted || one.resource_type.split(':').next() == Some(wanted)
}

/// Tells whether a resource passes a filter. A filter without values asks for the key only; several values are
/// alternatives.
fn carries(one: &Tagged<'_>, filter: &Value) -> bool {
    let Some(value) = one.tags.get(filter["Key"].as_str().unwrap_or_default()) else { return false };
    let wanted = texts(&filter["Values"]);
    wanted.is_empty() || wanted.contains(&value.as_str())
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn given(value: &Value) -> bool {
    !matches!(value, Value::Null) && value.as_str() != Some("")
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "InvalidParameterException", message)
}
