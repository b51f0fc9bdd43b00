//! The lease: in process on a clock that tests move, and between processes.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vssctl::apply::lease::{self, Lease, LeaseError, Request, Store, Timing};
use vssctl::aws::{Clients, ErrorKind, Fence};
use vssctl::sandbox::{Fault, FaultKind, Sandbox};

use crate::bench::{self, Bench};
use crate::faults::Served;
use crate::harness::{Run, wait_until};

const REGION: &str = "ap-northeast-1";

async fn clients(sandbox: &Sandbox) -> Clients {
    bench::connect(sandbox.http_client(), &bench::scope("s"), None).await
}

fn request(timing: Timing) -> Request {
    Request {
        op: "apply".into(),
        caller_arn: "arn:aws:iam::123456789012:user/me".into(),
        patience: Duration::ZERO,
        timing,
    }
}

async fn take(clients: &Clients, timing: Timing) -> Result<(Lease, Arc<Fence>), LeaseError> {
    let fence = Arc::default();
    let lease = Lease::take(Store::new(clients), &request(timing), &fence, |_| {}, std::future::pending()).await?;
    Ok((lease, fence))
}

/// The slots by epoch, as they stand in Parameter Store.
fn slots(sandbox: &Sandbox, stack: &str) -> Vec<(String, Value)> {
    let path = format!("/vssctl/v1/{stack}/lock");
    let answer = sandbox.call("ssm", "GetParametersByPath", REGION, &json!({"Path": path})).expect("parameters");
    let parameters = answer["Parameters"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let slot = |one: &Value| {
        let number = text(&one["Name"]).rsplit('/').next().expect("a number").to_owned();
        (number, serde_json::from_str(&text(&one["Value"])).expect("a record"))
    };
    parameters.iter().map(slot).collect()
}

fn states(sandbox: &Sandbox, stack: &str) -> Vec<(String, String)> {
    let state = |record: &Value| record["state"].as_str().expect("a state").to_owned();
    slots(sandbox, stack).into_iter().map(|(epoch, record)| (epoch, state(&record))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(epoch, state)| ((*epoch).to_owned(), (*state).to_owned())).collect()
}

#[tokio::test]
async fn one_has_the_lease_and_the_next_gets_it_when_it_is_given_back() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
    let Err(LeaseError::Held(holder)) = take(&clients, Timing::REAL).await else { panic!("two have it") };
    assert_eq!(holder.epoch, 1);
    assert!(holder.free_in > Duration::from_secs(1000) && holder.free_in <= Duration::from_mins(18), "{holder:?}");
    assert_eq!(holder.record.expect("a record").op, "apply");
    lease.release().await.expect("given back");
    let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
    assert_eq!(lease.epoch(), 2);
    assert_eq!(states(&sandbox, "s"), pairs(&[("00000001", "released"), ("00000002", "held")]));
}

#[tokio::test]
async fn old_slots_go_and_the_newest_numbers_stay() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    for epoch in 1..=6 {
        let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
        assert_eq!(lease.epoch(), epoch);
        tokio::task::yield_now().await;
        lease.release().await.expect("given back");
    }
    let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
    lease.release().await.expect("given back");
    let left: Vec<String> = states(&sandbox, "s").into_iter().map(|(epoch, _)| epoch).collect();
    assert!(left.len() <= 4 && left.ends_with(&["00000006".to_owned(), "00000007".to_owned()]), "{left:?}");
}

#[tokio::test]
async fn a_lost_answer_to_the_create_does_not_lock_out_its_sender() {
    for times in [1, 3, 4] {
        let sandbox = Sandbox::in_memory();
        let clients = clients(&sandbox).await;
        sandbox.inject(Fault::new(FaultKind::ResetAfter).operation("PutParameter").times(times));
        let (lease, fence) = take(&clients, Timing::REAL).await.expect("the lease");
        assert_eq!((lease.epoch(), fence.is_open()), (1, true));
        assert_eq!(states(&sandbox, "s"), pairs(&[("00000001", "held")]));
    }
}

