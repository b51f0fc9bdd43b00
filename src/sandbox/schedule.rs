//! Evaluates AWS's cron and rate expressions: six fields `minutes hours day-of-month month day-of-week year`, as the
//! scheduling pages of AWS Backup and State Manager describe them.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A cron expression, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: Vec<i32>,
    hours: Vec<i32>,
    days: Vec<DayOfMonth>,
    months: Vec<i32>,
    weekdays: Vec<DayOfWeek>,
    years: Vec<i32>,
    /// Whether the month field is `*`.
    pub(super) every_month: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DayOfMonth {
    Any,
    Number(i32),
    Last,
    Workday(i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DayOfWeek {
    Any,
    Number(i32),
    Nth(i32, i32),
    Last(i32),
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Cron {
    /// Reads `cron(...)`; the error says what is wrong.
    pub(super) fn parse(expression: &str) -> Result<Self, String> {
        let inner = expression.trim().strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
        let inner = inner.ok_or_else(|| format!("'{expression}' is not of the form cron(fields)"))?;
        let fields: Vec<&str> = inner.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays, years] = fields[..] else {
            return Err(format!("cron has six fields, '{inner}' has {}", fields.len()));
        };
        if (days == "?") == (weekdays == "?") {
            return Err("exactly one of day-of-month and day-of-week must be '?'".to_owned());
        }
        Ok(Self {
            minutes: numbers(minutes, 0, 59, &[])?,
            hours: numbers(hours, 0, 23, &[])?,
            days: days_of_month(days)?,
            months: numbers(months, 1, 12, &MONTHS)?,
            weekdays: days_of_week(weekdays)?,
            years: numbers(years, 1970, 2199, &[])?,
            every_month: months == "*",
        })
    }

    /// Lists the first times after `after` (milliseconds since 1970) in a time zone, at most `count`, within eleven
    /// years.
    pub(super) fn next(&self, after: i64, zone: &TimeZone, count: usize) -> Vec<i64> {
        let mut times = Vec::new();
        let Ok(start) = Timestamp::from_millisecond(after) else { return times };
        let mut date = start.to_zoned_datetime(zone.clone()).date();
        for _ in 0..4018 {
            if times.len() >= count {
                break;
            }
            if self.on(date) {
                self.times_of(date, after, zone, count, &mut times);
            }
            let Ok(tomorrow) = date.checked_add(1.day()) else { break };
            date = tomorrow;
        }
        times
    }

    fn times_of(&self, date: Date, after: i64, zone: &TimeZone, count: usize, times: &mut Vec<i64>) {
        for hour in &self.hours {
            for minute in &self.minutes {
                if times.len() >= count {
                    return;
                }
                let (Ok(hour), Ok(minute)) = (i8::try_from(*hour), i8::try_from(*minute)) else { continue };
                if let Ok(zoned) = zone.to_zoned_datetime(date.at(hour, minute, 0, 0)) {
                    let time = zoned.timestamp().as_millisecond();
                    if time > after && times.last().is_none_or(|last| time > *last) {
                        times.push(time);
                    }
                }
            }
        }
    }

    fn on(&self, date: Date) -> bool {
        self.years.contains(&i32::from(date.year()))
            && self.months.contains(&i32::from(date.month()))
            && self.days.iter().any(|day| day.is(date))
            && self.weekdays.iter().any(|day| day.is(date))
    }

    /// Returns the shortest time in minutes between two runs of one day, if it runs more than once a day.
    pub(super) fn shortest_gap_minutes(&self) -> Option<i32> {
        let mut times: Vec<i32> =
            self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| hour * 60 + minute)).collect();
        times.sort_unstable();
        times.windows(2).map(|pair| pair[1] - pair[0]).min()
    }
}

impl DayOfMonth {
    fn is(self, date: Date) -> bool {
        let day = i32::from(date.day());
        let last = i32::from(date.days_in_month());
        match self {
            Self::Any => true,
            Self::Number(number) => day == number,
            Self::Last => day == last,
            // This is the workday nearest to the day, within the month.
            Self::Workday(number) => {
                let Ok(wanted) = Date::new(date.year(), date.month(), i8::try_from(number.min(last)).unwrap_or(1))
                else {
                    return false;
                };
                let number = i32::from(wanted.day());
                let nearest = match wanted.weekday() {
                    Weekday::Saturday if number == 1 => number + 2,
                    Weekday::Saturday => number - 1,
                    Weekday::Sunday if number == last => number - 2,
                    Weekday::Sunday => number + 1,
                    Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday | Weekday::Friday => {
                        number
                    }
                };
                day == nearest
            }
        }
    }
}

impl DayOfWeek {
    fn is(self, date: Date) -> bool {
        let weekday = i32::from(date.weekday().to_sunday_one_offset());
        let day = i32::from(date.day());
        match self {
            Self::Any => true,
            Self::Number(number) => weekday == number,
            Self::Nth(number, nth) => weekday == number && (day - 1) / 7 + 1 == nth,
            Self::Last(number) => weekday == number && day + 7 > i32::from(date.days_in_month()),
        }
    }
}

fn number(text: &str, low: i32, high: i32, names: &[&str]) -> Result<i32, String> {
    if let Some(index) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(i32::try_from(index).unwrap_or_default() + low);
    }
    let number: i32 = text.parse().map_err(|_| format!("'{text}' is not a value of this field"))?;
    if (low..=high).contains(&number) { Ok(number) } else { Err(format!("{number} is not between {low} and {high}")) }
}

