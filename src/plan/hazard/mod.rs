//! Hazards: what a plan does that may be regretted, and that nobody should do by accident. Each is found by comparing what
//! is live with what will be, without asking AWS anything more; each needs consent by its name. `--yes` covers none.
//!
//! Making something new is no hazard, except where it can't be undone (`irreversible-lock`), reaches further than people mean
//! (`broad-selection`), takes the package off instances (`vss-unavailable`), or starts servers (`starts-instances`). Destroying the whole stack says of itself what is lost and asks for the stack's name: what
//! stops working then is no hazard, what can't be brought back is.

mod backup;
mod iam;
mod powers;
mod restore_test;

use crate::kinds::attachment::AttachmentCarried;
use crate::model::KindId;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Input;
use super::draft::Draft;
use super::{Plan, Step};
use crate::kind::{Found, Live, Owner};
use crate::model::Address;
use crate::model::{Action, Phase};

pub(super) use iam::still_needs;

/// From this many existing things on, a plan that changes more than half of the stack is a large one.
const LARGE: usize = 10;

/// A sort of hazard. Its name is what `--allow` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hazard {
    /// Something that is backed up now would be backed up no more, or less often: a selection goes or selects less, a rule
    /// goes, the region opts out of EC2.
    ProtectionGap,
    /// A plan stops asking for VSS: its backups are crash-consistent from then on.
    VssDisabled,
    /// VSS is asked for and would no longer work: a policy that instances or AWS Backup need for it goes, the package is
    /// removed or reaches fewer instances, or the new policy comes before the package that it needs.
    VssUnavailable,
    /// New backups would be kept for less time, or a Vault Lock would let them be.
    RetentionShortened,
    /// Recovery points would be left that AWS Backup can't expire: it needs the role that made them.
    RetentionOrphan,
    /// Recovery points could be deleted that are safe from it now: a Vault Lock goes, or a vault's policy allows it.
    RecoveryPointsDeleted,
    /// A compliance lock: once its grace time is over, nobody can take it off, AWS included.
    IrreversibleLock,
    /// Instances would be without credentials for a while, or for good: their profile or its role is swapped or goes.
    CredentialGap,
    /// A role or policy would allow more than it does.
    PrivilegeWidened,
    /// A role could be assumed by more than now.
    TrustWidened,
    /// A selection of everything, whatever its tags.
    BroadSelection,
    /// A restore test would start real servers: copies of ones that run, with their host names and domain.
    StartsInstances,
    /// Others use the thing too: instance profiles, roles or users that are not this stack's.
    SharedResource,
    /// More than ten things, and more than half of what the stack has, would change at once.
    LargeChange,
}

impl Hazard {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 14] = [
        Self::ProtectionGap,
        Self::VssDisabled,
        Self::VssUnavailable,
        Self::RetentionShortened,
        Self::RetentionOrphan,
        Self::RecoveryPointsDeleted,
        Self::IrreversibleLock,
        Self::CredentialGap,
        Self::PrivilegeWidened,
        Self::TrustWidened,
        Self::BroadSelection,
        Self::StartsInstances,
        Self::SharedResource,
        Self::LargeChange,
    ];

    /// Returns the name, such as `protection-gap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProtectionGap => "protection-gap",
            Self::VssDisabled => "vss-disabled",
            Self::VssUnavailable => "vss-unavailable",
            Self::RetentionShortened => "retention-shortened",
            Self::RetentionOrphan => "retention-orphan",
            Self::RecoveryPointsDeleted => "recovery-points-deleted",
            Self::IrreversibleLock => "irreversible-lock",
            Self::CredentialGap => "credential-gap",
            Self::PrivilegeWidened => "privilege-widened",
            Self::TrustWidened => "trust-widened",
            Self::BroadSelection => "broad-selection",
            Self::StartsInstances => "starts-instances",
            Self::SharedResource => "shared-resource",
            Self::LargeChange => "large-change",
        }
    }

    /// Tells whether it stays a hazard when the whole stack is destroyed.
    fn outlives_the_stack(self) -> bool {
        match self {
            Self::RetentionOrphan | Self::RecoveryPointsDeleted | Self::SharedResource => true,
            Self::ProtectionGap
            | Self::VssDisabled
            | Self::VssUnavailable
            | Self::RetentionShortened
            | Self::IrreversibleLock
            | Self::CredentialGap
            | Self::PrivilegeWidened
            | Self::TrustWidened
            | Self::BroadSelection
            | Self::StartsInstances
            | Self::LargeChange => false,
        }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Reports a text that names no hazard.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no hazard `{text}`{}", meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default())]
pub struct HazardError {
    /// What was given.
    pub text: String,
    /// What was probably meant.
    pub meant: Option<Hazard>,
}

impl FromStr for Hazard {
    type Err = HazardError;

    fn from_str(text: &str) -> Result<Self, HazardError> {
        Self::ALL.into_iter().find(|hazard| hazard.name() == text).ok_or_else(|| {
            let likeness = |hazard: &Self| strsim::jaro_winkler(hazard.name(), &text.to_lowercase());
            let meant = Self::ALL.into_iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
            HazardError { text: text.to_owned(), meant: meant.filter(|hazard| likeness(hazard) > 0.8) }
        })
    }
}

/// One hazard of one step, and what it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HazardNote {
    /// What consent is asked for.
    pub hazard: Hazard,
    /// What makes it one, in part of a sentence.
    pub why: String,
}

