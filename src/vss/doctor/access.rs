//! What a role allows, as far as identity policies and a permissions boundary say. What the policies of AWS
//! Organizations or of a VPC endpoint deny is not known here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::Scope;
use crate::policy::{Caller, Decision, Judgement, Keys, Policies, Request};
use crate::vss::Moment;
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

    /// Says that the tags of its resource are all among the keys.
    pub(super) fn with_all_tags(mut self) -> Self {
        self.keys = self.keys.complete("aws:resourcetag/").complete("ec2:resourcetag/");
        self
    }

    /// Says that nothing is known of a key, whose name is in lower case.
    pub(super) fn unknown(mut self, key: &'static str) -> Self {
        self.keys = self.keys.unknown(key);
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

/// The powers of roles by ARN, and what the requests of all of them have in common.
#[derive(Debug)]
pub(super) struct PowersByRole {
    scope: Scope,
    now: Moment,
    of: BTreeMap<String, Powers>,
}

impl PowersByRole {
    /// Has none yet.
    pub(super) fn new(scope: &Scope, now: Moment) -> Self {
        Self { scope: scope.clone(), now, of: BTreeMap::new() }
    }

    /// Makes the request of a role: with the keys that every request has.
    pub(super) fn request(&self, role: &Role, need: &Need) -> Request {
        let caller = Caller {
            partition: self.scope.partition(),
            region: &self.scope.region,
            account_id: &self.scope.account_id,
            role_arn: Some(&role.arn),
            now: Some(self.now.timestamp()),
        };
        let keys = need.keys.clone().or(&caller.keys(need.action, &need.resource));
        Request { action: need.action.to_owned(), resource: need.resource.clone(), keys }
    }
}

/// Says which condition's key decides and is not known.
pub(super) fn not_known(key: &str) -> String {
    format!("a condition on `{key}` decides, whose value in the request is not known here")
}

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
    fn access(&self, request: &Request) -> Access {
        let identity = match &self.identity {
            Ok(policies) => policies.judge(request),
            Err(problem) => return Access::Unknown(problem.clone()),
        };
        let identity = match (identity, &self.unread) {
            (Judgement::Denied(Decision::ImplicitDeny), Some(unread)) => return Access::Unknown(unread.clone()),
            (Judgement::Denied(_), _) => return Access::Denied,
            (Judgement::Unknown(key), _) => Access::Unknown(not_known(&key)),
            (Judgement::Allowed, _) => Access::Allowed,
        };
        // The boundary has to allow it as well; what it surely denies is denied, whatever else is not known.
        match self.boundary.as_ref().map(|boundary| boundary.as_ref().map(|boundary| boundary.judge(request))) {
            None | Some(Ok(Judgement::Allowed)) => identity,
            Some(Ok(Judgement::Denied(_))) => Access::Denied,
            Some(Ok(Judgement::Unknown(key))) => Access::Unknown(not_known(&key)),
            Some(Err(problem)) => Access::Unknown(problem.clone()),
        }
    }
}

/// The policies that deny requests of a role outright, each with the actions that it denies.
#[derive(Debug, Default)]
pub(super) struct Denials(BTreeMap<String, Vec<&'static str>>);

impl Denials {
    /// Notes which policy of the role, or its permissions boundary, denies a request outright.
    pub(super) fn note(&mut self, powers: &PowersByRole, role: &Role, need: &Need) {
        let request = powers.request(role, need);
        let denies = |document: &Value| {
            policies(std::slice::from_ref(document))
                .is_ok_and(|policies| policies.judge(&request) == Judgement::Denied(Decision::ExplicitDeny))
        };
        let inline = role.inline.iter().map(|(name, document)| (format!("inline policy `{name}`"), Some(document)));
        let managed = role.managed.iter().map(|(arn, document)| (format!("policy `{arn}`"), document.known()));
        let boundary = role.boundary.iter();
        let boundary = boundary.map(|(arn, document)| (format!("permissions boundary `{arn}`"), document.known()));
        for (policy, document) in inline.chain(managed).chain(boundary) {
            if document.is_some_and(denies) {
                let actions = self.0.entry(policy).or_default();
                if !actions.contains(&need.action) {
                    actions.push(need.action);
                }
            }
        }
    }

    /// Says what was seen: a line for each policy.
    pub(super) fn seen(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(policy, actions)| format!("its {policy} denies {}", actions.join(", ")))
    }

    /// Says what to do about actions that a role lacks: what denies goes, and `otherwise` is for the rest.
    pub(super) fn remedy(&self, lacking: &[&str], otherwise: String) -> String {
        if self.0.is_empty() {
            return otherwise;
        }
        let parts = self.0.iter().map(|(policy, actions)| format!("{} in its {policy}", actions.join(", ")));
        let takes = format!("take out the `Deny` of {}", parts.collect::<Vec<_>>().join(", and of "));
        let is_denied = |action: &&str| self.0.values().any(|actions| actions.contains(action));
        if lacking.iter().all(is_denied) { takes } else { format!("{takes}; and {otherwise}") }
    }
}

/// Decides whether a role allows a request; its documents are parsed at the first request.
pub(super) fn access(powers: &mut PowersByRole, role: &Role, need: &Need) -> Access {
    let request = powers.request(role, need);
    powers.of.entry(role.arn.clone()).or_insert_with(|| Powers::of(role)).access(&request)
}

fn policies(documents: &[Value]) -> Result<Policies, String> {
    Policies::new(documents).map_err(|error| error.to_string())
}
