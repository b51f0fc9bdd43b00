//! The verdict that follows from the newest job that has ended.

use super::{Cause, Outcome, Proof, Verdict, counted};
use crate::vss::evidence::{APP_CONSISTENT, Evidence, Job};
use crate::vss::messages;
use crate::vss::moment::length;

/// A verdict, its reason, and its cause where it could be better.
pub(super) type Decision = (Verdict, String, Option<Cause>);

/// Says why a job's backup is not consistent, and what to do.
pub fn cause(evidence: &Evidence, proof: &Proof) -> Option<Cause> {
    decide(evidence, proof, None).2
}

/// Decides by the newest job that has ended.
pub(super) fn decide(evidence: &Evidence, proof: &Proof, max_age: Option<i64>) -> Decision {
    let job = &proof.job;
    let at = job.at().for_people();
    match &proof.outcome {
        Outcome::Consistent => by_age(evidence, job, max_age),
        Outcome::CrashOnly => (
            Verdict::CrashOnly,
            format!("the backup of {at} is a regular one: VSS was asked for and did not work"),
            Some(told(evidence, job, "run `vssctl doctor` for the instance", &[])),
        ),
        Outcome::NotTagged { snapshots } => {
            let cause = Cause {
                cause: format!(
                    "{} without the tag `{APP_CONSISTENT}`, gone or broken: {}",
                    counted(snapshots.len(), "snapshot"),
                    snapshots.join(", ")
                ),
                fix: "do not count on this backup: run `vssctl doctor` for the instance and `vssctl backup` for a new \
                      one"
                .to_owned(),
                checks: vec!["D050".to_owned(), "D051".to_owned()],
            };
            (Verdict::CrashOnly, format!("the job of {at} says VSS, and its snapshots do not"), Some(cause))
        }
        Outcome::NotAsked => {
            (Verdict::CrashOnly, format!("the backup of {at} is a regular one"), Some(not_asked(evidence, job)))
        }
        Outcome::Failed if lacks_vault(evidence, job) => {
            let state = String::from(job.state.clone()).to_lowercase();
            let cause = Cause {
                cause: format!("AWS Backup lists no vault {}, into which the job was to back up", job.vault),
                fix: "make the vault (`vssctl plan` shows whether the file has it), or let the rule back up into \
                      another; then start a backup with `vssctl backup`"
                    .to_owned(),
                checks: vec!["D071".to_owned()],
            };
            (Verdict::Failed, format!("the job of {at} is {state}"), Some(cause))
        }
        Outcome::Failed => {
            let state = String::from(job.state.clone()).to_lowercase();
            let fix = "AWS Backup does not repeat a job that failed: start one with `vssctl backup`, or wait for the \
                       next run";
            (Verdict::Failed, format!("the job of {at} is {state}"), Some(told(evidence, job, fix, &["D065"])))
        }
        Outcome::Gone { image } => {
            let vault = if lacks_vault(evidence, job) {
                format!(", and AWS Backup no longer lists its vault {}", job.vault)
            } else {
                String::new()
            };
            let cause = Cause {
                cause: format!("the image {image} of the newest backup no longer exists{vault}"),
                fix: if vault.is_empty() {
                    "find out who deregistered it, and make a new backup with `vssctl backup`".to_owned()
                } else {
                    "find out who deleted the vault with its recovery points, make it again (`vssctl plan` shows \
                     whether the file has it), and make a new backup with `vssctl backup`"
                        .to_owned()
                },
                checks: vec!["D077".to_owned()],
            };
            (Verdict::Failed, format!("the backup of {at} is gone"), Some(cause))
        }
        Outcome::Claimed => {
            (Verdict::Unknown, format!("AWS says that VSS worked at {at}, and the snapshots were not looked at"), None)
        }
        Outcome::Unreadable { message } => (
            Verdict::Unknown,
            format!("AWS says that VSS worked at {at}, and its snapshots could not be read: {message}"),
            None,
        ),
        Outcome::Unended => (Verdict::Pending, "the job has not ended".to_owned(), None),
    }
}

/// Tells whether AWS Backup is known not to have the vault of a job any more. A vault can be deleted only when it is
/// empty, and what is deleted in it is gone in EC2 too.
pub(super) fn lacks_vault(evidence: &Evidence, job: &Job) -> bool {
    evidence.vaults.known().is_some_and(|vaults| !job.vault.is_empty() && !vaults.contains_key(&job.vault))
}

/// Decides on a consistent backup, which may be too old.
fn by_age(evidence: &Evidence, job: &Job, max_age: Option<i64>) -> Decision {
    let age = evidence.read_at.since(job.at());
    match max_age {
        Some(max_age) if age > max_age => {
            let reason = format!("the newest backup is {} old, and {} is the most", length(age), length(max_age));
            let cause = Cause {
                cause: "no backup has been made since".to_owned(),
                fix: "look at the plan's rules and at whether the plan still selects the instance: `vssctl coverage`"
                    .to_owned(),
                checks: vec!["D072".to_owned(), "D074".to_owned(), "D076".to_owned()],
            };
            (Verdict::Stale, reason, Some(cause))
        }
        Some(_) | None => (Verdict::Consistent, format!("backed up with VSS at {}", job.at().for_people()), None),
    }
}

/// Returns what the job's message means. Where nothing documents the message, the cause quotes it, and has the given
/// fix and checks.
fn told(evidence: &Evidence, job: &Job, fix: &str, checks: &[&str]) -> Cause {
    job.status_message.as_deref().and_then(messages::meaning).map_or_else(
        || Cause {
            cause: match &job.status_message {
                Some(message) => format!("AWS Backup says: {message}"),
                None => "AWS Backup does not say why".to_owned(),
            },
            fix: fix.to_owned(),
            checks: checks.iter().map(|check| (*check).to_owned()).collect(),
        },
        |meaning| Cause::of(meaning, evidence.system(job.instance_id()).as_ref()),
    )
}

/// Returns why a job did not ask for VSS: its plan does so only now, or does not do so at all.
fn not_asked(evidence: &Evidence, job: &Job) -> Cause {
    let mut plans = evidence.plans.known().into_iter().flatten();
    let asks_now = plans.any(|plan| plan.windows_vss && job.plan_id.as_ref() == Some(&plan.id));
    let (cause, fix) = if asks_now {
        ("the job ran before VSS was switched on in its plan", "wait for the plan's next run, or run `vssctl backup`")
    } else {
        ("the job did not ask for VSS", "set `windows_vss = true` in the plan that selects it")
    };
    Cause { cause: cause.to_owned(), fix: fix.to_owned(), checks: vec!["D076".to_owned()] }
}
