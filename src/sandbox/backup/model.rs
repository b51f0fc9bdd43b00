//! What AWS Backup keeps in one region.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Job, Plan, Vault};

/// What AWS Backup remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Backup {
    /// Vaults by name.
    #[serde(default)]
    pub vaults: BTreeMap<String, Vault>,
    /// Plans by id, deleted ones too.
    #[serde(default)]
    pub plans: BTreeMap<String, Plan>,
    /// The opt-in switches that differ from AWS's defaults.
    #[serde(default)]
    pub opt_in: BTreeMap<String, bool>,
    /// The management switches that differ from AWS's defaults.
    #[serde(default)]
    pub management: BTreeMap<String, bool>,
    /// Backup jobs by id.
    #[serde(default)]
    pub jobs: BTreeMap<String, Job>,
    /// The jobs that nothing is decided about yet: when that is, and the id.
    #[serde(default)]
    pub open: BTreeSet<(i64, String)>,
    /// The end of the last running job of each resource, by ARN.
    #[serde(default)]
    pub busy: BTreeMap<String, i64>,
    /// When recovery points that are over were last looked for.
    #[serde(default)]
    pub swept: i64,
    /// What AWS's documentation leaves open, and a test may ask for.
    #[serde(default)]
    pub strictness: Strictness,
}

/// What AWS's documentation leaves open, in the reading that is harder on clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strictness {
    /// A plan takes one selection of a name.
    pub unique_selection_names: bool,
    /// A token is answered with what it made even when that is deleted.
    pub remembers_tokens: bool,
}
