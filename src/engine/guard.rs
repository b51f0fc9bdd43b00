//! One run at a time: the lease of a run, from before its first write to after its last.

use crate::model::Operation;
use std::time::Duration;

use super::audience::{Audience, News, unless_stopped};
use super::error::EngineError;
use super::session::Session;
use crate::apply::lease::{self, Holder, Lease, LeaseError, Request, Store};
use crate::apply::{Report, Status};
use crate::aws::Writer;
use crate::plan::Options;
use crate::plan::Plan;

/// Calls that have neither a token nor a name of their own: that there is nothing must be certain before they are made.
const UNMARKED: [Operation; 2] = [Operation::CreateAssociation, Operation::SendCommand];

/// How other runs are kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// Not at all: for accounts without Parameter Store.
    None,
    /// By the lease.
    Lease {
        /// How long to wait for somebody else's.
        patience: Duration,
    },
}

/// Whether another run wrote while a session read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// None did that has the lease: what was read is what there is.
    Nobody,
    /// One has the lease now.
    Somebody,
    /// One may have: it ended meanwhile or shortly before, or nobody knows.
    Perhaps,
}

/// Looks whether another run wrote while the session read.
pub(super) async fn beside(session: &Session, exclusion: Exclusion) -> Beside {
    if exclusion == Exclusion::None {
        return Beside::Perhaps;
    }
    match lease::see(&Store::new(&session.clients), &session.tempo.timing).await {
        Ok(seen) if seen.holder.is_some() => Beside::Somebody,
        Ok(seen) if seen.quiet_at <= session.read_at() => Beside::Nobody,
        Ok(_) | Err(_) => Beside::Perhaps,
    }
}

/// What a run has of the lease.
pub(super) struct Guard {
    lease: Option<Lease>,
}

impl Guard {
    /// Takes the lease for a run, unless it is to go without.
    pub(super) async fn take(
        session: &Session,
        operation: &str,
        exclusion: Exclusion,
        audience: &dyn Audience,
    ) -> Result<Self, EngineError> {
        let patience = match exclusion {
            Exclusion::None => {
                audience.tell(&News::Unguarded);
                return Ok(Self { lease: None });
            }
            Exclusion::Lease { patience } => patience,
        };
        let request = Request {
            op: operation.to_owned(),
            caller_arn: session.caller.arn.clone(),
            patience,
            timing: session.tempo.timing,
        };
        audience.tell(&News::Leasing);
        let waiting = |holder: &Holder| audience.tell(&News::Waiting(holder));
        let store = Store::new(&session.clients);
        // Whoever ends it, it gives back what it has made on the way.
        let give_up = async {
            tokio::select! {
                () = audience.stop() => {}
                () = session.out_of_time() => {}
            }
        };
        let taken = Box::pin(Lease::take(store, &request, &session.fence, waiting, give_up)).await;
        audience.tell(&News::Leased);
        match taken {
            Ok(lease) => Ok(Self { lease: Some(lease) }),
            Err(LeaseError::Interrupted) if session.is_out_of_time() => Err(EngineError::OutOfTime),
            Err(error) => Err(EngineError::Lease(error)),
        }
    }

    /// Returns the client that writes only while the lease is held.
    pub(super) fn writer(&self, session: &Session) -> Writer {
        match &self.lease {
            Some(lease) => session.clients.fenced_writer(lease.fence()),
            None => session.clients.writer(),
        }
    }

    /// Waits until the lease is lost; for ever, if it is not.
    pub(super) async fn lost(&self) {
        match &self.lease {
            Some(lease) => lease.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Tells whether the lease was lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_lost)
    }

    /// Reads everything again if a run before this one wrote after it was read, or so shortly before that reads may not
    /// show it, or if it was read long ago. Returns the new plan, if there is one.
    pub(super) async fn reread(
        &self,
        session: &Session,
        options: &Options,
        plan: &Plan,
        audience: &dyn Audience,
    ) -> Result<Option<Plan>, EngineError> {
        let rest = |date| self.lease.as_ref().map(|lease| lease.unquiet_at(date)).unwrap_or_default();
        // While somebody thinks about a question, people without a lease may do something.
        if rest(session.read_at()).is_zero() && session.age() < session.tempo.timing.lease {
            return Ok(None);
        }
        // What somebody wrote meanwhile may be anything; of what was written before, only what this plan is about
        // counts.
        let is_later = self.lease.as_ref().is_some_and(|lease| lease.written_before() >= session.read_at().max(1));
        let is_old = session.age() >= session.tempo.timing.lease;
        let build = || async {
            let built = async {
                if is_later || is_old {
                    Box::pin(session.build(options, audience)).await
                } else {
                    Box::pin(session.build_again(options, plan, audience)).await
                }
            };
            unless_stopped(audience, built).await.ok_or(EngineError::Stopped)?
        };
        let (mut again, _) = build().await?;
        if is_unmarked(&again) && !rest(session.read_at()).is_zero() {
            let rest = rest(session.clients.date());
            if !rest.is_zero() {
                audience.tell(&News::Quiet(rest));
            }
            unless_stopped(audience, tokio::time::sleep(rest)).await.ok_or(EngineError::Stopped)?;
            (again, _) = build().await?;
        }
        Ok((again.steps != plan.steps).then_some(again))
    }

    /// Gives the lease back, unless something that was sent may still be done.
    pub(super) async fn end(self, report: Option<&Report>, audience: &dyn Audience) {
        let Some(lease) = self.lease else { return };
        let pending = report.is_none_or(|report| report.outcomes.iter().any(|outcome| is_unanswered(&outcome.status)));
        if pending {
            audience.tell(&News::LeaseKept(&lease.abandon()));
        } else if let Err(failed) = lease.release().await {
            audience.tell(&News::LeaseNotReturned(&failed));
        }
    }
}

/// A call that was sent and that AWS said nothing about: it may still be under way.
fn is_unanswered(status: &Status) -> bool {
    match status {
        Status::Unknown { error, .. } => error.code.is_none(),
        Status::Done | Status::Partial { .. } | Status::Failed { .. } | Status::Skipped { .. } => false,
    }
}

fn is_unmarked(plan: &Plan) -> bool {
    plan.steps.iter().flat_map(|step| &step.calls).any(|call| UNMARKED.contains(&call.operation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsError;

    #[test]
    fn a_call_that_aws_said_nothing_about_may_still_be_done() {
        let error = |code: Option<&str>| AwsError {
            code: code.map(str::to_owned),
            ..AwsError::unsettled("backup", "CreateBackupVault", "the connection broke")
        };
        let unknown = |code| Status::Unknown { call: Operation::CreateBackupVault, error: error(code) };
        assert!(is_unanswered(&unknown(None)) && !is_unanswered(&unknown(Some("ServiceUnavailableException"))));
        assert!(!is_unanswered(&Status::Done));
    }
}
