//! Where signed requests may go: to AWS and to this machine, unless the run allows any place.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::ConnectError;
use crate::model::partition::is_service_host;

/// Keeps signed requests from going anywhere but AWS and this machine, whatever the environment and profiles say
/// (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_BACKUP`, `endpoint_url` of a profile).
#[derive(Debug)]
pub(super) struct EndpointGuard {
    pub(super) allow_any: bool,
}

#[dyn_dispatch_hint]
impl Intercept for EndpointGuard {
    fn name(&self) -> &'static str {
        "vssctl::endpoint"
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uri = context.request().uri();
        if self.allow_any || is_loopback_url(uri) || is_aws_url(uri) {
            Ok(())
        } else {
            Err(ForeignEndpoint(uri.to_owned()).into())
        }
    }
}

/// An endpoint that must not get a signed request.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither AWS nor this machine, and a signed request would go there")]
pub(super) struct ForeignEndpoint(pub(super) String);

/// Tells whether an endpoint that was asked for may have signed requests.
pub(super) fn allowed(endpoint: &str, any: bool) -> Result<(), ConnectError> {
    let scheme = endpoint.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) || host_of(endpoint).is_none_or(|host| host.is_empty()) {
        return Err(ConnectError::Url(endpoint.to_owned()));
    }
    if any || is_loopback_url(endpoint) || is_aws_url(endpoint) {
        Ok(())
    } else {
        Err(ConnectError::Endpoint(endpoint.to_owned()))
    }
}

fn host_of(url: &str) -> Option<String> {
    let url: http::Uri = url.parse().ok()?;
    url.host().map(str::to_ascii_lowercase)
}

pub(super) fn is_loopback_url(url: &str) -> bool {
    let Some(host) = host_of(url) else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

pub(super) fn is_aws_url(url: &str) -> bool {
    url.starts_with("https://") && host_of(url).is_some_and(|host| is_service_host(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_aws_get_signed_requests() {
        for url in ["http://localhost:5000", "http://127.0.0.1:5000/x", "http://[::1]:80/", "http://backup.localhost:1"]
        {
            assert!(is_loopback_url(url), "{url}");
        }
        for url in ["http://127.0.0.1.example.com", "http://example.com", "nonsense", "http://10.0.0.1/"] {
            assert!(!is_loopback_url(url) && !is_aws_url(url), "{url}");
        }
        assert!(is_aws_url("https://backup.ap-northeast-1.amazonaws.com/backup/plans"));
        assert!(is_aws_url("https://iam.cn-north-1.amazonaws.com.cn/"));
        assert!(!is_aws_url("http://iam.amazonaws.com/") && !is_aws_url("https://iam.amazonaws.com.example.org/"));
    }
}
