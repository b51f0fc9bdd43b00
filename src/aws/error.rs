//! The one form of all failures between vssctl and AWS, converted in one place from the SDK's errors.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use super::connect::ForeignEndpoint;
use super::fence::LeaseOver;
use crate::model::operation::passes;

/// The kinds of failure, as far as the program treats them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// AWS says that the resource does not exist.
    NotFound,
    /// AWS says that the resource exists already.
    AlreadyExists,
    /// The caller does not have the permission.
    AccessDenied,
    /// AWS refused the call as one of too many.
    Throttled,
    /// A change made a moment ago is not visible everywhere yet; waiting helps.
    Propagating,
    /// A quota is used up.
    Quota,
    /// There are no credentials, or they are expired or wrong.
    Credentials,
    /// The endpoint is neither AWS nor this machine: the request was not sent.
    Endpoint,
    /// The request never reached AWS.
    Unreachable,
    /// Whether AWS performed the call is unknown: there was no answer, a server error, or an answer that can't be read.
    Unsettled,
    /// The lease is over: the request was signed and not sent.
    LeaseLost,
    /// AWS refused the request, and would refuse it again.
    Rejected,
}

/// The message for the case that no source of credentials has any.
pub const NO_CREDENTIALS: &str = "no source of credentials has any";

/// A failed call.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "{service}:{operation} failed{}: {message}",
    code.as_ref().map(|code| format!(" with {code}")).unwrap_or_default()
)]
pub struct AwsError {
    /// The IAM prefix of the service, such as `iam`.
    pub service: String,
    /// The operation, such as `CreateRole`.
    pub operation: String,
    /// AWS's error code.
    pub code: Option<String>,
    /// AWS's message, or a description of what happened on the wire.
    pub message: String,
    /// AWS's request id.
    pub request_id: Option<String>,
    /// The kind, which says how the program treats it.
    pub kind: ErrorKind,
    /// How long AWS asks to wait before the next try.
    pub retry_after: Option<Duration>,
}

impl AwsError {
    /// Makes the error of an answer that can't be right, such as a list that names the same page twice.
    pub fn unsettled(service: &str, operation: &str, message: impl Into<String>) -> Self {
        Self::local(service, operation, ErrorKind::Unsettled, message.into())
    }

    /// Makes the error of a request that can't be sent, such as a planned call without a required value.
    pub fn rejected(service: &str, operation: &str, message: impl Into<String>) -> Self {
        Self::local(service, operation, ErrorKind::Rejected, message.into())
    }

    fn local(service: &str, operation: &str, kind: ErrorKind, message: String) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            code: None,
            message,
            request_id: None,
            kind,
            retry_after: None,
        }
    }

    /// Returns the IAM action of the failed operation, such as `iam:CreateRole`, which is the one to allow. Some
    /// operations need more than the action of their name (`iam:PassRole`, `backup-storage:MountCapsule`); AWS's
    /// message says which one was missing.
    pub fn action(&self) -> String {
        let named = self.message.split_once("not authorized to perform: ").map(|(_, rest)| rest);
        let named =
            named.and_then(|rest| rest.split_whitespace().next()).filter(|_| self.kind == ErrorKind::AccessDenied);
        let is_action = |text: &&str| {
            text.split_once(':').is_some_and(|(prefix, action)| {
                let fits = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                !prefix.is_empty() && !action.is_empty() && fits(prefix) && fits(action)
            })
        };
        named.filter(is_action).map_or_else(|| format!("{}:{}", self.service, self.operation), str::to_owned)
    }

    /// Tells whether AWS says that the resource exists already.
    pub fn is_already_there(&self) -> bool {
        self.kind == ErrorKind::AlreadyExists
    }

    /// Tells whether AWS says that the resource does not exist.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }
}

