//! Copies of recovery points into other vaults: D027.
//!
//! AWS pages: "Creating backup copies across AWS accounts" (what is encrypted with an AWS managed key can't be copied
//! to another account) and "Encryption for a backup copy". An image keeps the keys of the instance's volumes. Whether
//! another account's vault exists and lets the copy in, and whether both are of one organisation, can't be read from
//! here, and nothing is said of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Notes, Patient, Subject, why};
use crate::model::arn::Arn;
use crate::vss::evidence::{Evidence, Known, Plan};

/// The most instances that a finding names.
const MOST: usize = 5;

pub(super) fn check(evidence: &Evidence, patients: &[Patient<'_>], notes: &mut Notes) {
    let Known::Known(plans) = &evidence.plans else { return };
    for plan in plans.iter().filter(|plan| plan.windows_vss) {
        for rule in &plan.rules {
            let vaults: BTreeSet<&String> = rule.copies.iter().collect();
            for vault in vaults {
                copy(evidence, patients, plan, &rule.name, vault, notes);
            }
        }
    }
}

fn copy(evidence: &Evidence, patients: &[Patient<'_>], plan: &Plan, rule: &str, vault: &str, notes: &mut Notes) {
    let Ok(arn) = Arn::parse(vault) else { return };
    let subject = Subject::Plan { name: plan.name.clone() };
    let scope = &evidence.scope;
    if arn.account != scope.account_id {
        other_account(evidence, patients, plan, rule, vault, &arn.account, notes);
    } else if arn.region == scope.region {
        let name = vault.rsplit(':').next().unwrap_or_default();
        if evidence.vaults.known().is_some_and(|vaults| !vaults.contains_key(name)) {
            notes.find(
                "D027",
                &subject,
                format!("every copy of the rule {rule} fails: its vault {name} does not exist"),
                vec![format!("copies to {vault}")],
                format!("declare it (`[vault.{name}]`) and run `vssctl apply`, or let the rule copy to another vault"),
            );
        }
    }
}

/// An AWS managed key can't be shared: what it encrypts can't be copied to another account.
fn other_account(
    evidence: &Evidence,
    patients: &[Patient<'_>],
    plan: &Plan,
    rule: &str,
    vault: &str,
    account: &str,
    notes: &mut Notes,
) {
    let subject = Subject::Plan { name: plan.name.clone() };
    let Known::Known(volumes) = &evidence.volumes else {
        if evidence.volumes.unread().is_some() {
            notes.undecided("D027", &subject, why(&evidence.volumes));
        }
        return;
    };
    let theirs: BTreeMap<&str, String> = patients
        .iter()
        .filter(|patient| patient.plans().any(|one| one.id == plan.id))
        .map(|patient| (patient.instance.id.as_str(), patient.subject.title()))
        .collect();
    let mut managed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut unknown = None;
    for volume in volumes {
        let of = volume.instances.iter().filter_map(|id| theirs.get(id.as_str())).map(String::as_str);
        let of: BTreeSet<&str> = of.collect();
        match evidence.keys.get(&volume.key) {
            _ if of.is_empty() => {}
            Some(Known::Known(key)) if !key.is_customers => {
                managed.entry(volume.key.as_str()).or_default().extend(of);
            }
            Some(Known::Known(_)) | None => {}
            Some(unread) => unknown = unread.unread().map(|_| why(unread)),
        }
    }
    for (key, instances) in &managed {
        let shown: Vec<&str> = instances.iter().take(MOST).copied().collect();
        let more = instances.len().saturating_sub(MOST);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        notes.find(
            "D027",
            &subject,
            format!("copies of the rule {rule} to the account {account} fail: an AWS managed key encrypts volumes"),
            vec![
                format!("copies to {vault}"),
                format!("AWS's own key {key} encrypts volumes of {}{more}", shown.join(", ")),
            ],
            format!(
                "encrypt the volumes with a customer managed key whose policy lets the account {account} use it: an \
                 AWS managed key can't be shared with another account"
            ),
        );
    }
    if let Some(reason) = unknown.filter(|_| managed.is_empty()) {
        notes.undecided("D027", &subject, reason);
    }
}
