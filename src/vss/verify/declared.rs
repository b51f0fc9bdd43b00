//! What the file means to be backed up with VSS.

use crate::model::KindId;
use serde_json::Value;

use super::Declared;
use crate::kind::Desired;
use crate::vss::evidence::{Conditions, Selection};

/// Returns the selections of the file's plans with VSS, in the form in which AWS has them.
pub fn declared(desired: &[Desired]) -> Vec<Declared> {
    let plan_of = |selection: &Desired| {
        desired.iter().filter(|plan| plan.address.kind() == KindId::Plan).find(|plan| {
            Some(plan.address.key()) == selection.address.parent_key()
                && plan.fields.get("windows_vss").and_then(Value::as_bool) == Some(true)
        })
    };
    desired
        .iter()
        .filter(|entry| entry.address.kind() == KindId::Selection)
        .filter_map(|entry| {
            let plan = plan_of(entry)?.name.clone();
            let selection = selection(entry);
            let makes_role = is_role(desired, &selection.role_arn);
            Some(Declared { address: entry.address.to_string(), plan, selection, makes_role })
        })
        .collect()
}

/// Tells whether the file makes a role, whose name is taken once in an account.
fn is_role(desired: &[Desired], arn: &str) -> bool {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    desired.iter().any(|entry| entry.address.kind() == KindId::Role && entry.name == name)
}

fn selection(entry: &Desired) -> Selection {
    let texts = |field: &str| -> Vec<String> {
        let list = entry.fields.get(field).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let pairs = |field: &str| -> Vec<(String, String)> {
        let pairs = texts(field);
        pairs
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    };
    Selection {
        id: String::new(),
        name: entry.name.clone(),
        created: None,
        role_arn: entry.fields.get("role").and_then(Value::as_str).unwrap_or_default().to_owned(),
        resources: texts("arns"),
        not_resources: texts("not_arns"),
        list_of_tags: pairs("any"),
        conditions: Conditions {
            equals: pairs("all"),
            like: pairs("like"),
            not_equals: pairs("not_equals"),
            not_like: pairs("not_like"),
        },
    }
}
