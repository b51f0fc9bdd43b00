//! Turns answers and errors into responses.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::model::{Model, Protocol, Shape};
use super::scope::Scope;
use super::{cbor, json, query, rest};
use crate::sandbox::account::{Answer, ApiError};

/// Writes an answer in the service's protocol.
pub(in crate::sandbox) fn encode(scope: &Scope, operation: &str, answer: &Answer, request_id: &str) -> Response<Bytes> {
    let model = scope.model;
    let value = match answer {
        Ok(value) => value,
        Err(error) => return encode_error(scope, error, request_id),
    };
    let Some(described) = model.operations.get(operation) else {
        return encode_error(scope, &model.unknown_operation(operation), request_id);
    };
    match model.metadata.protocol {
        Protocol::Query | Protocol::Ec2 => {
            let xml = query::encode(model, operation, described, value, request_id);
            response(200, xml_type(model), xml, request_id)
        }
        Protocol::Json | Protocol::RestJson => {
            let rest = model.metadata.protocol == Protocol::RestJson;
            let kind = if rest { "application/json" } else { "application/x-amz-json-1.1" };
            let body = match &described.output {
                Some(shape) if scope.cbor => {
                    return cbor::response(200, &json::encode(model, model.shape(shape), value), request_id);
                }
                Some(shape) => json::encode(model, model.shape(shape), value).to_string(),
                None if rest => String::new(),
                None => "{}".to_owned(),
            };
            response(described.http.response_code, kind, body, request_id)
        }
    }
}

/// Writes an error about a request whose signature does not say which service was meant.
pub(in crate::sandbox) fn encode_unscoped(
    request: &Request<Bytes>,
    error: &ApiError,
    request_id: &str,
) -> Response<Bytes> {
    let target = request.headers().get("x-amz-target").is_some();
    let backup = Model::of("backup").expect("the sandbox has AWS Backup");
    let rest = rest::route(backup, request.method().as_str(), request.uri().path()).is_some();
    let body = String::from_utf8_lossy(request.body());
    let service = if target {
        "ssm"
    } else if query::parameters(&body).get("Version").is_some_and(|version| version == "2016-11-15") {
        "ec2"
    } else if rest {
        "backup"
    } else {
        "iam"
    };
    let mut error = error.clone();
    if matches!(service, "ssm" | "backup") && !error.code.ends_with("Exception") {
        error.code.push_str("Exception");
    }
    encode_for(Model::of(service).expect("the four are there"), false, &error, request_id)
}

/// Writes an error in the service's protocol.
pub(in crate::sandbox) fn encode_error(scope: &Scope, error: &ApiError, request_id: &str) -> Response<Bytes> {
    encode_for(scope.model, scope.cbor, error, request_id)
}

fn encode_for(model: &Model, cbor: bool, error: &ApiError, request_id: &str) -> Response<Bytes> {
    match model.metadata.protocol {
        Protocol::Query | Protocol::Ec2 => {
            response(error.status, xml_type(model), query::encode_error(model, error, request_id), request_id)
        }
        Protocol::Json => {
            // In the service's own failures the member has a capital letter.
            let message = if error.status >= 500 { "Message" } else { "message" };
            let mut body = json!({"__type": error.code});
            if !error.message.is_empty() {
                body[message] = json!(error.message);
            }
            for (name, value) in &error.members {
                body[name] = json!(value);
            }
            if cbor {
                return cbor::response(error.status, &body, request_id);
            }
            response(error.status, "application/x-amz-json-1.1", body.to_string(), request_id)
        }
        Protocol::RestJson => {
            let mut body = json!({});
            for (name, value) in &error.members {
                body[name] = json!(value);
            }
            if !error.message.is_empty() {
                body["Message"] = json!(error.message);
            }
            let mut response = response(error.status, "application/json", body.to_string(), request_id);
            let kind = format!("{}:http://internal.amazon.com/coral/com.amazonaws.services.cryo/", error.code);
            if let Ok(value) = HeaderValue::from_str(&kind) {
                response.headers_mut().insert("x-amzn-errortype", value);
            }
            response
        }
    }
}

/// Returns the content type of XML, in which EC2 names the encoding too.
fn xml_type(model: &Model) -> &'static str {
    if model.metadata.protocol == Protocol::Ec2 { "text/xml;charset=UTF-8" } else { "text/xml" }
}

pub(super) fn response(status: u16, kind: &'static str, body: impl Into<Bytes>, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", value);
    }
    response
}

/// Checks that the model has all members of an answer: another member is a mistake of the sandbox, and no client could
/// read it.
pub(super) fn check_members(shape: &Shape, name: &str, value: &Value) {
    for member in value.as_object().into_iter().flatten().map(|(member, _)| member) {
        debug_assert!(shape.members.contains_key(member), "the model of `{name}` has no member `{member}`");
    }
}
