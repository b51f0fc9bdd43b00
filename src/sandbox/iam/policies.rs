//! Managed policies: the account's own, and AWS's, which cannot be changed.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::documents::{check_identity, size};
use super::errors::{already_exists, delete_conflict, limit_exceeded, no_policy, not_yours};
use super::input::{path, text, under};
use super::model::{Iam, Policy, PolicyVersion};
use super::page::page;
use super::tags;
use crate::sandbox::account::{Answer, ApiError, Context, seconds};
use crate::sandbox::managed_policies;

/// `PolicySizeQuota`.
pub(super) const SIZE_QUOTA: usize = 6144;
/// `PoliciesQuota`.
pub(super) const POLICIES_QUOTA: usize = 1500;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let name = text(input, "PolicyName");
    let key = name.to_ascii_lowercase();
    let document = text(input, "PolicyDocument");
    let tags = tags::read(input)?;
    check_document(document)?;
    if context.account.iam.policies.contains_key(&key) {
        return Err(already_exists(format!("A policy called {name} already exists. Duplicate names are not allowed.")));
    }
    let quota = context.account.iam.quota("PoliciesQuota", POLICIES_QUOTA);
    if context.account.iam.policies.len() >= quota {
        return Err(limit_exceeded(format!("Cannot exceed quota for PoliciesPerAccount: {quota}")));
    }
    let path = path(input);
    let policy = Policy {
        name: name.to_owned(),
        arn: format!("arn:{}:iam::{}:policy{path}{name}", context.partition, context.account_id),
        path,
        id: context.unique_id("ANPA", 21),
        created: context.now,
        updated: context.now,
        description: input["Description"].as_str().filter(|text| !text.is_empty()).map(str::to_owned),
        versions: vec![PolicyVersion { number: 1, document: document.to_owned(), created: context.now }],
        default_version: 1,
        next_version: 2,
        tags,
    };
    let mut answer = listed(&context.account.iam, &policy);
    answer["Tags"] = tags::shown(&policy.tags);
    context.account.iam.policies.insert(key, policy);
    Ok(json!({"Policy": answer}))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let policy = find(context, input)?;
    let mut answer = listed(&context.account.iam, &policy);
    answer["Description"] = json!(policy.description);
    answer["Tags"] = tags::shown(&policy.tags);
    Ok(json!({"Policy": answer}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let scope = input["Scope"].as_str().unwrap_or("All");
    let attached_only = input["OnlyAttached"].as_bool().unwrap_or(false);
    let usage = input["PolicyUsageFilter"].as_str();
    let iam = &context.account.iam;
    let aws = managed_policies::all(context.partition);
    let mut policies: Vec<(String, &Policy)> = Vec::new();
    if scope != "Local" {
        policies.extend(aws.iter().map(|policy| (policy.arn.clone(), policy)));
    }
    if scope != "AWS" {
        policies.extend(iam.policies.values().map(|policy| (policy.arn.clone(), policy)));
    }
    policies.retain(|(_, policy)| {
        let used = match usage {
            Some("PermissionsPolicy") => attachments(iam, &policy.arn),
            Some("PermissionsBoundary") => boundaries(iam, &policy.arn),
            _ => attachments(iam, &policy.arn) + boundaries(iam, &policy.arn),
        };
        under(input, &policy.path) && (used > 0 || !attached_only && usage != Some("PermissionsBoundary"))
    });
    policies.sort_by(|a, b| a.0.cmp(&b.0));
    let mut answer = Map::new();
    let page = page(&mut answer, input, policies)?;
    answer.insert("Policies".to_owned(), page.into_iter().map(|policy| listed(iam, policy)).collect());
    Ok(Value::Object(answer))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let arn = text(input, "PolicyArn");
    let policy = find_mut(context, input, "DeletePolicy")?;
    if policy.versions.len() > 1 {
        return Err(delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
             The default version is deleted with the policy.",
        ));
    }
    let key = policy.name.to_ascii_lowercase();
    if is_used(&context.account.iam, arn) {
        return Err(delete_conflict("Cannot delete a policy attached to entities."));
    }
    context.account.iam.policies.remove(&key);
    Ok(json!({}))
}

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Answer {
    tags::add(&mut find_mut(context, input, "TagPolicy")?.tags, input)?;
    Ok(json!({}))
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Answer {
    tags::remove(&mut find_mut(context, input, "UntagPolicy")?.tags, input);
    Ok(json!({}))
}

pub(super) fn list_tags(context: &mut Context<'_>, input: &Value) -> Answer {
    tags::list(&find(context, input)?.tags, input)
}

/// Checks a managed policy's document and its size.
pub(super) fn check_document(document: &str) -> Result<(), ApiError> {
    check_identity(document)?;
    if size(document) > SIZE_QUOTA {
        return Err(limit_exceeded(format!("Cannot exceed quota for PolicySize: {SIZE_QUOTA}")));
    }
    Ok(())
}

/// Finds a policy of the account or of AWS.
pub(super) fn by_arn<'a>(context: &'a Context<'_>, arn: &str) -> Option<Cow<'a, Policy>> {
    if let Some(policy) = context.account.iam.policy_by_arn(arn) {
        return Some(Cow::Borrowed(policy));
    }
    managed_policies::by_arn(context.partition, arn).map(Cow::Owned)
}

/// Finds the policy that an input names.
pub(super) fn find<'a>(context: &'a Context<'_>, input: &Value) -> Result<Cow<'a, Policy>, ApiError> {
    let arn = text(input, "PolicyArn");
    by_arn(context, arn).ok_or_else(|| no_policy(arn))
}

/// Finds the policy that an input names, to change it.
pub(super) fn find_mut<'a>(
    context: &'a mut Context<'_>,
    input: &Value,
    operation: &str,
) -> Result<&'a mut Policy, ApiError> {
    let arn = text(input, "PolicyArn");
    if arn.split(':').nth(4) == Some("aws") {
        return Err(not_yours(context, operation, arn));
    }
    context.account.iam.policies.values_mut().find(|policy| policy.arn == arn).ok_or_else(|| no_policy(arn))
}

/// Writes a policy as the lists show it: without description and tags.
pub(super) fn listed(iam: &Iam, policy: &Policy) -> Value {
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": format!("v{}", policy.default_version),
        "AttachmentCount": attachments(iam, &policy.arn),
        "PermissionsBoundaryUsageCount": boundaries(iam, &policy.arn),
        "IsAttachable": true,
        "CreateDate": seconds(policy.created),
        "UpdateDate": seconds(policy.updated),
    })
}

fn attachments(iam: &Iam, arn: &str) -> usize {
    iam.roles.values().filter(|role| role.attached.contains(arn)).count()
}

/// Tells whether a role has a policy, as one of its policies or as its boundary.
pub(super) fn is_used(iam: &Iam, arn: &str) -> bool {
    attachments(iam, arn) + boundaries(iam, arn) > 0
}

fn boundaries(iam: &Iam, arn: &str) -> usize {
    iam.roles.values().filter(|role| role.boundary.as_deref() == Some(arn)).count()
}

/// Returns the name at the end of a policy's ARN.
pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Returns the path in a policy's ARN, with its slashes.
pub(super) fn path_of(arn: &str) -> &str {
    let start = arn.find('/').unwrap_or(arn.len());
    let end = arn.rfind('/').map_or(arn.len(), |slash| slash + 1);
    arn.get(start..end).unwrap_or("/")
}
