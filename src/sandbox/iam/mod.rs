//! Identity and Access Management of one account, written from AWS's API reference and quotas page.

mod account_details;
mod attachments;
mod documents;
mod errors;
mod inline;
mod input;
mod model;
mod operations;
mod page;
mod policies;
mod powers;
mod profiles;
mod roles;
mod simulation;
mod tags;
mod users;
mod versions;

pub use model::{Iam, InstanceProfile, Policy, PolicyVersion, Role};
#[cfg(test)]
pub(super) use operations::OFFERED;
pub(super) use operations::{handle, offers, operations};
pub(super) use powers::Powers;
pub(super) use tags::tagged;
