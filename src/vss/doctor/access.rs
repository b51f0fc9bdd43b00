//! What a role allows, as far as identity policies and a permissions boundary say. What AWS Organizations or a VPC endpoint
//! deny is not seen here.

use serde_json::Value;

use crate::policy::{Decision, Keys, Policies, Request};
use crate::vss::evidence::{Known, Role};

/// What a role says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It may.
    Allowed,
    /// It may not.
    Denied,
    /// A document that could decide could not be read.
    Unknown(String),
}

/// One thing that a role must allow.
#[derive(Clone, Debug)]
pub(super) struct Need {
    /// The action.
    pub(super) action: &'static str,
    /// The resource's ARN, or `*`.
    pub(super) resource: String,
    /// The condition keys.
    pub(super) keys: Keys,
}

impl Need {
    pub(super) fn new(action: &'static str, resource: impl Into<String>) -> Self {
        Self { action, resource: resource.into(), keys: Keys::default() }
    }

    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.keys = self.keys.with(key, value);
        self
    }
}

/// Decides what a role says to a request.
pub(super) fn access(role: &Role, need: &Need) -> Access {
    let mut documents: Vec<Value> = role.inline.values().cloned().collect();
    let mut unread = None;
    for (arn, document) in &role.managed {
        match document {
            Known::Known(document) => documents.push(document.clone()),
            Known::Unknown(reason) => unread = Some(format!("`{arn}`: {}", reason.message)),
            Known::NotRead => unread = Some(format!("`{arn}` was not read")),
        }
    }
    match (decide(&documents, need), unread) {
        (Ok(Decision::Allowed), _) => within_boundary(role, need),
        (Ok(Decision::ExplicitDeny), _) | (Ok(Decision::ImplicitDeny), None) => Access::Denied,
        (Ok(Decision::ImplicitDeny), Some(unread)) => Access::Unknown(unread),
        (Err(problem), _) => Access::Unknown(problem),
    }
}

fn within_boundary(role: &Role, need: &Need) -> Access {
    match &role.boundary {
        None => Access::Allowed,
        Some((_, Known::Known(document))) => match decide(std::slice::from_ref(document), need) {
            Ok(Decision::Allowed) => Access::Allowed,
            Ok(Decision::ImplicitDeny | Decision::ExplicitDeny) => Access::Denied,
            Err(problem) => Access::Unknown(problem),
        },
        Some((arn, Known::Unknown(reason))) => Access::Unknown(format!("the boundary `{arn}`: {}", reason.message)),
        Some((arn, Known::NotRead)) => Access::Unknown(format!("the boundary `{arn}` was not read")),
    }
}

fn decide(documents: &[Value], need: &Need) -> Result<Decision, String> {
    let policies = Policies::new(documents).map_err(|error| error.to_string())?;
    let request = Request { action: need.action.to_owned(), resource: need.resource.clone(), keys: need.keys.clone() };
    Ok(policies.decide(&request))
}
