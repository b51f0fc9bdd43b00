//! Every source of credentials, in each of the ways that name it, against services on this machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::faults::Served;
use crate::harness::Run;

/// The key that the sandbox takes for the account of the file.
const ACCOUNT: &str = "123456789012";

/// A token of IAM Identity Center that the services here accept.
const SESSION: &str = "a-good-session";

/// The services that give credentials: STS, IAM Identity Center, and the metadata of an instance and of a container.
struct Services {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

/// How STS answers.
#[derive(Clone, Copy, PartialEq)]
enum Sts {
    Gives,
    Refuses(&'static str, &'static str),
}

impl Services {
    fn new(sts: Sts) -> Self {
        Self::start(sts, None)
    }

    /// The same, with a certificate that only `tls/ca.pem` vouches for.
    fn with_tls() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls");
        let certificate = CertificateDer::from_pem_file(folder.join("localhost.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(folder.join("localhost.key")).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a certificate with its key");
        Self::start(Sts::Gives, Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn start(sts: Sts, tls: Option<TlsAcceptor>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{}", listener.local_addr().expect("an address").port());
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&seen);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, tls) = (Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &log, sts).await;
                            }
                        }
                        None => serve(stream, &log, sts).await,
                    }
                });
            }
        });
        Self { url, seen, _runtime: runtime }
    }

    /// What was asked since the last look: the first line, headers and body of each request.
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().expect("a log"))
    }
}

