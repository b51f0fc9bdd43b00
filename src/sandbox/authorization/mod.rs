//! What a request needs: which IAM actions, on which resources, with which condition keys; and whether the policies of
//! its access key allow all of that.
//!
//! From the Service Authorization Reference (the tables of actions, resources and condition keys of IAM, AWS Backup, AWS
//! Backup Storage, Systems Manager, EC2, Resource Groups Tagging), the access control page of the AWS Backup guide, and "Tagging
//! IAM resources" for tags in creating calls. An access key without policies may do everything.

mod backup;
mod ec2;
mod iam;
mod ssm;

use std::collections::BTreeMap;

use serde_json::Value;

use super::account::{Account, ApiError};
use super::sts;
use super::wire::model::{Model, Protocol};
use crate::policy::{Decision, Keys, Policies, Request};

/// One thing that a request needed, and whether its access key had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Who asked.
    pub access_key: String,
    /// The operation that needed it, such as `iam:AddRoleToInstanceProfile`.
    pub operation: String,
    /// The action, resource and condition keys, such as `iam:PassRole` on a role.
    pub request: Request,
    /// What the policies said.
    pub decision: Decision,
}

/// The policies of the access keys that have some, and what they were asked.
#[derive(Debug, Default)]
pub(super) struct Restrictions {
    policies: BTreeMap<String, Policies>,
    asked: Vec<Authorization>,
}

impl Restrictions {
    pub(super) fn set(&mut self, access_key: &str, policies: Policies) {
        self.policies.insert(access_key.to_owned(), policies);
    }

    pub(super) fn lift(&mut self, access_key: &str) {
        self.policies.remove(access_key);
    }

    pub(super) fn apply_to(&self, access_key: &str) -> bool {
        self.policies.contains_key(access_key)
    }

    pub(super) fn asked(&self) -> &[Authorization] {
        &self.asked
    }

    pub(super) fn forget(&mut self) {
        self.asked.clear();
    }

    /// Lets a call pass, or refuses it in the service's own words. Everything it needs is remembered up to the first
    /// refusal, as AWS stops there.
    pub(super) fn admit(&mut self, call: &Call<'_>) -> Result<(), ApiError> {
        let Some(policies) = self.policies.get(call.access_key) else { return Ok(()) };
        for Need { request, shown } in needs(call) {
            let decision = policies.decide(&request);
            let refusal = refusal(call, &request, &shown, decision);
            self.asked.push(Authorization {
                access_key: call.access_key.to_owned(),
                operation: format!("{}:{}", prefix(call.service), call.operation),
                request,
                decision,
            });
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
        }
        Ok(())
    }
}

/// A call whose protocol has been taken off, and where it is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) access_key: &'a str,
    pub(super) service: &'a str,
    pub(super) operation: &'a str,
    pub(super) input: &'a Value,
    pub(super) account: &'a Account,
    pub(super) account_id: &'a str,
    pub(super) region: &'a str,
    pub(super) partition: &'a str,
}

impl<'a> Call<'a> {
    fn text(&self, member: &str) -> &'a str {
        self.input.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    fn list(&self, member: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.input.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The ARN of a thing of the account in the region.
    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account_id)
    }

    /// The service's own action of the operation, on a resource.
    fn own(&self, resource: impl Into<String>, keys: Keys) -> Need {
        Need::of(&format!("{}:{}", prefix(self.service), self.operation), resource, keys)
    }
}

/// One thing that a call needs, and its resource as error messages show it.
struct Need {
    request: Request,
    shown: String,
}

impl Need {
    fn of(action: &str, resource: impl Into<String>, keys: Keys) -> Self {
        let resource = resource.into();
        let shown = resource.clone();
        Self { request: Request { action: action.to_owned(), resource, keys }, shown }
    }

    /// The leave to hand a role to a service.
    fn pass_role(arn: &str, service: &str) -> Self {
        Self::of("iam:PassRole", arn, Keys::default().with("iam:PassedToService", service))
    }
}

/// Lists what a call needs, in the order in which AWS asks.
fn needs(call: &Call<'_>) -> Vec<Need> {
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

/// The prefix of a service's actions.
fn prefix(service: &str) -> &str {
    if service == "tagging" { "tag" } else { service }
}

/// Adds the tags that a request brings: `aws:RequestTag/KEY` and `aws:TagKeys`.
fn request_tags<'a>(mut keys: Keys, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Keys {
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

/// Adds the tags that a thing has; `prefix` is a service's own spelling of `aws:ResourceTag`.
fn resource_tags(mut keys: Keys, prefix: &str, tags: Option<&BTreeMap<String, String>>) -> Keys {
    for (name, value) in tags.into_iter().flatten() {
        keys.set(&format!("aws:ResourceTag/{name}"), [value.clone()]);
        keys.set(&format!("{prefix}/{name}"), [value.clone()]);
    }
    keys
}

/// The tags of an input that is a list of `{Key, Value}`.
fn tag_list<'a>(input: &'a Value, member: &str) -> Vec<(&'a str, &'a str)> {
    let text = |tag: &'a Value, member: &str| tag.get(member).and_then(Value::as_str).unwrap_or_default();
    let tags = input.get(member).and_then(Value::as_array).into_iter().flatten();
    tags.map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
}

/// Words a refusal as the service does; `None` where there is none.
fn refusal(call: &Call<'_>, request: &Request, shown: &str, decision: Decision) -> Option<ApiError> {
    let Request { action, .. } = request;
    let why = match decision {
        Decision::Allowed => return None,
        Decision::ImplicitDeny => format!("because no identity-based policy allows the {action} action"),
        Decision::ExplicitDeny => "with an explicit deny in an identity-based policy".to_owned(),
    };
    let caller = sts::caller_arn(call.partition, call.account_id);
    let message = format!("User: {caller} is not authorized to perform: {action} on resource: {shown} {why}");
    Some(match Model::of(call.service)?.metadata.protocol {
        Protocol::Query => ApiError::new(403, "AccessDenied", message),
        Protocol::Ec2 => {
            let message = format!("You are not authorized to perform this operation. {message}");
            ApiError::new(403, "UnauthorizedOperation", message)
        }
        Protocol::Json => ApiError::new(400, "AccessDeniedException", message),
        Protocol::RestJson => ApiError::new(403, "AccessDeniedException", message),
    })
}
