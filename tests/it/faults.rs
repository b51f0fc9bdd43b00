//! What people see when AWS does not answer as hoped: the built binary against a sandbox that spoils chosen calls.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use vssctl::sandbox::Sandbox;
use vssctl::sandbox::faults::{Fault, FaultKind};

use crate::harness::{MAIN_JOB, Place, Run};

const NO_CHANGES: &str = "No changes. Your infrastructure matches the configuration.";

/// A sandbox on a loopback port, with a directory to run `vssctl` in.
pub(crate) struct Served {
    pub(crate) place: Place,
    pub(crate) sandbox: Sandbox,
    pub(crate) url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::with(Place::with(MAIN_JOB), Sandbox::in_memory())
    }

    /// A sandbox on the machine's clock: two processes measure the same time.
    pub(crate) fn in_real_time() -> Self {
        let place = Place::with(MAIN_JOB);
        let sandbox = Sandbox::open(place.path().join("account.json")).expect("a sandbox");
        Self::with(place, sandbox)
    }

    fn with(place: Place, sandbox: Sandbox) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        runtime.spawn(sandbox.clone().serve(listener, std::future::pending()));
        Self { place, sandbox, url, _runtime: runtime }
    }

    pub(crate) fn prepare(&self, arguments: &[&str], access_key: &str) -> std::process::Command {
        self.prepare_at(&self.url, arguments, access_key)
    }

    /// Prepares a command that sends its calls somewhere else, such as to a proxy.
    pub(crate) fn prepare_at(&self, url: &str, arguments: &[&str], access_key: &str) -> std::process::Command {
        let mut command = self.place.command(arguments);
        command
            .args(["--endpoint-url", url])
            .env("AWS_ACCESS_KEY_ID", access_key)
            .env("AWS_SECRET_ACCESS_KEY", "sandbox")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "1");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::from(self.prepare(arguments, "123456789012").output().expect("vssctl runs"))
    }

    fn writes(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.write).count()
    }
}

#[test]
fn the_wrong_account_is_refused_before_anything_is_read() {
    let served = Served::new();
    let run = Run::from(served.prepare(&["apply", "--yes"], "999999999999").output().expect("vssctl runs")).exits(4);
    assert!(run.stderr.contains("999999999999") && run.stderr.contains("123456789012"), "{}", run.stderr);
    let operations: Vec<String> = served.sandbox.requests().into_iter().map(|request| request.operation).collect();
    assert_eq!(operations, ["GetCallerIdentity"]);
}

/// What is said after the one warning about the file of the main job: nothing in it attaches the profile.
fn after_warnings(run: &Run) -> &str {
    let (warning, rest) = run.stderr.split_once("\n\n").expect("a warning");
    assert!(warning.starts_with("warning[VSS0715]"), "{warning}");
    rest
}

#[test]
fn a_second_apply_makes_no_write_call_and_plan_never_does() {
    let served = Served::new();
    served.run(&["plan"]).exits(0);
    assert_eq!(served.writes(), 0);
    // Who runs it is said before anything is changed.
    let first = served.run(&["apply", "--yes"]).exits(0);
    let said = after_warnings(&first);
    assert!(said.starts_with("This runs as arn:aws:"), "{}", first.stderr);
    served.sandbox.clear_requests();
    assert_eq!(served.run(&["apply", "--yes"]).exits(0).last_line(), NO_CHANGES);
    assert_eq!(served.writes(), 0);
}

#[test]
fn a_denied_read_is_named_and_nothing_is_made_of_it() {
    let served = Served::new();
    let denied = Fault::new(FaultKind::AccessDenied).operation("ListBackupVaults").times(u32::MAX);
    served.sandbox.inject(denied);
    let run = served.run(&["plan"]).exits(1);
    assert!(run.stdout.contains("? vault.vss") && run.stdout.contains("backup:ListBackupVaults"), "{}", run.stdout);
    assert!(run.last_line().starts_with("Plan: "), "{}", run.stdout);
    served.run(&["plan", "--detailed-exitcode"]).exits(1);
    assert_eq!(served.writes(), 0);
    // The rest of the file is applied; neither the vault nor what needs it is.
    served.run(&["apply", "--yes"]).exits(5);
    let made: Vec<String> = served.sandbox.requests().into_iter().map(|request| request.operation).collect();
    assert!(made.iter().any(|operation| operation == "CreateRole"), "{made:?}");
    assert!(!made.iter().any(|operation| operation.starts_with("CreateBackup")), "{made:?}");
}

