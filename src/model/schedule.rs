//! Schedules in AWS's own dialect: `cron(...)` with six fields and one `?`, `rate(...)` and `at(...)`.
//!
//! A schedule is parsed for the service that will read it, because AWS Backup and State Manager accept different
//! subsets; `canonical` is the text of the normal forms. Sources: EventBridge User Guide, "Cron expressions reference";
//! AWS Backup Developer Guide, "Backup plan options"; Systems Manager User Guide, "Reference: Cron and rate
//! expressions".

mod calendar;
mod cron;
mod describe;
mod fault;
mod overlap;
mod runs;
mod zone;

use std::fmt;
use std::ops::Range;

use jiff::civil::DateTime;

use fault::Fault;

pub use cron::Cron;
pub use overlap::{Runs, Year};
pub use zone::{ZoneError, canonical_zone, zone};

/// The service that reads a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A rule of a backup plan: cron only, and not more often than hourly.
    Backup,
    /// A State Manager association: `rate`, `at`, and a few shapes of cron, all in UTC.
    StateManager,
}

/// One parsed schedule. Its `Display` is the canonical text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// It runs at the times that six fields name.
    Cron(Box<Cron>),
    /// It runs at equal intervals.
    Rate(Rate),
    /// It runs once, at a time in UTC.
    At(DateTime),
}

/// An interval, `rate(1 day)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The number of units.
    pub amount: u32,
    /// The unit.
    pub unit: Unit,
}

/// The unit of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

impl Unit {
    const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Returns the unit's name in the singular.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Returns its length in minutes.
    pub fn minutes(self) -> u32 {
        match self {
            Self::Minute => 1,
            Self::Hour => 60,
            Self::Day => 1_440,
        }
    }
}

impl Rate {
    /// Returns the interval in minutes.
    pub fn minutes(self) -> u64 {
        u64::from(self.amount) * u64::from(self.unit.minutes())
    }
}

/// Reports a text that is no schedule of the dialect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {problem}")]
pub struct ScheduleError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
    /// The bytes of `text` that are wrong.
    pub range: Range<usize>,
    /// A valid schedule that is close to it, or words that describe one.
    pub help: Option<String>,
}

impl Schedule {
    /// Reads a schedule as the dialect's service does.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, ScheduleError> {
        read(text, dialect).map_err(|Fault { range, problem }| {
            let help = suggest(text, dialect);
            ScheduleError { text: text.to_owned(), problem, range, help }
        })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(cron) => write!(formatter, "cron({cron})"),
            Self::Rate(Rate { amount, unit }) => {
                let plural = if *amount == 1 { "" } else { "s" };
                write!(formatter, "rate({amount} {}{plural})", unit.name())
            }
            Self::At(time) => write!(formatter, "at({})", time.strftime("%Y-%m-%dT%H:%M:%S")),
        }
    }
}

/// Returns the canonical text of a schedule. A live schedule that the dialect does not know stays as it is, without the
/// white space around it.
///
/// Two texts with the same meaning have the same canonical text. It does not depend on spacing, letter case, leading
/// zeros, `2` for `MON`, `*/2` for `0/2`, the order of lists, or `* * ?` for `? * *`.
pub fn canonical(text: &str, dialect: Dialect) -> String {
    Schedule::parse(text, dialect).map_or_else(|_| text.trim().to_owned(), |schedule| schedule.to_string())
}

fn read(text: &str, dialect: Dialect) -> Result<Schedule, Fault> {
    let start = text.len() - text.trim_start().len();
    let trimmed = text.trim();
    let whole = start..start + trimmed.len();
    let forms = match dialect {
        Dialect::Backup => "`cron(...)`",
        Dialect::StateManager => "`cron(...)`, `rate(...)` or `at(...)`",
    };
    let Some((form, tail)) = trimmed.split_once('(') else {
        return Err(Fault::new(whole, format!("is not {forms}")));
    };
    let Some(body) = tail.strip_suffix(')') else {
        return Err(Fault::new(whole, "does not end with `)`"));
    };
    let body_start = start + form.len() + 1;
    let body_range = body_start..body_start + body.len();
    match (form, dialect) {
        ("cron", _) => {
            let cron = Cron::read(body, body_start, dialect == Dialect::StateManager)?;
            let problem = match dialect {
                Dialect::Backup => cron.backup_problem(),
                Dialect::StateManager => cron.state_manager_problem(),
            };
            match problem {
                Some(problem) => Err(Fault::new(body_range, problem)),
                None if !calendar::happens(&cron) => Err(Fault::new(body_range, "names no date that exists")),
                None => Ok(Schedule::Cron(Box::new(cron))),
            }
        }
        ("rate", Dialect::StateManager) => read_rate(body, body_range).map(Schedule::Rate),
        ("at", Dialect::StateManager) => read_at(body, body_range).map(Schedule::At),
        ("rate" | "at", Dialect::Backup) => {
            Err(Fault::new(whole, format!("is `{form}(...)`, and a backup rule takes only `cron(...)`")))
        }
        _ => Err(Fault::new(start..start + form.len(), format!("is not {forms}"))),
    }
}

