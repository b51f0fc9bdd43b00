//! The simulated EC2 of one region: instances as EC2 shows them, images, snapshots, tags, and the instance profiles on
//! instances.
//!
//! Written from the EC2 API reference (error codes, filters, pages) and the service model. The instance itself records
//! which profile is on it; an association adds its id and its times.

mod images;
mod instances;
mod model;
mod network;
mod operations;
mod profiles;
mod query;
mod tags;
#[cfg(test)]
mod tests;
mod volumes;

pub(super) use images::GIGABYTES;
pub(super) use model::IMAGE_QUOTA;
pub use model::{Ec2, Image, ProfileAssociation, Snapshot};
pub(super) use operations::{OPERATIONS, handle};
pub(super) use profiles::{invalid_profile, named_profile, profile_without_role};
pub(super) use tags::tagged;
