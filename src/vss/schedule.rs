//! When rules run, as far as verdicts depend on it: how old a backup may be, whether one was due already, and whether
//! the start windows of two rules overlap.

use jiff::Timestamp;

use super::Moment;
use super::evidence::Rule;
use crate::model::schedule::{Dialect, Schedule, canonical_zone, zone};

/// AWS Backup's default start window in minutes.
pub const START_WINDOW: i64 = 480;
/// How far ahead rules are compared: long enough for monthly ones.
const HORIZON_DAYS: i64 = 35;
/// The most runs of a rule that are looked at: an hourly one over the horizon.
const MOST_RUNS: usize = 24 * 36;
/// The runs that are looked at first: those of a daily rule over the horizon, and a few more.
const FEW_RUNS: usize = 40;
/// The runs from which the longest pause of a rarer rule follows: more than a year of a monthly rule, three years of a
/// quarterly one.
const RARE_RUNS: usize = 14;
/// How far back the last finished run is looked for, in days. The steps grow, because most rules run every day.
const BACK: [i64; 3] = [2, HORIZON_DAYS, 400];
/// What a run may take beyond its start window where the rule allows more than a day.
const LONGEST_RUN: i64 = 24 * 60;

impl Rule {
    /// Returns when the rule runs after a moment, within the horizon; `None` where the schedule cannot be read.
    pub fn runs(&self, from: Moment) -> Option<Vec<Moment>> {
        self.runs_until(from, from.plus(HORIZON_DAYS * 86_400))
    }

    fn runs_until(&self, from: Moment, end: Moment) -> Option<Vec<Moment>> {
        let mut runs = self.next_runs(from, FEW_RUNS)?;
        // Most rules run once a day or less, and a search for as many runs as an hourly rule has would go years ahead.
        if runs.len() == FEW_RUNS && runs.last().is_some_and(|last| *last <= end) {
            runs = self.next_runs(from, MOST_RUNS)?;
        }
        runs.retain(|run| *run <= end);
        Some(runs)
    }

    /// Returns the next runs after a moment, however far away they are.
    fn next_runs(&self, from: Moment, count: usize) -> Option<Vec<Moment>> {
        let schedule = Schedule::parse(self.schedule.as_deref()?, Dialect::Backup).ok()?;
        let zone = zone(&canonical_zone(self.timezone.as_deref().unwrap_or("Etc/UTC"))).ok()?;
        let runs = schedule.next_runs(timestamp(from), &zone, count);
        Some(runs.iter().map(|run| Moment::from_seconds(run.timestamp().as_second())).collect())
    }

    /// Tells whether it has a schedule that cannot be evaluated here.
    pub fn is_unreadable(&self, now: Moment) -> bool {
        self.schedule.is_some() && self.next_runs(now, 1).is_none()
    }

    /// Returns the first run after a moment.
    pub fn next_run(&self, from: Moment) -> Option<Moment> {
        self.next_runs(from, 1)?.first().copied()
    }

    /// Returns the start window in seconds.
    pub fn start_window(&self) -> i64 {
        if self.start_window_minutes > 0 { self.start_window_minutes * 60 } else { START_WINDOW * 60 }
    }

    /// Returns how old the newest backup of the rule can be while all is well: the longest pause between two runs, the
    /// start window, and the time that a run may take, of which at most a day counts. A season without runs counts
    /// while it lasts. Returns `None` where no run is to come.
    pub fn longest_age(&self, now: Moment) -> Option<i64> {
        let mut runs = self.runs(now)?;
        if runs.len() < RARE_RUNS {
            runs = self.next_runs(now, RARE_RUNS)?;
        }
        runs.first()?;
        let pause = runs.windows(2).filter_map(|pair| Some(pair.get(1)?.since(*pair.first()?))).max();
        let since_the_last = self.last_due(now).map(|run| now.since(run));
        pause.map(|pause| pause + self.allowance()).max(since_the_last)
    }

    /// Returns the first run after a moment, and the time until which its backup may take: nothing was due before that.
    pub fn first_due(&self, from: Moment) -> Option<(Moment, Moment)> {
        let first = self.next_run(from)?;
        Some((first, first.plus(self.allowance())))
    }

    /// Returns the last run whose backup must be there by now.
    fn last_due(&self, now: Moment) -> Option<Moment> {
        let end = now.plus(-self.allowance());
        BACK.iter().find_map(|days| self.runs_until(end.plus(-days * 86_400), end)?.last().copied())
    }

    /// Returns how long after its run a backup may be there, in seconds.
    fn allowance(&self) -> i64 {
        let completion = self.complete_window_minutes.unwrap_or(LONGEST_RUN).clamp(0, LONGEST_RUN);
        self.start_window() + completion * 60
    }
}

