//! Key Management Service: what the keys of volumes are, and who may use them. Reads only, on the SDK's own runtime.

use aws_config::SdkConfig;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::request_id::apply_request_id;
use serde_json::Value;

use super::runtime::{Refused, Service, Settings};
use crate::model::Scope;

const SERVICE: Service = Service { name: "kms", id: "KMS" };

/// A KMS key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// The ARN.
    pub arn: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, ...
    pub state: String,
    /// The customer manages it; else AWS does.
    pub is_customers: bool,
}

/// A client of KMS in one region; clones share their settings.
#[derive(Clone, Debug)]
pub(super) struct Client {
    settings: Settings,
    behavior: BehaviorVersion,
}

impl Client {
    /// Sets a client up with what the other services' clients have.
    pub(super) fn new(
        config: &SdkConfig,
        scope: &Scope,
        interceptors: impl IntoIterator<Item = SharedInterceptor>,
    ) -> Self {
        let behavior = config.behavior_version().unwrap_or_else(BehaviorVersion::v2026_01_12);
        Self { settings: Settings::new(&SERVICE, config, scope, interceptors), behavior }
    }

    /// Makes one call.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        input: Value,
    ) -> Result<Value, SdkError<Refused, HttpResponse>> {
        Operation::builder()
            .service_name("KMS")
            .operation_name(operation)
            .behavior_version(self.behavior)
            .runtime_plugin(self.settings.clone())
            .serializer(move |input: Value| {
                let body = input.to_string();
                let mut request = HttpRequest::new(SdkBody::empty());
                request.set_method("POST")?;
                request.set_uri("/")?;
                let headers = request.headers_mut();
                headers.insert("content-type", "application/x-amz-json-1.1");
                headers.insert("content-length", body.len().to_string());
                headers.insert("x-amz-target", format!("TrentService.{operation}"));
                *request.body_mut() = SdkBody::from(body);
                Ok(request)
            })
            .deserializer(read)
            .build()
            .invoke(input)
            .await
    }
}

fn read(response: &HttpResponse) -> Result<Value, OrchestratorError<Refused>> {
    let body = response.body().bytes().unwrap_or_default();
    let value = serde_json::from_slice::<Value>(body);
    if response.status().is_success() {
        return value.map_err(|error| OrchestratorError::response(error.into()));
    }
    // An error that can't be read has no code, and what it means nobody knows.
    let value = value.unwrap_or_default();
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| value[name].as_str());
    let mut meta = apply_request_id(ErrorMetadata::builder(), response.headers());
    if let Some(code) = text(["__type", "code"]) {
        meta = meta.code(code.rsplit('#').next().unwrap_or(code));
    }
    if let Some(message) = text(["message", "Message"]) {
        meta = meta.message(message);
    }
    Err(OrchestratorError::operation(Refused::new(meta.build())))
}
