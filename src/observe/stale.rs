//! What a plan's calls may make out of date of all that was read.

use std::collections::{BTreeMap, BTreeSet};

use super::LiveAccount;
use crate::aws::Stale;
use crate::kind::Found;
use crate::model::{Address, Operation, PlannedCall};
use crate::plan::Plan;

/// How many resources are few: their tags are read one by one, in place of an index of all.
const FEW: usize = 4;

/// The ARNs of what was found.
pub type Arns = BTreeMap<Address, String>;

/// Returns the ARNs of what was found for the entries of the file.
pub fn arns(live: &LiveAccount) -> Arns {
    let found = live.kinds.iter().flat_map(|(_, kind)| &kind.found);
    let arn = |found: &Found| match found {
        Found::Live(live) => live.ids.get("Arn").cloned(),
        Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
    };
    found.filter_map(|(address, found)| Some((address.clone(), arn(found)?))).collect()
}

/// Names what the calls of a plan may make out of date, and what they would find out of date if somebody else had just
/// written.
pub fn stale(plan: &Plan, arns: &Arns) -> Stale {
    let calls = || plan.steps.iter().flat_map(|step| &step.calls);
    // An update of a plan leaves its selections as they are.
    let is_about_selections = |call: &&PlannedCall| call.operation != Operation::UpdateBackupPlan;
    let plans = calls().filter(is_about_selections).filter_map(|call| call.input["BackupPlanId"].as_str());
    let changed: BTreeSet<&Address> = plan.steps.iter().map(|step| &step.address).collect();
    let arn = |address: &Address| arns.get(address).cloned();
    Stale {
        services: calls().map(|call| call.operation.service()).collect(),
        arns: (changed.len() <= FEW).then(|| changed.into_iter().map(arn).collect()).flatten(),
        plans: plans.map(str::to_owned).collect(),
    }
}
