//! Why VSS would not work: the checks of [`catalogue`] on what was read of an account.
//!
//! A check finds something, or decides nothing because something could not be read, or is silent. Where one fault explains
//! another only the first is found: a stopped instance is not also blamed for its silent agent. What no source of AWS's
//! states is advice at most.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Moment;
use super::coverage::{self, Membership};
use super::evidence::{Evidence, Instance, Known, Plan, Unread};
use super::package::{PackageEvidence, believed};
use super::verify;
use super::version::Version;

mod access;
mod agent;
mod backups;
pub mod catalogue;
mod cluster;
mod inside;
pub mod inspection;
mod keys;
mod network;
mod permissions;
mod plans;
mod restore;

pub use catalogue::{CHECKS, Check, Page, Severity};

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only these instances, by id; else those that plans with VSS select, and where there are none every Windows instance.
    pub only: BTreeSet<String>,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// An instance.
    Instance {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// A backup plan.
    Plan {
        /// Its name.
        name: String,
    },
    /// A selection.
    Selection {
        /// Its plan's name.
        plan: String,
        /// Its name.
        name: String,
    },
    /// A role.
    Role {
        /// Its ARN.
        arn: String,
    },
    /// A KMS key.
    Key {
        /// Its ARN.
        arn: String,
    },
    /// The region's settings.
    Region {
        /// Its name.
        name: String,
    },
}

impl Subject {
    fn instance(instance: &Instance) -> Self {
        Self::Instance { id: instance.id.clone(), name: instance.name.clone() }
    }

    /// Returns it as people look for it.
    pub fn title(&self) -> String {
        match self {
            Self::Instance { id, name } if name.is_empty() => id.clone(),
            Self::Instance { id, name } => format!("{name} ({id})"),
            Self::Plan { name } => format!("plan {name}"),
            Self::Selection { plan, name } => format!("selection {plan}/{name}"),
            Self::Role { arn } => format!("role {}", arn.rsplit('/').next().unwrap_or(arn)),
            Self::Key { arn } => format!("key {}", arn.rsplit('/').next().unwrap_or(arn)),
            Self::Region { name } => format!("region {name}"),
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// About what.
    pub subject: Subject,
    /// What is wrong, in a sentence without its full stop.
    pub problem: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What to do.
    pub remedy: String,
    /// The title of AWS's page.
    pub page: &'static str,
    /// Its address.
    pub url: &'static str,
}

/// A check that could not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undecided {
    /// The check.
    pub check: &'static str,
    /// About what.
    pub subject: Subject,
    /// What was missing.
    pub reason: String,
}

/// The result of an examination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// When the account was read.
    pub read_at: Moment,
    /// The instances that were examined.
    pub examined: Vec<Subject>,
    /// The instances that were looked into.
    pub inspected: usize,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What could not be decided because AWS did not say.
    pub undecided: Vec<Undecided>,
    /// What only a look inside shows, and nobody looked: the checks.
    pub not_looked: Vec<&'static str>,
    /// The instances of which no source tells whether they have the package: no backup, no installation, no look inside.
    pub unknown_packages: Vec<Subject>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

impl Diagnosis {
    /// Counts the findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Tells whether something is to be done; advice is not.
    pub fn has_findings(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity != Severity::Advice)
    }

    /// Tells whether something could not be told.
    pub fn has_unknown(&self) -> bool {
        !self.undecided.is_empty() || !self.unread.is_empty()
    }
}

/// One instance with what the checks ask about it again and again.
#[derive(Debug)]
struct Patient<'a> {
    evidence: &'a Evidence,
    instance: &'a Instance,
    subject: Subject,
    /// The plans that select it, or would.
    memberships: Vec<Membership>,
    /// What is known about the package, by a look inside too.
    package: Option<PackageEvidence>,
}

impl<'a> Patient<'a> {
    fn new(evidence: &'a Evidence, instance: &'a Instance) -> Self {
        Self {
            evidence,
            instance,
            subject: Subject::instance(instance),
            memberships: coverage::memberships(evidence, instance),
            package: believed(&evidence.package_evidence(&instance.id)).cloned(),
        }
    }

