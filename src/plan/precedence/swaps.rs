//! Which changes leave instances with what only newer packages can use, and what becomes of them: they wait for
//! packages, are refused, or ask for consent.
//!
//! It may be a role that gets `AWSEC2VssSnapshotPolicy` in place of an older policy, a document that no longer allows
//! what older packages need, another role in a profile, or another profile on an instance; or several of them together.

use crate::model::{KindId, kind_id};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Precedence, again, changes, field, installs};
use crate::kind::Found;
use crate::model::Action;
use crate::model::{Address, Diagnostic};
use crate::plan::Input;
use crate::plan::access::{Access, Move};
use crate::plan::draft::Draft;
use crate::plan::rounds::{Decision, in_rounds};
use crate::vss::gate::{Evidence, Machine, Machines, POLICY, Standing, Wanted, swaps, takes_older};
use crate::vss::package::is_package;
use crate::vss::version::{MANAGED_POLICY, System, compare};

/// What is said wherever the version on an instance is not known.
const WORKS: &str = "works only where AwsVssComponents 2.3.1 or later is installed";

/// Instances that lose what older packages need, all on the same way.
#[derive(Debug)]
struct Swap<'a> {
    machines: Vec<&'a Machine>,
    /// The changes that wait for the packages of these instances.
    held: BTreeSet<Address>,
    /// The changes of `held` that cause the loss: each that suffices alone, else all of them.
    causes: BTreeSet<Address>,
}

/// Why an instance can't be left with what only newer packages can use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Late {
    why: String,
    /// No newer package works on its system.
    is_for_good: bool,
}

/// Holds back the changes that cause a swap. Returns the instances that each package brings up to date before.
pub(super) fn hold(
    input: &Input<'_>,
    evidence: &Evidence,
    drafts: &mut [Draft<'_>],
    diagnostics: &mut Vec<Diagnostic>,
    precedence: &mut Precedence,
) -> BTreeMap<Address, Vec<String>> {
    // A refused resource changes nothing any more, and what is left may swap by itself: the rounds go on until all of
    // the swaps that are found can be made.
    let mut found = Vec::new();
    in_rounds(drafts, |drafts| {
        found = swaps_of(input, evidence, drafts);
        let mut late: BTreeMap<&Address, Vec<Late>> = BTreeMap::new();
        for swap in &found {
            let of = |machine: &&Machine| {
                let why = obstacle(input, drafts, machine, &swap.held)?;
                Some(Late { why, is_for_good: machine.only().is_some() })
            };
            let reasons: Vec<Late> = swap.machines.iter().filter_map(of).collect();
            for cause in swap.causes.iter().filter(|_| !reasons.is_empty()) {
                late.entry(cause).or_default().extend(reasons.iter().cloned());
            }
        }
        let refused = drafts.iter().enumerate();
        refused
            .filter_map(|(index, draft)| Some(refuse(index, draft, late.get(&draft.address)?, diagnostics)))
            .collect()
    });
    let mut first: BTreeMap<Address, Vec<String>> = BTreeMap::new();
    for swap in &found {
        order(swap, drafts, precedence, &mut first);
        consent(swap, evidence, precedence);
    }
    unread(evidence, drafts, precedence);
    losses(input, evidence, drafts, precedence);
    first
}

/// Finds the swaps of a plan as it stands.
fn swaps_of<'e>(input: &Input<'_>, evidence: &'e Evidence, drafts: &[Draft<'_>]) -> Vec<Swap<'e>> {
    let access = Access::of_drafts(input.scope, &evidence.account, drafts);
    let ways = ways(&access, evidence);
    let mut found = Vec::new();
    for (way, machines) in ways {
        let mut held = access.holding(None, &way);
        held.retain(|address| {
            let is_it = |machine: &&Machine| access.holding(Some(machine), &way).contains(address);
            machines.is_empty() || machines.iter().any(is_it)
        });
        let before = access.powers(&way, &|_| false);
        if held.is_empty() || !swaps(&before, &access.powers(&way, &|_| true), input.scope) {
            continue;
        }
        let alone =
            |address: &&Address| takes_older(&before, &access.powers(&way, &|other| other == *address), input.scope);
        let blamed: BTreeSet<Address> = held.iter().filter(alone).cloned().collect();
        let causes = if blamed.is_empty() { held.clone() } else { blamed };
        found.push(Swap { machines, held, causes });
    }
    found
}

/// Returns the ways of the Windows instances, each with its instances. Where the instances could not be read, one may
/// be on any way.
fn ways<'e>(access: &Access<'_>, evidence: &'e Evidence) -> BTreeMap<Move, Vec<&'e Machine>> {
    let Machines::Read(machines) = &evidence.machines else {
        return access.moves().into_iter().map(|way| (way, Vec::new())).collect();
    };
    let mut ways: BTreeMap<Move, Vec<&Machine>> = BTreeMap::new();
    for machine in machines.iter().filter(|machine| machine.windows) {
        if let Some(way) = access.way(machine) {
            ways.entry(way).or_default().push(machine);
        }
    }
    ways
}

