//! The dates that a cron expression names.

use jiff::civil::{Date, Weekday};

use super::cron::{Cron, Day};

/// Tells whether a cron names any date between 1970 and 2199.
pub(super) fn happens(cron: &Cron) -> bool {
    cron.years
        .values
        .iter()
        .any(|year| cron.months.values.iter().any(|month| days_of_month(*year, *month).any(|date| names(cron, date))))
}

/// Returns the last date that a cron names.
pub(super) fn last_date(cron: &Cron) -> Option<Date> {
    let months = cron
        .years
        .values
        .iter()
        .rev()
        .flat_map(|year| cron.months.values.iter().rev().map(move |month| (*year, *month)));
    months.into_iter().find_map(|(year, month)| days_of_month(year, month).filter(|date| names(cron, *date)).last())
}

fn days_of_month(year: i16, month: i16) -> impl Iterator<Item = Date> {
    let first = i8::try_from(month).ok().and_then(|month| Date::new(year, month, 1).ok());
    std::iter::successors(first, |date| date.tomorrow().ok()).take_while(move |date| i16::from(date.month()) == month)
}

/// Tells whether a cron runs on a date.
pub(super) fn names(cron: &Cron, date: Date) -> bool {
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
