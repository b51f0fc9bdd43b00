//! Machine images and snapshots. There are only those that the account itself made.

use serde_json::{Value, json};

use super::model::{Image, Snapshot};
use super::operations::refusal;
use super::query::{Filters, ids_or_pages, is_id, paged, tag_list, texts};
use crate::sandbox::account::{Answer, Context, Region, seconds};
use crate::sandbox::fleet::Platform;
use crate::sandbox::made;
use crate::sandbox::wire::time::iso8601_milliseconds;

/// The size of every volume, in GiB.
pub(in crate::sandbox) const GIGABYTES: i64 = 30;

/// Tells whether the account's own images and snapshots are among those that were asked for by owner.
fn own(context: &Context<'_>, owners: &[&str]) -> bool {
    owners.is_empty() || owners.iter().any(|owner| *owner == "self" || *owner == context.account_id)
}

fn image_state(image: &Image, now: i64) -> &'static str {
    match image.available <= now {
        true if image.disabled => "disabled",
        true => "available",
        false => "pending",
    }
}

fn platform(region: &Region, image: &Image) -> Option<Platform> {
    region.fleet.instances.get(&image.source_instance).map(|instance| instance.platform)
}

fn described_image(context: &Context<'_>, region: &Region, id: &str, image: &Image) -> Value {
    let mappings: Vec<Value> = image
        .devices
        .iter()
        .map(|(device, snapshot)| {
            json!({
                "DeviceName": device,
                "Ebs": {
                    "DeleteOnTermination": true,
                    "SnapshotId": snapshot,
                    "VolumeSize": GIGABYTES,
                    "VolumeType": "gp3",
                    "Encrypted": false,
                },
            })
        })
        .collect();
    let mut shown = json!({
        "ImageId": id,
        "ImageLocation": format!("{}/{}", context.account_id, image.name),
        "State": image_state(image, context.now),
        "OwnerId": context.account_id,
        "CreationDate": iso8601_milliseconds(seconds(image.created)),
        "Public": false,
        "Architecture": "x86_64",
        "ImageType": "machine",
        "BlockDeviceMappings": mappings,
        "EnaSupport": true,
        "Hypervisor": "xen",
        "Name": image.name,
        "RootDeviceName": image.devices.first().map(|(device, _)| device),
        "RootDeviceType": "ebs",
        "SourceInstanceId": image.source_instance,
        "VirtualizationType": "hvm",
    });
    match platform(region, image) {
        Some(Platform::Windows) => {
            shown["Platform"] = json!("windows");
            shown["PlatformDetails"] = json!("Windows");
        }
        Some(Platform::Linux) => shown["PlatformDetails"] = json!("Linux/UNIX"),
        None => {}
    }
    if !image.tags.is_empty() {
        shown["Tags"] = tag_list(&image.tags);
    }
    shown
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    ids_or_pages(input, "ImageIds", "imageIdsSet")?;
    let known = [
        "architecture",
        "block-device-mapping.snapshot-id",
        "image-id",
        "is-public",
        "name",
        "owner-id",
        "platform",
        "root-device-type",
        "source-instance-id",
        "state",
    ];
    let filters = Filters::read(input, &known)?;
    let (ids, owners) = (texts(input, "ImageIds"), texts(input, "Owners"));
    if let Some(id) = ids.iter().find(|id| !is_id(id, "ami-")) {
        return Err(refusal("InvalidAMIID.Malformed", format!("Invalid id: \"{id}\"")));
    }
    // "Default: No disabled AMIs are included in the response."
    let with_disabled = input["IncludeDisabled"].as_bool() == Some(true);
    context.region_mut();
    let region = &context.account.regions[context.region];
    if let Some(id) = ids.iter().find(|id| !region.ec2.images.contains_key(**id)) {
        return Err(refusal("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist")));
    }
    let values = |id: &str, image: &Image, filter: &str| match filter {
        "architecture" => vec!["x86_64".to_owned()],
        "block-device-mapping.snapshot-id" => image.devices.iter().map(|(_, snapshot)| snapshot.clone()).collect(),
        "image-id" => vec![id.to_owned()],
        "is-public" => vec!["false".to_owned()],
        "name" => vec![image.name.clone()],
        "owner-id" => vec![context.account_id.to_owned()],
        "platform" if platform(region, image) == Some(Platform::Windows) => vec!["windows".to_owned()],
        "root-device-type" => vec!["ebs".to_owned()],
        "source-instance-id" => vec![image.source_instance.clone()],
        "state" => vec![image_state(image, context.now).to_owned()],
        _ => Vec::new(),
    };
    let all = region
        .ec2
        .images
        .iter()
        .filter(|(id, image)| {
            own(context, &owners)
                && (with_disabled || !image.disabled)
                && (ids.is_empty() || ids.contains(&id.as_str()))
                && filters.pass(&image.tags, |filter| values(id, image, filter))
        })
        .map(|(id, image)| (id.clone(), described_image(context, region, id, image)))
        .collect();
    paged("DescribeImages", input, "Images", all)
}

