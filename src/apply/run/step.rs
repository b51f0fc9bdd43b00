//! Makes the calls of one step.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;

use super::Options;
use super::answer::Next;
use super::fill::{Outputs, fill};
use crate::apply::perform::Perform;
use crate::apply::report::Event;
use crate::aws::retry::{BETWEEN_POLLS, LONGEST_RUN, Waits};
use crate::aws::{AwsError, ErrorKind};
use crate::model::call::PENDING;
use crate::model::operation::{Known, Looks};
use crate::model::{Action, Address, Operation, PlannedCall};
use crate::plan::{Plan, Step};

/// What a plan saw counts for so long without another look, but before writes that give privileges or can't be taken
/// back.
const FRESH: Duration = Duration::from_secs(10);

pub(super) enum StepEnd {
    Done,
    Failed { call: Operation, error: AwsError },
    Stopped,
}

/// What came of one step.
pub(super) struct Ended {
    pub(super) id: usize,
    pub(super) began: Instant,
    pub(super) end: StepEnd,
    /// The calls that AWS acknowledged.
    pub(super) made: Vec<Operation>,
    pub(super) sent: Sent,
}

/// The requests of a step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) calls: usize,
    pub(super) looks: usize,
}

pub(super) struct Runner<'a> {
    pub(super) perform: &'a dyn Perform,
    pub(super) plan: &'a Plan,
    pub(super) options: &'a Options,
    pub(super) services: BTreeMap<&'a str, Semaphore>,
    pub(super) in_flight: Semaphore,
    pub(super) actions: BTreeMap<&'a Address, Action>,
    pub(super) events: &'a mpsc::UnboundedSender<Event>,
    /// What this run made, and when.
    pub(super) made: Mutex<BTreeMap<&'a Address, Instant>>,
    /// How often there were new credentials. Whoever asks for them holds it.
    pub(super) renewed: tokio::sync::Mutex<u32>,
    /// Why no further step is begun.
    pub(super) halted: Mutex<Option<String>>,
    /// What the calls so far returned, by address and name.
    pub(super) outputs: Mutex<Outputs>,
}

/// What one sending of a call came to.
enum Attempt {
    /// It was done.
    Answered(Value),
    /// It is to be sent again; the wait is over.
    Again,
    /// The run is asked to stop, and it was not sent, or does not wait any longer.
    Stopped,
}

/// What the looks before a call found.
enum Seen {
    There,
    Gone,
    Stopped,
}

/// How long a call has been tried.
struct Tries {
    pub(super) asked: Instant,
    pub(super) waits: Waits,
}

impl Tries {
    fn new(pace: Duration) -> Self {
        Self { asked: Instant::now(), waits: Waits::new(pace) }
    }
}

