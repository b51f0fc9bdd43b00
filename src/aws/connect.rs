//! Sets the clients up: credentials, region, endpoint, timeouts, retries and the name in the user agent.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;

use super::bodies::Bodies;
use super::credentials::Renewable;
use super::ec2;
use super::endpoint::{EndpointGuard, allowed, is_loopback_url};
use super::fence::{Dated, Fence, Fenced};
use super::gate::Gate;
use super::kms;
use super::limiter::{Limiter, Pace, Start, Stats};
use super::read::{Line, Memory};
use super::runtime::{self, Service};
use super::sources::{self, Origin, ProfileError, SignInError};
use super::whole::{careful, https, whole};
use super::{Reader, Writer};
use crate::model::Scope;

/// The name that `CloudTrail` shows in the user agent, as `app/vssctl-0.1.0`.
const APP_NAME: &str = concat!("vssctl-", env!("CARGO_PKG_VERSION"));

/// AWS Backup, by the names that settings use.
const BACKUP: Service = Service { name: "backup", id: "Backup" };

/// The time that the parts of a call may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The time to make the connection.
    pub connect: Duration,
    /// The time for one attempt of a reading call.
    pub read_attempt: Duration,
    /// The time for one attempt of a writing call.
    pub write_attempt: Duration,
    /// The time for one attempt together with what it needs before it, such as credentials.
    pub operation: Duration,
    /// For how long a reading call is tried again; without end where this is absent, as far as each sort of failure
    /// allows it.
    pub patience: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            read_attempt: Duration::from_secs(10),
            write_attempt: Duration::from_secs(30),
            operation: Duration::from_secs(90),
            patience: None,
        }
    }
}

/// The options of a connection.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The stack, account and region. The clients speak to this region only, except for IAM's.
    pub scope: Scope,
    /// An explicit `--profile`. It takes precedence over keys in the environment, as in the AWS CLI.
    pub profile: Option<String>,
    /// Where to send every request, in place of AWS.
    pub endpoint_url: Option<String>,
    /// Whether an endpoint that is neither AWS nor this machine may have signed requests.
    pub allow_endpoint: bool,
    /// What carries requests in place of a network: the sandbox.
    pub http_client: Option<SharedHttpClient>,
    /// Credentials in place of the usual search. With them neither environment nor profile files are read.
    pub credentials: Option<Credentials>,
    /// The timeouts.
    pub timeouts: Timeouts,
    /// The unit of all waiting for AWS.
    pub pace: Duration,
    /// The folder that keeps between runs what never changes; nothing is kept where it is absent.
    pub cache: Option<PathBuf>,
}

/// The unit of all waiting for AWS.
const PACE: Duration = Duration::from_millis(500);

impl ConnectOptions {
    /// Makes options that find credentials as other AWS tools do.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            profile: None,
            endpoint_url: None,
            allow_endpoint: false,
            http_client: None,
            credentials: None,
            timeouts: Timeouts::default(),
            pace: PACE,
            cache: None,
        }
    }
}

