//! Why a connection or an account was refused, in words.

use super::clock::{MEND, clocks_apart};
use super::exit::CliError;
use crate::aws::{ConnectError, ErrorKind, GuardError, NO_CREDENTIALS};
use crate::engine::OpenError;

/// Says why there is no session.
pub(super) fn unopened(error: OpenError, profile: Option<&str>) -> CliError {
    match error {
        OpenError::Connect(error) => refused_connection(error),
        OpenError::Guard(error) => guarded(error, profile),
        OpenError::Root => CliError::refused("nothing was read or changed: these are the credentials of the root user")
            .hint("choose a role or user with `--profile`; `vssctl permissions` prints what it needs"),
        OpenError::Clock(gap) => CliError::refused(format!("nothing was changed: {}", clocks_apart(gap)))
            .hint(MEND)
            .hint("if the clock is right, a proxy changes the `Date` of AWS's answers: go without it"),
    }
}

fn refused_connection(error: ConnectError) -> CliError {
    match error {
        ConnectError::Endpoint(_) => CliError::refused("the endpoint is refused")
            .because(error)
            .hint("`--allow-endpoint` lets signed calls go there"),
        ConnectError::Url(_) => CliError::invalid("there is no such endpoint")
            .because(error)
            .hint("`--endpoint-url`, AWS_ENDPOINT_URL and a profile's `endpoint_url` take `https://HOST[:PORT]`"),
        ConnectError::CaBundle { .. } | ConnectError::Certificates { .. } => {
            CliError::invalid("could not set up the connection").because(error)
        }
    }
}

fn guarded(error: GuardError, profile: Option<&str>) -> CliError {
    match error {
        // An error without a code did not come from AWS: there are no credentials to ask with.
        GuardError::Identity(error) if error.kind == ErrorKind::Credentials && error.code.is_none() => {
            let message = match profile {
                Some(profile) => format!("no AWS credentials in the profile `{profile}`"),
                None => "no AWS credentials found".to_owned(),
            };
            tracing::debug!(error = error.sentence(), "no credentials");
            let detail = error.reason();
            let failed = CliError::failed(message);
            let failed = if detail == NO_CREDENTIALS { failed } else { failed.because(detail) };
            failed
                .hint(
                    "name a profile with `--profile`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and \
                     AWS_SECRET_ACCESS_KEY",
                )
                .hint("`--sandbox` needs none: it is a simulated account")
        }
        GuardError::Identity(error) => CliError::from(error),
        GuardError::Account { .. } | GuardError::Partition { .. } => {
            CliError::refused("wrong account: nothing was read or changed")
                .because(error)
                .hint("choose other credentials with `--profile`, or another file with `--file`")
        }
    }
}
