//! A simulated account and the whole library on it, in process: what the tests plan and apply with.

use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use vssctl::model::KindId;

use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::Notify;
use vssctl::apply::Report;
use vssctl::apply::lease::Timing;
use vssctl::aws::{Clients, ConnectOptions, Reader};
use vssctl::config::{self, Config};
use vssctl::engine::{self, Audience, Consent, Exclusion, News, OpenError, Order, Purpose, Reviewed, Session, Tempo};
use vssctl::kind::{Found, KindLive};
use vssctl::kinds::package::{Installation, installation};
use vssctl::model::{Action, Consents, Scope, Severity};
use vssctl::observe::{self, LiveAccount};
use vssctl::plan::{self, Hazard, Plan, build};
use vssctl::sandbox::account::Region;
use vssctl::sandbox::fleet::Fleet;
use vssctl::sandbox::kms::Key;
use vssctl::sandbox::{Fault, FaultKind, RequestRecord, Sandbox};

/// The stack table that most tests start from.
pub(crate) const STACK: &str = r#"
[stack]
name = "bench"
account_id = "123456789012"
region = "ap-northeast-1"
"#;

/// The keys that the files of tests name.
const KEYS: [&str; 3] = [
    "11111111-1111-1111-1111-111111111111",
    "22222222-2222-2222-2222-222222222222",
    "11111111-2222-3333-4444-555555555555",
];

/// What a run of a stack in the simulated account is bound to.
pub(crate) fn scope(stack: &str) -> Scope {
    Scope {
        stack: stack.to_owned(),
        account_id: "123456789012".to_owned(),
        region: "ap-northeast-1".to_owned(),
        iam_path: "/".to_owned(),
    }
}

/// Reads a file that has no errors. `{ file = ... }` is relative to the examples.
#[track_caller]
pub(crate) fn load(toml: &str) -> Config {
    try_load(toml).unwrap_or_else(|problems| panic!("{problems}\n{toml}"))
}

/// Reads a file, or says what is wrong with it.
pub(crate) fn try_load(toml: &str) -> Result<Config, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let loaded = config::load_text("vss.toml", toml, Some(&folder));
    let errors: Vec<_> =
        loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    loaded.config.filter(|_| errors.is_empty()).ok_or_else(|| format!("{errors:#?}"))
}

/// Makes the options that connect to what answers on a wire, with an access key or as somebody who may do everything.
fn connection(wire: impl HttpClient + 'static, scope: &Scope, access_key: Option<&str>) -> ConnectOptions {
    let mut options = ConnectOptions::new(scope.clone());
    options.http_client = Some(SharedHttpClient::new(wire));
    options.credentials = Some(access_key.map_or_else(Sandbox::credentials, Sandbox::credentials_of));
    options
}

/// Connects to what answers on a wire, with an access key or as somebody who may do everything.
pub(crate) async fn connect(wire: impl HttpClient + 'static, scope: &Scope, access_key: Option<&str>) -> Clients {
    Clients::connect(connection(wire, scope, access_key)).await.expect("clients")
}

/// Opens a session as `vssctl` does.
pub(crate) async fn open(
    config: Config,
    wire: impl HttpClient + 'static,
    access_key: Option<&str>,
    tempo: Tempo,
) -> Result<Session, OpenError> {
    let options = connection(wire, &config.scope, access_key);
    let purpose = Purpose { is_simulated: true, writes: true };
    Ok(Session::open(config, options, purpose, &Quiet).await?.at(tempo))
}

/// Reads what is live and plans a file, as `vssctl plan` does.
pub(crate) async fn read_and_plan(
    reader: &Reader,
    config: &Config,
    options: &plan::Options,
) -> (Plan, Vec<(KindId, KindLive)>) {
    let mut live = observe::refresh(reader, &config.desired).await;
    let build = |live: &LiveAccount| {
        build::build(&plan::Input {
            scope: &config.scope,
            config_sha256: &config.sha256,
            desired: &config.desired,
            live: &live.kinds,
            installed: &live.installed,
            references: &live.references,
            others: &live.others,
            quotas: &live.quotas,
            options,
        })
    };
    let plan = observe::plan(reader, &config.desired, &mut live, build).await;
    assert_eq!(plan::check::violations(&plan, &live.kinds), [""; 0], "{plan:#?}");
    (plan, live.kinds)
}

