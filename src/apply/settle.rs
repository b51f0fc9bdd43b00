//! After an apply: did AWS take what it acknowledged? The account is read again and planned again; whatever the second
//! plan still wants to do to a thing that the report calls done did not take.

use super::report::{Report, Status};
use crate::model::Address;
use crate::plan::Plan;

/// Lists the things that the report calls done and that a plan built from a fresh read would change again.
pub fn leftovers(report: &Report, again: &Plan) -> Vec<Address> {
    report
        .outcomes
        .iter()
        .filter(|outcome| matches!(outcome.status, Status::Done))
        .map(|outcome| &outcome.address)
        .filter(|address| again.steps.iter().any(|step| step.address == **address))
        .cloned()
        .collect()
}
