//! Smithy RPC v2 with CBOR, which botocore speaks to the Tagging API where other clients speak JSON 1.1.
//!
//! The Tagging API has no timestamps and no blobs, so that its CBOR and its JSON have the same content.

use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::{Value, json};

use crate::sandbox::account::ApiError;

/// The header that names the protocol, on requests and responses.
pub(super) const HEADER: &str = "smithy-protocol";
/// The protocol's name.
pub(super) const PROTOCOL: &str = "rpc-v2-cbor";

/// Finds the operation in `/service/ResourceGroupsTaggingAPI_20170126/operation/GetResources`.
pub(super) fn operation<'a>(service: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix("/service/")?.strip_prefix(service)?.strip_prefix("/operation/")
}

/// Reads a body; an empty one is an empty structure.
pub(super) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    ciborium::from_reader(body).map_err(|error| super::json::serialization(&error.to_string()))
}

/// Writes a body with the headers of the protocol.
pub(super) fn response(status: u16, value: &Value, request_id: &str) -> Response<Bytes> {
    let mut body = Vec::new();
    ciborium::into_writer(value, &mut body).expect("writing to memory cannot fail");
    let mut response = super::encode::response(status, "application/cbor", body, request_id);
    response.headers_mut().insert(HEADER, HeaderValue::from_static(PROTOCOL));
    response
}
