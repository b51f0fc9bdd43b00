//! The answer to one request, with the fault that a test may have ordered for it.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderValue, Request, Response, StatusCode};

use super::faults::{self, FaultKind, Late};
use super::handle::RequestRecord;
use super::inner::Inner;
use super::{step, wire};
use crate::model::clock::SANDBOX_SHIFT;
use crate::model::scope::partition_of;

/// What a client gets to see.
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

    /// Says in an answer what time it is here, and by how much that is not the machine's time.
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
        let model = scope.model;
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
        let fault = self.faults.strike(scope.service, &call.operation, write);
        let partition = partition_of(&scope.region);
        let error = fault
            .and_then(|kind| faults::error(kind, model, scope.service, &call.operation, &scope.account, partition));
        let arrives = !matches!(
            fault,
            Some(
                FaultKind::ResetBefore
                    | FaultKind::Hang
                    | FaultKind::Limited
                    | FaultKind::Conflict
                    | FaultKind::Throttle
                    | FaultKind::ServerError
                    | FaultKind::AccessDenied
                    | FaultKind::ExpiredCredentials
            )
        );
        if arrives && let Err(error) = self.admit(&scope, &call) {
            return Outcome::Reply(wire::encode_error(&scope, &error, &request_id));
        }
        match fault {
            Some(FaultKind::ResetBefore) => return Outcome::Reset,
            Some(FaultKind::Hang) => return Outcome::Hang,
            Some(FaultKind::Limited) => return Outcome::Reply(by_a_proxy(429, "", "")),
            Some(FaultKind::LateCommit(by)) => {
                let due = self.state.clock.now().saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
                self.late.push(Late {
                    due,
                    service: scope.service,
                    operation: call.operation,
                    region: scope.region,
                    account: scope.account,
                    input: call.input,
                });
                return Outcome::Reset;
            }
            Some(
                FaultKind::Throttle
                | FaultKind::Conflict
                | FaultKind::ServerError
                | FaultKind::AccessDenied
                | FaultKind::ExpiredCredentials,
            ) => {
                if let Some(error) = &error {
                    return Outcome::Reply(wire::encode_error(&scope, error, &request_id));
                }
            }
            Some(
                FaultKind::ResetAfter
                | FaultKind::Truncated
                | FaultKind::CutAt(_)
                | FaultKind::Page
                | FaultKind::Empty
                | FaultKind::FailAfter
                | FaultKind::Stale(_),
            )
            | None => {}
        }
        let answer = match fault {
            Some(FaultKind::Stale(by)) if !write => {
                self.remembered(by, scope.service, &call.operation, &scope.region, &scope.account, &call.input)
            }
            _ => self.perform(scope.service, &call.operation, &scope.region, &scope.account, &call.input),
        };
        let response = wire::encode(&scope, &call.operation, &answer, &request_id);
        let cut = |bytes: usize| {
            let (parts, body) = response.clone().into_parts();
            Response::from_parts(parts, body.slice(..bytes.min(body.len())))
        };
        match fault {
            Some(FaultKind::ResetAfter) => Outcome::Reset,
            Some(FaultKind::Truncated) => Outcome::Reply(cut(response.body().len() / 2)),
            Some(FaultKind::CutAt(bytes)) => Outcome::Reply(cut(bytes)),
            Some(FaultKind::Empty) => Outcome::Reply(cut(0)),
            Some(FaultKind::Page) => Outcome::Reply(by_a_proxy(200, "text/html", "<html><body>Sign in</body></html>")),
            Some(FaultKind::FailAfter) => match &error {
                Some(error) => Outcome::Reply(wire::encode_error(&scope, error, &request_id)),
                None => Outcome::Reset,
            },
            Some(
                FaultKind::Throttle
                | FaultKind::Conflict
                | FaultKind::Limited
                | FaultKind::ServerError
                | FaultKind::ResetBefore
                | FaultKind::AccessDenied
                | FaultKind::ExpiredCredentials
                | FaultKind::Hang
                | FaultKind::LateCommit(_)
                | FaultKind::Stale(_),
            )
            | None => Outcome::Reply(response),
        }
    }
}

/// What stands between a client and AWS answers in AWS's place.
fn by_a_proxy(status: u16, content_type: &'static str, body: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    if !content_type.is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}
