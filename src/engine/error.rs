//! Why a run ended before its first change, or could not tell what came of it.

use crate::apply::lease::LeaseError;
use crate::aws::{AwsError, ConnectError, GuardError, SignInError};
use crate::model::Address;
use crate::plan::HazardNote;
use crate::plan::file::Refusal;

/// How far the machine's clock and AWS's are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockGap {
    /// By so many milliseconds AWS's clock is ahead; negative when it is behind.
    pub ahead: i64,
}

impl ClockGap {
    /// More milliseconds than this are told.
    const FAR: u64 = 60_000;
    /// More than this keep a run from writing: AWS refuses what is signed five minutes from its own time, and a lease
    /// is worth what its holder's clock is worth.
    const TOO_FAR: u64 = 300_000;

    /// Returns the gap, where it is worth a word.
    pub fn of(ahead: i64) -> Option<Self> {
        (ahead.unsigned_abs() > Self::FAR).then_some(Self { ahead })
    }

    /// Tells whether it keeps a run from writing.
    pub fn is_too_far(self) -> bool {
        self.ahead.unsigned_abs() > Self::TOO_FAR
    }
}

/// Why a session was not opened. Nothing was read or changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The clients could not be made.
    #[error("could not connect to AWS")]
    Connect(#[source] ConnectError),
    /// There are no credentials.
    #[error("there are no AWS credentials")]
    SignIn(#[source] SignInError),
    /// The credentials are not the file's account's, or AWS did not say whose they are.
    #[error("could not make sure whose credentials these are")]
    Guard(#[source] GuardError),
    /// The credentials are the root user's.
    #[error("these are the credentials of the root user")]
    Root,
    /// The machine's clock is too wrong to write by.
    #[error("the clocks are too far apart")]
    Clock(ClockGap),
}

/// Why a run ended without a report, or before it knew what came of it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The plan breaks a rule of the checker: a defect of vssctl.
    #[error("the plan breaks its own rules: {0}")]
    Defect(String),
    /// A target is neither in the file nor in the account.
    #[error("there is no `{0}`")]
    NoSuchTarget(Address),
    /// The saved plan is not to be applied.
    #[error("the saved plan can't be applied")]
    Refusal(#[source] Refusal),
    /// The plan is not the one whose digest was given.
    #[error("this is not the plan that was reviewed: its digest is {digest}")]
    NotReviewed {
        /// The digest of the plan as it is now.
        digest: String,
    },
    /// Something changed between the review of the plan and the lease.
    #[error("something has changed meanwhile")]
    Moved,
    /// Hazards that nobody consented to.
    #[error("the plan needs consent")]
    Hazards(Vec<(Address, HazardNote)>),
    /// There is nobody to ask for consent.
    #[error("there is nobody to ask")]
    NobodyToAsk,
    /// Requests to stop can't be listened for.
    #[error("could not listen for Ctrl-C")]
    Deaf(#[source] std::io::Error),
    /// The lease was not to be had.
    #[error("the lease could not be taken")]
    Lease(#[source] LeaseError),
    /// The time that the run may take was over before its first change.
    #[error("the time is over")]
    OutOfTime,
    /// Stopped while it waited, before its first change.
    #[error("stopped while waiting")]
    Stopped,
    /// How far the instances of a package are could not be read.
    #[error("could not see how far `{address}` is: {message}")]
    Unread {
        /// The package.
        address: Address,
        /// The IAM action to allow.
        action: String,
        /// What AWS said.
        message: String,
    },
    /// A call failed that is no step of the plan.
    #[error(transparent)]
    Aws(#[from] AwsError),
}
