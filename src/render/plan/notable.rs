//! What of a plan a reviewer must not miss: problems, hazards, what could not be read, and what the file no longer has.

use std::collections::BTreeSet;

use crate::model::{Action, Address, Location, Severity};
use crate::plan::file::SavedPlan;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The plan can't be applied as it is.
    Error,
    /// It needs consent, or trouble is likely.
    Warning,
    /// It is worth knowing.
    Note,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Notable {
    /// How much it matters.
    pub level: Level,
    /// Its stable name: `VSS0903`, `hazard/protection-gap`, `plan/orphan`.
    pub rule: String,
    /// The resource that it is about.
    pub address: Option<Address>,
    /// What is said, in one sentence. It may hold text from AWS.
    pub message: String,
    /// What to do, one sentence each.
    pub help: Vec<String>,
    /// The place in a file.
    pub location: Option<Location>,
}

/// Finds what matters in a plan: what matters most comes first, then the order of the plan.
pub fn notable(saved: &SavedPlan) -> Vec<Notable> {
    let place = |address: &Address| {
        saved.changes.iter().find(|change| change.address == *address).and_then(|change| change.location.clone())
    };
    let mut all: Vec<Notable> = Vec::new();
    for notice in &saved.diagnostics {
        all.push(Notable {
            level: match notice.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
            },
            rule: notice.code.clone(),
            address: notice.address.clone(),
            message: notice.message.clone(),
            help: notice.help.clone(),
            location: notice.location.clone().or_else(|| notice.address.as_ref().and_then(place)),
        });
    }
    let told: BTreeSet<Address> = saved
        .diagnostics
        .iter()
        .filter(|notice| notice.severity == Severity::Error)
        .filter_map(|notice| notice.address.clone())
        .collect();
    for change in saved.changes.iter().filter(|change| !told.contains(&change.address)) {
        let (rule, words) = match change.action {
            Action::Refused => ("plan/refused", "is refused"),
            Action::Unknown => ("plan/unread", "could not be read"),
            Action::NoOp | Action::Create | Action::Adopt | Action::Update | Action::Replace | Action::Delete => {
                continue;
            }
        };
        let why = change.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        all.push(Notable {
            level: Level::Error,
            rule: rule.to_owned(),
            address: Some(change.address.clone()),
            message: format!("`{}` {words}{why}", change.address),
            help: Vec::new(),
            location: change.location.clone(),
        });
    }
    for step in &saved.steps {
        for note in &step.hazards {
            all.push(Notable {
                level: Level::Warning,
                rule: format!("hazard/{}", note.hazard),
                address: Some(step.address.clone()),
                message: format!("`{}` needs consent to `{}`: {}", step.address, note.hazard, note.why),
                help: vec![format!("`--allow {}` consents to it", note.hazard)],
                location: place(&step.address),
            });
        }
    }
    for orphan in &saved.orphans {
        all.push(Notable {
            level: Level::Note,
            rule: "plan/orphan".to_owned(),
            address: Some(orphan.address.clone()),
            message: format!("`{}` ({}) is this stack's and no longer in the file", orphan.address, orphan.name),
            help: vec!["`--prune` deletes it".to_owned()],
            location: None,
        });
    }
    all.sort_by_key(|notable| notable.level);
    all
}