#[test]
fn a_failed_call_names_its_operation_code_and_request_and_the_rest_goes_on() {
    let served = Served::new();
    served.sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("CreateBackupVault"));
    let run = served.run(&["apply", "--yes"]).exits(5);
    for part in [
        "vault.vss",
        "backup:CreateBackupVault",
        "AccessDenied",
        "request id ",
        "hint: allow `backup:CreateBackupVault`",
    ] {
        assert!(run.stdout.contains(part), "no {part} in:\n{}", run.stdout);
    }
    assert!(run.stdout.contains("plan.daily skipped: needs `vault.vss`"), "{}", run.stdout);
    served.run(&["apply", "--yes"]).exits(0);
    assert_eq!(served.run(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
fn a_lost_answer_is_asked_for_again_by_its_token() {
    let served = Served::new();
    served.sandbox.inject(Fault::new(FaultKind::ResetAfter).operation("CreateBackupVault"));
    served.run(&["apply", "--yes"]).exits(0);
    let creates = served.sandbox.requests().iter().filter(|request| request.operation == "CreateBackupVault").count();
    assert_eq!(creates, 2);
    assert_eq!(served.run(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
fn expired_credentials_are_a_failure_with_a_way_out() {
    let served = Served::new();
    served.sandbox.inject(Fault::new(FaultKind::ExpiredCredentials).operation("GetCallerIdentity"));
    let run = served.run(&["plan"]).exits(1);
    assert!(run.stderr.contains("sts:GetCallerIdentity") && run.stderr.contains("--profile"), "{}", run.stderr);
}

#[test]
fn no_credentials_are_a_failure_with_a_way_out() {
    let served = Served::new();
    let mut command = served.prepare(&["plan"], "");
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let run = Run::from(command.output().expect("vssctl runs")).exits(1);
    let said = after_warnings(&run);
    assert!(said.starts_with("error: no AWS credentials found\n"), "{}", run.stderr);
    assert!(said.contains("hint: ") && said.lines().count() < 6, "{}", run.stderr);
}

#[test]
fn a_named_profile_beats_the_keys_of_the_environment() {
    let served = Served::new();
    let place = Place::with(MAIN_JOB);
    let file = place.path().join("credentials");
    let keys = "aws_access_key_id = 123456789012\naws_secret_access_key = x\n";
    std::fs::write(&file, format!("[other]\n{keys}")).expect("a file");
    // The keys of the environment are another account's.
    let run = |arguments: &[&str]| {
        let mut command = served.prepare(arguments, "210987654321");
        command.env("AWS_SHARED_CREDENTIALS_FILE", &file).env("AWS_CONFIG_FILE", place.path().join("none"));
        Run::from(command.output().expect("vssctl runs"))
    };
    run(&["plan"]).exits(4);
    run(&["plan", "--profile", "other"]).exits(0);
}

#[test]
fn an_endpoint_that_is_not_there_is_a_failure_and_a_foreign_one_is_refused() {
    let place = Place::with(MAIN_JOB);
    let run = |url: &str| {
        let mut command = place.command(&["plan", "--endpoint-url", url]);
        command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x").env("AWS_MAX_ATTEMPTS", "1");
        Run::from(command.output().expect("vssctl runs"))
    };
    let unreachable = run("http://127.0.0.1:9").exits(1);
    assert!(unreachable.stderr.contains("hint: check the network"), "{}", unreachable.stderr);
    let foreign = run("http://aws.example.com").exits(4);
    assert!(foreign.stderr.contains("--allow-endpoint"), "{}", foreign.stderr);
    for url in ["nonsense", "", "ftp://127.0.0.1/"] {
        let nothing = run(url).exits(6);
        assert!(nothing.stderr.contains("https://"), "{}", nothing.stderr);
    }
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"] {
        let mut command = place.command(&["plan"]);
        command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x").env(variable, "http://192.0.2.1");
        let foreign = Run::from(command.output().expect("vssctl runs")).exits(4);
        assert!(foreign.stderr.contains("--allow-endpoint"), "{variable}: {}", foreign.stderr);
        assert!(!foreign.stderr.contains("interceptor"), "{variable}: {}", foreign.stderr);
    }
}

/// Starts an apply whose `CreateBackupVault` hangs, and waits until it is on its way.
fn hanging() -> (Served, Child, BufReader<std::process::ChildStderr>) {
    let served = Served::new();
    served.sandbox.inject(Fault::new(FaultKind::Hang).operation("CreateBackupVault").times(u32::MAX));
    let mut command = served.prepare(&["apply", "--yes"], "123456789012");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("vssctl runs");
    let mut lines = BufReader::new(child.stderr.take().expect("stderr"));
    let mut line = String::new();
    while !line.contains("vault.vss: creating") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).expect("UTF-8"), 0, "the run ended before the vault was tried");
    }
    (served, child, lines)
}

fn interrupt(child: &Child) {
    signal(child, "-INT");
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

#[test]
#[cfg(unix)]
fn the_first_request_to_stop_finishes_what_is_in_flight_reports_and_gives_the_lease_back() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let served = Served::new();
        // The vault takes a while; nothing that needs it is begun after the signal.
        served.sandbox.inject(Fault::new(FaultKind::Throttle).operation("CreateBackupVault").times(6));
        let mut command = served.prepare(&["apply", "--yes"], "123456789012");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("vssctl runs");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr"));
        let mut line = String::new();
        while !line.contains("vault.vss: creating") {
            line.clear();
            assert_ne!(lines.read_line(&mut line).expect("UTF-8"), 0, "the run ended before the vault was tried");
        }
        signal(&child, name);
        let ended = child.wait_with_output().expect("an end");
        let answer = String::from_utf8(ended.stdout).expect("UTF-8");
        assert_eq!(ended.status.code(), Some(130), "{name}: {answer}");
        assert!(answer.contains("interrupted"), "{name}: {answer}");
        // Nothing waits: the lease was given back.
        served.run(&["apply", "--yes"]).exits(0);
        assert_eq!(served.run(&["plan"]).exits(0).last_line(), NO_CHANGES);
    }
}

