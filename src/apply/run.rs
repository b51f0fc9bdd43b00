//! The executor: a ready queue over the plan's steps.

use crate::kinds;
use crate::model::KindId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;

use super::report::{Event, Outcome, Report, Status};
use super::retry::{BETWEEN_LOOKS, Budget, LONGEST_RUN, SETTLE, Waits, YOUNG};
use crate::aws::{AwsError, ErrorKind, Writer};
use crate::kind::Look;
use crate::model::Address;
use crate::model::Operation;
use crate::model::call::PENDING;
use crate::model::operation::{Class, Effect, Known, Looks};
use crate::model::{Action, PlannedCall};
use crate::plan::{Plan, Step};

/// How a plan is carried out.
#[derive(Debug)]
pub struct Options {
    /// How many steps run at once.
    pub parallelism: usize,
    /// The unit of all waiting: half a second against AWS, which makes the longest wait two minutes.
    pub pace: Duration,
    /// Becomes true when the run should stop: calls in flight are finished, no other is sent.
    pub stop: watch::Receiver<bool>,
    /// When the reading began that the plan was built from.
    pub read: Instant,
}

/// What a plan saw counts for so long without another look, but before writes that give privileges or can't be taken
/// back.
const FRESH: Duration = Duration::from_secs(10);

/// Makes one call. [`Writer`] does it for real.
pub trait Perform: Sync {
    /// Makes the call for something of `kind` and returns what of the answer later calls may need.
    fn perform<'a>(&'a self, kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>>;

    /// Reads, freshly, whether what the call asks for is so.
    fn look<'a>(&'a self, _kind: KindId, _call: &'a PlannedCall) -> BoxFuture<'a, Result<Look, AwsError>> {
        Box::pin(std::future::ready(Ok(Look::Unclear)))
    }

    /// Gets new credentials; false when there are none to get.
    fn renew(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }
}

impl Perform for Writer {
    fn perform<'a>(&'a self, kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>> {
        let kind = kinds::of(kind);
        kind.perform(self, call)
    }

    fn look<'a>(&'a self, kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Look, AwsError>> {
        let kind = kinds::of(kind);
        Box::pin(async move { kind.look(&self.reader(), call).await })
    }

    fn renew(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.renew_credentials().await })
    }
}

/// How many calls a service gets at once: AWS answers concurrent changes of IAM with `ConcurrentModification`, and allows
/// AWS Backup five a second.
fn service_limit(service: &str) -> usize {
    match service {
        "iam" => 4,
        _ => 2,
    }
}

enum StepEnd {
    Done,
    Failed { call: Operation, error: AwsError },
    Stopped,
}

/// What came of one step.
struct Ended {
    id: usize,
    end: StepEnd,
    /// The calls that AWS acknowledged.
    made: Vec<Operation>,
    sent: Sent,
}

/// The requests of a step.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    calls: usize,
    looks: usize,
}

/// Whether and how far a step was made.
struct Record {
    result: Result<(), Status>,
    made: Vec<Operation>,
}

