//! How many calls a run makes, and how fast: AWS's rates decide at scale. The limits are enforced and counted by the
//! simulated account, in bursts of one second, and time is virtual: waiting costs none.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use vssctl::apply::lease::{Lease, Request, Store, Timing};
use vssctl::aws::{ConnectOptions, Stats};
use vssctl::engine::{self, End, EngineError, Exclusion, Order, Purpose, Session, Tempo};
use vssctl::plan::{Options, Verdict};
use vssctl::sandbox::{Rate, Sandbox, Share};

use crate::bench::{self, Quiet, STACK};
use crate::harness::Place;

/// What `vssctl` waits for against AWS.
const REAL: Tempo = Tempo { pace: Duration::from_millis(500), timing: Timing::REAL };

/// Writes a file of stacks: a role with AWS's two policies and its profile, a vault, a plan with one rule, and a
/// selection where `selects` says so.
fn stacks(count: usize, selects: bool) -> String {
    let mut text = STACK.to_owned();
    for number in 0..count {
        let _ = write!(
            text,
            "[role.r{number}]\npreset = \"vss-instance\"\n[vault.v{number}]\n[plan.p{number}]\nwindows_vss = true\n\
             [plan.p{number}.rule.daily]\nvault = \"v{number}\"\nschedule = \"cron(0 5 ? * * *)\"\ndelete_after = \
             \"35d\"\n"
        );
        if selects {
            let _ = write!(
                text,
                "[plan.p{number}.selection.s]\nrole = \"backup\"\nmatch = {{ all = {{ Backup = \"{number}\" }} }}\n"
            );
        }
    }
    if selects {
        text.push_str("[role.backup]\npreset = \"backup-service\"\n");
    }
    text
}

/// Runs with time that passes only where everybody waits.
fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().expect("a runtime").block_on(work)
}

fn account(rates: &[(&str, Share, f64)]) -> Sandbox {
    let sandbox = Sandbox::in_memory();
    let start = Instant::now();
    sandbox.follow_time(move || start.elapsed());
    for (service, share, per_second) in rates {
        sandbox.limit(Rate::new(service, *share, *per_second));
    }
    sandbox
}

/// Opens a session as one process does; `cache` is the folder that it keeps what never changes in.
async fn open(sandbox: &Sandbox, text: &str, cache: Option<&Path>) -> Session {
    let config = bench::load(text);
    let mut options = ConnectOptions::new(config.scope.clone());
    options.http_client = Some(sandbox.http_client());
    options.credentials = Some(Sandbox::credentials());
    options.cache = cache.map(Path::to_owned);
    let purpose = Purpose { is_simulated: true, writes: true };
    Session::open(config, options, purpose, &Quiet).await.expect("a session").at(REAL)
}

/// Plans; nothing may be unreadable, and the plan must be as big as `changes`.
async fn plan(sandbox: &Sandbox, text: &str, cache: Option<&Path>, changes: usize) -> Stats {
    let session = open(sandbox, text, cache).await;
    let (plan, _) = session.plan(&Options::default(), &Quiet).await.expect("a plan");
    assert_eq!((plan.verdict(), plan.steps.len()), (Verdict::Clean, changes));
    session.clients.stats()
}

/// Applies with the lease, as `vssctl apply` does.
async fn apply(sandbox: &Sandbox, text: &str, cache: Option<&Path>) -> Stats {
    let session = open(sandbox, text, cache).await;
    let options = Options::default();
    let order = Order { exclusion: Exclusion::Lease { patience: Duration::ZERO }, ..bench::order(&options) };
    let ended = Box::pin(engine::carry_out(&session, &order, &Quiet)).await.expect("a run");
    assert_eq!(ended.end, End::Done, "{:#?}", ended.report);
    session.clients.stats()
}

fn writes(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.write).count()
}

#[test]
fn a_plan_reads_each_plan_once_and_what_never_changes_only_in_the_first_run() {
    let none = account(&[]);
    for (count, selects, cold, warm) in
        [(1, false, 10, 9), (25, false, 58, 33), (200, false, 412, 212), (200, true, 612, 212)]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let text = stacks(count, selects);
        let (first, second) = in_virtual_time(async {
            let sandbox = account(&[]);
            apply(&sandbox, &text, None).await;
            let cache = Some(folder.path());
            (plan(&sandbox, &text, cache, 0).await.calls(), plan(&sandbox, &text, cache, 0).await.calls())
        });
        assert!(first <= cold && second <= warm, "{count} stacks: {first} calls cold, {second} warm");
        let files = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(files, 1, "the cache is one file");
    }
    assert_eq!(writes(&none), 0);
}

#[test]
fn a_change_of_one_field_costs_ten_calls_more_than_its_plan() {
    for (count, selects) in [(25, true), (200, false)] {
        let before = stacks(count, selects);
        let after = before.replacen("35d", "36d", 1);
        let (planned, applied) = in_virtual_time(async {
            let sandbox = account(&[]);
            apply(&sandbox, &before, None).await;
            let planned = plan(&sandbox, &after, None, 1).await.calls();
            (planned, apply(&sandbox, &after, None).await.calls())
        });
        assert!(applied <= planned + 10, "{count} stacks: {planned} calls to plan it, {applied} to apply it");
    }
}

