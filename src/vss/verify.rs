//! Whether backups are application-consistent: one verdict for each instance, from AWS's own evidence.
//!
//! The rule is the table of `AWS Backup Developer Guide`, "Create Windows VSS backups": `COMPLETED` with `BackupType`
//! `WindowsVSS` is what AWS calls consistent, `COMPLETED` without it is a regular backup whatever was asked for. Beyond
//! AWS's rule, every snapshot of the image must have the tag `AppConsistent`: the package sets it if, and only if, the
//! snapshot is consistent. The job that counts is the newest one that has ended and asked for VSS. A regular one counts
//! where it took its place: it is newer and of the same plan, or no plan with VSS selects the instance any more. Where
//! nothing says how old a backup may be, it is not called consistent.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Moment;
use super::copies::{Copied, Copies};
use super::declared::Declared;
use super::evidence::{Evidence, Job, Unread};
use super::messages::Meaning;
use super::version::System;
use crate::model::natural;

mod decide;
mod due;
mod outcome;
mod subject;

use subject::subjects;

pub use decide::cause;
pub use outcome::{ImageProof, Outcome, Proof, SnapshotProof, image_of, judge};

/// What to judge, and how strictly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Jobs before this do not count.
    pub since: Option<Moment>,
    /// How old the newest consistent backup may be, in seconds; else what the plan's schedule promises.
    pub max_age: Option<i64>,
    /// Only these instances, by id; else every one that a plan with VSS selects or that was backed up with VSS.
    pub only: BTreeSet<String>,
    /// The selections that the file declares in plans with VSS: what they mean is judged, whether AWS has them or not.
    pub declared: Vec<Declared>,
}

/// How far back AWS Backup lists jobs, in seconds: 30 days.
pub const HISTORY: i64 = 30 * 24 * 3600;

/// How an instance's backups are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The newest job failed, was aborted or expired, or its image is gone.
    Failed,
    /// The newest backup is not application-consistent.
    CrashOnly,
    /// There is no backup.
    Never,
    /// The newest backup is consistent and too old.
    Stale,
    /// It does not follow from what could be read.
    Unknown,
    /// No backup was due yet, or the first one is on its way.
    Pending,
    /// The newest backup is application-consistent.
    Consistent,
}

impl Verdict {
    /// All of them, the worst first.
    pub const ALL: [Self; 7] =
        [Self::Failed, Self::CrashOnly, Self::Never, Self::Stale, Self::Unknown, Self::Pending, Self::Consistent];

    /// Returns its name, as every format writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::CrashOnly => "crash-only",
            Self::Never => "never",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
            Self::Pending => "pending",
            Self::Consistent => "consistent",
        }
    }

    /// Tells whether something is to be done about it.
    pub fn is_finding(self) -> bool {
        match self {
            Self::Failed | Self::CrashOnly | Self::Never | Self::Stale => true,
            Self::Unknown | Self::Pending | Self::Consistent => false,
        }
    }
}

/// Why a verdict is not better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// What went wrong, in a sentence without its full stop.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
    /// The checks of `doctor` that look for it.
    pub checks: Vec<String>,
}

/// How a fix names the closer look, before it is said of which instance.
const CLOSER: &str = "run `vssctl doctor` for the instance";

impl Cause {
    /// Writes the lines to run for an instance, as they are to be run.
    #[must_use]
    pub fn on(mut self, id: &str) -> Self {
        let fix = self.fix.replace(CLOSER, &format!("run `vssctl doctor {id}`"));
        self.fix = fix.replace("`vssctl backup`", &format!("`vssctl backup {id}`"));
        self
    }

    /// Returns what a message means for an instance with a system, as far as that is known.
    pub fn of(meaning: &Meaning, system: Option<&System>) -> Self {
        Self {
            cause: meaning.cause.to_owned(),
            fix: meaning.fix_on(system),
            checks: meaning.checks.iter().map(|check| (*check).to_owned()).collect(),
        }
    }
}

/// One backup job, as far as a history needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Past {
    /// The job's id.
    pub job: String,
    /// When the backup was made.
    pub at: Moment,
    /// How it ended.
    pub outcome: Outcome,
}

