//! Associations of somebody else's that install the same package on the same instances, or remove it there: each of
//! them undoes what the other one did, whenever it runs.

use super::Hazard;
use super::notes::Notes;
use super::subject::Subject;
use crate::model::Action;
use crate::vss::others::Association;
use crate::vss::targets;

/// Notes the associations that newly compete with a package: it is made, or it means other instances or does something
/// else to them.
pub(super) fn package(subject: &Subject<'_>, notes: &mut Notes) {
    let is_made = match subject.draft.action {
        Action::Create => true,
        Action::Update | Action::Replace | Action::Adopt => false,
        Action::NoOp | Action::Delete | Action::Unknown | Action::Refused => return,
    };
    let does_other = is_made || ["package_name", "action", "version"].iter().any(|field| subject.changes(field));
    let own = subject.draft.live.and_then(|live| live.ids.get("AssociationId"));
    let instances = subject.input.others.fleet();
    let name = subject.after("package_name");
    let (before, after) = (subject.before("targets"), subject.after("targets"));
    for other in &subject.input.others.associations {
        if Some(&other.id) == own || *name != other.package.as_str() {
            continue;
        }
        let Some(shared) = targets::shared(after, &other.targets, instances) else { continue };
        if does_other || targets::shared(before, &other.targets, instances).is_none() {
            let advice = if is_made { advice(subject, other) } else { String::new() };
            let end = format!("until one of the two goes: whichever ran last counts{advice}");
            notes.add(Hazard::CompetingAssociation, why(other, &shared), end);
        }
    }
}

/// Says how the association becomes the entry's, where it is nobody's.
fn advice(subject: &Subject<'_>, other: &Association) -> String {
    let address = &subject.draft.address;
    let is_command = subject.draft.desired.is_some_and(|desired| desired.options.contains_key("run_command"));
    if is_command || other.owner.is_some() {
        String::new()
    } else if other.name.is_empty() {
        format!("; `vssctl adopt {address}={}` takes it over instead", other.id)
    } else {
        format!("; `name = \"{}\"` and `adopt = true` under `[{address}]` take it over instead", other.name)
    }
}

fn why(other: &Association, shared: &str) -> String {
    let Association { id, name, owner, package, action, version, targets } = other;
    let named = if name.is_empty() { "without a name".to_owned() } else { format!("`{name}`") };
    let owner = owner.as_deref().unwrap_or("nobody's");
    let does = match (action.as_str(), version) {
        ("Uninstall", None) => format!("uninstalls `{package}`"),
        ("Uninstall", Some(version)) => format!("uninstalls `{package}` {version}"),
        (_, None) => format!("installs the newest `{package}`"),
        (_, Some(version)) => format!("installs `{package}` {version}"),
    };
    let targets = targets::words(targets);
    format!("the association `{id}` ({named}, {owner}) {does} on {targets}, and this means {shared} too")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_association_is_described_by_what_it_does() {
        let mut other = Association {
            id: "1".to_owned(),
            package: "AwsVssComponents".to_owned(),
            action: "Install".to_owned(),
            targets: json!({ "tag:a": ["b"] }),
            ..Association::default()
        };
        let starts = |other: &Association| why(other, "sql");
        assert_eq!(
            starts(&other),
            "the association `1` (without a name, nobody's) installs the newest `AwsVssComponents` on `tag:a` = `b`, \
             and this means sql too"
        );
        other.version = Some("2.4.0".to_owned());
        assert!(starts(&other).contains("installs `AwsVssComponents` 2.4.0 on"));
        other.action = "Uninstall".to_owned();
        assert!(starts(&other).contains("uninstalls `AwsVssComponents` 2.4.0 on"));
    }
}
