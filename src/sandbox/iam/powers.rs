//! What a role may do by all its policies: the attached and inline ones together, within its permissions boundary.

use serde_json::Value;

use super::model::{Iam, Role};
use crate::policy::{Caller, Decision, Keys, Policies, Request};
use crate::sandbox::managed_policies;

/// The policies of a role, read and ready.
#[derive(Debug)]
pub(in crate::sandbox) struct Powers {
    arn: String,
    identity: Policies,
    boundary: Option<Policies>,
    /// Whether a condition of theirs asks for the time, so that what they allow changes with it.
    depends_on_time: bool,
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
        let documents: Vec<Value> = role.attached.iter().filter_map(managed).chain(inline).collect();
        let boundary: Option<Vec<Value>> = role.boundary.as_ref().map(|arn| managed(arn).into_iter().collect());
        let all = documents.iter().chain(boundary.iter().flatten());
        let depends_on_time = all.into_iter().any(|document| {
            let text = document.to_string().to_ascii_lowercase();
            ["aws:currenttime", "aws:epochtime"].into_iter().any(|key| text.contains(key))
        });
        // IAM refuses documents that cannot be read. Should one be there nevertheless, it allows nothing.
        let read = |documents: Vec<Value>| Policies::new(&documents).unwrap_or_default();
        Self { arn: role.arn.clone(), identity: read(documents), boundary: boundary.map(read), depends_on_time }
    }

    /// Tells whether what they allow changes with time.
    pub(in crate::sandbox) fn depend_on_time(&self) -> bool {
        self.depends_on_time
    }

    /// Tells whether the role may perform an action, called as `caller` says. `keys` are those that the request has
    /// beside the ones of every request.
    pub(in crate::sandbox) fn allow(&self, caller: Caller<'_>, action: &str, resource: &str, keys: &Keys) -> bool {
        let keys = keys.clone().or(&Caller { role_arn: Some(&self.arn), ..caller }.keys(action, resource));
        let request = Request { action: action.to_owned(), resource: resource.to_owned(), keys };
        self.identity.decide(&request) == Decision::Allowed
            && self.boundary.as_ref().is_none_or(|boundary| boundary.decide(&request) == Decision::Allowed)
    }
}
