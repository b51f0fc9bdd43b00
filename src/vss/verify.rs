//! Whether backups are application-consistent: one verdict for each instance, from AWS's own evidence.
//!
//! The rule is the table of `AWS Backup Developer Guide`, "Create Windows VSS backups": `COMPLETED` with `BackupType`
//! `WindowsVSS` is what AWS calls consistent, `COMPLETED` without it is a regular backup whatever was asked for. On top of
//! that every snapshot of the image must carry `AppConsistent`: the package sets it when, and only when, the snapshot was.
//! The job that counts is the newest one that has ended and asked for VSS. A regular one counts where it took its place: it is
//! newer and of the same plan, or no plan with VSS selects the instance any more. Where nothing says how old a backup may be,
//! it is not called consistent.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Moment;
use super::coverage::{self, Membership};
use super::evidence::{
    APP_CONSISTENT, Evidence, Instance, Job, JobState, Known, Selection, Unread, VSS_CONFIG, is_app_consistent,
};
use super::messages::{self, Meaning};
use super::moment::length;
use super::selection::{Resource, Selected, select};

mod declared;
mod due;
mod outcome;

pub use declared::declared;
pub use outcome::{ImageProof, Outcome, Proof, SnapshotProof, image_of, judge};

/// What is asked.
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

/// A selection that the file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its address, such as `selection.daily.windows`.
    pub address: String,
    /// What it selects.
    pub selection: Selection,
}

/// How far back AWS Backup lists jobs, in seconds: 30 days.
pub const HISTORY: i64 = 30 * 24 * 3600;

/// How old a backup may be that no plan with VSS will follow up, in seconds: a week.
const UNPROMISED: i64 = 7 * 24 * 3600;

/// How an instance's backups are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The newest job failed, was aborted or expired, or its image is gone.
    Failed,
    /// The newest backup is not application-consistent.
    CrashOnly,
    /// There is none.
    Never,
    /// The newest one is consistent and too old.
    Stale,
    /// What could be read does not tell.
    Unknown,
    /// None was due yet, or the first one is on its way.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What went wrong, in a sentence without its full stop.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
    /// The checks of `doctor` that look for it.
    pub checks: Vec<String>,
}

impl From<&Meaning> for Cause {
    fn from(meaning: &Meaning) -> Self {
        Self {
            cause: meaning.cause.to_owned(),
            fix: meaning.fix.to_owned(),
            checks: meaning.checks.iter().map(|check| (*check).to_owned()).collect(),
        }
    }
}

/// One backup job, as far as a history needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The job's id.
    pub job: String,
    /// When.
    pub at: Moment,
    /// How it ended.
    pub outcome: Outcome,
}

/// The verdict on one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A job that has not ended.
    pub running: Option<String>,
    /// What else should be known.
    pub notes: Vec<String>,
    /// Every job that asked for VSS, and what took its place, the newest first; older ones by AWS's word on the job alone.
    pub history: Vec<Past>,
}

/// All verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When the account was read.
    pub read_at: Moment,
    /// Jobs before this did not count.
    pub since: Moment,
    /// The instances, the worst first.
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
    let mut instances: Vec<Verified> = subjects(evidence, options, &jobs)
        .into_iter()
        .map(|subject| {
            let jobs = jobs.get(subject.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            subject.verify(evidence, options, jobs, &ages)
        })
        .collect();
    instances.sort_by(|one, other| (one.verdict, &one.name, &one.id).cmp(&(other.verdict, &other.name, &other.id)));
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

/// An instance that is to be judged.
#[derive(Debug, Default)]
struct Subject<'a> {
    id: String,
    instance: Option<&'a Instance>,
    memberships: Vec<Membership>,
    /// The file's selections that mean it.
    declared: Vec<String>,
}

