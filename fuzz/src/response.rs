//! Answers of AWS, through the integrity gate, the SDK's parsers and the readers.
//!
//! The first line of the bytes says which call gets which answer, such as `iam:ListRoles 200 text/xml`; the rest is its body.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use vssctl::model::safe::escaped;

use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use tokio::sync::{mpsc, watch};
use vssctl::aws::{AwsError, Clients, ConnectOptions, Reader};
use vssctl::config::{self, Config};
use vssctl::model::Consents;
use vssctl::plan::{self, Plan, build};
use vssctl::sandbox::Sandbox;
use vssctl::{apply, observe, render};

/// What comes of a read, without what was read.
pub type Answered<'a> = Pin<Box<dyn Future<Output = Result<(), AwsError>> + 'a>>;
/// A read by the name of its call.
pub type Read = (&'static str, for<'a> fn(&'a Reader, &'a Ids) -> Answered<'a>);

/// The ids that AWS gave to what [`FILE`] makes.
#[derive(Debug)]
pub struct Ids {
    plan: String,
    selection: String,
    association: String,
    vault: String,
    policy: String,
    record: String,
}

macro_rules! read {
    ($name:literal, |$reader:ident, $ids:ident| $call:expr) => {
        ($name, |$reader, $ids| {
            let _ = $ids;
            Box::pin(async move { $call.await.map(|_| ()) })
        })
    };
}

/// Where the once-records of [`FILE`]'s command are.
const RECORDS: &str = "/vssctl/v1/bench/once";

/// Every call that reads.
pub const READS: &[Read] = &[
    read!("sts:GetCallerIdentity", |reader, ids| reader.caller_identity()),
    read!("iam:GetAccountAuthorizationDetails", |reader, ids| reader.account_authorization_details()),
    read!("iam:ListRoles", |reader, ids| reader.list_roles()),
    read!("iam:GetRole", |reader, ids| reader.role("app")),
    read!("iam:ListInstanceProfiles", |reader, ids| reader.list_instance_profiles()),
    read!("iam:GetInstanceProfile", |reader, ids| reader.instance_profile("app")),
    read!("iam:GetPolicy", |reader, ids| reader.policy(&ids.policy)),
    read!("tag:GetResources", |reader, ids| reader.tagged()),
    read!("backup:ListBackupVaults", |reader, ids| reader.list_backup_vaults()),
    read!("backup:GetBackupVaultAccessPolicy", |reader, ids| reader.vault_access_policy("vv")),
    read!("backup:GetBackupVaultNotifications", |reader, ids| reader.vault_notifications("vv")),
    read!("backup:ListBackupPlans", |reader, ids| reader.list_backup_plans()),
    read!("backup:GetBackupPlan", |reader, ids| reader.backup_plan(&ids.plan, None)),
    read!("backup:ListBackupSelections", |reader, ids| reader.list_backup_selections(&ids.plan)),
    read!("backup:GetBackupSelection", |reader, ids| reader.backup_selection(&ids.plan, &ids.selection)),
    read!("backup:ListTags", |reader, ids| reader.backup_tags(&ids.vault)),
    read!("backup:DescribeRegionSettings", |reader, ids| reader.region_settings()),
    read!("ssm:ListAssociations", |reader, ids| reader.list_associations()),
    read!("ssm:DescribeAssociation", |reader, ids| reader.association(&ids.association)),
    read!("ssm:ListTagsForResource", |reader, ids| reader.association_tags(&ids.association)),
    read!("ssm:GetParametersByPath", |reader, ids| reader.parameters_by_path(RECORDS)),
    read!("ssm:GetParameter", |reader, ids| reader.parameter(&ids.record)),
    read!("ssm:ListCommands", |reader, ids| reader.list_commands("AWS-ConfigureAWSPackage")),
    read!("ec2:DescribeInstances", |reader, ids| reader.instances()),
    read!("ec2:DescribeIamInstanceProfileAssociations", |reader, ids| reader.profile_associations()),
    read!("ec2:DescribeImages", |reader, ids| reader.images(None)),
    read!("ec2:DescribeSnapshots", |reader, ids| reader.snapshots(None)),
    read!("ec2:DescribeVpcEndpoints", |reader, ids| reader.vpc_endpoints()),
];

/// A file whose account answers every read with something.
pub const FILE: &str = r#"
[stack]
name = "bench"
account_id = "123456789012"
region = "ap-northeast-1"
[policy.p]
document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}'
[role.app]
description = "what the agent is"
trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","backup.amazonaws.com"]},"Action":"sts:AssumeRole"}}'
instance_profile = true
[attachment.a]
instance_profile = "app"
targets = { tags = { VssBackup = "enabled" } }
[package.s]
package_name = "AwsVssComponents"
targets = { instance_ids = ["i-0123456789abcdef0"] }
schedule = "rate(2 days)"
[package.c]
package_name = "AwsVssComponents"
targets = { tags = { Vss = "on" } }
[vault.vv]
access_policy = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}}'
notifications = { topic = "arn:aws:sns:ap-northeast-1:123456789012:t", events = ["BACKUP_JOB_COMPLETED"] }
[plan.d.rule.m]
vault = "vv"
delete_after = "7d"
[plan.d.selection.x]
role = "app"
match = { all = { Vss = "on" } }
[region_settings]
resource_type_opt_in = { EC2 = true }
"#;

