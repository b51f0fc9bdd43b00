//! What EC2 keeps in one region, besides the instances themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What EC2 keeps in one region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ec2 {
    /// The images by id, `ami-` and 17 characters.
    #[serde(default)]
    pub images: BTreeMap<String, Image>,
    /// The snapshots by id, `snap-` and 17 characters.
    #[serde(default)]
    pub snapshots: BTreeMap<String, Snapshot>,
    /// The associations of instance profiles by id, `iip-assoc-` and 17 characters.
    #[serde(default)]
    pub profile_associations: BTreeMap<String, ProfileAssociation>,
    /// The tags of volumes by id.
    #[serde(default)]
    pub volume_tags: BTreeMap<String, BTreeMap<String, String>>,
    /// The ARNs of the keys of encrypted volumes by volume id.
    #[serde(default)]
    pub volume_keys: BTreeMap<String, String>,
    /// How many images there may be; absent for AWS's default quota.
    #[serde(default)]
    pub image_quota: Option<usize>,
}

/// An Amazon Machine Image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The name, unique in the region.
    pub name: String,
    /// The instance that it was made of.
    pub source_instance: String,
    /// The moment of the request, milliseconds since 1970.
    pub created: i64,
    /// The moment from which it is `available`; `pending` before.
    pub available: i64,
    /// The image's tags.
    pub tags: BTreeMap<String, String>,
    /// Its snapshots: device name and snapshot id.
    pub devices: Vec<(String, String)>,
    /// Whether somebody disabled it.
    #[serde(default)]
    pub disabled: bool,
}

/// A snapshot of an EBS volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The volume, `vol-` and 17 characters.
    pub volume: String,
    /// Free text.
    pub description: String,
    /// The moment of the request, milliseconds since 1970.
    pub created: i64,
    /// The moment from which it is `completed`; `pending` before.
    pub completed: i64,
    /// The snapshot's tags.
    pub tags: BTreeMap<String, String>,
}

/// An instance profile on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileAssociation {
    /// The instance.
    pub instance: String,
    /// The ARN of the instance profile.
    pub profile: String,
    /// The moment of the request, milliseconds since 1970.
    pub since: i64,
    /// The moment from which it is `associated`; `associating` before.
    pub associated: i64,
}

/// The most images of a region, by AWS's default quota.
pub(in crate::sandbox) const IMAGE_QUOTA: usize = 50_000;
