//! Which packages come before which policies, and on which instances a package comes first.
//!
//! What leaves instances with `AWSEC2VssSnapshotPolicy` in place of an older policy waits for their packages
//! ([`swaps`]). What was read is in `Input::installed`; nothing is read here.

mod older;
mod swaps;
#[cfg(test)]
mod tests;

use crate::kinds::package::PackageCarried;
use crate::model::KindId;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Input;
use super::draft::Draft;
use super::{Hazard, HazardNote, rivals};
use crate::kind::Rings;
use crate::model::Action;
use crate::model::{Address, Diagnostic};
use crate::vss::gate::{Evidence, Machine, Machines, Standing, Wanted, wanted};
use crate::vss::package::is_package;
use crate::vss::version::MANAGED_POLICY;

/// What comes before what, and what needs consent.
#[derive(Debug, Default)]
pub(super) struct Precedence {
    /// (resource, the package that stands before anything is done to it).
    pub(super) waits: BTreeSet<(Address, Address)>,
    rings: BTreeMap<Address, Rings>,
    hazards: BTreeMap<Address, Vec<HazardNote>>,
}

static NO_RINGS: Rings = Rings { first: Vec::new(), right: BTreeSet::new(), attempt: 0 };

impl Precedence {
    /// Returns in which order instances get a package.
    pub(super) fn rings(&self, address: &Address) -> &Rings {
        self.rings.get(address).unwrap_or(&NO_RINGS)
    }

    /// Adds what needs consent.
    pub(super) fn add_hazards(&self, found: &mut BTreeMap<Address, Vec<HazardNote>>) {
        for (address, notes) in &self.hazards {
            found.entry(address.clone()).or_default().extend(notes.iter().cloned());
        }
    }

    /// Holds back what waits for a package that can't be installed after all; tells whether something is.
    pub(super) fn hold_back(&self, drafts: &mut [Draft<'_>]) -> bool {
        let blocked: BTreeMap<Address, Action> = drafts
            .iter()
            .filter(|draft| matches!(draft.action, Action::Refused | Action::Unknown))
            .map(|draft| (draft.address.clone(), draft.action))
            .collect();
        let mut held = false;
        for (waiting, package) in &self.waits {
            let Some(action) = blocked.get(package) else { continue };
            let found = drafts.iter_mut().find(|draft| draft.address == *waiting && changes(draft));
            if let Some(draft) = found {
                let why = if *action == Action::Unknown { "which could not be read" } else { "which is refused" };
                draft.refuse(*action, format!("waits for `{package}`, {why}"));
                held = true;
            }
        }
        held
    }

    fn note(&mut self, address: &Address, what: &str, end: &str) {
        let note = HazardNote::new(Hazard::VssUnavailable, what, end);
        self.hazards.entry(address.clone()).or_default().push(note);
    }
}

/// Finds what comes before what, and refuses what can't be put in a safe order.
pub(super) fn hold(input: &Input<'_>, drafts: &mut [Draft<'_>], diagnostics: &mut Vec<Diagnostic>) -> Precedence {
    let mut precedence = Precedence::default();
    let evidence = input.installed;
    if input.options.destroy || !input.options.adopt.is_empty() {
        return precedence;
    }
    commands(evidence, drafts, &mut precedence);
    rivals::refuse(input, drafts, diagnostics);
    let canaries = canaries(evidence, drafts, diagnostics);
    let older = swaps::hold(input, evidence, drafts, diagnostics, &mut precedence);
    older::losses(input, evidence, drafts, &mut precedence);
    older::unread(evidence, drafts, diagnostics);
    let packages: BTreeSet<Address> =
        canaries.keys().chain(older.keys()).chain(precedence.rings.keys()).cloned().collect();
    for address in packages {
        let first = precedence.rings.entry(address.clone()).or_default();
        first.attempt = evidence.attempts.get(&address).copied().unwrap_or(1);
        let upgraded = std::mem::take(&mut first.first);
        let mut seen = BTreeSet::new();
        let groups = canaries.get(&address).into_iter().chain(older.get(&address)).chain(&upgraded);
        for group in groups {
            let group: Vec<String> = group.iter().filter(|id| seen.insert((*id).clone())).cloned().collect();
            if !group.is_empty() {
                first.first.push(group);
            }
        }
        if let Some(draft) = drafts.iter_mut().find(|draft| draft.address == address && !first.first.is_empty()) {
            let ids = first.first.concat();
            draft.reason.get_or_insert_with(|| format!("first on {}, then on the others", named(evidence, &ids)));
        }
        if let (false, Some(seconds)) = (first.first.is_empty(), evidence.unsettled.get(&address))
            && let Some(draft) = drafts.iter_mut().find(|draft| draft.address == address)
        {
            let reason = format!("a run was about to send its command; whether it did will show in {seconds} s");
            draft.refuse(Action::Unknown, reason);
        }
    }
    precedence
}