/// Says why no client could be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint is no address of a web service.
    #[error("endpoint `{0}` is no `http://` or `https://` URL")]
    Url(String),
    /// The endpoint is not this machine, and it was not allowed.
    #[error("endpoint `{0}` is not on this machine, and signed requests would go there")]
    Endpoint(String),
    /// The profile can't be used.
    #[error("the AWS profile can't be used")]
    Profile(#[source] ProfileError),
    /// The file that `AWS_CA_BUNDLE` names can't be read.
    #[error("can't read the certificates of AWS_CA_BUNDLE, `{path}`")]
    CaBundle {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file that `AWS_CA_BUNDLE` names holds no usable certificates.
    #[error("AWS_CA_BUNDLE, `{path}`, holds no certificates that TLS can use")]
    Certificates {
        /// The file.
        path: String,
    },
}

/// Makes the client of a service with what every call passes.
macro_rules! client {
    ($sdk:ident, $config:expr, $interceptors:expr) => {{
        let mut builder = $sdk::config::Builder::from($config);
        for interceptor in $interceptors {
            builder.push_interceptor(interceptor);
        }
        $sdk::Client::from_conf(builder.build())
    }};
}

/// The clients of one run.
#[derive(Clone, Debug)]
pub struct Clients {
    scope: Arc<Scope>,
    config: SdkConfig,
    timeouts: Timeouts,
    line: Line,
    bodies: Arc<Bodies>,
    allow_endpoint: bool,
    credentials: Option<Renewable>,
    origin: Origin,
    dated: Dated,
}

impl Clients {
    /// Sets the clients up. Sends nothing.
    pub async fn connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        // An endpoint is checked before any file or variable is looked at.
        options.endpoint_url.as_deref().map_or(Ok(()), |endpoint| allowed(endpoint, options.allow_endpoint))?;
        let (config, origin) = match options.credentials.clone() {
            Some(credentials) => (given(&options, credentials), Origin::default()),
            None => found(&options).await?,
        };
        // The endpoint of AWS_ENDPOINT_URL, or of a profile, is checked as well.
        config.endpoint_url().map_or(Ok(()), |endpoint| allowed(endpoint, options.allow_endpoint))?;
        let credentials = config.credentials_provider().map(Renewable::new);
        let config = match &credentials {
            // `Renewable` keeps the credentials itself: the SDK's own store can't be told that they are no longer good.
            Some(renewable) => config
                .to_builder()
                .credentials_provider(SharedCredentialsProvider::new(renewable.clone()))
                .identity_cache(IdentityCache::no_cache())
                .build(),
            None => config,
        };
        // What answers on this machine, or in this process, is not AWS.
        let is_local = options.http_client.is_some() || config.endpoint_url().is_some_and(is_loopback_url);
        let limiter = Limiter::new(if is_local { Start::Open } else { Start::Documented });
        let endpoint = runtime::endpoint(&BACKUP, &config, &options.scope);
        let bodies = Arc::new(Bodies::open(options.cache.as_deref(), &options.scope, &endpoint));
        let dated = Dated::default();
        let line = Line {
            limiter: Arc::new(limiter),
            is_first: false,
            is_look: false,
            pace: options.pace,
            dated: dated.clone(),
        };
        Ok(Self {
            line,
            bodies,
            scope: Arc::new(options.scope),
            credentials,
            config,
            timeouts: options.timeouts,
            allow_endpoint: options.allow_endpoint,
            origin,
            dated,
        })
    }

    /// Returns the scope of the clients.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Gets the credentials, so that what keeps them is told by itself and not as the failure of the first call.
    pub async fn sign_in(&self) -> Result<(), SignInError> {
        match &self.credentials {
            Some(renewable) => match renewable.get().await {
                Ok(_) => Ok(()),
                Err(error) => Err(SignInError::of(&self.origin, &error)),
            },
            None => Ok(()),
        }
    }

    /// Returns the date of the newest answer to a read, in milliseconds since 1970 by AWS's clock; 0 before the first.
    pub fn date(&self) -> u64 {
        self.dated.date().unwrap_or_default()
    }

    /// Returns by how many milliseconds AWS's clock is at least ahead of the machine's, by the newest answer to a read;
    /// negative when it is behind, `None` before the first answer.
    pub fn ahead(&self) -> Option<i64> {
        self.dated.ahead()
    }

    /// Tells whether every call goes to this machine.
    pub fn is_local(&self) -> bool {
        self.config.endpoint_url().is_some_and(is_loopback_url)
    }

    /// Forgets the credentials and asks for new ones; false when there are no others.
    pub(super) async fn renew_credentials(&self) -> bool {
        match &self.credentials {
            Some(renewable) => renewable.renew().await,
            None => false,
        }
    }

    /// Makes a client that can only read. Each one is a snapshot: it reads nothing twice.
    pub fn reader(&self) -> Reader {
        self.reader_with(Memory::Nothing)
    }

    /// Makes a client that can only read, and does not ask for what never changes and is known.
    pub fn remembering_reader(&self) -> Reader {
        self.reader_with(Memory::Bodies(Arc::clone(&self.bodies)))
    }

    /// Keeps what never changes for the next run, where there is a folder for that.
    pub fn keep(&self) {
        self.bodies.keep();
    }

    pub(super) fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    fn reader_with(&self, memory: Memory) -> Reader {
        let config = self.with_attempt(self.timeouts.read_attempt);
        let iam_region = Region::new(self.scope.iam_region());
        Reader::new(
            self.line.clone(),
            memory,
            self.timeouts.patience,
            Arc::clone(&self.scope),
            client!(aws_sdk_sts, &config, self.interceptors(&Fenced(None))),
            self.iam(&config, &Fenced(None)),
            self.backup(&config, &Fenced(None)),
            self.ssm(&config, &Fenced(None)),
            self.ec2(&config, &Fenced(None)),
            self.kms(&config),
            [config.clone(), config.to_builder().region(iam_region).build()]
                .map(|config| client!(aws_sdk_resourcegroupstagging, &config, self.interceptors(&Fenced(None)))),
        )
    }

    /// Makes a client that writes.
    pub fn writer(&self) -> Writer {
        self.writer_behind(&Fenced(None))
    }

    /// Makes a client that writes as long as the fence lets it.
    pub fn fenced_writer(&self, fence: &Arc<Fence>) -> Writer {
        self.writer_behind(&Fenced(Some(Arc::clone(fence))))
    }

    fn writer_behind(&self, fence: &Fenced) -> Writer {
        let config = self.with_attempt(self.timeouts.write_attempt);
        let scope = Arc::clone(&self.scope);
        let (iam, backup, ssm) = (self.iam(&config, fence), self.backup(&config, fence), self.ssm(&config, fence));
        Writer::new(self.line.clone(), scope, iam, backup, ssm, self.ec2(&config, fence), self.clone())
    }

    /// Makes the same clients with other timeouts, whose calls go before all others.
    #[must_use]
    pub fn first_in_line(&self, timeouts: Timeouts) -> Self {
        let line = Line { is_first: true, ..self.line.clone() };
        Self { timeouts, line, ..self.clone() }
    }

    /// Makes the same clients with another unit of waiting.
    #[must_use]
    pub fn with_pace(&self, pace: Duration) -> Self {
        let line = Line { pace, ..self.line.clone() };
        Self { line, ..self.clone() }
    }

    /// Returns what was asked of AWS so far by all clients of the run.
    pub fn stats(&self) -> Stats {
        self.line.limiter.stats()
    }

    /// Returns where calls wait for AWS's rate the longest.
    pub fn pace(&self) -> Option<Pace> {
        self.line.limiter.pace()
    }

    fn with_attempt(&self, attempt: Duration) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.timeouts.connect)
            .operation_attempt_timeout(attempt)
            .operation_timeout(self.timeouts.operation)
            .build();
        // The SDK sends a call once: `Reader` and `apply` decide whether it is sent again, and when.
        self.config.to_builder().timeout_config(timeouts).retry_config(RetryConfig::disabled()).build()
    }

    fn iam(&self, config: &SdkConfig, fence: &Fenced) -> aws_sdk_iam::Client {
        client!(aws_sdk_iam, config, self.interceptors(fence))
    }

    fn backup(&self, config: &SdkConfig, fence: &Fenced) -> aws_sdk_backup::Client {
        client!(aws_sdk_backup, config, self.interceptors(fence))
    }

    fn ssm(&self, config: &SdkConfig, fence: &Fenced) -> aws_sdk_ssm::Client {
        client!(aws_sdk_ssm, config, self.interceptors(fence))
    }

    fn ec2(&self, config: &SdkConfig, fence: &Fenced) -> ec2::Client {
        ec2::Client::new(config, &self.scope, self.interceptors(fence))
    }

    fn kms(&self, config: &SdkConfig) -> kms::Client {
        kms::Client::new(config, &self.scope, self.interceptors(&Fenced(None)))
    }

    fn interceptors(&self, fence: &Fenced) -> [SharedInterceptor; 5] {
        [
            SharedInterceptor::new(self.line.limiter.tallied()),
            SharedInterceptor::new(fence.clone()),
            SharedInterceptor::new(Gate),
            SharedInterceptor::new(self.dated.clone()),
            SharedInterceptor::new(EndpointGuard { allow_any: self.allow_endpoint }),
        ]
    }
}

