//! Instance profiles, each of which holds one role at most.

use serde_json::{Map, Value, json};

use super::documents::encoded;
use super::errors::{already_exists, delete_conflict, limit_exceeded, no_profile, no_such_entity};
use super::input::{path, text, under};
use super::model::{Iam, InstanceProfile};
use super::page::page;
use super::roles;
use super::tags;
use crate::sandbox::account::{Answer, ApiError, Context, seconds};

/// `InstanceProfilesQuota`.
pub(super) const PROFILES_QUOTA: usize = 1000;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let name = text(input, "InstanceProfileName");
    let key = name.to_ascii_lowercase();
    let tags = tags::read(input)?;
    if context.account.iam.profiles.contains_key(&key) {
        return Err(already_exists(format!("Instance Profile {name} already exists.")));
    }
    let quota = context.account.iam.quota("InstanceProfilesQuota", PROFILES_QUOTA);
    if context.account.iam.profiles.len() >= quota {
        return Err(limit_exceeded(format!("Cannot exceed quota for InstanceProfilesPerAccount: {quota}")));
    }
    let path = path(input);
    let profile = InstanceProfile {
        name: name.to_owned(),
        arn: format!("arn:{}:iam::{}:instance-profile{path}{name}", context.partition, context.account_id),
        path,
        id: context.unique_id("AIPA", 21),
        created: context.now,
        role: None,
        tags,
    };
    let answer = full(&context.account.iam, &profile);
    context.account.iam.profiles.insert(key, profile);
    Ok(json!({"InstanceProfile": answer}))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let iam = &context.account.iam;
    Ok(json!({"InstanceProfile": full(iam, find(iam, input)?)}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let iam = &context.account.iam;
    answer_list(iam, input, |profile| under(input, &profile.path))
}

pub(super) fn list_for_role(context: &mut Context<'_>, input: &Value) -> Answer {
    let iam = &context.account.iam;
    let role = roles::find(iam, input)?;
    answer_list(iam, input, |profile| profile.role.as_deref() == Some(&role.name))
}

fn answer_list(iam: &Iam, input: &Value, wanted: impl Fn(&InstanceProfile) -> bool) -> Answer {
    let profiles = iam.profiles.iter().filter(|(_, profile)| wanted(profile));
    let mut answer = Map::new();
    let page = page(&mut answer, input, profiles.map(|(key, profile)| (key.clone(), profile)))?;
    answer.insert("InstanceProfiles".to_owned(), page.into_iter().map(|profile| listed(iam, profile)).collect());
    Ok(Value::Object(answer))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    if find(&context.account.iam, input)?.role.is_some() {
        return Err(delete_conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    context.account.iam.profiles.remove(&text(input, "InstanceProfileName").to_ascii_lowercase());
    Ok(json!({}))
}

pub(super) fn add_role(context: &mut Context<'_>, input: &Value) -> Answer {
    find(&context.account.iam, input)?;
    let role = roles::find(&context.account.iam, input)?.name.clone();
    let profile = find_mut(context, input)?;
    if profile.role.is_some() {
        return Err(limit_exceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
    }
    profile.role = Some(role);
    Ok(json!({}))
}

pub(super) fn remove_role(context: &mut Context<'_>, input: &Value) -> Answer {
    find(&context.account.iam, input)?;
    let role = roles::find(&context.account.iam, input)?.name.clone();
    let profile = find_mut(context, input)?;
    if profile.role.as_deref() != Some(&role) {
        return Err(no_such_entity(format!(
            "The role with name {role} cannot be found in instance profile {}.",
            profile.name
        )));
    }
    profile.role = None;
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

fn find<'a>(iam: &'a Iam, input: &Value) -> Result<&'a InstanceProfile, ApiError> {
    let name = text(input, "InstanceProfileName");
    iam.profile(name).ok_or_else(|| no_profile(name))
}

fn find_mut<'a>(context: &'a mut Context<'_>, input: &Value) -> Result<&'a mut InstanceProfile, ApiError> {
    let name = text(input, "InstanceProfileName");
    let found = context.account.iam.profiles.get_mut(&name.to_ascii_lowercase());
    found.filter(|profile| profile.name == name).ok_or_else(|| no_profile(name))
}

/// Writes a profile as the lists show it: with its role, without its tags.
pub(super) fn listed(iam: &Iam, profile: &InstanceProfile) -> Value {
    let role = profile.role.as_deref().and_then(|name| iam.role(name));
    let roles: Vec<Value> = role
        .into_iter()
        .map(|role| {
            json!({
                "Path": role.path,
                "RoleName": role.name,
                "RoleId": role.id,
                "Arn": role.arn,
                "CreateDate": seconds(role.created),
                "AssumeRolePolicyDocument": encoded(&role.trust),
            })
        })
        .collect();
    json!({
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": seconds(profile.created),
        "Roles": roles,
    })
}

fn full(iam: &Iam, profile: &InstanceProfile) -> Value {
    let mut answer = listed(iam, profile);
    answer["Tags"] = tags::shown(&profile.tags);
    answer
}
