//! The six fields of `cron(...)`: minute, hour, day of month, month, day of week, year.

use std::fmt;
use std::ops::Range;

use super::fault::Fault;

/// One parsed `cron(...)`. Its `Display` is the canonical text between the parentheses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    pub(super) minutes: Field,
    pub(super) hours: Field,
    pub(super) day: Day,
    pub(super) months: Field,
    pub(super) years: Field,
}

/// The values of one field, sorted, and its canonical text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) values: Vec<i16>,
    pub(super) text: String,
}

impl Field {
    /// Returns the only value, where there is one.
    pub(super) fn single(&self) -> Option<i16> {
        if let [value] = self.values.as_slice() { Some(*value) } else { None }
    }

    pub(super) fn is_every(&self) -> bool {
        self.text == "*"
    }
}

/// The days: the fields for the day of the month and of the week together, of which one is `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Day {
    /// `? * *` or `* * ?`.
    Every,
    /// Days of the month, 1 to 31.
    OfMonth(Field),
    /// `L` in day-of-month.
    LastOfMonth,
    /// `LW`.
    LastWorkdayOfMonth,
    /// `15W`: the working day nearest to the 15th.
    WorkdayNearest(i16),
    /// Days of the week, 1 (Sunday) to 7.
    OfWeek(Field),
    /// `6L` or `FRIL`: the last Friday of the month.
    LastWeekday(i16),
    /// `TUE#3`: the third Tuesday of the month.
    NthWeekday(i16, i16),
}

/// The values that a field may have.
struct Rule {
    name: &'static str,
    least: i16,
    most: i16,
    /// Names of the values from `least` on.
    names: &'static [&'static str],
    /// Whether a range may go past the last value, as in `FRI-MON`.
    wraps: bool,
}

const MINUTES: Rule = Rule { name: "minute", least: 0, most: 59, names: &[], wraps: false };
const HOURS: Rule = Rule { name: "hour", least: 0, most: 23, names: &[], wraps: true };
const DAYS: Rule = Rule { name: "day of month", least: 1, most: 31, names: &[], wraps: false };
const MONTHS: Rule = Rule { name: "month", least: 1, most: 12, names: &MONTH_NAMES, wraps: true };
const WEEKDAYS: Rule = Rule { name: "day of week", least: 1, most: 7, names: &WEEKDAY_NAMES, wraps: true };
const YEARS: Rule = Rule { name: "year", least: 1970, most: 2199, names: &[], wraps: false };

const MONTH_NAMES: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAY_NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Cron {
    /// Reads the text between the parentheses, which starts at byte `offset` of the whole. State Manager knows an
    /// optional first field of seconds that can only be 0.
    pub(super) fn read(body: &str, offset: usize, with_seconds: bool) -> Result<Self, Fault> {
        let whole = offset..offset + body.len();
        let mut words: Vec<(&str, Range<usize>)> = body
            .split_whitespace()
            .map(|word| {
                let start = offset + (word.as_ptr() as usize - body.as_ptr() as usize);
                (word, start..start + word.len())
            })
            .collect();
        if with_seconds && words.len() == 7 {
            let (seconds, range) = words.remove(0);
            if seconds != "0" {
                return Err(Fault::new(range, format!("has `{seconds}` seconds, and only 0 is allowed")));
            }
        }
        let count = words.len();
        let Ok([minute, hour, month_day, month, week_day, year]) = <[(&str, Range<usize>); 6]>::try_from(words) else {
            let plural = if count == 1 { "" } else { "s" };
            return Err(Fault::new(
                whole,
                format!("has {count} field{plural}, not six: minute, hour, day of month, month, day of week, year"),
            ));
        };
        let minutes = field(&MINUTES, &minute)?;
        let hours = field(&HOURS, &hour)?;
        let days = month_day.1.start..week_day.1.end;
        let day = match (month_day.0, week_day.0) {
            ("?", "?") => return Err(Fault::new(days, "has `?` for both day of month and day of week")),
            ("?", "*") | ("*", "?") => Day::Every,
            ("?", _) => read_weekday(&week_day)?,
            (_, "?") => read_month_day(&month_day)?,
            (_, _) => {
                let problem = "has neither day of month nor day of week as `?`; AWS wants `?` in one of them";
                return Err(Fault::new(days, problem));
            }
        };
        Ok(Self { minutes, hours, day, months: field(&MONTHS, &month)?, years: field(&YEARS, &year)? })
    }

    /// Says why AWS Backup would refuse the expression: AWS Backup runs a rule at most once an hour.
    pub(super) fn backup_problem(&self) -> Option<String> {
        (self.minutes.values.len() > 1).then(|| "runs more often than hourly, which AWS Backup refuses".to_owned())
    }

    /// Says why State Manager would refuse the expression: it takes only a few forms of cron.
    pub(super) fn state_manager_problem(&self) -> Option<String> {
        if !self.months.is_every() {
            return Some("names months, which State Manager does not support".to_owned());
        }
        if !self.years.is_every() {
            return Some("names years, which State Manager does not support".to_owned());
        }
        let shapes = "State Manager runs a cron every 1/2, 1, 2, 4, 8 or 12 hours, daily, or on one day of the week";
        let once_a_day = self.minutes.single().is_some() && self.hours.single().is_some();
        let fits = match &self.day {
            Day::Every => {
                once_a_day || self.interval_minutes().is_some_and(|every| [30, 60, 120, 240, 480, 720].contains(&every))
            }
            Day::OfWeek(days) => days.single().is_some() && once_a_day,
            Day::LastWeekday(_) | Day::NthWeekday(..) => once_a_day,
            Day::OfMonth(_) | Day::LastOfMonth | Day::LastWorkdayOfMonth | Day::WorkdayNearest(_) => false,
        };
        (!fits).then(|| format!("is a cron that associations do not support: {shapes}"))
    }

    /// Returns the interval in minutes where runs are equally spaced within the day and across midnight.
    pub(super) fn interval_minutes(&self) -> Option<i16> {
        match (self.minutes.values.as_slice(), self.hours.values.as_slice()) {
            (minutes, hours) if hours.len() == 24 => even_step(minutes, 60),
            ([_], hours) => even_step(hours, 24).map(|step| step * 60),
            _ => None,
        }
    }
}