#[tokio::test]
async fn a_slot_that_was_made_for_nothing_is_given_back() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    sandbox.inject(Fault::new(FaultKind::ResetAfter).operation("PutParameter"));
    sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("GetParameter"));
    let refused = take(&clients, Timing::REAL).await.err();
    assert!(matches!(refused, Some(LeaseError::Store(_))), "{refused:?}, {:?}", sandbox.requests());
    let (lease, _) = take(&clients, Timing::REAL).await.expect("nobody has it");
    assert_eq!(lease.epoch(), 2);
    assert_eq!(states(&sandbox, "s"), pairs(&[("00000001", "released"), ("00000002", "held")]));
}

/// Everything that may come in the way of a call whose sender may send it again.
const PASSING: [FaultKind; 11] = [
    FaultKind::Throttle,
    FaultKind::ServerError,
    FaultKind::ResetBefore,
    FaultKind::ResetAfter,
    FaultKind::Hang,
    FaultKind::Truncated,
    FaultKind::Page,
    FaultKind::Limited,
    FaultKind::Conflict,
    FaultKind::FailAfter,
    FaultKind::LateCommit(Duration::from_secs(1)),
];

#[tokio::test(start_paused = true)]
async fn a_release_that_gets_no_answer_is_sent_again() {
    for kind in PASSING {
        for times in [1, 3] {
            let sandbox = Sandbox::in_memory();
            let clients = clients(&sandbox).await;
            let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
            let begun = tokio::time::Instant::now();
            sandbox.inject(Fault::new(kind).operation("PutParameter").times(times));
            let released = lease.release().await;
            assert!(released.is_ok(), "{kind:?} {times} times: {released:?}");
            assert!(begun.elapsed() <= Duration::from_secs(30), "{kind:?} {times} times: {:?}", begun.elapsed());
            assert_eq!(sandbox.faults_struck(), u64::from(times), "{kind:?}");
            assert_eq!(states(&sandbox, "s"), pairs(&[("00000001", "released")]), "{kind:?}");
            let (lease, _) = take(&clients, Timing::REAL).await.expect("nobody has it");
            assert_eq!(lease.epoch(), 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_stays_without_an_answer_ends_after_half_a_minute_and_says_how_long_others_wait() {
    for kind in PASSING {
        // Those do it every time, and only the answer is missing.
        let is_done = |kind| {
            matches!(
                kind,
                FaultKind::ResetAfter
                    | FaultKind::Truncated
                    | FaultKind::Page
                    | FaultKind::FailAfter
                    | FaultKind::LateCommit(_)
            )
        };
        let sandbox = Sandbox::in_memory();
        let clients = clients(&sandbox).await;
        let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
        sandbox.clear_requests();
        sandbox.inject(Fault::new(kind).operation("PutParameter").times(u32::MAX));
        let begun = tokio::time::Instant::now();
        let kept = lease.release().await.expect_err("no answer").kept;
        let took = begun.elapsed();
        assert!(took > Duration::from_secs(15) && took <= Duration::from_secs(31), "{kind:?}: {took:?}");
        let tries = sandbox.requests().len();
        assert!((3..=16).contains(&tries), "{kind:?}: {tries} tries");
        assert_eq!(kept.epoch, 1);
        assert!(kept.free_in > Duration::from_secs(1000) && kept.free_in <= Duration::from_mins(18), "{kept:?}");
        sandbox.clear_faults();
        // What is taken up late is taken up by then.
        sandbox.advance(Duration::from_secs(5)).expect("the clock");
        match lease::see(&Store::new(&clients), &Timing::REAL).await.expect("a read").holder {
            None => assert!(is_done(kind), "{kind:?}"),
            Some(holder) => {
                assert!(!is_done(kind), "{kind:?}");
                // The time that was told is the one at which it ends, to a few seconds of the sandbox's clock.
                let apart = kept.free_at.duration_since(holder.free_at).as_secs().abs();
                assert!(apart <= 60, "{} and {}", kept.free_at, holder.free_at);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_refused_is_not_sent_again() {
    for kind in [FaultKind::AccessDenied, FaultKind::ExpiredCredentials] {
        let sandbox = Sandbox::in_memory();
        let clients = clients(&sandbox).await;
        let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
        sandbox.clear_requests();
        sandbox.inject(Fault::new(kind).operation("PutParameter").times(u32::MAX));
        let failed = lease.release().await.expect_err("refused");
        assert_eq!(failed.kept.epoch, 1);
        assert!(sandbox.requests().len() <= 2, "{:?}", sandbox.requests());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_was_made_for_nothing_is_given_back_through_lost_answers_or_told() {
    for kind in PASSING {
        let sandbox = Sandbox::in_memory();
        let clients = clients(&sandbox).await;
        // Made, and its making not seen; then the first writes that give it back come to nothing.
        sandbox.inject(Fault::new(FaultKind::ResetAfter).operation("PutParameter"));
        sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("GetParameter"));
        sandbox.inject(Fault::new(kind).operation("PutParameter").nth(2).times(3));
        let refused = take(&clients, Timing::REAL).await.err();
        assert!(matches!(refused, Some(LeaseError::Store(_))), "{kind:?}: {refused:?}");
        assert_eq!(states(&sandbox, "s"), pairs(&[("00000001", "released")]), "{kind:?}");
    }
    for (operation, kind) in [("PutParameter", FaultKind::ServerError), ("GetParameter", FaultKind::AccessDenied)] {
        let sandbox = Sandbox::in_memory();
        let clients = clients(&sandbox).await;
        sandbox.inject(Fault::new(FaultKind::ResetAfter).operation("PutParameter"));
        sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("GetParameter").times(3));
        sandbox.inject(Fault::new(kind).operation(operation).nth(2).times(u32::MAX));
        let Some(LeaseError::NotReturned { cause, kept }) = take(&clients, Timing::REAL).await.err() else {
            panic!("{operation}: it was given back")
        };
        assert!(matches!(*cause, LeaseError::Store(_)), "{cause:?}");
        assert_eq!(kept.epoch, 1);
        assert_eq!(states(&sandbox, "s"), pairs(&[("00000001", "held")]));
    }
}

#[tokio::test]
async fn what_was_written_long_before_is_remembered_by_leases_that_wrote_nothing() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    Store::new(&clients);
    clients.reader().parameter("/x").await.expect("an answer");
    let read_at = clients.date();
    sandbox.advance(Duration::from_secs(100)).expect("the clock");
    let (lease, fence) = take(&clients, Timing::REAL).await.expect("the lease");
    clients.fenced_writer(&fence).put_parameter("/a", "1", false).await.expect("within the lease");
    lease.release().await.expect("given back");
    for _ in 0..5 {
        sandbox.advance(Duration::from_secs(100)).expect("the clock");
        let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
        tokio::task::yield_now().await;
        lease.release().await.expect("given back");
    }
    let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
    assert!(!lease.unquiet_at(read_at).is_zero(), "something was written after that");
    assert!(lease.unquiet_at(read_at + 400_000).is_zero());
}

#[tokio::test]
async fn what_a_dead_holder_may_have_written_is_remembered_by_its_successors() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    clients.reader().parameter("/x").await.expect("an answer");
    let read_at = clients.date();
    take(&clients, Timing::REAL).await.expect("the lease").0.abandon();
    sandbox.advance(Duration::from_secs(1081)).expect("the clock");
    take(&clients, Timing::REAL).await.expect("the lease").0.release().await.expect("given back");
    let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
    assert!(!lease.unquiet_at(read_at).is_zero(), "the dead one may have written after that");
}

#[tokio::test]
async fn a_dead_holder_is_succeeded_after_its_end_and_the_grace() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    take(&clients, Timing::REAL).await.expect("the lease").0.abandon();
    sandbox.advance(Duration::from_secs(1000)).expect("the clock");
    assert!(matches!(take(&clients, Timing::REAL).await, Err(LeaseError::Held(_))));
    sandbox.advance(Duration::from_secs(80)).expect("the clock");
    let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
    assert_eq!(lease.epoch(), 2);
    assert!(lease.unquiet_at(clients.date()).is_zero(), "the grace includes the staleness of reads");
    assert_eq!(states(&sandbox, "s"), pairs(&[("00000001", "held"), ("00000002", "held")]));
}

#[tokio::test]
async fn nothing_is_sent_once_the_lease_is_over() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    let (lease, fence) = take(&clients, Timing::REAL).await.expect("the lease");
    let writer = clients.fenced_writer(&fence);
    writer.put_parameter("/a", "1", false).await.expect("within the lease");
    assert!(fence.answered().is_some());
    sandbox.clear_requests();
    lease.abandon();
    let error = writer.put_parameter("/a", "2", true).await.expect_err("refused");
    assert_eq!(error.kind, ErrorKind::LeaseLost);
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn a_lease_that_can_t_be_renewed_is_lost_at_its_deadline() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    let timing = Timing { lease: 300, renew: 100, grace: 0, settle: 0, poll: 20 };
    let (lease, fence) = take(&clients, timing).await.expect("the lease");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!lease.is_lost() && fence.is_open(), "it is renewed");
    sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("PutParameter").times(u32::MAX));
    tokio::time::timeout(Duration::from_secs(5), lease.lost()).await.expect("lost");
    assert!(!fence.is_open());
}

#[tokio::test]
async fn reads_settle_after_the_last_change_of_the_run_before() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    let (lease, fence) = take(&clients, Timing::REAL).await.expect("the lease");
    clients.fenced_writer(&fence).put_parameter("/a", "1", false).await.expect("a change");
    lease.release().await.expect("given back");
    let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
    let unquiet = lease.unquiet_at(clients.date());
    assert!(unquiet > Duration::from_secs(50) && unquiet <= Duration::from_secs(61), "{unquiet:?}");
    lease.release().await.expect("given back");
    // A run that changed nothing does not make the one before it settle sooner.
    let (lease, _) = take(&clients, Timing::REAL).await.expect("the lease");
    assert!(lease.unquiet_at(clients.date()) > Duration::from_secs(45), "{:?}", lease.unquiet_at(clients.date()));
}

#[tokio::test]
async fn a_broken_lease_is_not_edited_and_its_holder_notices() {
    let sandbox = Sandbox::in_memory();
    let clients = clients(&sandbox).await;
    let timing = Timing { lease: 60_000, renew: 200, ..Timing::REAL };
    let (broken, fence) = take(&clients, timing).await.expect("the lease");
    let store = Store::new(&clients);
    let holder = lease::see(&store, &timing).await.expect("a read").holder.expect("a holder");
    let before = slots(&sandbox, "s");
    assert!(lease::unlock(&store, &holder, "arn:me", &timing).await.expect("unlocked"));
    let after = slots(&sandbox, "s");
    assert_eq!(after[0].1, before[0].1);
    assert_eq!((after[1].1["state"].as_str(), after[1].1["broken_by"].as_str()), (Some("released"), Some("arn:me")));
    assert!(!lease::unlock(&store, &holder, "arn:you", &timing).await.expect("an answer"), "once is enough");
    let (next, _) = take(&clients, timing).await.expect("the lease");
    assert_eq!(next.epoch(), 3);
    assert!(next.unquiet_at(clients.date()) > Duration::from_secs(30), "the broken run may have written a moment ago");
    tokio::time::timeout(Duration::from_secs(5), broken.lost()).await.expect("noticed");
    assert!(!fence.is_open());
}

/// Seconds instead of minutes: lease, renew, grace, settle, poll.
const QUICK: &str = "2000,500,1000,1000,200";

impl Served {
    /// Starts a run in the background.
    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.prepare(arguments, "123456789012");
        command.env("VSSCTL_TEST_LEASE", QUICK).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("vssctl runs")
    }

    fn quickly(&self, arguments: &[&str]) -> Run {
        let mut command = self.prepare(arguments, "123456789012");
        Run::from(command.env("VSSCTL_TEST_LEASE", QUICK).output().expect("vssctl runs"))
    }

    /// Starts an apply that hangs at a vault, holding the lease.
    fn hold(&self) -> Child {
        self.sandbox.inject(Fault::new(FaultKind::Hang).operation("CreateBackupVault").times(u32::MAX));
        let child = self.start(&["apply", "--yes"]);
        wait_until(|| self.sandbox.requests().iter().any(|request| request.operation == "CreateBackupVault"));
        child
    }

    fn count(&self, operation: &str) -> usize {
        self.sandbox.requests().iter().filter(|request| request.operation == operation).count()
    }
}

