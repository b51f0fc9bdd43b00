//! When two schedules run at the same time: their start windows have a moment in common.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::Schedule;

/// The day at which a comparison begins. Any Monday would do, as the calendar repeats.
const REFERENCE: &str = "2026-01-04T23:59:59Z";
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
        let start: Timestamp = REFERENCE.parse().expect("the reference is a timestamp");
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
        self.times.iter().copied().filter(|run| self.meets(*run, other)).collect()
    }

    fn meets(&self, run: Timestamp, other: &Self) -> bool {
        let begin = run.as_second();
        // The runs are sorted, so that the first one whose window is still open decides.
        let from = other.times.partition_point(|time| time.as_second() + other.window <= begin);
        other.times.get(from).is_some_and(|time| time.as_second() < begin + self.window)
    }
}