fn read_rate(body: &str, range: Range<usize>) -> Result<Rate, Fault> {
    let words: Vec<&str> = body.split_whitespace().collect();
    let [number, word] = words.as_slice() else {
        return Err(Fault::new(range, "must have a number and a unit, as in `rate(1 day)`"));
    };
    let amount = number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| number.parse::<u32>().ok())
        .flatten()
        .filter(|amount| *amount > 0)
        .ok_or_else(|| Fault::new(range.clone(), format!("has `{number}` where a positive number belongs")))?;
    let unit =
        Unit::ALL
            .into_iter()
            .find(|unit| *word == unit.name() || word.strip_suffix('s') == Some(unit.name()))
            .ok_or_else(|| Fault::new(range.clone(), format!("has the unit `{word}`, not minutes, hours or days")))?;
    match (amount == 1, word.ends_with('s')) {
        (true, true) => return Err(Fault::new(range, format!("has `1 {word}`, and AWS wants the singular after 1"))),
        (false, false) => {
            return Err(Fault::new(range, format!("has `{amount} {word}`, and AWS wants the plural after {amount}")));
        }
        (true, false) | (false, true) => {}
    }
    let rate = Rate { amount, unit };
    if rate.minutes() < 30 {
        return Err(Fault::new(range, "is more often than every 30 minutes, State Manager's shortest interval"));
    }
    if rate.minutes() >= 31 * 1_440 {
        return Err(Fault::new(range, "is not less than 31 days, where State Manager's intervals end"));
    }
    Ok(rate)
}

fn read_at(body: &str, range: Range<usize>) -> Result<DateTime, Fault> {
    let shape = body.len() == 19 && body.as_bytes()[10] == b'T';
    let time = if shape { DateTime::strptime("%Y-%m-%dT%H:%M:%S", body).ok() } else { None };
    time.ok_or_else(|| Fault::new(range, "must hold a time in UTC like `at(2026-07-07T15:55:00)`"))
}

/// Finds a valid schedule that is close to an invalid one.
fn suggest(text: &str, dialect: Dialect) -> Option<String> {
    let fits = |candidate: String| {
        (candidate != text && read(&candidate, dialect).is_ok()).then(|| format!("did you mean `{candidate}`?"))
    };
    let trimmed = text.trim();
    if let Some(found) = fits(trimmed.to_ascii_lowercase()) {
        return Some(found);
    }
    let (form, body) = match trimmed.split_once('(') {
        Some((form, tail)) => (form.to_ascii_lowercase(), tail.trim_end_matches(')')),
        None => (String::new(), trimmed),
    };
    let fields: Vec<&str> = body.split_whitespace().collect();
    let candidates = match (form.as_str(), fields.as_slice()) {
        ("cron" | "", [minute, hour, day, month, weekday, rest @ ..]) if rest.len() <= 1 => {
            let year = rest.first().copied().unwrap_or("*");
            // Only a `*` may become `?`, so that a suggestion never drops a value that was asked for.
            match (*day, *weekday) {
                ("*", weekday) => vec![format!("cron({minute} {hour} ? {month} {weekday} {year})")],
                (day, "*") => vec![format!("cron({minute} {hour} {day} {month} ? {year})")],
                (day, weekday) => vec![format!("cron({minute} {hour} {day} {month} {weekday} {year})")],
            }
        }
        ("rate" | "", [amount, word]) => {
            let word = word.trim_end_matches('s');
            vec![format!("rate({amount} {word})"), format!("rate({amount} {word}s)")]
        }
        _ => Vec::new(),
    };
    candidates.into_iter().find_map(fits)
}

#[cfg(test)]
mod tests;
