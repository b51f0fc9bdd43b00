//! What a kind derives calls from, and the calls by phase.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desired, Live};
use crate::model::{Action, Address, FieldChange, PlannedCall, Scope};

/// How a package gets onto its instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rings {
    /// Groups of instances that are installed on before all others: each must have succeeded before the next is begun.
    pub first: Vec<Vec<String>>,
    /// Instances that have the package as the file says already.
    pub right: BTreeSet<String>,
    /// The number of this attempt at the groups.
    pub attempt: u32,
}

/// One resource on its way from live to desired.
#[derive(Debug)]
pub struct Transition<'a> {
    /// Where it happens.
    pub scope: &'a Scope,
    /// What happens: `Create`, `Adopt`, `Update`, `Replace` or `Delete`.
    pub action: Action,
    /// The address; of an orphan, the one that its mark or name gives.
    pub address: &'a Address,
    /// What the file says; absent for `Delete`.
    pub desired: Option<&'a Desired>,
    /// What is there; absent for `Create`.
    pub live: Option<&'a Live>,
    /// What differs, as the plan shows it. Calls follow from this alone: what is shown is what is sent.
    pub changes: &'a [FieldChange],
    /// The marks to write: `vssctl:stack`, `vssctl:id`, `vssctl:keys`, and `vssctl:region` on IAM's resources.
    pub marks: &'a BTreeMap<String, String>,
    /// What is live at the other addresses of the file: a selection finds the id of its plan here.
    pub neighbours: &'a BTreeMap<Address, &'a Live>,
    /// The addresses that this plan replaces: whoever holds one of them lets go in `release` and takes hold of the new
    /// one in `ensure`.
    pub replaced: &'a BTreeSet<Address>,
    /// The number of this attempt, for resources whose attempts are counted; else 0.
    pub attempt: u32,
    /// In which order instances get a package.
    pub rings: &'a Rings,
}

/// The calls of a transition, by phase. Within a phase they are made in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// The reads that must find the live object, and what a call puts into or onto it, as the plan saw them: whoever
    /// writes to a name looks again whose object has it. A replacement looks before the calls that take the old
    /// object away.
    pub looks: Vec<PlannedCall>,
    /// The calls that let go of what others replace. They come before any `ensure`.
    pub release: Vec<PlannedCall>,
    /// The calls that make the resource as the file says.
    pub ensure: Vec<PlannedCall>,
    /// The calls that take away what is no longer needed, once the resources that depend on it are as they should be.
    pub remove: Vec<PlannedCall>,
    /// The members that AWS has, vssctl has no name for, and the calls don't carry along.
    pub dropped: Vec<String>,
}
