//! Reads every answer into memory before the SDK looks at it, so that the integrity gate can see all of it. Otherwise
//! the SDK would hand the gate a stream that has not been read from the network yet.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, ConnectorBuilder, tls};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::endpoint::{ForeignEndpoint, is_aws_url, is_loopback_url};
use super::gate::LIMIT;

/// Makes the HTTPS client: rustls with AWS's cryptography, proxies from the environment, and the certificates of
/// `context` if there is one. What goes to this machine, or to the instance's own metadata, goes past every proxy.
pub(super) fn https(context: Option<&tls::TlsContext>) -> SharedHttpClient {
    let [proxied, direct] = [ProxyConfig::from_env(), ProxyConfig::disabled()].map(|proxies| {
        let context = context.cloned();
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = ConnectorBuilder::default()
                .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc));
            if let Some(context) = &context {
                connector = connector.tls_context(context.clone());
            }
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            connector.set_proxy_config(Some(proxies.clone()));
            connector.build()
        })
    });
    SharedHttpClient::new(ByHost { proxied, direct })
}

/// Sends what stays near past the proxies.
#[derive(Debug)]
struct ByHost {
    proxied: SharedHttpClient,
    direct: SharedHttpClient,
}

impl HttpClient for ByHost {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let [proxied, direct] = [&self.proxied, &self.direct].map(|client| client.http_connector(settings, components));
        SharedHttpConnector::new(ByHostConnector { proxied, direct })
    }
}

#[derive(Debug)]
struct ByHostConnector {
    proxied: SharedHttpConnector,
    direct: SharedHttpConnector,
}

impl HttpConnector for ByHostConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let near = is_loopback_url(request.uri()) || is_metadata_url(request.uri());
        if near { self.direct.call(request) } else { self.proxied.call(request) }
    }
}

/// Tells whether an address is that of the metadata of an instance or a container.
fn is_metadata_url(url: &str) -> bool {
    const HOSTS: [&str; 5] =
        ["169.254.169.254", "[fd00:ec2::254]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];
    url.parse::<http::Uri>().is_ok_and(|url| url.host().is_some_and(|host| HOSTS.contains(&host)))
}

/// A request that came to no answer, with where it went. The SDK's own errors do not say it.
#[derive(Debug, thiserror::Error)]
#[error("`{url}` did not answer")]
pub(super) struct Unreached {
    url: String,
    source: BoxError,
}

/// Wraps a client so that what asks for credentials goes nowhere but to AWS and this machine either: its requests are
/// signed, or carry the token of a session, and pass no interceptor.
pub(super) fn careful(inner: SharedHttpClient, allow_any: bool) -> SharedHttpClient {
    SharedHttpClient::new(Careful { inner, allow_any })
}

#[derive(Debug)]
struct Careful {
    inner: SharedHttpClient,
    allow_any: bool,
}

impl HttpClient for Careful {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(CarefulConnector { inner, allow_any: self.allow_any })
    }
}

#[derive(Debug)]
struct CarefulConnector {
    inner: SharedHttpConnector,
    allow_any: bool,
}

impl HttpConnector for CarefulConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let url = request.uri();
        let is_secret = ["authorization", "x-amz-sso_bearer_token"].iter().any(|name| {
            request.headers().get(*name).is_some_and(|value| *name != "authorization" || is_signature(value))
        });
        if is_secret && !self.allow_any && !is_loopback_url(url) && !is_aws_url(url) {
            let foreign = ForeignEndpoint(url.to_owned());
            return HttpConnectorFuture::ready(Err(ConnectorError::user(foreign.into())));
        }
        self.inner.call(request)
    }
}

fn is_signature(authorization: &str) -> bool {
    authorization.starts_with("AWS4-")
}

/// Wraps a client so that its answers are in memory.
pub(super) fn whole(inner: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Whole { inner })
}

#[derive(Debug)]
struct Whole {
    inner: SharedHttpClient,
}

impl HttpClient for Whole {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(WholeConnector { inner: self.inner.http_connector(settings, components) })
    }
}

#[derive(Debug)]
struct WholeConnector {
    inner: SharedHttpConnector,
}

impl HttpConnector for WholeConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let url = without_query(request.uri());
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await.map_err(|error| with_url(error, url))?;
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            *answer.body_mut() = SdkBody::from(read(body).await?);
            Ok(answer)
        })
    }
}

/// A query may hold what nobody else should read.
fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Says where a request went that came to no answer; what sort of failure it is stays as it was.
fn with_url(error: ConnectorError, url: String) -> ConnectorError {
    let (io, timeout, user, kind) = (error.is_io(), error.is_timeout(), error.is_user(), error.as_other());
    let source = Unreached { url, source: error.into_source() }.into();
    match (io, timeout, user) {
        (true, _, _) => ConnectorError::io(source),
        (_, true, _) => ConnectorError::timeout(source),
        (_, _, true) => ConnectorError::user(source),
        (false, false, false) => ConnectorError::other(source, kind),
    }
}

/// Reads a body, but not beyond the size that the gate accepts.
async fn read(body: SdkBody) -> Result<Vec<u8>, ConnectorError> {
    let mut stream = ByteStream::new(body);
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        // The request was sent already: only the rest of its answer is lost.
        bytes.extend_from_slice(&chunk.map_err(|error| ConnectorError::io(error.into()))?);
        if bytes.len() > LIMIT {
            return Err(ConnectorError::other("the answer is larger than any real one".into(), None));
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit_and_not_beyond() {
        assert_eq!(read(SdkBody::from("whole")).await.expect("a body"), b"whole");
        assert!(read(SdkBody::from(vec![b'x'; LIMIT + 1])).await.is_err());
    }
}