/// Chooses the instances: those asked for, else those that plans with VSS select or that were backed up with VSS. What
/// runs no Windows has no VSS; what is gone needs no backup.
fn subjects<'a>(evidence: &'a Evidence, options: &Options, jobs: &BTreeMap<&str, Vec<&Job>>) -> Vec<Subject<'a>> {
    let asked_for_vss = |id: &str| jobs.get(id).is_some_and(|jobs| jobs.iter().any(|job| job.vss_requested));
    let wanted = |id: &str| options.only.is_empty() || options.only.contains(id);
    let Known::Known(instances) = &evidence.instances else {
        let ids = jobs.keys().filter(|id| wanted(id) && asked_for_vss(id));
        let subject = |id: &&str| Subject { id: (*id).to_owned(), ..Subject::default() };
        return ids.map(subject).collect();
    };
    let chosen = instances.iter().filter(|instance| instance.windows && wanted(&instance.id));
    chosen
        .map(|instance| Subject {
            id: instance.id.clone(),
            instance: Some(instance),
            memberships: coverage::memberships(evidence, instance),
            declared: meant(evidence, options, instance),
        })
        .filter(|subject| {
            // A selection that the region's settings make void protects nothing, and somebody counts on it.
            let is_meant = subject.memberships.iter().any(|membership| membership.windows_vss);
            !options.only.is_empty() || is_meant || !subject.declared.is_empty() || asked_for_vss(&subject.id)
        })
        .collect()
}

/// Returns the addresses of the file's selections that mean an instance.
fn meant(evidence: &Evidence, options: &Options, instance: &Instance) -> Vec<String> {
    let arn = evidence.instance_arn(&instance.id);
    let means = |declared: &&Declared| {
        let resource = Resource { arn: &arn, kind: "EC2", tags: &instance.tags };
        select(&declared.selection, resource, evidence.opt_in.known()) != Selected::No
    };
    options.declared.iter().filter(means).map(|declared| declared.address.clone()).collect()
}

