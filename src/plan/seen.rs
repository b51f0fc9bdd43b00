//! What a run knows besides what differs: it decides nothing, and people read it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::Plan;
use crate::kind::Fields;
use crate::kinds::identity::ADOPTED_ID;
use crate::kinds::package::ADOPTING;
use crate::model::instance_ids::ids;

/// When a plan was made, and who its instances are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// When the plan was made.
    pub at: Option<Timestamp>,
    /// The `Name` tags of the instances that the plan speaks of, by id, as far as they were read.
    pub names: BTreeMap<String, String>,
}

impl Seen {
    /// Keeps the names of those instances that a plan speaks of.
    pub fn of(plan: &Plan, at: Timestamp, names: BTreeMap<String, String>) -> Self {
        if names.is_empty() {
            return Self { at: Some(at), names };
        }
        let spoken_of = spoken_of(plan);
        let names = names.into_iter().filter(|(id, _)| spoken_of.contains(id)).collect();
        Self { at: Some(at), names }
    }
}

/// What people are told of an entry besides what differs from it. The saved plan has it in its entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// What the entry declares to steer vssctl, and lives on no AWS object.
    pub options: Fields,
    /// What it says of when something runs, by the path of what runs: `rule.nightly`; the entry itself has none.
    pub timetables: BTreeMap<String, Timetable>,
}

/// When something runs, as far as an entry says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timetable {
    /// `cron(...)`, `rate(...)` or `at(...)`.
    pub schedule: Option<String>,
    /// The IANA name of its time zone.
    pub zone: Option<String>,
}

impl Told {
    /// Takes what is told out of an entry.
    pub fn of(fields: &Fields, options: &Fields) -> Self {
        let rules = fields.get("rule").and_then(Value::as_object).into_iter().flatten();
        let rules = rules.filter_map(|(name, rule)| Some((format!("rule.{name}"), Timetable::of(rule.as_object()?))));
        let all = rules.chain([(String::new(), Timetable::of(fields))]);
        Self { options: steering(options), timetables: all.filter(|(_, it)| *it != Timetable::default()).collect() }
    }
}

impl Timetable {
    /// Takes it out of the fields of what runs.
    pub fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        Self { schedule: text("schedule"), zone: text("timezone") }
    }
}

/// Returns what the file declares to steer vssctl: without what it does not say.
fn steering(options: &Fields) -> Fields {
    let is_said = |name: &str, value: &Value| match name {
        // That a package runs once follows from its having no schedule.
        "run_command" | ADOPTING | ADOPTED_ID => false,
        "policies_mode" => value != "exclusive",
        _ => *value != Value::Bool(false),
    };
    let said = options.iter().filter(|(name, value)| is_said(name, value));
    said.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Returns the ids of all instances in the texts of a plan.
fn spoken_of(plan: &Plan) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut look = |text: &str| found.extend(ids(text).map(|id| text[id].to_owned()));
    for change in &plan.changes {
        look(change.reason.as_deref().unwrap_or_default());
        for field in &change.fields {
            look(&field.path);
            look(&field.before.to_string());
            look(&field.after.to_string());
        }
    }
    for hazard in plan.steps.iter().flat_map(|step| &step.hazards) {
        look(&hazard.why);
    }
    for diagnostic in &plan.diagnostics {
        look(&diagnostic.message);
        diagnostic.help.iter().for_each(|help| look(help));
    }
    found
}
