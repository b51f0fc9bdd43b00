//! Instances as EC2 shows them.

use serde_json::{Value, json};

use super::operations::refusal;
use super::query::{Filters, ids_or_pages, is_id, paged, tag_list, texts};
use super::{network, profiles};
use crate::sandbox::account::{Account, Answer, ApiError, Context};
use crate::sandbox::fleet::{Ailment, Fleet, Instance, Platform};
use crate::sandbox::made;

/// The filters that are offered; EC2 has many more.
const FILTERS: &[&str] = &[
    "architecture",
    "availability-zone",
    "block-device-mapping.volume-id",
    "iam-instance-profile.arn",
    "instance-id",
    "instance-state-name",
    "instance-type",
    "owner-id",
    "platform",
    "platform-details",
    "private-ip-address",
    "vpc-id",
];

/// The only network of the region.
pub(super) fn vpc(context: &Context<'_>) -> String {
    format!("vpc-0{}", &made::uuid_of(&format!("{}/{}/vpc", context.account_id, context.region)).replace('-', "")[..16])
}

pub(super) fn derived(prefix: &str, text: &str) -> String {
    format!("{prefix}0{}", &made::uuid_of(&format!("{prefix}{text}")).replace('-', "")[..16])
}

/// Checks that there are instances of all the ids.
pub(super) fn check_ids(fleet: &Fleet, ids: &[&str]) -> Result<(), ApiError> {
    if let Some(id) = ids.iter().find(|id| !is_id(id, "i-")) {
        return Err(refusal("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\"")));
    }
    let missing: Vec<&str> = ids.iter().filter(|id| !fleet.instances.contains_key(**id)).copied().collect();
    match missing.as_slice() {
        [] => Ok(()),
        [id] => Err(refusal("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))),
        ids => {
            let message = format!("The instance IDs '{}' do not exist", ids.join(", "));
            Err(refusal("InvalidInstanceID.NotFound", message))
        }
    }
}

fn values(context: &Context<'_>, instance: &Instance, vpc: &str, filter: &str) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match filter {
        "architecture" => one("x86_64"),
        "availability-zone" => vec![format!("{}a", context.region)],
        "block-device-mapping.volume-id" => instance.volumes.iter().map(|(_, volume)| volume.clone()).collect(),
        "iam-instance-profile.arn" => instance.instance_profile.iter().cloned().collect(),
        "instance-id" => one(&instance.id),
        "instance-state-name" => one(&instance.state),
        "instance-type" => one(&instance.instance_type),
        "owner-id" => one(context.account_id),
        // "Use `windows` if you have Windows instances; otherwise, leave blank."
        "platform" if instance.platform == Platform::Windows => one("windows"),
        "platform-details" => one(details(instance.platform)),
        "private-ip-address" => one(&instance.ip_address),
        "vpc-id" => one(vpc),
        _ => Vec::new(),
    }
}

fn details(platform: Platform) -> &'static str {
    match platform {
        Platform::Windows => "Windows",
        Platform::Linux => "Linux/UNIX",
    }
}

/// Returns EC2's number of a state.
fn state(name: &str) -> Value {
    let code = match name {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    };
    json!({"Code": code, "Name": name})
}

