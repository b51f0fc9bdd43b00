//! AWS's protocols: requests into JSON inputs, answers and errors into responses.

mod cbor;
mod json;
pub(super) mod model;
mod query;
mod rest;
pub(super) mod time;
pub(super) mod validate;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::account::{Answer, ApiError};
use model::{Model, Protocol, Shape};

/// The account of an access key id that is not twelve digits.
pub(super) const DEFAULT_ACCOUNT: &str = "123456789012";

/// Whom a request asks, and for whom.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) service: &'static str,
    pub(super) model: &'static Model,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) access_key: String,
    /// The client speaks Smithy RPC v2 with CBOR, which the newer models name first where JSON 1.1 used to be.
    cbor: bool,
}

/// A request after its protocol has been taken off.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) operation: String,
    pub(super) input: Value,
}

/// Finds service, region and account in the signature's scope. The signature itself is not checked.
pub(super) fn scope(headers: &HeaderMap) -> Result<Scope, ApiError> {
    let missing = || ApiError::new(403, "MissingAuthenticationToken", "Missing Authentication Token");
    let incomplete = || {
        ApiError::new(
            400,
            "IncompleteSignature",
            "Authorization header requires 'Credential' parameter with access key id, date, region, service and \
             'aws4_request'.",
        )
    };
    let text = headers.get(AUTHORIZATION).ok_or_else(missing)?.to_str().map_err(|_| incomplete())?;
    let credential = text.split([' ', ',']).find_map(|part| part.strip_prefix("Credential=")).ok_or_else(incomplete)?;
    let parts: Vec<&str> = credential.split('/').collect();
    let [key, _date, region, service, "aws4_request"] = parts[..] else { return Err(incomplete()) };
    let service = model::SERVICES
        .into_iter()
        .find(|known| *known == service)
        .ok_or_else(|| ApiError::new(404, "UnknownService", format!("the sandbox has no service `{service}`")))?;
    let model = Model::of(service).ok_or_else(incomplete)?;
    let digits = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit());
    let account = if digits { key } else { DEFAULT_ACCOUNT }.to_owned();
    let cbor = model.metadata.protocol == Protocol::Json
        && headers.get(cbor::HEADER).is_some_and(|value| value.as_bytes() == cbor::PROTOCOL.as_bytes());
    Ok(Scope { service, model, region: region.to_owned(), account, access_key: key.to_owned(), cbor })
}

/// Takes the protocol off a request: which operation, with which input.
pub(super) fn decode(scope: &Scope, request: &Request<Bytes>) -> Result<Call, ApiError> {
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

/// Puts the protocol on an answer.
pub(super) fn encode(scope: &Scope, operation: &str, answer: &Answer, request_id: &str) -> Response<Bytes> {
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

/// Puts the protocol on an error about a request whose signature does not say which service was meant.
pub(super) fn encode_unscoped(request: &Request<Bytes>, error: &ApiError, request_id: &str) -> Response<Bytes> {
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

/// Puts the protocol on an error.
pub(super) fn encode_error(scope: &Scope, error: &ApiError, request_id: &str) -> Response<Bytes> {
    encode_for(scope.model, scope.cbor, error, request_id)
}

fn encode_for(model: &Model, cbor: bool, error: &ApiError, request_id: &str) -> Response<Bytes> {
    match model.metadata.protocol {
        Protocol::Query | Protocol::Ec2 => {
            response(error.status, xml_type(model), query::encode_error(model, error, request_id), request_id)
        }
        Protocol::Json => {
            // The service's own failures spell the member with a capital letter.
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

/// EC2 names the encoding too.
fn xml_type(model: &Model) -> &'static str {
    if model.metadata.protocol == Protocol::Ec2 { "text/xml;charset=UTF-8" } else { "text/xml" }
}

fn response(status: u16, kind: &'static str, body: impl Into<Bytes>, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", value);
    }
    response
}

/// A member that the model does not have is a slip of ours, and no client could read it.
fn check_members(shape: &Shape, name: &str, value: &Value) {
    for member in value.as_object().into_iter().flatten().map(|(member, _)| member) {
        debug_assert!(shape.members.contains_key(member), "the model of `{name}` has no member `{member}`");
    }
}
