//! A role's inline policies.

use serde_json::{Map, Value, json};

use super::documents::{check_identity, encoded, size};
use super::errors::{limit_exceeded, no_such_entity};
use super::input::text;
use super::page::page;
use super::roles::{find, find_mut};
use crate::sandbox::account::{Answer, ApiError, Context};

/// `RolePolicySizeQuota`: all inline policies of a role together.
pub(super) const INLINE_QUOTA: usize = 10_240;

pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Answer {
    let role = find_mut(context, input)?;
    let (name, document) = (text(input, "PolicyName"), text(input, "PolicyDocument"));
    check_identity(document)?;
    let others: usize = role.inline.iter().filter(|(other, _)| *other != name).map(|(_, other)| size(other)).sum();
    if others + size(document) > INLINE_QUOTA {
        return Err(limit_exceeded(format!(
            "Maximum policy size of {INLINE_QUOTA} bytes exceeded for role {}",
            role.name
        )));
    }
    role.inline.insert(name.to_owned(), document.to_owned());
    Ok(json!({}))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let role = find(&context.account.iam, input)?;
    let name = text(input, "PolicyName");
    let document = role.inline.get(name).ok_or_else(|| missing(name))?;
    Ok(json!({"RoleName": role.name, "PolicyName": name, "PolicyDocument": encoded(document)}))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let name = text(input, "PolicyName");
    find_mut(context, input)?.inline.remove(name).ok_or_else(|| missing(name))?;
    Ok(json!({}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let role = find(&context.account.iam, input)?;
    let mut answer = Map::new();
    let names = page(&mut answer, input, role.inline.keys().map(|name| (name.clone(), name)))?;
    answer.insert("PolicyNames".to_owned(), json!(names));
    Ok(Value::Object(answer))
}

fn missing(name: &str) -> ApiError {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}
