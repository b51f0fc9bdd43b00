//! What a plan saw, so that what moved since can be named: for each object its unique id and the hash of its state, and
//! for each one that the plan touches the state itself.

use crate::model::KindId;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Plan;
use super::beside::{Beside, beside};
use crate::kind::{Desired, Found, KindLive, Live};
use crate::model::Address;
use crate::model::hash::sha256_hex;

/// Names of the ids that no two objects ever share, not even one that is deleted and made again.
const UNIQUE: [&str; 7] =
    ["RoleId", "PolicyId", "InstanceProfileId", "AssociationId", "CommandId", "SelectionId", "BackupPlanId"];

/// What an object is to the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The object of an entry of the file.
    Entry,
    /// A second object of an entry, left by an interrupted replacement.
    Surplus,
    /// The stack's, and no longer in the file.
    Orphan,
}

/// Whether an object was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It was not.
    Absent,
    /// It was.
    Live,
    /// It could not be read, or several fitted.
    Unknown,
}

/// One object as the plan saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Which resource.
    pub address: Address,
    /// What it is to the plan.
    pub standing: Standing,
    /// Whether it was there.
    pub found: Presence,
    /// AWS's unique id, else its ARN; empty where it was not there.
    pub id: String,
    /// SHA-256 of its canonical state, hexadecimal; empty where it was not there.
    pub fingerprint: String,
    /// The state itself: name, owner, ids, fields and what an update carries along. Only of what the plan touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
}

/// One resource that is no longer as the plan saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which resource.
    pub address: Address,
    /// What about it, in the words of the file where it has some: `rule.nightly.schedule`, `RoleId`.
    pub what: String,
    /// Whether the plan touches it.
    pub touched: bool,
}

/// Writes down what a plan saw, in a stable order: with the state of what it touches, and of what is `compared`.
pub fn observe(plan: &Plan, desired: &[Desired], live: &[(KindId, KindLive)], compared: &[Observed]) -> Vec<Observed> {
    let compared = compared.iter().filter(|one| one.state.is_some()).map(|one| &one.address);
    let touched: BTreeSet<&Address> = plan.steps.iter().map(|step| &step.address).chain(compared).collect();
    let of_plan: BTreeSet<&Address> = plan.changes.iter().map(|change| &change.address).collect();
    let mut all = Vec::new();
    let beside = beside(desired, live);
    for (id, read) in live {
        let see = |address: &Address, standing, live: &Live| {
            of_live(address.clone(), standing, live, touched.contains(address))
        };
        for (address, found) in read.found.iter().filter(|(address, _)| of_plan.contains(address)) {
            let nothing = |presence| Observed {
                address: address.clone(),
                standing: Standing::Entry,
                found: presence,
                id: String::new(),
                fingerprint: String::new(),
                state: None,
            };
            all.push(match found {
                Found::Live(live) => see(address, Standing::Entry, live),
                Found::Absent => nothing(Presence::Absent),
                Found::Unknown { .. } | Found::Ambiguous { .. } => nothing(Presence::Unknown),
            });
        }
        let surplus = read.surplus.iter().filter(|(address, _)| of_plan.contains(address));
        // A second object goes under an address of its own: with its entry it is always touched.
        all.extend(surplus.map(|(address, live)| of_live(address.clone(), Standing::Surplus, live, true)));
        let orphans = beside.iter().filter(|one| one.second_of.is_none() && one.kind.id() == *id);
        for Beside { address, live, .. } in orphans {
            if of_plan.contains(address) || plan.orphans.iter().any(|orphan| orphan.address == *address) {
                all.push(see(address, Standing::Orphan, live));
            }
        }
    }
    all.sort_by(|left, right| key(left).cmp(&key(right)));
    all
}

fn key(observed: &Observed) -> (&Address, Standing, &str) {
    (&observed.address, observed.standing, &observed.id)
}

fn of_live(address: Address, standing: Standing, live: &Live, keeps: bool) -> Observed {
    let state = json!({
        "name": live.name, "owner": live.owner, "ids": live.ids, "fields": live.fields,
        "carried": live.carried.to_json(),
    });
    let id = UNIQUE.iter().chain(&["Arn"]).find_map(|name| live.ids.get(*name)).cloned().unwrap_or_default();
    let state = canonical(&state);
    Observed {
        address,
        standing,
        found: Presence::Live,
        id,
        fingerprint: sha256_hex(state.to_string().as_bytes()),
        state: if keeps { state.as_object().cloned() } else { None },
    }
}

