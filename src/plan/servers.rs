//! Servers that entries name and that are not there, and servers that can't take the package that an entry gives them.
//!
//! AWS says nothing of a selection or an association that reaches nobody. One Run Command fails, and every apply would
//! send it again: the entry is refused until its targets are right. Where the instances could not be read, nothing is
//! said of them. VSS0921, VSS0922.

use serde_json::Value;

use super::Input;
use super::draft::Draft;
use crate::kind::Desired;
use crate::model::{Action, Diagnostic, KindId};
use crate::vss::gate::Machine;
use crate::vss::package::{self, PACKAGE};
use crate::vss::selection::names_no_instance;
use crate::vss::targets;

/// The most servers that a message names.
const MOST: usize = 3;

/// Looks at the packages and selections that a plan makes or changes.
pub(super) fn check(input: &Input<'_>, drafts: &mut [Draft<'_>], diagnostics: &mut Vec<Diagnostic>) {
    for draft in drafts.iter_mut().filter(|draft| draft.second_of.is_none()) {
        let changes = matches!(draft.action, Action::Create | Action::Adopt | Action::Update | Action::Replace);
        let Some(desired) = draft.desired.filter(|_| changes) else { continue };
        match desired.address.kind() {
            KindId::Package => {
                let Some(fault) = missing(input, desired).or_else(|| without_windows(input, desired)) else { continue };
                diagnostics.push(fault.diagnostic.at(&desired.address).located(desired.location.clone()));
                if let Some(reason) = fault.refusal {
                    draft.refuse(Action::Refused, reason);
                }
            }
            KindId::Selection => diagnostics.extend(selects_nobody(input, desired)),
            KindId::Policy
            | KindId::Role
            | KindId::InstanceProfile
            | KindId::Attachment
            | KindId::Vault
            | KindId::Plan
            | KindId::RestoreTest
            | KindId::RegionSettings => {}
        }
    }
}

/// What is wrong with the targets of a package.
struct Fault {
    diagnostic: Diagnostic,
    /// Why the entry is refused; none where AWS takes it, and serves the others.
    refusal: Option<String>,
}

impl Fault {
    /// One Run Command that names what it can't serve fails each time. Another entry serves the servers that it can.
    fn new(refuses: bool, message: String, reason: String, help: String) -> Self {
        let (diagnostic, refusal) = if refuses {
            (Diagnostic::error("VSS0921", message), Some(reason))
        } else {
            (Diagnostic::warning("VSS0921", message), None)
        };
        Self { diagnostic: diagnostic.help(help), refusal }
    }
}

fn is_command(desired: &Desired) -> bool {
    desired.options.contains_key("run_command")
}

fn wanted(desired: &Desired) -> &Value {
    desired.fields.get("targets").unwrap_or(&Value::Null)
}

/// Finds the instances that a package names and that are not there.
fn missing(input: &Input<'_>, desired: &Desired) -> Option<Fault> {
    let ids: Vec<&str> = match (&input.others.instances, &input.installed.fleet) {
        (Some(instances), _) => instances.iter().map(|one| one.arn.rsplit('/').next().unwrap_or_default()).collect(),
        (None, Some(fleet)) => fleet.iter().map(|machine| machine.id.as_str()).collect(),
        (None, None) => return None,
    };
    let named = targets::ids(wanted(desired));
    // What else Systems Manager manages (`mi-...`) is not EC2's.
    let gone: Vec<String> =
        named.filter(|id| id.starts_with("i-") && !ids.contains(id)).map(|id| format!("`{id}`")).collect();
    if gone.is_empty() {
        return None;
    }
    let address = &desired.address;
    let (gone, are) = (few(&gone), if gone.len() == 1 { "is" } else { "are" });
    let end = if is_command(desired) {
        "AWS refuses a command to a server that is not there"
    } else {
        "the association never reaches it"
    };
    Some(Fault::new(
        is_command(desired),
        format!("`{address}` names {gone}, which {are} not there"),
        format!("names {gone}, which {are} not there"),
        format!("take {gone} out of `instance_ids`, or correct the id: {end}"),
    ))
}

/// Finds the instances without Windows that a package for Windows means.
fn without_windows(input: &Input<'_>, desired: &Desired) -> Option<Fault> {
    let text = |name: &str| desired.fields.get(name).and_then(Value::as_str).unwrap_or_default();
    // What is removed from a server may be removed from any; other packages may be made for several systems.
    if text("action").eq_ignore_ascii_case("uninstall") || !package::is_package(text("package_name")) {
        return None;
    }
    let fleet = input.installed.fleet.as_deref()?;
    let meant = |machine: &&Machine| !machine.windows && targets::mean(wanted(desired), &machine.id, &machine.tags);
    let is_named = |machine: &Machine| targets::ids(wanted(desired)).any(|id| id == machine.id);
    let all: Vec<&Machine> = fleet.iter().filter(meant).collect();
    let named: Vec<&Machine> = all.iter().copied().filter(|machine| is_named(machine)).collect();
    let titles = |machines: &[&Machine]| few(&machines.iter().map(|machine| machine.title()).collect::<Vec<_>>());
    let end = if is_command(desired) {
        "the command fails there, and every apply would send it again"
    } else {
        "the association fails there each time, and as a whole"
    };
    let address = &desired.address;
    if named.is_empty() {
        let servers = Some(titles(&all)).filter(|_| !all.is_empty())?;
        let what = format!("take {servers} without Windows, where {PACKAGE} can't be installed");
        let help = format!("give `targets` a tag that Windows servers alone have, or take it off these: {end}");
        return Some(Fault::new(false, format!("the targets of `{address}` {what}"), String::new(), help));
    }
    let what = format!("names {} without Windows, where {PACKAGE} can't be installed", titles(&named));
    let ids: Vec<String> = named.iter().map(|machine| format!("`{}`", machine.id)).collect();
    Some(Fault::new(
        is_command(desired),
        format!("`{address}` {what}"),
        what,
        format!("take {} out of `instance_ids`: {end}", few(&ids)),
    ))
}

/// Warns of a selection with ARNs of instances that are not there.
fn selects_nobody(input: &Input<'_>, desired: &Desired) -> Option<Diagnostic> {
    let instances = input.others.instances.as_deref()?;
    let arns = desired.fields.get("arns").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let none = |arn: &&str| names_no_instance(arn, instances.iter().map(|one| one.arn.as_str()));
    let gone: Vec<String> = arns.filter(none).map(|arn| format!("`{arn}`")).collect();
    if gone.is_empty() {
        return None;
    }
    let (address, scope) = (&desired.address, input.scope);
    let message = format!(
        "`{address}` selects {}, and account {}, {} has no such instance",
        few(&gone),
        scope.account_id,
        scope.region
    );
    Some(
        Diagnostic::warning("VSS0922", message).at(address).located(desired.location.clone()).help(
            "correct the ARN, or take it out of `arns`: AWS Backup says nothing of it, and backs nothing up by it",
        ),
    )
}

/// Names a few, and counts the others.
fn few(all: &[String]) -> String {
    let shown = all.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
