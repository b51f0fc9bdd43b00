//! Why a backup is not application-consistent.

use crate::vss::doctor::{Diagnosis, Severity, Subject};
use crate::vss::messages::{self, Meaning};
use crate::vss::verify::{Cause, Proof};
use crate::vss::version::System;

/// The checks of the instance's profile and of what its role allows.
const IDENTITY: [&str; 3] = ["D012", "D020", "D021"];

/// Tells whether the checks examined the profile and the role of an instance and found them sound.
fn is_sound(diagnosis: &Diagnosis, instance: &str) -> bool {
    let is_it = |subject: &Subject| matches!(subject, Subject::Instance { id, .. } if id == instance);
    let found = diagnosis.findings.iter().map(|finding| (finding.check, &finding.subject));
    let undecided = diagnosis.undecided.iter().map(|undecided| (undecided.check, &undecided.subject));
    diagnosis.examined.iter().any(is_it)
        && !found.chain(undecided).any(|(check, subject)| IDENTITY.contains(&check) && is_it(subject))
}

/// Returns the causes: the meaning of AWS's message, unless a check found the same fault, and then the findings on the
/// instance. One message stands for several faults, and those that a check ruled out are left out.
pub fn causes(
    diagnosis: Option<&Diagnosis>,
    meaning: Option<&Meaning>,
    instance: &str,
    system: Option<&System>,
) -> Vec<Cause> {
    let is_about = |subject: &Subject| match subject {
        Subject::Instance { id, .. } => id == instance,
        Subject::Role { .. } => meaning.is_some_and(|meaning| meaning.checks.contains(&"D023")),
        Subject::Plan { .. } | Subject::Selection { .. } | Subject::Key { .. } | Subject::Region { .. } => false,
    };
    let found: Vec<Cause> = diagnosis
        .into_iter()
        .flat_map(|diagnosis| &diagnosis.findings)
        .filter(|finding| is_about(&finding.subject))
        .filter(|finding| {
            finding.severity == Severity::Error
                || meaning.is_some_and(|meaning| {
                    finding.severity == Severity::Warning && meaning.checks.contains(&finding.check)
                })
        })
        .map(|finding| Cause {
            cause: finding.problem.clone(),
            fix: finding.remedy.clone(),
            checks: vec![finding.check.to_owned()],
        })
        .collect();
    // AWS's message is a cause even where no check can find that fault.
    let explains = |meaning: &Meaning| {
        found.iter().flat_map(|cause| &cause.checks).any(|check| meaning.checks.contains(&check.as_str()))
    };
    let is_sound = diagnosis.is_some_and(|diagnosis| is_sound(diagnosis, instance));
    let told = meaning.filter(|meaning| !explains(meaning)).map(|meaning| {
        let mut cause = Cause::of(meaning, system).on(instance);
        cause.checks.retain(|check| !is_sound || !IDENTITY.contains(&check.as_str()));
        cause
    });
    told.into_iter().chain(found.iter().cloned()).collect()
}

/// Returns the meaning of the job's message, if AWS documents it.
pub fn meaning(proof: &Proof) -> Option<&'static Meaning> {
    proof.job.status_message.as_deref().and_then(messages::meaning)
}
