//! Reads every answer into memory before the SDK looks at it, so that the integrity gate can see all of it. Otherwise
//! the SDK would hand the gate a stream that has not been read from the network yet.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::gate::LIMIT;

/// Makes the HTTPS client: rustls with AWS's cryptography, proxies from the environment, and the certificates of
/// `context` if there is one.
pub(super) fn https(context: Option<tls::TlsContext>) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector =
            ConnectorBuilder::default().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc));
        if let Some(context) = &context {
            connector = connector.tls_context(context.clone());
        }
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
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
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            *answer.body_mut() = SdkBody::from(read(body).await?);
            Ok(answer)
        })
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