/// Says why an instance can't be left with what only newer packages can use, if it can't.
fn obstacle(input: &Input<'_>, drafts: &[Draft<'_>], machine: &Machine, held: &BTreeSet<Address>) -> Option<String> {
    let title = machine.title();
    let standing = machine.standing(Wanted::From(MANAGED_POLICY));
    let rule = machine.system.as_ref().and_then(System::rule).map(|rule| format!(", {rule}")).unwrap_or_default();
    if let Some((package, pin)) = pinned(input, drafts, machine) {
        return Some(match standing {
            Standing::Wrong(version) => format!("{title}: {version} (`{package}` installs {pin}){rule}"),
            Standing::Right | Standing::Gone | Standing::Unknown => {
                format!("{title}: `{package}` installs {pin}{rule}")
            }
        });
    }
    let version = match standing {
        Standing::Wrong(version) => version,
        // Whatever works on such a system can't use the policy, so that it makes no difference that it is not known.
        Standing::Unknown if machine.only().is_some() => "not known".to_owned(),
        Standing::Right | Standing::Gone | Standing::Unknown => return None,
    };
    if machine.only().is_none() && !machine.running {
        return Some(format!("{title}: {version}, stopped"));
    }
    let is_brought = drafts.iter().any(|package| brings(package, drafts, machine, held));
    (!is_brought).then(|| format!("{title}: {version}{rule}"))
}

/// Returns the package of the file that pins an older version on an instance, whether it is a target of this run or
/// not.
fn pinned(input: &Input<'_>, drafts: &[Draft<'_>], machine: &Machine) -> Option<(Address, String)> {
    let found: BTreeMap<&Address, &Found> = input.live.iter().flat_map(|(_, live)| &live.found).collect();
    input.desired.iter().filter(|entry| entry.address.kind() == KindId::Package).find_map(|entry| {
        let live = match found.get(&entry.address) {
            Some(Found::Live(live)) => Some(&live.fields),
            Some(Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. }) | None => None,
        };
        let value = |name: &str| {
            entry.fields.get(name).or_else(|| live.and_then(|live| live.get(name))).unwrap_or(&Value::Null)
        };
        let version = value("version").as_str().filter(|version| !version.is_empty())?;
        let is_sent = drafts.iter().find(|draft| draft.address == entry.address).is_some_and(changes);
        let stands = is_sent || !entry.options.contains_key("run_command");
        let is_older = stands
            && is_package(value("package_name").as_str().unwrap_or_default())
            && value("action") == "Install"
            && compare(version, MANAGED_POLICY).is_lt()
            && machine.is_meant(value("targets"));
        is_older.then(|| (entry.address.clone(), version.to_owned()))
    })
}

