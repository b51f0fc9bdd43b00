//! Copies of recovery points into other vaults: D027.
//!
//! AWS pages: "Creating backup copies across AWS accounts" (what is encrypted with an AWS managed key can't be copied
//! to another account) and "Encryption for a backup copy" (a copy gets the key of its vault). An image keeps the keys
//! of the instance's volumes. Of a vault of this account and region it is known whether it exists and what state its
//! key is in. Of others nothing can be read from here: what became of the copies says it, and before the first one
//! nobody knows.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::USELESS;
use super::{Notes, Patient, Severity, Subject, why};
use crate::model::arn::Arn;
use crate::vss::copies::{Copied, Copies, CopyOutcome, GONE, here};
use crate::vss::evidence::{Evidence, Known, Plan, Rule};

/// The most instances that a finding names.
const MOST: usize = 5;

/// A copy action of a rule, and the instances that it is about.
struct Action<'a> {
    evidence: &'a Evidence,
    subject: Subject,
    rule: &'a Rule,
    /// The ARN of the vault.
    vault: &'a str,
    /// The title and id of each instance, and what became of its newest copy.
    copied: Vec<(String, &'a str, Option<Copied>)>,
}

pub(super) fn check(evidence: &Evidence, patients: &[Patient<'_>], notes: &mut Notes) {
    let Known::Known(plans) = &evidence.plans else { return };
    let copies = Copies::of(evidence);
    for plan in plans.iter().filter(|plan| plan.windows_vss) {
        let theirs: Vec<&Patient<'_>> =
            patients.iter().filter(|patient| patient.plans().any(|one| one.id == plan.id)).collect();
        for rule in &plan.rules {
            let vaults: BTreeSet<&String> = rule.copies.iter().collect();
            for vault in vaults {
                Action::new(evidence, &copies, &theirs, plan, rule, vault).check(notes);
            }
        }
    }
}

impl<'a> Action<'a> {
    fn new(
        evidence: &'a Evidence,
        copies: &Copies<'_>,
        patients: &[&'a Patient<'_>],
        plan: &Plan,
        rule: &'a Rule,
        vault: &'a str,
    ) -> Self {
        let newest = patients.iter().map(|patient| {
            let id = patient.instance.id.as_str();
            (patient.subject.title(), id, copies.newest(id, plan, rule, vault))
        });
        let subject = Subject::Plan { name: plan.name.clone() };
        Self { evidence, subject, rule, vault, copied: newest.collect() }
    }

    fn check(&self, notes: &mut Notes) {
        let Ok(arn) = Arn::parse(self.vault) else { return };
        let is_known = match here(&self.evidence.scope, self.vault) {
            Some(name) => self.found_here(name, notes),
            None if arn.account == self.evidence.scope.account_id => false,
            None => self.managed_keys(&arn.account, notes),
        };
        if is_known {
            return;
        }
        if self.evidence.copies.unread().is_some() {
            notes.undecided("D027", &self.subject, why(&self.evidence.copies));
        }
        self.failed(notes);
        self.missing(notes);
        let has_ended = self.copied.iter().any(|(_, _, copied)| copied.is_some());
        if here(&self.evidence.scope, self.vault).is_none() && !has_ended && self.evidence.copies.known().is_some() {
            self.nobody_knows(notes);
        }
    }

    fn find(&self, notes: &mut Notes, problem: String, mut seen: Vec<String>, remedy: String) {
        seen.insert(0, format!("copies to {}", self.vault));
        notes.find("D027", &self.subject, problem, seen, remedy);
    }

    /// Looks at a vault of this account and region, and at its key. Tells whether it says why copies fail.
    fn found_here(&self, name: &str, notes: &mut Notes) -> bool {
        let rule = &self.rule.name;
        let Some(vaults) = self.evidence.vaults.known() else { return false };
        let Some(vault) = vaults.get(name) else {
            self.find(
                notes,
                format!("every copy of the rule {rule} fails: its vault {name} does not exist"),
                Vec::new(),
                format!("declare it (`[vault.{name}]`) and run `vssctl apply`, or let the rule copy to another vault"),
            );
            return true;
        };
        let Some(arn) = &vault.key else { return false };
        match self.evidence.keys.get(arn) {
            Some(Known::Known(key)) if key.state == GONE || USELESS.contains(&key.state.as_str()) => {
                self.find(
                    notes,
                    format!("every copy of the rule {rule} fails: the key of its vault {name} does not work"),
                    vec![format!("KeyState {} of {arn}", key.state)],
                    match key.state.as_str() {
                        GONE => "copy to a vault with a key that there is: a vault keeps its key for ever".to_owned(),
                        "PendingDeletion" | "PendingReplicaDeletion" => format!(
                            "keep it: `aws kms cancel-key-deletion --key-id {arn}`, then `aws kms enable-key --key-id \
                             {arn}`"
                        ),
                        "Disabled" => format!("enable it: `aws kms enable-key --key-id {arn}`"),
                        _ => format!("look at it: `aws kms describe-key --key-id {arn}`"),
                    },
                );
                true
            }
            Some(unknown @ Known::Unknown(_)) => {
                notes.undecided("D027", &self.subject, why(unknown));
                false
            }
            Some(Known::Known(_) | Known::NotRead) | None => false,
        }
    }

    /// An AWS managed key can't be shared: what it encrypts can't be copied to another account. Tells whether that is
    /// why copies fail.
    fn managed_keys(&self, account: &str, notes: &mut Notes) -> bool {
        let Known::Known(volumes) = &self.evidence.volumes else {
            if self.evidence.volumes.unread().is_some() {
                notes.undecided("D027", &self.subject, why(&self.evidence.volumes));
            }
            return false;
        };
        // A copy that was made says more than what is known of keys.
        let is_open = |copied: &Option<Copied>| !copied.as_ref().is_some_and(|it| it.outcome == CopyOutcome::Made);
        let open = self.copied.iter().filter(|(_, _, copied)| is_open(copied));
        let theirs: BTreeMap<&str, &str> = open.map(|(title, id, _)| (*id, title.as_str())).collect();
        let mut managed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut unknown = None;
        for volume in volumes {
            let of: BTreeSet<&str> =
                volume.instances.iter().filter_map(|id| theirs.get(id.as_str())).copied().collect();
            match self.evidence.keys.get(&volume.key) {
                _ if of.is_empty() => {}
                Some(Known::Known(key)) if !key.is_customers => {
                    managed.entry(volume.key.as_str()).or_default().extend(of);
                }
                Some(Known::Known(_)) | None => {}
                Some(unread) => unknown = unread.unread().map(|_| why(unread)),
            }
        }
        for (key, instances) in &managed {
            self.find(
                notes,
                format!(
                    "copies of the rule {} to the account {account} fail: an AWS managed key encrypts volumes",
                    self.rule.name
                ),
                vec![format!("AWS's own key {key} encrypts volumes of {}", some(instances.iter().copied()))],
                format!(
                    "encrypt the volumes with a customer managed key whose policy lets the account {account} use it: \
                     an AWS managed key can't be shared with another account"
                ),
            );
        }
        if let Some(reason) = unknown.filter(|_| managed.is_empty()) {
            notes.undecided("D027", &self.subject, reason);
        }
        !managed.is_empty()
    }

    /// The newest copies failed: one finding for each of AWS's messages.
    fn failed(&self, notes: &mut Notes) {
        let mut by_message: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (title, _, copied) in &self.copied {
            if let Some(Copied { outcome: CopyOutcome::Failed { job, message }, .. }) = copied {
                by_message.entry(message.as_deref().unwrap_or_default()).or_default().push((title, job));
            }
        }
        for (message, failed) in by_message {
            let (_, job) = failed[0];
            let said = if message.is_empty() { "AWS Backup does not say why" } else { message };
            self.find(
                notes,
                format!("the newest copies of the rule {} failed: {}", self.rule.name, said.trim_end_matches('.')),
                vec![format!("copy job {job} FAILED"), format!("of {}", some(failed.iter().map(|(title, _)| *title)))],
                remedy(message, self.vault, job),
            );
        }
    }

    /// The rule asked for copies, and AWS Backup has started none.
    fn missing(&self, notes: &mut Notes) {
        let is_missing = |copied: &Option<Copied>| copied.as_ref().is_some_and(|it| it.outcome == CopyOutcome::Missing);
        let missing: Vec<&str> = self
            .copied
            .iter()
            .filter(|(_, _, copied)| is_missing(copied))
            .map(|(title, _, _)| title.as_str())
            .collect();
        if !missing.is_empty() {
            self.find(
                notes,
                format!("the newest backups of the rule {} were not copied", self.rule.name),
                vec![format!("no copy job of the newest backups of {}", some(missing.into_iter()))],
                format!(
                    "look at the copy jobs of this vault, `aws backup list-copy-jobs --by-destination-vault-arn {}`; \
                     the next run of the rule copies again",
                    self.vault
                ),
            );
        }
    }

    /// Nothing can be read of the vault, and no copy has ended yet: worth knowing, and nobody's fault.
    fn nobody_knows(&self, notes: &mut Notes) {
        notes.find_as(
            "D027",
            Severity::Advice,
            &self.subject,
            format!("whether copies of the rule {} can be made shows in the first one", self.rule.name),
            vec![format!("copies to {}", self.vault), "the vault is not of this account and region".to_owned()],
            "nothing has to be done: another account's or region's vault can't be read from here; run `vssctl doctor` \
             again after the first backup",
        );
    }
}

/// Names some instances.
fn some<'a>(titles: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = titles.collect();
    let shown = all.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Says what to do about a message of AWS's, as far as AWS's pages say what it means.
fn remedy(message: &str, vault: &str, job: &str) -> String {
    let says = |words: &[&str]| words.iter().any(|word| message.to_lowercase().contains(word));
    if says(&["same organization"]) {
        return "let both accounts be members of one organization with cross-account backup switched on, or copy to a \
                vault of this account"
            .to_owned();
    }
    if says(&["access denied", "not authorized", "accessdenied"]) {
        return format!(
            "let the role of the selection make copies (attach service-role/AWSBackupServiceRolePolicyForBackup), and \
             let the access policy of {vault} allow it `backup:CopyIntoBackupVault`"
        );
    }
    if says(&["key id", "kms", "encrypt"]) {
        return format!(
            "let the policies of the volumes' keys and of the key of {vault} allow the role of the selection to use \
             them, and see that the keys are enabled"
        );
    }
    if says(&["retention"]) {
        return format!("give the copy action a `delete_after` that the lock of {vault} takes");
    }
    if says(&["cannot be found", "does not exist", "not found"]) {
        return format!("make {vault} there, or let the rule copy to another vault");
    }
    format!("look at it: `aws backup describe-copy-job --copy-job-id {job}`; the next run of the rule copies again")
}