#[test]
fn of_two_runs_at_once_one_exits_with_seven_and_nothing_is_made_twice() {
    let served = Served::in_real_time();
    let mut first = served.hold();
    let run = served.run(&["apply", "--yes"]).exits(7);
    for part in [
        "somebody else is changing stack `windows-backup`",
        "the `apply` by arn:aws:",
        "unlock --epoch 1",
        "--lock-timeout",
    ] {
        assert!(run.stderr.contains(part), "no {part} in:\n{}", run.stderr);
    }
    // Looking needs no lease.
    served.run(&["plan"]).exits(0);
    assert_eq!(served.count("CreateBackupVault"), 1);
    first.kill().expect("kill");
    first.wait().expect("an end");
}

#[test]
fn who_waits_goes_on_from_what_the_other_did() {
    let served = Served::in_real_time();
    let runs: Vec<Child> = (0..3).map(|_| served.start(&["apply", "--yes", "--lock-timeout", "60s"])).collect();
    for run in runs {
        Run::from(run.wait_with_output().expect("an end")).exits(0);
    }
    for operation in
        ["CreateRole", "CreateBackupVault", "CreateBackupPlan", "CreateBackupSelection", "CreateAssociation"]
    {
        let expected = if operation == "CreateRole" { 2 } else { 1 };
        assert_eq!(served.count(operation), expected, "{operation}");
    }
    assert!(served.quickly(&["plan"]).exits(0).stdout.contains("No changes."));
}

