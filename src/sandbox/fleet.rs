//! The simulated instances of one region.

use serde::{Deserialize, Serialize};

/// The instances.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fleet {}
