//! What is live of an attachment: which of its instances carry which profile. Pure.

use super::carried::{AttachmentCarried, On};
use crate::kind::Carried;
use crate::model::KindId;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::aws::{Instance, ProfileAssociation};
use crate::kind::slip::near_targets;
use crate::kind::targets::means;
use crate::kind::value::{pairs, text, texts};
use crate::kind::{Conflict, Desired, Live, Owner};
use crate::kinds::live_form::LiveForm;
use crate::model::Address;

/// What was read, by what it is asked for.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    instances: BTreeMap<&'a str, &'a Instance>,
    associations: BTreeMap<&'a str, &'a ProfileAssociation>,
    own: &'a BTreeSet<String>,
    entries: &'a [&'a Desired],
    /// The instances that an entry means, by its address.
    meant: BTreeMap<&'a Address, Vec<&'a Instance>>,
    /// The entries that mean an instance, by its id.
    claims: BTreeMap<&'a str, Vec<&'a Desired>>,
}

impl<'a> Seen<'a> {
    /// Sorts what was read; `own` are the ARNs of the stack's own profiles.
    pub(super) fn new(
        entries: &'a [&'a Desired],
        instances: &'a [Instance],
        associations: &'a [ProfileAssociation],
        own: &'a BTreeSet<String>,
    ) -> Self {
        let there = instances.iter().filter(|one| !matches!(one.state.as_str(), "terminated" | "shutting-down"));
        // An association that is being taken off no longer counts.
        let standing = associations.iter().filter(|one| !one.state.starts_with("disassociat"));
        let mut seen = Self {
            instances: there.map(|one| (one.id.as_str(), one)).collect(),
            associations: standing.map(|one| (one.instance.as_str(), one)).collect(),
            own,
            entries,
            meant: BTreeMap::new(),
            claims: BTreeMap::new(),
        };
        for entry in entries {
            let targets = entry.fields.get("targets").unwrap_or(&Value::Null);
            // EC2 changes the profile of running and stopped instances only.
            let settled = instances.iter().filter(|one| matches!(one.state.as_str(), "running" | "stopped"));
            let meant: Vec<&Instance> = settled.filter(|one| means(targets, &one.id, &one.tags)).collect();
            for one in &meant {
                seen.claims.entry(&one.id).or_default().push(entry);
            }
            seen.meant.insert(&entry.address, meant);
        }
        seen
    }

    /// The normal form of an entry.
    pub(super) fn normal_form(&self, entry: &Desired) -> Live {
        let profile = text(&entry.fields, "instance_profile");
        let meant = self.meant.get(&entry.address).map(Vec::as_slice).unwrap_or_default();
        let (mut on, mut ids, mut refers) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let (mut instances, mut contested) = (Map::new(), Vec::new());
        for instance in meant {
            let rivals = self.claims.get(instance.id.as_str()).into_iter().flatten();
            let rival = rivals.into_iter().find(|other| text(&other.fields, "instance_profile") != profile);
            contested.extend(rival.map(|other| (instance.id.clone(), other.address.to_string())));
            let Some(association) = self.associations.get(instance.id.as_str()) else { continue };
            let is_own = self.own.contains(&association.profile);
            instances.insert(instance.id.clone(), association.profile.clone().into());
            on.insert(
                instance.id.clone(),
                On { association_id: association.id.clone(), is_own, is_stopped: instance.state != "running" },
            );
            ids.insert(instance.id.clone(), association.id.clone());
            refers.insert((KindId::InstanceProfile, name_of(&association.profile).to_owned()));
        }
        let named = texts(&entry.fields.get("targets").unwrap_or(&Value::Null)["InstanceIds"]);
        let missing = named.into_iter().filter(|id| !self.instances.contains_key(id)).map(str::to_owned).collect();
        let carried = AttachmentCarried {
            instances: meant.iter().map(|one| one.id.clone()).collect(),
            associations: on,
            missing: Some(missing),
            contested: Some(contested),
            near: self.near(entry),
            unclaimed: false,
        };
        Live {
            name: entry.name.clone(),
            owner: Owner::Ours(None),
            ids,
            fields: LiveForm::default().value("instances", instances).fields(),
            carried: Carried::new(carried),
            refers: refers.into_iter().collect(),
        }
    }

    /// The instances that an entry does not mean, and nearly does.
    fn near(&self, entry: &Desired) -> BTreeMap<String, (String, String)> {
        let targets = entry.fields.get("targets").unwrap_or(&Value::Null);
        let others = self.instances.values().filter(|one| !means(targets, &one.id, &one.tags));
        others
            .filter_map(|one| {
                let title = one.tags.get("Name").map_or_else(|| one.id.clone(), |name| format!("{name} ({})", one.id));
                Some((title, near_targets(targets, &one.tags).into_iter().next()?))
            })
            .collect()
    }

    /// The associations of the stack's own profiles, as far as an entry speaks of the profile, on instances that none
    /// means.
    pub(super) fn orphans(&self) -> Vec<Live> {
        let managed: BTreeSet<&str> =
            self.entries.iter().map(|entry| text(&entry.fields, "instance_profile")).collect();
        let is_orphan = |one: &&&ProfileAssociation| {
            self.own.contains(&one.profile)
                && managed.contains(one.profile.as_str())
                && !self.claims.contains_key(one.instance.as_str())
                && self.instances.contains_key(one.instance.as_str())
        };
        self.associations.values().filter(is_orphan).map(|one| orphan(one)).collect()
    }
}