#[test]
fn a_hazard_that_nobody_consents_to_costs_one_look_at_the_lease() {
    in_virtual_time(async {
        let (sandbox, before) = (account(&[]), stacks(25, true));
        apply(&sandbox, &before, None).await;
        let after = before.replacen("35d", "7d", 1);
        // All reads show by then what that run did.
        tokio::time::sleep(Duration::from_mins(2)).await;
        let planned = plan(&sandbox, &after, None, 1).await.calls();
        let session = open(&sandbox, &after, None).await;
        let options = Options::default();
        let exclusion = Exclusion::Lease { patience: Duration::ZERO };
        let order = Order { consents: &bench::NONE, exclusion, ..bench::order(&options) };
        let ended = Box::pin(engine::carry_out(&session, &order, &Quiet)).await;
        assert!(matches!(ended, Err(EngineError::Hazards(_))), "{ended:?}");
        assert_eq!(session.clients.stats().calls(), planned + 1);
    });
}

#[test]
fn a_stack_takes_eight_writes_and_no_reads_of_its_own() {
    let reads = [10, 100].map(|count| {
        in_virtual_time(async {
            let sandbox = account(&[]);
            apply(&sandbox, &stacks(count, true), None).await;
            let requests = sandbox.requests();
            // The lease and the one role of all selections are no stack's.
            let shared = ["PutParameter", "DeleteParameters"];
            let writes = requests.iter().filter(|one| one.write && !shared.contains(&one.operation.as_str())).count();
            assert!(writes <= 8 * count + 3, "{writes} writes for {count} stacks");
            requests.iter().filter(|one| !one.write).filter(|one| one.operation != "GetResources").count()
        })
    });
    assert_eq!(reads[0], reads[1], "but for the pages of a list");
}

#[test]
fn within_aws_s_rates_a_run_takes_as_long_as_its_calls_and_few_are_refused() {
    let rates = [
        ("backup", Share::Reads, 15.0),
        ("backup", Share::Writes, 5.0),
        ("iam", Share::Reads, 20.0),
        ("iam", Share::Writes, 10.0),
    ];
    in_virtual_time(async {
        let (sandbox, text) = (account(&rates), stacks(200, false));
        for step in ["create", "plan"] {
            sandbox.clear_requests();
            let (began, refused) = (Instant::now(), sandbox.refused());
            let stats = if step == "create" {
                apply(&sandbox, &text, None).await
            } else {
                plan(&sandbox, &text, None, 0).await
            };
            let (took, requests) = (began.elapsed().as_secs_f64(), sandbox.requests());
            let refused = sandbox.refused() - refused;
            let least = rates.iter().map(|(service, share, rate)| {
                let is_one = |write: bool| (*share == Share::Writes) == write;
                let calls = requests.iter().filter(|one| one.service == *service && is_one(one.write)).count();
                f64::from(u32::try_from(calls).expect("a count")) / rate
            });
            let least = least.fold(0.0, f64::max);
            println!("{step}: {} calls, {refused} refused, {took:.1} s; at the rates {least:.1} s", requests.len());
            assert!(took <= 1.2 * least, "{step} took {took:.1} s, and its calls {least:.1} s at the rates");
            assert!(refused * 20 < requests.len() as u64, "{refused} of {} calls were refused", requests.len());
            assert_eq!((stats.calls(), stats.throttled()), (requests.len() as u64, refused));
        }
    });
}

