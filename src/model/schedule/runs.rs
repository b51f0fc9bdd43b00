//! Computes when a schedule runs: the next runs after an instant.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::calendar::{last_date, names};
use super::cron::Cron;
use super::{Rate, Schedule};

impl Schedule {
    /// Returns the next `count` runs after an instant, in a time zone. Fewer where the schedule ends.
    ///
    /// A time that daylight saving skips is moved forward by the gap; a time that comes twice runs the first time. An
    /// interval is counted from `from`, since the service counts it from the last run. `at(...)` is in UTC, whatever
    /// the zone.
    pub fn next_runs(&self, from: Timestamp, zone: &TimeZone, count: usize) -> Vec<ZonedDateTime> {
        match self {
            Self::Cron(cron) => cron_runs(cron, from, zone, count),
            Self::Rate(rate) => rate_runs(*rate, from, zone, count),
            Self::At(time) => TimeZone::UTC
                .to_timestamp(*time)
                .into_iter()
                .filter(|time| *time > from)
                .map(|time| time.to_zoned_datetime(zone.clone()))
                .take(count)
                .collect(),
        }
    }

    /// Returns the last run of a schedule that does not run any more after an instant, in a time zone.
    pub fn ended(&self, now: Timestamp, zone: &TimeZone) -> Option<ZonedDateTime> {
        let last = match self {
            Self::Rate(_) => None,
            Self::At(time) => TimeZone::UTC.to_timestamp(*time).ok().map(|time| time.to_zoned_datetime(zone.clone())),
            Self::Cron(cron) => cron_end(cron, now, zone),
        };
        last.filter(|last| last.timestamp() <= now)
    }
}

fn cron_end(cron: &Cron, now: Timestamp, zone: &TimeZone) -> Option<ZonedDateTime> {
    // Nearly every schedule goes on for ever, and is not searched for its end.
    let year = zone.to_datetime(now).year();
    cron.years.values.last().filter(|last| **last <= year)?;
    let (hour, minute) = (cron.hours.values.last()?, cron.minutes.values.last()?);
    let (hour, minute) = (i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?);
    zone.to_ambiguous_zoned_datetime(last_date(cron)?.at(hour, minute, 0, 0)).compatible().ok()
}

fn rate_runs(rate: Rate, from: Timestamp, zone: &TimeZone, count: usize) -> Vec<ZonedDateTime> {
    let minutes = i64::try_from(rate.minutes()).unwrap_or(i64::MAX / 60);
    let step = SignedDuration::from_secs(minutes.saturating_mul(60));
    std::iter::successors(from.checked_add(step).ok(), |last| last.checked_add(step).ok())
        .take(count)
        .map(|time| time.to_zoned_datetime(zone.clone()))
        .collect()
}

fn cron_runs(cron: &Cron, from: Timestamp, zone: &TimeZone, count: usize) -> Vec<ZonedDateTime> {
    let mut runs: Vec<ZonedDateTime> = Vec::new();
    // The search starts one day early: a run that a gap moves past midnight belongs to the day before.
    let local = zone.to_datetime(from).date();
    let mut day = local.yesterday().ok();
    while let Some(date) = day {
        if runs.len() >= count || cron.years.values.last().is_none_or(|last| date.year() > *last) {
            break;
        }
        if names(cron, date) {
            let times = cron.hours.values.iter().flat_map(|hour| {
                cron.minutes.values.iter().filter_map(move |minute| {
                    let (hour, minute) = (i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?);
                    zone.to_ambiguous_zoned_datetime(date.at(hour, minute, 0, 0)).compatible().ok()
                })
            });
            let mut times: Vec<ZonedDateTime> = times.filter(|time| time.timestamp() > from).collect();
            times.sort();
            for time in times {
                // Two local times may be the same instant, where daylight saving skips the time between them.
                if runs.last().is_none_or(|last| *last < time) && runs.len() < count {
                    runs.push(time);
                }
            }
        }
        day = date.tomorrow().ok();
    }
    runs
}
