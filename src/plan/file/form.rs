//! The saved plan's own types: what stands in the file, whatever becomes of the types that the program plans with.
//! Their names and members are the format; another meaning of one of them needs another
//! [`FORMAT`](super::super::FORMAT).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SavedPlan;
use crate::kind::Desired;
use crate::model::consent::{Consent, Reach};
use crate::model::{Action, Address, Cause, Display, FieldChange, Location, Operation, Phase, PlannedCall};
use crate::plan::content::{Summary, UNREAD_LIST, Verdict};
use crate::plan::{Change, Hazard, HazardNote, Orphan, Step, Told};

/// A plan in one word. What is refused weighs more than what could not be read, and that more than what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Verdict")]
pub enum SavedVerdict {
    /// All that it was asked for was read, and is as the file says.
    Clean,
    /// Something is to be done, or something that the stack owns is not in the file any more.
    Changes,
    /// Something could not be read, or something else is wrong with it.
    Unknown,
    /// Something is somebody else's, protected, or over a limit.
    Refused,
}

/// How many resources there are of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Counts")]
pub struct SavedCounts {
    /// Created or replaced.
    pub add: usize,
    /// Updated or adopted.
    pub change: usize,
    /// Deleted or replaced.
    pub destroy: usize,
    /// Left as they are: somebody else's, protected, or over a limit.
    pub refused: usize,
    /// Could not be read.
    pub unknown: usize,
    /// Owned by the stack, no longer in the file, and not deleted by the plan.
    pub orphans: usize,
}

/// Sums up what a plan says of its resources.
pub(super) fn sum_up(saved: &SavedPlan) -> (SavedVerdict, SavedCounts) {
    let actions = || saved.changes.iter().map(|change| change.action);
    let count = |action| actions().filter(|it| *it == action).count();
    let Summary { add, change, destroy } = Summary::of(actions());
    let counts = SavedCounts {
        add,
        change,
        destroy,
        refused: count(Action::Refused),
        unknown: count(Action::Unknown),
        orphans: saved.orphans.len(),
    };
    let is_blind = saved.diagnostics.iter().any(|notice| notice.code == UNREAD_LIST);
    let verdict = match Verdict::of(actions(), saved.diagnostics.iter().map(|notice| notice.severity)) {
        Verdict::Refused => SavedVerdict::Refused,
        Verdict::Unread => SavedVerdict::Unknown,
        Verdict::Clean if !saved.steps.is_empty() || counts.orphans > 0 => SavedVerdict::Changes,
        Verdict::Clean if is_blind => SavedVerdict::Unknown,
        Verdict::Clean => SavedVerdict::Clean,
    };
    (verdict, counts)
}

/// One resource of the file, resolved: presets, defaults and references are in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Desired")]
pub struct SavedEntry {
    /// Its address.
    pub address: Address,
    /// The AWS name.
    pub name: String,
    /// The declared fields in normal form; a declared empty value (`""`, `[]`, `{}`) means "none".
    pub fields: Map<String, Value>,
    /// What steers vssctl and lives on no AWS object: `policies_mode`, `minimum_version`, `wait`.
    pub options: Map<String, Value>,
    /// The entries of the file that must exist before this one.
    pub references: Vec<Address>,
    /// `adopt = true`: take over a live resource of the same name that has no owner.
    pub adopt: bool,
    /// `protect = true`: never delete or replace it.
    pub protect: bool,
    /// `renamed_from`: the address that the live resource still carries in its owner tag.
    pub renamed_from: Option<Address>,
}

/// One resource and what the plan does to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Change")]
pub struct SavedChange {
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
    pub fields: Vec<SavedField>,
    /// Where the entry stands in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Where the change comes from, where the file was held against its base: no part of the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The fields that differed from the base and that the file now says as they are live: no part of the digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settles: Vec<String>,
}

