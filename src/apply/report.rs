//! What happens during an apply, as events, and what came of it, as a report.

use std::time::Duration;

use crate::aws::AwsError;
use crate::model::{Action, Phase};
use crate::model::{Address, Operation};

/// What happened, for progress lines.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step's first call is about to be sent.
    Started {
        /// Which resource.
        address: Address,
        /// What the plan does to it.
        action: Action,
        /// Which part of it.
        phase: Phase,
    },
    /// A call is tried again, because AWS does not see an earlier change yet or asks for fewer requests.
    Waiting {
        /// Which resource.
        address: Address,
        /// The call, such as `backup:CreateBackupSelection`.
        call: Operation,
        /// What AWS said.
        error: AwsError,
        /// Until the next try.
        delay: Duration,
    },
    /// All calls of a step succeeded.
    Done {
        /// Which resource.
        address: Address,
        /// What the plan does to it.
        action: Action,
        /// Which part of it.
        phase: Phase,
        /// How long it took.
        elapsed: Duration,
    },
    /// A call of a step failed, or nobody knows whether it succeeded.
    Failed {
        /// Which resource.
        address: Address,
        /// The call.
        call: Operation,
        /// What AWS said.
        error: AwsError,
    },
    /// The run was asked to stop in the middle of a step.
    Stopped {
        /// Which resource.
        address: Address,
        /// How many calls were made.
        made: usize,
        /// How many there are.
        of: usize,
    },
    /// A step was not tried.
    Skipped {
        /// Which resource.
        address: Address,
        /// Why.
        reason: String,
    },
}

/// What became of one resource of the plan.
#[derive(Clone, Debug)]
pub enum Status {
    /// Every call succeeded.
    Done,
    /// AWS refused a call.
    Failed {
        /// The call, such as `iam:CreateRole`.
        call: Operation,
        /// What AWS said.
        error: AwsError,
    },
    /// A call was sent and no usable answer came: it may have been done.
    Unknown {
        /// The call.
        call: Operation,
        /// What happened on the wire.
        error: AwsError,
    },
    /// Stopped in the middle: some of its calls were made.
    Partial {
        /// Why.
        reason: String,
    },
    /// Not tried.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// One resource of the plan and what became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which resource.
    pub address: Address,
    /// What the plan does to it.
    pub action: Action,
    /// What became of it: the worst of its steps.
    pub status: Status,
    /// The calls that AWS acknowledged, such as `iam:CreateRole`, in order.
    pub made: Vec<Operation>,
    /// All calls that the plan has for it, in order.
    pub planned: Vec<Operation>,
}

impl Outcome {
    /// The calls that are still to be made.
    pub fn left(&self) -> Vec<Operation> {
        let mut made = self.made.clone();
        let is_left = |call: &Operation| match made.iter().position(|one| one == call) {
            Some(index) => {
                made.remove(index);
                false
            }
            None => true,
        };
        self.planned.iter().copied().filter(is_left).collect()
    }
}

/// Something that a report calls done and a fresh read shows otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Which resource.
    pub address: Address,
    /// What is shown instead.
    pub why: Left,
}

/// What a fresh read shows in place of what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// Something else than the plan wanted.
    Differs,
    /// Somebody else's object: it changed hands meanwhile.
    Taken(String),
}

/// A step of the critical path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which resource.
    pub address: Address,
    /// How long its calls took.
    pub took: Duration,
}

/// What came of an apply.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One entry for each resource that the plan changes, in the plan's order.
    pub outcomes: Vec<Outcome>,
    /// Calls sent, looks not counted.
    pub calls: usize,
    /// Looks sent before calls.
    pub looks: usize,
    /// The critical path: the steps that waited for each other and took the longest together, from the first to the
    /// last.
    pub critical: Vec<Link>,
    /// The run was asked to stop before it was through.
    pub interrupted: bool,
    /// Resources whose calls all succeeded and that AWS, read again, does not show as the plan wanted them, and
    /// resources that changed hands meanwhile.
    pub leftovers: Vec<Leftover>,
}

impl Report {
    /// Counts resources by the sort of their status: done, failed, unknown, skipped.
    pub fn counts(&self) -> (usize, usize, usize, usize) {
        let count =
            |wanted: fn(&Status) -> bool| self.outcomes.iter().filter(|outcome| wanted(&outcome.status)).count();
        (
            count(|status| matches!(status, Status::Done)),
            count(|status| matches!(status, Status::Failed { .. })),
            count(|status| matches!(status, Status::Unknown { .. })),
            count(|status| matches!(status, Status::Skipped { .. })),
        )
    }

    /// Counts the resources that were stopped in the middle.
    pub fn partial(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome.status, Status::Partial { .. })).count()
    }

    /// Tells whether anything was made or changed.
    pub fn has_made(&self) -> bool {
        self.outcomes.iter().any(|outcome| !outcome.made.is_empty())
    }

    /// Tells whether all of the plan was done and took.
    pub fn is_complete(&self) -> bool {
        self.leftovers.is_empty() && self.outcomes.iter().all(|outcome| matches!(outcome.status, Status::Done))
    }
}
