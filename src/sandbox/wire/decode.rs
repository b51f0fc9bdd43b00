//! Turns requests into JSON inputs.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::model::Protocol;
use super::scope::Scope;
use super::{cbor, json, query, rest};
use crate::sandbox::account::ApiError;

/// A decoded request.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Call {
    pub(in crate::sandbox) operation: String,
    pub(in crate::sandbox) input: Value,
}

/// Decodes a request into its operation and input.
pub(in crate::sandbox) fn decode(scope: &Scope, request: &Request<Bytes>) -> Result<Call, ApiError> {
    let model = scope.model;
    let unknown = |name: &str| model.unknown_operation(name);
    match model.metadata.protocol {
        Protocol::Query | Protocol::Ec2 => {
            let body = String::from_utf8_lossy(request.body());
            let mut parameters = query::parameters(&body);
            if let Some(text) = request.uri().query() {
                parameters.extend(query::parameters(text));
            }
            let name = parameters
                .get("Action")
                .cloned()
                .ok_or_else(|| ApiError::new(400, "MissingAction", "The request is missing an Action parameter."))?;
            let operation = model.operations.get(&name).ok_or_else(|| unknown(&name))?;
            let input = match &operation.input {
                Some(shape) => query::decode(model, shape, &parameters)?,
                None => json!({}),
            };
            Ok(Call { operation: name, input })
        }
        Protocol::Json if scope.cbor => {
            let path = request.uri().path();
            let name = cbor::operation(&model.metadata.target_prefix, path).ok_or_else(|| unknown(path))?;
            let operation = model.operations.get(name).ok_or_else(|| unknown(name))?;
            let body = cbor::parse(request.body())?;
            let input = match &operation.input {
                Some(shape) => json::decode(model, model.shape(shape), &body)?,
                None => json!({}),
            };
            Ok(Call { operation: name.to_owned(), input })
        }
        Protocol::Json => {
            let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or("");
            let name = target.strip_prefix(&model.metadata.target_prefix).and_then(|rest| rest.strip_prefix('.'));
            let name = name.ok_or_else(|| unknown(target))?;
            let operation = model.operations.get(name).ok_or_else(|| unknown(name))?;
            let body = json::parse(request.body())?;
            let input = match &operation.input {
                Some(shape) => json::decode(model, model.shape(shape), &body)?,
                None => json!({}),
            };
            Ok(Call { operation: name.to_owned(), input })
        }
        Protocol::RestJson => {
            let uri = request.uri();
            let route = rest::route(model, request.method().as_str(), uri.path()).ok_or_else(|| unknown(uri.path()))?;
            let operation = model.operations.get(&route.operation).ok_or_else(|| unknown(&route.operation))?;
            let input = rest::decode(model, operation, &route, uri.query().unwrap_or_default(), request.body())?;
            Ok(Call { operation: route.operation, input })
        }
    }
}