#[test]
fn a_killed_holder_is_succeeded_when_its_lease_has_run_out() {
    let served = Served::in_real_time();
    let mut first = served.hold();
    first.kill().expect("kill");
    first.wait().expect("an end");
    served.sandbox.clear_faults();
    served.quickly(&["apply", "--yes"]).exits(7);
    let run = served.quickly(&["apply", "--yes", "--lock-timeout", "1m"]).exits(0);
    assert!(run.stderr.contains("Waiting: the `apply`"), "{}", run.stderr);
    assert_eq!(served.count("CreateAssociation"), 1);
    assert!(served.run(&["plan"]).exits(0).stdout.contains("No changes."));
}

/// Finds the line that a run printed, as somebody copies it.
fn line_of(run: &Run) -> String {
    let mut lines = run.stderr.split('`').skip(1).step_by(2).filter(|line| line.starts_with("vssctl "));
    let line = lines.find(|line| line.contains(" unlock "));
    line.unwrap_or_else(|| panic!("no line in {}", run.stderr)).to_owned()
}

#[test]
fn a_lease_that_can_t_be_given_back_is_told_with_a_line_that_ends_it() {
    let served = Served::in_real_time();
    served.place.write("it's.toml", served.place.read("vss.toml"));
    served.sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("PutParameter").nth(2));
    let run = served.run(&["apply", "--yes", "--file", "it's.toml"]).exits(0);
    assert!(run.stderr.contains("The next run waits until 20"), "{}", run.stderr);
    let line = line_of(&run);
    assert!(
        line.starts_with("vssctl --file ") && line.ends_with(" unlock --epoch 1 --yes") && line.contains(&served.url),
        "{line}"
    );
    served.place.write("vss.toml", served.place.read("vss.toml").replace("\"35d\"", "\"36d\""));
    let run = served.run(&["apply", "--yes"]).exits(7);
    let other = line_of(&run);
    assert!(other.starts_with("vssctl --endpoint-url ") && other.ends_with(" unlock --epoch 1"), "{other}");
    let mut shell = served.place.prepare("bash");
    shell.args(["-c", &line]).env("AWS_ACCESS_KEY_ID", "123456789012").env("AWS_SECRET_ACCESS_KEY", "sandbox");
    Run::from(shell.env("AWS_EC2_METADATA_DISABLED", "true").output().expect("bash runs")).exits(0);
    served.run(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_lease_is_broken_by_its_number_and_only_with_consent() {
    let served = Served::in_real_time();
    let mut first = served.hold();
    first.kill().expect("kill");
    first.wait().expect("an end");
    served.sandbox.clear_faults();
    served.run(&["unlock", "--epoch", "2", "--yes"]).exits(6);
    served.run(&["unlock", "--epoch", "1"]).exits(4);
    let run = served.run(&["unlock", "--epoch", "1", "--yes"]).exits(0);
    assert!(run.stdout.contains("Broke the lease of epoch 1."), "{}", run.stdout);
    let run = served.run(&["unlock", "--epoch", "1", "--yes"]).exits(0);
    assert!(run.stdout.contains("Nobody has the lease"), "{}", run.stdout);
    served.quickly(&["apply", "--yes"]).exits(0);
}

#[test]
fn without_parameter_store_a_run_ends_before_its_first_change_unless_it_goes_without() {
    let served = Served::in_real_time();
    served.sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("PutParameter").times(u32::MAX));
    let run = served.run(&["apply", "--yes"]).exits(1);
    assert!(run.stderr.contains("ssm:PutParameter") && run.stderr.contains("--lock=none"), "{}", run.stderr);
    let changes = served.sandbox.requests().iter().filter(|one| one.write && one.operation != "PutParameter").count();
    assert_eq!(changes, 0);
    let run = served.run(&["apply", "--yes", "--lock=none"]).exits(0);
    assert!(run.stderr.contains("nothing keeps other runs out"), "{}", run.stderr);
}

