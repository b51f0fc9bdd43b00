//! How bad it is that AWS differs from the file: each difference has a severity, which pipelines go by.
//!
//! A difference takes protection away when going from the file to what is live would be a hazard: so the search for
//! hazards looks at an account that is as the file says, on its way to what is live.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::draft::{Draft, Input};
use super::hazard::{self, Hazard, HazardNote};
use super::{About, Change, Plan, security};
use crate::kind::overlay::{overlaid, present};
use crate::kind::{Carried, Desired, Found, Kind, KindLive, Live, Owner, diff};
use crate::kinds;
use crate::model::{Action, Address, FieldChange, KindId};

/// How bad a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Tags and descriptions.
    Cosmetic,
    /// Any other declared field, and what the file no longer has.
    Functional,
    /// Somebody may do more than the file says: a trust, a policy, the policy of a vault.
    SecurityWidened,
    /// Something is backed up no more, less often, for less time, without VSS, or can be deleted.
    ProtectionLost,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 4] = [Self::ProtectionLost, Self::SecurityWidened, Self::Functional, Self::Cosmetic];

    /// Returns its name, such as `protection-lost`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosmetic => "cosmetic",
            Self::Functional => "functional",
            Self::SecurityWidened => "security-widened",
            Self::ProtectionLost => "protection-lost",
        }
    }

    /// Returns the severity of what a hazard finds in the live side; none where it says nothing of a loss.
    pub fn of(hazard: Hazard) -> Option<Self> {
        match hazard {
            Hazard::ProtectionGap
            | Hazard::VssDisabled
            | Hazard::VssUnavailable
            | Hazard::RetentionShortened
            | Hazard::RetentionOrphan
            | Hazard::RecoveryPointsDeleted => Some(Self::ProtectionLost),
            Hazard::PrivilegeWidened | Hazard::TrustWidened | Hazard::RunsAsSystem => Some(Self::SecurityWidened),
            Hazard::IrreversibleLock
            | Hazard::CredentialGap
            | Hazard::BroadSelection
            | Hazard::StartsInstances
            | Hazard::UnknownFieldDropped
            | Hazard::BackedUpTwice
            | Hazard::CompetingAssociation
            | Hazard::SharedResource
            | Hazard::LargeChange => None,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One resource that differs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Drifted {
    /// How bad it is: that of its worst difference.
    pub severity: Severity,
    /// Which resource.
    pub address: Address,
    /// Its AWS name.
    pub name: String,
    /// What `apply` would do about it; `null` for what is no longer in the file, which `--prune` deletes.
    pub action: Option<Action>,
    /// What is lost or widened by it, one sentence each.
    pub why: Vec<String>,
    /// What differs: `before` is live, `after` is the file.
    pub fields: Vec<FieldChange>,
}

/// What is lost or widened in each resource by its being as it is live, and not as the file says.
pub type Losses = BTreeMap<Address, Vec<HazardNote>>;

/// Returns the differences, the worst first. What was refused or could not be read is no difference that is known.
pub fn drifted(plan: &Plan, losses: &Losses) -> Vec<Drifted> {
    let mut all: Vec<Drifted> = plan.changes.iter().filter_map(|change| of_change(change, losses)).collect();
    all.extend(plan.orphans.iter().map(|orphan| Drifted {
        severity: Severity::Functional,
        address: orphan.address.clone(),
        name: orphan.name.clone(),
        action: None,
        why: vec!["it is this stack's and no longer in the file".to_owned()],
        fields: Vec::new(),
    }));
    all.sort_by_key(|one| std::cmp::Reverse(one.severity));
    all
}

fn of_change(change: &Change, losses: &Losses) -> Option<Drifted> {
    match change.action {
        Action::NoOp | Action::Refused | Action::Unknown => return None,
        Action::Create | Action::Adopt | Action::Update | Action::Replace | Action::Delete => {}
    }
    let notes = losses.get(&change.address).map(Vec::as_slice).unwrap_or_default();
    let found = notes.iter().filter_map(|note| Severity::of(note.hazard)).max();
    let severity = found.unwrap_or_else(|| of_fields(change));
    let why = notes.iter().filter(|note| Severity::of(note.hazard).is_some());
    let why = why.map(|note| format!("{}: {}", note.hazard, note.why)).chain(change.reason.clone()).collect();
    let (address, name) = (change.address.clone(), change.name.clone());
    Some(Drifted { severity, address, name, action: Some(change.action), why, fields: change.fields.clone() })
}

/// Returns the severity of differences that no hazard speaks of.
fn of_fields(change: &Change) -> Severity {
    let is_cosmetic = |path: &str| path == "description" || path == "tags" || path.starts_with("tags.");
    let is_in_place = matches!(change.action, Action::Update | Action::Adopt);
    if is_in_place && !change.fields.is_empty() && change.fields.iter().all(|field| is_cosmetic(&field.path)) {
        return Severity::Cosmetic;
    }
    // Who may do what with a vault is no hazard of its own unless recovery points are at stake.
    let is_vault = change.address.kind() == KindId::Vault;
    if is_vault && is_in_place && change.fields.iter().any(|field| field.path.starts_with("access_policy")) {
        return Severity::SecurityWidened;
    }
    Severity::Functional
}

/// One entry, turned round.
struct Reversed {
    address: Address,
    kind: &'static dyn Kind,
    /// The resource as the file says, which is what there is in the account that is looked at.
    declared: Live,
    /// What is live, which is where that account is on its way to; none where nothing is.
    actual: Option<Desired>,
}

/// Finds what is lost or widened: an account that is as the file says, on its way to what is live.
pub fn losses(input: &Input<'_>) -> Losses {
    let found =
        |address: &Address| input.live.iter().find_map(|(_, read)| read.found.get(address)).unwrap_or(&Found::Absent);
    let sides: Vec<Reversed> =
        input.desired.iter().filter_map(|desired| reversed(desired, found(&desired.address))).collect();
    let account = declared_account(input, &sides);
    let wanted: Vec<Desired> = sides.iter().filter_map(|side| side.actual.clone()).collect();
    let drafts: Vec<Draft<'_>> = sides.iter().map(draft).collect();
    let input = &Input { desired: &wanted, live: &account, ..*input };
    let security = security::find(input, &drafts);
    let mut losses = hazard::find(input, &drafts, &security);
    for found in security.iter().filter(|found| found.widens) {
        let notes = losses.entry(found.turn.address.clone()).or_default();
        if !notes.iter().any(|note| note.why.starts_with(&found.turn.words)) {
            let hazard = match found.turn.about {
                About::Trust => Hazard::TrustWidened,
                About::Permissions | About::VaultPolicy | About::Instances => Hazard::PrivilegeWidened,
            };
            notes.push(HazardNote::new(hazard, &found.turn.words, "until it is taken back"));
        }
    }
    losses
}

/// Turns an entry round. What could not be read is not known to have lost anything; neither is a command that was not
/// sent yet.
fn reversed(desired: &Desired, found: &Found) -> Option<Reversed> {
    let kind = kinds::of(desired.address.kind());
    let address = desired.address.clone();
    match found {
        Found::Unknown { .. } | Found::Ambiguous { .. } => None,
        Found::Absent if desired.options.contains_key("run_command") => None,
        Found::Absent => {
            let declared = Live {
                name: desired.name.clone(),
                owner: Owner::Ours(Some(address.clone())),
                ids: BTreeMap::new(),
                fields: present(&desired.fields),
                carried: Carried::default(),
                refers: Vec::new(),
            };
            Some(Reversed { address, kind, declared, actual: None })
        }
        Found::Live(live) => {
            let fields = overlaid(kind.fields(), &live.fields, &desired.fields, &desired.options);
            let mut actual = Desired { fields: live.fields.clone(), ..desired.clone() };
            for name in fields.keys().filter(|name| !live.fields.contains_key(*name)) {
                actual.fields.insert(name.clone(), Value::Null);
            }
            Some(Reversed { address, kind, declared: Live { fields, ..(**live).clone() }, actual: Some(actual) })
        }
    }
}

/// Returns the account as the file says it should be; what the file does not speak of is as it is.
fn declared_account(input: &Input<'_>, sides: &[Reversed]) -> Vec<(KindId, KindLive)> {
    let of_kind = |(id, read): &(KindId, KindLive)| {
        let of_side = |side: &Reversed| (side.address.clone(), Found::Live(Box::new(side.declared.clone())));
        let declared = sides.iter().filter(|side| side.address.kind() == *id).map(of_side);
        let orphans = read.orphans.clone();
        (*id, KindLive { found: declared.collect(), orphans, surplus: read.surplus.clone(), ..KindLive::default() })
    };
    input.live.iter().map(of_kind).collect()
}

/// Makes the change from what the file says to what is live.
fn draft(side: &Reversed) -> Draft<'_> {
    let fields = side
        .actual
        .as_ref()
        .map(|actual| diff::diff(side.kind.fields(), &actual.fields, &side.declared.fields, &BTreeMap::new()));
    let action = match &fields {
        None => Action::Delete,
        Some(fields) if fields.is_empty() => Action::NoOp,
        Some(fields) if fields.iter().any(|field| field.replaces) => Action::Replace,
        Some(_) => Action::Update,
    };
    Draft {
        kind: side.kind,
        address: side.address.clone(),
        desired: side.actual.as_ref(),
        live: Some(&side.declared),
        marks: BTreeMap::new(),
        action,
        reason: None,
        fields: fields.unwrap_or_default(),
        second_of: None,
        dropped: Vec::new(),
    }
}
