//! What IAM keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::policy::trust;

/// The IAM resources of one account. The maps' keys are names in lower case, because IAM's names are unique ignoring
/// case and across paths.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Iam {
    /// Roles by lower case name.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// Customer managed policies by lower case name.
    #[serde(default)]
    pub policies: BTreeMap<String, Policy>,
    /// Instance profiles by lower case name.
    #[serde(default)]
    pub profiles: BTreeMap<String, InstanceProfile>,
    /// The quotas that AWS raised, by their names in `GetAccountSummary`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub raised: BTreeMap<String, usize>,
}

impl Iam {
    /// Returns a quota of the account, by its name in `GetAccountSummary` and AWS's default.
    pub(super) fn quota(&self, name: &str, default: usize) -> usize {
        self.raised.get(name).copied().unwrap_or(default)
    }

    /// Finds a role by its name as it was created: names are unique ignoring case, but a look-up respects case.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(&name.to_ascii_lowercase()).filter(|role| role.name == name)
    }

    /// Finds a role by its ARN.
    pub fn role_by_arn(&self, arn: &str) -> Option<&Role> {
        let named = self.roles.get(&key_of(arn)).filter(|role| role.arn == arn);
        named.or_else(|| self.roles.values().find(|role| role.arn == arn))
    }

    /// Finds a customer managed policy by its ARN.
    pub fn policy_by_arn(&self, arn: &str) -> Option<&Policy> {
        let named = self.policies.get(&key_of(arn)).filter(|policy| policy.arn == arn);
        if named.is_some() || is_awss(arn) {
            return named;
        }
        self.policies.values().find(|policy| policy.arn == arn)
    }

    /// Finds an instance profile by its name as it was created.
    pub fn profile(&self, name: &str) -> Option<&InstanceProfile> {
        self.profiles.get(&name.to_ascii_lowercase()).filter(|profile| profile.name == name)
    }
}

/// Returns the key of the resource that an ARN names, which is the name at its end. All resources need to be searched
/// only for an ARN that names none of them.
fn key_of(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_ascii_lowercase()
}

/// Tells whether an ARN is of a policy of AWS, which no account holds.
pub(super) fn is_awss(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// As it was created, case kept.
    pub name: String,
    /// Starts and ends with `/`.
    pub path: String,
    /// `AROA...`
    pub id: String,
    /// With path and name.
    pub arn: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The trust policy, as it was sent.
    pub trust: String,
    /// Free text.
    #[serde(default)]
    pub description: Option<String>,
    /// Seconds, 3600 to 43200.
    pub max_session_duration: i64,
    /// The ARN of the policy that bounds the role.
    #[serde(default)]
    pub boundary: Option<String>,
    /// The ARNs of the attached managed policies.
    #[serde(default)]
    pub attached: BTreeSet<String>,
    /// Inline policies by name, documents as they were sent.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
    /// The tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Role {
    /// Tells whether a condition on the time stands in its trust policy.
    pub(in crate::sandbox) fn trust_depends_on_time(&self) -> bool {
        let text = self.trust.to_ascii_lowercase();
        ["aws:currenttime", "aws:epochtime"].into_iter().any(|key| text.contains(key))
    }

    /// Tells whether the trust policy lets a service such as `backup.amazonaws.com` assume the role: its conditions can
    /// be met by a service that acts for the role's account.
    pub fn trusts(&self, service: &str, now: i64) -> bool {
        let Ok(document) = serde_json::from_str::<Value>(&self.trust) else { return false };
        let account = self.arn.split(':').nth(4);
        let now = jiff::Timestamp::from_millisecond(now).ok();
        trust::judge_at(&document, service, account, now) == trust::Trust::Trusted
    }
}

/// A customer managed policy, or one of AWS's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Policy {
    /// As it was created, case kept.
    pub name: String,
    /// Starts and ends with `/`.
    pub path: String,
    /// `ANPA...`
    pub id: String,
    /// With path and name.
    pub arn: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Milliseconds since 1970; moves when a version is made or becomes the default.
    pub updated: i64,
    /// Free text, immutable.
    #[serde(default)]
    pub description: Option<String>,
    /// Oldest first.
    pub versions: Vec<PolicyVersion>,
    /// The number of the default version.
    pub default_version: u32,
    /// The number that the next version gets; numbers are never used again.
    pub next_version: u32,
    /// The tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// One version of a managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// 1 for `v1`.
    pub number: u32,
    /// As it was sent.
    pub document: String,
    /// Milliseconds since 1970.
    pub created: i64,
}

impl PolicyVersion {
    /// Returns the id, such as `v1`.
    pub fn id(&self) -> String {
        format!("v{}", self.number)
    }
}

/// An instance profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// As it was created, case kept.
    pub name: String,
    /// Starts and ends with `/`.
    pub path: String,
    /// `AIPA...`
    pub id: String,
    /// With path and name.
    pub arn: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The name of the one role that it may hold.
    #[serde(default)]
    pub role: Option<String>,
    /// The tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Returns the values of an element: policy documents write a single value bare and several as a list.
pub(super) fn one_or_many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(single) => vec![single],
    }
}
