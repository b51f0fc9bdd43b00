//! The calls that take a restore testing plan and its selections from live to desired. Pure.

use serde_json::{Value, json};

use super::{EC2, shape};
use crate::kind::value::{id, pairs, text};
use crate::kind::{Calls, Desired, Fields, Live, Transition, marks};
use crate::kinds::delta::{Delta, all_tags};
use crate::kinds::expect::{expecting, expecting_id};
use crate::kinds::input::{tag_map, without_empty};
use crate::kinds::vault::calls::backup_tags;
use crate::model::{Action, Operation, PlannedCall};

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    Calls { looks: transition.live.map(|live| looks(live, transition)).unwrap_or_default(), ..changes(transition) }
}

/// Looks whether the plan is the one that was read. Once it is deleted, anybody can make another one of its
/// name; its ARN ends with an id.
fn looks(live: &Live, transition: &Transition<'_>) -> Vec<PlannedCall> {
    let named = json!({ "RestoreTestingPlanName": live.name });
    let tagged = json!({ "ResourceArn": id(live, "Arn") });
    vec![
        expecting_id(Operation::GetRestoreTestingPlan, named, live, &["Arn"]),
        expecting(Operation::ListTags, tagged, live, &[], transition.marks),
    ]
}

fn changes(transition: &Transition<'_>) -> Calls {
    match transition.action {
        Action::Create => Calls { ensure: create(transition), ..Calls::default() },
        Action::Adopt => Calls { ensure: backup_tags(&Delta::of(transition), "Arn"), ..Calls::default() },
        Action::Update => update(transition),
        // The name is taken while the old plan stands.
        Action::Replace => Calls {
            release: transition.live.map(delete).unwrap_or_default(),
            ensure: create(transition),
            ..Calls::default()
        },
        Action::Delete => Calls { remove: transition.live.map(delete).unwrap_or_default(), ..Calls::default() },
        Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

fn create(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(desired) = transition.desired else { return Vec::new() };
    let mut plan = shape::plan_structure(&desired.fields);
    plan["RestoreTestingPlanName"] = json!(desired.name);
    let address = desired.address.to_string();
    let input = json!({
        "CreatorRequestId": marks::creator_request_id(transition.scope, 't', &desired.name, &address),
        "RestoreTestingPlan": plan,
        "Tags": tag_map(&all_tags(transition)),
    });
    let mut calls = vec![PlannedCall::new(Operation::CreateRestoreTestingPlan, without_empty(input))];
    for (name, selection) in selections(&desired.fields) {
        calls.push(create_selection(transition, desired, name, selection));
    }
    calls
}

/// Returns the selections of either side by name.
fn selections(fields: &Fields) -> impl Iterator<Item = (&String, &Value)> {
    fields.get("selection").into_iter().flat_map(pairs)
}

fn create_selection(transition: &Transition<'_>, desired: &Desired, name: &str, selection: &Value) -> PlannedCall {
    let fields = shape::merged(&Value::Null, selection);
    let mut structure = shape::selection_structure(&fields, !text(&fields, "overrides").is_empty());
    structure["RestoreTestingSelectionName"] = json!(name);
    structure["ProtectedResourceType"] = json!(EC2);
    let content = format!("{}\n{name}\n{structure}", desired.address);
    let input = json!({
        "CreatorRequestId": marks::creator_request_id(transition.scope, 'u', name, &content),
        "RestoreTestingPlanName": desired.name,
        "RestoreTestingSelection": structure,
    });
    PlannedCall::new(Operation::CreateRestoreTestingSelection, input)
}

fn update(transition: &Transition<'_>) -> Calls {
    let (Some(desired), Some(live)) = (transition.desired, transition.live) else { return Calls::default() };
    let delta = Delta::of(transition);
    // The mark comes first: what follows is done to what is ours, wherever the run ends.
    let mut calls = Calls { ensure: backup_tags(&delta, "Arn"), ..Calls::default() };
    if delta.changes_any(&["schedule", "timezone", "start_window", "recovery_point_selection"]) {
        let mut fields: Fields = ["schedule", "timezone", "start_window"]
            .into_iter()
            .map(|name| (name.to_owned(), delta.wanted(name).clone()))
            .collect();
        let points = "recovery_point_selection";
        let merged = shape::merged(delta.live(points), delta.desired(points));
        fields.insert(points.to_owned(), merged.into());
        let input = json!({
            "RestoreTestingPlanName": live.name,
            "RestoreTestingPlan": shape::plan_structure(&fields),
        });
        calls.ensure.push(PlannedCall::new(Operation::UpdateRestoreTestingPlan, input));
    }
    let live_selections = live.fields.get("selection").unwrap_or(&Value::Null);
    for (name, selection) in selections(&desired.fields) {
        let old = &live_selections[name.as_str()];
        if old.is_null() {
            calls.ensure.push(create_selection(transition, desired, name, selection));
        } else if delta.changes(&format!("selection.{name}.resource_type")) {
            calls.ensure.push(delete_selection(&live.name, name));
            calls.ensure.push(create_selection(transition, desired, name, selection));
        } else if delta.changes(&format!("selection.{name}")) {
            let declares_overrides = selection.get("overrides").is_some();
            let input = json!({
                "RestoreTestingPlanName": live.name,
                "RestoreTestingSelectionName": name,
                "RestoreTestingSelection":
                    shape::selection_structure(&shape::merged(old, selection), declares_overrides),
            });
            calls.ensure.push(PlannedCall::new(Operation::UpdateRestoreTestingSelection, input));
        }
    }
    if desired.fields.contains_key("selection") {
        let kept = desired.fields["selection"].as_object();
        let gone = pairs(live_selections).filter(|(name, _)| kept.is_none_or(|kept| !kept.contains_key(*name)));
        calls.remove = gone.map(|(name, _)| delete_selection(&live.name, name)).collect();
    }
    calls
}

/// Deletes a plan: its selections go first, as AWS deletes none that has some.
fn delete(live: &Live) -> Vec<PlannedCall> {
    let selections = selections(&live.fields).map(|(name, _)| delete_selection(&live.name, name));
    let plan = json!({ "RestoreTestingPlanName": live.name });
    selections.chain([PlannedCall::new(Operation::DeleteRestoreTestingPlan, plan)]).collect()
}

fn delete_selection(plan: &str, name: &str) -> PlannedCall {
    let input = json!({ "RestoreTestingPlanName": plan, "RestoreTestingSelectionName": name });
    PlannedCall::new(Operation::DeleteRestoreTestingSelection, input)
}
