//! The progress of an apply: one line when a resource is begun, one when it is done, and one for each error in between.

use crate::model::Operation;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::layout::{ADD, BOLD, CHANGE, REMOVE};
use super::report::{error_json, sentence};
use crate::apply::Event;
use crate::aws::Pace;
use crate::model::Action;
use crate::model::safe::escaped;
use crate::model::{Address, Phase};
use crate::plan::Plan;

/// Turns events into lines. A resource may have several steps; people read of the begin of the first and the end of the
/// last.
#[derive(Debug)]
pub struct Progress {
    left: BTreeMap<Address, usize>,
    /// How many calls each step makes of each service, as long as it is not done.
    calls: BTreeMap<(Address, Phase), BTreeMap<&'static str, usize>>,
    elapsed: BTreeMap<Address, Duration>,
    running: BTreeSet<Address>,
    /// What each resource waits for: a wait is told of once, however often the call is tried.
    waiting: BTreeMap<Address, (Operation, String)>,
    total: usize,
}

impl Progress {
    /// Counts the steps of a plan.
    pub fn new(plan: &Plan) -> Self {
        let mut left = BTreeMap::new();
        let mut calls: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
        for step in &plan.steps {
            let of_step = calls.entry((step.address.clone(), step.phase)).or_default();
            for call in &step.calls {
                *of_step.entry(call.operation.service()).or_default() += 1;
            }
            *left.entry(step.address.clone()).or_insert(0) += 1;
        }
        Self {
            total: left.len(),
            left,
            calls,
            elapsed: BTreeMap::new(),
            running: BTreeSet::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Returns the line of an event, where it has one.
    pub fn line(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Started { address, action, phase: _ } => {
                let first = !self.elapsed.contains_key(address);
                self.elapsed.entry(address.clone()).or_default();
                self.running.insert(address.clone());
                first.then(|| format!("{BOLD}{address}{BOLD:#}: {}...", words(*action).0))
            }
            Event::Waiting { address, call, error, delay: _ } => {
                let what = escaped(&error.code.clone().unwrap_or_else(|| error.reason()));
                let line = format!("{BOLD}{address}{BOLD:#}: {CHANGE}waiting{CHANGE:#} for {call} ({what})");
                let wait = (*call, what);
                let before = self.waiting.insert(address.clone(), wait.clone());
                (before != Some(wait)).then_some(line)
            }
            Event::Done { address, action, phase, elapsed } => {
                self.calls.remove(&(address.clone(), *phase));
                let total = self.elapsed.entry(address.clone()).or_default();
                *total += *elapsed;
                let total = *total;
                self.running.remove(address);
                self.waiting.remove(address);
                let left = self.left.get_mut(address)?;
                *left = left.saturating_sub(1);
                let done = *left == 0;
                done.then(|| format!("{BOLD}{address}{BOLD:#}: {ADD}{}{ADD:#} ({})", words(*action).1, seconds(total)))
            }
            Event::Failed { address, call, error } => {
                self.running.remove(address);
                Some(format!("{BOLD}{address}{BOLD:#}: {REMOVE}failed{REMOVE:#}: {}", sentence(call.action(), error)))
            }
            Event::Stopped { address, made, of } => {
                self.running.remove(address);
                Some(format!("{BOLD}{address}{BOLD:#}: {CHANGE}stopped{CHANGE:#} after {made} of {of} calls"))
            }
            Event::Skipped { address, reason } => {
                Some(format!("{BOLD}{address}{BOLD:#}: {CHANGE}skipped{CHANGE:#}: {}", escaped(reason)))
            }
        }
    }

    /// Returns how many calls of a service are still to be made.
    pub fn calls_left(&self, service: &str) -> usize {
        let steps = self.calls.iter().filter(|((address, _), _)| self.left.get(address).is_some_and(|left| *left > 0));
        steps.filter_map(|(_, calls)| calls.get(service)).sum()
    }

    /// Returns what is under way, for a status line.
    pub fn status(&self) -> String {
        let running: Vec<String> = self.running.iter().map(ToString::to_string).collect();
        format!("{} {}", self.count(), running.join(", "))
    }

    /// Returns how many resources are done, and of how many, such as `3/8`.
    pub fn count(&self) -> String {
        let done = self.left.values().filter(|left| **left == 0).count();
        format!("{done}/{}", self.total)
    }
}

/// Returns for programs where AWS sets the pace.
pub fn paced(pace: &Pace) -> Value {
    json!({
        "type": "paced", "service": pace.service, "calls": pace.category.word(), "per_second": pace.rate,
        "waiting": pace.waiting, "seconds_left": pace.left().as_secs_f64(),
    })
}

/// Returns an event for programs.
pub fn event(event: &Event) -> Value {
    match event {
        Event::Started { address, action, phase } => {
            json!({ "type": "started", "address": address, "action": action, "phase": phase })
        }
        Event::Waiting { address, call, error, delay } => {
            let (seconds, error) = (delay.as_secs_f64(), error_json(error));
            json!({ "type": "waiting", "address": address, "call": call, "seconds": seconds, "error": error })
        }
        Event::Done { address, action, phase, elapsed } => {
            let seconds = elapsed.as_secs_f64();
            json!({ "type": "done", "address": address, "action": action, "phase": phase, "seconds": seconds })
        }
        Event::Failed { address, call, error } => {
            json!({ "type": "failed", "address": address, "call": call, "error": error_json(error) })
        }
        Event::Stopped { address, made, of } => {
            json!({ "type": "stopped", "address": address, "made": made, "of": of })
        }
        Event::Skipped { address, reason } => json!({ "type": "skipped", "address": address, "reason": reason }),
    }
}

/// Returns how an action is called while it runs, and once it is done.
fn words(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Create => ("creating", "created"),
        Action::Adopt => ("adopting", "adopted"),
        Action::Update => ("changing", "changed"),
        Action::Replace => ("replacing", "replaced"),
        Action::Delete => ("destroying", "destroyed"),
        // These actions have no steps.
        Action::NoOp | Action::Unknown | Action::Refused => ("looking", "looked at"),
    }
}

/// Returns a duration for people: `0.3s`, `12.0s`, `3m05s`.
fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole >= 60 { format!("{}m{:02}s", whole / 60, whole % 60) } else { format!("{:.1}s", duration.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsError;
    use crate::model::KindId;

    #[test]
    fn a_wait_is_told_of_once_however_often_the_call_is_tried() {
        let address = Address::new(KindId::Selection, "daily.windows");
        let mut progress = Progress {
            left: BTreeMap::from([(address.clone(), 2)]),
            calls: BTreeMap::new(),
            elapsed: BTreeMap::new(),
            running: BTreeSet::new(),
            waiting: BTreeMap::new(),
            total: 1,
        };
        let waiting = |call: Operation| Event::Waiting {
            address: address.clone(),
            call,
            error: AwsError::unsettled("backup", call.name(), "not yet"),
            delay: Duration::from_secs(1),
        };
        let told = [Operation::CreateBackupPlan, Operation::CreateBackupPlan, Operation::TagResource]
            .map(|call| progress.line(&waiting(call)).is_some());
        assert_eq!(told, [true, false, true]);
        let (action, phase, elapsed) = (Action::Create, Phase::Ensure, Duration::ZERO);
        progress.line(&Event::Done { address: address.clone(), action, phase, elapsed });
        assert!(progress.line(&waiting(Operation::TagResource)).is_some());
    }
}
