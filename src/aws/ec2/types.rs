//! EC2's answers, as far as vssctl looks at them. Ids are required; what EC2 may leave out is optional or empty.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::wire::Element;

/// An instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// `i-..`
    pub id: String,
    /// Such as `m6i.large`.
    pub instance_type: String,
    /// `pending`, `running`, `stopping`, `stopped`, `shutting-down` or `terminated`.
    pub state: String,
    /// Whether `platform` is `windows`.
    pub windows: bool,
    /// Such as `Windows with SQL Server Standard`.
    pub platform_details: String,
    /// The image that it was launched from.
    pub image: String,
    /// The ARN of the instance profile on it.
    pub profile: Option<String>,
    /// All tags, `aws:` ones included.
    pub tags: BTreeMap<String, String>,
    /// `vpc-..`
    pub vpc: String,
    /// `subnet-..`
    pub subnet: String,
    /// The launch.
    pub launched: Option<Timestamp>,
    /// The root device's name, such as `/dev/sda1`.
    pub root_device: String,
    /// When the root volume was attached: unlike the launch it does not change with a restart.
    pub root_attached: Option<Timestamp>,
    /// The volumes: device name and volume id.
    pub volumes: Vec<(String, String)>,
    /// Whether the instance metadata service answers; absent where EC2 does not say.
    pub metadata_enabled: Option<bool>,
    /// Whether the instance metadata service wants session tokens.
    pub metadata_tokens_required: bool,
    /// How many network hops an answer of the instance metadata service may travel.
    pub metadata_hop_limit: Option<u32>,
}

/// An instance profile on an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileAssociation {
    /// `iip-assoc-..`
    pub id: String,
    /// The instance.
    pub instance: String,
    /// The ARN of the profile.
    pub profile: String,
    /// `associating`, `associated`, `disassociating` or `disassociated`.
    pub state: String,
}

/// A machine image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// `ami-..`
    pub id: String,
    /// Unique in the region.
    pub name: String,
    /// Free text.
    pub description: String,
    /// `pending`, `available`, `disabled`, `failed`, ...
    pub state: String,
    /// The moment of the request.
    pub created: Option<Timestamp>,
    /// The instance that it was made of, where EC2 knows it.
    pub source_instance: Option<String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Its snapshots: device name and snapshot id.
    pub snapshots: Vec<(String, String)>,
}

/// A snapshot of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// `snap-..`
    pub id: String,
    /// `vol-..`
    pub volume: String,
    /// Free text.
    pub description: String,
    /// `pending`, `completed`, `error`, ...
    pub state: String,
    /// The moment of the request.
    pub started: Option<Timestamp>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// `vol-..`
    pub id: String,
    /// The ARN of the KMS key of an encrypted volume.
    pub key: Option<String>,
    /// The instances that it is attached to.
    pub instances: Vec<String>,
}

/// A route table of a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    /// `rtb-..`
    pub id: String,
    /// `vpc-..`
    pub vpc: String,
    /// The subnets that name this table as their own.
    pub subnets: Vec<String>,
    /// Whether it holds for all subnets of the VPC that have no table of their own.
    pub is_main: bool,
    /// The targets of its working routes: `local`, or the id of a gateway, an interface, an instance, ...
    pub targets: Vec<String>,
}

/// An endpoint of a service inside a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcEndpoint {
    /// `vpce-..`
    pub id: String,
    /// Such as `com.amazonaws.eu-west-1.ssm`.
    pub service: String,
    /// `Interface` or `Gateway`.
    pub kind: String,
    /// `available`, `pending`, ...
    pub state: String,
    /// `vpc-..`
    pub vpc: String,
    /// Whether the service's usual host name leads to it.
    pub private_dns: bool,
    /// The subnets of an interface endpoint.
    pub subnets: Vec<String>,
}

/// Reads each item of a list in the answer; `read` gives `None` for one without its id, which is an error.
pub(in crate::aws) fn read_each<T>(
    answer: &Element,
    list: &str,
    read: impl Fn(&Element) -> Option<T>,
) -> Result<Vec<T>, String> {
    let missing = || format!("an item of `{list}` has no id");
    answer.items(list).map(|item| read(item).ok_or_else(missing)).collect()
}

/// Reads the association that is the answer to a change.
pub(in crate::aws) fn association_in(answer: &Element) -> Option<ProfileAssociation> {
    ProfileAssociation::read(answer.child("iamInstanceProfileAssociation")?)
}

fn owned(element: &Element, name: &str) -> String {
    element.text(name).unwrap_or_default().to_owned()
}

fn moment(element: &Element, name: &str) -> Option<Timestamp> {
    element.text(name)?.parse().ok()
}

fn tags(element: &Element) -> BTreeMap<String, String> {
    element.items("tagSet").map(|tag| (owned(tag, "key"), owned(tag, "value"))).collect()
}

/// Returns when the volume of the root device was attached.
fn root_attached(element: &Element) -> Option<Timestamp> {
    let root = element.text("rootDeviceName")?;
    let mut mappings = element.items("blockDeviceMapping");
    let mapping = mappings.find(|mapping| mapping.text("deviceName") == Some(root))?;
    moment(mapping.child("ebs")?, "attachTime")
}

