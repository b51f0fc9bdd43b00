//! The roles with which AWS Backup restores instances: D025.
//!
//! A restored instance gets the profile of the original one, for which the role of the restore has to pass that
//! profile's role to EC2. AWS page: "Restore an Amazon EC2 instance". The role is chosen when a restore is started, so
//! one role that can do it is enough.

use std::collections::BTreeMap;

use super::access::{Access, Need, access};
use super::notes::trusting;
use super::{Notes, Patient, Severity, Subject, why};
use crate::model::partition::Partition;
use crate::policy::trust::Trust;
use crate::vss::evidence::{Evidence, Known, Role};

/// The most instances that a finding names.
const MOST: usize = 5;

/// The roles that AWS Backup may assume, sorted by whether they can restore.
#[derive(Debug, Default)]
struct Restorers<'a> {
    /// Roles that may launch instances.
    able: Vec<&'a Role>,
    /// A document that decides could not be read.
    unknown: Vec<(&'a Role, String)>,
}

/// Checks the roles of the patients, each once.
pub(super) fn check(evidence: &Evidence, patients: &[Patient<'_>], notes: &mut Notes) {
    let mut roles: BTreeMap<&str, (&Role, Vec<String>)> = BTreeMap::new();
    for patient in patients.iter().filter(|patient| patient.instance.windows) {
        if let Some(role) = evidence.instance_role(patient.instance) {
            roles.entry(&role.arn).or_insert_with(|| (role, Vec::new())).1.push(patient.subject.title());
        }
    }
    let Known::Known(all) = &evidence.roles else {
        if evidence.roles.unread().is_some() && !patients.is_empty() {
            let region = Subject::Region { name: evidence.scope.region.clone() };
            notes.undecided("D025", &region, why(&evidence.roles));
        }
        return;
    };
    if roles.is_empty() {
        return;
    }
    let restorers = restorers(evidence, all.values(), notes);
    if restorers.able.is_empty() && restorers.unknown.is_empty() {
        notes.find_as(
            "D025",
            Severity::Advice,
            &Subject::Region { name: evidence.scope.region.clone() },
            "no role of the account lets AWS Backup restore instances",
            vec!["no role that backup.amazonaws.com may assume allows ec2:RunInstances".to_owned()],
            "have one before you need it: `preset = \"backup-service\"` makes a role for backups and restores",
        );
        return;
    }
    for (role, instances) in roles.into_values() {
        passed(evidence, &restorers, role, &instances, notes);
    }
}

fn restorers<'a>(evidence: &Evidence, roles: impl Iterator<Item = &'a Role>, notes: &mut Notes) -> Restorers<'a> {
    let need = Need::new("ec2:RunInstances", evidence.scope.arn("ec2", "instance/i-0123456789abcdef0"));
    let mut found = Restorers::default();
    for role in roles.filter(|role| trusting(evidence, role, "backup.amazonaws.com") == Trust::Trusted) {
        match access(&mut notes.powers, role, &need) {
            Access::Allowed => found.able.push(role),
            Access::Denied => {}
            Access::Unknown(reason) => found.unknown.push((role, reason)),
        }
    }
    found
}

/// Finds out whether a role for restores may pass the role of instances.
fn passed(evidence: &Evidence, restorers: &Restorers<'_>, role: &Role, instances: &[String], notes: &mut Notes) {
    let service = "ec2.amazonaws.com";
    // Some partitions have two names of a service in use, in AWS's own policies too: either is enough.
    let names = Partition::of(&evidence.scope.region).principals("ec2");
    let needs = names.iter().map(|name| Need::new("iam:PassRole", &role.arn).with("iam:PassedToService", name));
    let needs: Vec<Need> = needs.collect();
    let subject = Subject::Role { arn: role.arn.clone() };
    let mut unknown: Vec<String> =
        restorers.unknown.iter().map(|(role, reason)| format!("role {}: {reason}", role.name)).collect();
    for (restorer, need) in restorers.able.iter().flat_map(|one| needs.iter().map(move |need| (one, need))) {
        match access(&mut notes.powers, restorer, need) {
            Access::Allowed => return,
            Access::Denied => {}
            Access::Unknown(reason) => unknown.push(format!("role {}: {reason}", restorer.name)),
        }
    }
    if let Some(reason) = unknown.into_iter().next() {
        notes.undecided("D025", &subject, reason);
        return;
    }
    let names: Vec<&str> = restorers.able.iter().map(|role| role.name.as_str()).collect();
    let shown = instances.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    let more = instances.len().saturating_sub(MOST);
    let shown = if more == 0 { shown } else { format!("{shown} and {more} more") };
    notes.find(
        "D025",
        &subject,
        format!("AWS Backup cannot restore an instance with the role {}: no role for restores may pass it", role.name),
        vec![
            format!("{} does not allow iam:PassRole on {} to {service}", names.join(", "), role.arn),
            format!("on {shown}"),
        ],
        format!(
            "attach service-role/AWSBackupServiceRolePolicyForRestores to {}, or allow it iam:PassRole on {}",
            names.first().copied().unwrap_or("the role for restores"),
            role.arn
        ),
    );
}