fn orphan(association: &ProfileAssociation) -> Live {
    let on = On { association_id: association.id.clone(), is_own: true, is_stopped: false };
    Live {
        name: association.instance.clone(),
        owner: Owner::Ours(None),
        ids: BTreeMap::from([("AssociationId".to_owned(), association.id.clone())]),
        fields: LiveForm::default()
            .value("instances", json!({ association.instance.as_str(): association.profile }))
            .fields(),
        carried: Carried::new(AttachmentCarried {
            instances: vec![association.instance.clone()],
            associations: BTreeMap::from([(association.instance.clone(), on)]),
            unclaimed: true,
            ..AttachmentCarried::default()
        }),
        refers: vec![(KindId::InstanceProfile, name_of(&association.profile).to_owned())],
    }
}

/// The name in a profile's ARN.
pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// What keeps an entry from being done: instances that are not there, that two entries want, or that carry a stranger's
/// profile.
pub(super) fn conflict(desired: &Desired, live: &Live) -> Option<Conflict> {
    let carried = live.carried.get::<AttachmentCarried>().cloned().unwrap_or_default();
    let missing: Vec<&str> = carried.missing.iter().flatten().map(String::as_str).collect();
    if !missing.is_empty() {
        let are = if missing.len() == 1 { "is no instance" } else { "are no instances" };
        return Some(Conflict {
            message: format!("{} {are} of the region", listed(&missing)),
            help: "take them out of `instance_ids`".to_owned(),
        });
    }
    if let Some((instance, other)) = carried.contested.iter().flatten().next() {
        return Some(Conflict {
            message: format!("`{instance}` is meant by `{other}` too, with another profile"),
            help: "an instance carries one profile: narrow the targets of one of them".to_owned(),
        });
    }
    if desired.options.get("replace") == Some(&Value::Bool(true)) {
        return None;
    }
    let profile = text(&desired.fields, "instance_profile");
    let strangers: Vec<&str> = pairs(live.fields.get("instances").unwrap_or(&Value::Null))
        .filter(|(id, on)| *on != profile && !carried.is_own(id))
        .map(|(id, _)| id.as_str())
        .collect();
    let first = *strangers.first()?;
    let other = live.fields.get("instances").and_then(|on| on[first].as_str()).map_or("", name_of);
    let carry = if strangers.len() == 1 { "carries" } else { "carry" };
    Some(Conflict {
        message: format!(
            "{} {carry} a profile that is not this stack's, such as `{other}` on `{first}`",
            listed(&strangers)
        ),
        help: "add `replace = true` to put this one in its place: what runs there loses the permissions of the old one"
            .to_owned(),
    })
}

fn listed(ids: &[&str]) -> String {
    let shown: Vec<String> = ids.iter().take(5).map(|id| format!("`{id}`")).collect();
    let more = if ids.len() > 5 { format!(" and {} more", ids.len() - 5) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
