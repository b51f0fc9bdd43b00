//! The security view: what each principal may do more and less after a plan than before it, from the documents that
//! are live and those that will be: the policies of roles, boundaries included, trusts, the policies of vaults, and the
//! roles that instances act as.
//!
//! The hazards `privilege-widened` and `trust-widened` and the severity of drift come from here. What can't be read is
//! told as unknown.

mod instances;
mod principals;
mod shown;
mod world;

use super::draft::{Draft, Input};
use crate::model::{Action, Address, KindId};
use crate::policy::shift::{Documents, Grant, shift};
pub use shown::{About, Security, Sign, Statement, Turn};
use world::World;

/// One difference, with what decides whether it is a hazard.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// As it is shown.
    pub(super) turn: Turn,
    /// Somebody may do more by it, or may well.
    pub(super) widens: bool,
    /// Whoever may do more is new.
    pub(super) is_new: bool,
    /// It is what a preset attaches to a role that carries this stack's mark.
    pub(super) by_preset: bool,
    /// What is allowed or no longer denied.
    pub(super) grant: Option<Grant>,
}

/// Finds all differences, in the order of the plan.
pub(super) fn find(input: &Input<'_>, drafts: &[Draft<'_>]) -> Vec<Found> {
    let world = World::of(input, drafts);
    let mut found = principals::roles(&world);
    found.extend(instances::instances(&world));
    for draft in drafts.iter().filter(|draft| draft.address.kind() == KindId::Vault) {
        if matches!(draft.action, Action::Update | Action::Replace | Action::Adopt) {
            of_vault(draft, &mut found);
        }
    }
    found
}

/// Makes the view of what was found.
pub(super) fn view(found: &[Found]) -> Security {
    Security::of(found.iter().map(|found| found.turn.clone()))
}

/// Compares the policy of a vault.
fn of_vault(draft: &Draft<'_>, found: &mut Vec<Found>) {
    let null = serde_json::Value::Null;
    let before = draft.live.and_then(|live| live.fields.get("access_policy")).unwrap_or(&null);
    let after = draft.desired.and_then(|desired| desired.fields.get("access_policy")).unwrap_or(before);
    let address = &draft.address;
    let name = format!("the policy of {address}");
    found.extend(of_documents(before, after, address, About::VaultPolicy, &name));
}

/// Compares one document that names principals.
fn of_documents(
    before: &serde_json::Value,
    after: &serde_json::Value,
    address: &Address,
    about: About,
    name: &str,
) -> Vec<Found> {
    let side = |document| Documents { policies: vec![document], boundary: None };
    let base = |sign: Sign, words: String, grant: Option<Grant>| Found {
        turn: Turn::new(address, address.to_string(), about, sign, words, grant.as_ref()),
        widens: sign != Sign::Loss,
        is_new: false,
        by_preset: false,
        grant,
    };
    let shift = match shift(&side(blank(before)), &side(blank(after))) {
        Ok(shift) => shift,
        Err(error) => {
            let words = format!("{name} can't be compared with what is there: {error}");
            return vec![base(Sign::Unknown, words, None)];
        }
    };
    let mut found = Vec::new();
    let gain = |grant: &Grant| {
        format!("{name} {} {}", if grant.denies { "no longer denies" } else { "now allows" }, grant.words())
    };
    let loss = |grant: &Grant| {
        format!("{name} {} {}", if grant.denies { "now denies" } else { "no longer allows" }, grant.words())
    };
    found.extend(shift.gains.iter().map(|grant| base(Sign::Gain, gain(grant), Some(grant.clone()))));
    found.extend(shift.losses.iter().map(|grant| base(Sign::Loss, loss(grant), Some(grant.clone()))));
    if let Some(vague) = shift.vague {
        found.extend(vague.gains.iter().map(|words| base(Sign::Gain, format!("{name} {words}"), None)));
        let said = |words: &String| format!("{name} said before, and no longer as much: it {words}");
        found.extend(vague.losses.iter().map(|words| base(Sign::Loss, said(words), None)));
    }
    found
}

/// A document that is not there says nothing.
fn blank(document: &serde_json::Value) -> &serde_json::Value {
    static NOTHING: serde_json::Value = serde_json::Value::Null;
    match document {
        serde_json::Value::String(text) if text.is_empty() => &NOTHING,
        other => other,
    }
}
