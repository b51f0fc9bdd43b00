//! `[[key]]`: KMS keys. The sandbox has no operation that creates them.

use serde::Deserialize;
use serde_json::{Value, json};
use toml::Spanned;

use super::reader::{Reader, is_account};
use crate::sandbox::kms;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    arn: Spanned<String>,
    #[serde(default)]
    manager: Manager,
    #[serde(default)]
    state: State,
    policy: Option<Spanned<Value>>,
    #[serde(default)]
    grants: Vec<Grant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Manager {
    #[default]
    Customer,
    Aws,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum State {
    #[default]
    Enabled,
    Disabled,
    PendingDeletion,
    PendingImport,
    Unavailable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    principal: String,
    operations: Vec<String>,
}

impl Reader<'_> {
    /// Reads a key of a region: its ARN, and what KMS keeps of it.
    pub(super) fn key(&mut self, key: &Key, region: &str) -> (String, kms::Key) {
        let arn = key.arn.get_ref().clone();
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let owner = match parts[..] {
            ["arn", _, "kms", place, owner, rest]
                if place == region && is_account(owner) && rest.strip_prefix("key/").is_some_and(is_id) =>
            {
                owner
            }
            _ => {
                let message = format!("`{}` is no ARN of a key in `{region}`", arn.escape_debug());
                self.problem(key.arn.span().start, message);
                ""
            }
        };
        let policy = match &key.policy {
            Some(policy) => self.policy(policy),
            None => usual(key.manager, parts.get(1).copied().unwrap_or_default(), region, owner),
        };
        let manager = match key.manager {
            Manager::Customer => "CUSTOMER",
            Manager::Aws => "AWS",
        };
        let grants = key.grants.iter().map(|grant| (grant.principal.clone(), grant.operations.clone())).collect();
        (arn.clone(), kms::Key { state: format!("{:?}", key.state), manager: manager.to_owned(), policy, grants })
    }

    /// Reads a policy, which is a table or its JSON text.
    fn policy(&mut self, policy: &Spanned<Value>) -> Value {
        let read = match policy.get_ref() {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            other => other.clone(),
        };
        if !read["Statement"].is_array() && !read["Statement"].is_object() {
            self.problem(policy.span().start, "`policy` is a policy document: a table, or its JSON as text");
        }
        read
    }
}

fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Makes the default policy of a key: a customer's key may be used by the account, and AWS's key for EBS by whoever may
/// use EBS.
fn usual(manager: Manager, partition: &str, region: &str, owner: &str) -> Value {
    let root = format!("arn:{partition}:iam::{owner}:root");
    let statement = match manager {
        Manager::Customer => json!({
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": root },
            "Action": "kms:*",
            "Resource": "*",
        }),
        Manager::Aws => json!({
            "Sid": "Allow access through EBS for all principals in the account that are authorized to use EBS",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant",
                       "kms:DescribeKey"],
            "Resource": "*",
            "Condition": { "StringEquals": {
                "kms:CallerAccount": owner,
                "kms:ViaService": format!("ec2.{region}.amazonaws.com"),
            } },
        }),
    };
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}
