//! The actions of the services that files for backups speak about, in AWS's own case; others are not known.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The actions by service, whose name is in lower case.
static ACTIONS: LazyLock<BTreeMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let lines = include_str!("actions.txt").lines();
    lines
        .filter_map(|line| line.split_once(": "))
        .map(|(service, names)| (service, names.split(' ').collect()))
        .collect()
});

/// Returns the names of a service's actions; the case of the service does not matter.
pub(super) fn of(service: &str) -> Option<&'static [&'static str]> {
    ACTIONS.get(service.to_ascii_lowercase().as_str()).map(Vec::as_slice)
}

/// Returns the actions of a pattern such as `ec2:Describe*`, in lower case: those of a known service that it covers, or
/// itself where it has no wildcard. `None` where it covers more than is known.
pub(crate) fn covered(pattern: &str) -> Option<Vec<String>> {
    let pattern = pattern.to_ascii_lowercase();
    if !pattern.contains(['*', '?']) {
        return Some(vec![pattern]);
    }
    let (service, name) = pattern.split_once(':').filter(|(service, _)| !service.contains(['*', '?']))?;
    let name = super::pattern::Pattern::wildcards(name);
    let all = of(service)?.iter().map(|action| action.to_ascii_lowercase());
    Some(all.filter(|action| name.matches(action)).map(|action| format!("{service}:{action}")).collect())
}

/// Spells an action as AWS does; `None` where the table does not know it, or it has wildcards.
pub(super) fn spelled(action: &str) -> Option<String> {
    let (service, name) = action.split_once(':')?;
    let known = of(service)?.iter().find(|known| known.eq_ignore_ascii_case(name))?;
    Some(format!("{}:{known}", service.to_ascii_lowercase()))
}
