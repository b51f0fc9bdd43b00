//! AWS Backup of one region: vaults, plans, selections, settings, jobs and recovery points.
//!
//! Nothing runs in the background: a job has the times at which it runs and makes its snapshot. Its outcome follows
//! from what is there at the latter time, and is decided at the first request after it.
//!
//! Written from the AWS Backup developer guide (API reference, quotas, Vault Lock) and the service model.

mod assign;
mod copies;
mod decide;
mod input;
mod jobs;
#[cfg(test)]
mod jobs_tests;
mod model;
mod operations;
mod past;
mod plans;
mod points;
mod restore_testing;
mod rules;
mod scheduled;
#[cfg(test)]
mod scheduled_tests;
mod selections;
mod settings;
mod tags;
#[cfg(test)]
mod tests;
mod vaults;
mod vss;

pub use copies::CopyJob;
pub(super) use decide::settle;
pub use jobs::{Job, Origin, Outcome};
pub use model::{Backup, Strictness};
pub(super) use operations::{OPERATIONS, handle};
pub(super) use past::{Ended, Past};
pub use plans::{Plan, PlanVersion};
pub use points::RecoveryPoint;
pub use restore_testing::{RestoreTestingPlan, RestoreTestingSelection};
pub(super) use scheduled::run_schedules;
pub use selections::Selection;
pub(super) use tags::tagged;
pub use vaults::{Lock, Notifications, Vault};