/// Lists the device names with the ids of what is attached; `id` is the name of the id in `<ebs>`.
fn devices(element: &Element, id: &str) -> Vec<(String, String)> {
    let device = |mapping: &Element| Some((owned(mapping, "deviceName"), mapping.child("ebs")?.text(id)?.to_owned()));
    element.items("blockDeviceMapping").filter_map(device).collect()
}

impl Instance {
    pub(in crate::aws) fn read(element: &Element) -> Option<Self> {
        let inner = |outer: &str, name: &str| element.child(outer).and_then(|child| child.text(name));
        Some(Self {
            id: element.text("instanceId")?.to_owned(),
            instance_type: owned(element, "instanceType"),
            state: inner("instanceState", "name")?.to_owned(),
            windows: element.text("platform").is_some_and(|platform| platform.eq_ignore_ascii_case("windows")),
            platform_details: owned(element, "platformDetails"),
            image: owned(element, "imageId"),
            profile: inner("iamInstanceProfile", "arn").map(str::to_owned),
            tags: tags(element),
            vpc: owned(element, "vpcId"),
            subnet: owned(element, "subnetId"),
            launched: moment(element, "launchTime"),
            root_attached: root_attached(element),
            root_device: owned(element, "rootDeviceName"),
            volumes: devices(element, "volumeId"),
            metadata_enabled: inner("metadataOptions", "httpEndpoint").map(|state| state == "enabled"),
            metadata_tokens_required: inner("metadataOptions", "httpTokens") == Some("required"),
            metadata_hop_limit: inner("metadataOptions", "httpPutResponseHopLimit").and_then(|hops| hops.parse().ok()),
        })
    }
}

impl ProfileAssociation {
    pub(in crate::aws) fn read(element: &Element) -> Option<Self> {
        Some(Self {
            id: element.text("associationId")?.to_owned(),
            instance: element.text("instanceId")?.to_owned(),
            profile: element.child("iamInstanceProfile")?.text("arn")?.to_owned(),
            state: owned(element, "state"),
        })
    }
}

impl Image {
    pub(in crate::aws) fn read(element: &Element) -> Option<Self> {
        Some(Self {
            id: element.text("imageId")?.to_owned(),
            name: owned(element, "name"),
            description: owned(element, "description"),
            state: owned(element, "imageState"),
            created: moment(element, "creationDate"),
            source_instance: element.text("sourceInstanceId").map(str::to_owned),
            tags: tags(element),
            snapshots: devices(element, "snapshotId"),
        })
    }
}

impl Snapshot {
    pub(in crate::aws) fn read(element: &Element) -> Option<Self> {
        Some(Self {
            id: element.text("snapshotId")?.to_owned(),
            volume: owned(element, "volumeId"),
            description: owned(element, "description"),
            state: owned(element, "status"),
            started: moment(element, "startTime"),
            tags: tags(element),
        })
    }
}

impl Volume {
    pub(in crate::aws) fn read(element: &Element) -> Option<Self> {
        let attached = element.items("attachmentSet").filter_map(|one| one.text("instanceId"));
        Some(Self {
            id: element.text("volumeId")?.to_owned(),
            key: element.text("kmsKeyId").map(str::to_owned),
            instances: attached.map(str::to_owned).collect(),
        })
    }
}

impl RouteTable {
    pub(in crate::aws) fn read(element: &Element) -> Option<Self> {
        /// The members of a route of which one names its target.
        const TARGETS: [&str; 10] = [
            "gatewayId",
            "natGatewayId",
            "transitGatewayId",
            "vpcPeeringConnectionId",
            "networkInterfaceId",
            "instanceId",
            "localGatewayId",
            "carrierGatewayId",
            "egressOnlyInternetGatewayId",
            "coreNetworkArn",
        ];
        let works = element.items("routeSet").filter(|route| route.text("state") != Some("blackhole"));
        // A route may have a type of target that EC2 added later.
        let target = |route: &Element| TARGETS.iter().find_map(|name| route.text(name)).unwrap_or("other").to_owned();
        let associations = || element.items("associationSet");
        Some(Self {
            id: element.text("routeTableId")?.to_owned(),
            vpc: owned(element, "vpcId"),
            subnets: associations().filter_map(|one| one.text("subnetId")).map(str::to_owned).collect(),
            is_main: associations().any(|one| one.text("main") == Some("true")),
            targets: works.map(target).collect(),
        })
    }
}

impl VpcEndpoint {
    pub(in crate::aws) fn read(element: &Element) -> Option<Self> {
        Some(Self {
            id: element.text("vpcEndpointId")?.to_owned(),
            service: owned(element, "serviceName"),
            kind: owned(element, "vpcEndpointType"),
            state: owned(element, "state"),
            vpc: owned(element, "vpcId"),
            private_dns: element.text("privateDnsEnabled") == Some("true"),
            subnets: element.items("subnetIdSet").map(|subnet| subnet.own_text().to_owned()).collect(),
        })
    }
}