/// Lists what is no longer as it was; what the plan touches comes first.
pub fn moved(before: &[Observed], now: &[Observed]) -> Vec<Moved> {
    let mut all = Vec::new();
    // An entry has one object, whatever its id; of the others the id says which is which.
    let keyed = |list: &[Observed]| -> BTreeMap<(Address, Standing, String), Observed> {
        let id = |one: &Observed| if one.standing == Standing::Entry { String::new() } else { one.id.clone() };
        list.iter().map(|one| ((one.address.clone(), one.standing, id(one)), one.clone())).collect()
    };
    let (before, now) = (keyed(before), keyed(now));
    let touches = |address: &Address| before.values().any(|one| one.address == *address && one.state.is_some());
    for (key, old) in &before {
        // What was absent has no state and is touched all the same: it would be created.
        let is_touched = touches(&old.address) || old.found == Presence::Absent;
        let mut add = |what: String| all.push(Moved { address: old.address.clone(), what, touched: is_touched });
        match now.get(key) {
            Some(new) if new.found == old.found && new.id == old.id && new.fingerprint == old.fingerprint => {}
            Some(new) => add(difference(old, new)),
            None => add("it is gone".to_owned()),
        }
    }
    for (key, new) in now.iter().filter(|(key, _)| !before.contains_key(*key)) {
        let what = if key.1 == Standing::Surplus { "a second object of it has appeared" } else { "it has appeared" };
        all.push(Moved { address: new.address.clone(), what: what.to_owned(), touched: touches(&new.address) });
    }
    all.sort_by(|left, right| (!left.touched, &left.address).cmp(&(!right.touched, &right.address)));
    all
}

/// Names what moved between two sights of one object.
fn difference(old: &Observed, new: &Observed) -> String {
    match (old.found, new.found) {
        (Presence::Absent, Presence::Live) => return "it has been created".to_owned(),
        (Presence::Live, Presence::Absent) => return "it has been deleted".to_owned(),
        (_, Presence::Unknown) => return "it could not be read".to_owned(),
        (Presence::Unknown, _) => return "it could not be read then".to_owned(),
        (Presence::Live, Presence::Live) | (Presence::Absent, Presence::Absent) => {}
    }
    if old.id != new.id {
        return format!("it has been deleted and made again (`{}`, not `{}`)", new.id, old.id);
    }
    let (Some(before), Some(after)) = (&old.state, &new.state) else { return "its state".to_owned() };
    let mut paths = Vec::new();
    for part in ["fields", "name", "owner", "carried", "ids"] {
        let (before, after) = (before.get(part).unwrap_or(&Value::Null), after.get(part).unwrap_or(&Value::Null));
        let prefix = if part == "fields" || part == "carried" || part == "ids" { "" } else { part };
        differing(prefix, before, after, &mut paths);
        // The parts that follow repeat the same change in AWS's words.
        if !paths.is_empty() {
            break;
        }
    }
    let shown: Vec<String> = paths.iter().take(5).map(|path| format!("`{path}`")).collect();
    if shown.is_empty() { "its state".to_owned() } else { shown.join(", ") }
}

fn differing(path: &str, before: &Value, after: &Value, paths: &mut Vec<String>) {
    if before == after {
        return;
    }
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        paths.push(path.to_owned());
        return;
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let side = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
        // Documents are named whole.
        let is_document = name == "Statement" || name == "Version";
        if is_document && !path.is_empty() {
            paths.push(path.to_owned());
            return;
        }
        differing(&inner, &side(old), &side(new), paths);
    }
}

/// Sorts the keys of all objects: one text for one value.
pub fn canonical(value: &Value) -> Value {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(fields: &Value, id: &str) -> Observed {
        let state = canonical(&json!({ "ids": { "RoleId": id }, "fields": fields }));
        Observed {
            address: "role.a".parse().expect("an address"),
            standing: Standing::Entry,
            found: Presence::Live,
            id: id.to_owned(),
            fingerprint: sha256_hex(state.to_string().as_bytes()),
            state: state.as_object().cloned(),
        }
    }

    fn whats(before: &Observed, now: &Observed) -> Vec<String> {
        moved(std::slice::from_ref(before), std::slice::from_ref(now)).into_iter().map(|moved| moved.what).collect()
    }

    #[test]
    fn the_order_of_keys_is_no_difference_and_a_field_is_named() {
        let one = seen(&json!({ "a": 1, "rule": { "x": { "schedule": "s", "vault": "v" } } }), "1");
        let same = seen(&json!({ "rule": { "x": { "vault": "v", "schedule": "s" } }, "a": 1 }), "1");
        assert_eq!(whats(&one, &same), [""; 0]);
        let other = seen(&json!({ "a": 1, "rule": { "x": { "schedule": "t", "vault": "v" } } }), "1");
        assert_eq!(whats(&one, &other), ["`rule.x.schedule`"]);
    }

    #[test]
    fn a_resource_made_again_is_another_one() {
        let (one, two) = (seen(&json!({}), "1"), seen(&json!({}), "2"));
        assert_eq!(whats(&one, &two), ["it has been deleted and made again (`2`, not `1`)"]);
    }
}