fn snapshot_state(snapshot: &Snapshot, now: i64) -> &'static str {
    if snapshot.completed <= now { "completed" } else { "pending" }
}

fn described_snapshot(context: &Context<'_>, id: &str, snapshot: &Snapshot) -> Value {
    let state = snapshot_state(snapshot, context.now);
    let mut shown = json!({
        "SnapshotId": id,
        "VolumeId": snapshot.volume,
        "State": state,
        "StartTime": made::timestamp(snapshot.created),
        "Progress": if state == "completed" { "100%" } else { "0%" },
        "OwnerId": context.account_id,
        "Description": snapshot.description,
        "VolumeSize": GIGABYTES,
        "Encrypted": false,
        "StorageTier": "standard",
    });
    if !snapshot.tags.is_empty() {
        shown["Tags"] = tag_list(&snapshot.tags);
    }
    shown
}

pub(super) fn describe_snapshots(context: &mut Context<'_>, input: &Value) -> Answer {
    ids_or_pages(input, "SnapshotIds", "snapshotSet")?;
    let known = ["description", "encrypted", "owner-id", "snapshot-id", "start-time", "status", "volume-id"];
    let filters = Filters::read(input, &known)?;
    let (ids, owners) = (texts(input, "SnapshotIds"), texts(input, "OwnerIds"));
    if let Some(id) = ids.iter().find(|id| !is_id(id, "snap-")) {
        let message = format!("Value ({id}) for parameter snapshotId is invalid. Expected: 'snap-...'.");
        return Err(refusal("InvalidParameterValue", message));
    }
    context.region_mut();
    let region = &context.account.regions[context.region];
    if let Some(id) = ids.iter().find(|id| !region.ec2.snapshots.contains_key(**id)) {
        return Err(refusal("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist.")));
    }
    let values = |id: &str, snapshot: &Snapshot, filter: &str| {
        vec![match filter {
            "description" => snapshot.description.clone(),
            "encrypted" => "false".to_owned(),
            "owner-id" => context.account_id.to_owned(),
            "snapshot-id" => id.to_owned(),
            "start-time" => iso8601_milliseconds(seconds(snapshot.created)),
            "status" => snapshot_state(snapshot, context.now).to_owned(),
            _ => snapshot.volume.clone(),
        }]
    };
    let all = region
        .ec2
        .snapshots
        .iter()
        .filter(|(id, snapshot)| {
            own(context, &owners)
                && (ids.is_empty() || ids.contains(&id.as_str()))
                && filters.pass(&snapshot.tags, |filter| values(id, snapshot, filter))
        })
        .map(|(id, snapshot)| (id.clone(), described_snapshot(context, id, snapshot)))
        .collect();
    paged("DescribeSnapshots", input, "Snapshots", all)
}