/// Reads one request and answers it.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, log: &Mutex<Vec<String>>, sts: Sts) {
    let mut bytes = Vec::new();
    let request = loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|text| text.trim().parse()));
        if body.len() >= length.map_or(0, |length: Result<usize, _>| length.unwrap_or(0)) {
            break text;
        }
    };
    let (status, kind, body) = answer(&request, sts);
    log.lock().expect("a log").push(request);
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\
         x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn answer(request: &str, sts: Sts) -> (u16, &'static str, String) {
    let line = request.lines().next().unwrap_or_default();
    let keys = "<Credentials><AccessKeyId>123456789012</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>";
    let metadata = r#"{"Code":"Success","Type":"AWS-HMAC","LastUpdated":"2020-01-01T00:00:00Z","RoleArn":"r",
        "AccessKeyId":"123456789012","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    let assumed = |operation: &str| {
        let user = "<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn>\
                    <AssumedRoleId>r:s</AssumedRoleId></AssumedRoleUser>";
        format!("<{operation}Response><{operation}Result>{keys}{user}</{operation}Result></{operation}Response>")
    };
    let operation = ["AssumeRoleWithWebIdentity", "AssumeRole"]
        .into_iter()
        .find(|operation| request.contains(&format!("Action={operation}&")));
    match (operation, sts) {
        (Some(_), Sts::Refuses(code, message)) => {
            let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
            (403, "text/xml", format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"))
        }
        (Some(operation), Sts::Gives) => (200, "text/xml", assumed(operation)),
        (None, _) if line.contains("/federation/credentials") => {
            if request.contains(SESSION) {
                let keys = r#""accessKeyId":"123456789012","secretAccessKey":"s","sessionToken":"t""#;
                let body = format!(r#"{{"roleCredentials":{{{keys},"expiration":4070908800000}}}}"#);
                (200, "application/json", body)
            } else {
                let body = r#"{"__type":"UnauthorizedException","message":"Session token not found or invalid"}"#;
                (401, "application/json", body.to_owned())
            }
        }
        (None, _) if line.contains("/latest/api/token") => (200, "text/plain", "metadata-token".to_owned()),
        (None, _) if line.contains("/security-credentials/server") => (200, "application/json", metadata.to_owned()),
        (None, _) if line.contains("/security-credentials") => (200, "text/plain", "server".to_owned()),
        (None, _) if line.contains("/container") => (200, "application/json", metadata.to_owned()),
        (None, _) => (404, "text/plain", String::new()),
    }
}

/// The profiles of people.
fn profiles() -> String {
    let role = "role_arn = arn:aws:iam::123456789012:role/Admin";
    let keys = "aws_access_key_id = 123456789012\naws_secret_access_key = x";
    let sso = "sso_account_id = 123456789012\nsso_role_name = Admin";
    format!(
        "
[profile keys]
{keys}
[profile other]
aws_access_key_id = 210987654321
aws_secret_access_key = x
[profile assume]
{role}
source_profile = other
external_id = an-external-id
[profile assume-twice]
{role}
source_profile = assume
[profile from-environment]
{role}
credential_source = Environment
[profile from-instance]
{role}
credential_source = Ec2InstanceMetadata
[profile from-container]
{role}
credential_source = EcsContainer
[profile web]
{role}
web_identity_token_file = token
[profile sso]
sso_session = corp
{sso}
[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
[profile old-sso]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
{sso}
[profile assume-sso]
{role}
source_profile = sso
[profile process]
credential_process = sh process.sh
[profile assume-process]
{role}
source_profile = process
[profile login]
login_session = arn:aws:iam::123456789012:user/someone
[profile region-only]
region = ap-northeast-1
[profile mfa]
{role}
source_profile = keys
mfa_serial = arn:aws:iam::123456789012:mfa/someone
[profile dangling]
{role}
source_profile = kyes
"
    )
}

/// A file of one session, in the folders where the AWS CLI keeps them.
fn sessions(served: &Served, token: &str, end: &str) {
    let sso = format!(r#"{{"accessToken":"{token}","expiresAt":"{end}","region":"us-east-1","startUrl":"x"}}"#);
    // The names are the SHA-1 of `corp` and of the start URL.
    for name in ["ee0bfd2552fbd840c02cc48b6e823320543c450f", "e8be5486177c5b5392bd9aa76563515b29358e6e"] {
        served.place.write(&format!(".aws/sso/cache/{name}.json"), &sso);
    }
    let login = serde_json::json!({
        "accessToken": {
            "accessKeyId": ACCOUNT, "secretAccessKey": "s", "sessionToken": "t", "accountId": ACCOUNT, "expiresAt": end,
        },
        "tokenType": "aws_sigv4",
        "refreshToken": "r",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls/localhost.key"))
            .expect("a key"),
    });
    // The name is the SHA-256 of the session's ARN.
    let name = "329d8293bf353b2eaeb2ab4f4b6ad81dc823577234900ed8b1c2dfdc3e938684";
    served.place.write(&format!(".aws/login/cache/{name}.json"), login.to_string());
}

/// Prepares `vssctl plan` with the profiles and services, and without keys.
fn prepare(served: &Served, services: &Services, arguments: &[&str]) -> Command {
    served.place.write("token", "a-token-of-a-provider");
    served.place.write(".aws/config", profiles());
    if !served.place.path().join("process.sh").exists() {
        served.place.write("process.sh", r#"echo '{"Version":1,"AccessKeyId":"123456789012","SecretAccessKey":"s"}'"#);
    }
    let mut command = served.prepare(&[arguments, &["plan"]].concat(), "");
    for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(variable);
    }
    for service in ["STS", "SSO", "SSO_OIDC", "SIGNIN"] {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), &services.url);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn run(command: &mut Command) -> Run {
    Run::from(command.output().expect("vssctl runs"))
}

/// The variables that a source needs besides its profile.
fn surroundings(source: &str, services: &Services) -> BTreeMap<&'static str, String> {
    match source {
        "from-instance" => BTreeMap::from([
            ("AWS_EC2_METADATA_DISABLED", "false".to_owned()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", services.url.clone()),
        ]),
        "from-container" => {
            BTreeMap::from([("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/container", services.url))])
        }
        _ => BTreeMap::new(),
    }
}

#[test]
fn every_source_of_credentials_works_by_flag_and_by_variable() {
    let (served, services) = (Served::new(), Services::new(Sts::Gives));
    sessions(&served, SESSION, "2099-01-01T00:00:00Z");
    for (profile, asked) in [
        ("keys", &[][..]),
        ("assume", &["Action=AssumeRole&", "Credential=210987654321/", "ExternalId=an-external-id"]),
        ("assume-twice", &["Action=AssumeRole&", "Credential=210987654321/", "Credential=123456789012/"]),
        ("from-instance", &["/latest/api/token", "Action=AssumeRole&", "Credential=123456789012/"]),
        ("from-container", &["/container", "Action=AssumeRole&", "Credential=123456789012/"]),
        ("web", &["Action=AssumeRoleWithWebIdentity&", "a-token-of-a-provider"]),
        ("sso", &["/federation/credentials", SESSION, "role_name=Admin"]),
        ("old-sso", &["/federation/credentials", SESSION]),
        ("assume-sso", &["/federation/credentials", "Action=AssumeRole&", "Credential=123456789012/"]),
        ("process", &[]),
        ("assume-process", &["Action=AssumeRole&", "Credential=123456789012/"]),
        ("login", &[]),
    ] {
        for by_flag in [true, false] {
            let flag = ["--profile", profile];
            let mut command = prepare(&served, &services, if by_flag { &flag } else { &[] });
            command.envs(surroundings(profile, &services));
            if by_flag {
                // The keys of the environment are another account's, and the flag wins over them.
                command.env("AWS_ACCESS_KEY_ID", "999999999999").env("AWS_SECRET_ACCESS_KEY", "x");
            } else {
                command.env("AWS_PROFILE", profile);
            }
            let told = run(&mut command);
            assert_eq!(told.code, Some(0), "{profile}, by flag {by_flag}: {}", told.stderr);
            let seen = services.taken().join("\n");
            for text in asked {
                assert!(seen.contains(text), "{profile}, by flag {by_flag}: no `{text}` in\n{seen}");
            }
        }
    }
}

#[test]
fn the_environment_gives_credentials_of_every_sort() {
    let (served, services) = (Served::new(), Services::new(Sts::Gives));
    let keys = [("AWS_ACCESS_KEY_ID", ACCOUNT), ("AWS_SECRET_ACCESS_KEY", "x")];
    let with = |name: &str, variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = prepare(&served, &services, arguments);
        command.envs(variables.iter().copied()).envs(surroundings(name, &services));
        let told = run(&mut command);
        assert_eq!(told.code, Some(0), "{name} {arguments:?}: {}", told.stderr);
    };
    with("keys", &keys, &[]);
    with("source", &keys, &["--profile", "from-environment"]);
    assert!(services.taken().concat().contains("Action=AssumeRole&"));
    let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", "token"), ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Admin")];
    with("web", &web, &[]);
    for name in ["from-instance", "from-container"] {
        with(name, &[], &[]);
        // As in the AWS CLI, a profile without credentials has those of the machine.
        with(name, &[], &["--profile", "region-only"]);
    }
}

