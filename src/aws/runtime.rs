//! The SDK's own runtime for services without a generated client here: signing, retries, timeouts, user agent, endpoint
//! settings and interceptors, as the generated clients have them.

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
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, SharedEndpointResolver};
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{Order, RuntimePlugin};
use aws_smithy_types::config_bag::{FrozenLayer, Layer};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

use crate::model::Scope;

/// A service as settings name it.
#[derive(Debug)]
pub(super) struct Service {
    /// In hosts and signatures, such as `ec2`.
    pub(super) name: &'static str,
    /// In configuration files and variables, such as `EC2`.
    pub(super) id: &'static str,
}

/// A service's refusal of a request.
#[derive(Debug)]
pub(super) struct Refused {
    meta: ErrorMetadata,
}

impl Refused {
    pub(super) fn new(meta: ErrorMetadata) -> Self {
        Self { meta }
    }
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

/// What is the same for every call.
#[derive(Clone, Debug)]
pub(super) struct Settings {
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
    /// Takes over what the other services' clients have.
    pub(super) fn new(
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

/// Where a service is: where the configuration says, for it (`AWS_ENDPOINT_URL_EC2`, a profile) or for all, else at AWS's.
fn endpoint(service: &Service, config: &SdkConfig, scope: &Scope) -> String {
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
        let suffix = match (scope.partition(), config.use_dual_stack() == Some(true)) {
            ("aws-cn", true) => "api.amazonwebservices.com.cn",
            ("aws-cn", false) => "amazonaws.com.cn",
            (_, true) => "api.aws",
            (_, false) => "amazonaws.com",
        };
        format!("https://{name}.{}.{suffix}", scope.region)
    })
}