/// Beside the limiter: what the SDK's own adaptive mode makes of the same reads, in real time, as it has its own clock.
#[test]
fn the_sdk_s_adaptive_mode_beside_the_limiter() {
    const CALLS: usize = 400;
    if std::env::var_os("VSSCTL_FIGURES").is_none() {
        println!("skipped: it takes half a minute and shows a figure of docs/performance.md; VSSCTL_FIGURES=1 runs it");
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let sandbox = Sandbox::in_memory();
    sandbox.limit(Rate::new("backup", Share::Reads, 15.0));
    let config = aws_sdk_backup::Config::builder()
        .behavior_version(aws_sdk_backup::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_backup::config::Region::new("ap-northeast-1"))
        .credentials_provider(Sandbox::credentials())
        .http_client(sandbox.http_client())
        .retry_config(aws_sdk_backup::config::retry::RetryConfig::adaptive().with_max_attempts(100))
        .build();
    let client = aws_sdk_backup::Client::from_conf(config);
    let began = std::time::Instant::now();
    let failed = runtime.block_on(async {
        let calls = (0..CALLS).map(|_| client.list_backup_plans().send());
        let answers: Vec<_> = futures_util::StreamExt::collect(futures_util::StreamExt::buffer_unordered(
            futures_util::stream::iter(calls),
            8,
        ))
        .await;
        answers.iter().filter(|answer| answer.is_err()).count()
    });
    println!(
        "the SDK's adaptive mode: {CALLS} reads at 15 a second took {:.1} s, {} refused, {failed} failed",
        began.elapsed().as_secs_f64(),
        sandbox.refused()
    );
}

#[test]
fn one_call_a_second_is_enough() {
    let services = ["backup", "ec2", "iam", "kms", "ssm", "sts", "tagging"];
    in_virtual_time(async {
        let (sandbox, text) = (account(&services.map(|service| (service, Share::All, 1.0))), stacks(5, true));
        apply(&sandbox, &text, None).await;
        plan(&sandbox, &text, None, 0).await;
    });
}

#[test]
fn statistics_are_told_and_written_with_their_schema() {
    let place = Place::with(&stacks(2, false));
    let said = place.sandbox(&["--stats", "apply", "--yes"]).exits(0).stderr;
    assert!(
        said.contains(" calls to AWS in ") && said.contains("iam:CreateRole") && said.contains("\nTime\n"),
        "{said}"
    );
    place.sandbox(&["--stats=stats.json", "plan"]).exits(0);
    let stats: serde_json::Value = serde_json::from_str(&place.read("stats.json")).expect("JSON");
    let schema = place.run(&["schema", "--statistics"]).exits(0).stdout;
    let checked_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/stats.schema.json");
    let checked_in = std::fs::read_to_string(checked_in).expect("a schema");
    assert!(schema == checked_in, "it is stale: vssctl schema --statistics > schema/stats.schema.json");
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    let members = |value: &serde_json::Value| -> Vec<String> {
        let mut names: Vec<String> = value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(members(&stats), members(&schema["properties"]));
    assert_eq!(stats["calls"], 11);
    assert_eq!(stats["operations"]["backup:GetBackupPlan"]["calls"], 2);
    place.sandbox(&["--stats=stats.json", "destroy", "--yes"]).exits(0);
    let stats: serde_json::Value = serde_json::from_str(&place.read("stats.json")).expect("JSON");
    // For each stack: before two policies, the profile's role, the profile and the role go, and twice at the vault.
    assert_eq!(stats["looks"], 2 * 8);
    // A failure has its statistics too, and a command that asks nobody says so.
    place.write("vss.toml", "nonsense");
    assert!(place.sandbox(&["--stats", "plan"]).exits(6).stderr.contains("0 calls to AWS"));
}

#[test]
fn a_run_out_of_time_finishes_its_calls_and_the_next_one_goes_on() {
    in_virtual_time(async {
        let (sandbox, text) = (account(&[("iam", Share::Writes, 5.0)]), stacks(40, true));
        let session = open(&sandbox, &text, None).await;
        session.end_after(Duration::from_secs(20));
        let (began, options) = (Instant::now(), Options::default());
        let order = Order { exclusion: Exclusion::Lease { patience: Duration::ZERO }, ..bench::order(&options) };
        let ended = Box::pin(engine::carry_out(&session, &order, &Quiet)).await.expect("a run");
        let report = ended.report.expect("a report");
        assert_eq!((ended.end, report.is_complete(), report.counts().1), (End::Partly, false, 0));
        assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
        apply(&sandbox, &text, None).await;
        plan(&sandbox, &text, None, 0).await;
    });
}

#[test]
fn a_run_out_of_time_while_it_waits_for_the_lease_leaves_no_slot() {
    in_virtual_time(async {
        let (sandbox, text) = (account(&[]), stacks(1, false));
        let holder = open(&sandbox, &text, None).await;
        let request = Request {
            op: "apply".to_owned(),
            caller_arn: "arn:aws:iam::123456789012:user/other".to_owned(),
            patience: Duration::ZERO,
            timing: Timing::REAL,
        };
        let store = Store::new(&holder.clients);
        let lease = Lease::take(store, &request, &holder.fence, |_| {}, std::future::pending()).await.expect("a lease");
        let slots = || {
            let parameters = sandbox.call("ssm", "DescribeParameters", "ap-northeast-1", &serde_json::json!({}));
            parameters.expect("a list")["Parameters"].as_array().map_or(0, Vec::len)
        };
        let before = slots();
        let session = open(&sandbox, &text, None).await;
        session.end_after(Duration::from_secs(10));
        let options = Options::default();
        let patience = Duration::from_mins(10);
        let order = Order { exclusion: Exclusion::Lease { patience }, ..bench::order(&options) };
        let ended = Box::pin(engine::carry_out(&session, &order, &Quiet)).await;
        assert!(matches!(ended, Err(EngineError::OutOfTime)), "{ended:?}");
        assert_eq!(slots(), before);
        lease.release().await.expect("its end");
        apply(&sandbox, &text, None).await;
    });
}

#[test]
fn a_run_that_has_no_more_time_changes_nothing_more_and_says_so() {
    let place = Place::with(&stacks(1, false));
    let run = place.sandbox(&["apply", "--yes", "--timeout", "0"]).exits(1);
    assert!(run.stderr.contains("the time of `--timeout` is over"), "{}", run.stderr);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), "Plan: 4 to add, 0 to change, 0 to destroy.");
}