#[test]
fn a_bundle_of_certificates_holds_for_what_gives_credentials_too() {
    let (served, services) = (Served::new(), Services::with_tls());
    sessions(&served, SESSION, "2099-01-01T00:00:00Z");
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls/ca.pem");
    for profile in ["assume", "web", "sso", "from-container"] {
        for by_flag in [true, false] {
            let flag = ["--profile", profile];
            let with = |bundle: Option<&Path>| {
                let mut command = prepare(&served, &services, if by_flag { &flag } else { &[] });
                command.envs(surroundings(profile, &services));
                if !by_flag {
                    command.env("AWS_PROFILE", profile);
                }
                command.envs(bundle.map(|bundle| ("AWS_CA_BUNDLE", bundle)));
                run(&mut command)
            };
            let told = with(Some(&bundle));
            assert_eq!(told.code, Some(0), "{profile}: {}", told.stderr);
            let told = with(None).exits(1);
            assert!(told.stderr.contains(&services.url), "{profile}: {}", told.stderr);
            assert!(!told.stderr.contains("login"), "{profile}: {}", told.stderr);
        }
    }
}

#[test]
fn what_gives_no_credentials_says_what_to_do() {
    let (served, services) = (Served::new(), Services::new(Sts::Gives));
    let denied = Services::new(Sts::Refuses("AccessDenied", "not authorized to perform: sts:AssumeRole"));
    let late =
        Services::new(Sts::Refuses("SignatureDoesNotMatch", "Signature expired: 20200101T000000Z is now earlier"));
    let nowhere = Services { url: "http://127.0.0.1:9".to_owned(), seen: Arc::default(), _runtime: runtime() };
    for by_flag in [true, false] {
        let told = |services: &Services, profile: &str, texts: &[&str], not: &[&str]| {
            let flag = ["--profile", profile];
            let mut command = prepare(&served, services, if by_flag { &flag } else { &[] });
            command.envs(surroundings(profile, services));
            if !by_flag {
                command.env("AWS_PROFILE", profile);
            }
            let said = run(&mut command);
            assert_eq!(said.code, Some(1), "{profile}: {}", said.stderr);
            for text in texts {
                assert!(said.stderr.contains(text), "{profile}: no `{text}` in\n{}", said.stderr);
            }
            for text in not.iter().chain(&["cargo", "dispatch failure", "feature"]) {
                assert!(!said.stderr.contains(text), "{profile}: `{text}` in\n{}", said.stderr);
            }
            assert!(said.stderr.contains("hint: "), "{}", said.stderr);
        };
        let _ = std::fs::remove_dir_all(served.place.path().join(".aws/sso"));
        let _ = std::fs::remove_dir_all(served.place.path().join(".aws/login"));
        told(&services, "sso", &["aws sso login --profile sso"], &[]);
        told(&services, "old-sso", &["aws sso login --profile old-sso"], &[]);
        // The profile at the end of the chain is the one that a person logs in with.
        told(&services, "assume-sso", &["aws sso login --profile sso", "assume-sso"], &[]);
        told(&services, "login", &["aws login --profile login"], &["sso"]);
        sessions(&served, SESSION, "2020-01-01T00:00:00Z");
        told(&services, "sso", &["aws sso login --profile sso"], &[]);
        told(&services, "login", &["aws login --profile login"], &["sso"]);
        sessions(&served, "revoked", "2099-01-01T00:00:00Z");
        told(&services, "sso", &["aws sso login --profile sso", "Session token not found or invalid"], &[]);
        sessions(&served, SESSION, "2099-01-01T00:00:00Z");
        // What can't be reached or comes at the wrong time is no missing login.
        told(&nowhere, "sso", &["http://127.0.0.1:9"], &["login"]);
        told(&nowhere, "assume", &["http://127.0.0.1:9"], &["login"]);
        told(&nowhere, "web", &["http://127.0.0.1:9"], &["login"]);
        told(&nowhere, "from-container", &["http://127.0.0.1:9"], &["login"]);
        told(&late, "assume", &["machine's clock"], &["login", "keys of"]);
        told(&late, "web", &["machine's clock"], &["login"]);
        told(&denied, "assume", &["role/Admin", "AccessDenied", "trust policy", "`other`"], &["login"]);
        told(
            &services,
            "mfa",
            &["mfa_serial", "aws configure export-credentials --profile mfa", "credential_process"],
            &[],
        );
        told(&services, "kyes", &["no AWS profile `kyes`", "did you mean `keys`?"], &[]);
        told(&services, "dangling", &["no AWS profile `kyes`", "`dangling`", "did you mean `keys`?"], &[]);
        told(&services, "nothing-like-it", &["no AWS profile", "the profiles are", "`assume`"], &[]);
        served.place.write("process.sh", "echo sorry, no vault >&2; exit 3");
        told(&services, "process", &["sorry, no vault", "`credential_process` of the profile `process`"], &["login"]);
        std::fs::remove_file(served.place.path().join("process.sh")).expect("a file");
    }
    let mut command = prepare(&served, &services, &["--profile", "region-only"]);
    let told = run(&mut command).exits(1);
    assert!(told.stderr.contains("`region-only` has no credentials"), "{}", told.stderr);
}

#[test]
fn no_signed_request_for_credentials_goes_to_a_foreign_host() {
    let (served, services) = (Served::new(), Services::new(Sts::Gives));
    sessions(&served, SESSION, "2099-01-01T00:00:00Z");
    for (profile, variable) in [("assume", "AWS_ENDPOINT_URL_STS"), ("sso", "AWS_ENDPOINT_URL_SSO")] {
        for url in ["http://192.0.2.1", "https://aws.example.com"] {
            let mut command = prepare(&served, &services, &["--profile", profile]);
            let told = run(command.env(variable, url)).exits(4);
            assert!(told.stderr.contains("--allow-endpoint") && told.stderr.contains(url), "{}", told.stderr);
        }
    }
}

#[test]
fn what_stays_on_this_machine_goes_past_every_proxy() {
    let (served, services) = (Served::new(), Services::new(Sts::Gives));
    let mut command = prepare(&served, &services, &["--profile", "assume"]);
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(variable, "http://127.0.0.1:9");
    }
    run(&mut command).exits(0);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}