/// The verdict on one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// The instance's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict in a sentence without its full stop.
    pub reason: String,
    /// Why it is not better, and what to do.
    pub cause: Option<Cause>,
    /// The job that decided, with everything that AWS says about its backup.
    pub proof: Option<Proof>,
    /// The newest job of which AWS says that VSS worked.
    pub last_vss: Option<Past>,
    /// How old the newest backup may be, in seconds, where something says so.
    pub max_age: Option<i64>,
    /// The plans with VSS that select it.
    pub plans: Vec<String>,
    /// What became of the newest copies that those plans ask for. The verdict is about the backup alone.
    pub copies: Vec<Copied>,
    /// A job that has not ended.
    pub running: Option<String>,
    /// Further facts that people should know.
    pub notes: Vec<String>,
    /// Every job that asked for VSS, and those that took the place of one, the newest first. Older jobs are judged by
    /// what AWS says about the job alone.
    pub history: Vec<Past>,
}

/// All verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// When the account was read.
    pub read_at: Moment,
    /// Jobs before this did not count.
    pub since: Moment,
    /// The instances, the worst first.
    #[serde(rename = "findings")]
    pub instances: Vec<Verified>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

impl Report {
    /// Counts the instances with a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.instances.iter().filter(|verified| verified.verdict == verdict).count()
    }

    /// Tells whether something is to be done.
    pub fn has_findings(&self) -> bool {
        self.instances.iter().any(|verified| verified.verdict.is_finding())
    }

    /// Tells whether something could not be told.
    pub fn has_unknown(&self) -> bool {
        !self.unread.is_empty() || self.count(Verdict::Unknown) > 0
    }
}

/// Judges every instance.
pub fn verify(evidence: &Evidence, options: &Options) -> Report {
    let since = options.since.unwrap_or(evidence.jobs_since).max(evidence.jobs_since);
    let mut jobs: BTreeMap<&str, Vec<&Job>> = BTreeMap::new();
    for job in evidence.jobs.known().into_iter().flatten().filter(|job| job.created >= since) {
        jobs.entry(job.instance_id()).or_default().push(job);
    }
    for jobs in jobs.values_mut() {
        jobs.sort_by(|one, other| (other.created, &other.id).cmp(&(one.created, &one.id)));
    }
    let plans = evidence.plans.known().into_iter().flatten().filter(|plan| plan.windows_vss);
    let ages: Ages<'_> = plans
        .map(|plan| {
            let ages = plan.rules.iter().filter_map(|rule| rule.longest_age(evidence.read_at));
            (plan.id.as_str(), ages.min())
        })
        .collect();
    let copies = Copies::of(evidence);
    let mut instances: Vec<Verified> = subjects(evidence, options, &jobs)
        .into_iter()
        .map(|subject| {
            let jobs = jobs.get(subject.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            subject.verify(evidence, options, jobs, &Promised { ages: &ages, copies: &copies })
        })
        .collect();
    instances.sort_by(|one, other| {
        let by_name = natural::compare(&one.name, &other.name).then_with(|| one.id.cmp(&other.id));
        one.verdict.cmp(&other.verdict).then(by_name)
    });
    let lists = [
        evidence.instances.unread(),
        evidence.jobs.unread(),
        evidence.images.unread(),
        evidence.snapshots.unread(),
        evidence.plans.unread(),
        evidence.opt_in.unread(),
    ];
    let selections = evidence.plans.known().into_iter().flatten().filter_map(|plan| plan.selections.unread());
    let mut unread: Vec<Unread> = lists.into_iter().flatten().chain(selections).cloned().collect();
    unread.sort_unstable();
    unread.dedup();
    Report { read_at: evidence.read_at, since, instances, unread }
}

/// By a plan's id, how old a backup of its most frequent rule may be.
type Ages<'a> = BTreeMap<&'a str, Option<i64>>;

/// What is promised beside a backup: when there is a newer one, and its copies.
struct Promised<'a> {
    ages: &'a Ages<'a>,
    copies: &'a Copies<'a>,
}

/// Returns `1 snapshot`, `2 snapshots`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
