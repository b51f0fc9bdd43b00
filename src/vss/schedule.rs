//! When rules run, as far as verdicts depend on it: how old a backup may be, whether one was due already, and whether the
//! start windows of two rules overlap.

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
/// A daily rule's runs over the horizon, and a few more.
const FEW_RUNS: usize = 40;
/// What a run may take beyond its start window where the rule allows more than a day.
const LONGEST_RUN: i64 = 24 * 60;

impl Rule {
    /// Returns when the rule runs after a moment, within the horizon; none where the schedule is none that can be read.
    pub fn runs(&self, from: Moment) -> Option<Vec<Moment>> {
        let schedule = Schedule::parse(self.schedule.as_deref()?, Dialect::Backup).ok()?;
        let zone = zone(&canonical_zone(self.timezone.as_deref().unwrap_or("Etc/UTC"))).ok()?;
        let end = from.plus(HORIZON_DAYS * 86_400);
        let mut runs = schedule.next_runs(timestamp(from), &zone, FEW_RUNS);
        // Most rules run once a day or less: looking for hourly runs of those would take years.
        let is_short = |last: &jiff::ZonedDateTime| last.timestamp().as_second() <= end.seconds();
        if runs.len() == FEW_RUNS && runs.last().is_some_and(is_short) {
            runs = schedule.next_runs(timestamp(from), &zone, MOST_RUNS);
        }
        Some(
            runs.iter()
                .map(|run| Moment::from_seconds(run.timestamp().as_second()))
                .take_while(|run| *run <= end)
                .collect(),
        )
    }

    /// Returns the start window in seconds.
    pub fn start_window(&self) -> i64 {
        if self.start_window_minutes > 0 { self.start_window_minutes * 60 } else { START_WINDOW * 60 }
    }

    /// Returns how old the newest backup of the rule can be while all is well: the longest pause between two runs, the
    /// start window, and the time that a run may take, of which at most a day counts.
    pub fn longest_age(&self, now: Moment) -> Option<i64> {
        let runs = self.runs(now)?;
        let pause = runs.windows(2).filter_map(|pair| Some(pair.get(1)?.since(*pair.first()?))).max()?;
        let completion = self.complete_window_minutes.unwrap_or(LONGEST_RUN).clamp(0, LONGEST_RUN);
        Some(pause + self.start_window() + completion * 60)
    }

    /// Returns the first run after a moment, and the time until which its backup may take: nothing was due before that.
    pub fn first_due(&self, from: Moment) -> Option<(Moment, Moment)> {
        let first = *self.runs(from)?.first()?;
        let completion = self.complete_window_minutes.unwrap_or(LONGEST_RUN).clamp(0, LONGEST_RUN);
        Some((first, first.plus(self.start_window() + completion * 60)))
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