/// Lists the hazards of a plan that nobody consented to, in the order of the steps.
pub fn unconsented<'a>(plan: &'a Plan, allowed: &[Hazard]) -> Vec<(&'a Address, &'a HazardNote)> {
    all(plan).filter(|(_, note)| !allowed.contains(&note.hazard)).collect()
}

/// Lists the hazards of a plan, in the order of the steps.
pub fn all(plan: &Plan) -> impl Iterator<Item = (&Address, &HazardNote)> {
    plan.steps.iter().flat_map(|step| step.hazards.iter().map(move |note| (&step.address, note)))
}

/// Finds the hazards of each thing.
pub(super) fn find(input: &Input<'_>, drafts: &[Draft<'_>]) -> BTreeMap<Address, Vec<HazardNote>> {
    let mut found = BTreeMap::new();
    for draft in drafts {
        let mut notes = Notes::default();
        let thing = Thing { draft, input };
        match draft.kind.id() {
            KindId::Role => iam::role(&thing, &mut notes),
            KindId::Policy => iam::policy(&thing, &mut notes),
            KindId::InstanceProfile => iam::instance_profile(&thing, &mut notes),
            KindId::Attachment => iam::attachment(&thing, &mut notes),
            KindId::Package => backup::package(&thing, &mut notes),
            KindId::Vault => backup::vault(&thing, &mut notes),
            KindId::Plan => backup::plan(&thing, &mut notes),
            KindId::Selection => backup::selection(&thing, &mut notes),
            KindId::RestoreTest => restore_test::restore_test(&thing, &mut notes),
            KindId::RegionSettings => backup::region_settings(&thing, &mut notes),
        }
        // A part of the stack says nothing about what it takes along.
        let is_the_end = input.options.destroy && input.options.targets.is_empty();
        // Nobody's attachment put the profile there: whoever runs the instance may not know that the stack goes.
        let is_unclaimed = draft.kind.id() == KindId::Attachment
            && draft.live.and_then(|live| live.carried.get::<AttachmentCarried>()).is_some_and(|it| it.unclaimed);
        let outlives = |hazard: Hazard| hazard.outlives_the_stack() || is_unclaimed && hazard == Hazard::CredentialGap;
        notes.0.retain(|note| !is_the_end || outlives(note.hazard));
        if !notes.0.is_empty() {
            found.insert(draft.address.clone(), notes.0);
        }
    }
    if let Some((address, note)) = large_change(input, drafts) {
        found.entry(address).or_insert_with(Vec::new).push(note);
    }
    found
}

/// Puts each thing's hazards on the step that brings them: the last one for a lock, which comes last, else the first.
pub(super) fn attach(steps: &mut [Step], mut found: BTreeMap<Address, Vec<HazardNote>>) {
    let last_of: BTreeMap<Address, usize> = steps.iter().map(|step| (step.address.clone(), step.id)).collect();
    for step in steps {
        let Some(notes) = found.get_mut(&step.address) else { continue };
        let is_last = last_of.get(&step.address) == Some(&step.id);
        let comes_now =
            |note: &HazardNote| is_last || note.hazard != Hazard::IrreversibleLock && step.phase != Phase::Release;
        step.hazards = notes.extract_if(.., |note| comes_now(note)).collect();
    }
}

