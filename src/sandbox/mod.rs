//! A simulated AWS account at the wire: the real SDK signs, serialises, retries and parses requests to it.
//!
//! An operation is a pure step on [`account::Account`]: JSON in, JSON out. `wire` takes AWS's protocols off a request
//! and puts them on an answer, `connector` and `serve` transport both, `store` keeps the account, and `faults` spoils
//! calls when a test asks for it. The sandbox follows AWS's documentation and service models and knows nothing of how
//! vssctl calls AWS.

pub mod account;
mod answer;
mod authorization;
pub mod backup;
#[cfg(test)]
mod bench;
mod clock;
mod connector;
pub mod ec2;
pub mod faults;
pub mod fleet;
mod handle;
pub mod iam;
mod inner;
pub mod kms;
mod made;
mod managed_policies;
mod passing;
mod rates;
#[cfg(test)]
mod regional_tests;
pub mod scenario;
mod schedule;
mod serve;
mod services;
pub mod ssm;
mod step;
mod store;
mod sts;
mod tagging;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use answer::Outcome;
pub use authorization::Authorization;
pub use faults::{Fault, FaultKind, FaultPlan};
pub use handle::{RequestRecord, Sandbox, is_sandbox_file};
pub use rates::{Rate, Share};
use services::dispatch;
pub use services::operations;
pub use store::SandboxError;