/// Puts the packages before what waits for them, and instances with an older one before the others.
fn order(
    swap: &Swap<'_>,
    drafts: &mut [Draft<'_>],
    precedence: &mut Precedence,
    first: &mut BTreeMap<Address, Vec<String>>,
) {
    let floor = Wanted::From(MANAGED_POLICY);
    for machine in &swap.machines {
        let bringing: Vec<usize> =
            (0..drafts.len()).filter(|index| brings(&drafts[*index], drafts, machine, &swap.held)).collect();
        for package in &bringing {
            let package = &drafts[*package].address;
            precedence.waits.extend(swap.held.iter().map(|held| (held.clone(), package.clone())));
        }
        if let (Standing::Wrong(_), Some(package)) = (machine.standing(floor), bringing.first()) {
            let package = &mut drafts[*package];
            let meant = first.entry(package.address.clone()).or_default();
            if !meant.contains(&machine.id) {
                meant.push(machine.id.clone());
                again(package, &[machine], floor);
            }
        }
    }
}

/// Asks for consent where the version on an instance is not known.
fn consent(swap: &Swap<'_>, evidence: &Evidence, precedence: &mut Precedence) {
    let why = match &evidence.machines {
        Machines::Read(_) => {
            let is_unknown = |machine: &&&Machine| machine.standing(Wanted::From(MANAGED_POLICY)) == Standing::Unknown;
            let unknown: Vec<String> = swap.machines.iter().filter(is_unknown).map(|machine| machine.title()).collect();
            if unknown.is_empty() {
                return;
            }
            let denied: BTreeSet<String> =
                evidence.unread.iter().map(|error| format!("`{}:{}`", error.service, error.operation)).collect();
            let hint = if denied.is_empty() {
                String::new()
            } else {
                format!(" (allow {})", denied.into_iter().collect::<Vec<_>>().join(", "))
            };
            format!(", and the version on {} is not known{hint}", unknown.join(", "))
        }
        Machines::Unread(error) => {
            let action = format!("{}:{}", error.service, error.operation);
            format!(", and which instances use the role is not known (allow `{action}`)")
        }
        Machines::NotRead => String::new(),
    };
    for cause in &swap.causes {
        let what = format!("`{POLICY}` takes the place of a policy that older packages need: it {WORKS}{why}");
        precedence.note(cause, &what, "until the packages are new enough");
    }
}

/// Asks for consent where it is not known what instances may do, and something changes it.
fn unread(evidence: &Evidence, drafts: &[Draft<'_>], precedence: &mut Precedence) {
    let Some(error) = &evidence.account_unread else { return };
    let action = format!("{}:{}", error.service, error.operation);
    for draft in drafts.iter().filter(|draft| changes(draft)) {
        let before = |name: &str| draft.live.and_then(|live| live.fields.get(name)).unwrap_or(&Value::Null);
        let takes = match draft.kind.id().access() {
            Some(kind_id::Access::Attachment) => {
                let profile = field(draft, "instance_profile");
                before("instances").as_object().into_iter().flatten().any(|(_, on)| on != profile)
            }
            Some(kind_id::Access::InstanceProfile) => {
                before("role").is_string() && before("role") != field(draft, "role")
            }
            Some(kind_id::Access::Policy | kind_id::Access::Role) | None => false,
        };
        if takes {
            let why = format!(
                "what older packages need may go with the role that instances lose, and what it allows is not known \
                 (allow `{action}`)"
            );
            precedence.note(&draft.address, &why, "until their role has it again");
        }
    }
}

/// Asks for consent where instances lose what any package needs. A role that loses it says so itself, by
/// `plan::hazard`.
fn losses(input: &Input<'_>, evidence: &Evidence, drafts: &[Draft<'_>], precedence: &mut Precedence) {
    let access = Access::of_drafts(input.scope, &evidence.account, drafts);
    for way in ways(&access, evidence).into_keys() {
        let serves = |counts: &dyn Fn(&Address) -> bool| access.powers(&way, counts).serve_newer(input.scope);
        let held = access.holding(None, &way);
        if held.is_empty() || !serves(&|_| false) || serves(&|_| true) {
            continue;
        }
        let loses = |address: &&Address| address.kind() != KindId::Role && !serves(&|other| other == *address);
        for address in held.iter().filter(loses) {
            let what = format!("instances with the profile `{}` lose what VSS backups need", way.0);
            precedence.note(address, &what, "until their role has it again");
        }
    }
}

/// Refuses what would leave instances with older packages that no package of the plan brings up to date.
fn refuse(index: usize, draft: &Draft<'_>, late: &[Late], diagnostics: &mut Vec<Diagnostic>) -> Decision {
    let address = draft.address.clone();
    let late: BTreeSet<&Late> = late.iter().collect();
    let would = if draft.kind.id() == KindId::Role { "get" } else { "leave instances only" };
    let listed = late.iter().map(|late| late.why.as_str()).collect::<Vec<_>>().join(", ");
    let message = format!("`{address}` would {would} `{POLICY}`, which does not work with the package on {listed}");
    let mut diagnostic = Diagnostic::error("VSS0913", message)
        .at(&address)
        .located(draft.desired.and_then(|desired| desired.location.clone()));
    if late.iter().any(|late| !late.is_for_good) {
        diagnostic = diagnostic.help(format!(
            "a `[package.AwsVssComponents]` whose targets mean these instances brings them to {MANAGED_POLICY} or \
             later first; they must be running"
        ));
    }
    if late.iter().any(|late| late.is_for_good) {
        diagnostic = diagnostic.help(
            "no newer package works on an older Windows Server: put these instances under a role of their own that \
             keeps the older policy",
        );
    }
    diagnostics.push(diagnostic.help("or keep the older policy beside the new one"));
    let instances =
        if late.len() == 1 { "1 instance has".to_owned() } else { format!("{} instances have", late.len()) };
    Decision { index, action: Action::Refused, reason: format!("{instances} an older package") }
}

/// Tells whether a package of the plan brings an instance to a version that the managed policy works with, and can do
/// so before what is held.
fn brings(package: &Draft<'_>, drafts: &[Draft<'_>], machine: &Machine, held: &BTreeSet<Address>) -> bool {
    let stands = match package.action {
        Action::NoOp | Action::Create | Action::Update | Action::Replace | Action::Adopt => true,
        Action::Delete | Action::Unknown | Action::Refused => false,
    };
    let pinned = field(package, "version").as_str().unwrap_or_default();
    stands
        && installs(package)
        && (pinned.is_empty() || compare(pinned, MANAGED_POLICY).is_ge())
        && machine.takes(Some(pinned).filter(|pin| !pin.is_empty()))
        && machine.is_meant(field(package, "targets"))
        && !needs(package, drafts, held)
}

/// Tells whether a draft needs one of the others, directly or through what it needs.
fn needs(draft: &Draft<'_>, drafts: &[Draft<'_>], others: &BTreeSet<Address>) -> bool {
    let references = |draft: &Draft<'_>| draft.desired.map(|desired| desired.references.clone()).unwrap_or_default();
    let (mut seen, mut queue) = (BTreeSet::new(), references(draft));
    while let Some(address) = queue.pop() {
        if others.contains(&address) {
            return true;
        }
        if seen.insert(address.clone()) {
            queue.extend(drafts.iter().filter(|draft| draft.address == address).flat_map(references));
        }
    }
    false
}
