//! The access keys that have policies, and what the policies said to each of their calls.

use std::collections::BTreeMap;

use super::needs::{Call, Need, needs, prefix};
use crate::policy::{Caller, Decision, Policies, Request};
use crate::sandbox::account::ApiError;
use crate::sandbox::sts;
use crate::sandbox::wire::model::{Model, Protocol};

/// One permission that a request needed, and whether its access key had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The access key of the request.
    pub access_key: String,
    /// The operation that needed it, such as `iam:AddRoleToInstanceProfile`.
    pub operation: String,
    /// The action, resource and condition keys, such as `iam:PassRole` on a role.
    pub request: Request,
    /// What the policies said.
    pub decision: Decision,
}

/// The policies of the access keys that have some, and the decisions so far.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Restrictions {
    policies: BTreeMap<String, Policies>,
    asked: Vec<Authorization>,
}

impl Restrictions {
    pub(in crate::sandbox) fn set(&mut self, access_key: &str, policies: Policies) {
        self.policies.insert(access_key.to_owned(), policies);
    }

    pub(in crate::sandbox) fn lift(&mut self, access_key: &str) {
        self.policies.remove(access_key);
    }

    pub(in crate::sandbox) fn apply_to(&self, access_key: &str) -> bool {
        self.policies.contains_key(access_key)
    }

    pub(in crate::sandbox) fn asked(&self) -> &[Authorization] {
        &self.asked
    }

    pub(in crate::sandbox) fn forget(&mut self) {
        self.asked.clear();
    }

    /// Lets a call pass, or refuses it in the service's own words. The decisions are recorded up to the first refusal,
    /// because AWS stops there.
    pub(in crate::sandbox) fn admit(&mut self, call: &Call<'_>) -> Result<(), ApiError> {
        let Some(policies) = self.policies.get(call.access_key) else { return Ok(()) };
        for Need { request, shown } in needs(call) {
            let decision = policies.decide(&in_full(call, &request));
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

/// Adds the keys that every request has to those of its action. The access keys are a user's.
fn in_full(call: &Call<'_>, request: &Request) -> Request {
    let caller = sts::caller_arn(call.partition, call.account_id);
    let of_all = Caller {
        partition: call.partition,
        region: call.region,
        account_id: call.account_id,
        role_arn: Some(&caller),
        now: None,
    };
    let of_all = of_all.keys(&request.action, &request.resource).with("aws:PrincipalType", "User");
    Request { keys: request.keys.clone().or(&of_all), ..request.clone() }
}

/// Writes a refusal in the service's words; `None` where the call is allowed.
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