/// Carries out a plan. Failures are in the report; steps that do not depend on them go on.
pub async fn run(
    perform: &dyn Perform,
    plan: &Plan,
    options: &Options,
    events: &mpsc::UnboundedSender<Event>,
) -> Report {
    let actions: BTreeMap<&Address, Action> =
        plan.changes.iter().map(|change| (&change.address, change.action)).collect();
    let services: BTreeMap<&str, Semaphore> = plan
        .steps
        .iter()
        .flat_map(|step| step.calls.iter().chain(&step.looks))
        .map(|call| call.operation.service())
        .map(|service| (service, Semaphore::new(service_limit(service))))
        .collect();
    let runner = Runner {
        perform,
        plan,
        options,
        services,
        actions,
        events,
        budget: Budget::new(options.pace),
        made: Mutex::default(),
        renewed: tokio::sync::Mutex::default(),
        halted: Mutex::default(),
        outputs: Mutex::default(),
    };
    let mut ends: BTreeMap<usize, Record> = BTreeMap::new();
    let mut queue = Queue::new(plan);
    let mut running = FuturesUnordered::new();
    let mut report = Report::default();
    loop {
        let stopped = *options.stop.borrow();
        while let Some(id) = queue.first() {
            let step = &plan.steps[id];
            let halted = runner.halted.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(reason) = skip_reason(plan, step, &ends, stopped, halted) {
                queue.begin(id);
                // A receiver that has gone away needs no events.
                let _ = events.send(Event::Skipped { address: step.address.clone(), reason: reason.clone() });
                ends.insert(id, Record { result: Err(Status::Skipped { reason }), made: Vec::new() });
                queue.end(id);
            } else if running.len() < options.parallelism.max(1) {
                queue.begin(id);
                running.push(runner.step(step));
            } else {
                break;
            }
        }
        let Some(Ended { id, end, made, sent }) = running.next().await else { break };
        report.calls += sent.calls;
        report.looks += sent.looks;
        let result = match end {
            StepEnd::Done => Ok(()),
            StepEnd::Stopped => Err(Status::Skipped { reason: "interrupted".to_owned() }),
            StepEnd::Failed { call, error } if error.kind == ErrorKind::Unsettled => {
                Err(Status::Unknown { call, error })
            }
            StepEnd::Failed { call, error } => Err(Status::Failed { call, error }),
        };
        ends.insert(id, Record { result, made });
        queue.end(id);
    }
    report.interrupted = *options.stop.borrow();
    report.outcomes = outcomes(plan, &ends);
    report
}

/// The steps that can be begun, and what the others still wait for: each end is told once, however many steps there
/// are.
struct Queue {
    ready: BTreeSet<usize>,
    /// How many steps each one waits for.
    left: Vec<usize>,
    /// The steps that wait for each one.
    followers: Vec<Vec<usize>>,
}

impl Queue {
    fn new(plan: &Plan) -> Self {
        let mut followers = vec![Vec::new(); plan.steps.len()];
        for step in &plan.steps {
            for before in &step.after {
                followers[*before].push(step.id);
            }
        }
        let left: Vec<usize> = plan.steps.iter().map(|step| step.after.len()).collect();
        let ready = plan.steps.iter().map(|step| step.id).filter(|id| left[*id] == 0).collect();
        Self { ready, left, followers }
    }

    /// Returns the first step in the plan's order that can be begun.
    fn first(&self) -> Option<usize> {
        self.ready.first().copied()
    }

    fn begin(&mut self, id: usize) {
        self.ready.remove(&id);
    }

    fn end(&mut self, id: usize) {
        for follower in &self.followers[id] {
            self.left[*follower] -= 1;
            if self.left[*follower] == 0 {
                self.ready.insert(*follower);
            }
        }
    }
}

fn skip_reason(
    plan: &Plan,
    step: &Step,
    ends: &BTreeMap<usize, Record>,
    stopped: bool,
    halted: Option<String>,
) -> Option<String> {
    if stopped {
        return Some("interrupted".to_owned());
    }
    if halted.is_some() {
        return halted;
    }
    let failed = step.after.iter().find(|before| ends.get(before).is_some_and(|end| end.result.is_err()))?;
    Some(format!("needs `{}`", plan.steps[*failed].address))
}

