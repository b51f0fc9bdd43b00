//! Copies of recovery points into other vaults: what became of those that the rules of plans with VSS ask for.
//!
//! AWS pages: "Backup and tag copy" (a copy begins when its backup is completed, and is tried again for two hours) and
//! the API reference, `ListCopyJobs`, which keeps jobs for 30 days like `ListBackupJobs`. A copy that failed says
//! nothing about the backup that it was to be made of.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Moment;
use super::evidence::{CopyJob, Evidence, Job, JobState, Plan, Rule};
use crate::model::Scope;
use crate::model::arn::Arn;

/// How long after the end of a backup its copy may not be listed yet, in seconds: the two hours of AWS's own retries,
/// and one more.
const PATIENCE: i64 = 3 * 3_600;

/// The state of a key that does not exist any more, which KMS has no name for.
pub const GONE: &str = "Deleted";

/// Returns the name of a vault that is in the account and region of the run; of others nothing can be read.
pub fn here<'a>(scope: &Scope, vault: &'a str) -> Option<&'a str> {
    let arn = Arn::parse(vault).ok()?;
    let is_here = arn.account == scope.account_id && arn.region == scope.region;
    vault.rsplit(':').next().filter(|_| is_here)
}

/// What became of the copy of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyOutcome {
    /// It was made.
    Made,
    /// It failed.
    Failed {
        /// The copy job's id.
        job: String,
        /// AWS's words, where there are any.
        message: Option<String>,
    },
    /// The rule asked for it, and there is no copy job of it.
    Missing,
}

/// The newest copy of an instance's backups into one vault whose end is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Copied {
    /// The name of the plan.
    pub plan: String,
    /// The name of the rule.
    pub rule: String,
    /// The ARN of the vault that it was to go to.
    pub vault: String,
    /// When the backup was made.
    pub backup_at: Moment,
    /// What became of it.
    pub outcome: CopyOutcome,
}

impl Copied {
    /// Says in a sentence without its full stop what is wrong; nothing where the copy was made.
    pub fn complaint(&self) -> Option<String> {
        let Self { plan: _, rule, vault, backup_at, outcome } = self;
        let what = format!("the backup of {} by the rule {rule} was not copied to {vault}", backup_at.for_people());
        match outcome {
            CopyOutcome::Made => None,
            CopyOutcome::Failed { job: _, message: Some(message) } => Some(format!("{what}: {message}")),
            CopyOutcome::Failed { job, message: None } => {
                Some(format!("{what}: the copy job {job} failed, and AWS Backup does not say why"))
            }
            CopyOutcome::Missing => Some(format!("{what}: AWS Backup has started no copy job")),
        }
    }
}

/// Backups and copies, ready for questions about many instances.
#[derive(Debug)]
pub struct Copies<'a> {
    read_at: Moment,
    /// The completed backups by instance and rule, the newest first.
    backups: BTreeMap<(&'a str, &'a str), Vec<&'a Job>>,
    /// The copy jobs by recovery point and vault; nothing where they were not read.
    jobs: Option<BTreeMap<(&'a str, &'a str), Vec<&'a CopyJob>>>,
}

impl<'a> Copies<'a> {
    /// Takes them from the evidence.
    pub fn of(evidence: &'a Evidence) -> Self {
        let mut backups: BTreeMap<(&str, &str), Vec<&Job>> = BTreeMap::new();
        let all = evidence.jobs.known().into_iter().flatten();
        for job in all.filter(|job| job.state == JobState::Completed && job.recovery_point_arn.is_some()) {
            if let Some(rule) = &job.rule_id {
                backups.entry((job.instance_id(), rule)).or_default().push(job);
            }
        }
        for jobs in backups.values_mut() {
            jobs.sort_by(|one, other| (other.created, &other.id).cmp(&(one.created, &one.id)));
        }
        let jobs = evidence.copies.known().map(|jobs| {
            let mut by_point: BTreeMap<(&str, &str), Vec<&CopyJob>> = BTreeMap::new();
            for job in jobs {
                by_point.entry((&job.point, &job.vault)).or_default().push(job);
            }
            by_point
        });
        Self { read_at: evidence.read_at, backups, jobs }
    }