/// An answer as it comes over the wire.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Such as `iam:ListRoles`.
    pub call: String,
    /// Such as 200.
    pub status: u16,
    /// Such as `text/xml`.
    pub content_type: String,
    /// All of it.
    pub body: Vec<u8>,
}

impl Answer {
    fn from_bytes(bytes: &[u8]) -> Self {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]);
        let mut words = head.splitn(3, ' ');
        let call = words.next().filter(|call| READS.iter().any(|(name, _)| name == call));
        let any = READS[usize::from(bytes.first().copied().unwrap_or_default()) % READS.len()].0;
        let status = words.next().and_then(|word| word.parse().ok()).unwrap_or(200_u16).clamp(200, 599);
        let content_type = words.next().unwrap_or("text/xml").chars().filter(|letter| matches!(letter, ' '..='~'));
        Self {
            call: call.unwrap_or(any).to_owned(),
            status,
            content_type: content_type.collect(),
            body: bytes.get(end + 1..).unwrap_or_default().to_vec(),
        }
    }

    /// Writes it as a corpus keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = format!("{} {} {}\n", self.call, self.status, self.content_type);
        [head.as_bytes(), &self.body].concat()
    }

    fn response(&self) -> HttpResponse {
        let status = self.status.try_into().expect("between 200 and 599");
        let mut answer = HttpResponse::new(status, SdkBody::from(self.body.clone()));
        answer.headers_mut().insert("content-type", self.content_type.clone());
        answer.headers_mut().insert("date", "Thu, 01 Jan 2026 00:00:00 GMT");
        answer
    }
}

/// What the wire answers in place of the account.
#[derive(Debug, Default)]
struct Script {
    answer: Option<Answer>,
    /// Every call gets the answer, and the account is not asked.
    everywhere: bool,
    /// The answers that the account gave, for the corpus.
    kept: Vec<Answer>,
}

/// An account that [`FILE`] was applied to, and a wire on which one answer can be another.
struct Bench {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    script: Arc<Mutex<Script>>,
    config: Config,
    reader: Reader,
    ids: Ids,
}

#[derive(Debug)]
struct Wire {
    inner: SharedHttpConnector,
    sandbox: Sandbox,
    script: Arc<Mutex<Script>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, sandbox, script) = (self.inner.clone(), self.sandbox.clone(), Arc::clone(&self.script));
        HttpConnectorFuture::new(async move {
            if let Script { answer: Some(answer), everywhere: true, .. } = &*lock(&script) {
                return Ok(answer.response());
            }
            let answer = inner.call(request).await?;
            // The account knows which call it was.
            let call = sandbox.requests().pop().map_or_else(String::new, |request| {
                format!("{}:{}", request.service.replace("tagging", "tag"), request.operation)
            });
            let mut script = lock(&script);
            match &script.answer {
                Some(other) if other.call == call => Ok(other.response()),
                Some(_) => Ok(answer),
                None => {
                    let body = answer.body().bytes().unwrap_or_default().to_vec();
                    let content_type = answer.headers().get("content-type").unwrap_or_default().to_owned();
                    script.kept.push(Answer { call, status: answer.status().as_u16(), content_type, body });
                    Ok(answer)
                }
            }
        })
    }
}

