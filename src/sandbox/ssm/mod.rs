//! Systems Manager of one region: State Manager associations, Run Command, the managed nodes, AWS's documents and
//! Parameter Store.
//!
//! Written from the Systems Manager user guide and API reference and the service model. Nothing runs in the background:
//! an invocation has from its start the time and the way of its end, and a reader passes its own time. Schedules catch
//! up at the next request.

mod associations;
mod commands;
mod documents;
mod executions;
mod input;
mod instances;
mod inventory;
mod operations;
mod parameters;
mod powershell;
mod runs;
mod tags;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use associations::{Association, AssociationVersion, Execution};
pub use commands::Command;
pub(super) use executions::catch_up;
pub(super) use operations::{OPERATIONS, handle};
pub use parameters::{Parameter, ParameterVersion};
pub use runs::Invocation;
pub(super) use tags::tagged;

/// The associations, commands and parameters of Systems Manager.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ssm {
    /// State Manager associations by id.
    #[serde(default)]
    pub associations: BTreeMap<String, Association>,
    /// Commands by id.
    #[serde(default)]
    pub commands: BTreeMap<String, Command>,
    /// Parameters by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
}
