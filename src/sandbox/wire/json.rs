//! Bodies in JSON, for JSON 1.1 (Systems Manager, Tagging) and REST-JSON (Backup).

use serde_json::{Map, Value, json};

use super::model::{Model, Reference, Shape, Sort};
use super::time;
use crate::sandbox::account::ApiError;

/// Reads a body as a JSON object; an empty body is an empty object.
pub(super) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(serialization("Start of structure or map expected")),
        Err(error) => Err(serialization(&error.to_string())),
    }
}

pub(super) fn serialization(message: &str) -> ApiError {
    ApiError::new(400, "SerializationException", message)
}

/// Brings a value into the form of the model: wire names become member names, unknown members are dropped, and types
/// are checked.
pub(super) fn decode(model: &Model, shape: &Shape, value: &Value) -> Result<Value, ApiError> {
    let wrong = |expected: &str| serialization(&format!("{expected} expected, found {}", kind_of(value)));
    match shape.sort {
        Sort::Structure => {
            let given = value.as_object().ok_or_else(|| wrong("Structure"))?;
            let mut members = Map::new();
            for (name, reference) in body_members(shape) {
                if let Some(inner) = given.get(reference.wire_name(name)).filter(|inner| !inner.is_null()) {
                    members.insert(name.clone(), decode(model, model.shape(&reference.shape), inner)?);
                }
            }
            Ok(Value::Object(members))
        }
        Sort::List => {
            let given = value.as_array().ok_or_else(|| wrong("List"))?;
            let Some(member) = &shape.member else { return Ok(value.clone()) };
            given.iter().map(|item| decode(model, model.shape(&member.shape), item)).collect()
        }
        Sort::Map => {
            let given = value.as_object().ok_or_else(|| wrong("Map"))?;
            let Some(inner) = &shape.value else { return Ok(value.clone()) };
            let mut entries = Map::new();
            for (key, item) in given {
                entries.insert(key.clone(), decode(model, model.shape(&inner.shape), item)?);
            }
            Ok(Value::Object(entries))
        }
        Sort::String => value.is_string().then(|| value.clone()).ok_or_else(|| wrong("String")),
        Sort::Integer | Sort::Long => value.is_i64().then(|| value.clone()).ok_or_else(|| wrong("Integer")),
        Sort::Boolean => value.is_boolean().then(|| value.clone()).ok_or_else(|| wrong("Boolean")),
        Sort::Timestamp => time::read(value).ok_or_else(|| wrong("Timestamp")),
    }
}

/// Brings an answer into the form of the wire: member names become wire names, and null members are dropped.
pub(super) fn encode(model: &Model, shape: &Shape, value: &Value) -> Value {
    match shape.sort {
        Sort::Structure => {
            super::encode::check_members(shape, "structure", value);
            let mut members = Map::new();
            for (name, reference) in body_members(shape) {
                if let Some(inner) = value.get(name).filter(|inner| !inner.is_null()) {
                    let described = model.shape(&reference.shape);
                    // An empty list that the model does not allow is left out.
                    if described.min >= Some(1.0) && inner.as_array().is_some_and(Vec::is_empty) {
                        continue;
                    }
                    let encoded = encode(model, described, inner);
                    members.insert(reference.wire_name(name).to_owned(), encoded);
                }
            }
            Value::Object(members)
        }
        Sort::List => match (&shape.member, value.as_array()) {
            (Some(member), Some(items)) => {
                items.iter().map(|item| encode(model, model.shape(&member.shape), item)).collect()
            }
            _ => value.clone(),
        },
        Sort::Map => match (&shape.value, value.as_object()) {
            (Some(inner), Some(entries)) => {
                let inner = model.shape(&inner.shape);
                entries.iter().map(|(key, item)| (key.clone(), encode(model, inner, item))).collect()
            }
            _ => value.clone(),
        },
        Sort::String | Sort::Integer | Sort::Long | Sort::Boolean | Sort::Timestamp => value.clone(),
    }
}

fn body_members(shape: &Shape) -> impl Iterator<Item = (&String, &Reference)> {
    shape.members.iter().filter(|(_, reference)| reference.location.is_none())
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a structure",
    }
}