/// Says yes to everything and hears nothing.
#[derive(Debug)]
pub(crate) struct Quiet;

impl Audience for Quiet {
    fn tell(&self, _: &News<'_>) {}

    fn consent(&self) -> BoxFuture<'_, Consent> {
        Box::pin(std::future::ready(Consent::Given))
    }
}

/// Says yes, after something has happened, and waits for no instance: no time passes there meanwhile.
struct Meanwhile<F> {
    happens: Mutex<Option<F>>,
    installing: Notify,
}

impl<F: FnOnce() + Send> Audience for Meanwhile<F> {
    fn tell(&self, news: &News<'_>) {
        if matches!(news, News::Installing { .. }) {
            self.installing.notify_one();
        }
    }

    fn consent(&self) -> BoxFuture<'_, Consent> {
        if let Some(happens) = self.happens.lock().expect("no poison").take() {
            happens();
        }
        Box::pin(std::future::ready(Consent::Given))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.installing.notified())
    }
}

/// Waits a thousandth of a second where a run waits half a second.
pub(crate) const HASTE: Tempo = Tempo { pace: Duration::from_millis(1), timing: Timing::SIMULATED };

/// Consent to all hazards.
pub(crate) static ALL: LazyLock<Consents> = LazyLock::new(|| Consents::to(&Hazard::ALL));
/// No consent.
pub(crate) static NONE: LazyLock<Consents> = LazyLock::new(Consents::default);

/// What a test does where it has no wish of its own: everything is consented to, and nobody else is there.
pub(crate) fn order(options: &plan::Options) -> Order<'_> {
    Order {
        operation: "apply",
        options,
        consents: &ALL,
        reviewed: Reviewed::No,
        exclusion: Exclusion::None,
        parallelism: 8,
    }
}

/// Adds a key that works to an account.
pub(crate) fn add_key(sandbox: &Sandbox, id: &str) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [] });
    let key = Key { state: "Enabled".to_owned(), manager: "CUSTOMER".to_owned(), policy, grants: Vec::new() };
    let edited = sandbox.edit(|account| {
        // A region gets its instances when it is first used.
        let (name, number) = ("ap-northeast-1", "123456789012");
        let first = || Region { fleet: Fleet::seed(name, number), ..Region::default() };
        let region = account.regions.entry(name.to_owned()).or_insert_with(first);
        region.kms.keys.insert(format!("arn:aws:kms:{name}:{number}:key/{id}"), key);
    });
    edited.expect("an account");
}

/// Adds a vault, such as one that copies go to.
pub(crate) fn add_vault(sandbox: &Sandbox, region: &str, name: &str) {
    sandbox.call("backup", "CreateBackupVault", region, &json!({ "BackupVaultName": name })).expect("a vault");
}