fn app_name() -> AppName {
    AppName::new(APP_NAME).expect("the name and a version number are allowed in a user agent")
}

/// Makes the configuration of given credentials and looks at no other source.
fn given(options: &ConnectOptions, credentials: Credentials) -> SdkConfig {
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(options.scope.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .app_name(app_name());
    builder.set_endpoint_url(options.endpoint_url.clone());
    builder.set_http_client(options.http_client.clone());
    builder.build()
}

/// Makes the configuration that the environment and the profile files give, and says where its credentials come from.
async fn found(options: &ConnectOptions) -> Result<(SdkConfig, Origin), ConnectError> {
    let client = match &options.http_client {
        Some(client) => client.clone(),
        None => match std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
            Some(path) => https(Some(&trusting(&path.to_string_lossy())?)),
            None => https(None),
        },
    };
    let origin = Origin::find(options.profile.as_deref()).await.map_err(ConnectError::Profile)?;
    let client = careful(whole(client), options.allow_endpoint);
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(options.scope.region.clone()))
        .http_client(client)
        .app_name(app_name());
    if let Some(endpoint) = &options.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    let Some(profile) = &options.profile else { return Ok((loader.load().await, origin)) };
    // Without a provider of its own, AWS_ACCESS_KEY_ID in the environment would win over the profile that was named.
    let config = loader.profile_name(profile).no_credentials().load().await;
    let provider = SharedCredentialsProvider::new(sources::of_profile(profile, &config));
    Ok((config.to_builder().credentials_provider(provider).build(), origin))
}

/// Makes an HTTPS client that trusts the certificates of a file and no others, as `AWS_CA_BUNDLE` does in other tools.
fn trusting(path: &str) -> Result<tls::TlsContext, ConnectError> {
    let unusable = || ConnectError::Certificates { path: path.to_owned() };
    let bytes = fs::read(path).map_err(|source| ConnectError::CaBundle { path: path.to_owned(), source })?;
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return Err(unusable());
    }
    let store = tls::TrustStore::empty().with_pem_certificate(bytes);
    tls::TlsContext::builder().with_trust_store(store).build().map_err(|_| unusable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_the_user_agent_is_one_that_aws_takes() {
        assert_eq!(app_name().as_ref(), APP_NAME);
    }
}
