//! The one form of all failures between vssctl and AWS, converted in one place from the SDK's errors.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_types::request_id::RequestId;

use super::endpoint::ForeignEndpoint;
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

/// A failed call. Its text names the call and what is wrong; [`AwsError::reason`] has the causes as well.
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
    /// AWS's message, or a description of what happened on the wire, without its causes.
    pub message: String,
    /// What caused it, where it did not come from AWS.
    pub source: Option<Arc<dyn Error + Send + Sync>>,
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
            source: None,
            request_id: None,
            kind,
            retry_after: None,
        }
    }

    /// Returns the message followed by its causes. The SDK's own text says only "dispatch failure".
    pub fn reason(&self) -> String {
        let causes = self.source.iter().flat_map(|source| errors(&**source)).map(ToString::to_string);
        joined(std::iter::once(self.message.clone()).chain(causes))
    }

    /// Returns the error's text followed by its causes.
    pub fn sentence(&self) -> String {
        Self { message: self.reason(), source: None, ..self.clone() }.to_string()
    }

    /// Finds a failed call in an error that is one, or that is one on the heap.
    pub fn of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        error.downcast_ref::<Self>().or_else(|| error.downcast_ref::<Box<Self>>().map(Box::as_ref))
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

    /// Tells whether something between vssctl and AWS answered with a web page.
    pub fn is_web_page(&self) -> bool {
        self.kind == ErrorKind::Unsettled && self.reason().contains("is a web page")
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
pub(crate) fn convert<E>(service: &str, operation: &str, error: SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let local = |kind, message: String| AwsError::local(service, operation, kind, message);
    if cause::<LeaseOver>(&error).is_some() {
        return local(ErrorKind::LeaseLost, LeaseOver.to_string());
    }
    if let Some(foreign) = cause::<ForeignEndpoint>(&error) {
        return local(ErrorKind::Endpoint, foreign.to_string());
    }
    if cause::<CredentialsError>(&error).is_some() {
        let (message, source) = without_credentials(error);
        return AwsError { source, ..local(ErrorKind::Credentials, message) };
    }
    let failed = match &error {
        SdkError::ServiceError(failure) => {
            return of_service(service, operation, failure.err().meta(), failure.raw());
        }
        SdkError::ConstructionFailure(_) => {
            // Signing failed, or a required value is missing: no request was sent.
            let kind = if is_about_credentials(&error) { ErrorKind::Credentials } else { ErrorKind::Rejected };
            local(kind, error.to_string())
        }
        SdkError::DispatchFailure(failure) => {
            let connector = failure.as_connector_error();
            let kind = if is_about_credentials(&error) {
                ErrorKind::Credentials
            } else if connector.is_some_and(ConnectorError::is_user) || never_connected(&chain(&error)) {
                ErrorKind::Unreachable
            } else {
                ErrorKind::Unsettled
            };
            local(kind, error.to_string())
        }
        SdkError::TimeoutError(_) => local(ErrorKind::Unsettled, "no answer in time".to_owned()),
        // For services with JSON: a proxy's "too many" has no body that could be parsed.
        SdkError::ResponseError(failure) if failure.raw().status().as_u16() == 429 => {
            let too_many = local(ErrorKind::Throttled, "too many requests (HTTP 429)".to_owned());
            return told_by(failure.raw(), too_many);
        }
        SdkError::ResponseError(failure) => {
            let request_id = failure.raw().request_id().map(str::to_owned);
            AwsError { request_id, ..local(ErrorKind::Unsettled, "the answer can't be read".to_owned()) }
        }
        _ => local(ErrorKind::Unsettled, error.to_string()),
    };
    AwsError { source: error.into_source().ok().map(Arc::from), ..failed }
}

/// Makes the error that a service answered with.
fn of_service(service: &str, operation: &str, metadata: &ErrorMetadata, answer: &HttpResponse) -> AwsError {
    let status = answer.status().as_u16();
    let page = answer.headers().get("content-type").is_some_and(|kind| kind.contains("html"));
    let message = match (metadata.message(), metadata.code()) {
        (Some(message), _) => message.to_owned(),
        (None, None) if page => format!("the answer (HTTP {status}) is a web page: that is not AWS"),
        (None, None) => format!("the answer (HTTP {status}) is none that AWS gives"),
        (None, Some(_)) => "AWS gave no message".to_owned(),
    };
    let kind = classify(operation, metadata.code(), &message, status);
    let told = told_by(answer, AwsError::local(service, operation, kind, message));
    let request_id = metadata.request_id().map(str::to_owned).or(told.request_id);
    AwsError { code: metadata.code().map(str::to_owned), request_id, ..told }
}

/// Adds what the headers of an answer say: its request id, and how long to wait.
fn told_by(answer: &HttpResponse, error: AwsError) -> AwsError {
    let request_id = answer.request_id().map(str::to_owned);
    AwsError { request_id, retry_after: retry_after(|name| answer.headers().get(name)), ..error }
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
    errors(error).find_map(|error| error.downcast_ref())
}

/// Gives an error and its causes, each after what it caused.
fn errors<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// Says why there are no credentials, and what caused that. Where none were found at all, the SDK's own text would only
/// describe its inner workings.
fn without_credentials<E>(error: SdkError<E, HttpResponse>) -> (String, Option<Arc<dyn Error + Send + Sync>>)
where
    E: Error + Send + Sync + 'static,
{
    let none = (NO_CREDENTIALS.to_owned(), None);
    let Ok(top) = error.into_source() else { return none };
    let Some(depth) = errors(&*top).position(<dyn Error>::is::<CredentialsError>) else { return none };
    let below: Vec<_> = errors(&*top).skip(depth).collect();
    let is_empty = matches!(below[0].downcast_ref(), Some(CredentialsError::CredentialsNotLoaded(_)));
    let message = below.get(usize::from(below.len() > 1)).map(ToString::to_string).unwrap_or_default();
    if is_empty && (below.len() == 1 || message.contains("in chain")) {
        return none;
    }
    let has_cause = below.len() > 2;
    (message, has_cause.then(|| Arc::new(Below { top, depth: depth + 2 }) as _))
}

/// The error that lies so many causes below another, which owns it.
#[derive(Debug)]
struct Below {
    top: Box<dyn Error + Send + Sync>,
    depth: usize,
}

impl Below {
    fn error(&self) -> &(dyn Error + 'static) {
        errors(&*self.top).nth(self.depth).unwrap_or(&*self.top)
    }
}

impl fmt::Display for Below {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.error(), formatter)
    }
}