/// Classifies a service error by its code, its operation and, where AWS gives no other hint, its message.
pub(crate) fn classify(operation: &str, code: Option<&str>, message: &str, status: u16) -> ErrorKind {
    let Some(code) = code else {
        // Without a code the meaning of an answer is unknown; only a plain "too many" is clear.
        return if status == 429 { ErrorKind::Throttled } else { ErrorKind::Unsettled };
    };
    // AWS's own policies are visible everywhere at all times: one that does not exist now never will.
    let lower = message.to_lowercase();
    let never = code == "NoSuchEntity" && lower.contains(":iam::aws:policy/");
    if never && lower.contains("does not exist or is not attachable") {
        return ErrorKind::Rejected;
    }
    if passes(operation, code, message) {
        return ErrorKind::Propagating;
    }
    match code {
        "NoSuchEntity"
        | "NoSuchEntityException"
        | "NotFoundException"
        | "ResourceNotFoundException"
        | "AssociationDoesNotExist"
        | "ParameterNotFound"
        | "InvalidAssociation"
        | "InvalidAssociationID.NotFound"
        | "InvalidInstanceID.NotFound"
        | "InvalidAMIID.NotFound"
        | "InvalidSnapshot.NotFound" => ErrorKind::NotFound,
        "EntityAlreadyExists"
        | "EntityAlreadyExistsException"
        | "AlreadyExistsException"
        | "AssociationAlreadyExists"
        | "ParameterAlreadyExists" => ErrorKind::AlreadyExists,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "AuthorizationError"
        | "InsufficientPrivilegesException" => ErrorKind::AccessDenied,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "EC2ThrottledException"
        | "PriorRequestNotComplete"
        | "SlowDown" => ErrorKind::Throttled,
        // Backup and IAM use this code for a used-up quota. The SDK takes it for throttling; vssctl does not.
        "LimitExceeded"
        | "LimitExceededException"
        | "ParameterLimitExceeded"
        | "AssociationLimitExceeded"
        | "AssociationVersionLimitExceeded"
        | "ServiceQuotaExceededException" => ErrorKind::Quota,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "AuthFailure"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "OptInRequired"
        | "RequestTimeTooSkewed" => ErrorKind::Credentials,
        _ if status >= 500 => ErrorKind::Unsettled,
        _ => ErrorKind::Rejected,
    }
}

/// Converts an SDK error. `service` is the IAM prefix.
pub(crate) fn convert<E>(service: &str, operation: &str, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let make = |kind, code: Option<&str>, message: String, request_id: Option<&str>| AwsError {
        service: service.to_owned(),
        operation: operation.to_owned(),
        code: code.map(str::to_owned),
        message,
        request_id: request_id.map(str::to_owned),
        kind,
        retry_after: None,
    };
    if cause::<LeaseOver>(error).is_some() {
        return make(ErrorKind::LeaseLost, None, LeaseOver.to_string(), None);
    }
    if let Some(foreign) = cause::<ForeignEndpoint>(error) {
        return make(ErrorKind::Endpoint, None, foreign.to_string(), None);
    }
    if let Some(credentials) = cause::<CredentialsError>(error) {
        return make(ErrorKind::Credentials, None, without_credentials(credentials), None);
    }
    match error {
        SdkError::ServiceError(failure) => {
            let metadata = failure.err().meta();
            let status = failure.raw().status().as_u16();
            let page = failure.raw().headers().get("content-type").is_some_and(|kind| kind.contains("html"));
            let message = match (metadata.message(), metadata.code()) {
                (Some(message), _) => message.to_owned(),
                (None, None) if page => format!("the answer (HTTP {status}) is a web page: that is not AWS"),
                (None, None) => format!("the answer (HTTP {status}) is none that AWS gives"),
                (None, Some(_)) => "AWS gave no message".to_owned(),
            };
            let kind = classify(operation, metadata.code(), &message, status);
            let request_id = metadata.request_id().or_else(|| failure.raw().request_id());
            let retry_after = retry_after(|name| failure.raw().headers().get(name));
            AwsError { retry_after, ..make(kind, metadata.code(), message, request_id) }
        }
        SdkError::ConstructionFailure(_) => {
            // Signing failed, or a required value is missing: no request was sent.
            let kind = if is_about_credentials(error) { ErrorKind::Credentials } else { ErrorKind::Rejected };
            make(kind, None, chain(error), None)
        }
        SdkError::DispatchFailure(failure) => {
            let connector = failure.as_connector_error();
            let text = chain(error);
            let kind = if is_about_credentials(error) {
                ErrorKind::Credentials
            } else if connector.is_some_and(ConnectorError::is_user) || never_connected(&text) {
                ErrorKind::Unreachable
            } else {
                ErrorKind::Unsettled
            };
            make(kind, None, text, None)
        }
        SdkError::TimeoutError(_) => {
            make(ErrorKind::Unsettled, None, format!("no answer in time ({})", chain(error)), None)
        }
        // For services with JSON: a proxy's "too many" has no body that could be parsed.
        SdkError::ResponseError(failure) if failure.raw().status().as_u16() == 429 => {
            let retry_after = retry_after(|name| failure.raw().headers().get(name));
            let message = "too many requests (HTTP 429)".to_owned();
            AwsError { retry_after, ..make(ErrorKind::Throttled, None, message, failure.raw().request_id()) }
        }
        SdkError::ResponseError(failure) => make(
            ErrorKind::Unsettled,
            None,
            format!("the answer can't be read ({})", chain(error)),
            failure.raw().request_id(),
        ),
        _ => make(ErrorKind::Unsettled, None, chain(error), None),
    }
}

