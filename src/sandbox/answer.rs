//! Answers one request, with the fault that a test may have ordered for it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderValue, Request, Response, StatusCode};

use super::faults::{self, FaultKind, Late};
use super::handle::RequestRecord;
use super::inner::Inner;
use super::{step, wire};
use crate::model::clock::SANDBOX_SHIFT;
use crate::model::scope::partition_of;

/// What a client sees of its request.
pub(crate) enum Outcome {
    Reply(Response<Bytes>),
    Reset,
    Hang,
}

impl Inner {
    pub(super) fn answer(&mut self, request: &Request<Bytes>) -> Outcome {
        self.follow_time();
        self.take_up_late();
        let mut outcome = self.outcome(request);
        if let Outcome::Reply(response) = &mut outcome {
            self.date(response);
        }
        outcome
    }

    /// Adds to an answer the sandbox's time, and by how much it differs from the machine's time.
    pub(super) fn date<T>(&self, response: &mut Response<T>) {
        let clock = self.state.clock;
        let date = jiff::Timestamp::from_millisecond(clock.now()).unwrap_or_default();
        let text = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(text) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(DATE, text);
        }
        response.headers_mut().insert(SANDBOX_SHIFT, HeaderValue::from(clock.ahead_of_machine()));
    }

    fn outcome(&mut self, request: &Request<Bytes>) -> Outcome {
        self.answered += 1;
        let request_id = format!("{:08x}-5a4d-4b0c-8000-{:012x}", self.state.generation, self.answered);
        let scope = match wire::scope(request.headers()) {
            Ok(scope) => scope,
            Err(error) => return Outcome::Reply(wire::encode_unscoped(request, &error, &request_id)),
        };
        let call = match wire::decode(&scope, request) {
            Ok(call) => call,
            Err(error) => return Outcome::Reply(wire::encode_error(&scope, &error, &request_id)),
        };
        let write = step::writes(&call.operation);
        self.requests.push(RequestRecord {
            service: scope.service.to_owned(),
            operation: call.operation.clone(),
            write,
            region: scope.region.clone(),
            account: scope.account.clone(),
        });
        let clock = self.time.as_ref().map(|time| time.shown);
        if !self.rates.takes(scope.service, write, clock)
            && let Some(refusal) = failure(FaultKind::Throttle, &scope, &call, &request_id)
        {
            return refusal;
        }
        let fault = self.faults.strike(scope.service, &call.operation, write);
        if let Some(outcome) = fault.and_then(|kind| before(kind, &scope, &call, &request_id)) {
            return outcome;
        }
        if let Err(error) = self.admit(&scope, &call) {
            return Outcome::Reply(wire::encode_error(&scope, &error, &request_id));
        }
        let answer = match fault {
            Some(FaultKind::LateCommit(by)) => {
                self.put_off(by, scope, call);
                return Outcome::Reset;
            }
            Some(FaultKind::Stale(by)) if !write => {
                self.remembered(by, scope.service, &call.operation, &scope.region, &scope.account, &call.input)
            }
            _ => self.perform(scope.service, &call.operation, &scope.region, &scope.account, &call.input),
        };
        let response = wire::encode(&scope, &call.operation, &answer, &request_id);
        match fault {
            Some(kind) => after(kind, response, &scope, &call, &request_id),
            None => Outcome::Reply(response),
        }
    }

    /// Keeps a request that the service takes up later.
    fn put_off(&mut self, by: Duration, scope: wire::Scope, call: wire::Call) {
        let due = self.state.clock.now().saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        self.late.push(Late {
            due,
            service: scope.service,
            operation: call.operation,
            region: scope.region,
            account: scope.account,
            input: call.input,
        });
    }
}

/// Returns the outcome of a call that its fault keeps from the service; `None` where the fault lets it through.
fn before(kind: FaultKind, scope: &wire::Scope, call: &wire::Call, request_id: &str) -> Option<Outcome> {
    match kind {
        FaultKind::ResetBefore => Some(Outcome::Reset),
        FaultKind::Hang => Some(Outcome::Hang),
        FaultKind::Limited => Some(Outcome::Reply(by_a_proxy(429, "", ""))),
        FaultKind::Throttle
        | FaultKind::Conflict
        | FaultKind::ServerError
        | FaultKind::AccessDenied
        | FaultKind::ExpiredCredentials => failure(kind, scope, call, request_id),
        FaultKind::ResetAfter
        | FaultKind::Truncated
        | FaultKind::CutAt(_)
        | FaultKind::Page
        | FaultKind::Empty
        | FaultKind::FailAfter
        | FaultKind::LateCommit(_)
        | FaultKind::Stale(_) => None,
    }
}

/// Returns the outcome of a call that the service performed.
fn after(
    kind: FaultKind,
    response: Response<Bytes>,
    scope: &wire::Scope,
    call: &wire::Call,
    request_id: &str,
) -> Outcome {
    match kind {
        FaultKind::ResetAfter => Outcome::Reset,
        FaultKind::Truncated => {
            let half = response.body().len() / 2;
            Outcome::Reply(cut(response, half))
        }
        FaultKind::CutAt(bytes) => Outcome::Reply(cut(response, bytes)),
        FaultKind::Empty => Outcome::Reply(cut(response, 0)),
        FaultKind::Page => Outcome::Reply(by_a_proxy(200, "text/html", "<html><body>Sign in</body></html>")),
        FaultKind::FailAfter => failure(kind, scope, call, request_id).unwrap_or(Outcome::Reset),
        FaultKind::Throttle
        | FaultKind::Conflict
        | FaultKind::Limited
        | FaultKind::ServerError
        | FaultKind::ResetBefore
        | FaultKind::AccessDenied
        | FaultKind::ExpiredCredentials
        | FaultKind::Hang
        | FaultKind::LateCommit(_)
        | FaultKind::Stale(_) => Outcome::Reply(response),
    }
}

/// Writes a fault that is an answer, as the service does; `None` for other faults.
fn failure(kind: FaultKind, scope: &wire::Scope, call: &wire::Call, request_id: &str) -> Option<Outcome> {
    let partition = partition_of(&scope.region);
    let error = faults::error(kind, scope.model, scope.service, &call.operation, &scope.account, partition)?;
    Some(Outcome::Reply(wire::encode_error(scope, &error, request_id)))
}

/// Ends the body of a response after so many bytes.
fn cut(response: Response<Bytes>, bytes: usize) -> Response<Bytes> {
    response.map(|body| body.slice(..bytes.min(body.len())))
}

/// Makes the answer of a proxy between the client and AWS.
fn by_a_proxy(status: u16, content_type: &'static str, body: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    if !content_type.is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}