/// Names the first few instances, and says how many more there are.
fn named(evidence: &Evidence, ids: &[String]) -> String {
    const MOST: usize = 5;
    let title = |id: &String| {
        evidence.machines().iter().find(|machine| machine.id == *id).map_or_else(|| id.clone(), Machine::title)
    };
    let mut shown: Vec<String> = ids.iter().take(MOST).map(title).collect();
    if let Some(more @ 1..) = ids.len().checked_sub(MOST) {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

/// Tells whether a resource changes.
fn changes(draft: &Draft<'_>) -> bool {
    matches!(draft.action, Action::Create | Action::Adopt | Action::Update | Action::Replace)
}

/// Returns the value of a field: what the file says, else what is live.
fn field<'a>(draft: &'a Draft<'_>, name: &str) -> &'a Value {
    let desired = draft.desired.and_then(|desired| desired.fields.get(name));
    let live = || draft.live.and_then(|live| live.fields.get(name));
    desired.or_else(live).unwrap_or(&Value::Null)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Tells whether an entry installs the VSS package.
fn installs(draft: &Draft<'_>) -> bool {
    draft.kind.id() == KindId::Package
        && draft.desired.is_some()
        && is_package(field(draft, "package_name").as_str().unwrap_or_default())
        && field(draft, "action") == "Install"
}

/// Returns the version that an entry asks for; `None` where any version will do.
fn wants<'a>(draft: &Draft<'a>) -> Option<Wanted<'a>> {
    draft.desired.and_then(|desired| wanted(&desired.fields, &desired.options))
}

/// Decides about Run Commands: one without anything to do is not sent, and one that was sent is sent again where the
/// version on an instance is older.
fn commands(evidence: &Evidence, drafts: &mut [Draft<'_>], precedence: &mut Precedence) {
    for draft in drafts.iter_mut().filter(|draft| installs(draft)) {
        let is_command = draft.desired.is_some_and(|desired| desired.options.contains_key("run_command"));
        let (true, Some(wanted)) = (is_command, wants(draft)) else { continue };
        let meant: Vec<&Machine> =
            evidence.machines().iter().filter(|machine| machine.is_meant(field(draft, "targets"))).collect();
        if changes(draft) {
            let right: BTreeSet<String> = meant
                .iter()
                .filter(|machine| machine.standing(wanted) == Standing::Right)
                .map(|machine| machine.id.clone())
                .collect();
            let ids: Vec<&str> = texts(&field(draft, "targets")["InstanceIds"]).collect();
            if !ids.is_empty() && ids.iter().all(|id| right.contains(*id)) {
                draft.action = Action::NoOp;
                draft.fields.clear();
                draft.reason = Some("its instances have it already".to_owned());
            } else {
                precedence.rings.entry(draft.address.clone()).or_default().right = right;
            }
            continue;
        }
        // A command that is under way may bring it.
        let carried = draft.live.and_then(|live| live.carried.get::<PackageCarried>());
        if draft.action != Action::NoOp || carried.is_some_and(|carried| carried.is_under_way) {
            continue;
        }
        let is_due = |machine: &&&Machine| {
            machine.windows
                && machine.running
                && !machine.offline
                && machine.takes(wanted.pin())
                && matches!(machine.standing(wanted), Standing::Wrong(_) | Standing::Gone)
        };
        let due: Vec<&Machine> = meant.iter().filter(is_due).copied().collect();
        if !due.is_empty() {
            again(draft, &due, wanted);
            let ids = due.iter().map(|machine| machine.id.clone()).collect();
            precedence.rings.entry(draft.address.clone()).or_default().first.push(ids);
        }
    }
}

/// Turns a package without a change into one that is installed again on some instances.
fn again(draft: &mut Draft<'_>, machines: &[&Machine], wanted: Wanted<'_>) {
    if !matches!(draft.action, Action::NoOp | Action::Update) || !draft.fields.is_empty() {
        return;
    }
    let had = machines.iter().map(|machine| match machine.standing(wanted) {
        Standing::Wrong(version) => format!("{} has {version}", machine.title()),
        Standing::Gone | Standing::Right | Standing::Unknown => format!("{} does not have it", machine.title()),
    });
    draft.action = Action::Update;
    draft.reason = Some(draft.reason.take().into_iter().chain(had).collect::<Vec<_>>().join(", "));
}

/// Chooses the instances of each package on which it is tried before all others.
fn canaries(
    evidence: &Evidence,
    drafts: &mut [Draft<'_>],
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<Address, Vec<String>> {
    /// A change of one of these fields installs something on instances.
    const BRINGING: [&str; 6] =
        ["package_name", "action", "installation_type", "version", "additional_arguments", "targets"];
    let mut found = BTreeMap::new();
    for draft in drafts.iter_mut() {
        let Some(canary) = draft.desired.and_then(|desired| desired.options.get("canary")) else { continue };
        let brings = draft.action == Action::Create
            || changes(draft)
                && draft.fields.iter().any(|change| {
                    let top = change.path.split('.').next().unwrap_or_default();
                    BRINGING.contains(&top)
                });
        if !brings || field(draft, "action") != "Install" {
            continue;
        }
        if let Some(ids) = canary.as_array() {
            found.insert(draft.address.clone(), texts(&Value::from(ids.clone())).map(str::to_owned).collect());
            continue;
        }
        let count = canary.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
        let targets = field(draft, "targets");
        let Machines::Read(machines) = &evidence.machines else {
            let (action, message) = match &evidence.machines {
                Machines::Unread(error) => (format!("{}:{}", error.service, error.operation), error.reason()),
                Machines::NotRead | Machines::Read(_) => ("ec2:DescribeInstances".to_owned(), "not read".to_owned()),
            };
            let address = draft.address.clone();
            diagnostics.push(
                Diagnostic::error("VSS0801", format!("the canary of `{address}` could not be chosen: {message}"))
                    .at(&address)
                    .located(draft.desired.and_then(|desired| desired.location.clone()))
                    .help(format!("allow `{action}` to the caller, or name the instances: `canary = [\"i-...\"]`")),
            );
            draft.refuse(Action::Unknown, format!("{action} failed"));
            continue;
        };
        // An instance without the package tests more than one that has it.
        let floor = wants(draft).unwrap_or(Wanted::From(MANAGED_POLICY));
        // Nor does one tell anything on which this version never works.
        let pin = wants(draft).and_then(Wanted::pin);
        let is_fit =
            |machine: &&Machine| machine.windows && machine.running && machine.is_meant(targets) && machine.takes(pin);
        let mut fit: Vec<&Machine> = machines.iter().filter(is_fit).collect();
        fit.sort_by_key(|machine| (machine.standing(floor) == Standing::Right, &machine.id));
        let chosen: Vec<String> = fit.into_iter().take(count).map(|machine| machine.id.clone()).collect();
        if !chosen.is_empty() {
            found.insert(draft.address.clone(), chosen);
        }
    }
    found
}
