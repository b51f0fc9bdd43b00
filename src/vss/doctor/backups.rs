//! How the newest backups went: D050, D060 to D063, D065, D076, D077. The message of AWS Backup is the best evidence.
//!
//! This runs last, so that D076 can refer to the findings that explain why a backup is not consistent.

use std::collections::{BTreeMap, BTreeSet};

use super::{Notes, Patient, Severity, Subject, why};
use crate::vss::evidence::{Evidence, JobState};
use crate::vss::messages;
use crate::vss::verify::{self, Verdict, Verified};

/// The checks that rest on AWS Backup's message: no other evidence shows their fault as well, or earlier.
const TOLD: [&str; 5] = ["D050", "D060", "D061", "D062", "D063"];
/// The most instances that a finding names.
const MOST: usize = 5;
/// The number from which on checks are about plans, quotas and backups, not about what VSS needs on an instance.
const BEYOND_VSS: &str = "D060";

/// The verdicts on the newest backups, by instance.
pub(super) type Verdicts<'a> = BTreeMap<&'a str, &'a Verified>;

pub(super) fn check(evidence: &Evidence, patients: &[Patient<'_>], verdicts: &Verdicts<'_>, notes: &mut Notes) {
    let mut waiting = Vec::new();
    for patient in patients.iter().filter(|patient| patient.instance.windows) {
        let is_protected = patient.plans().next().is_some();
        if evidence.jobs.known().is_none() {
            if evidence.jobs.unread().is_some() && is_protected {
                notes.undecided("D076", &patient.subject, why(&evidence.jobs));
            }
            continue;
        }
        let Some(verified) = verdicts.get(patient.instance.id.as_str()) else { continue };
        let asked = verified.proof.as_ref().is_some_and(|proof| proof.job.vss_requested);
        match verified.verdict {
            Verdict::Failed | Verdict::CrashOnly | Verdict::Stale | Verdict::Never if is_protected || asked => {
                told(patient, verified, notes);
                unproven(patient, verified, notes);
                if verified.proof.as_ref().is_some_and(|proof| proof.job.state == JobState::Failed) {
                    waiting.push(patient);
                }
            }
            Verdict::Unknown if is_protected => notes.undecided("D076", &patient.subject, verified.reason.clone()),
            _ => {}
        }
        image(patient, verified, notes);
    }
    not_repeated(evidence, &waiting, notes);
}

/// Notes what the message of the newest job says, where no check has better evidence.
fn told(patient: &Patient<'_>, verified: &Verified, notes: &mut Notes) {
    let Some(job) = verified.proof.as_ref().map(|proof| &proof.job) else { return };
    let Some((message, meaning)) =
        job.status_message.as_ref().and_then(|message| Some((message, messages::meaning(message)?)))
    else {
        return;
    };
    let Some(id) = meaning.checks.first().filter(|id| TOLD.contains(id)) else { return };
    // The writers are not reported where a finding on the instance explains why the snapshot took so long.
    if *id == "D050" && !explained(patient, verified, notes).is_empty() {
        return;
    }
    let region = || Subject::Region { name: patient.evidence.scope.region.clone() };
    let subject = if matches!(*id, "D060" | "D063") { region() } else { patient.subject.clone() };
    let is_named = notes
        .findings
        .iter()
        .any(|finding| finding.check == *id && finding.severity != Severity::Advice && finding.subject == subject);
    if is_named {
        return;
    }
    notes.find(
        id,
        &subject,
        meaning.cause,
        vec![
            format!("job {} of {}, {}", job.id, patient.subject.title(), job.created.for_people()),
            format!("StatusMessage: {message}"),
        ],
        meaning.fix_on(patient.system.as_ref()),
    );
}

/// The checks whose findings explain that a backup is not consistent.
fn explained(patient: &Patient<'_>, verified: &Verified, notes: &Notes) -> BTreeSet<&'static str> {
    let causes = verified.cause.as_ref().map(|cause| cause.checks.as_slice()).unwrap_or_default();
    let plans: BTreeSet<&str> = patient.plans().map(|plan| plan.name.as_str()).collect();
    let explains = |finding: &&super::Finding| {
        let is_cause = causes.iter().any(|cause| cause == finding.check);
        match &finding.subject {
            // Any fault of VSS on the instance explains a regular backup.
            subject if *subject == patient.subject => {
                is_cause || (verified.verdict == Verdict::CrashOnly && finding.check < BEYOND_VSS)
            }
            Subject::Instance { .. } => false,
            Subject::Plan { name } | Subject::Selection { plan: name, .. } => is_cause && plans.contains(name.as_str()),
            Subject::Role { .. } | Subject::Key { .. } | Subject::Region { .. } => is_cause,
        }
    };
    notes
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Advice && finding.check != "D076")
        .filter(explains)
        .map(|finding| finding.check)
        .collect()
}

fn unproven(patient: &Patient<'_>, verified: &Verified, notes: &mut Notes) {
    let job = verified.proof.as_ref().map(|proof| &proof.job);
    let problem = match verified.verdict {
        Verdict::Failed if job.is_some_and(|job| job.state == JobState::Completed) => "its newest backup is gone",
        Verdict::Failed => "its newest backup failed",
        Verdict::Stale => "its newest backup with VSS is too old",
        Verdict::Never => "it was never backed up with VSS, and should have been",
        Verdict::CrashOnly | Verdict::Unknown | Verdict::Pending | Verdict::Consistent => {
            "its newest backup is not application-consistent"
        }
    };
    let mut seen = vec![format!("{}: {}", verified.verdict.name(), verified.reason)];
    let message = job.and_then(|job| job.status_message.as_ref());
    seen.extend(message.map(|message| format!("StatusMessage: {message}")));
    let found: Vec<&str> = explained(patient, verified, notes).into_iter().collect();
    let id = &patient.instance.id;
    let (mut checks, mut fix) = (&Vec::new(), "look at the job with `aws backup describe-backup-job`".to_owned());
    if let Some(cause) = &verified.cause {
        seen.push(format!("this means: {}", cause.cause));
        checks = &cause.checks;
        // The advice to run `doctor` would lead back here, so a closer look takes its place.
        let closer = if patient.evidence.inspections.contains_key(id) {
            "look at the sources VSS and Ec2VssSoftwareProvider of its Application log".to_owned()
        } else {
            format!("run `vssctl doctor --run-commands {id}`")
        };
        fix = cause.fix.replace(&format!("run `vssctl doctor {id}`"), &closer);
    }
    let remedy = if found.is_empty() {
        if !checks.is_empty() {
            seen.push(format!("see {}", checks.join(", ")));
        }
        fix
    } else {
        let list = found.join(", ");
        seen.push(format!("found here: {list}"));
        let first = format!("do what {list} {}, and prove it with `vssctl backup {id}`", says(&found));
        let is_likely = found.iter().any(|found| checks.iter().any(|check| check == found));
        if is_likely || checks.is_empty() { first } else { format!("{first}; if that is not enough: {fix}") }
    };
    notes.find("D076", &patient.subject, problem, seen, remedy);
}

fn says(found: &[&str]) -> &'static str {
    if found.len() == 1 { "says" } else { "say" }
}

