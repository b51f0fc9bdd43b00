//! Where credentials come from: what the profile files say of it, the providers for it, and why there are none.

use std::collections::BTreeSet;
use std::error::Error;

use aws_config::SdkConfig;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_runtime::env_config::source;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_types::os_shim_internal::{Env, Fs};

use super::endpoint::ForeignEndpoint;
use super::lacks::{half_of_environment, lacking};
use super::whole::Unreached;

/// Where the credentials of a run are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The profile, where one is used.
    pub profile: Option<String>,
    /// The profile at the end of its chain of `source_profile`, which has the credentials that the others build on.
    pub base: Option<String>,
    /// What that profile has.
    pub source: Source,
    /// The roles that are assumed with them, the first one first.
    pub roles: Vec<String>,
    /// What keeps the source from giving any, where that is to be seen without asking it: a sentence.
    pub lacks: Option<String>,
}

/// The sorts of sources that need different advice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// No profile: keys of the environment, a web identity, a container, the instance.
    #[default]
    Environment,
    /// Keys of a profile.
    Keys,
    /// `sso_session` or `sso_start_url`: `aws sso login` gets a session.
    Sso,
    /// `login_session`: `aws login` gets a session.
    Login,
    /// `credential_process`: a program.
    Process,
    /// `web_identity_token_file`: a token that somebody else writes.
    WebIdentity,
    /// `credential_source`: the environment, the container or the instance.
    Elsewhere,
    /// A profile that has no credentials.
    Nothing,
}

/// Says why a profile can't be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProfileError {
    /// No file has the profile.
    #[error("{} no profile of this name", of_files(.wanted_by.as_deref()))]
    Missing {
        /// Its name.
        profile: String,
        /// The profile that names it as its `source_profile`.
        wanted_by: Option<String>,
        /// The profiles that there are.
        known: Vec<String>,
    },
    /// The profile wants a code that only a person has.
    #[error("its `mfa_serial` is `{serial}`: a person has to type the code")]
    Mfa {
        /// The profile with `mfa_serial`.
        profile: String,
        /// The device.
        serial: String,
    },
    /// The files can't be read as profiles.
    #[error("{0}")]
    Files(String),
}

fn of_files(wanted_by: Option<&str>) -> String {
    match wanted_by {
        Some(other) => format!("the profile `{other}` names it as its `source_profile`, and the AWS files have"),
        None => "the AWS configuration and credentials files have".to_owned(),
    }
}

/// Says why there are no credentials.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct SignInError {
    /// Where they were looked for.
    pub origin: Origin,
    /// What kept them.
    pub reason: Reason,
    /// That in a sentence, with its causes.
    pub detail: String,
}

/// What keeps credentials away, as far as the advice differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No source has any.
    None,
    /// There is no session, or it is over.
    LoggedOut,
    /// A service that gives credentials is neither AWS nor this machine: the request was not sent.
    Endpoint,
    /// A service that gives credentials could not be reached.
    Unreachable,
    /// A service that gives credentials refuses signatures of this time.
    Clock,
    /// A service that gives credentials refused, with this code.
    Refused(String),
    /// The source itself is wrong: a program that fails, a file that is missing, a profile that contradicts itself.
    Broken,
}

impl Origin {
    /// Finds out where the credentials come from. `explicit` is the profile of `--profile`, which takes precedence over
    /// keys in the environment, as in the AWS CLI; `AWS_PROFILE` does not.
    pub(super) async fn find(explicit: Option<&str>) -> Result<Self, ProfileError> {
        let mut origin = Self::followed(explicit).await?;
        if explicit.is_none() && matches!(origin.source, Source::Environment | Source::Nothing) {
            origin.lacks = origin.lacks.or_else(|| half_of_environment(variable));
        }
        Ok(origin)
    }

