//! What AWS Backup keeps in one region.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CopyJob, Job, Plan, RestoreTestingPlan, Vault};

/// The vaults, plans, settings and jobs of AWS Backup.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Backup {
    /// Vaults by name.
    #[serde(default)]
    pub vaults: BTreeMap<String, Vault>,
    /// Plans by id, deleted ones too.
    #[serde(default)]
    pub plans: BTreeMap<String, Plan>,
    /// Restore testing plans by name.
    #[serde(default)]
    pub restore_testing: BTreeMap<String, RestoreTestingPlan>,
    /// The opt-in switches that differ from AWS's defaults.
    #[serde(default)]
    pub opt_in: BTreeMap<String, bool>,
    /// The management switches that differ from AWS's defaults.
    #[serde(default)]
    pub management: BTreeMap<String, bool>,
    /// Backup jobs by id.
    #[serde(default)]
    pub jobs: BTreeMap<String, Job>,
    /// The jobs whose outcome is not decided yet: the time of the decision, and the id.
    #[serde(default)]
    pub open: BTreeSet<(i64, String)>,
    /// Copy jobs by id.
    #[serde(default)]
    pub copies: BTreeMap<String, CopyJob>,
    /// The completed jobs whose copies have not begun: the end of the job, and its id.
    #[serde(default)]
    pub to_copy: BTreeSet<(i64, String)>,
    /// The end of the last running job of each resource, by ARN.
    #[serde(default)]
    pub busy: BTreeMap<String, i64>,
    /// When expired recovery points were last looked for.
    #[serde(default)]
    pub swept: i64,
    /// The behaviour in cases that AWS's documentation leaves open; a test may choose it.
    #[serde(default)]
    pub strictness: Strictness,
}

/// Cases that AWS's documentation leaves open. Each switch selects the behaviour that is harder for clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strictness {
    /// The names of a plan's selections are unique.
    pub unique_selection_names: bool,
    /// A token is answered with what it created even when that is deleted.
    pub remembers_tokens: bool,
}
