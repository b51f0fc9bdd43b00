//! Reads the live side of a plan: every kind side by side, through one read-only client whose lists they share.
//!
//! The caller has checked the account with `aws::guard` first. Nothing here checks it again.

use crate::kinds::registry;
use crate::model::KindId;
use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::aws::Reader;
use crate::kind::{Desired, KindLive};
use crate::model::Action;
use crate::plan::Plan;
use crate::plan::quotas::Quota;
use crate::plan::references::{Standing, Standings};
use crate::vss::gate::Evidence;
use crate::vss::others::Others;

/// What was read of an account for one file.
#[derive(Debug, Default)]
pub struct LiveAccount {
    /// What each kind read, in the order of the registry.
    pub kinds: Vec<(KindId, KindLive)>,
    /// What is known of the packages on instances, and of what decides what those may do; empty where the file does not
    /// ask for it.
    pub installed: Evidence,
    /// What is known of what the file names outside itself; nothing before a plan asks for it.
    pub references: Standings,
    /// What others have beside the stack; empty where the plan changes nothing that it could have to do with.
    pub others: Others,
    /// The quotas that the plan goes beyond; nothing before a plan asks for it.
    pub quotas: Vec<Quota>,
}

/// Reads what is live for the resources of the file and what else the stack owns, by kind in the order of the registry.
///
/// What can't be read is `Found::Unknown`, never absent; reading as a whole does not fail.
pub async fn refresh(reader: &Reader, desired: &[Desired]) -> LiveAccount {
    let kinds = registry().map(|kind| async move { (kind.id(), kind.refresh(reader, desired).await) });
    let kinds = join_all(kinds).await;
    let installed = Box::pin(super::installed::read(reader, desired, &kinds)).await;
    LiveAccount { kinds, installed, ..LiveAccount::default() }
}

/// Builds a plan. Where it deletes or replaces a resource of which more must be known, brings in what is named outside
/// the file, or changes what others may have to do with, reads that and builds the plan again. Only plans with such
/// changes pay for these reads.
pub async fn plan(
    reader: &Reader,
    desired: &[Desired],
    live: &mut LiveAccount,
    build: impl Fn(&LiveAccount) -> Plan,
) -> Plan {
    let first = build(live);
    let mut going: BTreeMap<KindId, BTreeMap<String, Action>> = BTreeMap::new();
    for change in first.changes.iter().filter(|change| matches!(change.action, Action::Delete | Action::Replace)) {
        going.entry(change.address.kind()).or_default().insert(change.name.clone(), change.action);
    }
    let mut has_read = false;
    for kind in registry() {
        if let Some(names) = going.get(&kind.id()) {
            has_read |= kind.look_closer(reader, names, &mut live.kinds).await;
        }
    }
    live.references = super::references::look_up(reader, desired, &first).await;
    has_read |= live.references.values().any(|standing| *standing != Standing::Exists);
    has_read |= Box::pin(super::others::read(reader, &first, live)).await;
    live.quotas = super::quotas::read(reader, &first).await;
    has_read |= !live.quotas.is_empty();
    if !has_read {
        return first;
    }
    // Two plans of thousands of resources need not be there at once.
    drop(first);
    build(live)
}