/// Returns the distance between values that are equally spaced around a circle.
fn even_step(values: &[i16], circle: i16) -> Option<i16> {
    let count = i16::try_from(values.len()).ok().filter(|count| *count > 0)?;
    let step = circle / count;
    (step * count == circle && values.windows(2).all(|pair| pair[1] - pair[0] == step)).then_some(step)
}

impl fmt::Display for Cron {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { minutes, hours, day, months, years } = self;
        let name = |weekday: i16| WEEKDAYS.canonical(weekday);
        let (month_day, week_day) = match day {
            Day::Every => ("?".to_owned(), "*".to_owned()),
            Day::OfMonth(days) => (days.text.clone(), "?".to_owned()),
            Day::LastOfMonth => ("L".to_owned(), "?".to_owned()),
            Day::LastWorkdayOfMonth => ("LW".to_owned(), "?".to_owned()),
            Day::WorkdayNearest(wanted) => (format!("{wanted}W"), "?".to_owned()),
            Day::OfWeek(days) => ("?".to_owned(), days.text.clone()),
            // AWS's own examples have the number before `L` and the name before `#`.
            Day::LastWeekday(weekday) => ("?".to_owned(), format!("{weekday}L")),
            Day::NthWeekday(weekday, nth) => ("?".to_owned(), format!("{}#{nth}", name(*weekday))),
        };
        write!(formatter, "{} {} {month_day} {} {week_day} {}", minutes.text, hours.text, months.text, years.text)
    }
}

impl Rule {
    fn value(&self, text: &str) -> Result<i16, String> {
        if let Some(index) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.least + i16::try_from(index).unwrap_or(0));
        }
        let number = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse::<i16>().ok().filter(|number| (self.least..=self.most).contains(number))
        } else {
            None
        };
        number.ok_or_else(|| {
            let names = match self.names {
                [first, .., last] => format!(" or {first}-{last}"),
                _ => String::new(),
            };
            format!("has `{}` as {}, which is {}-{}{names}", text.escape_debug(), self.name, self.least, self.most)
        })
    }

    /// Writes a value: a name where the field has names.
    fn canonical(&self, value: i16) -> String {
        let index = usize::try_from(value - self.least).unwrap_or(0);
        self.names.get(index).map_or_else(|| value.to_string(), |name| (*name).to_owned())
    }
}

