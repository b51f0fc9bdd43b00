//! The simulated EC2 of one region: its instances as EC2 shows them, images, snapshots, tags, and which instance profile is
//! on what.
//!
//! Written from the EC2 API reference (error codes, filters, pages) and the service model. An instance itself says which
//! profile is on it; an association adds its id and its moments.

mod images;
mod instances;
mod network;
mod profiles;
mod query;
mod tags;
#[cfg(test)]
mod tests;
mod volumes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::{Answer, ApiError, Context};
use super::wire::model::Model;

pub(super) use images::GIGABYTES;
pub(super) use profiles::{invalid_profile, named_profile, profile_without_role};

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
    /// How many images there may be; absent: as many as AWS gives without being asked.
    #[serde(default)]
    pub image_quota: Option<usize>,
}

/// The images that a region may have.
pub(super) const IMAGE_QUOTA: usize = 50_000;

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &[
    "AssociateIamInstanceProfile",
    "CreateTags",
    "DeleteTags",
    "DescribeIamInstanceProfileAssociations",
    "DescribeImages",
    "DescribeInstanceStatus",
    "DescribeInstances",
    "DescribeRouteTables",
    "DescribeSnapshots",
    "DescribeTags",
    "DescribeVolumes",
    "DescribeVpcEndpoints",
    "DisassociateIamInstanceProfile",
    "ReplaceIamInstanceProfileAssociation",
];

/// Performs one operation.
pub(super) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    let model = Model::of("ec2").expect("the sandbox has EC2's model");
    query::check(model, operation, input)?;
    if input["DryRun"].as_bool() == Some(true) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(ApiError::new(412, "DryRunOperation", message));
    }
    match operation {
        "AssociateIamInstanceProfile" => profiles::associate(context, input),
        "CreateTags" => tags::create(context, input),
        "DeleteTags" => tags::delete(context, input),
        "DescribeIamInstanceProfileAssociations" => profiles::describe(context, input),
        "DescribeImages" => images::describe(context, input),
        "DescribeInstanceStatus" => instances::describe_status(context, input),
        "DescribeInstances" => instances::describe(context, input),
        "DescribeRouteTables" => network::describe_route_tables(context, input),
        "DescribeSnapshots" => images::describe_snapshots(context, input),
        "DescribeTags" => tags::describe(context, input),
        "DescribeVolumes" => volumes::describe(context, input),
        "DescribeVpcEndpoints" => network::describe_vpc_endpoints(context, input),
        "DisassociateIamInstanceProfile" => profiles::disassociate(context, input),
        "ReplaceIamInstanceProfileAssociation" => profiles::replace(context, input),
        _ => Err(model.unknown_operation(operation)),
    }
}

fn refusal(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(400, code, message)
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
    /// Somebody disabled it.
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
