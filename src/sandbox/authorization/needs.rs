//! A call, and the permissions that it needs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{backup, ec2, iam, ssm};
use crate::policy::{Keys, Request};
use crate::sandbox::account::Account;

/// A decoded call, and where it is made.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Call<'a> {
    pub(in crate::sandbox) access_key: &'a str,
    pub(in crate::sandbox) service: &'a str,
    pub(in crate::sandbox) operation: &'a str,
    pub(in crate::sandbox) input: &'a Value,
    pub(in crate::sandbox) account: &'a Account,
    pub(in crate::sandbox) account_id: &'a str,
    pub(in crate::sandbox) region: &'a str,
    pub(in crate::sandbox) partition: &'a str,
}

impl<'a> Call<'a> {
    pub(super) fn text(&self, member: &str) -> &'a str {
        self.input.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn list(&self, member: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.input.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Returns the ARN of a resource of the account in the region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account_id)
    }

    /// Needs the action of the operation's own name, on a resource.
    pub(super) fn own(&self, resource: impl Into<String>, keys: Keys) -> Need {
        Need::of(&format!("{}:{}", prefix(self.service), self.operation), resource, keys)
    }
}

/// One permission that a call needs, and its resource as error messages show it.
pub(super) struct Need {
    pub(super) request: Request,
    pub(super) shown: String,
}

impl Need {
    pub(super) fn of(action: &str, resource: impl Into<String>, keys: Keys) -> Self {
        let resource = resource.into();
        let shown = resource.clone();
        Self { request: Request { action: action.to_owned(), resource, keys }, shown }
    }

    /// Needs the permission to pass a role to a service.
    pub(super) fn pass_role(arn: &str, service: &str) -> Self {
        Self::of("iam:PassRole", arn, Keys::default().with("iam:PassedToService", service))
    }
}

/// Lists the permissions that a call needs, in the order in which AWS checks them.
pub(super) fn needs(call: &Call<'_>) -> Vec<Need> {
    match call.service {
        "iam" => iam::needs(call),
        "backup" => backup::needs(call),
        "ssm" => ssm::needs(call),
        "ec2" => ec2::needs(call),
        "kms" => vec![call.own(call.text("KeyId"), Keys::default())],
        // "No permissions are required to perform this operation. If an administrator attaches a policy that explicitly
        // denies access to the sts:GetCallerIdentity action, you can still perform this operation."
        "sts" => Vec::new(),
        _ => vec![call.own("*", Keys::default())],
    }
}

/// Returns the prefix of a service's actions.
pub(super) fn prefix(service: &str) -> &str {
    if service == "tagging" { "tag" } else { service }
}

/// Adds the tags in a request: `aws:RequestTag/KEY` and `aws:TagKeys`.
pub(super) fn request_tags<'a>(mut keys: Keys, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Keys {
    let mut names = Vec::new();
    for (name, value) in tags {
        keys.set(&format!("aws:RequestTag/{name}"), [value.to_owned()]);
        names.push(name.to_owned());
    }
    if !names.is_empty() {
        keys.set("aws:TagKeys", names);
    }
    keys
}

/// Adds the tags that a resource has; `prefix` is a service's own spelling of `aws:ResourceTag`.
pub(super) fn resource_tags(mut keys: Keys, prefix: &str, tags: Option<&BTreeMap<String, String>>) -> Keys {
    for (name, value) in tags.into_iter().flatten() {
        keys.set(&format!("aws:ResourceTag/{name}"), [value.clone()]);
        keys.set(&format!("{prefix}/{name}"), [value.clone()]);
    }
    keys
}

/// Reads the tags of an input as a list of `{Key, Value}`.
pub(super) fn tag_list<'a>(input: &'a Value, member: &str) -> Vec<(&'a str, &'a str)> {
    let text = |tag: &'a Value, member: &str| tag.get(member).and_then(Value::as_str).unwrap_or_default();
    let tags = input.get(member).and_then(Value::as_array).into_iter().flatten();
    tags.map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
}
