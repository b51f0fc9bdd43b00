//! What a resource is once its entry is applied: what the file declares, laid over what is live.

use std::collections::BTreeSet;

use serde_json::Value;

use super::diff::is_empty;
use super::{Field, Fields, Shape};

/// Returns the declared fields that say anything.
pub fn present(fields: &Fields) -> Fields {
    fields.iter().filter(|(_, value)| !is_empty(value)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Lays what an entry declares over what is live.
pub fn overlaid(table: &[Field], live: &Fields, declared: &Fields, options: &Fields) -> Fields {
    let is_additive = options.get("policies_mode").is_some_and(|mode| mode == "additive");
    let mut fields = live.clone();
    for (name, wanted) in declared {
        let shape = table.iter().find(|field| field.name == name).map(|field| field.shape);
        let live = live.get(name).unwrap_or(&Value::Null);
        let value = match shape {
            Some(Shape::Set) if is_additive => union(live, wanted),
            Some(shape) => laid(shape, live, wanted),
            None => wanted.clone(),
        };
        fields.insert(name.clone(), value);
    }
    present(&fields)
}

fn laid(shape: Shape, live: &Value, wanted: &Value) -> Value {
    match (shape, live, wanted) {
        // Keys of others stay; a tag that we wrote and the file lacks goes.
        (Shape::Tags, Value::Object(live), Value::Object(wanted)) => {
            let ours = live.get("vssctl:keys").and_then(Value::as_str).unwrap_or_default();
            let goes = |key: &str| ours.split_whitespace().any(|ours| ours == key) && !wanted.contains_key(key);
            let kept = live.iter().filter(|(key, _)| !goes(key)).chain(wanted);
            kept.map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        (Shape::Map(inner), Value::Object(live), Value::Object(wanted)) => wanted
            .iter()
            .map(|(name, wanted)| (name.clone(), laid(*inner, live.get(name).unwrap_or(&Value::Null), wanted)))
            .collect(),
        (Shape::Record(table), Value::Object(live), Value::Object(wanted)) if !wanted.is_empty() => {
            let mut record = live.clone();
            for (name, wanted) in wanted {
                let shape = table.iter().find(|field| field.name == name).map_or(Shape::Scalar, |field| field.shape);
                record.insert(name.clone(), laid(shape, live.get(name).unwrap_or(&Value::Null), wanted));
            }
            Value::from(record)
        }
        (
            Shape::Scalar
            | Shape::Document
            | Shape::Set
            | Shape::Hidden
            | Shape::Tags
            | Shape::Map(_)
            | Shape::Record(_),
            _,
            wanted,
        ) => wanted.clone(),
    }
}

fn union(live: &Value, wanted: &Value) -> Value {
    let texts = |value: &Value| -> BTreeSet<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    texts(live).union(&texts(wanted)).map(|text| Value::from(text.as_str())).collect()
}
