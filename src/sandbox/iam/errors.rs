//! IAM's errors in IAM's words.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::sandbox::account::{ApiError, Context};
use crate::sandbox::sts;

pub(super) fn no_such_entity(message: impl Into<String>) -> ApiError {
    ApiError::new(404, "NoSuchEntity", message)
}

pub(super) fn no_role(name: &str) -> ApiError {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

pub(super) fn no_profile(name: &str) -> ApiError {
    no_such_entity(format!("Instance Profile {name} cannot be found."))
}

pub(super) fn no_policy(arn: &str) -> ApiError {
    no_such_entity(format!("Policy {arn} was not found."))
}

pub(super) fn no_version(arn: &str, version: &str) -> ApiError {
    no_such_entity(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

pub(super) fn already_exists(message: impl Into<String>) -> ApiError {
    ApiError::new(409, "EntityAlreadyExists", message)
}

pub(super) fn delete_conflict(message: &str) -> ApiError {
    ApiError::new(409, "DeleteConflict", message)
}

pub(super) fn limit_exceeded(message: impl Into<String>) -> ApiError {
    ApiError::new(409, "LimitExceeded", message)
}

pub(super) fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "MalformedPolicyDocument", message)
}

pub(super) fn validation(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationError", message)
}

pub(super) fn invalid_input(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidInput", message)
}

/// AWS's own policies belong to no account, and no account may change them.
pub(super) fn not_yours(context: &Context<'_>, operation: &str, arn: &str) -> ApiError {
    let caller = sts::caller_arn(context.partition, context.account_id);
    ApiError::new(
        403,
        "AccessDenied",
        format!("User: {caller} is not authorized to perform: iam:{operation} on resource: policy {arn}"),
    )
}

/// Checks the characters of names and paths, for which IAM has messages of its own instead of the pattern.
pub(super) fn check_characters(input: &Value) -> Result<(), ApiError> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A[A-Za-z0-9_+=,.@-]*\z").expect("a constant"));
    static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A(/|/[\x21-\x7E]+/)\z").expect("a constant"));
    static PREFIX: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A/[\x21-\x7E]*\z").expect("a constant"));
    for (member, shown) in
        [("RoleName", "roleName"), ("PolicyName", "policyName"), ("InstanceProfileName", "instanceProfileName")]
    {
        if input[member].as_str().is_some_and(|name| !NAME.is_match(name)) {
            return Err(validation(format!(
                "The specified value for {shown} is invalid. It must contain only alphanumeric characters and/or the \
                 following: +=,.@_-"
            )));
        }
    }
    if input["Path"].as_str().is_some_and(|path| !PATH.is_match(path)) {
        return Err(validation(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters.",
        ));
    }
    if input["PathPrefix"].as_str().is_some_and(|prefix| !PREFIX.is_match(prefix)) {
        return Err(validation(
            "The specified value for pathPrefix is invalid. It must begin with the / character and contain only \
             alphanumeric characters and/or / characters.",
        ));
    }
    Ok(())
}
