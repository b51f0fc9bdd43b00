//! The kinds, one folder each, and the registry that the rest of the crate goes by.

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
pub(crate) static ALL: &[&dyn Kind] = &[];
