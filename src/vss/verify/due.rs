//! Whether a backup was due, which must be known before one is called missing or too old.

use super::decide::Decision;
use super::outcome::has_ended;
use super::subject::Subject;
use super::{Cause, HISTORY, Options, Verdict};
use crate::vss::Moment;
use crate::vss::coverage::Membership;
use crate::vss::evidence::{Evidence, Job, Plan, Unread};
use crate::vss::moment::length;
use crate::vss::selection::Selected;

impl Subject<'_> {
    /// Judges an instance of which no job that counts has ended.
    pub(super) fn without_a_job(
        &self,
        evidence: &Evidence,
        options: &Options,
        jobs: &[&Job],
        counted: &[&Job],
    ) -> Decision {
        if let Some(job) = counted.iter().find(|job| !has_ended(&job.state)) {
            let since = length(evidence.read_at.since(job.created));
            return (Verdict::Pending, format!("its first backup began {since} ago and has not ended"), None);
        }
        if let Some((run, _)) = self.not_due_before(evidence) {
            let when = if run > evidence.read_at { "is due" } else { "was due" };
            return (Verdict::Pending, format!("its first backup {when} at {}", run.for_people()), None);
        }
        if self.plans(evidence).next().is_none() && !self.is_left_alone(evidence) {
            return (Verdict::Unknown, self.unread(evidence).0, None);
        }
        if options.max_age.is_none_or(|age| age > HISTORY)
            && let Some(unknown) = self.forgotten(evidence)
        {
            return unknown;
        }
        let is_void = |membership: &Membership| matches!(membership.selected, Selected::SwitchedOff(_));
        let is_sure = self.memberships.iter().any(Membership::is_sure);
        let (cause, fix) = if self.memberships.iter().any(is_void) && !is_sure {
            (
                "a plan selects it by its tags, and AWS Backup does not handle EC2 in this region",
                "write `[region_settings] resource_type_opt_in = { EC2 = true }`, or select by \
                 `arn:aws:ec2:*:*:instance/*`",
            )
        } else if is_sure {
            let cause = if jobs.is_empty() {
                "a plan selects it, and AWS Backup has started no job"
            } else {
                "a plan with VSS selects it, and AWS Backup has started no job of that plan"
            };
            (cause, "look at the rule's schedule, the vault and the selection's role with `vssctl doctor`")
        } else {
            ("no plan selects it", "run `vssctl coverage`: it says what a selection or a tag lacks")
        };
        let cause = Cause {
            cause: cause.to_owned(),
            fix: fix.to_owned(),
            checks: vec!["D072".to_owned(), "D074".to_owned(), "D076".to_owned()],
        };
        let what = if jobs.is_empty() { "no backup" } else { "no backup with VSS" };
        (Verdict::Never, format!("{what} since {}", evidence.jobs_since.day()), Some(cause))
    }

    /// Judges a consistent backup of which nothing says how old it may be.
    pub(super) fn of_unknown_age(&self, evidence: &Evidence, reason: &str) -> Decision {
        let (why, unread) = self.unread(evidence);
        let allow = unread.map(|unread| format!("allow `{}`, or ", unread.action)).unwrap_or_default();
        let cause = Cause {
            cause: "how old a backup may be follows from the plans that select the instance".to_owned(),
            fix: format!("{allow}say with `--max-age` what is enough"),
            checks: Vec::new(),
        };
        (Verdict::Unknown, format!("{reason}; {why}"), Some(cause))
    }

    /// Says what could not be read of the plans that may select it.
    fn unread<'a>(&self, evidence: &'a Evidence) -> (String, Option<&'a Unread>) {
        let plans = evidence.plans.known().into_iter().flatten();
        let lists = [evidence.instances.unread(), evidence.plans.unread()].into_iter().flatten();
        let unread = lists.chain(plans.filter_map(|plan| plan.selections.unread())).next();
        let (what, unread) = if self.plans(evidence).next().is_some() {
            ("the schedule of its plan", None)
        } else if unread.is_some() {
            ("which plans select it", unread)
        } else {
            ("whether AWS Backup handles EC2 in this region", evidence.opt_in.unread())
        };
        (format!("{what} could not be read"), unread)
    }

    /// Returns the first run and the time until which its backup may take, where that is yet to come. Runs count once
    /// plan, selection and instance all exist.
    fn not_due_before(&self, evidence: &Evidence) -> Option<(Moment, Moment)> {
        self.first_due(evidence, None).filter(|(_, due)| *due > evidence.read_at)
    }

    /// Decides that nothing is known where AWS Backup no longer lists the job of the plan's last run.
    fn forgotten(&self, evidence: &Evidence) -> Option<Decision> {
        let Some((run, due)) = self.first_due(evidence, Some(evidence.read_at.plus(-HISTORY))) else {
            let mut rules = self.plans(evidence).flat_map(|plan| &plan.rules);
            let is_unreadable = rules.any(|rule| rule.is_unreadable(evidence.read_at));
            return is_unreadable.then(|| (Verdict::Unknown, self.unread(evidence).0, None));
        };
        if due <= evidence.read_at {
            return None;
        }
        let cause = Cause {
            cause: "AWS Backup keeps jobs for 30 days, and the plan runs less often".to_owned(),
            fix: format!("run `vssctl verify` within 30 days of a backup: a run is at {}", run.for_people()),
            checks: Vec::new(),
        };
        let reason = "no run of its plan fell into the 30 days of which AWS Backup has jobs".to_owned();
        Some((Verdict::Unknown, reason, Some(cause)))
    }

    /// Returns the first run of its plans since they select it, not before a moment, and the time until which its
    /// backup may take.
    fn first_due(&self, evidence: &Evidence, earliest: Option<Moment>) -> Option<(Moment, Moment)> {
        self.plans(evidence)
            .flat_map(|plan| {
                let begin = self.begin(plan).max(earliest);
                plan.rules.iter().filter_map(move |rule| rule.first_due(begin?))
            })
            .min_by_key(|(_, due)| *due)
    }

    /// Returns the moment since which plan, selection and instance all exist.
    fn begin(&self, plan: &Plan) -> Option<Moment> {
        let ids: Vec<&str> = self.memberships.iter().map(|membership| membership.selection.as_str()).collect();
        let selections = plan.selections.known().into_iter().flatten();
        let selected = selections
            .filter(|selection| ids.contains(&selection.name.as_str()))
            .map(|selection| selection.created)
            .min()
            .flatten();
        let born = self.instance.and_then(|instance| instance.created);
        [plan.created, selected, born].into_iter().flatten().max()
    }

    /// Returns the next run of the plan that made a job, where that plan asks for VSS and selects the instance.
    pub(super) fn next_run_of_its_plan(&self, evidence: &Evidence, job: &Job) -> Option<Moment> {
        let plan = self.plans(evidence).find(|plan| Some(&plan.id) == job.plan_id.as_ref())?;
        plan.rules.iter().filter_map(|rule| rule.next_run(evidence.read_at)).min()
    }
}
