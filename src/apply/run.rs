//! The executor: a ready queue over the plan's steps.

mod answer;
mod fill;
mod outcomes;
mod queue;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;

use self::outcomes::{Record, outcomes};
use self::queue::Queue;
use self::step::{Ended, Runner, StepEnd};
use super::perform::Perform;
use super::report::{Event, Link, Report, Status};
use crate::aws::ErrorKind;
use crate::model::{Action, Address};
use crate::plan::{Plan, Step};

/// How a plan is carried out.
#[derive(Debug)]
pub struct Options {
    /// How many calls are in flight at once. Of each service so many steps are under way: what waits for the rate of
    /// one service keeps no other waiting.
    pub parallelism: usize,
    /// The unit of all waiting: half a second against AWS, which makes the longest wait two minutes.
    pub pace: Duration,
    /// Becomes true when the run should stop: calls in flight are finished, no other is sent.
    pub stop: watch::Receiver<bool>,
    /// When the reading began that the plan was built from.
    pub read: Instant,
}

/// How many calls a service gets at once: AWS answers concurrent changes of IAM with `ConcurrentModification`, and
/// allows AWS Backup five a second.
fn service_limit(service: &str) -> usize {
    match service {
        "iam" => 4,
        _ => 2,
    }
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
        in_flight: Semaphore::new(options.parallelism.max(1)),
        actions,
        events,
        made: Mutex::default(),
        renewed: tokio::sync::Mutex::default(),
        halted: Mutex::default(),
        outputs: Mutex::default(),
    };
    let mut ends: BTreeMap<usize, Record> = BTreeMap::new();
    let mut spans: BTreeMap<usize, (Instant, Instant)> = BTreeMap::new();
    let mut queue = Queue::new(plan);
    let mut running = FuturesUnordered::new();
    let mut report = Report::default();
    // How many steps are under way, by the service of their first calls.
    let mut busy: BTreeMap<&str, usize> = BTreeMap::new();
    loop {
        let stopped = *options.stop.borrow();
        let halted = runner.halted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let skips = |id: usize, ends: &_| skip_reason(plan, &plan.steps[id], ends, stopped, halted.clone());
        let has_room = |id: usize, busy: &BTreeMap<&str, usize>| match options.parallelism {
            // One step after the other, in the plan's order.
            0 | 1 => busy.values().all(|steps| *steps == 0),
            most => busy.get(service(&plan.steps[id])).is_none_or(|steps| *steps < most),
        };
        while let Some(id) = queue.first(|id| has_room(id, &busy) || skips(id, &ends).is_some()) {
            let step = &plan.steps[id];
            if let Some(reason) = skips(id, &ends) {
                queue.begin(id);
                // A receiver that has gone away needs no events.
                let _ = events.send(Event::Skipped { address: step.address.clone(), reason: reason.clone() });
                ends.insert(id, Record { result: Err(Status::Skipped { reason }), made: Vec::new() });
                queue.end(id);
            } else {
                queue.begin(id);
                *busy.entry(service(step)).or_default() += 1;
                running.push(runner.step(step));
            }
        }
        let Some(Ended { id, began, end, made, sent }) = running.next().await else { break };
        busy.entry(service(&plan.steps[id])).and_modify(|steps| *steps -= 1);
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
        spans.insert(id, (began, Instant::now()));
        queue.end(id);
    }
    report.critical = critical(plan, &spans);
    report.interrupted = *options.stop.borrow();
    report.outcomes = outcomes(plan, &ends);
    report
}

/// Returns the service of a step's first call.
fn service(step: &Step) -> &'static str {
    step.calls.first().map_or("", |call| call.operation.service())
}

/// Finds the critical path: from the step that ended last, back through what each had to wait for the longest.
fn critical(plan: &Plan, spans: &BTreeMap<usize, (Instant, Instant)>) -> Vec<Link> {
    let ended = |id: &usize| spans.get(id).map(|span| span.1);
    let mut chain = Vec::new();
    let mut next = spans.keys().copied().max_by_key(ended);
    while let Some((step, (began, end))) = next.and_then(|id| Some((plan.steps.get(id)?, spans.get(&id)?))) {
        chain.push(Link { address: step.address.clone(), took: end.duration_since(*began) });
        next = step.after.iter().filter(|id| spans.contains_key(*id)).max_by_key(|id| ended(id)).copied();
    }
    chain.reverse();
    chain
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