#[test]
fn a_finished_run_gives_the_lease_back_and_an_empty_one_takes_none() {
    let served = Served::in_real_time();
    served.quickly(&["apply", "--yes"]).exits(0);
    assert_eq!(states(&served.sandbox, "windows-backup"), pairs(&[("00000001", "released")]));
    served.quickly(&["apply", "--yes"]).exits(0);
    served.quickly(&["plan"]).exits(0);
    assert_eq!(states(&served.sandbox, "windows-backup"), pairs(&[("00000001", "released")]));
    let record = &slots(&served.sandbox, "windows-backup")[0].1;
    assert!(record["last_mutation"].is_string() && record["op"] == "apply", "{record}");
}

#[test]
fn a_run_that_loses_its_lease_stops_and_the_next_one_finishes() {
    let served = Served::in_real_time();
    served.sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("PutParameter").nth(2).times(u32::MAX));
    served.sandbox.inject(Fault::new(FaultKind::Hang).operation("CreateBackupVault"));
    let run = Run::from(served.start(&["apply", "--yes"]).wait_with_output().expect("an end"));
    assert!(run.stderr.contains("the lease is lost"), "{}\n{}", run.stdout, run.stderr);
    assert!(matches!(run.code, Some(1 | 5)), "{:?}", run.code);
    served.sandbox.clear_faults();
    served.quickly(&["apply", "--yes", "--lock-timeout", "1m"]).exits(0);
    assert!(served.run(&["plan"]).exits(0).stdout.contains("No changes."));
}