    async fn followed(explicit: Option<&str>) -> Result<Self, ProfileError> {
        if explicit.is_none() && variable("AWS_ACCESS_KEY_ID").is_some() && variable("AWS_SECRET_ACCESS_KEY").is_some()
        {
            return Ok(Self::default());
        }
        let named = explicit.map(str::to_owned).or_else(|| variable("AWS_PROFILE"));
        let sections = match sections().await {
            Ok(sections) => sections,
            // Nobody named a profile: the SDK says that it could not read the files, and looks elsewhere.
            Err(_) if named.is_none() => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        match named {
            Some(name) => Self::of(&sections, &name),
            None if sections.get_profile("default").is_some() => Self::of(&sections, "default"),
            None => Ok(Self::default()),
        }
    }

    /// Follows a profile to the one that has the credentials.
    fn of(sections: &ProfileSet, name: &str) -> Result<Self, ProfileError> {
        let mut origin = Self { profile: Some(name.to_owned()), ..Self::default() };
        let (mut current, mut wanted_by, mut seen) = (name.to_owned(), None, BTreeSet::new());
        loop {
            let Some(profile) = sections.get_profile(&current) else {
                let mut known: Vec<String> = sections.profiles().map(str::to_owned).collect();
                known.sort();
                return Err(ProfileError::Missing { profile: current, wanted_by, known });
            };
            let is_new = seen.insert(current.clone());
            let has = |key: &str| profile.get(key).is_some();
            let role = profile.get("role_arn").filter(|_| !has("web_identity_token_file"));
            let keys = has("aws_access_key_id") && has("aws_secret_access_key");
            let next = profile.get("source_profile").filter(|_| role.is_some());
            // Keys end the chain everywhere but in the profile that it starts with.
            let ends = !is_new || (keys && seen.len() > 1);
            if let Some(role) = role.filter(|_| !ends) {
                origin.roles.insert(0, role.to_owned());
                if let Some(serial) = profile.get("mfa_serial") {
                    return Err(ProfileError::Mfa { profile: current, serial: serial.to_owned() });
                }
            }
            match next {
                Some(next) if !ends && next != current => {
                    wanted_by = Some(std::mem::replace(&mut current, next.to_owned()));
                }
                Some(_) | None => {
                    origin.source = if ends && keys {
                        Source::Keys
                    } else if has("credential_source") {
                        Source::Elsewhere
                    } else if has("web_identity_token_file") {
                        Source::WebIdentity
                    } else if ["sso_session", "sso_start_url", "sso_account_id"].into_iter().any(has) {
                        Source::Sso
                    } else if has("login_session") {
                        Source::Login
                    } else if has("credential_process") {
                        Source::Process
                    } else if has("aws_access_key_id") || has("aws_secret_access_key") {
                        Source::Keys
                    } else {
                        Source::Nothing
                    };
                    let is_circle = !keys && (!is_new || next.is_some_and(|next| next == current));
                    origin.lacks = if is_circle {
                        Some(format!(
                            "the profiles name each other as `source_profile` in a circle, which comes back to \
                             `{current}`: one of them has to have credentials of its own"
                        ))
                    } else {
                        lacking(&current, origin.source, |key| profile.get(key).map(str::to_owned), variable)
                    };
                    origin.base = Some(current);
                    return Ok(origin);
                }
            }
        }
    }
}

/// Reads a variable of the environment that is not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Reads the AWS configuration and credentials files.
async fn sections() -> Result<ProfileSet, ProfileError> {
    let read = source::load(&Env::real(), &Fs::real(), &EnvConfigFiles::default()).await;
    let read = read.map_err(|error| ProfileError::Files(told(&error)))?;
    ProfileSet::parse(read).map_err(|error| ProfileError::Files(told(&error)))
}

/// Makes the provider of a profile that was named. It has all that the other clients have: without the region, the HTTP
/// client and its certificates, it could neither assume a role nor take over a session.
pub(super) fn of_profile(profile: &str, config: &SdkConfig) -> CredentialsProviderChain {
    let mut provider = ProviderConfig::without_region()
        .with_region(config.region().cloned())
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack())
        .with_behavior_version(config.behavior_version());
    if let Some(client) = config.http_client() {
        provider = provider.with_http_client(client);
    }
    if let Some(retries) = config.retry_config() {
        provider = provider.with_retry_config(retries.clone());
    }
    if let Some(timeouts) = config.timeout_config() {
        provider = provider.with_timeout_config(timeouts.clone());
    }
    let own = ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(profile).build();
    // As in the AWS CLI, a profile without credentials has those of the container or the instance.
    CredentialsProviderChain::first_try("Profile", own)
        .or_else("EcsContainer", EcsCredentialsProvider::builder().configure(&provider).build())
        .or_else("Ec2InstanceMetadata", ImdsCredentialsProvider::builder().configure(&provider).build())
}

