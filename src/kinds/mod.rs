//! The kinds, one folder each, and the registry that the rest of the crate goes by.
//!
//! Each folder has `mod.rs` (fields, identity, references), `spec.rs` (what the file says, normal form), `calls.rs`
//! (pure: from live to desired as calls) and `api.rs` (what AWS says, and how it is told). Where that is long, it has
//! `shape.rs` and others beside it. Outside `aws/` only these name the SDK.

pub(crate) mod delta;
mod expect;
pub(crate) mod identity;
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
pub mod restore_test;
pub mod role;
pub mod selection;
pub mod vault;

use crate::kind::Kind;
use crate::model::KindId;

/// Returns what a kind is.
pub fn of(kind: KindId) -> &'static dyn Kind {
    match kind {
        KindId::Policy => &policy::Policy,
        KindId::Role => &role::Role,
        KindId::InstanceProfile => &instance_profile::InstanceProfile,
        KindId::Attachment => &attachment::Attachment,
        KindId::Package => &package::Package,
        KindId::Vault => &vault::Vault,
        KindId::Plan => &plan::BackupPlan,
        KindId::Selection => &selection::Selection,
        KindId::RestoreTest => &restore_test::RestoreTest,
        KindId::RegionSettings => &region_settings::RegionSettings,
    }
}

/// Returns every kind, in the order in which plans list them.
pub fn registry() -> impl Iterator<Item = &'static dyn Kind> {
    KindId::ALL.into_iter().map(of)
}
