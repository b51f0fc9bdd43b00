//! The versions of a managed policy: there are at most five, and their numbers are never used again.

use serde_json::{Map, Value, json};

use super::documents::encoded;
use super::errors::{delete_conflict, limit_exceeded, no_version};
use super::input::text;
use super::model::{Policy, PolicyVersion};
use super::page::page;
use super::policies::{check_document, find, find_mut};
use crate::sandbox::account::{Answer, ApiError, Context, seconds};
use crate::sandbox::managed_policies;

/// `VersionsPerPolicyQuota`.
pub(super) const VERSIONS_QUOTA: usize = 5;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let document = text(input, "PolicyDocument");
    let now = context.now;
    let policy = find_mut(context, input, "CreatePolicyVersion")?;
    check_document(document)?;
    if policy.versions.len() >= VERSIONS_QUOTA {
        return Err(limit_exceeded(format!(
            "A managed policy can have up to {VERSIONS_QUOTA} versions. Before you create a new version, you must \
             delete an existing version."
        )));
    }
    let version = PolicyVersion { number: policy.next_version, document: document.to_owned(), created: now };
    policy.next_version += 1;
    policy.updated = now;
    if input["SetAsDefault"].as_bool().unwrap_or(false) {
        policy.default_version = version.number;
    }
    policy.versions.push(version.clone());
    Ok(json!({"PolicyVersion": listed(policy, &version)}))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = text(input, "VersionId");
    let policy = find(context, input)?;
    let version = policy.versions.iter().find(|version| version.id() == id);
    let version = version.ok_or_else(|| no_version(&policy.arn, id))?;
    if managed_policies::is_opaque(&policy) {
        let message = format!("The sandbox does not have the document of {}: what it allows is unknown.", policy.arn);
        return Err(ApiError::new(400, "NotImplemented", message));
    }
    Ok(json!({"PolicyVersion": full(&policy, version)}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let policy = find(context, input)?;
    // Newest first, so the keys of the pages count down.
    let versions = policy.versions.iter().rev().map(|version| (format!("{:010}", u32::MAX - version.number), version));
    let mut answer = Map::new();
    let page = page(&mut answer, input, versions)?;
    answer.insert("Versions".to_owned(), page.into_iter().map(|version| listed(&policy, version)).collect());
    Ok(Value::Object(answer))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = text(input, "VersionId");
    let policy = find_mut(context, input, "DeletePolicyVersion")?;
    let version = policy.versions.iter().position(|version| version.id() == id);
    let version = version.ok_or_else(|| no_version(&policy.arn, id))?;
    if policy.versions[version].number == policy.default_version {
        return Err(delete_conflict("Cannot delete the default version of a policy."));
    }
    policy.versions.remove(version);
    Ok(json!({}))
}

pub(super) fn set_default(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = text(input, "VersionId");
    let now = context.now;
    let policy = find_mut(context, input, "SetDefaultPolicyVersion")?;
    let version = policy.versions.iter().find(|version| version.id() == id);
    policy.default_version = version.ok_or_else(|| no_version(&policy.arn, id))?.number;
    policy.updated = now;
    Ok(json!({}))
}

/// Writes a version as the lists show it: without its document.
fn listed(policy: &Policy, version: &PolicyVersion) -> Value {
    json!({
        "VersionId": version.id(),
        "IsDefaultVersion": version.number == policy.default_version,
        "CreateDate": seconds(version.created),
    })
}

/// Writes a version with its document.
pub(super) fn full(policy: &Policy, version: &PolicyVersion) -> Value {
    let mut answer = listed(policy, version);
    answer["Document"] = json!(encoded(&version.document));
    answer
}
