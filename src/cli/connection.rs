//! Why a connection or an account was refused, in words.

use super::clock::{MEND, clocks_apart};
use super::exit::CliError;
use super::names::{listed, nearest};
use crate::aws::{
    ConnectError, ErrorKind, GuardError, NO_CREDENTIALS, Origin, ProfileError, Reason, SignInError, Source,
};
use crate::engine::OpenError;

/// Says why there is no session.
pub(super) fn unopened(error: OpenError, profile: Option<&str>) -> CliError {
    match error {
        OpenError::Connect(ConnectError::Profile(error)) => unusable(error),
        OpenError::Connect(error) => refused_connection(error),
        OpenError::SignIn(error) => not_signed_in(error),
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
        ConnectError::CaBundle { .. } | ConnectError::Certificates { .. } | ConnectError::Profile(_) => {
            CliError::invalid("could not set up the connection").because(error)
        }
    }
}

/// Says why a profile can't be used.
fn unusable(error: ProfileError) -> CliError {
    match &error {
        ProfileError::Missing { profile, known, .. } => {
            let hint = match nearest(profile, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "`aws configure list-profiles` shows which there are: none, so far; \
                    AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name other files"
                    .to_owned(),
                None => format!("the profiles are {}", listed(known)),
            };
            CliError::failed(format!("there is no AWS profile `{profile}`")).because(error).hint(hint)
        }
        ProfileError::Mfa { profile, .. } => {
            let session = format!("aws configure export-credentials --profile {profile}");
            CliError::failed(format!("the AWS profile `{profile}` asks for an MFA code, and vssctl asks for none"))
                .hint(format!(
                    "let the AWS CLI ask: `eval \"$({session} --format env)\"`, then run vssctl without `--profile` \
                     and AWS_PROFILE"
                ))
                .hint(format!("or use a profile of its own with `credential_process = {session}`"))
                .because(error)
        }
        ProfileError::Files(_) => CliError::failed("the AWS configuration and credentials files can't be read")
            .because(error)
            .hint("mend what it names, or name other files by AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE"),
    }
}

/// Says why there are no credentials, and how to get some.
fn not_signed_in(error: SignInError) -> CliError {
    const OTHERS: &str =
        "name a profile with `--profile`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    const PROFILE: &str =
        "mend the profile in the AWS configuration or credentials file, or choose another with `--profile`";
    const SANDBOX: &str = "`--sandbox` needs none: it is a simulated account";
    let Origin { profile, base, source, roles, lacks } = error.origin.clone();
    let named = profile.as_ref().map(|profile| format!("the AWS profile `{profile}`"));
    let holder = base.or(profile).unwrap_or_default();
    let of = named.as_ref().map_or_else(String::new, |named| format!(" of {named}"));
    tracing::debug!(error = error.detail, "no credentials");
    if let Some(lacks) = lacks.filter(|_| matches!(error.reason, Reason::None | Reason::Broken | Reason::LoggedOut)) {
        let hint = if source == Source::Environment { OTHERS } else { PROFILE };
        return CliError::failed(format!("could not get the credentials{of}")).because(lacks).hint(hint);
    }
    match (&error.reason, source) {
        (Reason::Endpoint, _) => CliError::refused(format!("could not get the credentials{of}"))
            .because(error)
            .hint("`--allow-endpoint` lets signed calls go there"),
        (Reason::Unreachable, _) => CliError::failed(format!("could not get the credentials{of}")).because(error).hint(
            "check the network, the proxy settings and the region's name; AWS_ENDPOINT_URL and its like, and \
                   `endpoint_url` of a profile, send calls elsewhere",
        ),
        (Reason::Clock, _) => CliError::failed(format!("could not get the credentials{of}")).because(error).hint(MEND),
        (Reason::LoggedOut, Source::Login) => {
            logged_out(named.as_deref(), &format!("aws login --profile {holder}"), error)
        }
        (Reason::LoggedOut, _) => logged_out(named.as_deref(), &format!("aws sso login --profile {holder}"), error),
        (Reason::Refused(code), _) => {
            let hint = refusal(code, source, &holder, !roles.is_empty());
            CliError::failed(format!("could not get the credentials{of}")).because(error).hint(hint)
        }
        (Reason::Broken, Source::Process) => CliError::failed(format!("could not get the credentials{of}"))
            .because(error)
            .hint(format!("run the `credential_process` of the profile `{holder}` by itself, and see what it says")),
        (Reason::Broken, _) => {
            let hint = if named.is_some() { PROFILE } else { OTHERS };
            CliError::failed(format!("could not get the credentials{of}")).because(error).hint(hint)
        }
        (Reason::None, _) => match named {
            Some(named) if source == Source::Nothing && holder == "default" => {
                CliError::failed("no AWS credentials found")
                    .because(format!("{named} has none, and neither has the environment"))
                    .hint(OTHERS)
                    .hint(SANDBOX)
            }
            Some(named) if source == Source::Nothing => CliError::failed(format!("{named} has no credentials"))
                .hint(format!(
                    "give it keys, `sso_session`, `credential_process`, or `role_arn` with `source_profile` or \
                     `credential_source`: `aws configure --profile {holder}`"
                ))
                .hint(SANDBOX),
            Some(named) => CliError::failed(format!("no AWS credentials for {named}"))
                .because(error)
                .hint(format!("the source of the profile `{holder}` has none: mend it, or {OTHERS}"))
                .hint(SANDBOX),
            None => CliError::failed("no AWS credentials found").hint(OTHERS).hint(SANDBOX),
        },
    }
}

fn logged_out(named: Option<&str>, login: &str, error: SignInError) -> CliError {
    let of = named.unwrap_or("the environment");
    CliError::failed(format!("{of} has no session, or it is over"))
        .because(error)
        .hint(format!("log in: `{login}`"))
        .hint("if you have just done so, compare this machine's clock: a session ends by it")
}

/// Says what helps when a service refuses to give credentials.
fn refusal(code: &str, source: Source, holder: &str, assumes: bool) -> String {
    match code {
        "AccessDenied" | "AccessDeniedException" if assumes && source != Source::WebIdentity => format!(
            "the role's trust policy has to name the caller, and the caller (profile `{holder}`) needs \
             `sts:AssumeRole`; a condition of the trust policy, such as an external id or MFA, may not be met"
        ),
        "ForbiddenException" => format!(
            "somebody who runs IAM Identity Center assigns the permission set; `sso_account_id` and `sso_role_name` of \
             the profile `{holder}` say which"
        ),
        "ExpiredToken" | "ExpiredTokenException" if source == Source::WebIdentity => {
            "the token in `web_identity_token_file` is over: what writes it has to renew it".to_owned()
        }
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => {
            let profile = format!("the profile `{holder}`");
            let whose = if holder.is_empty() { "the environment" } else { profile.as_str() };
            format!("the keys of {whose} are over or wrong: renew them")
        }
        "InvalidIdentityToken" | "IDPCommunicationError" | "IDPRejectedClaim" | "AccessDenied" => {
            "the role's trust policy and the account's identity provider have to fit the token: issuer, audience and \
             subject"
                .to_owned()
        }
        _ => "choose other credentials with `--profile`".to_owned(),
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
