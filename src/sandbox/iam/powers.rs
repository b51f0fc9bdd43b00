//! What a role may do by all its policies: the attached and inline ones together, within its permissions boundary.

use serde_json::Value;

use super::model::{Iam, Role};
use crate::policy::{Decision, Keys, Policies, Request};
use crate::sandbox::managed_policies;

/// The policies of a role, read and ready.
#[derive(Debug)]
pub(in crate::sandbox) struct Powers {
    identity: Policies,
    boundary: Option<Policies>,
}

impl Powers {
    /// Reads the policies of a role. What only a policy of AWS's could allow whose document is not known does not
    /// happen here: a simulated job has to end in one way or the other.
    pub(in crate::sandbox) fn of(iam: &Iam, role: &Role, partition: &str) -> Self {
        let aws = managed_policies::all(partition);
        let managed = |arn: &String| {
            let own = iam.policy_by_arn(arn).or_else(|| aws.iter().find(|policy| policy.arn == *arn))?;
            let version = own.versions.iter().find(|version| version.number == own.default_version)?;
            serde_json::from_str::<Value>(&version.document).ok()
        };
        let inline = role.inline.values().filter_map(|document| serde_json::from_str::<Value>(document).ok());
        let documents = role.attached.iter().filter_map(managed).chain(inline);
        // IAM refuses documents that cannot be read. Should one be there nevertheless, it allows nothing.
        let read = |documents: Vec<Value>| Policies::new(&documents).unwrap_or_default();
        Self {
            identity: read(documents.collect()),
            boundary: role.boundary.as_ref().map(|arn| read(managed(arn).into_iter().collect())),
        }
    }

    /// Tells whether the role may perform an action.
    pub(in crate::sandbox) fn allow(&self, action: &str, resource: &str, keys: &Keys) -> bool {
        let request = Request { action: action.to_owned(), resource: resource.to_owned(), keys: keys.clone() };
        self.identity.decide(&request) == Decision::Allowed
            && self.boundary.as_ref().is_none_or(|boundary| boundary.decide(&request) == Decision::Allowed)
    }
}