fn field(rule: &Rule, (word, range): &(&str, Range<usize>)) -> Result<Field, Fault> {
    let fault = |problem: String| Fault::new(range.clone(), problem);
    if *word == "*" {
        return Ok(Field { values: (rule.least..=rule.most).collect(), text: "*".to_owned() });
    }
    let mut items = Vec::new();
    let mut values = Vec::new();
    for item in word.split(',') {
        if item == "*" {
            return Err(fault(format!("has `*` in a list of its {} field", rule.name)));
        }
        let (item_values, text) = read_item(rule, item).map_err(fault)?;
        items.push((item_values.first().copied(), item_values.len(), text));
        values.extend(item_values);
    }
    values.sort_unstable();
    values.dedup();
    items.sort();
    items.dedup();
    let text = items.into_iter().map(|(_, _, text)| text).collect::<Vec<_>>().join(",");
    Ok(Field { values, text })
}

/// Reads a value, a range, or a range or start with a step.
fn read_item(rule: &Rule, item: &str) -> Result<(Vec<i16>, String), String> {
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => {
            let step = step.bytes().all(|byte| byte.is_ascii_digit()).then(|| step.parse::<i16>().ok()).flatten();
            let step = step.filter(|step| *step > 0 && *step <= rule.most);
            (base, Some(step.ok_or_else(|| format!("has a step in `{item}` that is not 1-{}", rule.most))?))
        }
        None => (item, None),
    };
    let (first, last, base_text) = if base == "*" {
        (rule.least, rule.most, rule.least.to_string())
    } else if let Some((first, last)) = base.split_once('-') {
        let (first, last) = (rule.value(first)?, rule.value(last)?);
        if last < first && !rule.wraps {
            return Err(format!("has the range `{base}` backwards in its {} field", rule.name));
        }
        (first, last, format!("{}-{}", rule.canonical(first), rule.canonical(last)))
    } else {
        let value = rule.value(base)?;
        (value, if step.is_some() { rule.most } else { value }, rule.canonical(value))
    };
    let size = rule.most - rule.least + 1;
    let length = if last < first { last + size - first } else { last - first };
    let values: Vec<i16> = (0..=length)
        .step_by(usize::try_from(step.unwrap_or(1)).unwrap_or(1))
        .map(|index| (first - rule.least + index) % size + rule.least)
        .collect();
    let text = step.map_or(base_text.clone(), |step| format!("{base_text}/{step}"));
    Ok((values, text))
}

fn read_month_day((word, range): &(&str, Range<usize>)) -> Result<Day, Fault> {
    let upper = word.to_ascii_uppercase();
    match upper.as_str() {
        "L" => return Ok(Day::LastOfMonth),
        "LW" => return Ok(Day::LastWorkdayOfMonth),
        _ => {}
    }
    if let Some(wanted) = upper.strip_suffix('W') {
        return DAYS.value(wanted).map(Day::WorkdayNearest).map_err(|problem| Fault::new(range.clone(), problem));
    }
    if upper.contains('#') {
        return Err(Fault::new(range.clone(), "has `#` in its day-of-month field; it belongs to day of week"));
    }
    field(&DAYS, &(word, range.clone())).map(Day::OfMonth)
}

fn read_weekday((word, range): &(&str, Range<usize>)) -> Result<Day, Fault> {
    let fault = |problem: String| Fault::new(range.clone(), problem);
    let upper = word.to_ascii_uppercase();
    // `L` alone is the last day of the week.
    if upper == "L" {
        return Ok(Day::OfWeek(Field { values: vec![7], text: WEEKDAYS.canonical(7) }));
    }
    if let Some((weekday, nth)) = upper.split_once('#') {
        if nth.contains([',', '#']) {
            return Err(fault("has more than one expression beside `#`".to_owned()));
        }
        let weekday = WEEKDAYS.value(weekday).map_err(fault)?;
        let nth = nth.parse::<i16>().ok().filter(|nth| (1..=5).contains(nth));
        let nth = nth.ok_or_else(|| fault("has a number after `#` that is not 1-5".to_owned()))?;
        return Ok(Day::NthWeekday(weekday, nth));
    }
    if let Some(weekday) = upper.strip_suffix('L') {
        return WEEKDAYS.value(weekday).map(Day::LastWeekday).map_err(fault);
    }
    if upper.ends_with('W') {
        return Err(fault("has `W` in its day-of-week field; it belongs to day of month".to_owned()));
    }
    field(&WEEKDAYS, &(word, range.clone())).map(Day::OfWeek)
}