/// The outcome of a resource is the worst of its steps: unknown, failed, skipped, done. What was skipped after some
/// of its calls were made is partial: it exists, and not as the plan wants it.
fn outcomes(plan: &Plan, ends: &BTreeMap<usize, Record>) -> Vec<Outcome> {
    let weight = |status: &Status| match status {
        Status::Done => 0,
        Status::Skipped { .. } => 1,
        Status::Partial { .. } => 2,
        Status::Failed { .. } => 3,
        Status::Unknown { .. } => 4,
    };
    let mut steps_of: BTreeMap<&Address, Vec<&Step>> = BTreeMap::new();
    for step in &plan.steps {
        steps_of.entry(&step.address).or_default().push(step);
    }
    plan.changes
        .iter()
        .filter_map(|change| {
            let steps = || steps_of.get(&change.address).into_iter().flatten().copied();
            let status = steps()
                .map(|step| match ends.get(&step.id).map(|end| &end.result) {
                    Some(Ok(())) => Status::Done,
                    Some(Err(status)) => status.clone(),
                    None => Status::Skipped { reason: "not reached".to_owned() },
                })
                .max_by_key(weight)?;
            let made: Vec<Operation> =
                steps().filter_map(|step| ends.get(&step.id)).flat_map(|end| end.made.iter().copied()).collect();
            let status = match status {
                Status::Skipped { reason } if !made.is_empty() => Status::Partial { reason },
                status => status,
            };
            let planned = steps().flat_map(|step| &step.calls).map(|call| call.operation).collect();
            Some(Outcome { address: change.address.clone(), action: change.action, status, made, planned })
        })
        .collect()
}

struct Runner<'a> {
    perform: &'a dyn Perform,
    plan: &'a Plan,
    options: &'a Options,
    services: BTreeMap<&'a str, Semaphore>,
    actions: BTreeMap<&'a Address, Action>,
    events: &'a mpsc::UnboundedSender<Event>,
    budget: Budget,
    /// What this run made, and when.
    made: Mutex<BTreeMap<&'a Address, Instant>>,
    /// How often there were new credentials. Whoever asks for them holds it.
    renewed: tokio::sync::Mutex<u32>,
    /// Why no further step is begun.
    halted: Mutex<Option<String>>,
    /// What the calls so far returned, by address and name.
    outputs: Mutex<Outputs>,
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
    asked: Instant,
    waits: Waits,
}

impl Tries {
    fn new(pace: Duration) -> Self {
        Self { asked: Instant::now(), waits: Waits::new(pace) }
    }
}

/// What to do about a failed call.
enum Next {
    /// It was done.
    Done(Value),
    /// Send it again after this wait.
    Again(Duration),
    /// Nothing.
    Fail,
}

type Outputs = BTreeMap<(String, String), Value>;