/// Finds the first time at which the start windows of two rules overlap: within the window of the earlier run the other
/// begins.
pub fn overlap(one: &Rule, other: &Rule, now: Moment) -> Option<Moment> {
    let (ones, others) = (one.runs(now)?, other.runs(now)?);
    let (mut left, mut right) = (ones.iter().peekable(), others.iter().peekable());
    while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
        let (first, second, window) = if a <= b { (a, b, one.start_window()) } else { (b, a, other.start_window()) };
        if second.since(first) < window {
            return Some(first);
        }
        if a <= b {
            left.next();
        } else {
            right.next();
        }
    }
    None
}

fn timestamp(moment: Moment) -> Timestamp {
    moment.timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(schedule: &str, window: i64) -> Rule {
        Rule { schedule: Some(schedule.to_owned()), start_window_minutes: window, ..Rule::default() }
    }

    fn now() -> Moment {
        "2026-01-15T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_age_that_is_fine_follows_the_schedule() {
        let hours = |rule: &Rule| rule.longest_age(now()).unwrap() / 3_600;
        let mut daily = rule("cron(0 18 ? * * *)", 60);
        daily.complete_window_minutes = Some(480);
        assert_eq!(hours(&daily), 24 + 1 + 8);
        let weekly = rule("cron(0 18 ? * SUN *)", 60);
        assert_eq!(hours(&weekly), 7 * 24 + 1 + 24);
        let weekdays = rule("cron(0 18 ? * MON-FRI *)", 60);
        assert_eq!(hours(&weekdays), 3 * 24 + 1 + 24);
        assert_eq!(Rule::default().longest_age(now()), None);
    }

    #[test]
    fn the_age_of_rules_that_run_rarely_is_known_too() {
        let days = |schedule: &str, now: &str| {
            rule(schedule, 60).longest_age(now.parse().unwrap()).map(|age| (age - 25 * 3_600) / 86_400)
        };
        assert_eq!(days("cron(0 18 15 * ? *)", "2026-01-15T12:00:00Z"), Some(31));
        assert_eq!(days("cron(0 18 1 1,4,7,10 ? *)", "2026-11-24T12:00:00Z"), Some(92));
        assert_eq!(days("cron(0 18 1 1 ? *)", "2026-11-24T12:00:00Z"), Some(366));
        // In a February of 28 days two runs are within the horizon, and the pause between them is a short one.
        assert_eq!(days("cron(0 18 1 * ? *)", "2026-01-31T12:00:00Z"), Some(31));
        assert_eq!(days("cron(0 18 1 1 ? 2020)", "2026-11-24T12:00:00Z"), None);
    }

    #[test]
    fn a_season_without_runs_makes_no_backup_of_the_last_season_too_old() {
        let winter = rule("cron(0 18 ? 1-3 * *)", 60);
        let age = |now: &str| winter.longest_age(now.parse().unwrap()).unwrap();
        let day = 86_400;
        assert_eq!(age("2026-02-10T12:00:00Z"), day + 25 * 3_600);
        let last: Moment = "2026-03-31T18:00:00Z".parse().unwrap();
        // In summer, before the first run of the new year, and while that one may still take.
        for now in ["2026-08-01T12:00:00Z", "2027-01-01T12:00:00Z", "2027-01-02T12:00:00Z"] {
            assert_eq!(age(now), now.parse::<Moment>().unwrap().since(last), "{now}");
        }
        assert_eq!(age("2027-01-03T12:00:00Z"), day + 25 * 3_600);
    }

    #[test]
    fn start_windows_overlap_when_one_begins_within_the_other() {
        let six = rule("cron(0 18 ? * * *)", 60);
        assert_eq!(
            overlap(&six, &rule("cron(30 18 ? * * *)", 60), now()).map(|at| at.to_string()).as_deref(),
            Some("2026-01-15T18:00:00Z")
        );
        assert_eq!(overlap(&six, &rule("cron(0 19 ? * * *)", 60), now()), None);
        assert!(overlap(&six, &rule("cron(0 12 ? * * *)", 480), now()).is_some());
        assert!(overlap(&rule("cron(0 18 ? * SAT *)", 60), &rule("cron(0 18 ? * SUN *)", 60), now()).is_none());
        assert!(overlap(&six, &rule("cron(0 18 1 * ? *)", 60), now()).is_some());
        let mut tokyo = rule("cron(0 3 ? * * *)", 60);
        tokyo.timezone = Some("Asia/Tokyo".to_owned());
        assert!(overlap(&six, &tokyo, now()).is_some());
    }

    #[test]
    fn nothing_is_due_before_the_first_run_and_its_windows_are_over() {
        let mut daily = rule("cron(0 18 ? * * *)", 60);
        daily.complete_window_minutes = Some(120);
        let (first, due) = daily.first_due(now()).unwrap();
        assert_eq!(
            (first.to_string().as_str(), due.to_string().as_str()),
            ("2026-01-15T18:00:00Z", "2026-01-15T21:00:00Z")
        );
    }
}
