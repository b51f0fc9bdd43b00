//! The calls that take a restore testing plan and its selections from live to desired. Pure.

use serde_json::{Value, json};

use super::{EC2, RestoreTestCarried, shape};
use crate::kind::value::{id, pairs, text};
use crate::kind::{Calls, Fields, Live, Transition, marks};
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
        Action::Create => create(transition),
        Action::Adopt => Calls { ensure: backup_tags(&Delta::of(transition), "Arn"), ..Calls::default() },
        Action::Update => update(transition),
        // The name is taken while the old plan stands.
        Action::Replace => Calls { release: transition.live.map(delete).unwrap_or_default(), ..create(transition) },
        Action::Delete => Calls { remove: transition.live.map(delete).unwrap_or_default(), ..Calls::default() },
        Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

fn create(transition: &Transition<'_>) -> Calls {
    let Some(desired) = transition.desired else { return Calls::default() };
    let mut plan = shape::plan_structure(&desired.fields);
    plan["RestoreTestingPlanName"] = json!(desired.name);
    let dropped = carried(transition).plan.put_into(&mut plan);
    let address = desired.address.to_string();
    let input = json!({
        "CreatorRequestId": marks::creator_request_id(transition.scope, 't', &desired.name, &address),
        "RestoreTestingPlan": plan,
        "Tags": tag_map(&all_tags(transition)),
    });
    let first = PlannedCall::new(Operation::CreateRestoreTestingPlan, without_empty(input));
    let mut calls = Calls { ensure: vec![first], dropped, ..Calls::default() };
    for (name, selection) in selections(&desired.fields) {
        create_selection(&mut calls, transition, name, selection);
    }
    calls
}

/// Returns the selections of either side by name.
fn selections(fields: &Fields) -> impl Iterator<Item = (&String, &Value)> {
    fields.get("selection").into_iter().flat_map(pairs)
}

/// Returns what AWS has of a live plan and vssctl has no name for.
fn carried(transition: &Transition<'_>) -> RestoreTestCarried {
    transition.live.and_then(|live| live.carried.get()).cloned().unwrap_or_default()
}

/// Puts what vssctl has no name for into a structure of a selection; what has no place in it is noted.
fn complete(calls: &mut Calls, transition: &Transition<'_>, name: &str, structure: &mut Value) {
    let unmodelled = carried(transition).selections.remove(name).unwrap_or_default();
    calls.dropped.extend(unmodelled.put_into(structure));
}

fn create_selection(calls: &mut Calls, transition: &Transition<'_>, name: &str, selection: &Value) {
    let Some(desired) = transition.desired else { return };
    let fields = shape::merged(&Value::Null, selection);
    let mut structure = shape::selection_structure(&fields, !text(&fields, "overrides").is_empty());
    structure["RestoreTestingSelectionName"] = json!(name);
    structure["ProtectedResourceType"] = json!(EC2);
    complete(calls, transition, name, &mut structure);
    let content = format!("{}\n{name}\n{structure}", desired.address);
    let input = json!({
        "CreatorRequestId": marks::creator_request_id(transition.scope, 'u', name, &content),
        "RestoreTestingPlanName": desired.name,
        "RestoreTestingSelection": structure,
    });
    calls.ensure.push(PlannedCall::new(Operation::CreateRestoreTestingSelection, input));
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
        let mut plan = shape::plan_structure(&fields);
        calls.dropped.extend(carried(transition).plan.put_into(&mut plan));
        let input = json!({ "RestoreTestingPlanName": live.name, "RestoreTestingPlan": plan });
        calls.ensure.push(PlannedCall::new(Operation::UpdateRestoreTestingPlan, input));
    }
    let live_selections = live.fields.get("selection").unwrap_or(&Value::Null);
    for (name, selection) in selections(&desired.fields) {
        let old = &live_selections[name.as_str()];
        if old.is_null() {
            create_selection(&mut calls, transition, name, selection);
        } else if delta.changes(&format!("selection.{name}.resource_type")) {
            calls.ensure.push(delete_selection(&live.name, name));
            create_selection(&mut calls, transition, name, selection);
        } else if delta.changes(&format!("selection.{name}")) {
            let declares_overrides = selection.get("overrides").is_some();
            let mut structure = shape::selection_structure(&shape::merged(old, selection), declares_overrides);
            complete(&mut calls, transition, name, &mut structure);
            let input = json!({
                "RestoreTestingPlanName": live.name,
                "RestoreTestingSelectionName": name,
                "RestoreTestingSelection": structure,
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
