//! Who a run speaks with.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::error::ClockGap;
use crate::apply::lease::{Holder, Kept, NotReturned};
use crate::apply::{Event, Report};
use crate::aws::{AwsError, Clients, Pace};
use crate::kinds::package::{Installation, InstanceRun};
use crate::model::Address;
use crate::plan::{Plan, Verdict};

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum News<'a> {
    /// AWS is asked whose credentials these are.
    Connecting,
    /// It takes AWS long to say so.
    StillConnecting,
    /// The machine's clock is wrong, but not so wrong that nothing may be written.
    ClockGap(ClockGap),
    /// Everything is read.
    Reading,
    /// Everything was read.
    Read,
    /// Calls wait for AWS's rate.
    Paced(Pace),
    /// The plan that is about to be carried out. With `again` it takes the place of one that was shown before:
    /// something has changed meanwhile.
    Plan {
        /// The plan.
        plan: &'a Plan,
        /// What it comes to.
        verdict: Verdict,
        /// It is not the first one.
        again: bool,
    },
    /// The run goes without a lease.
    Unguarded,
    /// The lease is being taken.
    Leasing,
    /// Somebody else holds it.
    Waiting(&'a Holder),
    /// The lease is held.
    Leased,
    /// Until AWS shows everything that the run before has done.
    Quiet(Duration),
    /// The first call is about to be sent.
    Begun(&'a Plan),
    /// Something happened to a step.
    Event(&'a Event),
    /// The lease is lost: nothing more is sent.
    LeaseLost,
    /// A request to stop was heard: the calls in flight are finished.
    Stopping,
    /// The time that the run may take is over: the calls in flight are finished.
    OutOfTime,
    /// No call is under way any more.
    Over,
    /// The lease is kept until it runs out: a call without an answer may still be done.
    LeaseKept(&'a Kept),
    /// The lease could not be given back.
    LeaseNotReturned(&'a NotReturned),
    /// AWS does not show yet what it acknowledged.
    Settling,
    /// What came of the plan.
    Report {
        /// What became of each resource.
        report: &'a Report,
        /// The plan that was carried out.
        plan: &'a Plan,
    },
    /// Instances are still at a package.
    Installing {
        /// The package.
        address: &'a Address,
        /// How far they are.
        so_far: Installation,
    },
    /// No instance is at a package any more, or they took too long.
    Installed {
        /// The package.
        address: &'a Address,
        /// What came of it; without those that are busy with another run.
        came_to: Installation,
        /// How many instances are busy with another run of it.
        busy: usize,
        /// What each instance did, where not all succeeded.
        runs: &'a [InstanceRun],
    },
    /// What the instances wrote could not be read.
    RunsUnread(&'a AwsError),
}

/// An answer to the question whether a plan may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It may.
    Given,
    /// It may not.
    Declined,
    /// There is nobody to ask.
    Unavailable,
}

/// Who a run speaks with: the command line, or a test.
pub trait Audience: Sync {
    /// Takes what happens.
    fn tell(&self, news: &News<'_>);

    /// Asks whether the plan that was told last may be carried out.
    fn consent(&self) -> BoxFuture<'_, Consent>;

    /// From here on requests to stop end no process: they come through [`Audience::stop`].
    ///
    /// # Errors
    /// They can't be listened for.
    fn listen(&self) -> std::io::Result<()> {
        Ok(())
    }

    /// Waits for the next request to stop; for ever, where there are none.
    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// How often it is told where AWS sets the pace.
const BETWEEN_PACES: Duration = Duration::from_secs(1);

/// Does something, and tells meanwhile where AWS sets the pace.
pub(super) async fn paced<T>(clients: &Clients, audience: &dyn Audience, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(BETWEEN_PACES, &mut work).await {
            return done;
        }
        if let Some(pace) = clients.pace() {
            audience.tell(&News::Paced(pace));
        }
    }
}

/// Does something that changes nothing, unless a request to stop comes meanwhile.
pub(super) async fn unless_stopped<T>(audience: &dyn Audience, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = audience.stop() => None,
    }
}
