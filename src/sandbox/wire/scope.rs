//! The scope of a request: the service, region and account that its signature names.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::cbor;
use super::model::{self, Model, Protocol};
use crate::sandbox::account::ApiError;

/// The account of an access key id that does not consist of twelve digits.
pub(in crate::sandbox) const DEFAULT_ACCOUNT: &str = "123456789012";

/// The service, region and account of a request.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Scope {
    pub(in crate::sandbox) service: &'static str,
    pub(in crate::sandbox) model: &'static Model,
    pub(in crate::sandbox) region: String,
    pub(in crate::sandbox) account: String,
    pub(in crate::sandbox) access_key: String,
    /// Whether the client speaks Smithy RPC v2 with CBOR, which newer models prefer to JSON 1.1.
    pub(super) cbor: bool,
}

/// Reads the scope of a request from its signature. The signature itself is not checked.
pub(in crate::sandbox) fn scope(headers: &HeaderMap) -> Result<Scope, ApiError> {
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