fn numbers(field: &str, low: i32, high: i32, names: &[&str]) -> Result<Vec<i32>, String> {
    let mut all = Vec::new();
    for part in field.split(',') {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => (
                span,
                Some(
                    step.parse::<i32>()
                        .ok()
                        .filter(|step| *step > 0)
                        .ok_or_else(|| format!("'{step}' is not a step"))?,
                ),
            ),
            None => (part, None),
        };
        let (first, last) = match span.split_once('-') {
            _ if span == "*" => (low, high),
            Some((first, last)) => (number(first, low, high, names)?, number(last, low, high, names)?),
            None => {
                let first = number(span, low, high, names)?;
                (first, if step.is_some() { high } else { first })
            }
        };
        if last < first {
            return Err(format!("the range '{span}' runs backwards"));
        }
        all.extend((first..=last).step_by(usize::try_from(step.unwrap_or(1)).unwrap_or(1)));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn days_of_month(field: &str) -> Result<Vec<DayOfMonth>, String> {
    match field {
        "?" | "*" => Ok(vec![DayOfMonth::Any]),
        "L" => Ok(vec![DayOfMonth::Last]),
        _ => match field.strip_suffix('W') {
            Some(day) => Ok(vec![DayOfMonth::Workday(number(day, 1, 31, &[])?)]),
            None => Ok(numbers(field, 1, 31, &[])?.into_iter().map(DayOfMonth::Number).collect()),
        },
    }
}

fn days_of_week(field: &str) -> Result<Vec<DayOfWeek>, String> {
    match field {
        "?" | "*" => return Ok(vec![DayOfWeek::Any]),
        "L" => return Ok(vec![DayOfWeek::Number(7)]),
        _ => {}
    }
    if let Some((day, nth)) = field.split_once('#') {
        return Ok(vec![DayOfWeek::Nth(number(day, 1, 7, &WEEKDAYS)?, number(nth, 1, 5, &[])?)]);
    }
    match field.strip_suffix('L') {
        Some(day) => Ok(vec![DayOfWeek::Last(number(day, 1, 7, &WEEKDAYS)?)]),
        None => Ok(numbers(field, 1, 7, &WEEKDAYS)?.into_iter().map(DayOfWeek::Number).collect()),
    }
}

/// Returns the minutes of `rate(N minutes|hours|days)`; the unit is singular for one.
pub(super) fn rate_minutes(expression: &str) -> Result<i64, String> {
    let wrong = || format!("'{expression}' is not of the form rate(value unit)");
    let inner = expression.trim().strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).ok_or_else(wrong)?;
    let (value, unit) = inner.trim().split_once(' ').ok_or_else(wrong)?;
    let value: i64 = value.parse().ok().filter(|value| (1..=1_000_000).contains(value)).ok_or_else(wrong)?;
    let minutes = match (unit.trim(), value) {
        ("minute", 1) => 1,
        ("hour", 1) => 60,
        ("day", 1) => 1440,
        ("minutes", 2..) => value,
        ("hours", 2..) => value * 60,
        ("days", 2..) => value * 1440,
        _ => return Err(format!("the unit of '{expression}' must be minute(s), hour(s) or day(s), singular for 1")),
    };
    Ok(minutes)
}

/// Finds a time zone by its IANA name, if this machine knows it. A machine without a time zone database takes every
/// name as UTC.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if matches!(name, "UTC" | "Etc/UTC" | "Etc/GMT" | "GMT") {
        return Some(TimeZone::UTC);
    }
    match TimeZone::get(name) {
        Ok(zone) => Some(zone),
        Err(_) => jiff::tz::db().is_definitively_empty().then_some(TimeZone::UTC),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-01-01T00:00:00Z, a Thursday.
    const NEW_YEAR: i64 = 1_767_225_600_000;
    const HOUR: i64 = 3_600_000;

    fn next(expression: &str, count: usize) -> Vec<i64> {
        Cron::parse(expression)
            .unwrap()
            .next(NEW_YEAR, &TimeZone::UTC, count)
            .iter()
            .map(|time| (time - NEW_YEAR) / HOUR)
            .collect()
    }

    #[test]
    fn a_daily_cron_runs_once_a_day() {
        assert_eq!(next("cron(0 5 ? * * *)", 3), [5, 29, 53]);
    }

    #[test]
    fn steps_names_lasts_and_nths_of_a_cron_are_understood() {
        assert_eq!(next("cron(0 0/12 * * ? *)", 3), [12, 24, 36]);
        assert_eq!(next("cron(0 0 ? * FRI *)", 2), [24, 24 * 8]);
        assert_eq!(next("cron(0 0 ? * THU#2 *)", 1), [24 * 7]);
        assert_eq!(next("cron(0 0 L * ? *)", 1), [24 * 30]);
        assert_eq!(next("cron(0 0 ? * 5L *)", 1), [24 * 28]);
        assert_eq!(next("cron(0 0 3W * ? *)", 1), [24]);
        assert_eq!(next("cron(0 0 1 2-3 ? 2026)", 5), [24 * 31, 24 * 59]);
    }

    #[test]
    fn a_wrong_cron_says_what_is_wrong() {
        for wrong in [
            "cron(0 5 * * * *)",
            "cron(0 5 ? * ? *)",
            "cron(60 5 ? * * *)",
            "cron(0 5 ? * *)",
            "rate(1 day)",
            "cron(5-1 0 ? * * *)",
            "cron(0/0 0 ? * * *)",
        ] {
            assert!(Cron::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_wants_the_singular_for_one() {
        assert_eq!(rate_minutes("rate(1 day)"), Ok(1440));
        assert_eq!(rate_minutes("rate(30 minutes)"), Ok(30));
        assert!(rate_minutes("rate(1 days)").is_err());
        assert!(rate_minutes("rate(2 day)").is_err());
        assert!(rate_minutes("rate(0 days)").is_err());
    }
}
