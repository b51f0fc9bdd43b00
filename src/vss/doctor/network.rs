//! Whether instances reach the EC2 endpoint, as far as route tables and VPC endpoints show it: D040.
//!
//! A subnet whose routes all stay in its own network reaches EC2 only by an interface endpoint. A proxy in that network
//! would be another way, and no API shows it; so a finding is a warning, and there is none where a backup or a look
//! inside proves that the instance reaches EC2.

use super::backups::Verdicts;
use super::{Notes, Patient, Severity, Subject, why};
use crate::vss::evidence::{Endpoint, Evidence, Known, RouteTable};
use crate::vss::verify::Verdict;

pub(super) fn check(evidence: &Evidence, patients: &[Patient<'_>], verdicts: &Verdicts<'_>, notes: &mut Notes) {
    if evidence.routes.unread().is_some() && !patients.is_empty() {
        let region = Subject::Region { name: evidence.scope.region.clone() };
        notes.undecided("D040", &region, why(&evidence.routes));
    }
    for patient in patients.iter().filter(|patient| patient.instance.windows) {
        let id = &patient.instance.id;
        let looked = evidence.inspections.get(id).is_some_and(|found| found.known().is_some());
        let worked = verdicts.get(id.as_str()).is_some_and(|verified| verified.verdict == Verdict::Consistent);
        if let Some(table) = evidence.closed_network(patient.instance).filter(|_| !looked && !worked) {
            match &evidence.endpoints {
                Known::Known(endpoints) => examine(patient, table, endpoints, notes),
                Known::Unknown(_) => notes.undecided("D040", &patient.subject, why(&evidence.endpoints)),
                Known::NotRead => {}
            }
        }
    }
}

fn examine(patient: &Patient<'_>, table: &RouteTable, endpoints: &[Endpoint], notes: &mut Notes) {
    let instance = patient.instance;
    let region = &patient.evidence.scope.region;
    let service = format!(".{region}.ec2");
    let of_ec2: Vec<&Endpoint> = endpoints
        .iter()
        .filter(|endpoint| endpoint.vpc == instance.vpc && endpoint.service.ends_with(&service))
        .collect();
    if of_ec2.iter().any(|endpoint| endpoint.answers) {
        return;
    }
    let there = match of_ec2.first() {
        Some(endpoint) => format!("endpoint {} of EC2 is not available, or has no private DNS", endpoint.id),
        None => format!("{} has no endpoint com.amazonaws.{region}.ec2", instance.vpc),
    };
    notes.find_as(
        "D040",
        Severity::Warning,
        &patient.subject,
        "the instance has no way to the EC2 endpoint that its network shows",
        vec![format!("route table {} of {} leads nowhere outside", table.id, instance.subnet), there],
        format!(
            "create the interface endpoint com.amazonaws.{region}.ec2 with private DNS, and allow port 443 from the \
             instance; if a proxy leads there, `vssctl doctor --run-commands {}` tells",
            instance.id
        ),
    );
}