fn large_change(input: &Input<'_>, drafts: &[Draft<'_>]) -> Option<(Address, HazardNote)> {
    let is_hit = |draft: &&Draft<'_>| match draft.action {
        Action::Replace | Action::Delete => true,
        Action::Update | Action::Adopt => draft.fields.iter().any(|field| !field.path.starts_with("tags.")),
        Action::Create | Action::NoOp | Action::Unknown | Action::Refused => false,
    };
    let changed: Vec<&Draft<'_>> = drafts.iter().filter(is_hit).collect();
    let existing = drafts.iter().filter(|draft| draft.live.is_some()).count();
    if input.options.destroy || changed.len() <= LARGE || changed.len() * 2 <= existing {
        return None;
    }
    let why = format!("{} of the {existing} things that are there change in one plan", changed.len());
    Some((changed.first()?.address.clone(), HazardNote { hazard: Hazard::LargeChange, why }))
}

/// The hazards of one thing, as they are found.
#[derive(Debug, Default)]
struct Notes(Vec<HazardNote>);

impl Notes {
    fn add(&mut self, hazard: Hazard, why: impl Into<String>) {
        let note = HazardNote { hazard, why: why.into() };
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }
}

/// One thing with what is around it.
#[derive(Clone, Copy)]
struct Thing<'a> {
    draft: &'a Draft<'a>,
    input: &'a Input<'a>,
}

impl<'a> Thing<'a> {
    /// Tells whether something that exists is changed in place or made anew.
    fn is_changed(&self) -> bool {
        match self.draft.action {
            // What a second object does, the entry does from then on: what differs is lost.
            Action::Delete if self.draft.second_of.is_some() => true,
            Action::Update | Action::Replace => true,
            // Adoption alone writes marks.
            Action::Adopt => !self.draft.fields.is_empty(),
            Action::NoOp | Action::Create | Action::Delete | Action::Unknown | Action::Refused => false,
        }
    }

    fn is(&self, action: Action) -> bool {
        self.draft.action == action && !(action == Action::Delete && self.draft.second_of.is_some())
    }

    /// Returns what is live of a field; null where nothing is.
    fn before(&self, field: &str) -> &'a Value {
        self.draft.live.and_then(|live| live.fields.get(field)).unwrap_or(&Value::Null)
    }

    /// Returns what a field will be: what the file says, else what is live.
    fn after(&self, field: &str) -> &'a Value {
        match self.draft.desired.and_then(|desired| desired.fields.get(field)) {
            Some(value) => value,
            None => self.before(field),
        }
    }

    /// Tells whether a field, or something in it, differs.
    fn changes(&self, field: &str) -> bool {
        let within = |path: &str| path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.draft.fields.iter().any(|change| within(&change.path))
    }

    /// Returns every live thing of a kind that was read, whoever it belongs to.
    fn live(&self, kind: KindId) -> impl Iterator<Item = &'a Live> {
        let read = self.input.live.iter().filter(move |(name, _)| *name == kind);
        read.flat_map(|(_, live)| {
            let found = live.found.values().filter_map(|found| match found {
                Found::Live(live) => Some(&**live),
                Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
            });
            found.chain(&live.orphans).chain(live.surplus.iter().map(|(_, live)| live))
        })
    }

    /// Returns the live things of a kind that are this stack's, targets or not: those of the file and its orphans.
    fn ours(&self, kind: KindId) -> Vec<&'a Live> {
        ours(self.input, kind)
    }
}

/// Returns the live things of a kind that are this stack's: those of the file and its orphans.
pub(super) fn ours<'a>(input: &Input<'a>, kind: KindId) -> Vec<&'a Live> {
    let read = input.live.iter().filter(|(name, _)| *name == kind);
    read.flat_map(|(_, live)| {
        let found = live.found.values().filter_map(|found| match found {
            Found::Live(live) if matches!(live.owner, Owner::Ours(_)) => Some(&**live),
            Found::Live(_) | Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
        });
        found.chain(&live.orphans)
    })
    .collect()
}

/// Returns the texts of a set.
fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hazard_is_found_by_its_name_and_a_slip_is_corrected() {
        for hazard in Hazard::ALL {
            assert_eq!(hazard.name().parse(), Ok(hazard));
            assert_eq!(serde_json::to_value(hazard).ok(), Some(Value::from(hazard.name())));
        }
        let slip = "protecton-gap".parse::<Hazard>().expect_err("a slip");
        assert_eq!(slip.to_string(), "there is no hazard `protecton-gap`; did you mean `protection-gap`?");
        assert_eq!("all".parse::<Hazard>().map_err(|error| error.meant), Err(None));
    }

    #[test]
    fn every_hazard_is_documented() {
        let text = include_str!("../../../docs/hazards.md");
        for hazard in Hazard::ALL {
            assert!(text.contains(&format!("| `{hazard}` |")), "docs/hazards.md lacks {hazard}");
        }
    }
}
