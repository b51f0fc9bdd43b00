//! The permissions that EC2's operations need.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::needs::{Call, Need, request_tags, resource_tags, tag_list};
use crate::policy::Keys;
use crate::sandbox::account::Region;
use crate::sandbox::ec2;
use crate::sandbox::fleet::Fleet;

pub(super) fn needs(call: &Call<'_>) -> Vec<Need> {
    match call.operation {
        "AssociateIamInstanceProfile" => on_instance(call, call.text("InstanceId")),
        "ReplaceIamInstanceProfileAssociation" | "DisassociateIamInstanceProfile" => {
            let id = call.text("AssociationId");
            let associations = region(call).profile_associations();
            let instance = associations.into_iter().find(|(other, _)| other == id).map(|(_, one)| one.instance);
            on_instance(call, instance.as_deref().unwrap_or("*"))
        }
        "CreateTags" | "DeleteTags" => call.list("Resources").map(|id| tagging(call, id)).collect(),
        // The describing operations have no resource-level permissions.
        _ => vec![call.own("*", Keys::default())],
    }
}

/// Returns the region as it is, or as it will be once it is first used.
fn region<'a>(call: &Call<'a>) -> Cow<'a, Region> {
    let fresh = || Region { fleet: Fleet::seed(call.region, call.account_id), ..Region::default() };
    call.account.regions.get(call.region).map_or_else(|| Cow::Owned(fresh()), Cow::Borrowed)
}

/// Needs an instance and a profile. `ec2:InstanceProfile` is the profile on the instance, `ec2:NewInstanceProfile` the
/// one of the request, whose role is handed to EC2.
fn on_instance(call: &Call<'_>, id: &str) -> Vec<Need> {
    let region = region(call);
    let live = region.fleet.instances.get(id);
    let mut keys = resource_tags(Keys::default(), "ec2:ResourceTag", live.map(|instance| &instance.tags));
    if let Some(arn) = live.and_then(|instance| instance.instance_profile.as_ref()) {
        keys.set("ec2:InstanceProfile", [arn.clone()]);
    }
    let given = &call.input["IamInstanceProfile"];
    let new = ec2::named_profile(call.account, given).map(|(profile, ..)| profile);
    let text = |member: &str| given[member].as_str().filter(|text| !text.is_empty());
    let arn = new.map(|profile| profile.arn.clone()).or_else(|| text("Arn").map(str::to_owned)).or_else(|| {
        text("Name").map(|name| format!("arn:{}:iam::{}:instance-profile/{name}", call.partition, call.account_id))
    });
    if let Some(arn) = arn {
        keys.set("ec2:NewInstanceProfile", [arn]);
    }
    let mut needs = vec![call.own(call.arn("ec2", &format!("instance/{id}")), keys)];
    let role = new.and_then(|profile| call.account.iam.role(profile.role.as_deref()?));
    needs.extend(role.map(|role| Need::pass_role(&role.arn, "ec2.amazonaws.com")));
    needs
}

/// Needs a resource that is tagged. The ARNs of images and snapshots have no account.
fn tagging(call: &Call<'_>, id: &str) -> Need {
    let region = region(call);
    let global = |kind: &str| format!("arn:{}:ec2:{}::{kind}/{id}", call.partition, call.region);
    let (arn, tags): (String, Option<&BTreeMap<String, String>>) = if id.starts_with("ami-") {
        (global("image"), region.ec2.images.get(id).map(|one| &one.tags))
    } else if id.starts_with("snap-") {
        (global("snapshot"), region.ec2.snapshots.get(id).map(|one| &one.tags))
    } else if id.starts_with("vol-") {
        (call.arn("ec2", &format!("volume/{id}")), region.ec2.volume_tags.get(id))
    } else {
        (call.arn("ec2", &format!("instance/{id}")), region.fleet.instances.get(id).map(|one| &one.tags))
    };
    let keys = resource_tags(Keys::default(), "ec2:ResourceTag", tags);
    let mut keys = request_tags(keys, tag_list(call.input, "Tags"));
    if call.operation == "DeleteTags" {
        let names = call.input["Tags"].as_array().into_iter().flatten().filter_map(|tag| tag["Key"].as_str());
        let names: Vec<String> = names.map(str::to_owned).collect();
        if !names.is_empty() {
            keys.set("aws:TagKeys", names);
        }
    }
    call.own(arn, keys)
}
