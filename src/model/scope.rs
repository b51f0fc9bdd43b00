//! The scope of a run: the stack, the account, the region and the partition that follows from it.

use super::arn::Arn;
use super::partition::Partition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The stack, account, region and partition of a run. Every ARN that vssctl builds comes from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The `[stack] name`, written as the tag `vssctl:stack` on what the stack owns.
    pub stack: String,
    /// Twelve digits.
    pub account_id: String,
    /// Such as `ap-northeast-1`.
    pub region: String,
    /// The path of IAM resources for which the file names none; `/` unless `[stack] iam_path` says otherwise.
    pub iam_path: String,
}

impl Scope {
    /// Returns the partition of the region, such as `aws` or `aws-cn`.
    pub fn partition(&self) -> &'static str {
        partition_of(&self.region)
    }

    /// Returns what the names of AWS's hosts end with there, such as `amazonaws.com`.
    pub fn dns_suffix(&self) -> &'static str {
        &Partition::of(&self.region).dns_suffix
    }

    /// Returns the region of the global IAM endpoint, where the Tagging API lists IAM's resources.
    pub fn iam_region(&self) -> &'static str {
        Partition::of(&self.region).iam_region()
    }

    /// Builds the ARN of a resource of this account in this region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition(), self.region, self.account_id)
    }

    /// Tells whether an ARN names something of this account, and of this region where it names a region.
    pub fn has(&self, arn: &str) -> bool {
        Arn::parse(arn)
            .is_ok_and(|arn| arn.account == self.account_id && (arn.region.is_empty() || arn.region == self.region))
    }

    /// Builds the ARN of an IAM resource of this account; `path` starts and ends with `/`.
    pub fn iam_arn(&self, resource: &str, path: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:{resource}{path}{name}", self.partition(), self.account_id)
    }
}

/// Returns the partition that a region name belongs to.
pub fn partition_of(region: &str) -> &'static str {
    &Partition::of(region).name
}

/// Returns the region in which a partition has its global services, such as IAM.
pub fn global_region(partition: &str) -> &'static str {
    Partition::named(partition).map_or("us-east-1", Partition::iam_region)
}

/// Returns the path in Parameter Store under which all parameters of a stack are kept.
pub fn parameter_root(scope: &Scope) -> String {
    format!("/vssctl/v1/{}", scope.stack)
}
