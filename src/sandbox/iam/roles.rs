//! Roles.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::documents::{check_trust, encoded, size};
use super::errors::{already_exists, delete_conflict, limit_exceeded, no_role};
use super::input::{path, text, under};
use super::model::{Iam, Role};
use super::page::page;
use super::{attachments, tags};
use crate::sandbox::account::{Answer, ApiError, Context, seconds};

/// `AssumeRolePolicySizeQuota`.
pub(super) const TRUST_QUOTA: usize = 2048;
/// `RolesQuota`.
pub(super) const ROLES_QUOTA: usize = 1000;
const DEFAULT_SESSION: i64 = 3600;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let name = text(input, "RoleName");
    let key = name.to_ascii_lowercase();
    let trust = text(input, "AssumeRolePolicyDocument");
    let tags = tags::read(input)?;
    check_document(context, trust)?;
    let boundary = input["PermissionsBoundary"].as_str();
    if let Some(arn) = boundary {
        attachments::check_boundary(context, arn)?;
    }
    // Names are unique ignoring case, whatever the path.
    if context.account.iam.roles.contains_key(&key) {
        return Err(already_exists(format!("Role with name {name} already exists.")));
    }
    let quota = context.account.iam.quota("RolesQuota", ROLES_QUOTA);
    if context.account.iam.roles.len() >= quota {
        return Err(limit_exceeded(format!("Cannot exceed quota for RolesPerAccount: {quota}")));
    }
    let path = path(input);
    let role = Role {
        name: name.to_owned(),
        arn: format!("arn:{}:iam::{}:role{path}{name}", context.partition, context.account_id),
        path,
        id: context.unique_id("AROA", 21),
        created: context.now,
        trust: trust.to_owned(),
        description: description(input),
        max_session_duration: input["MaxSessionDuration"].as_i64().unwrap_or(DEFAULT_SESSION),
        boundary: boundary.map(str::to_owned),
        attached: BTreeSet::new(),
        inline: BTreeMap::new(),
        tags,
    };
    let answer = full(&role);
    context.account.iam.roles.insert(key, role);
    Ok(json!({"Role": answer}))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let role = find(&context.account.iam, input)?;
    let mut answer = full(role);
    answer["RoleLastUsed"] = json!({});
    Ok(json!({"Role": answer}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let roles = context.account.iam.roles.iter().filter(|(_, role)| under(input, &role.path));
    let mut answer = Map::new();
    let page = page(&mut answer, input, roles.map(|(key, role)| (key.clone(), role)))?;
    answer.insert("Roles".to_owned(), page.into_iter().map(listed).collect());
    Ok(Value::Object(answer))
}

/// A description that is left out stays; a session duration that is left out becomes one hour again, as the API
/// reference says.
pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Answer {
    let role = find_mut(context, input)?;
    if input.get("Description").is_some_and(Value::is_string) {
        role.description = description(input);
    }
    role.max_session_duration = input["MaxSessionDuration"].as_i64().unwrap_or(DEFAULT_SESSION);
    Ok(json!({}))
}

pub(super) fn update_description(context: &mut Context<'_>, input: &Value) -> Answer {
    let role = find_mut(context, input)?;
    role.description = description(input);
    Ok(json!({"Role": listed(role)}))
}

pub(super) fn update_trust(context: &mut Context<'_>, input: &Value) -> Answer {
    let trust = text(input, "PolicyDocument");
    find(&context.account.iam, input)?;
    check_document(context, trust)?;
    trust.clone_into(&mut find_mut(context, input)?.trust);
    Ok(json!({}))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let role = find(&context.account.iam, input)?;
    let held = context.account.iam.profiles.values().any(|profile| profile.role.as_deref() == Some(&role.name));
    if held {
        return Err(delete_conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    if !role.attached.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must delete policies first."));
    }
    context.account.iam.roles.remove(&text(input, "RoleName").to_ascii_lowercase());
    Ok(json!({}))
}

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Answer {
    tags::add(&mut find_mut(context, input)?.tags, input)?;
    Ok(json!({}))
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Answer {
    tags::remove(&mut find_mut(context, input)?.tags, input);
    Ok(json!({}))
}

pub(super) fn list_tags(context: &mut Context<'_>, input: &Value) -> Answer {
    tags::list(&find(&context.account.iam, input)?.tags, input)
}

/// Finds the role that an input names.
pub(super) fn find<'a>(iam: &'a Iam, input: &Value) -> Result<&'a Role, ApiError> {
    let name = text(input, "RoleName");
    iam.role(name).ok_or_else(|| no_role(name))
}

/// Finds the role that an input names, to change it.
pub(super) fn find_mut<'a>(context: &'a mut Context<'_>, input: &Value) -> Result<&'a mut Role, ApiError> {
    let name = text(input, "RoleName");
    let found = context.account.iam.roles.get_mut(&name.to_ascii_lowercase());
    found.filter(|role| role.name == name).ok_or_else(|| no_role(name))
}

fn check_document(context: &Context<'_>, trust: &str) -> Result<(), ApiError> {
    check_trust(context, trust)?;
    if size(trust) > TRUST_QUOTA {
        return Err(limit_exceeded(format!("Cannot exceed quota for ACLSizePerRole: {TRUST_QUOTA}")));
    }
    Ok(())
}

/// Reads a description; an empty one counts as absent.
fn description(input: &Value) -> Option<String> {
    input["Description"].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Writes a role as the lists show it: without boundary, tags and last use.
pub(super) fn listed(role: &Role) -> Value {
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": seconds(role.created),
        "AssumeRolePolicyDocument": encoded(&role.trust),
        "Description": role.description,
        "MaxSessionDuration": role.max_session_duration,
    })
}

fn full(role: &Role) -> Value {
    let mut answer = listed(role);
    answer["PermissionsBoundary"] = attachments::shown_boundary(role);
    answer["Tags"] = tags::shown(&role.tags);
    answer
}
