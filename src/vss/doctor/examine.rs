//! An examination: every check, on every instance and on the plans.

use std::collections::BTreeSet;

use super::catalogue::Rests;
use super::notes::Notes;
use super::patient::patients;
use super::{
    CHECKS, Diagnosis, Options, agent, backups, cluster, copies, declared, inside, keys, network, permissions, plans,
    restore,
};
use crate::model::natural;
use crate::vss::evidence::{Evidence, Instance};
use crate::vss::verify;

/// Examines the instances and the plans that select them.
pub fn diagnose(evidence: &Evidence, options: &Options) -> Diagnosis {
    let patients = patients(evidence, options);
    let mut notes = Notes::new(evidence);
    let only: BTreeSet<String> = patients.iter().map(|patient| patient.instance.id.clone()).collect();
    let report = verify::verify(evidence, &verify::Options { only, ..verify::Options::default() });
    let verdicts = report.instances.iter().map(|verified| (verified.id.as_str(), verified)).collect();
    for patient in &patients {
        agent::check(patient, &mut notes);
        permissions::check(patient, &mut notes);
        inside::check(patient, &mut notes);
        plans::check_instance(patient, &mut notes);
    }
    keys::check(evidence, &patients, &mut notes);
    network::check(evidence, &patients, &verdicts, &mut notes);
    cluster::check(evidence, &patients, &mut notes);
    restore::check(evidence, &patients, &mut notes);
    plans::check(evidence, &patients, options, &mut notes);
    copies::check(evidence, &patients, &mut notes);
    declared::check(evidence, options, &patients, &mut notes);
    backups::check(evidence, &patients, &verdicts, &mut notes);
    let Notes { mut findings, undecided, powers: _ } = notes;
    findings.sort_by(|one, other| {
        let by_need = (one.severity, one.subject.rank()).cmp(&(other.severity, other.subject.rank()));
        by_need
            .then_with(|| natural::compare(&one.subject.title(), &other.subject.title()))
            .then_with(|| (&one.subject, one.check).cmp(&(&other.subject, other.check)))
    });
    let inspected = patients
        .iter()
        .filter(|patient| evidence.inspections.get(&patient.instance.id).is_some_and(|found| found.known().is_some()))
        .count();
    let not_looked = if inspected < patients.len() {
        CHECKS.iter().filter(|check| check.rests == Rests::Inside).map(|check| check.id).collect()
    } else {
        Vec::new()
    };
    Diagnosis {
        read_at: evidence.read_at,
        examined: patients.iter().map(|patient| patient.subject.clone()).collect(),
        inspected,
        findings,
        undecided,
        not_looked,
        unknown_packages: patients
            .iter()
            .filter(|patient| patient.instance.windows && patient.package.is_none())
            .map(|patient| patient.subject.clone())
            .collect(),
        unread: evidence.unread().into_iter().cloned().collect(),
    }
}

/// Returns the instances that are examined.
pub fn examined<'a>(evidence: &'a Evidence, options: &Options) -> Vec<&'a Instance> {
    patients(evidence, options).into_iter().map(|patient| patient.instance).collect()
}
