//! Managed policies on roles: attached, and as permissions boundary.

use serde_json::{Map, Value, json};

use super::errors::{limit_exceeded, no_policy, no_such_entity};
use super::input::{text, under};
use super::model::Role;
use super::page::page;
use super::policies::{self, name_of, path_of};
use super::roles::{find, find_mut};
use crate::sandbox::account::{Answer, ApiError, Context};

/// `AttachedPoliciesPerRoleQuota`.
pub(super) const ATTACHED_QUOTA: usize = 10;

pub(super) fn attach(context: &mut Context<'_>, input: &Value) -> Answer {
    find(&context.account.iam, input)?;
    let arn = text(input, "PolicyArn");
    if policies::by_arn(context, arn).is_none() {
        return Err(no_such_entity(format!("Policy {arn} does not exist or is not attachable.")));
    }
    let role = find_mut(context, input)?;
    // Attaching a policy that is attached already is no error.
    if !role.attached.contains(arn) && role.attached.len() >= ATTACHED_QUOTA {
        return Err(limit_exceeded(format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_QUOTA}")));
    }
    role.attached.insert(arn.to_owned());
    Ok(json!({}))
}

pub(super) fn detach(context: &mut Context<'_>, input: &Value) -> Answer {
    let arn = text(input, "PolicyArn");
    let role = find_mut(context, input)?;
    if role.attached.remove(arn) { Ok(json!({})) } else { Err(no_policy(arn)) }
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let role = find(&context.account.iam, input)?;
    let attached = role.attached.iter().filter(|arn| under(input, path_of(arn)));
    let mut answer = Map::new();
    let page = page(&mut answer, input, attached.map(|arn| (arn.clone(), arn)))?;
    answer.insert("AttachedPolicies".to_owned(), page.into_iter().map(|arn| shown(arn)).collect());
    Ok(Value::Object(answer))
}

/// Only roles can have policies here: there are no users and no groups.
pub(super) fn entities(context: &mut Context<'_>, input: &Value) -> Answer {
    let arn = text(input, "PolicyArn");
    policies::by_arn(context, arn).ok_or_else(|| no_policy(arn))?;
    let wanted = input["EntityFilter"].as_str();
    let usage = input["PolicyUsageFilter"].as_str();
    let holds = |role: &Role| match usage {
        Some("PermissionsPolicy") => role.attached.contains(arn),
        Some("PermissionsBoundary") => role.boundary.as_deref() == Some(arn),
        _ => role.attached.contains(arn) || role.boundary.as_deref() == Some(arn),
    };
    let roles = context
        .account
        .iam
        .roles
        .iter()
        .filter(|(_, role)| matches!(wanted, None | Some("Role")) && under(input, &role.path) && holds(role));
    let mut answer = Map::new();
    let page = page(&mut answer, input, roles.map(|(key, role)| (key.clone(), role)))?;
    let page: Vec<Value> = page.into_iter().map(|role| json!({"RoleName": role.name, "RoleId": role.id})).collect();
    answer.insert("PolicyRoles".to_owned(), json!(page));
    answer.insert("PolicyUsers".to_owned(), json!([]));
    answer.insert("PolicyGroups".to_owned(), json!([]));
    Ok(Value::Object(answer))
}

pub(super) fn put_boundary(context: &mut Context<'_>, input: &Value) -> Answer {
    find(&context.account.iam, input)?;
    let arn = text(input, "PermissionsBoundary");
    check_boundary(context, arn)?;
    find_mut(context, input)?.boundary = Some(arn.to_owned());
    Ok(json!({}))
}

pub(super) fn delete_boundary(context: &mut Context<'_>, input: &Value) -> Answer {
    find_mut(context, input)?.boundary = None;
    Ok(json!({}))
}

/// A boundary must be a managed policy that exists.
pub(super) fn check_boundary(context: &Context<'_>, arn: &str) -> Result<(), ApiError> {
    if policies::by_arn(context, arn).is_some() {
        return Ok(());
    }
    Err(no_such_entity(format!("Scope ARN: {arn} does not exist or is not attachable.")))
}

/// Writes an attached policy as it is in answers.
pub(super) fn shown(arn: &str) -> Value {
    json!({"PolicyName": name_of(arn), "PolicyArn": arn})
}

/// Writes a role's boundary as it is in answers.
pub(super) fn shown_boundary(role: &Role) -> Value {
    role.boundary.as_ref().map_or(
        Value::Null,
        |arn| json!({"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}),
    )
}