impl Subject<'_> {
    /// The plans with VSS that select it.
    fn plans<'a>(&'a self, evidence: &'a Evidence) -> impl Iterator<Item = &'a super::evidence::Plan> {
        let ids: Vec<&str> = self
            .memberships
            .iter()
            .filter(|membership| membership.is_sure() && membership.windows_vss)
            .map(|membership| membership.plan_id.as_str())
            .collect();
        evidence.plans.known().into_iter().flatten().filter(move |plan| ids.contains(&plan.id.as_str()))
    }

    /// How old its newest backup may be: by the most frequent rule of its plans, or, where nothing follows it up, by what its
    /// last plan promised. None where that could not be read.
    fn promised_age(&self, evidence: &Evidence, ages: &Ages<'_>, decisive: Option<&Job>) -> Option<i64> {
        if let Some(age) = self.plans(evidence).filter_map(|plan| *ages.get(plan.id.as_str())?).min() {
            return Some(age);
        }
        let plan = decisive?.plan_id.as_deref();
        let of_its_plan = || plan.and_then(|plan| *ages.get(plan)?);
        if self.is_left_alone(evidence) {
            return Some(of_its_plan().unwrap_or(UNPROMISED));
        }
        let mut plans = self.plans(evidence).peekable();
        if plans.peek().is_some() {
            let mut rules = plans.flat_map(|plan| &plan.rules);
            return (!rules.any(|rule| rule.is_unreadable(evidence.read_at))).then_some(UNPROMISED);
        }
        // Whether the plan that made it still selects it or no plan does: the age is the same.
        let is_its_own = |membership: &Membership| {
            matches!(membership.selected, Selected::Unsure(_)) && Some(membership.plan_id.as_str()) == plan
        };
        self.memberships.iter().any(is_its_own).then(of_its_plan).flatten()
    }

    fn verify(self, evidence: &Evidence, options: &Options, jobs: &[&Job], ages: &Ages<'_>) -> Verified {
        let counted = self.counted(evidence, jobs);
        let has_ended = |job: &&&Job| outcome::has_ended(&job.state);
        let decisive = counted.iter().find(has_ended).copied();
        let running = jobs.iter().find(|job| !outcome::has_ended(&job.state));
        let left_alone = self.is_left_alone(evidence);
        let max_age = options.max_age.or_else(|| self.promised_age(evidence, ages, decisive));
        let mut verified = Verified {
            id: self.id.clone(),
            name: self.instance.map(|instance| instance.name.clone()).unwrap_or_default(),
            verdict: Verdict::Unknown,
            reason: String::new(),
            cause: None,
            proof: decisive.map(|job| judge(evidence, job)),
            last_vss: counted
                .iter()
                .find(|job| job.state == JobState::Completed && job.says_vss())
                .map(|job| past(evidence, job)),
            max_age,
            plans: self.plans(evidence).map(|plan| plan.name.clone()).collect(),
            running: running.map(|job| job.id.clone()),
            notes: Vec::new(),
            history: counted.iter().map(|job| past(evidence, job)).collect(),
        };
        let (verdict, reason, cause) = match (&verified.proof, &evidence.jobs) {
            (Some(proof), _) => match decide(evidence, proof, max_age) {
                (Verdict::Consistent, reason, _) if max_age.is_none() => self.of_unknown_age(evidence, &reason),
                decided => decided,
            },
            (None, Known::Known(_)) => self.without_a_job(evidence, options, jobs, &counted),
            (None, Known::Unknown(unread)) => {
                (Verdict::Unknown, format!("its jobs could not be read: {}", unread.message), None)
            }
            (None, Known::NotRead) => (Verdict::Unknown, "its jobs were not read".to_owned(), None),
        };
        (verified.verdict, verified.reason, verified.cause) = (verdict, reason, cause);
        if let (Some(Outcome::NotAsked), Some(cause)) =
            (verified.proof.as_ref().map(|proof| &proof.outcome), &mut verified.cause)
            && let Some(next) = decisive.and_then(|job| self.next_run_of_its_plan(evidence, job))
        {
            cause.fix = format!("wait for the plan's next run at {}, or run `vssctl backup`", next.for_people());
        }
        if let (Verdict::Stale, true, Some(cause)) = (verified.verdict, left_alone, &mut verified.cause) {
            "no plan with VSS selects it: no newer backup comes".clone_into(&mut cause.cause);
            "let a plan with VSS select it (`vssctl coverage` says what it lacks), or say with `--max-age` what is enough"
                .clone_into(&mut cause.fix);
        }
        self.add_notes(&mut verified, left_alone);
        verified
    }

    /// The jobs that say something about its backups with VSS, the newest first.
    fn counted<'a>(&self, evidence: &Evidence, jobs: &[&'a Job]) -> Vec<&'a Job> {
        let asked = |job: &&Job| job.vss_requested || job.says_vss();
        let Some(newest) = jobs.iter().copied().find(|job| asked(job) && outcome::has_ended(&job.state)) else {
            let all: Vec<&Job> = jobs.iter().copied().filter(asked).collect();
            if !all.is_empty() {
                return all;
            }
            // Where a plan with VSS selects it, jobs of other plans say nothing about that one.
            let left_alone = self.is_left_alone(evidence);
            let is_of_its_plan = |job: &&Job| {
                let mut with_vss = self.memberships.iter().filter(|membership| membership.windows_vss);
                with_vss.any(|membership| Some(&membership.plan_id) == job.plan_id.as_ref())
            };
            return jobs.iter().copied().filter(|job| left_alone || is_of_its_plan(job)).collect();
        };
        let left_alone = self.is_left_alone(evidence);
        // A job of another plan, which did not ask for VSS, says nothing about the one that did.
        let took_its_place = |job: &Job| {
            job.created > newest.created && (left_alone || (job.plan_id.is_some() && job.plan_id == newest.plan_id))
        };
        jobs.iter().copied().filter(|job| asked(job) || took_its_place(job)).collect()
    }

    /// Tells whether it is known that no plan with VSS selects it.
    fn is_left_alone(&self, evidence: &Evidence) -> bool {
        let plans = evidence.plans.known();
        let all_known = plans.is_some_and(|plans| plans.iter().all(|plan| plan.selections.known().is_some()));
        let counts = |membership: &Membership| {
            membership.windows_vss && matches!(membership.selected, Selected::Yes(_) | Selected::Unsure(_))
        };
        all_known && self.instance.is_some() && !self.memberships.iter().any(counts)
    }

    fn add_notes(&self, verified: &mut Verified, left_alone: bool) {
        if let Some(instance) = self.instance.filter(|instance| instance.state != "running")
            && verified.verdict == Verdict::CrashOnly
        {
            verified.notes.push(format!("the instance is {}: VSS needs it running", instance.state));
        }
        // What could not be read is not missing.
        if left_alone && verified.verdict != Verdict::Unknown {
            verified.notes.push(match self.declared.as_slice() {
                [] => "no plan with VSS selects it".to_owned(),
                declared => format!(
                    "no plan with VSS selects it, and {} of the file means it: run `vssctl plan`",
                    declared.iter().map(|address| format!("`{address}`")).collect::<Vec<_>>().join(", ")
                ),
            });
        }
        if let (Verdict::CrashOnly | Verdict::Failed, Some(past)) = (verified.verdict, &verified.last_vss)
            && verified.proof.as_ref().is_some_and(|proof| proof.job.id != past.job)
        {
            verified.notes.push(format!("VSS last worked at {}", past.at.for_people()));
        }
    }
}

