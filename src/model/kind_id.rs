//! The kinds of resources. Each kind is defined in its own folder under `kinds/`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of resource that vssctl manages. It is ordered by name; [`KindId::ALL`] is the order of plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum KindId {
    /// A customer managed policy of IAM.
    Policy,
    /// An IAM role.
    Role,
    /// An instance profile of IAM.
    InstanceProfile,
    /// Which EC2 instances carry which instance profile.
    Attachment,
    /// A package that Systems Manager installs: a State Manager association, or one Run Command.
    Package,
    /// A backup vault.
    Vault,
    /// A backup plan.
    Plan,
    /// A backup selection.
    Selection,
    /// A restore testing plan, with its selections.
    RestoreTest,
    /// The resource types that AWS Backup is opted in to, in one region.
    RegionSettings,
}

/// What a kind has to do with what instances may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It puts an instance profile on instances.
    Attachment,
    /// It gives them a role.
    InstanceProfile,
    /// It has policies.
    Role,
    /// It says what is allowed.
    Policy,
}

impl KindId {
    /// Every kind, in the order in which plans list them.
    pub const ALL: [Self; 10] = [
        Self::Policy,
        Self::Role,
        Self::InstanceProfile,
        Self::Attachment,
        Self::Package,
        Self::Vault,
        Self::Plan,
        Self::Selection,
        Self::RestoreTest,
        Self::RegionSettings,
    ];

    /// Returns the name in addresses and in the file, such as `instance_profile`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Role => "role",
            Self::InstanceProfile => "instance_profile",
            Self::Attachment => "attachment",
            Self::Package => "package",
            Self::Vault => "vault",
            Self::Plan => "plan",
            Self::Selection => "selection",
            Self::RestoreTest => "restore_test",
            Self::RegionSettings => "region_settings",
        }
    }

    /// Returns what it has to do with what instances may do; `None` where it is nothing.
    pub const fn access(self) -> Option<Access> {
        match self {
            Self::Attachment => Some(Access::Attachment),
            Self::InstanceProfile => Some(Access::InstanceProfile),
            Self::Role => Some(Access::Role),
            Self::Policy => Some(Access::Policy),
            Self::Package | Self::Vault | Self::Plan | Self::Selection | Self::RestoreTest | Self::RegionSettings => {
                None
            }
        }
    }

    /// Finds a kind by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the kind's place in the order of plans.
    pub fn rank(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or(Self::ALL.len())
    }
}

impl PartialOrd for KindId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KindId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl fmt::Display for KindId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// Reports a name that no kind has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no kind `{0}`")]
pub struct KindError(pub String);

impl FromStr for KindId {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::find(text).ok_or_else(|| KindError(text.to_owned()))
    }
}

impl From<KindId> for &'static str {
    fn from(kind: KindId) -> Self {
        kind.name()
    }
}

impl TryFrom<String> for KindId {
    type Error = KindError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_the_order_of_plans_once_and_found_by_its_name() {
        for (rank, kind) in KindId::ALL.into_iter().enumerate() {
            assert_eq!((kind.rank(), KindId::find(kind.name())), (rank, Some(kind)));
        }
        assert_eq!("widget".parse::<KindId>(), Err(KindError("widget".to_owned())));
    }
}
