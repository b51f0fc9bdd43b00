//! Packages of the file that undo each other on an instance. What both targets say by themselves is refused when the
//! file is read; here the instances are known, which other targets have in common.

use super::Input;
use super::draft::Draft;
use crate::kind::Desired;
use crate::model::{Action, Diagnostic, KindId};
use crate::vss::rivals::{REMEDY, between};
use crate::vss::together::Specimen;

/// Refuses each package that changes and undoes what another entry of the file does.
pub(super) fn refuse(input: &Input<'_>, drafts: &mut [Draft<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let packages: Vec<&Desired> =
        input.desired.iter().filter(|desired| desired.address.kind() == KindId::Package).collect();
    if packages.len() < 2 {
        return;
    }
    // Where no package changes, the instances were not read, and nothing is to be refused.
    let instances: Vec<Specimen> = input
        .installed
        .fleet()
        .iter()
        .map(|machine| Specimen {
            arn: input.scope.arn("ec2", &format!("instance/{}", machine.id)),
            tags: machine.tags.clone(),
            title: Some(machine.title()),
        })
        .collect();
    let changes = |draft: &Draft<'_>| matches!(draft.action, Action::Create | Action::Update | Action::Replace);
    for draft in drafts.iter_mut().filter(|draft| draft.kind.id() == KindId::Package && changes(draft)) {
        let Some(desired) = draft.desired else { continue };
        let mut others = packages.iter().filter(|other| other.address != desired.address);
        let found = others.find_map(|other| Some((other, between(&desired.fields, &other.fields, &instances)?)));
        let Some((other, rivalry)) = found else { continue };
        let (address, other) = (&desired.address, &other.address);
        let message =
            format!("`{address}` {} on {}, and `{other}` {} there", rivalry.first, rivalry.instances, rivalry.second);
        diagnostics
            .push(Diagnostic::error("VSS0620", message).at(address).located(desired.location.clone()).help(REMEDY));
        draft.refuse(Action::Refused, format!("`{other}` {} on {}", rivalry.second, rivalry.instances));
    }
}
