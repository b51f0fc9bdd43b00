//! The actions of the services that files for backups speak about, in AWS's own case; others are not known.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// By service in lower case.
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
