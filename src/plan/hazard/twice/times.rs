//! When rules run, and when two of them do at the same time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::kinds::plan::DEFAULT_SCHEDULE;
use crate::model::duration::minutes;
use crate::model::schedule::{Dialect, Schedule, Year, canonical_zone, zone};
use crate::vss::evidence::Rule;
use crate::vss::schedule::START_WINDOW;

/// What decides when a rule runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timing {
    schedule: String,
    timezone: String,
    /// Minutes.
    window: u32,
}

impl Timing {
    /// Reads a rule in normal form; a field that it does not have is that of `live`, else AWS's default.
    pub(super) fn of_fields(rule: &Value, live: &Value) -> Self {
        let field = |name: &str| rule.get(name).unwrap_or(&live[name]).as_str().filter(|text| !text.is_empty());
        Self::new(
            field("schedule"),
            field("timezone"),
            field("start_window").and_then(|window| minutes::parse(window).ok()),
        )
    }

    /// Reads a rule of somebody else's plan.
    pub(super) fn of_rule(rule: &Rule) -> Self {
        let window = u32::try_from(rule.start_window_minutes).ok().filter(|minutes| *minutes > 0);
        Self::new(rule.schedule.as_deref(), rule.timezone.as_deref(), window)
    }

    fn new(schedule: Option<&str>, timezone: Option<&str>, window: Option<u32>) -> Self {
        Self {
            schedule: schedule.unwrap_or(DEFAULT_SCHEDULE).to_owned(),
            timezone: canonical_zone(timezone.unwrap_or("Etc/UTC")),
            window: window.unwrap_or(u32::try_from(START_WINDOW).unwrap_or_default()),
        }
    }

    /// Says when a moment is, by the rule's own clock.
    pub(super) fn local(&self, moment: Timestamp) -> String {
        let zone = zone(&self.timezone).unwrap_or(TimeZone::UTC);
        format!("{} {}", moment.to_zoned_datetime(zone).strftime("%a %H:%M"), self.timezone)
    }

    /// Returns the runs; none where the schedule can't be read, from which nothing follows.
    fn year(&self) -> Option<Year> {
        let schedule = Schedule::parse(&self.schedule, Dialect::Backup).ok()?;
        Some(Year::of(schedule, zone(&self.timezone).ok()?, self.window))
    }
}

/// The runs of rules and when they meet, each found out once.
#[derive(Debug, Default)]
pub(super) struct Meetings {
    years: BTreeMap<Timing, Option<Year>>,
    moments: BTreeMap<(Timing, Timing), Option<Timestamp>>,
}

impl Meetings {
    /// Returns the first moment at which both have their start windows open.
    pub(super) fn of(&mut self, one: &Timing, other: &Timing) -> Option<Timestamp> {
        let key = (one.clone(), other.clone());
        if let Some(known) = self.moments.get(&key) {
            return *known;
        }
        for timing in [one, other] {
            self.years.entry(timing.clone()).or_insert_with(|| timing.year());
        }
        let year = |timing: &Timing| self.years.get(timing).and_then(Option::as_ref);
        let moment = year(one).zip(year(other)).and_then(|(left, right)| left.first_meeting(right));
        self.moments.insert(key, moment);
        moment
    }

    /// Returns the rules of two plans that meet, by name.
    pub(super) fn of_rules<'a>(
        &mut self,
        ones: &'a BTreeMap<String, Timing>,
        others: &'a BTreeMap<String, Timing>,
    ) -> Vec<(&'a str, &'a str, Timestamp)> {
        let mut found = Vec::new();
        for (name, one) in ones {
            for (other_name, other) in others {
                found.extend(self.of(one, other).map(|moment| (name.as_str(), other_name.as_str(), moment)));
            }
        }
        found
    }
}
