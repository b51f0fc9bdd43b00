//! The account guard: before any other read, the caller's account must agree with the file.

use super::{AwsError, Reader};
use crate::model::Scope;

/// Who the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// The ARN of the user or session.
    pub arn: String,
    /// AWS's unique id of the caller.
    pub user_id: String,
}

impl Caller {
    /// Returns the partition of the caller's ARN, such as `aws`.
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or_default()
    }

    /// Tells whether this is the account's root user, whom no policy and no boundary restricts.
    pub fn is_root(&self) -> bool {
        self.arn.splitn(6, ':').nth(5) == Some("root")
    }
}

/// Says why a run must not go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GuardError {
    /// STS did not say who the caller is.
    #[error("AWS did not confirm the credentials")]
    Identity(#[source] AwsError),
    /// The credentials belong to another account.
    #[error("the credentials belong to account {actual} (`{arn}`), and the file is for account {expected}")]
    Account {
        /// The account of the file.
        expected: String,
        /// The account of the credentials.
        actual: String,
        /// The caller's ARN.
        arn: String,
    },
    /// The credentials belong to another partition.
    #[error("the credentials belong to partition `{actual}` (`{arn}`), and region `{region}` is in `{expected}`")]
    Partition {
        /// The partition of the file's region.
        expected: String,
        /// The partition of the credentials.
        actual: String,
        /// The region of the file.
        region: String,
        /// The caller's ARN.
        arn: String,
    },
}

/// Asks STS who the caller is and compares it with the scope.
pub async fn guard(reader: &Reader, scope: &Scope) -> Result<Caller, GuardError> {
    let caller = reader.caller_identity().await.map_err(GuardError::Identity)?;
    if caller.account != scope.account_id {
        return Err(GuardError::Account {
            expected: scope.account_id.clone(),
            actual: caller.account,
            arn: caller.arn,
        });
    }
    if caller.partition() != scope.partition() {
        return Err(GuardError::Partition {
            expected: scope.partition().to_owned(),
            actual: caller.partition().to_owned(),
            region: scope.region.clone(),
            arn: caller.arn,
        });
    }
    Ok(caller)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_user_is_told_from_a_user_of_that_name() {
        let caller = |arn: &str| Caller { account: String::new(), arn: arn.to_owned(), user_id: String::new() };
        assert!(caller("arn:aws:iam::123456789012:root").is_root());
        for arn in ["arn:aws:iam::123456789012:user/root", "arn:aws:sts::123456789012:assumed-role/a/root", ""] {
            assert!(!caller(arn).is_root(), "{arn}");
        }
    }
}