impl Error for Below {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error().source()
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

/// Writes out an error and its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    joined(errors(error).map(ToString::to_string))
}

/// Joins the texts of an error and its causes. Some libraries repeat their cause in their own text.
fn joined(texts: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for text in texts {
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
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

    fn dispatch(source: Box<dyn Error + Send + Sync>) -> AwsError {
        let failed = SdkError::<ErrorMetadata, HttpResponse>::dispatch_failure(ConnectorError::io(source));
        convert("iam", "GetRole", failed)
    }

    #[test]
    fn an_error_has_its_causes_and_does_not_repeat_them() {
        let error = dispatch(Box::new(std::io::Error::other("the wire is cut")));
        assert_eq!(error.to_string(), "iam:GetRole failed: dispatch failure");
        let causes: Vec<String> = errors(&error).skip(1).map(ToString::to_string).collect();
        assert_eq!(causes, ["io error", "the wire is cut"]);
        assert_eq!(error.reason(), "dispatch failure: io error: the wire is cut");
        assert_eq!(error.sentence(), format!("iam:GetRole failed: {}", error.reason()));
        let boxed = Box::new(error);
        assert!(AwsError::of(&boxed).is_some_and(|found| found.operation == "GetRole"));
    }

    #[test]
    fn missing_credentials_are_told_by_their_cause_and_not_by_the_way_to_it() {
        let none = dispatch(Box::new(CredentialsError::not_loaded_no_source()));
        assert_eq!((none.kind, none.reason()), (ErrorKind::Credentials, NO_CREDENTIALS.to_owned()));
        let cause = dispatch(Box::new(std::io::Error::other("no file")));
        let found = dispatch(Box::new(CredentialsError::provider_error(cause)));
        assert_eq!(found.message, "iam:GetRole failed: dispatch failure");
        assert_eq!(found.reason(), "iam:GetRole failed: dispatch failure: io error: no file");
        assert_eq!(found.source().map(ToString::to_string).as_deref(), Some("io error"));
    }

    #[test]
    fn an_answer_without_a_code_settles_nothing() {
        assert_eq!(classify("CreateBackupPlan", None, "", 400), ErrorKind::Unsettled);
        assert_eq!(classify("CreateBackupPlan", Some("ServiceUnavailableException"), "", 500), ErrorKind::Unsettled);
        assert_eq!(classify("ListRoles", None, "", 429), ErrorKind::Throttled);
    }
}