/// Reads how long AWS asks to wait: seconds, or milliseconds in its own header.
fn retry_after<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let number = |name: &str| header(name).and_then(|text| text.trim().parse().ok());
    number("x-amz-retry-after").map(Duration::from_millis).or_else(|| number("retry-after").map(Duration::from_secs))
}

fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    chain(error).contains("credentials")
}

/// Finds an error among the causes of another.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref() {
            return Some(found);
        }
        next = current.source();
    }
    None
}

/// Says why there are no credentials. Where none were found at all, the SDK's own text would only describe its inner
/// workings.
fn without_credentials(error: &CredentialsError) -> String {
    match (error, error.source()) {
        (CredentialsError::CredentialsNotLoaded(_), Some(source)) if !source.to_string().contains("in chain") => {
            chain(source)
        }
        (CredentialsError::CredentialsNotLoaded(_), _) => NO_CREDENTIALS.to_owned(),
        (_, Some(source)) => chain(source),
        (_, None) => error.to_string(),
    }
}

/// Tells whether a dispatch failure happened before any byte of the request could have left.
fn never_connected(text: &str) -> bool {
    let text = text.to_lowercase();
    [
        "connection refused",
        "dns error",
        "failed to lookup",
        "tcp connect",
        "network is unreachable",
        "no route to host",
        "certificate",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// Writes out an error and its causes; the SDK's own text says only "service error" or "dispatch failure".
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(current) = cause {
        let text = current.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        cause = current.source();
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(operation: &str, code: &str, message: &str) -> ErrorKind {
        classify(operation, Some(code), message, 400)
    }

    #[test]
    fn a_denial_names_the_action_that_was_missing() {
        let error = |message: &str| AwsError {
            code: Some("AccessDenied".to_owned()),
            ..AwsError::local("iam", "AddRoleToInstanceProfile", ErrorKind::AccessDenied, message.to_owned())
        };
        let message = "User: arn:aws:iam::1:user/u is not authorized to perform: iam:PassRole on resource: x because";
        assert_eq!(error(message).action(), "iam:PassRole");
        assert_eq!(error("no").action(), "iam:AddRoleToInstanceProfile");
        assert_eq!(error("is not authorized to perform: `rm -rf` on").action(), "iam:AddRoleToInstanceProfile");
    }

    #[test]
    fn a_used_up_quota_is_not_throttling() {
        assert_eq!(kind("CreateBackupVault", "LimitExceededException", "vaults"), ErrorKind::Quota);
        assert_eq!(kind("CreateBackupVault", "ThrottlingException", "Rate exceeded"), ErrorKind::Throttled);
    }

    #[test]
    fn a_role_that_aws_backup_does_not_see_yet_is_worth_waiting_for() {
        let message = "IAM Role arn:aws:iam::123456789012:role/x cannot be assumed by AWS Backup";
        assert_eq!(kind("CreateBackupSelection", "InvalidParameterValueException", message), ErrorKind::Propagating);
        assert_eq!(kind("CreateBackupPlan", "InvalidParameterValueException", message), ErrorKind::Rejected);
        assert_eq!(
            kind("CreateBackupSelection", "InvalidParameterValueException", "no such field"),
            ErrorKind::Rejected
        );
    }

    #[test]
    fn a_missing_role_is_propagation_after_a_create_and_absence_for_a_delete() {
        assert_eq!(kind("AttachRolePolicy", "NoSuchEntity", "gone"), ErrorKind::Propagating);
        assert_eq!(kind("DetachRolePolicy", "NoSuchEntity", "gone"), ErrorKind::NotFound);
    }

    #[test]
    fn a_missing_policy_of_aws_is_not_waited_for() {
        let message = |arn: &str| format!("Policy {arn} does not exist or is not attachable.");
        let (aws, own) = (message("arn:aws-cn:iam::aws:policy/x"), message("arn:aws:iam::123456789012:policy/x"));
        assert_eq!(kind("AttachRolePolicy", "NoSuchEntity", &aws), ErrorKind::Rejected);
        assert_eq!(kind("AttachRolePolicy", "NoSuchEntity", &own), ErrorKind::Propagating);
        let role = "The role with name x cannot be found.";
        assert_eq!(kind("AttachRolePolicy", "NoSuchEntity", role), ErrorKind::Propagating);
    }

    #[test]
    fn an_answer_without_a_code_settles_nothing() {
        assert_eq!(classify("CreateBackupPlan", None, "", 400), ErrorKind::Unsettled);
        assert_eq!(classify("CreateBackupPlan", Some("ServiceUnavailableException"), "", 500), ErrorKind::Unsettled);
        assert_eq!(classify("ListRoles", None, "", 429), ErrorKind::Throttled);
    }
}
