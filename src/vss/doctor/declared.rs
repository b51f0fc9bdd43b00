//! What the file declares against what is live: a selection that AWS does not have, and targets and versions of a
//! package that can't become true. D023, D031, D033, D074.

use super::{Notes, Options, Patient, Severity, Subject};
use crate::vss::declared::{Declared, DeclaredPackage};
use crate::vss::evidence::{Evidence, Known};
use crate::vss::package::PACKAGE;
use crate::vss::targets;
use crate::vss::version::{NEWEST, compare};

pub(super) fn check(evidence: &Evidence, options: &Options, patients: &[Patient<'_>], notes: &mut Notes) {
    if options.only.is_empty() {
        for declared in &options.file.selections {
            selection(evidence, declared, notes);
        }
        for package in &options.file.packages {
            gone(evidence, package, notes);
            linux(evidence, package, notes);
        }
    }
    for package in options.file.packages.iter().filter(|package| package.name == PACKAGE) {
        minimum(package, patients, notes);
    }
}

/// A selection of the file that AWS does not have backs nothing up. What could not be read is not missing.
fn selection(evidence: &Evidence, declared: &Declared, notes: &mut Notes) {
    let Declared { address, plan, selection, makes_role: _ } = declared;
    let Known::Known(plans) = &evidence.plans else { return };
    let mut found = plans.iter().filter(|live| live.name == *plan).peekable();
    let is_there = found.peek().is_some();
    let mut names: Vec<&str> = Vec::new();
    for live in found {
        let Known::Known(selections) = &live.selections else { return };
        if selections.iter().any(|live| live.name == selection.name) {
            return;
        }
        names.extend(selections.iter().map(|live| live.name.as_str()));
    }
    let seen = match (is_there, names.as_slice()) {
        (false, _) => format!("there is no plan {plan}"),
        (true, []) => format!("the plan {plan} has no selection"),
        (true, names) => format!("the plan {plan} has only {}", names.join(", ")),
    };
    let subject = Subject::Selection { plan: plan.clone(), name: selection.name.clone() };
    if missing_role(evidence, declared, &subject, notes) {
        return;
    }
    notes.find(
        "D074",
        &subject,
        format!("`{address}` of the file is not in AWS: nothing is backed up by it"),
        vec![seen],
        format!("`vssctl plan` shows what is missing, and `vssctl apply` makes `{address}`"),
    );
}

/// AWS refuses a selection whose role does not exist, so that such a role is seen at the file alone. Tells whether it
/// is why there is no such selection.
fn missing_role(evidence: &Evidence, declared: &Declared, subject: &Subject, notes: &mut Notes) -> bool {
    let arn = &declared.selection.role_arn;
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let is_ours = arn.split(':').nth(4) == Some(evidence.scope.account_id.as_str());
    let Known::Known(roles) = &evidence.roles else { return false };
    if !is_ours || roles.contains_key(arn) || declared.makes_role {
        return false;
    }
    notes.find(
        "D023",
        subject,
        format!("the role {name} does not exist, and without it AWS takes no `{}`", declared.address),
        vec![format!("role {arn}")],
        match roles.values().find(|role| role.name == name) {
            // The name of a role is taken once in an account, whatever its path.
            Some(role) => format!(
                "the role {name} has another path: write `role = \"{}\"`; then `vssctl apply` makes the selection",
                role.arn
            ),
            None => format!(
                "declare it (`[role.{name}] preset = \"backup-service\"`) and write `role = \"{name}\"`, or name a \
                 role that there is and that AWS Backup may assume; then `vssctl apply` makes the selection"
            ),
        },
    );
    true
}

/// A package that names an instance which is not there is installed on the others alone, and a command not even there.
fn gone(evidence: &Evidence, package: &DeclaredPackage, notes: &mut Notes) {
    let Known::Known(_) = &evidence.instances else { return };
    // What else Systems Manager manages (`mi-...`) is not EC2's.
    let named = targets::ids(&package.targets).filter(|id| id.starts_with("i-"));
    for id in named.filter(|id| evidence.instance(id).is_none()) {
        notes.find(
            "D033",
            &Subject::Instance { id: id.to_owned(), name: String::new() },
            format!("`{}` names an instance that is not there", package.address),
            vec![format!("EC2 lists no {id} in {}", evidence.scope.region)],
            format!("take {id} out of `instance_ids` of `{}`, or correct the id", package.address),
        );
    }
}

/// A package for Windows is not installed on other systems: the association fails there, and as a whole.
fn linux(evidence: &Evidence, package: &DeclaredPackage, notes: &mut Notes) {
    if package.name != PACKAGE {
        // Other packages of Distributor may be made for several systems.
        return;
    }
    let Known::Known(instances) = &evidence.instances else { return };
    let others = instances.iter().filter(|instance| !instance.windows);
    for instance in others.filter(|one| targets::mean(&package.targets, &one.id, &one.tags)) {
        notes.find(
            "D033",
            &Subject::instance(instance),
            format!("`{}` means an instance without Windows: {PACKAGE} can't be installed there", package.address),
            vec![format!("targets {} take {}", targets::words(&package.targets), instance.title())],
            if targets::ids(&package.targets).any(|id| id == instance.id) {
                format!(
                    "take {} out of `instance_ids` of `{}`: the association fails here each time, and as a whole",
                    instance.id, package.address
                )
            } else {
                format!(
                    "give `targets` of `{}` a tag that Windows servers alone have, or take the tag off this instance: \
                     the association fails here each time, and as a whole",
                    package.address
                )
            },
        );
    }
}

/// A version that an instance has and that is below what the file asks for at least.
fn minimum(package: &DeclaredPackage, patients: &[Patient<'_>], notes: &mut Notes) {
    let Some(minimum) = &package.minimum else { return };
    for patient in patients.iter().filter(|patient| patient.instance.windows && patient.only().is_none()) {
        let instance = patient.instance;
        let Some(version) = patient.version().filter(|version| version.is_before(minimum)) else { continue };
        if !targets::mean(&package.targets, &instance.id, &instance.tags) {
            continue;
        }
        let remedy = if compare(minimum, NEWEST).is_gt() {
            format!(
                "lower `minimum_version` of `{}`: the newest {PACKAGE} that this vssctl knows is {NEWEST}; where AWS \
                 has {minimum}, the next run of the package installs it",
                package.address
            )
        } else {
            format!(
                "the next run of `{}` installs the newest version; `vssctl apply` makes one where it is not applied",
                package.address
            )
        };
        notes.find_as(
            "D031",
            Severity::Warning,
            &patient.subject,
            format!("{PACKAGE} {version} is older than {minimum}, which `{}` asks for at least", package.address),
            vec![format!("AwsVssComponents {version}"), format!("minimum_version {minimum}")],
            remedy,
        );
    }
}