/// How one field differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FieldChange")]
pub struct SavedField {
    /// The path in the entry, such as `rule.nightly.schedule` or `tags.team`.
    pub path: String,
    /// How it is shown.
    pub display: Display,
    /// The live value; null where there is none.
    pub before: Value,
    /// The desired value; null where it goes away.
    pub after: Value,
    /// The change can't be made in place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
    /// Where the difference comes from, where the file was held against its base: no part of the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// The calls of one resource in one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Step")]
pub struct SavedStep {
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
    pub looks: Vec<SavedCall>,
    /// The calls, in order.
    pub calls: Vec<SavedCall>,
    /// What needs consent by name before any step of the plan is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<SavedHazard>,
}

/// One API call, spelled out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PlannedCall")]
pub struct SavedCall {
    /// The IAM action of the operation, such as `iam:CreateRole`.
    pub action: Operation,
    /// The request in AWS's own shape, as `aws ... --cli-input-json` takes it. A value that only an earlier call's
    /// answer has is written `{"$output": "plan.daily", "name": "BackupPlanId"}`.
    pub input: Value,
}

/// One hazard of one step, and what it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HazardNote")]
pub struct SavedHazard {
    /// What consent is asked for.
    pub hazard: Hazard,
    /// What makes it one, in part of a sentence.
    pub why: String,
}

/// Something that the stack owns and the file no longer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Orphan")]
pub struct SavedOrphan {
    /// The address of its mark, or one made of its name.
    pub address: Address,
    /// Its AWS name.
    pub name: String,
    /// Its ARN or id.
    pub id: String,
    /// Where it comes from, where the file was held against its base: no part of the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// One consent of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Consent")]
pub struct SavedConsent {
    /// What is consented to.
    pub hazard: Hazard,
    /// Where: an address, or `stack`.
    pub address: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: String,
}

impl From<&Consent> for SavedConsent {
    fn from(consent: &Consent) -> Self {
        let Consent { hazard, reach, reason, until, location: _ } = consent;
        Self { hazard: *hazard, address: reach.to_string(), reason: reason.clone(), until: until.to_string() }
    }
}

impl SavedConsent {
    /// Reads it back; none where it is not as it was written.
    pub(super) fn read(&self) -> Option<Consent> {
        let reach = Reach::read(&self.address)?;
        let until = self.until.parse().ok()?;
        Some(Consent { hazard: self.hazard, reach, reason: self.reason.clone(), until, location: None })
    }
}

impl From<&Desired> for SavedEntry {
    fn from(desired: &Desired) -> Self {
        // Where an entry stands is no part of what it asks for.
        let Desired { address, name, fields, options, references, adopt, protect, renamed_from, location: _ } =
            desired.clone();
        Self { address, name, fields, options, references, adopt, protect, renamed_from }
    }
}

impl From<&SavedEntry> for Desired {
    fn from(entry: &SavedEntry) -> Self {
        let SavedEntry { address, name, fields, options, references, adopt, protect, renamed_from } = entry.clone();
        Self { address, name, fields, options, references, adopt, protect, renamed_from, location: None }
    }
}

impl From<&Change> for SavedChange {
    fn from(change: &Change) -> Self {
        // What is told besides is saved with the entry.
        let Change { address, name, action, reason, fields, location, cause, settles, told: _ } = change.clone();
        let fields = fields
            .into_iter()
            .map(|FieldChange { path, display, before, after, replaces, cause }| SavedField {
                path,
                display,
                before,
                after,
                replaces,
                cause,
            })
            .collect();
        Self { address, name, action, reason, fields, location, cause, settles }
    }
}

impl From<&SavedChange> for Change {
    fn from(change: &SavedChange) -> Self {
        let SavedChange { address, name, action, reason, fields, location, cause, settles } = change.clone();
        let fields = fields
            .into_iter()
            .map(|SavedField { path, display, before, after, replaces, cause }| FieldChange {
                path,
                display,
                before,
                after,
                replaces,
                cause,
            })
            .collect();
        Self { address, name, action, reason, fields, location, cause, settles, told: Told::default() }
    }
}

impl From<PlannedCall> for SavedCall {
    fn from(PlannedCall { operation, input }: PlannedCall) -> Self {
        Self { action: operation, input }
    }
}

impl From<SavedCall> for PlannedCall {
    fn from(SavedCall { action, input }: SavedCall) -> Self {
        Self { operation: action, input }
    }
}

impl From<HazardNote> for SavedHazard {
    fn from(HazardNote { hazard, why }: HazardNote) -> Self {
        Self { hazard, why }
    }
}

impl From<SavedHazard> for HazardNote {
    fn from(SavedHazard { hazard, why }: SavedHazard) -> Self {
        Self { hazard, why }
    }
}

impl From<&Step> for SavedStep {
    fn from(step: &Step) -> Self {
        let Step { id, address, phase, after, looks, calls, hazards } = step.clone();
        Self { id, address, phase, after, looks: each(looks), calls: each(calls), hazards: each(hazards) }
    }
}

impl From<&SavedStep> for Step {
    fn from(step: &SavedStep) -> Self {
        let SavedStep { id, address, phase, after, looks, calls, hazards } = step.clone();
        Self { id, address, phase, after, looks: each(looks), calls: each(calls), hazards: each(hazards) }
    }
}

impl From<&Orphan> for SavedOrphan {
    fn from(orphan: &Orphan) -> Self {
        let Orphan { address, name, id, cause } = orphan.clone();
        Self { address, name, id, cause }
    }
}

impl From<&SavedOrphan> for Orphan {
    fn from(orphan: &SavedOrphan) -> Self {
        let SavedOrphan { address, name, id, cause } = orphan.clone();
        Self { address, name, id, cause }
    }
}

impl SavedChange {
    /// Leaves out what two plans for the same may differ in: where the entry stands, and what it was held against.
    pub(super) fn reviewed(&self) -> Self {
        let fields = self.fields.iter().map(|field| SavedField { cause: None, ..field.clone() }).collect();
        Self { location: None, cause: None, settles: Vec::new(), fields, ..self.clone() }
    }
}

/// Turns each item of a list into another form.
fn each<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}
