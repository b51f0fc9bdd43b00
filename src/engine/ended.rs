//! How a run ended, as a value.

use crate::apply::Report;
use crate::plan::{Plan, Verdict};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of the plan was done, or there was nothing to do.
    Done,
    /// The answer to the question was no.
    Declined,
    /// Nothing was done, as all that differs is refused; or all was done but that.
    Refused,
    /// Nothing was done of it, or something of the account could not be read.
    Failed,
    /// Some of it was done, and some was not.
    Partly,
    /// A request to stop ended it.
    Interrupted,
}

/// What a run came to.
#[derive(Debug)]
pub struct Ended {
    /// In one word.
    pub end: End,
    /// The plan that was carried out, or that was shown last.
    pub plan: Plan,
    /// What became of its resources; none where no call was made, and where the run was ended at once, so that nobody
    /// knows.
    pub report: Option<Report>,
    /// It was ended at once, with calls in flight.
    pub is_cut_off: bool,
    /// It stopped waiting until AWS shows everything.
    pub is_unsettled: bool,
}

impl Ended {
    /// A run that made no call.
    pub(super) fn before_calls(end: End, plan: Plan) -> Self {
        Self { end, plan, report: None, is_cut_off: false, is_unsettled: false }
    }
}

impl From<Verdict> for End {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Clean => Self::Done,
            Verdict::Refused => Self::Refused,
            Verdict::Unread => Self::Failed,
        }
    }
}

/// Says how a report ends a run of a plan; `installed` tells whether the packages that are waited for went well.
pub(super) fn of_report(report: &Report, verdict: Verdict, installed: bool) -> End {
    if !report.is_complete() {
        return match (report.interrupted, report.has_made()) {
            (true, _) => End::Interrupted,
            (false, true) => End::Partly,
            (false, false) => End::Failed,
        };
    }
    match verdict {
        _ if !installed => End::Partly,
        // Everything that could be done was done: what could not be read is left.
        Verdict::Unread => End::Partly,
        verdict @ (Verdict::Clean | Verdict::Refused) => verdict.into(),
    }
}
