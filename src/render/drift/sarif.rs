//! Drift as SARIF, for code scanning: each difference stands where the file declares the resource.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Drift;
use crate::model::Location;
use crate::plan::drift::Severity;
use crate::render::sarif::{Found, Origin, Place, log};

/// Renders what was found. `uri` names a file of the plan as the repository does.
pub fn sarif(drift: &Drift<'_>, origin: &Origin<'_>, uri: &dyn Fn(&str) -> String) -> Value {
    let place = |location: &Location| Place { uri: uri(&location.file), line: location.line, column: location.column };
    let location = |address: &crate::model::Address| {
        drift.plan.changes.iter().find(|change| change.address == *address).and_then(|change| change.location.clone())
    };
    let mut found: Vec<Found> = drift
        .found
        .iter()
        .map(|one| {
            let paths: Vec<&str> = one.fields.iter().map(|field| field.path.as_str()).collect();
            let why = if one.why.is_empty() { String::new() } else { format!(" ({})", one.why.join("; ")) };
            let what = if paths.is_empty() { String::new() } else { format!(": {}", paths.join(", ")) };
            Found {
                rule: format!("drift/{}", one.severity),
                level: match one.severity {
                    Severity::ProtectionLost | Severity::SecurityWidened => "error",
                    Severity::Functional => "warning",
                    Severity::Cosmetic => "note",
                },
                message: format!("`{}` differs from the file{what}{why}.", one.address),
                name: one.address.to_string(),
                is_unknown: false,
                place: location(&one.address).as_ref().map(place),
            }
        })
        .collect();
    found.extend(drift.undecided().into_iter().map(|address| Found {
        rule: "drift/unread".to_owned(),
        level: "warning",
        message: format!("`{address}` could not be read or is refused: whether it differs is not known."),
        name: address.to_string(),
        is_unknown: true,
        place: location(address).as_ref().map(place),
    }));
    log(&found, origin, described, &BTreeMap::new())
}

fn described(rule: &str) -> String {
    match rule {
        "drift/protection-lost" => "Backups are lost, rarer, kept for less time, or without VSS".to_owned(),
        "drift/security-widened" => "Somebody may do more than the file says".to_owned(),
        "drift/functional" => "A resource differs from the file".to_owned(),
        "drift/cosmetic" => "Tags or a description differ from the file".to_owned(),
        _ => "Whether a resource differs could not be read".to_owned(),
    }
}
