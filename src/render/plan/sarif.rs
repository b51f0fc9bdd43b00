//! A plan as SARIF, for code scanning: problems, hazards, and what the file no longer has, at their places in the file.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Level, Notable, notable};
use crate::model::codes;
use crate::plan::Hazard;
use crate::plan::file::SavedPlan;
use crate::render::sarif::{Found, Origin, Place, log};

/// Renders a plan. `uri` names a file of the plan as the repository does.
pub fn plan(saved: &SavedPlan, origin: &Origin<'_>, uri: &dyn Fn(&str) -> String) -> Value {
    let found: Vec<Found> = notable(saved).iter().map(|notable| result(notable, uri)).collect();
    log(&found, origin, described, &BTreeMap::new())
}

/// Makes a result of something notable.
pub fn result(notable: &Notable, uri: &dyn Fn(&str) -> String) -> Found {
    let level = match notable.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let mut message = notable.message.clone();
    for help in &notable.help {
        message.push_str(". ");
        message.push_str(help);
    }
    message.push('.');
    let place = notable.location.as_ref().map(|location| Place {
        uri: uri(&location.file),
        line: location.line,
        column: location.column,
    });
    // Two problems of one code and no resource are told apart by what they say.
    let name = notable.address.as_ref().map_or_else(|| notable.message.clone(), ToString::to_string);
    Found { rule: notable.rule.clone(), level, message, name, is_unknown: notable.rule == "plan/unread", place }
}

/// Describes a rule.
pub fn described(rule: &str) -> String {
    if let Some(hazard) = rule.strip_prefix("hazard/").and_then(|name| name.parse::<Hazard>().ok()) {
        return format!("A change needs consent to `{hazard}`");
    }
    match rule {
        "plan/orphan" => "The stack owns a resource that is no longer in the file".to_owned(),
        "plan/refused" => "A resource can't be changed as the file says".to_owned(),
        "plan/unread" => "A resource could not be read, and is unknown, not missing".to_owned(),
        code => codes::explain(code).map_or_else(|| code.to_owned(), |entry| entry.title.to_owned()),
    }
}
