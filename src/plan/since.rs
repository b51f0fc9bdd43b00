//! What moved between a plan that was reviewed and the plan of now, in the words of the file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::file::{SavedChange, SavedField, SavedPlan};
use super::fingerprint;
use super::hazard::Hazard;
use crate::model::{Action, Address};

/// One line of what moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The resource; none where it is about the whole plan.
    pub address: Option<Address>,
    /// What about it. It may hold text from AWS.
    pub what: String,
}

/// Lists what moved; nothing where both plans have one digest.
pub fn since(reviewed: &SavedPlan, now: &SavedPlan) -> Vec<Moved> {
    if reviewed.digest == now.digest {
        return Vec::new();
    }
    let mut all: Vec<Moved> = Vec::new();
    if reviewed.scope != now.scope {
        all.push(whole("another stack, account or region"));
    }
    if reviewed.options != now.options {
        all.push(whole("other options: targets, `--prune`, or how many deletions are allowed"));
    }
    let (before, after) = (by_address(reviewed), by_address(now));
    let addresses: BTreeSet<&Address> = before.keys().chain(after.keys()).copied().collect();
    for address in addresses {
        let lines = match (before.get(address), after.get(address)) {
            (Some(old), Some(new)) => of_change(old, new),
            (Some(old), None) => vec![format!("{}, and is not in the plan any more", was(old.action))],
            (None, Some(new)) => vec![format!("was not in the plan, and {}", is_now(new.action))],
            (None, None) => Vec::new(),
        };
        let hazards = hazards(reviewed, now, address);
        all.extend(lines.into_iter().chain(hazards).map(|what| Moved { address: Some(address.clone()), what }));
    }
    let orphans = |plan: &SavedPlan| plan.orphans.iter().map(|orphan| orphan.address.clone()).collect::<BTreeSet<_>>();
    let (old, new) = (orphans(reviewed), orphans(now));
    let of = |address: &Address, what: &str| Moved { address: Some(address.clone()), what: what.to_owned() };
    all.extend(new.difference(&old).map(|address| of(address, "is no longer in the file")));
    all.extend(old.difference(&new).map(|address| of(address, "was no longer in the file, and is gone or back")));
    // What no line of a change tells: what is live has moved where the plan does not touch it, or was made anew.
    let told: BTreeSet<Address> = all.iter().filter_map(|moved| moved.address.clone()).collect();
    let seen = fingerprint::moved(&reviewed.objects, &now.objects);
    let seen = seen.into_iter().filter(|moved| !told.contains(&moved.address));
    all.extend(seen.map(|moved| Moved { what: format!("moved in AWS: {}", moved.what), address: Some(moved.address) }));
    if all.is_empty() {
        all.push(whole("the file asks for the same changes in other words, or the calls differ"));
    }
    all
}

fn whole(what: &str) -> Moved {
    Moved { address: None, what: what.to_owned() }
}

fn by_address(plan: &SavedPlan) -> BTreeMap<&Address, &SavedChange> {
    plan.changes.iter().map(|change| (&change.address, change)).collect()
}

/// Compares one change with itself in the other plan, field by field.
fn of_change(old: &SavedChange, new: &SavedChange) -> Vec<String> {
    let mut lines = Vec::new();
    if old.action != new.action {
        lines.push(format!("{}, and now {}", was(old.action), is_now(new.action)));
    }
    let side = |change: &SavedChange| -> BTreeMap<String, SavedField> {
        change.fields.iter().map(|field| (field.path.clone(), field.clone())).collect()
    };
    let (before, after) = (side(old), side(new));
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for path in paths {
        let line = match (before.get(path), after.get(path)) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(old), Some(new)) if old.after == new.after => {
                format!("was {}, live is now {}", arrow(old), shown(&new.before))
            }
            (Some(old), Some(new)) => format!("was {}, and is now {}", arrow(old), arrow(new)),
            (Some(old), None) => format!("was {}, and is no change any more", arrow(old)),
            (None, Some(new)) => format!("was no change, and is now {}", arrow(new)),
            (None, None) => continue,
        };
        lines.push(format!("{path}: {line}"));
    }
    lines
}

fn hazards(reviewed: &SavedPlan, now: &SavedPlan, address: &Address) -> Vec<String> {
    let of = |plan: &SavedPlan| -> BTreeSet<Hazard> {
        let steps = plan.steps.iter().filter(|step| step.address == *address);
        steps.flat_map(|step| step.hazards.iter().map(|note| note.hazard)).collect()
    };
    let (old, new) = (of(reviewed), of(now));
    let gone = old.difference(&new).map(|hazard| format!("needs no consent to `{hazard}` any more"));
    gone.chain(new.difference(&old).map(|hazard| format!("needs consent to `{hazard}` now"))).collect()
}

fn was(action: Action) -> &'static str {
    match action {
        Action::NoOp => "stayed as it is",
        Action::Create => "was to be created",
        Action::Adopt => "was to be adopted",
        Action::Update => "was to be changed",
        Action::Replace => "was to be replaced",
        Action::Delete => "was to be destroyed",
        Action::Unknown => "could not be read",
        Action::Refused => "was refused",
    }
}

fn is_now(action: Action) -> &'static str {
    match action {
        Action::NoOp => "stays as it is",
        Action::Create => "is to be created",
        Action::Adopt => "is to be adopted",
        Action::Update => "is to be changed",
        Action::Replace => "is to be replaced",
        Action::Delete => "is to be destroyed",
        Action::Unknown => "could not be read",
        Action::Refused => "is refused",
    }
}

fn arrow(field: &SavedField) -> String {
    format!("{} -> {}", shown(&field.before), shown(&field.after))
}

/// Shows a value in a line: text without quotes, as the file's reader knows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
