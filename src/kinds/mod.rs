//! The kinds, one folder each, and the registry that the rest of the crate goes by.

use crate::kind::Kind;

/// Every kind, in the order in which plans list them.
pub(crate) static ALL: &[&dyn Kind] = &[];
