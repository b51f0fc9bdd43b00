//! Finds the hazards of a plan and puts each on the step that brings it.

use std::collections::BTreeMap;

use super::notes::Notes;
use super::subject::Subject;
use super::{Hazard, HazardNote, backup, competing, iam, restore_test, runs_as_system, twice};
use crate::kind::Owner;
use crate::kinds::attachment::AttachmentCarried;
use crate::model::consent::Consent;
use crate::model::{Action, Address, Consents, Diagnostic, KindId, Phase};
use crate::plan::draft::{Draft, Input};
use crate::plan::{Plan, Step, security};

/// From this many live resources on, a plan that changes more than half of the stack is a large one.
const LARGE: usize = 10;

/// Lists the hazards of a plan that nobody consented to, in the order of the steps.
pub fn unconsented<'a>(plan: &'a Plan, consents: &Consents) -> Vec<(&'a Address, &'a HazardNote)> {
    all(plan).filter(|(address, note)| !consents.cover(note.hazard, address)).collect()
}

/// Names the consents of the file that a whole plan has no use for.
pub fn unused(plan: &Plan, consents: &Consents) -> Vec<Diagnostic> {
    let is_used = |consent: &Consent| all(plan).any(|(address, note)| consent.covers(note.hazard, address));
    let unused = consents.declared.iter().filter(|consent| !is_used(consent));
    unused
        .map(|consent| {
            let message =
                format!("the consent to `{}` at `{}` covers nothing of this plan", consent.hazard, consent.reach);
            Diagnostic::warning("VSS0223", message)
                .located(consent.location.clone())
                .help("take it out of the file once the change is made")
        })
        .collect()
}

/// Lists the hazards of a plan, in the order of the steps.
pub fn all(plan: &Plan) -> impl Iterator<Item = (&Address, &HazardNote)> {
    plan.steps.iter().flat_map(|step| step.hazards.iter().map(move |note| (&step.address, note)))
}

/// Finds the hazards of each resource.
pub(in crate::plan) fn find(
    input: &Input<'_>,
    drafts: &[Draft<'_>],
    security: &[security::Found],
) -> BTreeMap<Address, Vec<HazardNote>> {
    let mut found = BTreeMap::new();
    for draft in drafts {
        let mut notes = Notes::default();
        let subject = Subject { draft, input, security };
        match draft.kind.id() {
            KindId::Role => iam::role(&subject, &mut notes),
            KindId::Policy => iam::policy(&subject, &mut notes),
            KindId::InstanceProfile => iam::instance_profile(&subject, &mut notes),
            KindId::Attachment => iam::attachment(&subject, &mut notes),
            KindId::Package => {
                backup::package(&subject, &mut notes);
                competing::package(&subject, &mut notes);
                runs_as_system::package(&subject, &mut notes);
            }
            KindId::Vault => backup::vault(&subject, &mut notes),
            KindId::Plan => backup::plan(&subject, &mut notes),
            KindId::Selection => backup::selection(&subject, &mut notes),
            KindId::RestoreTest => restore_test::restore_test(&subject, &mut notes),
            KindId::RegionSettings => backup::region_settings(&subject, &mut notes),
        }
        if let (Action::Adopt, Some(Owner::CloudFormation(stack))) = (draft.action, draft.live.map(|live| &live.owner))
        {
            let what = format!("the CloudFormation stack `{stack}` made it, and changes or deletes it");
            notes.add(Hazard::SharedResource, what, "until it lets it go");
        }
        if !draft.dropped.is_empty() {
            let names = draft.dropped.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let what = format!("AWS has {names}, which this version of vssctl can't keep");
            notes.add(Hazard::UnknownFieldDropped, what, "until somebody sets them again by other means");
        }
        // A part of the stack says nothing about what it takes along.
        let is_the_end = input.options.destroy && input.options.targets.is_empty();
        // Nobody's attachment put the profile there: whoever runs the instance may not know that the stack goes.
        let is_unclaimed = draft.kind.id() == KindId::Attachment
            && draft.live.and_then(|live| live.carried.get::<AttachmentCarried>()).is_some_and(|it| it.unclaimed);
        let outlives = |hazard: Hazard| hazard.outlives_the_stack() || is_unclaimed && hazard == Hazard::CredentialGap;
        notes.retain(|note| !is_the_end || outlives(note.hazard));
        let notes = notes.into_vec();
        if !notes.is_empty() {
            found.insert(draft.address.clone(), notes);
        }
    }
    for (address, note) in twice::find(input, drafts) {
        found.entry(address).or_insert_with(Vec::new).push(note);
    }
    if let Some((address, note)) = large_change(input, drafts) {
        found.entry(address).or_insert_with(Vec::new).push(note);
    }
    found
}

/// Puts the hazards of each resource on the step that brings them: a lock comes with the last step, all others with the
/// first.
pub(in crate::plan) fn attach(steps: &mut [Step], mut found: BTreeMap<Address, Vec<HazardNote>>) {
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
    let what = format!("{} of the {existing} live resources change in one plan", changed.len());
    let note = HazardNote::new(Hazard::LargeChange, what, "until it is done");
    Some((changed.first()?.address.clone(), note))
}