    /// Returns the newest copy, by one rule into one vault, whose end is known; nothing before the first one, and
    /// nothing where the copy jobs were not read.
    pub fn newest(&self, instance: &str, plan: &Plan, rule: &Rule, vault: &str) -> Option<Copied> {
        let jobs = self.jobs.as_ref()?;
        let copied = |backup: &Job, outcome: CopyOutcome| Copied {
            plan: plan.name.clone(),
            rule: rule.name.clone(),
            vault: vault.to_owned(),
            backup_at: backup.at(),
            outcome,
        };
        for backup in self.backups.get(&(instance, rule.id.as_str())).into_iter().flatten() {
            let point = backup.recovery_point_arn.as_deref().unwrap_or_default();
            match jobs.get(&(point, vault)) {
                Some(jobs) => {
                    if let Some(outcome) = ended(jobs) {
                        return Some(copied(backup, outcome));
                    }
                }
                // An older version of the plan may not have asked for the copy.
                None if backup.plan_version.is_none() || backup.plan_version != plan.version => return None,
                None if self.read_at.since(backup.at()) > PATIENCE => {
                    return Some(copied(backup, CopyOutcome::Missing));
                }
                None => {}
            }
        }
        None
    }

    /// Returns the newest copies of an instance by the rules of a plan, one for each vault.
    pub fn of_plan(&self, instance: &str, plan: &Plan) -> Vec<Copied> {
        let asked = plan.rules.iter().flat_map(|rule| rule.copies.iter().map(move |vault| (rule, vault)));
        let mut all: Vec<Copied> = asked.filter_map(|(rule, vault)| self.newest(instance, plan, rule, vault)).collect();
        all.dedup();
        all
    }
}

/// Returns how the copies of one recovery point into one vault ended: one that was made is enough.
fn ended(jobs: &[&CopyJob]) -> Option<CopyOutcome> {
    if jobs.iter().any(|job| job.state == JobState::Completed) {
        return Some(CopyOutcome::Made);
    }
    let failed = jobs.iter().filter(|job| job.state == JobState::Failed).max_by_key(|job| (job.created, &job.id))?;
    let runs = jobs.iter().any(|job| matches!(job.state, JobState::Waiting | JobState::Running));
    (!runs).then(|| CopyOutcome::Failed { job: failed.id.clone(), message: failed.message.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vss::evidence::Known;
    use crate::vss::fixture::{self, ID, at};

    const VAULT: &str = "arn:aws:backup:eu-west-1:123456789012:backup-vault:far";

    fn evidence(states: &[JobState]) -> Evidence {
        let mut evidence = fixture::healthy();
        let plan = fixture::plan(&mut evidence);
        plan.rules[0].copies = vec![VAULT.to_owned()];
        plan.version = Some("v1".to_owned());
        if let Known::Known(jobs) = &mut evidence.jobs {
            jobs[0].plan_version = Some("v1".to_owned());
        }
        let copy = |(number, state): (usize, &JobState)| CopyJob {
            id: format!("copy-{number}"),
            point: "arn:aws:ec2:eu-west-1::image/ami-01".to_owned(),
            vault: VAULT.to_owned(),
            state: state.clone(),
            message: None,
            created: at("2026-01-14T18:20:00Z"),
        };
        evidence.copies = Known::Known(states.iter().enumerate().map(copy).collect());
        evidence
    }

    fn outcome(evidence: &Evidence) -> Option<CopyOutcome> {
        let plan = &evidence.plans.known().unwrap()[0];
        Copies::of(evidence).newest(ID, plan, &plan.rules[0], VAULT).map(|copied| copied.outcome)
    }

    #[test]
    fn a_copy_is_made_failed_missing_or_not_known_yet() {
        use JobState::{Completed, Failed, Other, Running, Waiting};
        let failed = |number: usize| Some(CopyOutcome::Failed { job: format!("copy-{number}"), message: None });
        let cases: [(&[JobState], Option<CopyOutcome>); 7] = [
            (&[Completed], Some(CopyOutcome::Made)),
            (&[Failed, Completed], Some(CopyOutcome::Made)),
            (&[Failed, Failed], failed(1)),
            (&[Failed, Running], None),
            (&[Waiting], None),
            (&[Other("NEW".to_owned())], None),
            (&[], Some(CopyOutcome::Missing)),
        ];
        for (states, wanted) in cases {
            assert_eq!(outcome(&evidence(states)), wanted, "{states:?}");
        }
    }

    #[test]
    fn a_copy_is_missing_only_where_the_plan_asked_for_it_then_and_time_has_passed() {
        let mut older = evidence(&[]);
        fixture::plan(&mut older).version = Some("v2".to_owned());
        assert_eq!(outcome(&older), None);
        let mut unsaid = evidence(&[]);
        fixture::plan(&mut unsaid).version = None;
        assert_eq!(outcome(&unsaid), None);
        let mut fresh = evidence(&[]);
        fresh.read_at = at("2026-01-14T19:00:00Z");
        assert_eq!(outcome(&fresh), None);
        let mut unread = evidence(&[]);
        unread.copies = Known::NotRead;
        assert_eq!(outcome(&unread), None);
    }
}
