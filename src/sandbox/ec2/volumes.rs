//! The volumes of the instances; there are no others.

use serde_json::{Value, json};

use super::images::GIGABYTES;
use super::operations::refusal;
use super::query::{Filters, ids_or_pages, is_id, paged, tag_list, texts};
use crate::sandbox::account::{Answer, Context};
use crate::sandbox::made;

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    ids_or_pages(input, "VolumeIds", "volumeSet")?;
    let known =
        ["attachment.device", "attachment.instance-id", "availability-zone", "encrypted", "status", "volume-id"];
    let filters = Filters::read(input, &known)?;
    let ids = texts(input, "VolumeIds");
    if let Some(id) = ids.iter().find(|id| !is_id(id, "vol-")) {
        let message = format!("Value ({id}) for parameter volumeId is invalid. Expected: 'vol-...'.");
        return Err(refusal("InvalidParameterValue", message));
    }
    let zone = format!("{}a", context.region);
    let region = context.region_mut();
    let mut all = Vec::new();
    let mut there = Vec::new();
    for instance in region.fleet.instances.values() {
        for (device, volume) in &instance.volumes {
            there.push(volume.as_str());
            let tags = region.ec2.volume_tags.get(volume).cloned().unwrap_or_default();
            let key = region.ec2.volume_keys.get(volume);
            let values = |filter: &str| {
                vec![match filter {
                    "attachment.device" => device.clone(),
                    "attachment.instance-id" => instance.id.clone(),
                    "availability-zone" => zone.clone(),
                    "encrypted" => key.is_some().to_string(),
                    "status" => "in-use".to_owned(),
                    _ => volume.clone(),
                }]
            };
            if !(ids.is_empty() || ids.contains(&volume.as_str())) || !filters.pass(&tags, values) {
                continue;
            }
            let moment = made::timestamp(instance.launched);
            let mut shown = json!({
                "VolumeId": volume,
                "Size": GIGABYTES,
                "AvailabilityZone": zone,
                "State": "in-use",
                "CreateTime": moment,
                "Attachments": [{
                    "VolumeId": volume,
                    "InstanceId": instance.id,
                    "Device": device,
                    "State": "attached",
                    "DeleteOnTermination": true,
                    "AttachTime": moment,
                }],
                "Encrypted": key.is_some(),
                "VolumeType": "gp3",
                "MultiAttachEnabled": false,
            });
            if let Some(key) = key {
                shown["KmsKeyId"] = json!(key);
            }
            if !tags.is_empty() {
                shown["Tags"] = tag_list(&tags);
            }
            all.push((volume.clone(), shown));
        }
    }
    if let Some(id) = ids.iter().find(|id| !there.contains(id)) {
        return Err(refusal("InvalidVolume.NotFound", format!("The volume '{id}' does not exist.")));
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    paged("DescribeVolumes", input, "Volumes", all)
}