impl SignInError {
    /// Says why a source gave no credentials.
    pub(super) fn of(origin: &Origin, error: &CredentialsError) -> Self {
        let (reason, detail) = judge(origin, error);
        Self { origin: origin.clone(), reason, detail }
    }
}

fn judge(origin: &Origin, error: &CredentialsError) -> (Reason, String) {
    if let Some(foreign) = causes(error).find_map(|cause| cause.downcast_ref::<ForeignEndpoint>()) {
        return (Reason::Endpoint, foreign.to_string());
    }
    if let Some(unreached) = causes(error).find_map(|cause| cause.downcast_ref::<Unreached>()) {
        return (Reason::Unreachable, told(unreached));
    }
    if let Some((operation, answer)) = answered(error) {
        let code = answer.code().unwrap_or("no code").to_owned();
        let message = answer.message().unwrap_or("AWS gave no message");
        let role = if origin.roles.len() == 1 { format!(" for `{}`", origin.roles[0]) } else { String::new() };
        let detail = format!("{operation}{role} failed with {code}: {message}");
        let is_of_time = code == "RequestTimeTooSkewed"
            || code == "RequestExpired"
            || ["Signature expired", "not yet current"].iter().any(|text| message.contains(text));
        return (if is_of_time { Reason::Clock } else { Reason::Refused(code) }, detail);
    }
    // The outermost text only says that there is an error.
    let detail = error.source().map_or_else(|| error.to_string(), told);
    let detail = detail.strip_prefix("ProfileFile provider could not be built: ").unwrap_or(&detail).to_owned();
    let reason = match (error, origin.source) {
        (CredentialsError::InvalidConfiguration(_), _) => Reason::Broken,
        (_, Source::Sso) if detail.contains("ForbiddenException") => Reason::Refused("ForbiddenException".to_owned()),
        (_, Source::Sso | Source::Login) => Reason::LoggedOut,
        (CredentialsError::CredentialsNotLoaded(_), _) => Reason::None,
        (_, _) => Reason::Broken,
    };
    (reason, detail)
}

