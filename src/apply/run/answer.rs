//! Decides what the answer to a call means.

use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::step::Runner;
use crate::aws::retry::{LOST, Waits, YOUNG};
use crate::aws::{AwsError, ErrorKind};
use crate::kind::Look;
use crate::model::operation::{Class, Effect, Known};
use crate::model::{Operation, PlannedCall};
use crate::plan::Step;

/// What to do about a failed call.
pub(super) enum Next {
    /// It was done.
    Done(Value),
    /// Send it again after this wait.
    Again(Duration),
    /// Nothing.
    Fail,
}

impl Runner<'_> {
    /// Decides what a failed call means: done, to be sent again, or failed.
    pub(super) async fn decide(
        &self,
        step: &Step,
        call: &PlannedCall,
        operation: &Known,
        error: &AwsError,
        waits: &mut Waits,
    ) -> Next {
        let says = |codes: &[&str]| error.code.as_deref().is_some_and(|code| codes.contains(&code));
        // What should go is gone: somebody was faster, or an earlier try was done and its answer lost.
        if says(operation.done) && error.kind != ErrorKind::Propagating {
            return Next::Done(Value::Null);
        }
        let lost = error.kind == ErrorKind::Unsettled && operation.class == Class::Nothing;
        if lost || says(operation.perhaps) {
            return self.read_back(step, call, error, lost).await;
        }
        match waits.next(error, operation.class, self.is_young(step)) {
            Some(delay) => Next::Again(delay),
            None => Next::Fail,
        }
    }

    /// Finds out what became of a call by looking: nothing is sent before AWS had the time to do it and to show it.
    async fn read_back(&self, step: &Step, call: &PlannedCall, error: &AwsError, lost: bool) -> Next {
        let mut interrupt = self.options.stop.clone();
        if lost {
            let delay = self.options.pace * LOST;
            self.tell_waiting(step, call, error, delay);
            if !self.pause(&mut interrupt, delay).await {
                return Next::Fail;
            }
        }
        let mut waits = Waits::new(self.options.pace);
        loop {
            match self.perform.look(step.address.kind(), call).await {
                Ok(Look::Stands(answer)) => return Next::Done(answer),
                // AWS says that it is there and does not show it yet.
                Ok(Look::Absent) if !lost => {}
                Ok(Look::Absent) => return Next::Again(Duration::ZERO),
                Ok(Look::Differs | Look::Unclear) => return Next::Fail,
                Err(_) => {}
            }
            let Some(delay) = waits.until_visible() else { return Next::Fail };
            if !self.pause(&mut interrupt, delay).await {
                return Next::Fail;
            }
        }
    }

    /// Gets new credentials, once a run; without them the run ends here. A call that was signed before somebody else
    /// got them needs no others.
    pub(super) async fn renew(&self, signed_with: u32) -> bool {
        let mut renewed = self.renewed.lock().await;
        if *renewed > signed_with {
            return true;
        }
        if *renewed == 0 && self.perform.renew().await {
            *renewed += 1;
            return true;
        }
        self.halt("the credentials are no longer good; sign in and run again: it goes on from here");
        false
    }

    /// Remembers what this run made.
    pub(super) fn remember(&self, step: &Step, call: &PlannedCall) {
        let makes =
            call.operation.known().effect == Effect::Creates || call.operation == Operation::CreatePolicyVersion;
        if makes && let Some(planned) = self.plan.steps.get(step.id) {
            self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(&planned.address, Instant::now());
        }
    }

    /// Tells whether a step is about something that this run made less than a minute ago, or on which it depends.
    fn is_young(&self, step: &Step) -> bool {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let before = step.after.iter().filter_map(|id| self.plan.steps.get(*id)).map(|step| &step.address);
        before
            .chain([&step.address])
            .any(|address| made.get(address).is_some_and(|since| since.elapsed() < self.options.pace * YOUNG))
    }
}
