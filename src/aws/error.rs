//! One form for everything that can go wrong between us and AWS.

/// Sorts of failure, as far as the program treats them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// AWS says that the thing does not exist.
    NotFound,
    /// AWS says that it exists already.
    AlreadyExists,
    /// The caller may not do it.
    AccessDenied,
    /// Too many requests.
    Throttled,
    /// A change made a moment ago is not visible everywhere yet; worth waiting for.
    Propagating,
    /// A quota is used up.
    Quota,
    /// No credentials, or expired or wrong ones.
    Credentials,
    /// The request never reached AWS.
    Unreachable,
    /// AWS may or may not have done it: no answer, a server error, or an answer that can't be read.
    Unsettled,
    /// AWS refused the request as it stands.
    Rejected,
}

/// A failed call.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{service}:{operation} failed{}: {message}", code.as_ref().map(|code| format!(" with {code}")).unwrap_or_default())]
pub struct AwsError {
    /// The IAM prefix of the service, such as `iam`.
    pub service: String,
    /// The operation, such as `CreateRole`.
    pub operation: String,
    /// AWS's error code.
    pub code: Option<String>,
    /// AWS's message, or what happened on the wire.
    pub message: String,
    /// AWS's request id.
    pub request_id: Option<String>,
    /// How the program treats it.
    pub kind: ErrorKind,
}
