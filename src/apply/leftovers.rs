//! After an apply: did AWS take what it acknowledged, and is it still the stack's? The account is read again and
//! planned again; whatever the second plan still wants to do to a resource that the report calls done did not take.

use std::collections::BTreeMap;

use super::report::{Left, Leftover, Report, Status};
use crate::model::Action;
use crate::model::{Address, Diagnostic};
use crate::plan::{Change, Plan};

/// The codes of an object that is not the stack's: nobody's, or another owner's.
const STRANGERS: [&str; 2] = ["VSS0901", "VSS0903"];

/// Lists the resources that the report calls done and that a plan built from a fresh read would change again, and all
/// resources of the plan that somebody else has taken since it was made.
pub fn leftovers(report: &Report, plan: &Plan, again: &Plan) -> Vec<Leftover> {
    let before: BTreeMap<&Address, Action> =
        plan.changes.iter().map(|change| (&change.address, change.action)).collect();
    let is_strangers = |address: &Address| {
        let of_it = |diagnostic: &&Diagnostic| diagnostic.address.as_ref() == Some(address);
        again.diagnostics.iter().filter(of_it).any(|diagnostic| STRANGERS.contains(&diagnostic.code))
    };
    let taken = |change: &Change| {
        let was_ours = before.get(&change.address).is_some_and(|action| *action != Action::Refused);
        (was_ours && change.action == Action::Refused && is_strangers(&change.address)).then(|| Leftover {
            address: change.address.clone(),
            why: Left::Taken(change.reason.clone().unwrap_or_default()),
        })
    };
    let differs = report
        .outcomes
        .iter()
        .filter(|outcome| matches!(outcome.status, Status::Done))
        .map(|outcome| &outcome.address)
        .filter(|address| again.steps.iter().any(|step| step.address == **address))
        .map(|address| Leftover { address: address.clone(), why: Left::Differs });
    differs.chain(again.changes.iter().filter_map(taken)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::Outcome;
    use crate::model::{Phase, Scope};
    use crate::plan::Step;

    fn plan(changes: &[(&str, Action)], strangers: &[(&str, &'static str)]) -> Plan {
        let address = |text: &str| text.parse::<Address>().expect("an address");
        Plan {
            format: 1,
            tool: String::new(),
            scope: Scope { stack: "s".into(), account_id: "1".into(), region: "r".into(), iam_path: "/".into() },
            config_sha256: String::new(),
            changes: changes
                .iter()
                .map(|(text, action)| crate::plan::Change {
                    address: address(text),
                    name: String::new(),
                    action: *action,
                    reason: Some("not ours".to_owned()),
                    fields: Vec::new(),
                    location: None,
                    cause: None,
                    settles: Vec::new(),
                    told: crate::plan::Told::default(),
                })
                .collect(),
            orphans: Vec::new(),
            steps: Vec::new(),
            diagnostics: strangers
                .iter()
                .map(|(text, code)| Diagnostic::error(code, "somebody else's").at(&address(text)))
                .collect(),
            security: crate::plan::Security::default(),
            is_targeted: false,
            seen: crate::plan::Seen::default(),
        }
    }

    #[test]
    fn what_changed_hands_during_the_run_is_told_touched_or_not() {
        let report = Report {
            outcomes: vec![Outcome {
                address: "role.a".parse().expect("an address"),
                action: Action::Update,
                status: Status::Done,
                made: Vec::new(),
                planned: Vec::new(),
            }],
            ..Report::default()
        };
        let before = plan(&[("role.a", Action::Update), ("vault.v", Action::NoOp), ("plan.p", Action::Refused)], &[]);
        let taken = |again: &Plan| -> Vec<String> {
            leftovers(&report, &before, again).iter().map(|left| left.address.to_string()).collect()
        };
        let refused = [("role.a", Action::Refused), ("vault.v", Action::Refused), ("plan.p", Action::Refused)];
        let strangers = [("role.a", "VSS0901"), ("vault.v", "VSS0903"), ("plan.p", "VSS0901")];
        assert_eq!(taken(&plan(&refused, &strangers)), ["role.a", "vault.v"]);
        // What is refused for another reason did not change hands.
        assert_eq!(taken(&plan(&refused, &[("role.a", "VSS0906")])), [""; 0]);
        assert_eq!(taken(&plan(&[("role.a", Action::NoOp)], &[])), [""; 0]);
    }

    #[test]
    fn a_resource_that_a_fresh_plan_would_change_again_did_not_take() {
        let outcome = |text: &str, status: Status| Outcome {
            address: text.parse().expect("an address"),
            action: Action::Update,
            status,
            made: Vec::new(),
            planned: Vec::new(),
        };
        let skipped = Status::Skipped { reason: String::new() };
        let outcomes =
            vec![outcome("role.a", Status::Done), outcome("role.b", Status::Done), outcome("role.c", skipped)];
        let report = Report { outcomes, ..Report::default() };
        let changes = [("role.a", Action::Update), ("role.b", Action::NoOp), ("role.c", Action::Update)];
        let mut again = plan(&changes, &[]);
        again.steps = ["role.a", "role.c"]
            .iter()
            .enumerate()
            .map(|(id, text)| Step {
                id,
                address: text.parse().expect("an address"),
                phase: Phase::Ensure,
                after: Vec::new(),
                looks: Vec::new(),
                calls: Vec::new(),
                hazards: Vec::new(),
            })
            .collect();
        let address = "role.a".parse().expect("an address");
        assert_eq!(leftovers(&report, &plan(&changes, &[]), &again), [Leftover { address, why: Left::Differs }]);
    }
}
