//! The client of services that have no generated client here. It is built on the SDK's own runtime: signing, retries,
//! timeouts, user agent, endpoint settings and interceptors are those of the generated clients.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

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
use aws_smithy_runtime_api::box_error::BoxError;
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
use aws_smithy_types::error::metadata::{Builder, ProvideErrorMetadata};
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::request_id::apply_request_id;
use aws_types::service_config::ServiceConfigKey;

use crate::model::Scope;
use crate::model::partition::Partition;

/// A service, by the names that settings use.
#[derive(Debug)]
pub(super) struct Service {
    /// The name in hosts and signatures, such as `ec2`.
    pub(super) name: &'static str,
    /// The name in configuration files and variables, such as `EC2`.
    pub(super) id: &'static str,
}

/// A service's refusal of a request.
#[derive(Debug)]
pub(super) struct Refused {
    meta: ErrorMetadata,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the service refused the request ({})", self.meta.code().unwrap_or("no code"))
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.meta
    }
}

/// The body of a request, and the headers that say what it is.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) content_type: &'static str,
    /// The header `x-amz-target`, where the operation is not in the body.
    pub(super) target: Option<String>,
    pub(super) text: String,
}

/// The protocol of a service.
pub(super) trait Protocol: 'static {
    /// The service.
    const SERVICE: Service;
    /// The parameters of a call.
    type Input: fmt::Debug + Send + Sync + 'static;
    /// The form of its answers, refusals included.
    type Output: fmt::Debug + Default + Send + Sync + 'static;

    /// Writes a request.
    fn write(operation: &str, input: &Self::Input) -> Body;
    /// Reads an answer.
    fn parse(body: &[u8]) -> Result<Self::Output, BoxError>;
    /// Adds code and message of a refusal, and the id of the request where the answer itself has it.
    fn refusal(answer: &Self::Output, meta: Builder) -> Builder;
}

/// A client of one service in one region; clones share their settings.
#[derive(Clone, Debug)]
pub(super) struct Client<P> {
    settings: Settings,
    behavior: BehaviorVersion,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Client<P> {
    /// Sets a client up with the settings of the other services' clients.
    pub(super) fn new(
        config: &SdkConfig,
        scope: &Scope,
        interceptors: impl IntoIterator<Item = SharedInterceptor>,
    ) -> Self {
        let behavior = config.behavior_version().unwrap_or_else(BehaviorVersion::v2026_01_12);
        Self { settings: Settings::new(&P::SERVICE, config, scope, interceptors), behavior, protocol: PhantomData }
    }

    /// Makes one call.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        input: P::Input,
    ) -> Result<P::Output, SdkError<Refused, HttpResponse>> {
        Operation::builder()
            .service_name(P::SERVICE.id)
            .operation_name(operation)
            .behavior_version(self.behavior)
            .runtime_plugin(self.settings.clone())
            .serializer(move |input: P::Input| request(P::write(operation, &input)))
            .deserializer(read::<P>)
            .build()
            .invoke(input)
            .await
    }
}

fn request(body: Body) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", body.content_type);
    headers.insert("content-length", body.text.len().to_string());
    if let Some(target) = body.target {
        headers.insert("x-amz-target", target);
    }
    *request.body_mut() = SdkBody::from(body.text);
    Ok(request)
}

fn read<P: Protocol>(response: &HttpResponse) -> Result<P::Output, OrchestratorError<Refused>> {
    let answer = P::parse(response.body().bytes().unwrap_or_default());
    if response.status().is_success() {
        return answer.map_err(OrchestratorError::response);
    }
    // An error that can't be read has no code: whether the call was made is unknown.
    let meta = apply_request_id(ErrorMetadata::builder(), response.headers());
    Err(OrchestratorError::operation(Refused { meta: P::refusal(&answer.unwrap_or_default(), meta).build() }))
}

/// The settings that are the same for every call.
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

impl Settings {
    /// Takes over the settings of the other services' clients.
    fn new(
        service: &Service,
        config: &SdkConfig,
        scope: &Scope,
        interceptors: impl IntoIterator<Item = SharedInterceptor>,
    ) -> Self {
        let mut layer = Layer::new("vssctl::runtime");
        layer.store_put(ApiMetadata::new(service.name, env!("CARGO_PKG_VERSION")));
        layer.store_put(SigningName::from_static(service.name));
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
        let mut components = RuntimeComponentsBuilder::new("vssctl::runtime");
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
            service, config, scope,
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

/// Finds the endpoint of a service: the one that the configuration gives for it (`AWS_ENDPOINT_URL_EC2`, a profile) or
/// for all services, otherwise AWS's own.
pub(super) fn endpoint(service: &Service, config: &SdkConfig, scope: &Scope) -> String {
    let own = || {
        let key =
            ServiceConfigKey::builder().service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
        config.service_config()?.load_config(key.ok()?)
    };
    let given = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() && given.is_some() {
        return given.unwrap_or_default();
    }
    own().or(given).unwrap_or_else(|| {
        let fips = if config.use_fips() == Some(true) { "-fips" } else { "" };
        let name = format!("{}{fips}", service.name);
        let partition = Partition::of(&scope.region);
        let dual_stack = config.use_dual_stack() == Some(true);
        let suffix = if dual_stack { &partition.dual_stack_suffix } else { &partition.dns_suffix };
        format!("https://{name}.{}.{suffix}", scope.region)
    })
}
