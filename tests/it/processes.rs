//! Real processes against a simulated account: one fault of the wire at one call, three processes at once, and one that
//! holds the lease for twice its length. Each ends in bounded time with a bounded number of calls; the next ones end
//! where the file says, nothing is there twice, and strangers keep what they have.
//!
//! `tests/figures` asks for more: `VSSCTL_WIRE_FAULTS`, `VSSCTL_TOGETHER`, and `VSSCTL_HELD` for the one that takes
//! minutes of real time.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vssctl::sandbox::account::Account;
use vssctl::sandbox::{Fault, FaultKind, Sandbox};

use crate::convergence::FAULTS;
use crate::convergence::random::Random;
use crate::faults::Served;
use crate::harness::{Run, wait_until};

const REGION: &str = "ap-northeast-1";
/// So many faults are tried with every test run.
const FEW: usize = 4;
/// No run takes longer, whatever one call comes to: an operation that gets no answer is given up after 90 seconds, and a
/// lost answer is waited for.
const LONGEST: Duration = Duration::from_mins(5);
/// So many times the calls of an undisturbed run are the most that one fault may cost.
const MOST: usize = 3;
/// So many runs at most follow the one that was hit.
const RUNS: usize = 3;
/// As long as a lease keeps others out whose holder died.
const LEASE: Duration = Duration::from_mins(18);
/// Seconds instead of minutes: lease, renew, grace, settle, poll.
const QUICK: &str = "2000,500,1000,1000,200";

fn asked(name: &str) -> Option<usize> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What the account has, apart from what time changes.
fn things(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let account = sandbox.snapshot().expect("an account");
    let mut found = BTreeMap::new();
    let mut add = |kind: &str, objects: &Value| {
        for (id, object) in objects.as_object().into_iter().flatten() {
            found.insert(format!("{kind} {id}"), object.clone());
        }
    };
    for kind in ["roles", "profiles", "policies"] {
        add(kind, &account["iam"][kind]);
    }
    let region = &account["regions"][REGION];
    add("vault", &region["backup"]["vaults"]);
    add("association", &region["ssm"]["associations"]);
    let plans = region["backup"]["plans"].as_object().into_iter().flatten();
    let there = plans.filter(|(_, plan)| plan["deleted"].is_null());
    add("plan", &there.map(|(id, plan)| (id.clone(), plan.clone())).collect());
    found
}

/// Lets somebody else have resources beside those of the file. Returns what they have.
fn strangers(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let call = |service: &str, operation: &str, input: Value| {
        sandbox.call(service, operation, REGION, &input).unwrap_or_else(|error| panic!("{operation}: {error:?}"))
    };
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "backup.amazonaws.com" }, "Action": "sts:AssumeRole" }],
    });
    let role = json!({ "RoleName": "Theirs", "AssumeRolePolicyDocument": trust.to_string() });
    call("iam", "CreateRole", role);
    call("backup", "CreateBackupVault", json!({ "BackupVaultName": "theirs" }));
    let nightly =
        json!({ "RuleName": "r", "TargetBackupVaultName": "theirs", "ScheduleExpression": "cron(0 2 ? * * *)" });
    let plan =
        call("backup", "CreateBackupPlan", json!({ "BackupPlan": { "BackupPlanName": "theirs", "Rules": [nightly] } }));
    let selection = json!({
        "SelectionName": "theirs", "IamRoleArn": "arn:aws:iam::123456789012:role/Theirs",
        "ListOfTags": [{ "ConditionType": "STRINGEQUALS", "ConditionKey": "Theirs", "ConditionValue": "yes" }],
    });
    let input = json!({ "BackupPlanId": plan["BackupPlanId"], "BackupSelection": selection });
    call("backup", "CreateBackupSelection", input);
    things(sandbox)
}

/// How many resources of each kind the file's stack has besides the strangers'.
fn made(sandbox: &Sandbox, before: &BTreeMap<String, Value>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for key in things(sandbox).keys().filter(|key| !before.contains_key(*key)) {
        let kind = key.split(' ').next().unwrap_or_default().to_owned();
        *counted.entry(kind).or_default() += 1;
    }
    counted
}

/// What the file of the main job makes.
fn whole() -> BTreeMap<String, usize> {
    [("roles", 2), ("profiles", 1), ("vault", 1), ("plan", 1), ("association", 1)]
        .map(|(kind, count)| (kind.to_owned(), count))
        .into()
}