#[test]
#[cfg(unix)]
fn who_thinks_for_long_is_asked_again_about_what_has_changed_meanwhile() {
    use std::io::{BufRead, BufReader, Read, Write};
    // `script` gives the program a terminal; without it there is nobody to ask.
    if !std::process::Command::new("script").arg("--version").output().is_ok_and(|probe| probe.status.success()) {
        return;
    }
    let served = Served::in_real_time();
    let command = served.prepare(&["apply"], "123456789012");
    let folder = command.get_current_dir().expect("a folder");
    let file = std::fs::read_to_string(folder.join("vss.toml")).expect("a file") + "[tags]\nteam = \"ours\"\n";
    std::fs::write(folder.join("vss.toml"), &file).expect("a file");
    served.quickly(&["apply", "--yes"]).exits(0);
    std::fs::write(folder.join("vss.toml"), file.replace("35d", "36d")).expect("a file");
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<&str> = words.map(|word| word.to_str().expect("UTF-8")).collect();
    let mut terminal = std::process::Command::new("script");
    terminal.args(["-qec", &line.join(" "), "/dev/null"]).current_dir(folder).env_clear();
    terminal.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    terminal.env("TERM", "dumb").env("VSSCTL_TEST_LEASE", QUICK).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = terminal.spawn().expect("script runs");
    let mut keys = child.stdin.take().expect("stdin");
    let mut screen = BufReader::new(child.stdout.take().expect("stdout"));
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("is taken:") {
        assert_ne!(screen.read_until(b':', &mut text).expect("text"), 0, "nobody asked");
    }
    // Not a wait for anything: it is as long as somebody thinks, and longer than a lease.
    std::thread::sleep(Duration::from_millis(2100));
    let plans = served.sandbox.call("backup", "ListBackupPlans", REGION, &json!({})).expect("plans");
    let arn = &plans["BackupPlansList"][0]["BackupPlanArn"];
    let tags = json!({"ResourceArn": arn, "Tags": {"team": "somebody else"}});
    served.sandbox.call("backup", "TagResource", REGION, &tags).expect("tagged");
    keys.write_all(b"yes\nno\n").expect("an answer");
    let mut rest = String::new();
    screen.read_to_string(&mut rest).expect("text");
    assert!(rest.contains("Something has changed meanwhile") && rest.contains("tags.team"), "{rest}");
    assert_eq!(child.wait().expect("an end").code(), Some(4), "{rest}");
}