fn described(context: &Context<'_>, account: &Account, instance: &Instance, vpc: &str) -> Value {
    let mappings: Vec<Value> = instance
        .volumes
        .iter()
        .map(|(device, volume)| {
            json!({
                "DeviceName": device,
                "Ebs": {
                    "VolumeId": volume,
                    "Status": "attached",
                    "DeleteOnTermination": true,
                    "AttachTime": made::timestamp(instance.launched),
                },
            })
        })
        .collect();
    let address = instance.ip_address.replace('.', "-");
    let mut shown = json!({
        "InstanceId": instance.id,
        "ImageId": derived("ami-", &format!("{}/{}", context.region, instance.os_name)),
        "State": state(&instance.state),
        "PrivateDnsName": format!("ip-{address}.{}.compute.internal", context.region),
        "PublicDnsName": "",
        "StateTransitionReason": "",
        "AmiLaunchIndex": 0,
        "InstanceType": instance.instance_type,
        "LaunchTime": made::timestamp(instance.launched),
        "Placement": {"AvailabilityZone": format!("{}a", context.region), "GroupName": "", "Tenancy": "default"},
        "Monitoring": {"State": "disabled"},
        "SubnetId": network::subnet(vpc, instance),
        "VpcId": vpc,
        "PrivateIpAddress": instance.ip_address,
        "Architecture": "x86_64",
        "BlockDeviceMappings": mappings,
        "EbsOptimized": true,
        "EnaSupport": true,
        "Hypervisor": "xen",
        "RootDeviceName": instance.volumes.first().map(|(device, _)| device),
        "RootDeviceType": "ebs",
        "SecurityGroups": [{"GroupName": "default", "GroupId": derived("sg-", vpc)}],
        "SourceDestCheck": true,
        "VirtualizationType": "hvm",
        "MetadataOptions": {
            "State": "applied",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 2,
            "HttpEndpoint": if instance.ailments.contains(&Ailment::NoMetadata) { "disabled" } else { "enabled" },
            "HttpProtocolIpv6": "disabled",
            "InstanceMetadataTags": "disabled",
        },
        "PlatformDetails": details(instance.platform),
    });
    if instance.platform == Platform::Windows {
        // EC2 returns this spelling; only the service model has a capital letter.
        shown["Platform"] = json!("windows");
    }
    if let Some(arn) = &instance.instance_profile {
        shown["IamInstanceProfile"] = profiles::shown(account, arn);
    }
    if !instance.tags.is_empty() {
        shown["Tags"] = tag_list(&instance.tags);
    }
    shown
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    ids_or_pages(input, "InstanceIds", "instancesSet")?;
    let filters = Filters::read(input, FILTERS)?;
    let ids = texts(input, "InstanceIds");
    let fleet = context.region_mut().fleet.clone();
    check_ids(&fleet, &ids)?;
    let vpc = vpc(context);
    let chosen = fleet.instances.values().filter(|instance| {
        (ids.is_empty() || ids.contains(&instance.id.as_str()))
            && filters.pass(&instance.tags, |filter| values(context, instance, &vpc, filter))
    });
    let all = chosen
        .map(|instance| {
            let reservation = json!({
                "ReservationId": derived("r-", &instance.id),
                "OwnerId": context.account_id,
                "Groups": [],
                "Instances": [described(context, context.account, instance, &vpc)],
            });
            (instance.id.clone(), reservation)
        })
        .collect();
    paged("DescribeInstances", input, "Reservations", all)
}

/// Describes the running instances, or all where the request asks for all.
pub(super) fn describe_status(context: &mut Context<'_>, input: &Value) -> Answer {
    ids_or_pages(input, "InstanceIds", "instancesSet")?;
    let filters = Filters::read(input, &["availability-zone", "instance-state-name"])?;
    let ids = texts(input, "InstanceIds");
    let everything = input["IncludeAllInstances"].as_bool().unwrap_or_default();
    let fleet = context.region_mut().fleet.clone();
    check_ids(&fleet, &ids)?;
    let chosen = fleet.instances.values().filter(|instance| {
        (ids.is_empty() || ids.contains(&instance.id.as_str()))
            && (everything || instance.state == "running")
            && filters.pass(&instance.tags, |filter| values(context, instance, "", filter))
    });
    let all = chosen
        .map(|instance| {
            let summary = if instance.state == "running" { "ok" } else { "not-applicable" };
            let status = json!({
                "AvailabilityZone": format!("{}a", context.region),
                "InstanceId": instance.id,
                "InstanceState": state(&instance.state),
                "InstanceStatus": {"Status": summary},
                "SystemStatus": {"Status": summary},
            });
            (instance.id.clone(), status)
        })
        .collect();
    paged("DescribeInstanceStatus", input, "InstanceStatuses", all)
}
