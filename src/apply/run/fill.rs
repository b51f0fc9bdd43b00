//! Puts what earlier calls returned into later ones.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::aws::AwsError;
use crate::model::PlannedCall;

pub(super) type Outputs = BTreeMap<(String, String), Value>;

/// Puts the values that earlier calls returned in place of their placeholders.
///
/// # Errors
///
/// A value that no answer had: the call is not sent without it.
pub(super) fn fill(planned: &PlannedCall, outputs: &Outputs) -> Result<PlannedCall, AwsError> {
    let missing = |of: &str, name: &str| {
        let message = format!("no earlier answer had the `{name}` of `{of}`: nothing was sent, plan again");
        AwsError::rejected(planned.operation.service(), planned.operation.name(), message)
    };
    let input = filled(&planned.input, outputs).map_err(|(of, name)| missing(&of, &name))?;
    Ok(PlannedCall { operation: planned.operation, input })
}

/// Fills a value in; else names the placeholder that nothing was there for.
fn filled(input: &Value, outputs: &Outputs) -> Result<Value, (String, String)> {
    match input {
        Value::Object(entries) => {
            let text = |key: &str| entries.get(key).and_then(Value::as_str).map(str::to_owned);
            if let (Some(of), Some(name)) = (text("$output"), text("name")) {
                let output = (of, name);
                return outputs.get(&output).filter(|value| !value.is_null()).cloned().ok_or(output);
            }
            let filled = entries.iter().map(|(key, value)| Ok((key.clone(), filled(value, outputs)?)));
            filled.collect::<Result<serde_json::Map<_, _>, _>>().map(Value::from)
        }
        Value::Array(items) => {
            items.iter().map(|item| filled(item, outputs)).collect::<Result<Vec<_>, _>>().map(Value::from)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(input.clone()),
    }
}
