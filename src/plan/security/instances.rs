//! What instances may do, where they come to act as another role: their profile gets another one, or they get another
//! profile.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Found;
use super::principals::{Told, compared};
use super::shown::{About, Sign, Turn};
use super::world::{Powers, Side, World, acts, last, wanted};
use crate::model::{Address, KindId};
use crate::plan::draft::Draft;

/// How many instances are named.
const SHOWN: usize = 3;

/// Compares what instances may do before and after.
pub(super) fn instances(world: &World<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for draft in world.drafts.iter().filter(|draft| draft.live.is_some() && acts(draft)) {
        match draft.address.kind() {
            KindId::InstanceProfile => of_profile(world, draft, &mut found),
            KindId::Attachment => of_attachment(world, draft, &mut found),
            KindId::Role
            | KindId::Policy
            | KindId::Package
            | KindId::Vault
            | KindId::Plan
            | KindId::Selection
            | KindId::RestoreTest
            | KindId::RegionSettings => {}
        }
    }
    found
}

fn of_profile(world: &World<'_>, draft: &Draft<'_>, found: &mut Vec<Found>) {
    let role = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let before = role(draft.live.and_then(|live| live.fields.get("role")));
    let after = role(wanted(draft, "role"));
    if before != after {
        let profiles = BTreeSet::from([draft.name().to_lowercase()]);
        let who = carriers(world, &profiles);
        found.extend(moved(world, &draft.address, &who, &before, &after));
    }
}

fn of_attachment(world: &World<'_>, draft: &Draft<'_>, found: &mut Vec<Found>) {
    let no_map = Map::new();
    let map = |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned();
    let before = map(draft.live.and_then(|live| live.fields.get("instances"))).unwrap_or_else(|| no_map.clone());
    let after = map(wanted(draft, "instances")).unwrap_or(no_map);
    let profile = |value: Option<&Value>| value.and_then(Value::as_str).map(last).unwrap_or_default();
    // Instances that come from one profile to the same other one are told together.
    let mut ways: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for instance in before.keys().chain(after.keys()) {
        let way = (profile(before.get(instance)), profile(after.get(instance)));
        if way.0 != way.1 {
            ways.entry(way).or_default().insert(instance.clone());
        }
    }
    for ((old, new), instances) in ways {
        let who = named(world, &instances);
        let (old, new) = (role_in(world, &old, Side::Before), role_in(world, &new, Side::After));
        if old != new {
            found.extend(moved(world, &draft.address, &who, &old, &new));
        }
    }
}

/// Returns the name of the role in a profile, in lower case.
fn role_in(world: &World<'_>, profile: &str, side: Side) -> String {
    let is_it =
        |draft: &&Draft<'_>| draft.address.kind() == KindId::InstanceProfile && draft.name().to_lowercase() == profile;
    let draft = world.drafts.iter().find(is_it);
    let role = draft.and_then(|draft| match side {
        Side::Before => draft.live.and_then(|live| live.fields.get("role")),
        Side::After => wanted(draft, "role"),
    });
    let role = role.and_then(Value::as_str).map(str::to_lowercase);
    role.or_else(|| world.input.installed.account.profiles.get(profile).cloned()).unwrap_or_default()
}

/// Compares the two roles that instances act as.
fn moved(world: &World<'_>, address: &Address, who: &str, before: &str, after: &str) -> Vec<Found> {
    let base = |sign: Sign, widens: bool, words: String| Found {
        turn: Turn::new(address, address.to_string(), About::Instances, sign, words, None),
        widens,
        is_new: false,
        by_preset: false,
        grant: None,
    };
    if after.is_empty() {
        return vec![base(Sign::Loss, false, format!("on {who}, no role takes the place of the one before"))];
    }
    let Some((title, new)) = world.role_named(after, Side::After) else {
        return vec![base(
            Sign::Unknown,
            true,
            format!("on {who}, the role `{after}` takes the place of the one before, and is not known"),
        )];
    };
    if before.is_empty() {
        return vec![base(Sign::Gain, true, format!("{title} is the first role of {who}"))];
    }
    let old = world.role_named(before, Side::Before);
    let (was, old) = old.unwrap_or_else(|| (format!("the role `{before}`, which is not known"), Powers::default()));
    let told: Vec<Told> = compared(&old, &new, "that");
    let mut found = Vec::new();
    for Told { sign, widens, words, grant, sources: _ } in told {
        let words = format!("on {who}, {title} takes the place of {was}: {words}");
        let turn = Turn::new(address, address.to_string(), About::Instances, sign, words, grant.as_ref());
        found.push(Found { turn, grant, ..base(sign, widens, String::new()) });
    }
    found
}

/// Names the instances with one of some profiles; the profiles, where the instances were not read.
pub(super) fn carriers(world: &World<'_>, profiles: &BTreeSet<String>) -> String {
    let known: Vec<String> = profiles.iter().map(|profile| format!("`{profile}`")).collect();
    let by_profile = |only: &str| format!("{only}the instances with the profile {}", known.join(" or "));
    let Some(fleet) = &world.input.installed.fleet else { return by_profile("") };
    let has = |machine: &&crate::vss::gate::Machine| {
        machine.profile.as_ref().is_some_and(|profile| profiles.contains(&profile.to_lowercase()))
    };
    let ids: BTreeSet<String> = fleet.iter().filter(has).map(|machine| machine.id.clone()).collect();
    if ids.is_empty() { by_profile("none now, later ") } else { named(world, &ids) }
}

/// Names a few instances and counts the others.
fn named(world: &World<'_>, ids: &BTreeSet<String>) -> String {
    let fleet = world.input.installed.fleet();
    let title = |id: &String| {
        fleet.iter().find(|machine| machine.id == *id).map_or_else(|| id.clone(), crate::vss::gate::Machine::title)
    };
    let shown: Vec<String> = ids.iter().take(SHOWN).map(title).collect();
    let noun = if ids.len() == 1 { "the instance" } else { "the instances" };
    match ids.len().saturating_sub(SHOWN) {
        0 => format!("{noun} {}", shown.join(", ")),
        more => format!("{noun} {} and {more} more", shown.join(", ")),
    }
}
