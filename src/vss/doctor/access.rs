//! What a role allows, as far as identity policies and a permissions boundary say. What the policies of AWS
//! Organizations or of a VPC endpoint deny is not known here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::policy::{Decision, Keys, Policies, Request};
use crate::vss::evidence::{Known, Role};

/// Whether a role allows a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// The role allows it.
    Allowed,
    /// The role does not allow it.
    Denied,
    /// A document that could decide could not be read.
    Unknown(String),
}

/// One call that a role must allow.
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

/// The documents of a role, parsed once for many requests.
#[derive(Debug)]
pub(super) struct Powers {
    identity: Result<Policies, String>,
    /// A document that could not be read.
    unread: Option<String>,
    /// The permissions boundary: none, or documents that must allow the request as well.
    boundary: Option<Result<Policies, String>>,
}

/// The powers of roles by ARN.
pub(super) type PowersByRole = BTreeMap<String, Powers>;

impl Powers {
    fn of(role: &Role) -> Self {
        let mut documents: Vec<Value> = role.inline.values().cloned().collect();
        let mut unread = None;
        for (arn, document) in &role.managed {
            match document {
                Known::Known(document) => documents.push(document.clone()),
                Known::Unknown(reason) => unread = Some(format!("`{arn}`: {}", reason.message)),
                Known::NotRead => unread = Some(format!("`{arn}` was not read")),
            }
        }
        let boundary = role.boundary.as_ref().map(|(arn, document)| match document {
            Known::Known(document) => policies(std::slice::from_ref(document)),
            Known::Unknown(reason) => Err(format!("the boundary `{arn}`: {}", reason.message)),
            Known::NotRead => Err(format!("the boundary `{arn}` was not read")),
        });
        Self { identity: policies(&documents), unread, boundary }
    }

    /// Decides whether the role allows a request.
    fn access(&self, need: &Need) -> Access {
        let request =
            Request { action: need.action.to_owned(), resource: need.resource.clone(), keys: need.keys.clone() };
        let identity = match &self.identity {
            Ok(policies) => policies.decide(&request),
            Err(problem) => return Access::Unknown(problem.clone()),
        };
        match (identity, &self.unread, &self.boundary) {
            (Decision::ImplicitDeny, Some(unread), _) => Access::Unknown(unread.clone()),
            (Decision::ExplicitDeny | Decision::ImplicitDeny, _, _) => Access::Denied,
            (Decision::Allowed, _, None) => Access::Allowed,
            (Decision::Allowed, _, Some(Err(problem))) => Access::Unknown(problem.clone()),
            (Decision::Allowed, _, Some(Ok(boundary))) => match boundary.decide(&request) {
                Decision::Allowed => Access::Allowed,
                Decision::ImplicitDeny | Decision::ExplicitDeny => Access::Denied,
            },
        }
    }
}

/// Decides whether a role allows a request; its documents are parsed at the first request.
pub(super) fn access(powers: &mut PowersByRole, role: &Role, need: &Need) -> Access {
    powers.entry(role.arn.clone()).or_insert_with(|| Powers::of(role)).access(need)
}

fn policies(documents: &[Value]) -> Result<Policies, String> {
    Policies::new(documents).map_err(|error| error.to_string())
}