/// One simulated account.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    runtime: tokio::runtime::Runtime,
    /// Who plans and applies; everybody else in the tests may do everything.
    access_key: Option<String>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let bench = Self { sandbox: Sandbox::in_memory(), runtime, access_key: None };
        for id in KEYS {
            bench.add_key(id);
        }
        add_vault(&bench.sandbox, "us-east-1", "far");
        bench
    }

    /// Adds a key that works to the account.
    pub(crate) fn add_key(&self, id: &str) {
        add_key(&self.sandbox, id);
    }

    /// Plans a file, with no options.
    pub(crate) fn plan(&self, toml: &str) -> Plan {
        self.plan_with(toml, &plan::Options::default())
    }

    /// Plans a file.
    pub(crate) fn plan_with(&self, toml: &str, options: &plan::Options) -> Plan {
        self.runtime.block_on(self.build(toml, options))
    }

    /// Plans and applies a file; every call must succeed.
    pub(crate) fn apply(&self, toml: &str) -> Plan {
        let (plan, report) = self.try_apply(toml, &plan::Options::default());
        assert!(report.is_complete(), "{:#?}\n{toml}", report.outcomes);
        plan
    }

    /// Plans and applies a file.
    pub(crate) fn try_apply(&self, toml: &str, options: &plan::Options) -> (Plan, Report) {
        self.apply_after(toml, options, || ())
    }

    /// Plans and applies a file; something happens between the two.
    pub(crate) fn apply_after(
        &self,
        toml: &str,
        options: &plan::Options,
        meanwhile: impl FnOnce() + Send,
    ) -> (Plan, Report) {
        self.runtime.block_on(async {
            let session = self.open(toml).await;
            let audience = Meanwhile { happens: Mutex::new(Some(meanwhile)), installing: Notify::new() };
            let ended = engine::carry_out(&session, &order(options), &audience).await.expect("a run");
            (ended.plan, ended.report.unwrap_or_default())
        })
    }

    /// Opens a session for a file.
    async fn open(&self, toml: &str) -> Session {
        let wire = self.sandbox.http_client();
        open(load(toml), wire, self.access_key.as_deref(), HASTE).await.expect("the right account")
    }

    async fn build(&self, toml: &str, options: &plan::Options) -> Plan {
        self.open(toml).await.plan(options, &Quiet).await.expect("a plan").0
    }

    /// Reads how far the instances of a package are.
    pub(crate) fn installation(&self, toml: &str, address: &str) -> Installation {
        self.runtime.block_on(async {
            let config = load(toml);
            let reader = self.connect(&config.scope).await.reader();
            let live = observe::refresh(&reader, &config.desired).await;
            let found = live.kinds.iter().find_map(|(_, live)| live.found.get(&address.parse().expect("an address")));
            let Some(Found::Live(live)) = found else { panic!("{found:?}") };
            installation(&reader, live).await.expect("an answer")
        })
    }

    /// Plans and applies with this access key from now on; `None` may do everything.
    pub(crate) fn act_as(&mut self, access_key: Option<&str>) {
        self.access_key = access_key.map(str::to_owned);
    }

    /// Runs something that waits.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Connects to the account.
    pub(crate) fn clients(&self, scope: &Scope) -> Clients {
        self.wait(self.connect(scope))
    }

    async fn connect(&self, scope: &Scope) -> Clients {
        connect(self.sandbox.http_client(), scope, self.access_key.as_deref()).await
    }

    /// Calls an operation of the account as somebody else would.
    pub(crate) fn call(&self, service: &str, operation: &str, input: &serde_json::Value) -> serde_json::Value {
        self.sandbox
            .call(service, operation, "ap-northeast-1", input)
            .unwrap_or_else(|error| panic!("{service}:{operation} {input}: {error:?}"))
    }

    /// The writing requests since the last [`Bench::forget_requests`].
    pub(crate) fn writes(&self) -> Vec<String> {
        self.sandbox.requests().iter().filter(|request| request.write).map(name_of).collect()
    }

    /// All requests since the last [`Bench::forget_requests`].
    pub(crate) fn requests(&self) -> Vec<String> {
        self.sandbox.requests().iter().map(name_of).collect()
    }

    pub(crate) fn forget_requests(&self) {
        self.sandbox.clear_requests();
    }
}

fn name_of(request: &RequestRecord) -> String {
    format!("{}:{}", request.service, request.operation)
}

/// The addresses that a plan changes, with their actions.
pub(crate) fn changed(plan: &Plan) -> Vec<(String, Action)> {
    plan.changes
        .iter()
        .filter(|change| change.action != Action::NoOp)
        .map(|change| (change.address.to_string(), change.action))
        .collect()
}

/// The paths that a plan changes at one address.
pub(crate) fn paths(plan: &Plan, address: &str) -> Vec<String> {
    let change = plan.changes.iter().find(|change| change.address.to_string() == address);
    change.map(|change| change.fields.iter().map(|field| field.path.clone()).collect()).unwrap_or_default()
}

impl Bench {
    /// Denies an operation from now on.
    pub(crate) fn deny(&self, service: &str, operation: &str) {
        self.sandbox.inject(Fault::new(FaultKind::AccessDenied).service(service).operation(operation).times(u32::MAX));
    }
}
