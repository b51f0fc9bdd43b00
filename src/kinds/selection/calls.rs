//! The calls that take a selection from live to desired. Pure.

use crate::model::KindId;
use crate::model::Operation;
use serde_json::{Map, Value, json};

use super::carried::SelectionCarried;
use super::{CONDITIONS, TAG_PREFIX};
use crate::kind::marks;
use crate::kind::value::{id, texts};
use crate::kind::{Calls, Desired, Live, Transition};
use crate::kinds::expect::expecting_reference;
use crate::kinds::input::without_empty;
use crate::model::Address;
use crate::model::call::output;
use crate::model::{Action, PlannedCall};

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    Calls { looks: plan_look(transition).into_iter().collect(), ..changes(transition) }
}

/// Looks whether the plan that a selection is put into, or taken out of, is still whose it was. A selection has an id
/// of its own, and no marks.
fn plan_look(transition: &Transition<'_>) -> Option<PlannedCall> {
    let own = transition.live.map(|live| id(live, "BackupPlanId"));
    let plan = Address::new(KindId::Plan, transition.address.parent_key().unwrap_or_default());
    let (address, plan) = transition.neighbours.iter().find(|(address, live)| {
        address.kind() == KindId::Plan && (own == Some(id(live, "BackupPlanId")) || own.is_none() && **address == plan)
    })?;
    let input = json!({ "ResourceArn": id(plan, "Arn") });
    (!transition.replaced.contains(address))
        .then(|| expecting_reference(Operation::ListTags, input, plan, &[], transition.scope))
}

fn changes(transition: &Transition<'_>) -> Calls {
    match transition.action {
        Action::Create => create(transition),
        // Create first, delete after: never a moment without protection.
        Action::Replace => Calls { remove: transition.live.map(delete).unwrap_or_default(), ..create(transition) },
        Action::Delete => Calls { remove: transition.live.map(delete).unwrap_or_default(), ..Calls::default() },
        // A selection has no tags to mark it with and no call that changes it.
        Action::Adopt | Action::Update | Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

fn create(transition: &Transition<'_>) -> Calls {
    let Some(desired) = transition.desired else { return Calls::default() };
    let plan = Address::new(KindId::Plan, desired.address.parent_key().unwrap_or_default());
    let live_plan = transition.neighbours.get(&plan).map(|plan| id(plan, "BackupPlanId"));
    let plan_id = match live_plan {
        Some(id) if !transition.replaced.contains(&plan) => json!(id),
        _ => output(&plan, "BackupPlanId"),
    };
    // AWS answers a known token with the selection that it made: other content, or a replaced plan, needs another
    // token.
    let replaced_plan = live_plan.filter(|_| transition.replaced.contains(&plan)).unwrap_or_default();
    let mut selection = selection(desired);
    let carried = transition.live.and_then(|live| live.carried.get::<SelectionCarried>());
    let dropped = carried.map(|carried| carried.unmodelled.put_into(&mut selection)).unwrap_or_default();
    let content = format!("{}\n{selection}\n{replaced_plan}", desired.address);
    let input = json!({
        "BackupPlanId": plan_id,
        "BackupSelection": selection,
        "CreatorRequestId": marks::creator_request_id(transition.scope, 's', &desired.name, &content),
    });
    Calls { ensure: vec![PlannedCall::new(Operation::CreateBackupSelection, input)], dropped, ..Calls::default() }
}

fn selection(desired: &Desired) -> Value {
    let fields = &desired.fields;
    let list = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let tags = |name: &str, prefix: &str| -> Vec<(String, String)> {
        let items = fields.get(name).map(texts).unwrap_or_default();
        items
            .into_iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (format!("{prefix}{key}"), value.to_owned()))
            .collect()
    };
    let any: Vec<Value> = tags("any", "")
        .into_iter()
        .map(|(key, value)| json!({ "ConditionType": "STRINGEQUALS", "ConditionKey": key, "ConditionValue": value }))
        .collect();
    let conditions: Map<String, Value> = CONDITIONS
        .iter()
        .map(|(field, member)| {
            let pairs = tags(field, TAG_PREFIX).into_iter();
            let pairs = pairs.map(|(key, value)| json!({ "ConditionKey": key, "ConditionValue": value }));
            ((*member).to_owned(), pairs.collect::<Value>())
        })
        .collect();
    without_empty(json!({
        "SelectionName": desired.name,
        "IamRoleArn": fields.get("role"),
        "Resources": list("arns"),
        "NotResources": list("not_arns"),
        "ListOfTags": any,
        "Conditions": without_empty(conditions.into()),
    }))
}

fn delete(live: &Live) -> Vec<PlannedCall> {
    let input = json!({ "BackupPlanId": id(live, "BackupPlanId"), "SelectionId": id(live, "SelectionId") });
    vec![PlannedCall::new(Operation::DeleteBackupSelection, input)]
}
