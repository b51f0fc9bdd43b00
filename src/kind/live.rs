//! What AWS says of resources: one live resource, whose it is, and what the read of a whole kind gave.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Carried, Fields};
use crate::aws::AwsError;
use crate::model::{Address, KindId};

/// Who a live resource belongs to, as its tags, name or creation token say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// This stack; the address as marked, where the mark says it.
    Ours(Option<Address>),
    /// Another stack of vssctl.
    Stack(String),
    /// A CloudFormation stack.
    CloudFormation(String),
    /// AWS itself or AWS Organizations: `aws/` vaults, `orgs/` plans.
    Aws,
    /// No tag, name or token names an owner.
    Nobody,
    /// Its parent, which is ours or not; only for resources that carry no mark of their own.
    Parent,
}

/// One live resource.
#[derive(Clone, Debug)]
pub struct Live {
    /// The AWS name.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// Identifiers by AWS's name for them: `Arn`, `RoleId`, `BackupPlanId`, `SelectionId`, `AssociationId`, ...
    pub ids: BTreeMap<String, String>,
    /// Every field in normal form, empty ones left out. `tags` holds all tags but `aws:` ones, marks included.
    pub fields: Fields,
    /// What an update has to carry along and the file format does not model, in the kind's own type.
    pub carried: Carried,
    /// The resources that it refers to, as kind and AWS name. It must let go of them before they can be deleted.
    pub refers: Vec<(KindId, String)>,
}

impl Live {
    /// Tells whether it refers to a live resource of a kind. Several plans can have one name: which of them a
    /// selection is in, the plan's id says, which both of them have.
    pub fn refers_to(&self, kind: KindId, held: &Self) -> bool {
        let plan = |live: &Self| live.ids.get("BackupPlanId").cloned();
        let is_named = self.refers.iter().any(|(referred, name)| *referred == kind && *name == held.name);
        is_named && plan(self).zip(plan(held)).is_none_or(|(own, theirs)| own == theirs)
    }
}

/// What reading one resource gave.
#[derive(Clone, Debug)]
pub enum Found {
    /// A complete answer says that there is none.
    Absent,
    /// There is one.
    Live(Box<Live>),
    /// It could not be read. Never the same as absent.
    Unknown {
        /// The IAM action to allow, or the operation that failed, such as `iam:GetAccountAuthorizationDetails`.
        action: String,
        /// What AWS or the wire said.
        message: String,
    },
    /// Several live resources fit and no mark tells them apart.
    Ambiguous {
        /// Their ids.
        ids: Vec<String>,
    },
}

/// What one kind read.
#[derive(Debug, Default)]
pub struct KindLive {
    /// One entry for each desired resource of the kind.
    pub found: BTreeMap<Address, Found>,
    /// What the stack owns and the file no longer has.
    pub orphans: Vec<Live>,
    /// Second objects of one address (an interrupted replacement); they go once the address itself stands.
    pub surplus: Vec<(Address, Live)>,
    /// The number of the next attempt, for resources whose attempts are counted.
    pub attempts: BTreeMap<Address, u32>,
    /// What could not be read, so that orphans may be missing from the list: never the same as none.
    pub unreadable: Vec<AwsError>,
}
