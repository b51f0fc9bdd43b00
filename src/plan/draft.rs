//! What a plan is made of on its way: what it is built from, and each resource with what happens to it. All stages of
//! the planner know this, and it knows none of them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::quotas::Quota;
use super::references::Standings;
use crate::kind::{Desired, Kind, KindLive, Live, Shape, diff, marks};
use crate::model::{Action, Address, Diagnostic, FieldChange, KindId, Scope, Thresholds};
use crate::vss::gate::Evidence;
use crate::vss::others::Others;

/// What the caller asks of a plan.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only these resources and what they need; empty means all.
    pub targets: Vec<Address>,
    /// Delete what the stack owns and the file no longer has.
    pub prune: bool,
    /// Delete everything that the stack owns.
    pub destroy: bool,
    /// Take over the resources without an owner at these addresses, and do nothing else.
    pub adopt: Vec<Address>,
    /// AWS's ids of what is taken over, where its name does not tell it.
    pub adopt_ids: BTreeMap<Address, String>,
    /// How many deletions may happen; without it, as many as the file allows.
    pub max_deletions: Option<usize>,
    /// How many deletions the file allows; 3, and 30 % of what the stack owns, unless it says otherwise.
    pub thresholds: Thresholds,
}

/// What a plan is built from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What the run is bound to.
    pub scope: &'a Scope,
    /// The hash of the configuration.
    pub config_sha256: &'a str,
    /// The entries of the file.
    pub desired: &'a [Desired],
    /// What each kind read, by the kind's name.
    pub live: &'a [(KindId, KindLive)],
    /// What is known of the packages on instances, and of what decides what those may do.
    pub installed: &'a Evidence,
    /// What is known of what the entries name outside the file.
    pub references: &'a Standings,
    /// What others have in the account, as far as it was read.
    pub others: &'a Others,
    /// The quotas that it may go beyond.
    pub quotas: &'a [Quota],
    /// What the caller asks.
    pub options: &'a Options,
}

/// The obstacle that the file itself puts up.
pub(super) const PROTECTED: &str = "it is protected (`protect = true`)";

/// One resource on its way into the plan.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) kind: &'static dyn Kind,
    pub(super) address: Address,
    pub(super) desired: Option<&'a Desired>,
    pub(super) live: Option<&'a Live>,
    pub(super) marks: BTreeMap<String, String>,
    pub(super) action: Action,
    pub(super) reason: Option<String>,
    pub(super) fields: Vec<FieldChange>,
    /// The entry that this is a second object of, and that keeps the first one. What the entry says, and how the second
    /// object differs from it, shows what is lost with the second object.
    pub(super) second_of: Option<Address>,
    /// The members that AWS has, vssctl has no name for, and the calls don't carry along.
    pub(super) dropped: Vec<String>,
}

impl Draft<'_> {
    pub(super) fn name(&self) -> &str {
        self.desired
            .map(|desired| desired.name.as_str())
            .or_else(|| self.live.map(|live| live.name.as_str()))
            .unwrap_or_default()
    }

    /// Names it as a second object, where it is one, with AWS's id.
    pub(super) fn as_second(&self) -> String {
        let (Some(entry), Some(live)) = (&self.second_of, self.live) else { return String::new() };
        format!(", a second object of `{entry}` with the id `{}`,", id_of(live))
    }

    pub(super) fn refuse(&mut self, action: Action, reason: String) {
        self.action = action;
        self.reason = Some(reason);
        self.fields.clear();
    }
}

/// Returns how many deletions are allowed in a stack of so many resources.
pub(super) fn allowed_deletions(options: &Options, owned: usize) -> usize {
    let Thresholds { max_deletions: most, max_deletion_percent: percent } = options.thresholds;
    options.max_deletions.unwrap_or_else(|| (owned * percent as usize / 100).min(most as usize))
}

/// Tells whether the kind has tags, and so carries marks.
pub(super) fn is_taggable(kind: &dyn Kind) -> bool {
    kind.fields().iter().any(|field| matches!(field.shape, Shape::Tags))
}

/// Returns the marks of an entry; none for kinds without tags.
pub(super) fn marks_of(scope: &Scope, kind: &dyn Kind, desired: &Desired) -> BTreeMap<String, String> {
    if !is_taggable(kind) || desired.options.contains_key("run_command") {
        return BTreeMap::new();
    }
    let keys = desired.fields.get("tags").and_then(Value::as_object);
    marks::marks(scope, &desired.address, keys.into_iter().flatten().map(|(key, _)| key.as_str()))
}

/// Returns what differs between the file and the live resource.
pub(super) fn differences(
    kind: &dyn Kind,
    desired: &Desired,
    live: &Live,
    marks: &BTreeMap<String, String>,
) -> Vec<FieldChange> {
    diff::diff(kind.fields(), &desired.fields, &live.fields, marks)
}

/// Returns AWS's id of an object, or its ARN.
pub(super) fn id_of(live: &Live) -> &str {
    ["BackupPlanId", "SelectionId", "AssociationId", "Arn"]
        .iter()
        .find_map(|name| live.ids.get(*name))
        .map_or(live.name.as_str(), String::as_str)
}

pub(super) fn cannot_go(draft: &Draft<'_>, what: &str, obstacle: &str) -> Diagnostic {
    cannot_go_at(&draft.address, &draft.as_second(), what, obstacle)
}

pub(super) fn cannot_go_at(address: &Address, which: &str, what: &str, obstacle: &str) -> Diagnostic {
    let help = if obstacle == PROTECTED {
        "set `protect = false` first if it should go"
    } else {
        "clear that away and run again, or leave the resource as it is"
    };
    Diagnostic::error("VSS0906", format!("`{address}`{which} can't be {what}: {obstacle}")).at(address).help(help)
}
