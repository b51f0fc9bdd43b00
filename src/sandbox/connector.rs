//! The sandbox as an HTTP client of the AWS SDK: requests never leave the process.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::Request;

use super::{Outcome, Sandbox};

impl Sandbox {
    /// Returns credentials that the sandbox takes for those of account 123456789012.
    pub fn credentials() -> Credentials {
        Credentials::new("AKIASANDBOX000000000", "sandbox", None, None, "vssctl sandbox")
    }

    /// Returns credentials of another access key of account 123456789012, for [`Sandbox::restrict`].
    pub fn credentials_of(access_key: &str) -> Credentials {
        Credentials::new(access_key, "sandbox", None, None, "vssctl sandbox")
    }

    /// Returns an HTTP client for the SDK's configuration that asks this sandbox, in the same process.
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(Connector { sandbox: self.clone() });
        http_client_fn(move |_settings, _components| connector.clone())
    }
}

#[derive(Debug)]
struct Connector {
    sandbox: Sandbox,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sandbox = self.sandbox.clone();
        HttpConnectorFuture::new(async move {
            let request = convert(&request)?;
            match sandbox.respond(request).await {
                Outcome::Reply(response) => {
                    let (parts, body) = response.into_parts();
                    let mut answer = HttpResponse::new(parts.status.into(), SdkBody::from(body));
                    for (name, value) in &parts.headers {
                        let value = value.to_str().map_err(|error| ConnectorError::user(error.into()))?;
                        answer.headers_mut().append(name.as_str().to_owned(), value.to_owned());
                    }
                    Ok(answer)
                }
                Outcome::Reset => {
                    let error =
                        std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset by the sandbox");
                    Err(ConnectorError::io(error.into()))
                }
                Outcome::Hang => std::future::pending().await,
            }
        })
    }
}

fn convert(request: &HttpRequest) -> Result<Request<Bytes>, ConnectorError> {
    let body = request.body().bytes().ok_or_else(|| ConnectorError::user("the body is a stream".into()))?;
    let mut builder = Request::builder().method(request.method()).uri(request.uri());
    for (name, value) in request.headers() {
        builder = builder.header(name, value);
    }
    builder.body(Bytes::copy_from_slice(body)).map_err(|error| ConnectorError::user(error.into()))
}
