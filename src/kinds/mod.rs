//! The kinds, one folder each, and the registry that the rest of the crate goes by.

mod delta;
mod identity;
mod input;
mod live_form;

pub mod instance_profile;
pub mod plan;
pub mod policy;
pub mod role;
pub mod vault;

use crate::kind::Kind;

/// Every kind, in the order in which plans list them.
pub(crate) static ALL: &[&dyn Kind] = &[
    &policy::Policy,
    &role::Role,
    &instance_profile::InstanceProfile,
    &vault::Vault,
    &plan::BackupPlan,
];