impl Runner<'_> {
    async fn step(&self, step: &Step) -> Ended {
        let started = Instant::now();
        let action = self.actions.get(&step.address).copied().unwrap_or(Action::NoOp);
        let tell = |event| {
            let _ = self.events.send(event);
        };
        let address = || step.address.clone();
        tell(Event::Started { address: address(), action, phase: step.phase });
        let mut ended = Ended { id: step.id, end: StepEnd::Done, made: Vec::new(), sent: Sent::default() };
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
        if *interrupt.borrow() {
            return Ok(Attempt::Stopped);
        }
        *sent += 1;
        let signed_with = *self.renewed.lock().await;
        let answer = self.perform.perform(step.address.kind(), call).await;
        drop(permit);
        let error = match answer {
            Ok(answer) if answer.get(PENDING).is_some() => {
                let pending = self.pending(call, &answer[PENDING], tries.asked.elapsed());
                if pending.kind != ErrorKind::Propagating {
                    return Err(pending);
                }
                let delay = self.options.pace * BETWEEN_LOOKS;
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
        if !self.budget.take() {
            self.halt("too much was tried again; what is done stays done, and another run goes on from here");
            return Err(error);
        }
        self.tell_waiting(step, call, &error, delay);
        if self.pause(&mut interrupt, delay).await { Ok(Attempt::Again) } else { Err(error) }
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

    /// Decides what a failed call means: done, to be sent again, or failed.
    async fn decide(
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
            return self.settle(step, call, error, lost).await;
        }
        match waits.next(error, operation.class, self.is_young(step)) {
            Some(delay) => Next::Again(delay),
            None => Next::Fail,
        }
    }

    /// Finds out what became of a call by looking: nothing is sent before AWS had the time to do it and to show it.
    async fn settle(&self, step: &Step, call: &PlannedCall, error: &AwsError, lost: bool) -> Next {
        let mut interrupt = self.options.stop.clone();
        if lost {
            let delay = self.options.pace * SETTLE;
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
            if !self.budget.take() || !self.pause(&mut interrupt, delay).await {
                return Next::Fail;
            }
        }
    }

    /// Gets new credentials, once a run; without them the run ends here. A call that was signed before somebody else got
    /// them needs no others.
    async fn renew(&self, signed_with: u32) -> bool {
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

    fn halt(&self, reason: &str) {
        self.halted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
    }

    /// Remembers what this run made.
    fn remember(&self, step: &Step, call: &PlannedCall) {
        let makes =
            call.operation.known().effect == Effect::Creates || call.operation == Operation::CreatePolicyVersion;
        if makes && let Some(planned) = self.plan.steps.get(step.id) {
            self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(&planned.address, Instant::now());
        }
    }

    /// Tells whether a step is about something that this run made less than a minute ago, or hangs on such a thing.
    fn is_young(&self, step: &Step) -> bool {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let before = step.after.iter().filter_map(|id| self.plan.steps.get(*id)).map(|step| &step.address);
        before
            .chain([&step.address])
            .any(|address| made.get(address).is_some_and(|since| since.elapsed() < self.options.pace * YOUNG))
    }

    fn tell_waiting(&self, step: &Step, call: &PlannedCall, error: &AwsError, delay: Duration) {
        // A receiver that has gone away needs no events.
        let _ = self.events.send(Event::Waiting {
            address: step.address.clone(),
            call: call.operation,
            error: error.clone(),
            delay,
        });
    }

    /// Waits; false when the run is asked to stop meanwhile.
    async fn pause(&self, interrupt: &mut watch::Receiver<bool>, delay: Duration) -> bool {
        tokio::select! {
            biased;
            // A sender that has gone away never asks to stop: the pattern leaves the sleep as the only branch.
            Ok(_) = interrupt.wait_for(|stop| *stop) => false,
            () = tokio::time::sleep(delay) => true,
        }
    }
}

/// Puts the values that earlier calls returned in place of their placeholders.
///
/// # Errors
///
/// A value that no answer had: the call is not sent without it.
fn fill(planned: &PlannedCall, outputs: &Outputs) -> Result<PlannedCall, AwsError> {
    let missing = |of: &str, name: &str| {
        let message = format!("no earlier answer had the `{name}` of `{of}`: nothing was sent, plan again");
        AwsError::rejected(planned.operation.service(), planned.operation.name(), message)
    };
    let input = filled(&planned.input, outputs).map_err(|(of, name)| missing(&of, &name))?;
    Ok(PlannedCall { operation: planned.operation, input })
}

/// Fills a value in; else names the placeholder that nothing was there for.
fn filled(input: &Value, outputs: &Outputs) -> Result<Value, (String, String)> {
    match input {
        Value::Object(entries) => {
            let text = |key: &str| entries.get(key).and_then(Value::as_str).map(str::to_owned);
            if let (Some(of), Some(name)) = (text("$output"), text("name")) {
                let output = (of, name);
                return outputs.get(&output).filter(|value| !value.is_null()).cloned().ok_or(output);
            }
            let filled = entries.iter().map(|(key, value)| Ok((key.clone(), filled(value, outputs)?)));
            filled.collect::<Result<serde_json::Map<_, _>, _>>().map(Value::from)
        }
        Value::Array(items) => {
            items.iter().map(|item| filled(item, outputs)).collect::<Result<Vec<_>, _>>().map(Value::from)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(input.clone()),
    }
}

#[cfg(test)]
mod tests;