impl Runner<'_> {
    pub(super) async fn step(&self, step: &Step) -> Ended {
        let started = Instant::now();
        let action = self.actions.get(&step.address).copied().unwrap_or(Action::NoOp);
        let tell = |event| {
            let _ = self.events.send(event);
        };
        let address = || step.address.clone();
        tell(Event::Started { address: address(), action, phase: step.phase });
        let mut ended =
            Ended { id: step.id, began: started, end: StepEnd::Done, made: Vec::new(), sent: Sent::default() };
        let outputs = || self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = self.options.read;
        for planned in &step.calls {
            let filled = fill(planned, &outputs());
            let sent = match filled {
                Ok(call) => self.call(step, &call, &mut seen, &mut ended.sent).await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(Some(answer)) => {
                    ended.made.push(planned.operation);
                    for (name, value) in answer.as_object().into_iter().flatten() {
                        outputs().insert((step.address.to_string(), name.clone()), value.clone());
                    }
                }
                Ok(None) => {
                    tell(Event::Stopped { address: address(), made: ended.made.len(), of: step.calls.len() });
                    ended.end = StepEnd::Stopped;
                    return ended;
                }
                Err(error) => {
                    let call = planned.operation;
                    tell(Event::Failed { address: address(), call, error: error.clone() });
                    ended.end = StepEnd::Failed { call, error };
                    return ended;
                }
            }
        }
        tell(Event::Done { address: address(), action, phase: step.phase, elapsed: started.elapsed() });
        ended
    }

    /// Makes one call of a step, waiting for what passes; `None` when the run was stopped before it was sent. Where
    /// its operation wants that, the looks of the step come right before each sending. `seen` is when its object was
    /// seen last.
    async fn call(
        &self,
        step: &Step,
        call: &PlannedCall,
        seen: &mut Instant,
        sent: &mut Sent,
    ) -> Result<Option<Value>, AwsError> {
        let operation = call.operation.known();
        let mut tries = Tries::new(self.options.pace);
        loop {
            // What is looked at must not grow old while the call waits for its turn.
            if !self.has_turn(call.operation).await {
                return Ok(None);
            }
            let is_due = match operation.looks {
                Looks::Always => true,
                Looks::WhenOld => seen.elapsed() > FRESH,
                Looks::Never => false,
            };
            if is_due && !step.looks.is_empty() {
                let began = Instant::now();
                match self.look_again(step, call, operation, sent).await? {
                    Seen::There => *seen = began,
                    // What should go is gone already.
                    Seen::Gone => return Ok(Some(Value::Null)),
                    Seen::Stopped => return Ok(None),
                }
            }
            match self.attempt(step, call, &mut tries, &mut sent.calls).await? {
                Attempt::Answered(answer) => return Ok(Some(answer)),
                Attempt::Again => {}
                Attempt::Stopped => return Ok(None),
            }
        }
    }

    /// Makes the looks of a step.
    ///
    /// # Errors
    ///
    /// When a look fails, or finds another object, another owner, or nothing where the call needs something.
    async fn look_again(
        &self,
        step: &Step,
        call: &PlannedCall,
        operation: &Known,
        sent: &mut Sent,
    ) -> Result<Seen, AwsError> {
        for look in &step.looks {
            let mut tries = Tries::new(self.options.pace);
            let answer = loop {
                match self.attempt(step, look, &mut tries, &mut sent.looks).await? {
                    Attempt::Answered(answer) => break answer,
                    Attempt::Again => {}
                    Attempt::Stopped => return Ok(Seen::Stopped),
                }
            };
            if answer.is_null() {
                if !operation.done.is_empty() {
                    return Ok(Seen::Gone);
                }
                let message = "it is gone since the plan saw it: nothing was written, plan again";
                return Err(AwsError::rejected(call.operation.service(), call.operation.name(), message));
            }
        }
        Ok(Seen::There)
    }

    /// Sends a call once and decides what its answer means. Waits before it is to be sent again.
    async fn attempt(
        &self,
        step: &Step,
        call: &PlannedCall,
        tries: &mut Tries,
        sent: &mut usize,
    ) -> Result<Attempt, AwsError> {
        let operation = call.operation.known();
        let mut interrupt = self.options.stop.clone();
        let service = self.services.get(call.operation.service()).expect("every service of the plan has its limit");
        let permit = service.acquire().await.expect("the semaphore is never closed");
        if !self.has_turn(call.operation).await {
            return Ok(Attempt::Stopped);
        }
        let flight = self.in_flight.acquire().await.expect("the semaphore is never closed");
        if *interrupt.borrow() {
            return Ok(Attempt::Stopped);
        }
        *sent += 1;
        let signed_with = *self.renewed.lock().await;
        let answer = self.perform.perform(step.address.kind(), call).await;
        drop((permit, flight));
        let error = match answer {
            Ok(answer) if answer.get(PENDING).is_some() => {
                let pending = self.pending(call, &answer[PENDING], tries.asked.elapsed());
                if pending.kind != ErrorKind::Propagating {
                    return Err(pending);
                }
                let delay = self.options.pace * BETWEEN_POLLS;
                self.tell_waiting(step, call, &pending, delay);
                let goes_on = self.pause(&mut interrupt, delay).await;
                return Ok(if goes_on { Attempt::Again } else { Attempt::Stopped });
            }
            Ok(answer) => {
                self.remember(step, call);
                return Ok(Attempt::Answered(answer));
            }
            Err(error) => error,
        };
        if error.kind == ErrorKind::Credentials {
            return if self.renew(signed_with).await { Ok(Attempt::Again) } else { Err(error) };
        }
        let delay = match self.decide(step, call, operation, &error, &mut tries.waits).await {
            Next::Done(answer) => {
                self.remember(step, call);
                return Ok(Attempt::Answered(answer));
            }
            Next::Again(delay) => delay,
            Next::Fail => return Err(error),
        };
        self.tell_waiting(step, call, &error, delay);
        if !self.pause(&mut interrupt, delay).await {
            return Err(error);
        }
        self.perform.retried();
        Ok(Attempt::Again)
    }

    /// Waits until a call of this operation would be sent at once; false when the run is asked to stop meanwhile.
    async fn has_turn(&self, operation: Operation) -> bool {
        let mut interrupt = self.options.stop.clone();
        tokio::select! {
            biased;
            Ok(_) = interrupt.wait_for(|stop| *stop) => false,
            () = self.perform.ready(operation) => true,
        }
    }

    /// Says what a call waits for; a failure once that takes too long.
    fn pending(&self, call: &PlannedCall, what: &Value, waited: Duration) -> AwsError {
        let (service, operation) = (call.operation.service(), call.operation.name());
        let what = what.as_str().unwrap_or("it is under way");
        if waited < self.options.pace * LONGEST_RUN {
            return AwsError { kind: ErrorKind::Propagating, ..AwsError::rejected(service, operation, what) };
        }
        let minutes = LONGEST_RUN / 120;
        let message = format!("{what}, after {minutes} minutes; when it is there, run it again: it goes on from here");
        AwsError::rejected(service, operation, message)
    }

    pub(super) fn halt(&self, reason: &str) {
        self.halted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
    }

    pub(super) fn tell_waiting(&self, step: &Step, call: &PlannedCall, error: &AwsError, delay: Duration) {
        // A receiver that has gone away needs no events.
        let _ = self.events.send(Event::Waiting {
            address: step.address.clone(),
            call: call.operation,
            error: error.clone(),
            delay,
        });
    }

    /// Waits; false when the run is asked to stop meanwhile.
    pub(super) async fn pause(&self, interrupt: &mut watch::Receiver<bool>, delay: Duration) -> bool {
        tokio::select! {
            biased;
            // A sender that has gone away never asks to stop: the pattern leaves the sleep as the only branch.
            Ok(_) = interrupt.wait_for(|stop| *stop) => false,
            () = tokio::time::sleep(delay) => true,
        }
    }
}
