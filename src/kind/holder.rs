//! Who holds a live resource, so that AWS does not delete it.

use serde::{Deserialize, Serialize};

use crate::model::{KindError, KindId};

/// A live resource that holds another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Its AWS name.
    pub name: String,
    /// One of its identifiers.
    pub id: String,
}

/// What a holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum HolderKind {
    /// A resource of a kind that vssctl manages.
    Kind(KindId),
    /// An EC2 instance, which carries an instance profile.
    Instance,
    /// A user or a group of IAM, which has a policy.
    Principal,
}

impl HolderKind {
    /// Returns its name: the kind's, or what AWS calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.name(),
            Self::Instance => "EC2 instance",
            Self::Principal => "user or group",
        }
    }
}

impl From<HolderKind> for &'static str {
    fn from(kind: HolderKind) -> Self {
        kind.name()
    }
}

impl TryFrom<String> for HolderKind {
    type Error = KindError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let foreign = [Self::Instance, Self::Principal].into_iter().find(|kind| kind.name() == text);
        foreign.map_or_else(|| text.parse().map(Self::Kind), Ok)
    }
}
