//! An independent look at a finished plan: what must hold for any plan, however it was built. `apply` refuses a plan
//! that fails here; the planner shares no code with it.

use crate::model::KindId;
use crate::model::Operation;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Plan, Step};
use crate::kind::{Found, KindLive, Live};
use crate::model::Address;
use crate::model::call::UNTIL;
use crate::model::operation::{Effect, Object};
use crate::model::{Action, Phase, PlannedCall};

/// Lists what is wrong with a plan; empty for a sound one. `live` is what the plan was built from.
pub fn violations(plan: &Plan, live: &[(KindId, KindLive)]) -> Vec<String> {
    let mut found = Vec::new();
    let actions: BTreeMap<&Address, Action> =
        plan.changes.iter().map(|change| (&change.address, change.action)).collect();
    if actions.len() != plan.changes.len() {
        found.push("an address stands twice in the plan".to_owned());
    }
    let stepped: BTreeSet<&Address> = plan.steps.iter().map(|step| &step.address).collect();
    for change in &plan.changes {
        let acts = !matches!(change.action, Action::NoOp | Action::Unknown | Action::Refused);
        if acts != stepped.contains(&change.address) {
            found.push(format!(
                "`{}` is {:?} and {} steps",
                change.address,
                change.action,
                if acts { "has no" } else { "has" }
            ));
        }
    }
    let mut ancestors: Vec<BTreeSet<usize>> = Vec::with_capacity(plan.steps.len());
    for (index, step) in plan.steps.iter().enumerate() {
        if step.id != index || step.after.iter().any(|id| *id >= index) {
            found.push(format!("step {} is out of order", step.id));
            return found;
        }
        let before: BTreeSet<usize> =
            step.after.iter().flat_map(|id| ancestors[*id].iter().copied().chain([*id])).collect();
        // Whoever consents is told how long it lasts.
        for note in step.hazards.iter().filter(|note| !note.why.contains(", until ")) {
            found.push(format!("`{}` at `{}` does not say until when", note.hazard, step.address));
        }
        let action = actions.get(&step.address).copied();
        for (place, call) in step.calls.iter().enumerate() {
            // A call that waits for a command comes after the call that sends it.
            let waits = call.input.get(UNTIL).is_some() && call.operation == Operation::GetCommandInvocation;
            if waits && !step.calls[..place].iter().any(|earlier| earlier.operation == Operation::SendCommand) {
                found.push(format!("`{}` waits for a command that nothing sends", call.operation));
            }
            check_call(plan, step.phase, action, call, &mut found);
            // A name may become free and be taken by something else: a call that writes to a name looks first, unless
            // the plan itself makes what has the name.
            let makes = |step: &Step| step.calls.iter().any(|call| call.operation.known().effect == Effect::Creates);
            let is_new = makes(step)
                || before
                    .iter()
                    .map(|id| &plan.steps[*id])
                    .any(|earlier| earlier.address == step.address && makes(earlier));
            if call.operation.known().by_name && !is_new && step.looks.is_empty() {
                found.push(format!("`{}` writes to what nobody looks at first", call.operation));
            }
            found.extend(keeps(live, &actions, &step.address, call));
            let mut outputs = Vec::new();
            collect_outputs(&call.input, &mut outputs);
            for of in outputs {
                let known =
                    before.iter().any(|id| plan.steps[*id].address.to_string() == of) || step.address.to_string() == of;
                if !known {
                    found.push(format!(
                        "step {} ({}) uses an output of `{of}`, which no earlier step gives",
                        step.id, step.address
                    ));
                }
            }
        }
        ancestors.push(before);
    }
    found
}

fn check_call(plan: &Plan, phase: Phase, action: Option<Action>, call: &PlannedCall, found: &mut Vec<String>) {
    let waits = call.input.get(UNTIL).is_some();
    let effect = call.operation.known().effect;
    let call = call.operation;
    if (effect == Effect::Reads) != waits {
        found.push(format!("`{call}` reads, and of reads the calls of a plan hold only those that wait"));
    }
    // An address that is created may leave a second object behind, which is deleted once the address itself stands.
    let leftover = phase == Phase::Remove && action == Some(Action::Create);
    if matches!(effect, Effect::Deletes(_))
        && !leftover
        && !matches!(action, Some(Action::Delete | Action::Replace | Action::Update))
    {
        found.push(format!("`{call}` deletes a resource whose change is {action:?}"));
    }
    if phase == Phase::Prune && action != Some(Action::Delete) {
        found.push(format!(
            "`{call}` is a deletion of a resource whose change is {action:?} in stack `{}`",
            plan.scope.stack
        ));
    }
}

