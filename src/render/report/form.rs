//! What a run came to, as programs read it: the last event of `--json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{Action, Address, Operation};
use crate::vss::backup;

/// The last event of a command with `--json`. It comes whatever happens before it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Ending {
    /// `report`.
    #[serde(rename = "type")]
    pub event: &'static str,
    /// When, RFC 3339, by the clock of this machine.
    pub time: String,
    /// The exit code of the command.
    pub exit: u8,
    /// What was done; null where nothing was begun.
    pub report: Option<Reported>,
    /// What ended the run early.
    pub error: Option<Failure>,
}

/// What a command did.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Reported {
    /// `apply`, `destroy` and `adopt`.
    Run(RunReport),
    /// `backup`.
    Backup(Box<backup::Report>),
    /// `unlock`.
    Unlock(Unlocked),
}

/// An error, as people read it on stderr.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// Why, from the nearest cause to the last.
    pub because: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
}

/// What `unlock` did.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unlocked {
    /// The lease was broken. It is not where nobody had it.
    pub broken: bool,
    /// The epoch of the lease.
    pub epoch: Option<u32>,
    /// Who had it.
    pub holder: Option<String>,
}

/// What `apply`, `destroy` or `adopt` came to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunReport {
    /// All that the plan showed is done.
    pub complete: bool,
    /// How many resources the plan refused or could not read, so that they were left as they were.
    pub left_out: usize,
    /// It was asked to stop.
    pub interrupted: bool,
    /// How many writing calls were made.
    pub calls: usize,
    /// How many reads were made right before them.
    pub looks: usize,
    /// How many resources were added; a replacement is added and destroyed.
    pub added: usize,
    /// How many resources were changed.
    pub changed: usize,
    /// How many resources were destroyed.
    pub destroyed: usize,
    /// What became of each resource.
    pub(super) outcomes: Vec<Resource>,
    /// What AWS shows otherwise afterwards.
    pub(super) leftovers: Vec<Remainder>,
}

/// What became of one resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Resource {
    /// Its address.
    pub(super) address: Address,
    /// What the plan did to it.
    pub(super) action: Action,
    /// What came of it.
    pub(super) status: Came,
    /// Why it was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The call that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<Operation>,
    /// What AWS said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<FailedCall>,
    /// The calls that were made, where not all were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) made: Vec<Operation>,
    /// The calls that are still to be made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) left: Vec<Operation>,
    /// How many calls there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) planned: Option<usize>,
}

/// What came of a resource.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Came {
    /// All calls succeeded.
    Done,
    /// It was stopped in the middle.
    Partial,
    /// A call failed.
    Failed,
    /// A call was sent, and no usable answer came.
    Unknown,
    /// It was not tried.
    Skipped,
}

/// A failed call.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct FailedCall {
    /// The service, such as `iam`.
    pub(super) service: String,
    /// The operation, such as `CreateRole`.
    pub(super) operation: String,
    /// AWS's code.
    pub(super) code: Option<String>,
    /// AWS's message.
    pub(super) message: String,
    /// AWS's id of the request.
    pub(super) request_id: Option<String>,
}

/// A resource that AWS shows otherwise after the run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Remainder {
    /// Its address.
    pub(super) address: Address,
    /// `differs` or `taken`.
    pub(super) why: &'static str,
    /// Who took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}
