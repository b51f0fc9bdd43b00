//! The hazards of packages on servers on which one version alone works: an installation of any other one, or an
//! uninstallation, ends their VSS. A server whose system is not known is none.

use serde_json::Value;

use super::Hazard;
use super::notes::Notes;
use super::subject::Subject;
use crate::model::Action;
use crate::vss::gate::Machine;
use crate::vss::package::{Installed, is_package};

/// What an entry, or what is live of it, does to the instances that it means.
#[derive(Clone, Copy)]
struct Effect<'a> {
    is_there: bool,
    action: &'a Value,
    version: Option<&'a str>,
    targets: &'a Value,
}

impl<'a> Effect<'a> {
    fn of(field: impl Fn(&str) -> &'a Value) -> Self {
        Self {
            is_there: is_package(field("package_name").as_str().unwrap_or_default()),
            action: field("action"),
            version: field("version").as_str().filter(|version| !version.is_empty()),
            targets: field("targets"),
        }
    }

    /// Tells whether it ends VSS on a server on which one version alone works.
    fn ends_vss_on(self, machine: &Machine) -> bool {
        self.is_there
            && machine.is_meant(self.targets)
            && (self.action == "Uninstall" || self.action == "Install" && !machine.takes(self.version))
    }
}

/// Notes the servers on which a changed package ends VSS, and did not already.
pub(super) fn package(subject: &Subject<'_>, notes: &mut Notes) {
    let changes = match subject.draft.action {
        Action::Create | Action::Update | Action::Replace | Action::Adopt => true,
        Action::NoOp | Action::Delete | Action::Unknown | Action::Refused => false,
    };
    if !changes {
        return;
    }
    let (before, after) = (Effect::of(|field| subject.before(field)), Effect::of(|field| subject.after(field)));
    let is_gone =
        |machine: &Machine| machine.package.as_ref().is_some_and(|package| package.installed == Installed::Gone);
    let is_hit = |machine: &&Machine| {
        let is_installed = after.action == "Install";
        // Where the package is not there, an installation that can't succeed is worth knowing too.
        let may_lose = machine.may_have_its_only_version()
            || is_installed && machine.only().is_some() && machine.windows && is_gone(machine);
        may_lose && after.ends_vss_on(machine) && !before.ends_vss_on(machine)
    };
    let hit: Vec<&Machine> = subject.input.installed.fleet().iter().filter(is_hit).collect();
    let name = subject.after("package_name").as_str().unwrap_or_default();
    for (rule, titles) in Machine::by_rule(&hit) {
        let why = match (after.action == "Uninstall", after.version) {
            (true, _) => format!("`{name}` is removed from {titles}: {rule}"),
            (false, Some(version)) => format!("`{name}` {version} goes to {titles}: {rule}"),
            (false, None) => format!("the newest `{name}` goes to {titles}: {rule}"),
        };
        notes.add(Hazard::VssUnavailable, why, "until a version that works there is installed again");
    }
}

/// Tells whether a pinned version is the only one that works on each instance that a package means, as far as they were
/// read: it takes nothing from them.
pub(super) fn is_held_rightly(subject: &Subject<'_>, pin: &str) -> bool {
    let targets = subject.after("targets");
    let fleet = subject.input.installed.fleet().iter();
    let mut meant = fleet.filter(|machine| machine.windows && machine.is_meant(targets)).peekable();
    meant.peek().is_some() && meant.all(|machine| machine.only().is_some() && machine.takes(Some(pin)))
}
