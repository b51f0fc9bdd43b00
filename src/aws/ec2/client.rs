//! One EC2 client: the SDK's orchestrator, set up as its generated clients are.

use std::borrow::Cow;
use std::fmt;

use aws_config::SdkConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, SharedEndpointResolver};
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{Order, RuntimePlugin};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{FrozenLayer, Layer};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::request_id::apply_request_id;
use aws_types::service_config::ServiceConfigKey;

use super::wire::{Element, Parameters};
use crate::model::Scope;

/// EC2's refusal of a request.
#[derive(Debug)]
pub(in crate::aws) struct Refused {
    meta: ErrorMetadata,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EC2 refused the request ({})", self.meta.code().unwrap_or("no code"))
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.meta
    }
}

/// A client of EC2 in one region; clones share their settings.
#[derive(Clone, Debug)]
pub(in crate::aws) struct Client {
    settings: Settings,
    behavior: BehaviorVersion,
}

/// What is the same for every call.
#[derive(Clone, Debug)]
struct Settings {
    layer: FrozenLayer,
    components: RuntimeComponentsBuilder,
}

impl RuntimePlugin for Settings {
    fn order(&self) -> Order {
        Order::Overrides
    }

    fn config(&self) -> Option<FrozenLayer> {
        Some(self.layer.clone())
    }

    fn runtime_components(&self, _current: &RuntimeComponentsBuilder) -> Cow<'_, RuntimeComponentsBuilder> {
        Cow::Borrowed(&self.components)
    }
}

impl Client {
    /// Sets a client up with what the other services' clients have.
    pub(in crate::aws) fn new(
        config: &SdkConfig,
        scope: &Scope,
        interceptors: impl IntoIterator<Item = SharedInterceptor>,
    ) -> Self {
        let behavior = config.behavior_version().unwrap_or_else(BehaviorVersion::v2026_01_12);
        Self { settings: Settings::new(config, scope, interceptors), behavior }
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
    Err(OrchestratorError::operation(Refused { meta: meta.build() }))
}

impl Settings {
    fn new(config: &SdkConfig, scope: &Scope, interceptors: impl IntoIterator<Item = SharedInterceptor>) -> Self {
        let mut layer = Layer::new("vssctl::ec2");
        layer.store_put(ApiMetadata::new("ec2", env!("CARGO_PKG_VERSION")));
        layer.store_put(SigningName::from_static("ec2"));
        let mut signing_options = SigningOptions::default();
        signing_options.double_uri_encode = true;
        signing_options.normalize_uri_path = true;
        layer.store_put(SigV4OperationSigningConfig { signing_options, ..Default::default() });
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(EndpointResolverParams::new(()));
        if let Some(region) = config.region() {
            layer.store_put(region.clone());
            layer.store_put(SigningRegion::from(region.clone()));
        }
        if let Some(name) = config.app_name() {
            layer.store_put(name.clone());
        }
        if let Some(retry) = config.retry_config() {
            layer.store_put(retry.clone());
        }
        if let Some(timeouts) = config.timeout_config() {
            layer.store_put(timeouts.clone());
        }
        let mut components = RuntimeComponentsBuilder::new("vssctl::ec2");
        if config.http_client().is_some() {
            components.set_http_client(config.http_client());
        }
        if config.sleep_impl().is_some() {
            components.set_sleep_impl(config.sleep_impl());
        }
        if config.time_source().is_some() {
            components.set_time_source(config.time_source());
        }
        if config.identity_cache().is_some() {
            components.set_identity_cache(config.identity_cache());
        }
        if let Some(credentials) = config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        components.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
        components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )));
        components.set_endpoint_resolver(Some(SharedEndpointResolver::new(StaticUriEndpointResolver::uri(endpoint(
            config, scope,
        )))));
        components.push_retry_classifier(TransientErrorClassifier::<Refused>::new());
        components.push_retry_classifier(AwsErrorCodeClassifier::<Refused>::new());
        components.push_retry_classifier(ServiceClockSkewClassifier::<Refused>::new());
        components.push_retry_classifier(HttpStatusCodeClassifier::default());
        components.push_interceptor(ServiceClockSkewInterceptor::new());
        components.push_interceptor(RequestInfoInterceptor::new());
        components.push_interceptor(UserAgentInterceptor::new());
        components.push_interceptor(InvocationIdInterceptor::new());
        for interceptor in interceptors {
            components.push_interceptor(interceptor);
        }
        Self { layer: layer.freeze(), components }
    }
}

/// Where EC2 is: where the configuration says, for EC2 (`AWS_ENDPOINT_URL_EC2`, a profile) or for all, else at AWS's.
fn endpoint(config: &SdkConfig, scope: &Scope) -> String {
    let own = || {
        let key = ServiceConfigKey::builder().service_id("EC2").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
        config.service_config()?.load_config(key.ok()?)
    };
    let given = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() && given.is_some() {
        return given.unwrap_or_default();
    }
    own().or(given).unwrap_or_else(|| {
        let name = if config.use_fips() == Some(true) { "ec2-fips" } else { "ec2" };
        let suffix = match (scope.partition(), config.use_dual_stack() == Some(true)) {
            ("aws-cn", true) => "api.amazonwebservices.com.cn",
            ("aws-cn", false) => "amazonaws.com.cn",
            (_, true) => "api.aws",
            (_, false) => "amazonaws.com",
        };
        format!("https://{name}.{}.{suffix}", scope.region)
    })
}
