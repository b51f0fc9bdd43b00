//! `export`: the file that declares what is live. Pure: what was read in, text and remarks out.
//!
//! The written file is checked as `validate` checks it, and compared with what is live: an entry that the file can't
//! have as it is stands there as a comment, with the reason. So an adoption of the file leaves nothing to change.

mod check;
mod file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::kind::{Live, Owner};
use crate::model::{KindId, Scope};

pub use file::{Documents, Gap, Written, addresses, file};

/// One live resource.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its kind.
    pub kind: KindId,
    /// What is live.
    pub live: Live,
    /// AWS's id; where it has none, the name.
    pub id: String,
    /// Of a restore testing plan, what its selections restore with, by their names: a normal form has the hash alone.
    pub overrides: BTreeMap<String, BTreeMap<String, String>>,
}

impl Resource {
    /// Returns the id of the plan that a selection is in; none of other kinds.
    pub fn plan_id(&self) -> Option<&str> {
        let id = self.live.ids.get("BackupPlanId").map_or("", String::as_str);
        (self.kind == KindId::Selection).then_some(id)
    }

    /// Tells whether the stack does not own it yet, and takes it over by a mark of its own.
    pub fn is_adopted(&self) -> bool {
        let has_mark = match self.kind {
            KindId::Policy
            | KindId::Role
            | KindId::InstanceProfile
            | KindId::Package
            | KindId::Vault
            | KindId::Plan
            | KindId::RestoreTest => true,
            KindId::Attachment | KindId::Selection | KindId::RegionSettings => false,
        };
        has_mark && matches!(self.live.owner, Owner::Nobody | Owner::CloudFormation(_))
    }
}

/// What is not exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The resource, or how many of them, as messages name it.
    pub what: String,
    /// The reason, a sentence without its end.
    pub why: String,
    /// It was asked for.
    pub is_gap: bool,
}

/// What was read of an account.
#[derive(Clone, Debug)]
pub struct Account {
    /// The stack that takes it over, and the account.
    pub scope: Scope,
    /// The resources, in the order of plans.
    pub resources: Vec<Resource>,
    /// What is not among them.
    pub left_out: Vec<LeftOut>,
    /// What could not be read: sentences without their end.
    pub unread: Vec<String>,
    /// The ids of plans and associations whose name another one has too, in the account or among what is left out.
    pub shared: BTreeSet<String>,
    /// The ARNs of objects that others name by their name alone: kind, name, ARN.
    pub arns: Vec<(KindId, String, String)>,
}

impl Account {
    /// Nothing of an account.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            resources: Vec::new(),
            left_out: Vec::new(),
            unread: Vec::new(),
            shared: BTreeSet::new(),
            arns: Vec::new(),
        }
    }
}