/// Says which object a call deletes or overwrites that an entry keeps. One object that was listed twice is still one
/// object, whatever the planner took it for.
fn keeps(
    live: &[(KindId, KindLive)],
    actions: &BTreeMap<&Address, Action>,
    step: &Address,
    call: &PlannedCall,
) -> Option<String> {
    let (object, overwrites) = match call.operation.known().effect {
        Effect::Deletes(object) => (object, false),
        Effect::Replaces(object) => (object, true),
        Effect::Reads | Effect::Creates | Effect::Changes => return None,
    };
    let Object { kind, member, id } = object;
    let object = call.input.get(member)?.as_str()?;
    let is_it = |live: &Live| match id {
        Some(id) => live.ids.get(id).is_some_and(|id| id == object),
        None => live.name.eq_ignore_ascii_case(object),
    };
    let entries = live.iter().filter(|(name, _)| *name == kind).flat_map(|(_, live)| &live.found);
    let mut owners = entries.filter(|(_, found)| matches!(found, Found::Live(live) if is_it(live)));
    owners.find_map(|(owner, _)| {
        let may = owner == step && (overwrites || matches!(actions.get(owner), Some(Action::Delete | Action::Replace)));
        (!may).then(|| format!("`{}` of `{step}` takes `{object}`, which `{owner}` keeps", call.operation))
    })
}