fn check_end(served: &Served, before: &BTreeMap<String, Value>) {
    let plan = served.run(&["plan"]).exits(0);
    assert!(plan.stdout.contains("No changes."), "{}", plan.stdout);
    assert_eq!(made(&served.sandbox, before), whole());
    let now = things(&served.sandbox);
    for (key, thing) in before {
        assert_eq!(now.get(key), Some(thing), "{key} is a stranger's");
    }
}

/// The calls of an undisturbed run, in order.
fn calls() -> Vec<String> {
    let served = Served::new();
    served.run(&["apply", "--yes"]).exits(0);
    served.sandbox.requests().into_iter().map(|request| request.operation).collect()
}

/// Applies while one call has a fault, and then until the end is reached. Returns how often the call was hit.
fn disturbed(kind: FaultKind, operation: &str, nth: u32, calls: usize) -> u64 {
    let served = Served::new();
    let before = strangers(&served.sandbox);
    served.sandbox.clear_requests();
    served.sandbox.inject(Fault::new(kind).operation(operation).nth(nth));
    let what = format!("{kind:?} at {operation} {nth}");
    for run in 0..=RUNS {
        let begun = Instant::now();
        served.sandbox.clear_requests();
        let ended = served.run(&["apply", "--yes"]);
        assert!(begun.elapsed() < LONGEST, "{what}: run {run} took {:?}", begun.elapsed());
        let requests = served.sandbox.requests().len();
        assert!(requests <= MOST * calls, "{what}: run {run} made {requests} calls");
        assert!(!ended.stderr.contains("panicked"), "{what}: {}", ended.stderr);
        let code = ended.code.unwrap_or(-1);
        assert!([0, 1, 4, 5, 7].contains(&code), "{what}: run {run} ended with {code}\n{}", ended.stderr);
        if code == 0 {
            break;
        }
        assert!(run < RUNS, "{what}: still {code}\n{}\n{}", ended.stdout, ended.stderr);
        // What is taken up late arrives, and a lease that was not given back is over.
        served.sandbox.advance(LEASE).expect("the clock");
    }
    check_end(&served, &before);
    served.sandbox.faults_struck()
}

