//! Which instances are judged, and which of an instance's jobs count.

use std::collections::BTreeMap;

use super::decide::{decide, lacks_vault};
use super::outcome::{Outcome, has_ended, judge, outcome};
use super::{Ages, Declared, Options, Past, Promised, Verdict, Verified};
use crate::vss::copies::Copied;
use crate::vss::coverage::{self, Membership};
use crate::vss::evidence::{Evidence, Instance, Job, JobState, Known, Plan};
use crate::vss::selection::{Resource, Selected, select};

/// How old a backup may be, in seconds, where no plan with VSS will make a newer one: a week.
const UNPROMISED: i64 = 7 * 24 * 3600;

/// An instance that is to be judged.
#[derive(Debug, Default)]
pub(super) struct Subject<'a> {
    pub(super) id: String,
    pub(super) instance: Option<&'a Instance>,
    pub(super) memberships: Vec<Membership>,
    /// The file's selections that mean it.
    declared: Vec<String>,
}

/// Chooses the instances: those asked for, else those that plans with VSS select or that were backed up with VSS.
/// Instances without Windows have no VSS, and instances that no longer exist need no backup.
pub(super) fn subjects<'a>(
    evidence: &'a Evidence,
    options: &Options,
    jobs: &BTreeMap<&str, Vec<&Job>>,
) -> Vec<Subject<'a>> {
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
            // A selection that the region's settings switch off protects nothing, and somebody counts on it.
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
    /// Returns the plans with VSS that select it.
    pub(super) fn plans<'a>(&'a self, evidence: &'a Evidence) -> impl Iterator<Item = &'a Plan> {
        let ids: Vec<&str> = self
            .memberships
            .iter()
            .filter(|membership| membership.is_sure() && membership.windows_vss)
            .map(|membership| membership.plan_id.as_str())
            .collect();
        evidence.plans.known().into_iter().flatten().filter(move |plan| ids.contains(&plan.id.as_str()))
    }

    /// Returns how old its newest backup may be: by the most frequent rule of its plans, or, where no plan will make a
    /// newer one, by the plan that made it. `None` where that could not be read.
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
        // The age is the same whether the plan that made the backup still selects the instance or no plan does.
        let is_its_own = |membership: &Membership| {
            matches!(membership.selected, Selected::Unsure(_)) && Some(membership.plan_id.as_str()) == plan
        };
        self.memberships.iter().any(is_its_own).then(of_its_plan).flatten()
    }

    pub(super) fn verify(
        self,
        evidence: &Evidence,
        options: &Options,
        jobs: &[&Job],
        promised: &Promised<'_>,
    ) -> Verified {
        let counted = self.counted(evidence, jobs);
        let decisive = counted.iter().find(|job| has_ended(&job.state)).copied();
        let running = jobs.iter().find(|job| !has_ended(&job.state));
        let left_alone = self.is_left_alone(evidence);
        let max_age = options.max_age.or_else(|| self.promised_age(evidence, promised.ages, decisive));
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
            copies: self.plans(evidence).flat_map(|plan| promised.copies.of_plan(&self.id, plan)).collect(),
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
            "let a plan with VSS select it (`vssctl coverage` says what it lacks), or say with `--max-age` what is \
             enough"
                .clone_into(&mut cause.fix);
        }
        verified.cause = verified.cause.map(|cause| cause.on(&self.id));
        self.add_notes(evidence, &mut verified, left_alone);
        verified
    }

    /// Returns the jobs that say something about its backups with VSS, the newest first.
    fn counted<'a>(&self, evidence: &Evidence, jobs: &[&'a Job]) -> Vec<&'a Job> {
        let asked = |job: &&Job| job.vss_requested || job.says_vss();
        let Some(newest) = jobs.iter().copied().find(|job| asked(job) && has_ended(&job.state)) else {
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
    pub(super) fn is_left_alone(&self, evidence: &Evidence) -> bool {
        let plans = evidence.plans.known();
        let all_known = plans.is_some_and(|plans| plans.iter().all(|plan| plan.selections.known().is_some()));
        let counts = |membership: &Membership| {
            membership.windows_vss && matches!(membership.selected, Selected::Yes(_) | Selected::Unsure(_))
        };
        all_known && self.instance.is_some() && !self.memberships.iter().any(counts)
    }

    fn add_notes(&self, evidence: &Evidence, verified: &mut Verified, left_alone: bool) {
        if let Some(instance) = self.instance.filter(|instance| instance.state != "running")
            && verified.verdict == Verdict::CrashOnly
        {
            verified.notes.push(format!("the instance is {}: VSS needs it running", instance.state));
        }
        // A plan that could not be read may exist.
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
        if let Some(proof) = verified.proof.as_ref().filter(|proof| proof.image.is_some())
            && lacks_vault(evidence, &proof.job)
        {
            verified.notes.push(format!(
                "its image is there, and AWS Backup no longer lists its vault {}: EC2 can restore it, AWS Backup can't",
                proof.job.vault
            ));
        }
        verified.notes.extend(verified.copies.iter().filter_map(Copied::complaint));
        let asks = self.plans(evidence).flat_map(|plan| &plan.rules).any(|rule| !rule.copies.is_empty());
        if let (true, Some(unread)) = (asks, evidence.copies.unread()) {
            verified.notes.push(format!("its copies could not be read: allow `{}`", unread.action));
        }
    }
}

fn past(evidence: &Evidence, job: &Job) -> Past {
    Past { job: job.id.clone(), at: job.at(), outcome: outcome(evidence, job) }
}
