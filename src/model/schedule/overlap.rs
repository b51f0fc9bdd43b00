//! When two schedules run at the same time: their start windows have a moment in common.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::Schedule;

/// The day at which a comparison begins. Any Monday would do, as the calendar repeats.
const REFERENCE: &str = "2026-01-04T23:59:59Z";
/// A Monday half a year later: time zones with daylight saving are an hour apart from where they were.
const OTHER_SEASON: &str = "2026-07-05T23:59:59Z";
/// The runs that are compared where a schedule runs more rarely than that in four weeks.
const FEW: usize = 12;

/// The runs of a schedule, each with its start window.
#[derive(Clone, Debug)]
pub struct Runs {
    times: Vec<Timestamp>,
    window: i64,
}

impl Runs {
    /// Returns the runs of the four weeks after a fixed Monday; of a schedule that runs more rarely its next twelve.
    /// The window is in minutes.
    pub fn of(schedule: &Schedule, timezone: &TimeZone, window: u32) -> Self {
        Self::after(REFERENCE, schedule, timezone, window)
    }

    fn after(reference: &str, schedule: &Schedule, timezone: &TimeZone, window: u32) -> Self {
        let start: Timestamp = reference.parse().expect("the reference is a timestamp");
        let end = start.saturating_add((28 * 24).hours()).expect("hours fit a timestamp");
        let some = |count: usize| -> Vec<Timestamp> {
            schedule.next_runs(start, timezone, count).iter().map(ZonedDateTime::timestamp).collect()
        };
        let few = some(FEW);
        let is_rare = few.len() < FEW || few.last().is_some_and(|last| *last > end);
        let times = if is_rare { few } else { some(28 * 24).into_iter().filter(|run| *run < end).collect() };
        Self { times, window: i64::from(window) * 60 }
    }

    /// Returns how many runs there are.
    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// Returns the runs whose start window has a moment in common with that of a run of another schedule.
    pub fn that_meet(&self, other: &Self) -> Vec<Timestamp> {
        self.times.iter().copied().filter(|run| self.partner(*run, other).is_some()).collect()
    }

    /// Returns the first run of another schedule whose start window has a moment in common with that of a run.
    fn partner(&self, run: Timestamp, other: &Self) -> Option<Timestamp> {
        let begin = run.as_second();
        // The runs are sorted, so that the first one whose window is still open decides.
        let from = other.times.partition_point(|time| time.as_second() + other.window <= begin);
        other.times.get(from).copied().filter(|time| time.as_second() < begin + self.window)
    }
}

/// The runs of a schedule over a year, for the question whether two schedules ever run at the same time.
#[derive(Clone, Debug)]
pub struct Year {
    schedule: Schedule,
    timezone: TimeZone,
    seasons: [Runs; 2],
}

impl Year {
    /// Returns the runs of two seasons, which daylight saving moves apart. The window is in minutes.
    pub fn of(schedule: Schedule, timezone: TimeZone, window: u32) -> Self {
        let seasons = [REFERENCE, OTHER_SEASON].map(|reference| Runs::after(reference, &schedule, &timezone, window));
        Self { schedule, timezone, seasons }
    }

    /// Returns the first moment at which the start windows of both are open; none where they never are.
    pub fn first_meeting(&self, other: &Self) -> Option<Timestamp> {
        let meetings = (0..self.seasons.len())
            .flat_map(|season| self.meetings(other, season).into_iter().chain(other.meetings(self, season)));
        meetings.min()
    }

    /// Returns the first moment of a season at which a run of this one meets a run of the other one.
    fn meetings(&self, other: &Self, season: usize) -> Option<Timestamp> {
        let (ours, theirs) = (&self.seasons[season], &other.seasons[season]);
        ours.times.iter().find_map(|run| {
            let partner = ours.partner(*run, theirs).or_else(|| other.rarely_at(*run, ours.window, theirs))?;
            Some(partner.max(*run))
        })
    }

    /// Asks the schedule itself for a run beyond those of the season: a monthly rule may run when the four weeks of a
    /// daily one are over. An interval has no times of its own to ask for.
    fn rarely_at(&self, run: Timestamp, window: i64, listed: &Runs) -> Option<Timestamp> {
        let is_listed = listed.times.last().is_some_and(|last| *last >= run);
        if is_listed || matches!(self.schedule, Schedule::Rate(_)) {
            return None;
        }
        let from = run.checked_sub(listed.window.seconds()).ok()?;
        let next = self.schedule.next_runs(from, &self.timezone, 1).first()?.timestamp();
        (next.as_second() < run.as_second() + window).then_some(next)
    }
}
