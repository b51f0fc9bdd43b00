//! An independent look at a finished plan: what must hold for any plan, whoever built it. `apply` refuses a plan that
//! fails here; the planner shares no code with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Action, EXPECT, Phase, Plan, PlannedCall, UNTIL};
use crate::model::Address;

/// Lists what is wrong with a plan; empty for a sound one.
pub fn violations(plan: &Plan) -> Vec<String> {
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
        let action = actions.get(&step.address).copied();
        for (place, call) in step.calls.iter().enumerate() {
            // What is waited for must have been begun.
            let waits = call.input.get(UNTIL).is_some() && call.action == "ssm:GetCommandInvocation";
            if waits && !step.calls[..place].iter().any(|earlier| earlier.action == "ssm:SendCommand") {
                found.push(format!("`{}` waits for a command that nothing sends", call.action));
            }
            check_call(plan, step.phase, action, call, &mut found);
            // A name may be free and taken again meanwhile: who deletes looks first.
            let looked = step.calls[..place].iter().any(|earlier| earlier.input.get(EXPECT).is_some());
            if deletes_thing(&call.action) && !looked {
                found.push(format!("`{}` deletes a thing that nobody looks at first", call.action));
            }
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
    let waits = call.input.get(UNTIL).is_some() || call.input.get(EXPECT).is_some();
    let call = call.action.as_str();
    let operation = call.split_once(':').map_or(call, |(_, operation)| operation);
    let reads = ["Get", "List", "Describe"].iter().any(|verb| operation.starts_with(verb));
    if reads != waits {
        found
            .push(format!("`{call}` reads, and of reads a plan holds only those that wait, or look before a deletion"));
    }
    // A second object of an address may go once the address itself stands.
    let leftover = phase == Phase::Remove && action == Some(Action::Create);
    if deletes_thing(call) && !leftover && !matches!(action, Some(Action::Delete | Action::Replace | Action::Update)) {
        found.push(format!("`{call}` deletes a thing whose change is {action:?}"));
    }
    if phase == Phase::Prune && action != Some(Action::Delete) {
        found.push(format!(
            "`{call}` is a deletion of a thing whose change is {action:?} in stack `{}`",
            plan.scope.stack
        ));
    }
}

fn deletes_thing(call: &str) -> bool {
    [
        "iam:DeleteRole",
        "iam:DeletePolicy",
        "iam:DeleteInstanceProfile",
        "backup:DeleteBackupVault",
        "backup:DeleteBackupPlan",
        "ssm:DeleteAssociation",
    ]
    .contains(&call)
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
    use crate::plan::{Change, Step, output};

    fn plan() -> Plan {
        let change = |text: &str, action| Change {
            address: text.parse().expect("an address"),
            name: "x".into(),
            action,
            reason: None,
            fields: Vec::new(),
            location: None,
        };
        let step = |id, text: &str, after: &[usize], call: PlannedCall| Step {
            id,
            address: text.parse().expect("an address"),
            phase: Phase::Ensure,
            after: after.to_vec(),
            calls: vec![call],
            hazards: Vec::new(),
        };
        let of = Address::new("plan", "a");
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
                step(0, "plan.a", &[], PlannedCall::new("backup:CreateBackupPlan", json!({}))),
                step(
                    1,
                    "selection.a.w",
                    &[0],
                    PlannedCall::new(
                        "backup:CreateBackupSelection",
                        json!({"BackupPlanId": output(&of, "BackupPlanId")}),
                    ),
                ),
            ],
            diagnostics: Vec::new(),
        }
    }

    #[test]
    fn a_sound_plan_passes() {
        assert_eq!(violations(&plan()), [""; 0]);
    }

    #[test]
    fn an_output_that_nobody_gives_in_time_is_found() {
        let mut plan = plan();
        plan.steps[1].after.clear();
        assert_eq!(violations(&plan).len(), 1);
    }

    #[test]
    fn a_step_of_something_refused_is_found() {
        let mut plan = plan();
        plan.changes[0].action = Action::Refused;
        assert!(!violations(&plan).is_empty());
    }

    #[test]
    fn a_deletion_that_no_change_announces_is_found() {
        let mut plan = plan();
        plan.steps[0].calls = vec![
            PlannedCall::new("backup:ListTags", json!({ EXPECT: { "Tags": { "vssctl:stack": "s" } } })),
            PlannedCall::new("backup:DeleteBackupVault", json!({})),
        ];
        assert_eq!(violations(&plan).len(), 1);
        // Nor is one before which nobody looks.
        plan.steps[0].calls.remove(0);
        assert_eq!(violations(&plan).len(), 2);
    }

    #[test]
    fn a_read_is_no_step() {
        let mut plan = plan();
        plan.steps[0].calls[0].action = "backup:GetBackupPlan".into();
        assert_eq!(violations(&plan).len(), 1);
    }
}
