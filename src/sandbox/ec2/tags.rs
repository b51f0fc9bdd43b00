//! Tags of instances, volumes, images and snapshots.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::operations::refusal;
use super::query::{Filters, is_id, paged, text, texts};
use crate::sandbox::account::{Answer, ApiError, Context, Region, Tagged};

/// The resource types that have tags: the prefix of their ids, the name, and the error where an id does not exist.
const KINDS: [(&str, &str, &str, &str); 4] = [
    ("i-", "instance", "InvalidInstanceID.NotFound", "The instance ID"),
    ("vol-", "volume", "InvalidVolume.NotFound", "The volume"),
    ("ami-", "image", "InvalidAMIID.NotFound", "The image ID"),
    ("snap-", "snapshot", "InvalidSnapshot.NotFound", "The snapshot"),
];

/// The most tags of one resource.
const MOST: usize = 50;

/// Returns the resource type of an id.
fn kind(id: &str) -> Option<&'static str> {
    KINDS.iter().find(|(prefix, ..)| is_id(id, prefix)).map(|(_, kind, ..)| *kind)
}

fn is_volume(region: &Region, id: &str) -> bool {
    region.fleet.instances.values().any(|instance| instance.volumes.iter().any(|(_, volume)| volume == id))
}

fn of<'a>(region: &'a mut Region, id: &str) -> Option<&'a mut BTreeMap<String, String>> {
    match kind(id)? {
        "instance" => region.fleet.instances.get_mut(id).map(|instance| &mut instance.tags),
        "image" => region.ec2.images.get_mut(id).map(|image| &mut image.tags),
        "snapshot" => region.ec2.snapshots.get_mut(id).map(|snapshot| &mut snapshot.tags),
        _ => is_volume(region, id).then(|| region.ec2.volume_tags.entry(id.to_owned()).or_default()),
    }
}

/// Lists the resources that can have tags: id, type, tags.
fn all(region: &Region) -> Vec<(&str, &'static str, &BTreeMap<String, String>)> {
    let instances = region.fleet.instances.values().map(|one| (one.id.as_str(), "instance", &one.tags));
    let images = region.ec2.images.iter().map(|(id, one)| (id.as_str(), "image", &one.tags));
    let snapshots = region.ec2.snapshots.iter().map(|(id, one)| (id.as_str(), "snapshot", &one.tags));
    let volumes = region.ec2.volume_tags.iter().map(|(id, tags)| (id.as_str(), "volume", tags));
    instances.chain(images).chain(snapshots).chain(volumes).collect()
}

/// Lists the resources that have tags, as the Tagging API does: no resource that is gone, and with the type in its ARN.
pub(in crate::sandbox) fn tagged<'a>(
    region: &'a Region,
    partition: &str,
    name: &str,
    account: &str,
) -> impl Iterator<Item = Tagged<'a>> {
    all(region).into_iter().map(move |(id, kind, tags)| {
        // Images and snapshots can be shared: their ARNs name no account.
        let (owner, resource_type) = match kind {
            "instance" => (account, "ec2:instance"),
            "volume" => (account, "ec2:volume"),
            "image" => ("", "ec2:image"),
            _ => ("", "ec2:snapshot"),
        };
        let arn = format!("arn:{partition}:ec2:{name}:{owner}:{kind}/{id}");
        Tagged { arn: Cow::Owned(arn), resource_type, tags }
    })
}

/// Returns the ids of the resources that a request is about; all must exist.
fn targets<'a>(region: &mut Region, input: &'a Value) -> Result<Vec<&'a str>, ApiError> {
    let ids = texts(input, "Resources");
    for id in &ids {
        let Some((_, _, code, what)) = KINDS.iter().find(|(prefix, ..)| is_id(id, prefix)) else {
            return Err(refusal("InvalidID", format!("The ID '{id}' is not valid")));
        };
        if of(region, id).is_none() {
            return Err(refusal(code, format!("{what} '{id}' does not exist")));
        }
    }
    Ok(ids)
}

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let given: Vec<(&str, &str)> =
        input["Tags"].as_array().into_iter().flatten().map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect();
    let mut keys = BTreeSet::new();
    for (key, value) in &given {
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = "Tag keys starting with 'aws:' are reserved for internal use";
            return Err(refusal("InvalidParameterValue", message));
        }
        if key.is_empty() || key.chars().count() > 127 {
            return Err(refusal("InvalidParameterValue", "Tag key must be between 1 and 127 characters in length"));
        }
        if value.chars().count() > 255 {
            return Err(refusal("InvalidParameterValue", "Tag value exceeds the maximum length of 255 characters"));
        }
        if !keys.insert(*key) {
            return Err(refusal("InvalidParameterValue", format!("Duplicate tag keys found: [{key}]")));
        }
    }
    let region = context.region_mut();
    let ids = targets(region, input)?;
    let mut after = Vec::new();
    for id in ids {
        let mut tags = of(region, id).cloned().unwrap_or_default();
        tags.extend(given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        if tags.keys().filter(|key| !key.starts_with("aws:")).count() > MOST {
            let message = "The maximum number of Tags for a resource has been reached.";
            return Err(refusal("TagLimitExceeded", message));
        }
        after.push((id, tags));
    }
    for (id, tags) in after {
        if let Some(place) = of(region, id) {
            *place = tags;
        }
    }
    Ok(json!({}))
}

/// Deletes tags. A request without tags deletes all of the user's own. A tag without a value is deleted whatever its
/// value is, one with a value only where the value is the same.
pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let region = context.region_mut();
    let given = input["Tags"].as_array();
    for id in targets(region, input)? {
        let Some(tags) = of(region, id) else { continue };
        tags.retain(|key, value| {
            let goes = match given {
                None => true,
                Some(given) => given
                    .iter()
                    .any(|tag| text(tag, "Key") == key && tag["Value"].as_str().is_none_or(|wanted| wanted == value)),
            };
            key.starts_with("aws:") || !goes
        });
    }
    Ok(json!({}))
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    let filters = Filters::read(input, &["key", "resource-id", "resource-type", "value"])?;
    let region = context.region_mut();
    let mut found = Vec::new();
    for (id, kind, tags) in all(region) {
        for (key, value) in tags {
            let one = BTreeMap::from([(key.clone(), value.clone())]);
            let values = |filter: &str| {
                vec![match filter {
                    "key" => key.clone(),
                    "resource-id" => id.to_owned(),
                    "resource-type" => kind.to_owned(),
                    _ => value.clone(),
                }]
            };
            if filters.pass(&one, values) {
                let shown = json!({"Key": key, "ResourceId": id, "ResourceType": kind, "Value": value});
                found.push((format!("{id}/{key}"), shown));
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    paged("DescribeTags", input, "Tags", found)
}