    /// The installed version, where it is known.
    fn version(&self) -> Option<&Version> {
        self.package.as_ref().and_then(|package| package.installed.version())
    }

    /// The plans with VSS that select it.
    fn plans(&self) -> impl Iterator<Item = &'a Plan> {
        let ids: Vec<String> = self
            .memberships
            .iter()
            .filter(|membership| membership.windows_vss && membership.is_sure())
            .map(|membership| membership.plan_id.clone())
            .collect();
        self.evidence.plans.known().into_iter().flatten().filter(move |plan| ids.contains(&plan.id))
    }

    fn is_running(&self) -> bool {
        self.instance.state == "running"
    }
}

/// What the checks have to say.
#[derive(Debug, Default)]
struct Notes {
    findings: Vec<Finding>,
    undecided: Vec<Undecided>,
    /// What roles allow, as far as somebody asked.
    powers: access::PowersByRole,
}

impl Notes {
    /// Notes a finding with the severity of its check.
    fn find(
        &mut self,
        id: &str,
        subject: &Subject,
        problem: impl Into<String>,
        evidence: Vec<String>,
        remedy: impl Into<String>,
    ) {
        let severity = check(id).severity;
        self.find_as(id, severity, subject, problem, evidence, remedy);
    }

    fn find_as(
        &mut self,
        id: &str,
        severity: Severity,
        subject: &Subject,
        problem: impl Into<String>,
        evidence: Vec<String>,
        remedy: impl Into<String>,
    ) {
        let check = check(id);
        let finding = Finding {
            check: check.id,
            severity,
            subject: subject.clone(),
            problem: problem.into(),
            evidence,
            remedy: remedy.into(),
            page: check.page.title,
            url: check.page.url,
        };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn undecided(&mut self, id: &str, subject: &Subject, reason: impl Into<String>) {
        let undecided = Undecided { check: check(id).id, subject: subject.clone(), reason: reason.into() };
        if !self.undecided.contains(&undecided) {
            self.undecided.push(undecided);
        }
    }
}

fn check(id: &str) -> &'static Check {
    catalogue::find(id).expect("the catalogue has every check, and a test runs them all")
}

/// Says in a sentence why a list is not known.
fn why<T>(list: &Known<T>) -> String {
    match list {
        Known::Known(_) => String::new(),
        Known::Unknown(unread) => format!("{} failed: {}", unread.action, unread.message),
        Known::NotRead => "it was not read".to_owned(),
    }
}

/// Examines the instances and the plans that select them.
pub fn diagnose(evidence: &Evidence, options: &Options) -> Diagnosis {
    let patients = patients(evidence, options);
    let mut notes = Notes::default();
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
    plans::check(evidence, &patients, !options.only.is_empty(), &mut notes);
    backups::check(evidence, &patients, &verdicts, &mut notes);
    let Notes { mut findings, undecided, powers: _ } = notes;
    findings.sort_by(|one, other| {
        (one.severity, &one.subject, one.check).cmp(&(other.severity, &other.subject, other.check))
    });
    let inspected = patients
        .iter()
        .filter(|patient| evidence.inspections.get(&patient.instance.id).is_some_and(|found| found.known().is_some()))
        .count();
    let not_looked = if inspected < patients.len() {
        CHECKS.iter().filter(|check| check.rests == catalogue::Rests::Inside).map(|check| check.id).collect()
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

/// Chooses the instances to examine, by name and id.
fn patients<'a>(evidence: &'a Evidence, options: &Options) -> Vec<Patient<'a>> {
    let all = evidence.instances.known().into_iter().flatten();
    let mut patients: Vec<Patient<'a>> = all
        .filter(|instance| if options.only.is_empty() { instance.windows } else { options.only.contains(&instance.id) })
        .map(|instance| Patient::new(evidence, instance))
        .collect();
    let wants_vss = |patient: &Patient<'_>| patient.memberships.iter().any(|membership| membership.windows_vss);
    if options.only.is_empty() && patients.iter().any(wants_vss) {
        patients.retain(wants_vss);
    }
    patients
        .sort_by(|one, other| (&one.instance.name, &one.instance.id).cmp(&(&other.instance.name, &other.instance.id)));
    patients
}

#[cfg(test)]
mod tests;
