//! Failover clusters: D056. A cluster's disks are backed up on the node that owns them.
//!
//! The inventory tells which instances have the cluster's service, which is only advice. Only a look inside tells which
//! node owns which disks.

use super::{Notes, Patient, Severity, Subject, why};
use crate::vss::evidence::{Evidence, Known};

/// The groups that every cluster has, which hold none of its applications.
const OF_THE_CLUSTER: [&str; 2] = ["Cluster Group", "Available Storage"];

pub(super) fn check(evidence: &Evidence, patients: &[Patient<'_>], notes: &mut Notes) {
    if evidence.clustered.unread().is_some() && !patients.is_empty() {
        let region = Subject::Region { name: evidence.scope.region.clone() };
        notes.undecided("D056", &region, why(&evidence.clustered));
    }
    for patient in patients.iter().filter(|patient| patient.instance.windows) {
        let inspection = evidence.inspections.get(&patient.instance.id).and_then(Known::known);
        if let Some(inspection) = inspection {
            if let (Some(computer), Some(groups)) = (&inspection.computer, &inspection.cluster) {
                owned(patient, computer, groups, notes);
            }
            continue;
        }
        if evidence.clustered.known().is_some_and(|ids| ids.contains(&patient.instance.id)) {
            notes.find_as(
                "D056",
                Severity::Advice,
                &patient.subject,
                "the instance may be a node of a failover cluster, whose disks are backed up on the node that owns \
                 them",
                vec!["the inventory has the service ClusSvc".to_owned()],
                format!(
                    "`vssctl doctor --run-commands {}` tells whether it owns what the cluster is for",
                    patient.instance.id
                ),
            );
        }
    }
}

fn owned(patient: &Patient<'_>, computer: &str, groups: &[(String, String)], notes: &mut Notes) {
    let roles: Vec<&(String, String)> =
        groups.iter().filter(|(_, name)| !OF_THE_CLUSTER.contains(&name.as_str())).collect();
    let is_ours = |owner: &str| owner.eq_ignore_ascii_case(computer);
    if roles.is_empty() || roles.iter().any(|(owner, _)| is_ours(owner)) {
        return;
    }
    let seen = roles.iter().map(|(owner, name)| format!("`{name}` is owned by {owner}, not by {computer}"));
    notes.find(
        "D056",
        &patient.subject,
        "the instance is a secondary node of a failover cluster: it owns nothing of what the cluster is for",
        seen.collect(),
        "have a plan with VSS select the node that owns the roles; after a failover that is another one, so select all \
         nodes",
    );
}
