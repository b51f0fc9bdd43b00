//! When something runs whose schedule changes: in words, and as the next runs after the plan was made.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::model::KindId;
use crate::model::schedule::{Dialect, Schedule, zone};
use crate::plan::{Change, Timetable};

/// How many runs are named.
const RUNS: usize = 3;

/// A schedule that changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Running {
    /// The path of what runs, such as `rule.nightly`; of a resource as a whole there is none.
    pub(super) path: String,
    /// When it ran before; none where there was nothing.
    pub(super) before: Option<When>,
    /// When it runs now; none where it goes.
    pub(super) after: Option<When>,
}

/// When something runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct When {
    /// In words, with the time zone.
    pub(super) words: String,
    /// The next runs; none where they depend on more than the schedule, or on when the plan was made, and nobody knows.
    pub(super) next: Vec<String>,
}

/// Finds what runs at other times after a change than before. `at` is when the plan was made: the same plan says the
/// same, whenever it is shown.
pub(super) fn changed(change: &Change, at: Option<Timestamp>) -> Vec<Running> {
    let dialect = match change.address.kind() {
        KindId::Package => Dialect::StateManager,
        KindId::Role
        | KindId::Policy
        | KindId::InstanceProfile
        | KindId::Attachment
        | KindId::Vault
        | KindId::Plan
        | KindId::Selection
        | KindId::RegionSettings
        | KindId::RestoreTest => Dialect::Backup,
    };
    let kept = change.told.timetables.iter().map(|(path, said)| {
        let side = |is_after| timetable(change, path, said, is_after);
        (path.as_str(), side(false), side(true))
    });
    let gone = change.fields.iter().filter(|field| field.path.starts_with("rule.") && field.after.is_null());
    let gone =
        gone.filter_map(|field| Some((field.path.as_str(), Some(Timetable::of(field.before.as_object()?)), None)));
    let when = |side: Option<Timetable>| when(&side?, dialect, at);
    let all = kept.chain(gone).map(|(path, before, after)| (path, when(before), when(after)));
    let changed = all.filter(|(_, before, after)| before != after);
    changed.map(|(path, before, after)| Running { path: path.to_owned(), before, after }).collect()
}

/// Returns one side of a timetable: where the sides differ the change has it, and else the entry.
fn timetable(change: &Change, path: &str, said: &Timetable, is_after: bool) -> Option<Timetable> {
    let side = |name: &str, said: &Option<String>| {
        let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match change.fields.iter().find(|field| field.path == full) {
            Some(field) => {
                let value: &Value = if is_after { &field.after } else { &field.before };
                value.as_str().map(str::to_owned)
            }
            None => said.clone(),
        }
    };
    let schedule = side("schedule", &said.schedule)?;
    Some(Timetable { schedule: Some(schedule), zone: side("timezone", &said.zone) })
}

fn when(timetable: &Timetable, dialect: Dialect, at: Option<Timestamp>) -> Option<When> {
    let text = timetable.schedule.as_deref()?;
    let Ok(schedule) = Schedule::parse(text, dialect) else {
        return Some(When { words: text.to_owned(), next: Vec::new() });
    };
    let (name, zone) = match (dialect, &timetable.zone) {
        (Dialect::StateManager, _) => ("UTC", Some(TimeZone::UTC)),
        (Dialect::Backup, Some(name)) if name == "Etc/UTC" => ("UTC", Some(TimeZone::UTC)),
        (Dialect::Backup, Some(name)) => (name.as_str(), zone(name).ok()),
        (Dialect::Backup, None) => ("", None),
    };
    let (words, has_zone) = match &schedule {
        Schedule::Cron(_) => (schedule.describe(), true),
        // An interval is counted from its last run, and `at(...)` names UTC itself.
        Schedule::Rate(_) | Schedule::At(_) => (schedule.describe(), false),
    };
    let words = match name {
        _ if !has_zone => words,
        "" => format!("{words} in its time zone"),
        name => format!("{words} {name}"),
    };
    let next = match (at, zone, &schedule) {
        (Some(at), Some(zone), Schedule::Cron(_)) => schedule.next_runs(at, &zone, RUNS),
        (_, _, Schedule::Cron(_) | Schedule::Rate(_) | Schedule::At(_)) => Vec::new(),
    };
    // The offset stands once, unless daylight saving changes it.
    let is_one = next.iter().all(|run| run.offset() == next[0].offset());
    let last = next.len().saturating_sub(1);
    let shown = next.iter().enumerate().map(|(index, run)| {
        let format = if is_one && index < last { "%a %Y-%m-%d %H:%M" } else { "%a %Y-%m-%d %H:%M %:z" };
        run.strftime(format).to_string()
    });
    Some(When { words, next: shown.collect() })
}

impl When {
    /// Says it on one line, with the next runs.
    pub(super) fn line(&self) -> String {
        if self.next.is_empty() { self.words.clone() } else { format!("{}: next {}", self.words, self.next.join(", ")) }
    }
}