fn image(patient: &Patient<'_>, verified: &Verified, notes: &mut Notes) {
    let image = verified.proof.as_ref().and_then(|proof| proof.image.as_ref());
    if let Some(image) = image.filter(|image| image.state == "disabled") {
        notes.find(
            "D077",
            &patient.subject,
            "the image of its newest backup is disabled: nothing can be restored from it",
            vec![format!("image {} is disabled", image.id)],
            format!("enable it: `aws ec2 enable-image --image-id {}`", image.id),
        );
    }
}

/// Notes the instances whose job failed: AWS Backup does not repeat it before the plan's next run.
fn not_repeated(evidence: &Evidence, waiting: &[&Patient<'_>], notes: &mut Notes) {
    let Some(first) = waiting.first() else { return };
    let shown: Vec<String> = waiting.iter().take(MOST).map(|patient| patient.subject.title()).collect();
    let more = waiting.len().saturating_sub(MOST);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    notes.find(
        "D065",
        &Subject::Region { name: evidence.scope.region.clone() },
        format!(
            "AWS Backup does not repeat a job that failed: {} without a backup until the plan's next run",
            verify::counted(waiting.len(), "instance")
        ),
        vec![format!("the newest job failed on {}{more}", shown.join(", "))],
        format!("when the cause is gone, make one with `vssctl backup {}`", first.instance.id),
    );
}