#[test]
#[cfg(unix)]
fn a_second_ctrl_c_ends_at_once_and_the_next_apply_converges() {
    let (served, mut child, mut lines) = hanging();
    interrupt(&child);
    let mut line = String::new();
    while !line.contains("Finishing the calls in flight") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).expect("UTF-8"), 0, "the run ended without a word");
    }
    interrupt(&child);
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    served.sandbox.clear_faults();
    served.sandbox.advance(std::time::Duration::from_mins(18)).expect("the clock");
    served.run(&["apply", "--yes"]).exits(0);
    assert_eq!(served.run(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_look_at_what_was_written_and_the_report_is_there() {
    let served = Served::new();
    // The first list is the plan's, the second one the look after the apply.
    served.sandbox.inject(Fault::new(FaultKind::Hang).operation("ListBackupPlans").nth(2).times(u32::MAX));
    let mut command = served.prepare(&["apply", "--yes"], "123456789012");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("vssctl runs");
    let lists = |one: &&vssctl::sandbox::RequestRecord| one.operation == "ListBackupPlans";
    crate::harness::wait_until(|| served.sandbox.requests().iter().filter(lists).count() > 1);
    interrupt(&child);
    let run = Run::from(child.wait_with_output().expect("an end")).exits(130);
    assert!(run.stdout.contains("Apply complete!"), "{}", run.stdout);
    assert!(run.stderr.contains(" plan` shows what is there"), "{}", run.stderr);
    served.sandbox.clear_faults();
    assert_eq!(served.run(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
#[cfg(unix)]
fn a_killed_apply_leaves_nothing_that_the_next_one_does_not_finish() {
    let (served, mut child, _lines) = hanging();
    child.kill().expect("kill");
    child.wait().expect("an end");
    served.sandbox.clear_faults();
    served.sandbox.advance(std::time::Duration::from_mins(18)).expect("the clock");
    served.run(&["apply", "--yes"]).exits(0);
    assert_eq!(served.run(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

/// How often a process is killed; `VSSCTL_KILLS` asks for another number.
const KILLS: u64 = 50;

#[test]
#[cfg(unix)]
fn kill_9_at_any_moment_is_healed_by_the_next_apply() {
    let kills = std::env::var("VSSCTL_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    // How long an apply takes here, from the first request to the end.
    let served = Served::new();
    let start = std::time::Instant::now();
    served.run(&["apply", "--yes"]).exits(0);
    let whole = start.elapsed();
    let (mut within, mut state) = (0, 0x5eed_u64);
    for kill in 0..kills {
        let served = Served::new();
        let mut child = served
            .prepare(&["apply", "--yes"], "123456789012")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("vssctl runs");
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = f64::from(u32::try_from(state >> 33).expect("31 bits")) / f64::from(1_u32 << 31);
        // Not a wait for anything: the moment is the test.
        std::thread::sleep(whole.mul_f64(share));
        child.kill().expect("kill");
        child.wait().expect("an end");
        let changes = served.sandbox.requests();
        let changes = changes.iter().filter(|request| request.write && request.operation != "PutParameter").count();
        within += u64::from(changes > 0 && changes < 15);
        // Until then the dead one has the lease.
        served.sandbox.advance(std::time::Duration::from_mins(18)).expect("the clock");
        served.run(&["apply", "--yes"]).exits(0);
        assert_eq!(served.run(&["plan"]).exits(0).last_line(), NO_CHANGES, "kill {kill}");
    }
    println!("{kills} processes killed, {within} of them in the middle of their changes: all healed by the next apply");
}
