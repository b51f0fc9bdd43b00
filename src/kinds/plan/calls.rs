//! The calls that take a backup plan from live to desired. Pure.

use super::carried::PlanCarried;
use crate::model::Operation;
use serde_json::{Value, json};

use super::{api, document};
use crate::kind::value::id;
use crate::kind::{Calls, Live, Transition};
use crate::kinds::delta::{Delta, all_tags};
use crate::kinds::expect::{expecting, expecting_id};
use crate::kinds::input::{tag_map, without_empty};
use crate::kinds::vault::calls::backup_tags;
use crate::model::{Action, PlannedCall};

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    let looks = |live: &Live| {
        let input = json!({ "ResourceArn": id(live, "Arn") });
        // AWS never gives the id of a plan to another one, but anybody can change its tags.
        let mut looks = vec![expecting(Operation::ListTags, input, live, &[], transition.marks)];
        if transition.action == Action::Update {
            // An update sends the whole plan: what somebody else changed since it was read would be undone.
            let input = json!({ "BackupPlanId": id(live, "BackupPlanId") });
            looks.push(expecting_id(Operation::GetBackupPlan, input, live, &["VersionId"]));
        }
        looks
    };
    Calls { looks: transition.live.map(looks).unwrap_or_default(), ..changes(transition) }
}

fn changes(transition: &Transition<'_>) -> Calls {
    match transition.action {
        Action::Create => Calls { ensure: create(transition), ..Calls::default() },
        Action::Adopt => Calls { ensure: backup_tags(&Delta::of(transition), "Arn"), ..Calls::default() },
        Action::Update => Calls { ensure: update(transition), ..Calls::default() },
        // Create first: the old plan protects until the new one does.
        Action::Replace => Calls {
            ensure: create(transition),
            remove: transition.live.map(delete).unwrap_or_default(),
            ..Calls::default()
        },
        Action::Delete => Calls { remove: transition.live.map(delete).unwrap_or_default(), ..Calls::default() },
        Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

fn create(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(desired) = transition.desired else { return Vec::new() };
    let carried = transition.live.and_then(|live| live.carried.get()).map_or(&Value::Null, |PlanCarried(plan)| plan);
    let input = json!({
        "BackupPlan": document::overlay(carried, &desired.name, &desired.fields),
        "BackupPlanTags": tag_map(&all_tags(transition)),
        "CreatorRequestId": api::token(transition.scope, desired),
    });
    vec![PlannedCall::new(Operation::CreateBackupPlan, without_empty(input))]
}

fn update(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let (Some(desired), Some(live)) = (transition.desired, transition.live) else { return Vec::new() };
    let delta = Delta::of(transition);
    // The mark comes first: what follows is done to what is ours, wherever the run ends.
    let mut calls = backup_tags(&delta, "Arn");
    let carried = live.carried.get().map_or(&Value::Null, |PlanCarried(plan)| plan);
    if delta.changes_any(&["windows_vss", "rule"]) {
        let input = json!({
            "BackupPlanId": id(live, "BackupPlanId"),
            "BackupPlan": document::overlay(carried, &live.name, &desired.fields),
        });
        calls.push(PlannedCall::new(Operation::UpdateBackupPlan, input));
    }
    calls
}

fn delete(live: &Live) -> Vec<PlannedCall> {
    vec![PlannedCall::new(Operation::DeleteBackupPlan, json!({ "BackupPlanId": id(live, "BackupPlanId") }))]
}
