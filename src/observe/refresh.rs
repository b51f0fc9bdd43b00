//! Reads the live side of a plan: every kind side by side, through one read-only client whose lists they share.
//!
//! Who calls has made the account guard agree first (`aws::guard`); nothing here checks it again.

use crate::kinds::registry;
use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::aws::Reader;
use crate::kind::{Desired, KindLive};
use crate::model::Action;
use crate::plan::Plan;

/// Reads what is live for the things of the file and what else the stack owns, by kind in the order of the registry.
///
/// What can't be read is `Found::Unknown`, never absent; reading as a whole does not fail.
pub async fn refresh(reader: &Reader, desired: &[Desired]) -> Vec<(&'static str, KindLive)> {
    let kinds = registry().iter().map(|kind| async { (kind.name(), kind.refresh(reader, desired).await) });
    let mut live = join_all(kinds).await;
    let evidence = Box::pin(super::installed::read(reader, desired, &live)).await;
    super::installed::put(&mut live, evidence);
    live
}

/// Builds a plan. Where it deletes or replaces something of which more must be known, reads that and builds it again: what
/// only deletions need to know, no other plan pays for.
pub async fn plan(
    reader: &Reader,
    live: &mut [(&'static str, KindLive)],
    build: impl Fn(&[(&'static str, KindLive)]) -> Plan,
) -> Plan {
    let first = build(live);
    let mut going: BTreeMap<&str, BTreeMap<String, Action>> = BTreeMap::new();
    for change in first.changes.iter().filter(|change| matches!(change.action, Action::Delete | Action::Replace)) {
        going.entry(change.address.kind()).or_default().insert(change.name.clone(), change.action);
    }
    let mut has_read = false;
    for kind in registry() {
        if let Some(names) = going.get(kind.name()) {
            has_read |= kind.look_closer(reader, names, live).await;
        }
    }
    if has_read { build(live) } else { first }
}