#[test]
fn a_fault_of_the_wire_at_any_call_of_a_real_process_is_healed_by_the_next_ones() {
    let calls = calls();
    let count = asked("VSSCTL_WIRE_FAULTS").unwrap_or(FEW);
    let mut random = Random::new(0x1731);
    // Each sort of fault in turn, each at a call of its own. One that is never answered takes a minute of real time.
    let kinds: Vec<FaultKind> = FAULTS.iter().copied().filter(|kind| count > FEW || *kind != FaultKind::Hang).collect();
    let chosen: Vec<(FaultKind, String, u32)> = (0..count)
        .map(|index| {
            let at = random.below(calls.len());
            let operation = &calls[at];
            let nth = calls[..=at].iter().filter(|call| *call == operation).count();
            (kinds[index % kinds.len()], operation.clone(), u32::try_from(nth).expect("a small number"))
        })
        .collect();
    let (next, struck, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let work = || {
            while let Some((kind, operation, nth)) = chosen.get(next.fetch_add(1, Ordering::SeqCst)) {
                let run = std::panic::AssertUnwindSafe(|| disturbed(*kind, operation, *nth, calls.len()));
                match std::panic::catch_unwind(run) {
                    Ok(hits) => {
                        struck.fetch_add(usize::from(hits > 0), Ordering::SeqCst);
                    }
                    Err(_) => failed.lock().expect("no poison").push(format!("{kind:?} at {operation} {nth}")),
                }
            }
        };
        // Most of the time they wait.
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().expect("no poison");
    println!(
        "{count} wire faults at applies of a real process, {} of them struck, in {:.0} s: {} failed",
        struck.load(Ordering::SeqCst),
        begun.elapsed().as_secs_f64(),
        failed.len()
    );
    assert!(failed.is_empty(), "{failed:?}");
    assert!(struck.load(Ordering::SeqCst) * 10 >= count * 9, "most of the faults came too late");
}

/// Starts a run in the background, with a lease of seconds.
fn start(served: &Served, arguments: &[&str]) -> Child {
    let mut command = served.prepare(arguments, "123456789012");
    command.env("VSSCTL_TEST_LEASE", QUICK).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("vssctl runs")
}

#[test]
fn three_processes_at_once_under_a_fault_make_everything_once() {
    let calls = calls();
    let count = asked("VSSCTL_TOGETHER").unwrap_or(1);
    let mut random = Random::new(0x3333);
    let kinds = [
        FaultKind::ResetAfter,
        FaultKind::FailAfter,
        FaultKind::Throttle,
        FaultKind::Truncated,
        FaultKind::ServerError,
        FaultKind::ResetBefore,
    ];
    for index in 0..count {
        let served = Served::in_real_time();
        let before = strangers(&served.sandbox);
        served.sandbox.clear_requests();
        let (kind, operation) = (kinds[index % kinds.len()], random.pick(&calls).clone());
        served.sandbox.inject(Fault::new(kind).operation(&operation));
        let begun = Instant::now();
        let runs: Vec<Child> = (0..3).map(|_| start(&served, &["apply", "--yes", "--lock-timeout", "2m"])).collect();
        let codes: Vec<Option<i32>> =
            runs.into_iter().map(|run| run.wait_with_output().expect("an end").status.code()).collect();
        let what = format!("{kind:?} at {operation}: {codes:?}");
        assert!(begun.elapsed() < LONGEST, "{what}: {:?}", begun.elapsed());
        // The fault hits one of them; the others are not disturbed.
        assert!(codes.iter().filter(|code| **code == Some(0)).count() >= 2, "{what}");
        let mut command = served.prepare(&["apply", "--yes", "--lock-timeout", "1m"], "123456789012");
        Run::from(command.env("VSSCTL_TEST_LEASE", QUICK).output().expect("vssctl runs")).exits(0);
        check_end(&served, &before);
    }
    println!("{count} times three processes at once under a fault: everything was made once");
}

/// A package that goes to one server first, which is off: its run waits, and holds the lease meanwhile.
fn waiting_for(server: &str) -> String {
    format!(
        "{}[package.AwsVssComponents]\ncanary = [\"{server}\"]\ntargets = {{ instance_ids = [\"{server}\"] }}\n\
         schedule = \"rate(1 day)\"\n",
        crate::bench::STACK
    )
}

#[test]
fn a_run_that_lasts_for_twice_the_lease_keeps_everybody_else_out() {
    if std::env::var_os("VSSCTL_HELD").is_none() {
        println!("a run that lasts for twice the lease takes five minutes: VSSCTL_HELD=1 asks for it");
        return;
    }
    let served = Served::in_real_time();
    let named = json!({ "Filters": [{ "Name": "tag:Name", "Values": ["archive-1"] }] });
    let answer = served.sandbox.call("ec2", "DescribeInstances", REGION, &named).expect("instances");
    let machine = answer["Reservations"][0]["Instances"][0]["InstanceId"].as_str().expect("an id").to_owned();
    served.place.write("vss.toml", waiting_for(&machine));
    served.sandbox.clear_requests();
    let mut command = served.prepare(&["apply", "--yes"], "123456789012");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("vssctl runs");
    let count =
        |operation: &str| served.sandbox.requests().iter().filter(|request| request.operation == operation).count();
    wait_until(|| count("SendCommand") == 1);
    let (begun, held) = (Instant::now(), Duration::from_secs(245));
    let mut refused = 0;
    while begun.elapsed() < held {
        // Not a wait for anything: the time is the test.
        std::thread::sleep(Duration::from_secs(49));
        served.run(&["apply", "--yes"]).exits(7);
        refused += 1;
    }
    // The once-record of the command, the lease itself, and a renewal every 40 seconds.
    let renewals = count("PutParameter").saturating_sub(2);
    assert!(renewals >= 5, "{renewals} renewals");
    let commands = served.sandbox.call("ssm", "ListCommands", REGION, &json!({})).expect("commands");
    let cancel = json!({ "CommandId": commands["Commands"][0]["CommandId"] });
    served.sandbox.call("ssm", "CancelCommand", REGION, &cancel).expect("cancelled");
    Run::from(child.wait_with_output().expect("an end")).exits(5);
    let wake = |account: &mut Account| {
        let region = account.regions.get_mut(REGION).expect("the region");
        region.fleet.instances.get_mut(&machine).expect("the machine").silent_since = None;
    };
    served.sandbox.edit(wake).expect("an account");
    // The lease was given back: nobody waits.
    served.run(&["apply", "--yes"]).exits(0);
    assert!(served.run(&["plan"]).exits(0).stdout.contains("No changes."));
    println!(
        "one run held the lease for {:.0} s of real time, renewed it {renewals} times and kept {refused} other \
         processes out",
        begun.elapsed().as_secs_f64()
    );
}