/// Finds what STS answered.
fn answered<'a>(error: &'a (dyn Error + 'static)) -> Option<(&'static str, &'a ErrorMetadata)> {
    causes(error).find_map(|cause| {
        let assumed = cause.downcast_ref::<AssumeRoleError>().map(|error| ("sts:AssumeRole", error.meta()));
        assumed.or_else(|| {
            let error = cause.downcast_ref::<AssumeRoleWithWebIdentityError>()?;
            Some(("sts:AssumeRoleWithWebIdentity", error.meta()))
        })
    })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// Writes an error and its causes, without those that only repeat what stands before them.
fn told(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).fold(String::new(), |told, next| match told.as_str() {
        "" => next,
        before if before.contains(&next) => told,
        before => format!("{before}: {next}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(text: &str) -> ProfileSet {
        let files = EnvConfigFiles::builder()
            .with_contents(aws_runtime::env_config::file::EnvConfigFileKind::Config, text)
            .build();
        let read = futures_util::FutureExt::now_or_never(source::load(&Env::from_slice(&[]), &Fs::real(), &files));
        ProfileSet::parse(read.expect("nothing to wait for").expect("a text")).expect("profiles")
    }

    const MANY: &str = "
[default]
region = ap-northeast-1
[profile keys]
aws_access_key_id = A
aws_secret_access_key = B
mfa_serial = arn:aws:iam::123456789012:mfa/for-other-tools
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Admin
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = ap-northeast-1
[profile old-sso]
sso_start_url = https://example.awsapps.com/start
sso_region = ap-northeast-1
sso_account_id = 123456789012
sso_role_name = Admin
[profile login]
login_session = arn:aws:iam::123456789012:user/someone
[profile process]
credential_process = /bin/true
[profile web]
role_arn = arn:aws:iam::123456789012:role/Web
web_identity_token_file = /token
[profile instance]
role_arn = arn:aws:iam::123456789012:role/Server
credential_source = Ec2InstanceMetadata
[profile one]
role_arn = arn:aws:iam::123456789012:role/One
source_profile = sso
[profile two]
role_arn = arn:aws:iam::123456789012:role/Two
source_profile = one
[profile itself]
role_arn = arn:aws:iam::123456789012:role/Itself
source_profile = itself
aws_access_key_id = A
aws_secret_access_key = B
[profile circle]
role_arn = arn:aws:iam::123456789012:role/Circle
source_profile = back
[profile back]
role_arn = arn:aws:iam::123456789012:role/Back
source_profile = circle
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/Mfa
source_profile = keys
mfa_serial = arn:aws:iam::123456789012:mfa/someone
[profile through-mfa]
role_arn = arn:aws:iam::123456789012:role/Through
source_profile = mfa
[profile dangling]
role_arn = arn:aws:iam::123456789012:role/Dangling
source_profile = kyes
";

    #[test]
    fn a_profile_is_followed_to_the_source_of_its_credentials() {
        let sections = profiles(MANY);
        for (name, source, base, roles) in [
            ("default", Source::Nothing, "default", &[][..]),
            ("keys", Source::Keys, "keys", &[]),
            ("sso", Source::Sso, "sso", &[]),
            ("old-sso", Source::Sso, "old-sso", &[]),
            ("login", Source::Login, "login", &[]),
            ("process", Source::Process, "process", &[]),
            ("web", Source::WebIdentity, "web", &[]),
            ("instance", Source::Elsewhere, "instance", &["Server"]),
            ("one", Source::Sso, "sso", &["One"]),
            ("two", Source::Sso, "sso", &["One", "Two"]),
            ("itself", Source::Keys, "itself", &["Itself"]),
        ] {
            let origin = Origin::of(&sections, name).expect(name);
            let arns: Vec<String> = roles.iter().map(|role| format!("arn:aws:iam::123456789012:role/{role}")).collect();
            assert_eq!((origin.source, origin.base.as_deref(), &origin.roles), (source, Some(base), &arns), "{name}");
        }
        let circle = Origin::of(&sections, "circle").expect("an end").lacks.expect("a sentence");
        assert!(circle.contains("circle") && circle.contains("`source_profile`"), "{circle}");
    }

    #[test]
    fn what_a_source_lacks_is_told_by_its_name() {
        let sections = profiles(
            "[profile half]
sso_session = corp
sso_role_name = Admin
[profile web]
role_arn = arn:aws:iam::123456789012:role/Web
web_identity_token_file = /no/such/token
[profile alone]
role_arn = arn:aws:iam::123456789012:role/Alone
source_profile = alone
",
        );
        for (name, lacks) in [
            ("half", "lacks `sso_account_id`"),
            ("web", "is `/no/such/token`, and there is no such file"),
            ("alone", "comes back to `alone`"),
        ] {
            let told = Origin::of(&sections, name).expect(name).lacks.expect(name);
            assert!(told.contains(lacks), "{told}");
        }
        for whole in ["keys", "sso", "old-sso", "login", "process", "instance", "itself"] {
            assert_eq!(Origin::of(&profiles(MANY), whole).expect(whole).lacks, None, "{whole}");
        }
    }

    #[test]
    fn a_profile_that_is_missing_or_needs_a_person_is_told_before_any_call() {
        let sections = profiles(MANY);
        for (name, missing, by) in [("kyes", "kyes", None), ("dangling", "kyes", Some("dangling"))] {
            match Origin::of(&sections, name).expect_err(name) {
                ProfileError::Missing { profile, wanted_by, known } => {
                    assert_eq!((profile.as_str(), wanted_by.as_deref()), (missing, by));
                    assert!(known.contains(&"keys".to_owned()), "{known:?}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        for name in ["mfa", "through-mfa"] {
            let error = Origin::of(&sections, name).expect_err(name);
            assert!(matches!(&error, ProfileError::Mfa { profile, .. } if profile == "mfa"), "{name}: {error:?}");
        }
    }
}
