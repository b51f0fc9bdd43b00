//! What the checks write down while they run.

use super::access::PowersByRole;
use super::catalogue::{self, Check, Severity};
use super::{Finding, Subject, Undecided};
use crate::policy::trust::{self, Trust};
use crate::vss::evidence::{Evidence, Known, Role};

/// The findings of the checks, and what they could not decide.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) findings: Vec<Finding>,
    pub(super) undecided: Vec<Undecided>,
    /// The documents of roles, parsed when a check first asks about the role.
    pub(super) powers: PowersByRole,
}

impl Notes {
    /// Has none yet; `evidence` says where and when requests are made.
    pub(super) fn new(evidence: &Evidence) -> Self {
        let powers = PowersByRole::new(&evidence.scope, evidence.read_at);
        Self { findings: Vec::new(), undecided: Vec::new(), powers }
    }

    /// Notes a finding with the severity of its check.
    pub(super) fn find(
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

    pub(super) fn find_as(
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

    pub(super) fn undecided(&mut self, id: &str, subject: &Subject, reason: impl Into<String>) {
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
pub(super) fn why<T>(list: &Known<T>) -> String {
    match list {
        Known::Known(_) => String::new(),
        Known::Unknown(unread) => format!("{} failed: {}", unread.action, unread.message),
        Known::NotRead => "it was not read".to_owned(),
    }
}

/// Judges whether a service may assume a role now.
pub(super) fn trusting(evidence: &Evidence, role: &Role, service: &str) -> Trust {
    let (account, now) = (Some(evidence.scope.account_id.as_str()), Some(evidence.read_at.timestamp()));
    trust::judge_at(&role.trust, service, account, now)
}