fn past(evidence: &Evidence, job: &Job) -> Past {
    Past { job: job.id.clone(), at: job.at(), outcome: outcome::outcome(evidence, job) }
}

/// Says why a job's backup is not consistent, and what to do.
pub fn cause(evidence: &Evidence, proof: &Proof) -> Option<Cause> {
    decide(evidence, proof, None).2
}

/// Decides by the newest job that has ended.
fn decide(evidence: &Evidence, proof: &Proof, max_age: Option<i64>) -> (Verdict, String, Option<Cause>) {
    let job = &proof.job;
    let meaning = || job.status_message.as_deref().and_then(messages::meaning).map(Cause::from);
    let at = job.at().for_people();
    match &proof.outcome {
        Outcome::Consistent => {
            let age = evidence.read_at.since(job.at());
            match max_age {
                Some(max_age) if age > max_age => {
                    let reason =
                        format!("the newest backup is {} old, and {} is the most", length(age), length(max_age));
                    let cause = Cause {
                        cause: "no backup has been made since".to_owned(),
                        fix: "look at the plan's rules and at whether the plan still selects the instance: `vssctl coverage`".to_owned(),
                        checks: vec!["D072".to_owned(), "D074".to_owned(), "D076".to_owned()],
                    };
                    (Verdict::Stale, reason, Some(cause))
                }
                Some(_) | None => (Verdict::Consistent, format!("backed up with VSS at {at}"), None),
            }
        }
        Outcome::CrashOnly => {
            let cause = meaning().unwrap_or_else(|| Cause {
                cause: match &job.status_message {
                    Some(message) => format!("AWS Backup says: {message}"),
                    None => "AWS Backup does not say why".to_owned(),
                },
                fix: "run `vssctl doctor` for the instance".to_owned(),
                checks: Vec::new(),
            });
            (
                Verdict::CrashOnly,
                format!("the backup of {at} is a regular one: VSS was asked for and did not work"),
                Some(cause),
            )
        }
        Outcome::NotTagged { snapshots } => {
            let cause = Cause {
                cause: format!("{} without the tag `{APP_CONSISTENT}`, gone or broken: {}", counted(snapshots.len(), "snapshot"), snapshots.join(", ")),
                fix: "do not count on this backup: run `vssctl doctor` for the instance and `vssctl backup` for a new one".to_owned(),
                checks: vec!["D050".to_owned(), "D051".to_owned()],
            };
            (Verdict::CrashOnly, format!("the job of {at} says VSS, and its snapshots do not"), Some(cause))
        }
        Outcome::NotAsked => {
            let mut plans = evidence.plans.known().into_iter().flatten();
            let asks_now = plans.any(|plan| plan.windows_vss && job.plan_id.as_ref() == Some(&plan.id));
            let (cause, fix) = if asks_now {
                (
                    "the job ran before VSS was switched on in its plan",
                    "wait for the plan's next run, or run `vssctl backup`",
                )
            } else {
                ("the job did not ask for VSS", "set `windows_vss = true` in the plan that selects it")
            };
            let cause = Cause { cause: cause.to_owned(), fix: fix.to_owned(), checks: vec!["D076".to_owned()] };
            (Verdict::CrashOnly, format!("the backup of {at} is a regular one"), Some(cause))
        }
        Outcome::Failed => {
            let state = String::from(job.state.clone()).to_lowercase();
            let cause = meaning().unwrap_or_else(|| Cause {
                cause: match &job.status_message {
                    Some(message) => format!("AWS Backup says: {message}"),
                    None => "AWS Backup does not say why".to_owned(),
                },
                fix: "AWS Backup does not repeat a job that failed: start one with `vssctl backup`, or wait for the next run".to_owned(),
                checks: vec!["D065".to_owned()],
            });
            (Verdict::Failed, format!("the job of {at} is {state}"), Some(cause))
        }
        Outcome::Gone { image } => {
            let cause = Cause {
                cause: format!("the image {image} of the newest backup no longer exists"),
                fix: "find out who deregistered it, and make a new backup with `vssctl backup`".to_owned(),
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

/// Returns `1 snapshot`, `2 snapshots`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Returns the tag that proves, as it stands.
fn tag(tags: &super::evidence::Tags, key: &str) -> Option<String> {
    tags.get(key).cloned()
}

#[cfg(test)]
mod tests;
