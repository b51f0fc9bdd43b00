//! Computes when a schedule runs: the dates that a cron expression names and the next runs after an instant.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::cron::{Cron, Day};
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
}

/// Tells whether a cron names any date between 1970 and 2199.
pub(super) fn happens(cron: &Cron) -> bool {
    cron.years
        .values
        .iter()
        .any(|year| cron.months.values.iter().any(|month| days_of_month(*year, *month).any(|date| names(cron, date))))
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

fn days_of_month(year: i16, month: i16) -> impl Iterator<Item = Date> {
    let first = i8::try_from(month).ok().and_then(|month| Date::new(year, month, 1).ok());
    std::iter::successors(first, |date| date.tomorrow().ok()).take_while(move |date| i16::from(date.month()) == month)
}

/// Tells whether a cron runs on a date.
fn names(cron: &Cron, date: Date) -> bool {
    let day = i16::from(date.day());
    cron.years.values.contains(&date.year())
        && cron.months.values.contains(&i16::from(date.month()))
        && match &cron.day {
            Day::Every => true,
            Day::OfMonth(days) => days.values.contains(&day),
            Day::OfWeek(days) => days.values.contains(&weekday_number(date.weekday())),
            Day::LastOfMonth => date == date.last_of_month(),
            Day::LastWorkdayOfMonth => nearest_workday(date.last_of_month()) == date,
            Day::WorkdayNearest(wanted) => i8::try_from(*wanted)
                .ok()
                .and_then(|wanted| Date::new(date.year(), date.month(), wanted).ok())
                .is_some_and(|wanted| nearest_workday(wanted) == date),
            Day::LastWeekday(weekday) => {
                weekday_number(date.weekday()) == *weekday && day + 7 > i16::from(date.days_in_month())
            }
            Day::NthWeekday(weekday, nth) => weekday_number(date.weekday()) == *weekday && (day - 1) / 7 + 1 == *nth,
        }
}

/// Returns the working day nearest to a date within its month: Friday for a Saturday, Monday for a Sunday, unless that
/// leaves the month.
fn nearest_workday(date: Date) -> Date {
    let moved = match date.weekday() {
        Weekday::Saturday if date.day() == 1 => date.checked_add(jiff::Span::new().days(2)),
        Weekday::Saturday => date.yesterday(),
        Weekday::Sunday if date == date.last_of_month() => date.checked_sub(jiff::Span::new().days(2)),
        Weekday::Sunday => date.tomorrow(),
        _ => Ok(date),
    };
    moved.unwrap_or(date)
}

/// AWS counts from 1 for Sunday to 7 for Saturday.
fn weekday_number(weekday: Weekday) -> i16 {
    i16::from(weekday.to_sunday_one_offset())
}
