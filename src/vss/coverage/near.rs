//! Slips in tags: an instance that a plan would select if one tag were written as the plan wants it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Lacks;
use crate::kind::slip;
use crate::vss::evidence::{Instance, Plan};

/// A tag that looks like one that a plan asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NearMiss {
    /// The plan's name.
    pub plan: String,
    /// The selection's name.
    pub selection: String,
    /// The tag that it wants, `key=value`.
    pub wanted: String,
    /// The tag that is there.
    pub found: String,
}

/// Finds the tags of an instance that are nearly what a plan with VSS asks for.
pub(super) fn near_misses(plans: &[Plan], instance: &Instance) -> Vec<NearMiss> {
    let mut found = Vec::new();
    for plan in plans.iter().filter(|plan| plan.windows_vss) {
        for selection in plan.selections.known().into_iter().flatten() {
            let exact = selection.conditions.like.iter().filter(|(_, pattern)| !pattern.contains('*'));
            let wanted = selection.list_of_tags.iter().chain(&selection.conditions.equals).chain(exact);
            for (key, value) in wanted {
                // An instance that has the wanted tag misses the plan for another reason.
                if instance.tags.get(key) == Some(value) {
                    continue;
                }
                let slips = instance.tags.iter().filter(|(name, text)| slip::is_near(key, value, name, text));
                found.extend(slips.map(|(name, text)| NearMiss {
                    plan: plan.name.clone(),
                    selection: selection.name.clone(),
                    wanted: format!("{key}={value}"),
                    found: format!("{name}={text}"),
                }));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Finds the tags that an instance lacks for the first selection of a plan with VSS that asks for tags.
pub(super) fn lacks(plans: &[Plan], instance: &Instance) -> Option<Lacks> {
    let has = |(key, value): &&(String, String)| instance.tags.get(key) == Some(value);
    let written = |(key, value): &(String, String)| format!("{key}={value}");
    plans.iter().filter(|plan| plan.windows_vss).find_map(|plan| {
        plan.selections.known().into_iter().flatten().find_map(|selection| {
            let all = selection.conditions.equals.iter().filter(|tag| !has(tag)).map(written);
            let any = &selection.list_of_tags;
            // One tag of the list is enough.
            let one = any.first().filter(|_| !any.iter().any(|tag| has(&tag))).map(written);
            let tags: Vec<String> = all.chain(one).collect();
            (!tags.is_empty()).then(|| Lacks { selection: format!("{}/{}", plan.name, selection.name), tags })
        })
    })
}