const COMMAND: &str = "[package.AwsVssComponents]\ntargets = { tags = { VssBackup = \"enabled\" } }\n";

fn with_command(more: &str) -> String {
    format!("{}{COMMAND}{more}", crate::bench::STACK)
}

/// The names of the once-records, without the hash.
fn attempts(bench: &Bench) -> Vec<String> {
    let input = json!({"Path": "/vssctl/v1/bench/once"});
    let answer = bench.call("ssm", "GetParametersByPath", &input);
    let name = |one: &Value| one["Name"].as_str().and_then(|name| name.split_once('.')).expect("a name").1.to_owned();
    answer["Parameters"].as_array().expect("a list").iter().map(name).collect()
}

#[test]
fn a_command_that_aws_has_forgotten_is_not_sent_again() {
    let bench = Bench::new();
    bench.apply(&with_command(""));
    assert_eq!(attempts(&bench), ["1", "1.sent"]);
    let region = |account: &mut vssctl::sandbox::account::Account| {
        account.regions.get_mut(REGION).expect("the region").ssm.commands.clear();
    };
    bench.sandbox.edit(region).expect("the account");
    assert!(bench.plan(&with_command("")).is_empty());
    // Something else is another command.
    let other = with_command("version = \"2.3.1\"\n");
    assert!(!bench.plan(&other).is_empty());
}

#[test]
fn an_attempt_whose_fate_is_open_is_waited_for_and_then_made_again() {
    let bench = Bench::new();
    let record = json!({"v": 1, "comment": "vssctl/bench/package.AwsVssComponents/00000000"}).to_string();
    let name = "/vssctl/v1/bench/once/0123456789abcdef.1";
    bench.call("ssm", "PutParameter", &json!({"Name": name, "Value": record, "Type": "String"}));
    assert!(bench.plan(&with_command("")).has_unknown(), "it may have been sent");
    bench.sandbox.advance(Duration::from_secs(150)).expect("the clock");
    bench.apply(&with_command(""));
    assert_eq!(bench.requests().iter().filter(|name| *name == "ssm:SendCommand").count(), 1);
}

#[test]
fn a_command_that_aws_refused_is_sent_again_at_once_under_the_next_number() {
    let bench = Bench::new();
    bench.sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("SendCommand"));
    bench.try_apply(&with_command(""), &vssctl::plan::Options::default());
    assert_eq!(attempts(&bench), ["1", "1.refused"]);
    bench.apply(&with_command(""));
    assert_eq!(attempts(&bench), ["1", "1.refused", "2", "2.sent"]);
}
