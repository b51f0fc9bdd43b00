//! All faults of one policy document: the canonical form stops at the first one.

use serde_json::Value;

use crate::policy::{self, PolicyError};

/// Finds the faults of every statement. A fault that is found is repaired in a copy, so that the next one shows.
pub(super) fn all_faults(document: &Value, first: PolicyError) -> Vec<PolicyError> {
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
        _ => return vec![first],
    };
    let mut faults = Vec::new();
    if !first.path.starts_with("Statement") {
        faults.push(first.clone());
    }
    for (index, statement) in statements.iter().enumerate() {
        let mut statement = statement.clone();
        // A statement has nine elements.
        for _ in 0..10 {
            let alone = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement.clone()] });
            let Err(mut failed) = policy::canonical(&alone) else { break };
            let element = failed.path.strip_prefix("Statement[0].").and_then(|path| path.split(['.', '[']).next());
            let mended = mend(&mut statement, element);
            failed.path = failed.path.replacen("Statement[0]", &format!("Statement[{index}]"), 1);
            faults.push(failed);
            if !mended {
                break;
            }
        }
    }
    if faults.is_empty() { vec![first] } else { faults }
}

/// Repairs a fault of a statement, in one of its elements or in the statement itself. Tells whether it could.
fn mend(statement: &mut Value, element: Option<&str>) -> bool {
    let Some(members) = statement.as_object_mut() else { return false };
    match element {
        Some("Effect") => {
            members.insert("Effect".to_owned(), Value::from("Allow"));
        }
        Some(element @ ("Action" | "NotAction")) => {
            members.insert(element.to_owned(), Value::from("*"));
        }
        Some(element) => return members.remove(element).is_some(),
        None => {
            let unknown = members.keys().find(|key| !policy::ELEMENTS.contains(&key.as_str())).cloned();
            if let Some(unknown) = unknown {
                members.remove(&unknown);
            } else if !members.contains_key("Effect") {
                members.insert("Effect".to_owned(), Value::from("Allow"));
            } else if let Some(both) = ["Principal", "Action", "Resource"]
                .iter()
                .find(|name| members.contains_key(**name) && members.contains_key(&format!("Not{name}")))
            {
                members.remove(&format!("Not{both}"));
            } else if !members.contains_key("Action") && !members.contains_key("NotAction") {
                members.insert("Action".to_owned(), Value::from("*"));
            } else {
                return false;
            }
        }
    }
    true
}
