//! Whom a loss of backups hits: the instances that selections select, as far as they were read, else what the
//! selections ask for.

use serde_json::{Map, Value};

use super::subject::Subject;
use super::twice::asked;
use crate::kind::Live;
use crate::model::KindId;
use crate::vss::together::Asked;

/// Names what a selection selects.
pub(super) fn selected(subject: &Subject<'_>, fields: &Map<String, Value>) -> String {
    words(subject, &[&asked(subject.input, fields)], &[])
}

/// Names what one selection selects and another one does not; nothing where the instances were not read or none is.
pub(super) fn no_longer(subject: &Subject<'_>, before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let mut whole = before.clone();
    whole.extend(after.iter().map(|(name, value)| (name.clone(), value.clone())));
    let (before, after) = (asked(subject.input, before), asked(subject.input, &whole));
    if subject.input.others.instances.is_none() {
        return String::new();
    }
    format!(" ({})", words(subject, &[&before], &[&after]))
}

/// Names what the selections of a plan select.
pub(super) fn of_plan(subject: &Subject<'_>, plan: &Live) -> String {
    let id = plan.ids.get("BackupPlanId");
    let is_of = |selection: &&Live| id.is_some() && selection.ids.get("BackupPlanId") == id;
    let own: Vec<_> =
        subject.live(KindId::Selection).filter(is_of).map(|it| asked(subject.input, &it.fields)).collect();
    if own.is_empty() {
        return "what the plan selects".to_owned();
    }
    words(subject, &own.iter().map(|asked| &**asked).collect::<Vec<_>>(), &[])
}

/// Names the instances that some select and others don't.
fn words(subject: &Subject<'_>, taking: &[&Asked], but: &[&Asked]) -> String {
    let Some(fleet) = &subject.input.others.instances else {
        let asked: Vec<String> = taking.iter().filter_map(|asked| asked.words()).collect();
        return if asked.is_empty() { "whatever fits".to_owned() } else { asked.join(" and ") };
    };
    let is_hit = |one: &&crate::vss::together::Specimen| {
        taking.iter().any(|asked| asked.takes(one)) && !but.iter().any(|asked| asked.takes(one))
    };
    let hit: Vec<String> = fleet.iter().filter(is_hit).map(crate::vss::together::Specimen::words).collect();
    match hit.len() {
        0 => "none of the instances that are there now".to_owned(),
        1..=3 => hit.join(", "),
        count => format!("{count} instances: {}, ...", hit[..3].join(", ")),
    }
}
