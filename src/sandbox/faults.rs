//! Faults that a test orders: which call they hit, and what the client sees.

use super::account::ApiError;
use super::sts;
use super::wire::model::{Model, Protocol};

/// What happens instead of the usual answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The request is refused as too many; nothing changes.
    Throttle,
    /// The service fails before it does anything.
    ServerError,
    /// The connection breaks before the service sees the request.
    ResetBefore,
    /// The change stands, but the connection breaks before the answer arrives.
    ResetAfter,
    /// The caller may not make this call.
    AccessDenied,
    /// The caller's credentials have expired.
    ExpiredCredentials,
    /// The request is never answered and never done.
    Hang,
    /// The change stands, but half of the answer's body is missing.
    Truncated,
}

/// One order: the `nth` matching call and those after it, `times` in all.
#[derive(Clone, Debug)]
pub struct Fault {
    kind: FaultKind,
    service: Option<String>,
    operation: Option<String>,
    skip: u32,
    times: u32,
}

impl Fault {
    /// Orders a fault for the next call, whichever it is.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, service: None, operation: None, skip: 0, times: 1 }
    }

    /// Only calls of this service: `iam`, `sts`, `ssm`, `backup` or `tagging`.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    /// Only calls of this operation, such as `CreateRole`.
    #[must_use]
    pub fn operation(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Lets matching calls pass before this one; the first is 1.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.skip = nth.saturating_sub(1);
        self
    }

    /// Hits this many matching calls; one unless told. `u32::MAX` is for ever.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    fn matches(&self, service: &str, operation: &str) -> bool {
        self.service.as_deref().is_none_or(|wanted| wanted == service)
            && self.operation.as_deref().is_none_or(|wanted| wanted == operation)
    }
}

/// The orders of a sandbox, first come first served.
#[derive(Debug, Default)]
pub(super) struct Faults {
    orders: Vec<Fault>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.orders.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.orders.clear();
    }

    /// Says what is to happen to a call, and crosses it off.
    pub(super) fn strike(&mut self, service: &str, operation: &str) -> Option<FaultKind> {
        let mut struck = None;
        for order in self.orders.iter_mut().filter(|order| order.matches(service, operation)) {
            if order.skip > 0 {
                order.skip -= 1;
            } else if order.times > 0 && struck.is_none() {
                order.times = if order.times == u32::MAX { u32::MAX } else { order.times - 1 };
                struck = Some(order.kind);
            }
        }
        self.orders.retain(|order| order.times > 0);
        struck
    }
}

/// Gives a fault that is an answer the form that the service gives it; the others have none.
pub(super) fn error(
    kind: FaultKind,
    model: &Model,
    service: &str,
    operation: &str,
    account: &str,
    partition: &str,
) -> Option<ApiError> {
    let protocol = model.metadata.protocol;
    match kind {
        FaultKind::Throttle => Some(match (protocol, service) {
            (Protocol::Query, _) => ApiError::new(400, "Throttling", "Rate exceeded"),
            (Protocol::Json, "tagging") => ApiError::new(400, "ThrottledException", "Rate exceeded"),
            (Protocol::Json, _) => ApiError::new(400, "ThrottlingException", "Rate exceeded"),
            (Protocol::RestJson, _) => ApiError::new(429, "TooManyRequestsException", "Too Many Requests"),
        }),
        FaultKind::ServerError => Some(match (protocol, service) {
            (Protocol::Query, "iam") => ApiError::new(500, "ServiceFailure", "The request processing has failed."),
            (Protocol::Query, _) => ApiError::new(500, "InternalFailure", "The request processing has failed."),
            (Protocol::Json, "tagging") => ApiError::new(500, "InternalServiceException", "Internal error"),
            (Protocol::Json, _) => ApiError::new(500, "InternalServerError", "Internal error"),
            (Protocol::RestJson, _) => ApiError::new(500, "ServiceUnavailableException", "Service unavailable"),
        }),
        FaultKind::AccessDenied => {
            let caller = sts::caller_arn(partition, account);
            let prefix = if service == "tagging" { "tag" } else { service };
            let message = format!(
                "User: {caller} is not authorized to perform: {prefix}:{operation} because no identity-based policy \
                 allows the {prefix}:{operation} action"
            );
            Some(match protocol {
                Protocol::Query => ApiError::new(403, "AccessDenied", message),
                Protocol::Json => ApiError::new(400, "AccessDeniedException", message),
                Protocol::RestJson => ApiError::new(403, "AccessDeniedException", message),
            })
        }
        FaultKind::ExpiredCredentials => {
            let message = "The security token included in the request is expired";
            Some(match protocol {
                Protocol::Query => ApiError::new(403, "ExpiredToken", message),
                Protocol::Json => ApiError::new(400, "ExpiredTokenException", message),
                Protocol::RestJson => ApiError::new(403, "ExpiredTokenException", message),
            })
        }
        FaultKind::ResetBefore | FaultKind::ResetAfter | FaultKind::Hang | FaultKind::Truncated => None,
    }
}
