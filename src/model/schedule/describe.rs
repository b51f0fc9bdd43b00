//! Schedules in plain English: `daily at 18:00`, `on the third Tuesday of the month at 23:30`.

use super::cron::{Cron, Day, Field};
use super::{Rate, Schedule};

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// The most times of day that are listed one by one.
const LISTED_TIMES: usize = 6;

impl Schedule {
    /// Says in plain English when it runs, without the time zone.
    pub fn describe(&self) -> String {
        match self {
            Self::Cron(cron) => describe_cron(cron),
            Self::Rate(Rate { amount: 1, unit }) => format!("every {}", unit.name()),
            Self::Rate(Rate { amount, unit }) => format!("every {amount} {}s", unit.name()),
            Self::At(time) => format!("once, on {} UTC", time.strftime("%Y-%m-%d at %H:%M:%S")),
        }
    }
}

fn describe_cron(cron: &Cron) -> String {
    let mut words = match (interval(cron), times(cron)) {
        (Some(interval), _) => {
            if cron.day == Day::Every {
                interval
            } else {
                format!("{interval}, {}", days(&cron.day))
            }
        }
        (None, times) => format!("{} {times}", days(&cron.day)),
    };
    if !cron.months.is_every() {
        words.push_str(" in ");
        words.push_str(&listed(&cron.months, 1, &MONTHS, "month"));
    }
    if !cron.years.is_every() {
        words.push_str(" in ");
        words.push_str(&listed(&cron.years, 1970, &[], ""));
    }
    words
}

/// Names an interval of several runs a day.
fn interval(cron: &Cron) -> Option<String> {
    let minutes = cron.interval_minutes().filter(|minutes| *minutes < 24 * 60)?;
    let first = (*cron.hours.values.first()?, *cron.minutes.values.first()?);
    let every = match minutes {
        1 => "every minute".to_owned(),
        60 => "every hour".to_owned(),
        hours if hours % 60 == 0 => format!("every {} hours", hours / 60),
        minutes => format!("every {minutes} minutes"),
    };
    Some(match first {
        (0, 0) => every,
        (0, minute) if minutes <= 60 => format!("{every}, from minute {minute}"),
        (hour, minute) => format!("{every}, from {hour:02}:{minute:02}"),
    })
}

fn times(cron: &Cron) -> String {
    let (hours, minutes) = (&cron.hours.values, &cron.minutes.values);
    if hours.len() * minutes.len() <= LISTED_TIMES {
        let times = hours.iter().flat_map(|hour| minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}")));
        return format!("at {}", joined(&times.collect::<Vec<_>>()));
    }
    let hours = if cron.hours.is_every() { "every hour".to_owned() } else { format!("hours {}", cron.hours.text) };
    match cron.minutes.single() {
        Some(minute) => format!("at minute {minute} of {hours}"),
        None if cron.minutes.is_every() => format!("every minute of {hours}"),
        None => format!("at minutes {} of {hours}", cron.minutes.text),
    }
}

fn days(day: &Day) -> String {
    match day {
        Day::Every => "daily".to_owned(),
        Day::OfMonth(days) if days.single().is_some() => format!("on day {} of the month", days.text),
        Day::OfMonth(days) => format!("on days {} of the month", listed(days, 1, &[], "")),
        Day::LastOfMonth => "on the last day of the month".to_owned(),
        Day::LastWorkdayOfMonth => "on the last working day of the month".to_owned(),
        Day::WorkdayNearest(wanted) => format!("on the working day nearest to day {wanted} of the month"),
        Day::OfWeek(days) => format!("every {}", listed(days, 1, &WEEKDAYS, "day of the week")),
        Day::LastWeekday(weekday) => format!("on the last {} of the month", named(*weekday, 1, &WEEKDAYS)),
        Day::NthWeekday(weekday, nth) => {
            format!("on the {} {} of the month", named(*nth, 1, &ORDINALS), named(*weekday, 1, &WEEKDAYS))
        }
    }
}

/// Lists values; three or more in a row are written as `Monday to Friday`.
fn listed(field: &Field, lowest: i16, names: &[&str], every: &str) -> String {
    if !names.is_empty() && field.values.len() == names.len() {
        return every.to_owned();
    }
    let mut runs: Vec<(i16, i16)> = Vec::new();
    for value in &field.values {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *value => *last = *value,
            _ => runs.push((*value, *value)),
        }
    }
    let texts: Vec<String> = runs
        .into_iter()
        .flat_map(|(first, last)| {
            let name = |value| named(value, lowest, names);
            if last - first >= 2 {
                vec![format!("{} to {}", name(first), name(last))]
            } else {
                (first..=last).map(name).collect()
            }
        })
        .collect();
    joined(&texts)
}

fn named(value: i16, lowest: i16, names: &[&str]) -> String {
    let index = usize::try_from(value - lowest).unwrap_or(usize::MAX);
    names.get(index).map_or_else(|| value.to_string(), |name| (*name).to_owned())
}

fn joined(texts: &[String]) -> String {
    match texts {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
