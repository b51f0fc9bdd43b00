//! What a plan consists of: changes, orphans, steps and diagnostics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HazardNote, Security, Seen, Told};
use crate::model::{Action, Address, Cause, Diagnostic, FieldChange, Location, Phase, PlannedCall, Scope, Severity};

/// The version of the JSON plan.
pub const FORMAT: u32 = 2;

/// The code of the problem that a list could not be read.
pub(super) const UNREAD_LIST: &str = "VSS0802";

/// One resource of the file and what the plan does to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Which resource.
    pub address: Address,
    /// Its AWS name.
    pub name: String,
    /// What happens.
    pub action: Action,
    /// Why, for people, where the fields don't say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What differs.
    pub fields: Vec<FieldChange>,
    /// Where the entry stands in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Where the change comes from, where the file was held against its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The fields that differed from the base and that the file now says as they are live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settles: Vec<String>,
    /// What people are told of the entry besides what differs: the saved plan has it in its entries.
    #[serde(skip)]
    pub told: Told,
}

/// Something that the stack owns and the file no longer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Orphan {
    /// The address of its mark, or one made of its name.
    pub address: Address,
    /// Its AWS name.
    pub name: String,
    /// Its ARN or id.
    pub id: String,
    /// Where it comes from, where the file was held against its base: a change that takes its entry out of the file, or
    /// drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// The calls of one resource in one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its place in the list, from 0; steps stand in an order in which they can be made.
    pub id: usize,
    /// Which resource.
    pub address: Address,
    /// Which phase.
    pub phase: Phase,
    /// The steps that must have succeeded before.
    pub after: Vec<usize>,
    /// The looks: reads that must find what the calls act on as the plan saw it. They are made right before calls
    /// that give privileges or can't be taken back, and before others once what the plan saw is older than ten
    /// seconds. There are none for what this very plan makes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<PlannedCall>,
    /// The calls, in order.
    pub calls: Vec<PlannedCall>,
    /// What needs consent by name before any step of the plan is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<HazardNote>,
}

/// A plan. Its JSON form is versioned by [`FORMAT`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: u32,
    /// The program that made it, such as `vssctl 0.1.0`.
    pub tool: String,
    /// What it is bound to.
    pub scope: Scope,
    /// SHA-256 of the configuration files, hexadecimal.
    pub config_sha256: String,
    /// One entry for each resource of the file, and for each deletion.
    pub changes: Vec<Change>,
    /// What the stack owns and the file no longer has, and the plan does not delete.
    pub orphans: Vec<Orphan>,
    /// What will be done.
    pub steps: Vec<Step>,
    /// What is refused, what could not be read, and which limits were reached.
    pub diagnostics: Vec<Diagnostic>,
    /// What principals may do more and less after it.
    #[serde(skip_serializing_if = "Security::is_empty")]
    pub security: Security,
    /// It was asked for some resources only (`--target`), and says nothing of the others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_targeted: bool,
    /// What people are told besides.
    #[serde(skip)]
    pub seen: Seen,
}

/// Whether all that a plan is about can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it.
    Clean,
    /// Something is somebody else's, protected, or over a limit.
    Refused,
    /// Something could not be read, or something else is wrong with it.
    Unread,
}

impl Verdict {
    /// Judges what is done with the resources, and whether anything else is wrong. What is refused weighs more than
    /// what could not be read.
    pub(super) fn of(actions: impl Iterator<Item = Action>, mut severities: impl Iterator<Item = Severity>) -> Self {
        let mut verdict =
            if severities.any(|severity| severity == Severity::Error) { Self::Unread } else { Self::Clean };
        for action in actions {
            match action {
                Action::Refused => return Self::Refused,
                Action::Unknown => verdict = Self::Unread,
                Action::Create | Action::Adopt | Action::Update | Action::Delete | Action::Replace | Action::NoOp => {}
            }
        }
        verdict
    }
}

/// How many resources a plan adds, changes and destroys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Created or replaced.
    pub add: usize,
    /// Updated or adopted.
    pub change: usize,
    /// Deleted or replaced.
    pub destroy: usize,
}

impl Summary {
    /// Counts what is done with the resources; a replacement is both added and destroyed, as in Terraform.
    pub(super) fn of(actions: impl Iterator<Item = Action>) -> Self {
        let mut summary = Self::default();
        for action in actions {
            match action {
                Action::Create => summary.add += 1,
                Action::Adopt | Action::Update => summary.change += 1,
                Action::Delete => summary.destroy += 1,
                Action::Replace => {
                    summary.add += 1;
                    summary.destroy += 1;
                }
                Action::NoOp | Action::Unknown | Action::Refused => {}
            }
        }
        summary
    }
}

impl Plan {
    /// Counts what the plan does.
    pub fn summary(&self) -> Summary {
        Summary::of(self.actions())
    }

    fn actions(&self) -> impl Iterator<Item = Action> {
        self.changes.iter().map(|change| change.action)
    }

    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Tells whether a resource could not be read.
    pub fn has_unknown(&self) -> bool {
        self.actions().any(|action| action == Action::Unknown)
    }

    /// Tells whether something was refused.
    pub fn has_refused(&self) -> bool {
        self.actions().any(|action| action == Action::Refused)
    }

    /// Tells whether a list could not be read, so that there may be more than the plan shows.
    pub fn is_blind(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code == UNREAD_LIST)
    }

    /// Says whether all of it can be done.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.actions(), self.diagnostics.iter().map(|diagnostic| diagnostic.severity))
    }
}