impl Bench {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let (sandbox, script) = (Sandbox::in_memory(), Arc::<Mutex<Script>>::default());
        let config = config::load_text("vss.toml", FILE, None).config.expect("a valid file");
        let mut connect = ConnectOptions::new(config.scope.clone());
        connect.credentials = Some(Sandbox::credentials());
        connect.http_client = Some({
            let (sandbox, script) = (sandbox.clone(), Arc::clone(&script));
            http_client_fn(move |settings, components| {
                let inner = sandbox.http_client().http_connector(settings, components);
                SharedHttpConnector::new(Wire { inner, sandbox: sandbox.clone(), script: Arc::clone(&script) })
            })
        });
        let clients = runtime.block_on(Clients::connect(connect)).expect("clients");
        let plan = runtime.block_on(plan(&clients.reader(), &config));
        let (events, _kept) = mpsc::unbounded_channel();
        let (_sender, stop) = watch::channel(false);
        let (pace, read) = (std::time::Duration::from_millis(1), tokio::time::Instant::now());
        let options = apply::Options { parallelism: 8, pace, stop, read };
        let report = runtime.block_on(apply::run(&clients.writer(), &plan, &options, &events));
        assert!(report.is_complete(), "{:#?}", report.outcomes);
        let one = |service: &str, operation: &str, input: &serde_json::Value, path: &str| {
            let answer = sandbox.call(service, operation, "ap-northeast-1", input).expect("an answer");
            answer.pointer(path).and_then(serde_json::Value::as_str).expect("an id").to_owned()
        };
        let nothing = serde_json::json!({});
        let plan = one("backup", "ListBackupPlans", &nothing, "/BackupPlansList/0/BackupPlanId");
        let of_plan = serde_json::json!({ "BackupPlanId": plan });
        let ids = Ids {
            selection: one("backup", "ListBackupSelections", &of_plan, "/BackupSelectionsList/0/SelectionId"),
            plan,
            association: one("ssm", "ListAssociations", &nothing, "/Associations/0/AssociationId"),
            vault: one("backup", "ListBackupVaults", &nothing, "/BackupVaultList/0/BackupVaultArn"),
            policy: "arn:aws:iam::123456789012:policy/p".to_owned(),
            record: one("ssm", "GetParametersByPath", &serde_json::json!({ "Path": RECORDS }), "/Parameters/0/Name"),
        };
        Self { runtime, sandbox, script, config, reader: clients.reader(), ids }
    }

    fn answer(&self, answer: Option<Answer>, everywhere: bool) {
        self.sandbox.clear_requests();
        *lock(&self.script) = Script { answer, everywhere, kept: Vec::new() };
    }

    fn read(&self, read: &Read) -> Result<(), AwsError> {
        self.runtime.block_on(read.1(&self.reader.fresh(), &self.ids))
    }
}

async fn plan(reader: &Reader, config: &Config) -> Plan {
    let live = observe::refresh(reader, &config.desired).await;
    let plan = build::build(&plan::Input {
        scope: &config.scope,
        config_sha256: &config.sha256,
        desired: &config.desired,
        live: &live.kinds,
        installed: &live.installed,
        references: &live.references,
        others: &live.others,
        quotas: &live.quotas,
        options: &plan::Options::default(),
    });
    assert_eq!(plan::check::violations(&plan, &live.kinds), [""; 0], "{plan:#?}");
    plan
}

/// One account for all that runs: nothing here changes it.
fn bench() -> MutexGuard<'static, Bench> {
    static BENCH: LazyLock<Mutex<Bench>> = LazyLock::new(|| Mutex::new(Bench::new()));
    lock(&BENCH)
}

/// Makes the call that an answer is to, and gives it that answer.
pub fn read(answer: &Answer) -> Result<(), AwsError> {
    let read = READS.iter().find(|(name, _)| *name == answer.call).expect("a call that reads");
    let bench = bench();
    bench.answer(Some(answer.clone()), true);
    bench.read(read)
}

/// One call gets an answer: a value or an error. Half an answer is an error.
pub fn run(bytes: &[u8]) {
    let answer = Answer::from_bytes(bytes);
    let is_taken = read(&answer).is_ok();
    // What the gate lets pass ends as a document does.
    let end = answer.body.trim_ascii_end().last();
    let is_binary = answer.content_type.contains("cbor");
    let is_whole = is_binary || end.is_none_or(|end| b">}".contains(end));
    assert!(!is_taken || answer.status >= 300 || is_whole, "{answer:?} is taken for complete");
}

/// One call gets an answer while all is read: there is a plan that holds together, and it can be printed.
pub fn run_account(bytes: &[u8]) {
    let bench = bench();
    bench.answer(Some(Answer::from_bytes(bytes)), false);
    let plan = bench.runtime.block_on(plan(&bench.reader.fresh(), &bench.config));
    let problems = plan.diagnostics.iter().map(|problem| escaped(&problem.message)).collect::<String>();
    // Colours are ours.
    let (consents, detail) = (Consents::default(), render::text::Detail::default());
    let reading =
        render::text::Reading { consents: &consents, problems: &problems, command: "vssctl apply", width: 100, detail };
    let text = render::text::plan(&plan, &reading);
    super::assert_printable(&anstream::adapter::strip_str(&text).to_string());
}

/// Reads everything once and returns the answers as they came: what a corpus starts from.
pub fn answers() -> Vec<Answer> {
    let bench = bench();
    let mut found = Vec::new();
    for read in READS {
        bench.answer(None, false);
        bench.read(read).unwrap_or_else(|error| panic!("{}: {error}", read.0));
        let kept = std::mem::take(&mut lock(&bench.script).kept);
        found.push(kept.into_iter().next_back().expect("an answer"));
    }
    found
}
