//! One EC2 client: the SDK's orchestrator, set up as its generated clients are.

use aws_config::SdkConfig;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::request_id::apply_request_id;

use super::wire::{Element, Parameters};
use crate::aws::runtime::{Refused, Service, Settings};
use crate::model::Scope;

const SERVICE: Service = Service { name: "ec2", id: "EC2" };

/// A client of EC2 in one region; clones share their settings.
#[derive(Clone, Debug)]
pub(in crate::aws) struct Client {
    settings: Settings,
    behavior: BehaviorVersion,
}

impl Client {
    /// Sets a client up with what the other services' clients have.
    pub(in crate::aws) fn new(
        config: &SdkConfig,
        scope: &Scope,
        interceptors: impl IntoIterator<Item = SharedInterceptor>,
    ) -> Self {
        let behavior = config.behavior_version().unwrap_or_else(BehaviorVersion::v2026_01_12);
        Self { settings: Settings::new(&SERVICE, config, scope, interceptors), behavior }
    }

    /// Makes one call.
    pub(in crate::aws) async fn send(
        &self,
        operation: &'static str,
        parameters: Parameters,
    ) -> Result<Element, SdkError<Refused, HttpResponse>> {
        Operation::builder()
            .service_name("EC2")
            .operation_name(operation)
            .behavior_version(self.behavior)
            .runtime_plugin(self.settings.clone())
            .serializer(move |parameters: Parameters| {
                let body = parameters.form(operation);
                let mut request = HttpRequest::new(SdkBody::empty());
                request.set_method("POST")?;
                request.set_uri("/")?;
                let headers = request.headers_mut();
                headers.insert("content-type", "application/x-www-form-urlencoded");
                headers.insert("content-length", body.len().to_string());
                *request.body_mut() = SdkBody::from(body);
                Ok(request)
            })
            .deserializer(read)
            .build()
            .invoke(parameters)
            .await
    }
}

fn read(response: &HttpResponse) -> Result<Element, OrchestratorError<Refused>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Element::parse(body).map_err(|message| OrchestratorError::response(message.into()));
    }
    // An error that can't be read has no code, and what it means nobody knows.
    let root = Element::parse(body).unwrap_or_default();
    let (code, message, request_id) = root.error();
    let mut meta = ErrorMetadata::builder();
    meta = match request_id {
        Some(id) => meta.custom("aws_request_id", id),
        None => apply_request_id(meta, response.headers()),
    };
    if let Some(code) = code {
        meta = meta.code(code);
    }
    if let Some(message) = message {
        meta = meta.message(message);
    }
    Err(OrchestratorError::operation(Refused::new(meta.build())))
}
