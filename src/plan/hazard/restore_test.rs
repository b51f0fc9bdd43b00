//! The hazards of restore testing plans.

use serde_json::Value;

use super::Hazard;
use super::notes::Notes;
use super::subject::Subject;
use crate::model::Action;

/// A restore test starts real servers from backups: whoever has the same host name and domain meets them. Consent is
/// for each selection that is new, takes other instances, or gives them other metadata, such as another network.
pub(super) fn restore_test(subject: &Subject<'_>, notes: &mut Notes) {
    let is_made = subject.is(Action::Create) || subject.is(Action::Replace);
    if !is_made && !subject.is_changed() {
        return;
    }
    for (name, selection) in subject.after("selection").as_object().into_iter().flatten() {
        let path = |field: &str| format!("selection.{name}.{field}");
        let is_new = is_made || subject.before("selection").get(name).is_none();
        let takes_others = ["resource_type", "arns", "all", "not_equals", "overrides"];
        if is_new || takes_others.iter().any(|field| subject.changes(&path(field))) {
            let hint = match selection.get("overrides").and_then(Value::as_str) {
                Some(overrides) if !overrides.is_empty() => "",
                _ => "; `overrides` can put them into a network of their own",
            };
            let why = format!(
                "the selection `{name}` starts servers from backups, with the host names and domain of those{hint}"
            );
            notes.add(Hazard::StartsInstances, why, "until AWS Backup deletes them at the end of each test");
        }
    }
}