fn collect_outputs<'a>(value: &'a Value, outputs: &mut Vec<&'a str>) {
    match value {
        Value::Object(entries) => match entries.get("$output").and_then(Value::as_str) {
            Some(of) => outputs.push(of),
            None => entries.values().for_each(|value| collect_outputs(value, outputs)),
        },
        Value::Array(items) => items.iter().for_each(|value| collect_outputs(value, outputs)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Scope;
    use crate::model::call::{EXPECT, output};
    use crate::plan::HazardNote;
    use crate::plan::{Change, Step};

    fn plan() -> Plan {
        let change = |text: &str, action| Change {
            address: text.parse().expect("an address"),
            name: "x".into(),
            action,
            reason: None,
            fields: Vec::new(),
            location: None,
            cause: None,
            settles: Vec::new(),
            told: crate::plan::Told::default(),
        };
        let step = |id, text: &str, after: &[usize], call: PlannedCall| Step {
            id,
            address: text.parse().expect("an address"),
            phase: Phase::Ensure,
            after: after.to_vec(),
            looks: Vec::new(),
            calls: vec![call],
            hazards: Vec::new(),
        };
        let of = Address::new(KindId::Plan, "a");
        Plan {
            format: 1,
            tool: "vssctl".into(),
            scope: Scope { stack: "s".into(), account_id: "1".into(), region: "r".into(), iam_path: "/".into() },
            config_sha256: String::new(),
            changes: vec![
                change("plan.a", Action::Create),
                change("selection.a.w", Action::Create),
                change("role.r", Action::NoOp),
            ],
            orphans: Vec::new(),
            steps: vec![
                step(0, "plan.a", &[], PlannedCall::new(Operation::CreateBackupPlan, json!({}))),
                step(
                    1,
                    "selection.a.w",
                    &[0],
                    PlannedCall::new(
                        Operation::CreateBackupSelection,
                        json!({"BackupPlanId": output(&of, "BackupPlanId")}),
                    ),
                ),
            ],
            diagnostics: Vec::new(),
            security: crate::plan::Security::default(),
            is_targeted: false,
            seen: crate::plan::Seen::default(),
        }
    }

    #[test]
    fn a_sound_plan_passes() {
        assert_eq!(violations(&plan(), &[]), [""; 0]);
    }

    #[test]
    fn an_output_that_nobody_gives_in_time_is_found() {
        let mut plan = plan();
        plan.steps[1].after.clear();
        assert_eq!(violations(&plan, &[]).len(), 1);
    }

    #[test]
    fn a_hazard_that_does_not_say_until_when_is_found() {
        let mut plan = plan();
        let hazard = crate::plan::Hazard::VssDisabled;
        plan.steps[0].hazards.push(HazardNote::new(hazard, "backups", "until it is asked for again"));
        assert_eq!(violations(&plan, &[]), [""; 0]);
        plan.steps[0].hazards.push(HazardNote { hazard, why: "backups are crash-consistent".to_owned() });
        assert_eq!(violations(&plan, &[]), ["`vss-disabled` at `plan.a` does not say until when"]);
    }

    #[test]
    fn a_step_of_something_refused_is_found() {
        let mut plan = plan();
        plan.changes[0].action = Action::Refused;
        assert!(!violations(&plan, &[]).is_empty());
    }

    #[test]
    fn a_deletion_that_no_change_announces_is_found() {
        let mut plan = plan();
        plan.steps[0].looks =
            vec![PlannedCall::new(Operation::ListTags, json!({ EXPECT: { "Tags": { "vssctl:stack": ["s"] } } }))];
        plan.steps[0].calls = vec![PlannedCall::new(Operation::DeleteBackupVault, json!({}))];
        assert_eq!(violations(&plan, &[]).len(), 1);
        // Nor is one before which nobody looks.
        plan.steps[0].looks.clear();
        assert_eq!(violations(&plan, &[]).len(), 2);
    }

    #[test]
    fn a_write_to_a_name_that_nobody_looks_at_is_found() {
        for call in [Operation::AttachRolePolicy, Operation::TagRole, Operation::PutBackupVaultLockConfiguration] {
            let mut plan = plan();
            plan.changes[0].action = Action::Update;
            plan.steps[0].calls = vec![PlannedCall::new(call, json!({}))];
            plan.steps.truncate(1);
            plan.changes.remove(1);
            assert_eq!(violations(&plan, &[]).len(), 1, "{call}");
            plan.steps[0].looks = vec![PlannedCall::new(Operation::GetRole, json!({ EXPECT: {} }))];
            assert_eq!(violations(&plan, &[]), [""; 0], "{call}");
        }
    }

    fn live(name: &str, ids: &[(&str, &str)]) -> Live {
        Live {
            name: name.into(),
            owner: crate::kind::Owner::Ours(None),
            ids: ids.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect(),
            fields: crate::kind::Fields::new(),
            carried: crate::kind::Carried::default(),
            refers: Vec::new(),
        }
    }

    // Counted twice in a list, the only plan was its own second object, and went.
    #[test]
    fn a_step_that_takes_an_object_which_an_entry_keeps_is_found() {
        for (kind, address, call, input, kept) in [
            (
                KindId::Plan,
                "plan.a",
                Operation::DeleteBackupPlan,
                json!({ "BackupPlanId": "1" }),
                ("BackupPlanId", "1"),
            ),
            (
                KindId::Selection,
                "selection.a.w",
                Operation::DeleteBackupSelection,
                json!({ "SelectionId": "1" }),
                ("SelectionId", "1"),
            ),
            (
                KindId::Package,
                "package.p",
                Operation::DeleteAssociation,
                json!({ "AssociationId": "1" }),
                ("AssociationId", "1"),
            ),
            (KindId::Policy, "policy.p", Operation::DeletePolicy, json!({ "PolicyArn": "1" }), ("Arn", "1")),
            (KindId::Role, "role.r", Operation::DeleteRole, json!({ "RoleName": "NAME" }), ("RoleId", "1")),
            (
                KindId::Vault,
                "vault.v",
                Operation::DeleteBackupVault,
                json!({ "BackupVaultName": "name" }),
                ("Arn", "1"),
            ),
        ] {
            let entry: Address = address.parse().expect("an address");
            let second = Address::new(kind, format!("{}-2", entry.key()));
            let mut plan = plan();
            let change =
                |address: &Address, action| Change { address: address.clone(), action, ..plan.changes[0].clone() };
            let changes = vec![change(&entry, Action::NoOp), change(&second, Action::Delete)];
            plan.changes = changes;
            plan.steps.truncate(1);
            plan.steps[0].address = second;
            plan.steps[0].phase = Phase::Prune;
            plan.steps[0].looks = vec![PlannedCall::new(Operation::ListTags, json!({ EXPECT: {} }))];
            plan.steps[0].calls = vec![PlannedCall::new(call, input)];
            let read = |id: &str| {
                let found = Found::Live(Box::new(live("name", &[(kept.0, id)])));
                vec![(kind, KindLive { found: BTreeMap::from([(entry.clone(), found)]), ..KindLive::default() })]
            };
            assert_eq!(violations(&plan, &read(kept.1)).len(), 1, "{call}");
            if !matches!(kind, KindId::Role | KindId::Vault) {
                assert_eq!(violations(&plan, &read("2")), [""; 0], "{call}");
            }
            assert_eq!(violations(&plan, &[]), [""; 0], "{call}");
        }
    }

    #[test]
    fn an_update_of_what_another_entry_keeps_is_found() {
        let mut plan = plan();
        plan.changes[0].action = Action::Update;
        plan.steps[0].calls = vec![PlannedCall::new(Operation::UpdateBackupPlan, json!({ "BackupPlanId": "1" }))];
        plan.steps.truncate(1);
        plan.changes.remove(1);
        let read = |address: &str| {
            let found = Found::Live(Box::new(live("x", &[("BackupPlanId", "1")])));
            let found = BTreeMap::from([(address.parse().expect("an address"), found)]);
            vec![(KindId::Plan, KindLive { found, ..KindLive::default() })]
        };
        assert_eq!(violations(&plan, &read("plan.a")), [""; 0]);
        assert_eq!(violations(&plan, &read("plan.b")).len(), 1);
    }

    #[test]
    fn a_read_is_no_step() {
        let mut plan = plan();
        plan.steps[0].calls[0] = PlannedCall::new(Operation::GetBackupPlan, json!({ EXPECT: {} }));
        assert_eq!(violations(&plan, &[]).len(), 1);
    }
}
