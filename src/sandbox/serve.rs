//! The sandbox as an HTTP server for any AWS client.

use std::convert::Infallible;
use std::future::Future;
use std::io;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::{Outcome, Sandbox};

/// The longest body that is read: 8 MiB.
const LONGEST_BODY: usize = 8 << 20;

impl Sandbox {
    /// Answers every connection of the listener until `shutdown` is done.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(self.clone(), stream));
                    }
                    // The listener goes on when a client has disconnected, and waits a little in case there are no file
                    // handles left.
                    Err(error) => {
                        tracing::debug!(%error, "a connection could not be accepted");
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn connection(sandbox: Sandbox, stream: TcpStream) {
    let service = service_fn(move |request| {
        let sandbox = sandbox.clone();
        async move { respond(&sandbox, request).await }
    });
    let served = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Makes hyper break a connection, which it does when the service fails.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox breaks this connection")]
struct Broken;

async fn respond(sandbox: &Sandbox, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Broken> {
    let (parts, body) = request.into_parts();
    // A body whose announced length is too long is refused without reading it.
    if body.size_hint().lower() > LONGEST_BODY as u64 {
        return Ok(too_long(sandbox));
    }
    let Ok(body) = Limited::new(body, LONGEST_BODY).collect().await else { return Ok(too_long(sandbox)) };
    let latency = sandbox.lock().latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match sandbox.respond(Request::from_parts(parts, body.to_bytes())).await {
        Outcome::Reply(response) => Ok(response.map(Full::new)),
        Outcome::Reset => Err(Broken),
        Outcome::Hang => {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
    }
}

fn too_long(sandbox: &Sandbox) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"the body is longer than 8 MiB")));
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    sandbox.date(&mut response);
    response
}
