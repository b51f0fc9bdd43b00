//! What became of each resource of a plan.

use std::collections::BTreeMap;

use crate::apply::report::{Outcome, Status};
use crate::model::{Address, Operation};
use crate::plan::{Plan, Step};

/// Whether and how far a step was made.
pub(super) struct Record {
    pub(super) result: Result<(), Status>,
    pub(super) made: Vec<Operation>,
}

/// The outcome of a resource is the worst of its steps: unknown, failed, skipped, done. What was skipped after some
/// of its calls were made is partial: it exists, and not as the plan wants it.
pub(super) fn outcomes(plan: &Plan, ends: &BTreeMap<usize, Record>) -> Vec<Outcome> {
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
