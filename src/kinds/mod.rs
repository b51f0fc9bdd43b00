//! The kinds, one folder each, and the registry that the rest of the crate goes by.
//!
//! Each folder has `mod.rs` (fields, identity, references), `spec.rs` (what the file says, normal form), `calls.rs` (pure:
//! from live to desired as calls) and `api.rs`, the only files outside `aws/` that name the SDK.

pub(crate) mod delta;
mod expect;
mod identity;
mod input;
pub(crate) mod live_form;
#[cfg(test)]
mod tests;
mod token;

pub mod attachment;
pub mod instance_profile;
pub mod package;
pub mod plan;
pub mod policy;
pub mod region_settings;
pub mod role;
pub mod selection;
pub mod vault;

use crate::kind::Kind;

/// Every kind, in the order in which plans list them.
pub(crate) static ALL: &[&dyn Kind] = &[
    &policy::Policy,
    &role::Role,
    &instance_profile::InstanceProfile,
    &attachment::Attachment,
    &package::Package,
    &vault::Vault,
    &plan::BackupPlan,
    &selection::Selection,
    &region_settings::RegionSettings,
];

/// Returns every kind, in the order in which plans list them.
pub fn registry() -> &'static [&'static dyn Kind] {
    ALL
}

/// Finds a kind by its name.
pub fn find(name: &str) -> Option<&'static dyn Kind> {
    registry().iter().copied().find(|kind| kind.name() == name)
}
