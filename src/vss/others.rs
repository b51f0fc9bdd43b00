//! What others have in the account beside the stack, as far as a plan has to know it.

use serde_json::Value;

use super::evidence::{Plan, Unread};
use super::together::Specimen;

/// What others have in the account. Empty where the plan changes nothing that it could have to do with.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// The backup plans with their selections, those of the stack included.
    pub plans: Vec<Plan>,
    /// The associations that install or remove packages and are not the stack's.
    pub associations: Vec<Association>,
    /// The instances, terminated ones not included. `None` where they were not read, or could not be.
    pub instances: Option<Vec<Specimen>>,
    /// The reads that failed: something may be missing.
    pub unread: Vec<Unread>,
}

impl Others {
    /// Returns the instances; none where they were not read.
    pub fn fleet(&self) -> &[Specimen] {
        self.instances.as_deref().unwrap_or_default()
    }
}

/// An association of somebody else's that installs a package, or removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Association {
    /// AWS's id.
    pub id: String,
    /// Its name, empty where it has none.
    pub name: String,
    /// Whose it is, in words; none where no tag says it.
    pub owner: Option<String>,
    /// The package's name in Distributor.
    pub package: String,
    /// `Install` or `Uninstall`.
    pub action: String,
    /// The version that it is held at; none where it is the newest.
    pub version: Option<String>,
    /// Values by SSM's target key.
    pub targets: Value,
}
