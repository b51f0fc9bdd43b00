//! Every fault at every call of the lease, in every phase of it: taking, renewing, giving back, waiting for a holder who
//! dies or ends, breaking by hand. Whatever the calls come to, two never hold the lease at once, nobody writes another's
//! slot, numbers are never used twice, no phase takes for ever, and whoever is told the truth gets it in the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use vssctl::apply::lease::{self, Lease, LeaseError, Request, Store, Timing};
use vssctl::aws::Fence;
use vssctl::sandbox::{Fault, FaultKind, Sandbox};

use crate::bench;
use crate::convergence::FAULTS;

const REGION: &str = "ap-northeast-1";
const PATH: &str = "/vssctl/v1/s/lock/";
/// The protocol's own figures, but for the time of grace: who waits looks every five seconds, and most of the looks of
/// sixteen minutes tell nothing.
const TIMING: Timing = Timing { grace: 180_000, ..Timing::REAL };
/// How long AWS is to take a request that was signed: the grace without the time that reads may be behind.
const SIGNED: Duration = Duration::from_millis(TIMING.grace - TIMING.settle);
/// As long as a holder may keep others out after its last write.
const WHOLE: Duration = Duration::from_millis(TIMING.lease + TIMING.grace);
/// How long somebody who waits does so.
const PATIENCE: Duration = Duration::from_mins(8);
/// What calls that are tried again, and answers that never come, may take beside the waiting.
const SLACK: Duration = Duration::from_mins(3);

/// What the lease goes through while its calls are spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody has it.
    Take,
    /// Somebody holds it for several times its length.
    Renew,
    /// Its holder gives it back.
    Release,
    /// Somebody waits for a holder who is dead.
    Succeed,
    /// Somebody waits for a holder who gives it back.
    Follow,
    /// Somebody breaks it.
    Unlock,
}

/// The phases, and the calls that each consists of.
const PHASES: [(Phase, &[&str]); 6] = [
    (Phase::Take, &["GetParametersByPath", "PutParameter", "GetParameter", "DeleteParameters"]),
    (Phase::Renew, &["PutParameter", "GetParameter"]),
    (Phase::Release, &["PutParameter"]),
    (Phase::Succeed, &["GetParametersByPath", "PutParameter", "GetParameter", "DeleteParameters"]),
    (Phase::Follow, &["GetParametersByPath", "PutParameter", "GetParameter", "DeleteParameters"]),
    (Phase::Unlock, &["PutParameter", "GetParameter"]),
];

/// How a holder's time ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Released,
    /// Its process died, or it could not give the lease back, or lost it.
    Left,
    /// Somebody broke it, and says that its holder is dead.
    Broken,
}

/// One who had the lease.
struct Hold {
    epoch: u32,
    fence: Arc<Fence>,
    last_open: Instant,
    ended: Option<Ended>,
}

/// An account, and what was seen of the lease.
#[derive(Clone)]
struct World {
    sandbox: Sandbox,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    holds: Vec<Hold>,
    /// The owner of each slot, by its number.
    owners: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::in_memory();
        let start = Instant::now();
        sandbox.follow_time(move || start.elapsed());
        Self { sandbox, seen: Arc::default() }
    }

    fn problem(&self, problem: String) {
        self.seen.lock().expect("no poison").problems.push(problem);
    }

    async fn store(&self) -> Store {
        Store::new(&bench::connect(self.sandbox.http_client(), &bench::scope("s"), None).await)
    }

    /// Looks whether two hold the lease at once.
    fn look_at_fences(&self) {
        let seen = &mut *self.seen.lock().expect("no poison");
        let mut open = Vec::new();
        for hold in seen.holds.iter_mut().filter(|hold| hold.fence.is_open()) {
            hold.last_open = Instant::now();
            open.push(hold.epoch);
        }
        if open.len() > 1 {
            seen.problems.push(format!("{open:?} are held at once"));
        }
    }

    /// Looks at the slots, and who holds which.
    fn look(&self) {
        self.look_at_fences();
        let slots = slots(&self.sandbox);
        let seen = &mut *self.seen.lock().expect("no poison");
        if let (Some((newest, _)), Some((before, _))) = (slots.last_key_value(), seen.owners.last_key_value())
            && newest < before
        {
            seen.problems.push(format!("the newest slot {before} is gone"));
        }
        for (epoch, record) in &slots {
            let owner = record["owner_uuid"].as_str().expect("an owner").to_owned();
            let known = seen.owners.entry(epoch.clone()).or_insert_with(|| owner.clone());
            if *known != owner {
                seen.problems.push(format!("the slot {epoch} was {known}'s and is {owner}'s"));
            }
        }
        for hold in seen.holds.iter().filter(|hold| hold.fence.is_open()) {
            if slots.get(&slot_of(hold.epoch)).is_some_and(|record| record["state"] == "released") {
                seen.problems.push(format!("{} was released while it was held", hold.epoch));
            }
        }
        let newest = slots.last_key_value().map(|(epoch, _)| epoch.parse());
        for hold in seen.holds.iter().filter(|hold| hold.fence.is_open() && hold.ended != Some(Ended::Broken)) {
            if newest != Some(Ok(hold.epoch)) {
                seen.problems.push(format!("{} is held, and the newest slot is {newest:?}", hold.epoch));
            }
        }
    }

    /// Takes the lease. Whoever gets it must have waited for what its predecessor may still have had under way.
    async fn take(&self, patience: Duration) -> Result<Lease, LeaseError> {
        let request = Request {
            op: "apply".to_owned(),
            caller_arn: "arn:aws:iam::123456789012:user/me".to_owned(),
            patience,
            timing: TIMING,
        };
        let (begun, fence) = (Instant::now(), Arc::default());
        let taken = Lease::take(self.store().await, &request, &fence, |_| {}, std::future::pending()).await;
        if begun.elapsed() > patience + SLACK {
            self.problem(format!("it took {:?} to take or not to take the lease", begun.elapsed()));
        }
        let lease = taken?;
        let slots = slots(&self.sandbox);
        let seen = &mut *self.seen.lock().expect("no poison");
        let now = Instant::now();
        for before in &seen.holds {
            if before.epoch >= lease.epoch() {
                seen.problems.push(format!("{} comes after {}", lease.epoch(), before.epoch));
            }
            let waited = now - before.last_open;
            // It may have been given back, and the answer that says so was lost.
            let is_released = slots.get(&slot_of(before.epoch)).is_some_and(|record| record["state"] == "released");
            if !is_released && !matches!(before.ended, Some(Ended::Released | Ended::Broken)) && waited < SIGNED {
                seen.problems.push(format!("{} was held {waited:?} after {}", lease.epoch(), before.epoch));
            }
        }
        seen.holds.push(Hold { epoch: lease.epoch(), fence, last_open: now, ended: None });
        Ok(lease)
    }

    fn ended(&self, epoch: u32, how: Ended) {
        let seen = &mut *self.seen.lock().expect("no poison");
        let hold = seen.holds.iter_mut().find(|hold| hold.epoch == epoch).expect("a holder");
        hold.ended.get_or_insert(how);
    }

    async fn release(&self, lease: Lease) -> bool {
        let (epoch, begun, was_lost) = (lease.epoch(), Instant::now(), lease.is_lost());
        let released = lease.release().await;
        if begun.elapsed() > Duration::from_secs(40) {
            self.problem(format!("it took {:?} to give the lease back", begun.elapsed()));
        }
        let state = slots(&self.sandbox).remove(&slot_of(epoch)).map(|record| record["state"].clone());
        if released.is_ok() && !was_lost && state != Some(json!("released")) {
            self.problem(format!("{epoch} was given back, and its slot is {state:?}"));
        }
        let is_released = released.is_ok() && !was_lost;
        self.ended(epoch, if is_released { Ended::Released } else { Ended::Left });
        is_released
    }

    fn spoil(&self, case: &Case) {
        let fault = Fault::new(case.kind).service("ssm").operation(case.call);
        self.sandbox.inject(fault.nth(case.nth).times(case.times));
        if case.needs_lost_answer() {
            self.sandbox.inject(Fault::new(FaultKind::ResetAfter).service("ssm").operation("PutParameter"));
        }
    }
}

/// The name of a slot within its folder.
fn slot_of(epoch: u32) -> String {
    format!("{epoch:08}")
}

/// The slots by epoch, as they stand in Parameter Store.
fn slots(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let answer = sandbox.call("ssm", "GetParametersByPath", REGION, &json!({ "Path": PATH })).expect("parameters");
    let slot = |parameter: &Value| {
        let epoch = parameter["Name"].as_str()?.strip_prefix(PATH)?.to_owned();
        Some((epoch, serde_json::from_str(parameter["Value"].as_str()?).ok()?))
    };
    answer["Parameters"].as_array().into_iter().flatten().filter_map(slot).collect()
}

/// One fault at one call in one phase.
#[derive(Clone, Copy, Debug)]
struct Case {
    phase: Phase,
    call: &'static str,
    kind: FaultKind,
    /// So many calls of the phase pass before.
    nth: u32,
    times: u32,
}

impl Case {
    /// Only a slot whose making was not answered is looked at.
    fn needs_lost_answer(&self) -> bool {
        self.call == "GetParameter" && self.phase != Phase::Renew
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (phase, calls) in PHASES {
        for call in calls.iter().copied() {
            for kind in FAULTS.iter().copied() {
                // Who waits for minutes looks often: the first look and all of them tell enough.
                let is_long = matches!(phase, Phase::Succeed | Phase::Follow);
                let times: &[(u32, u32)] =
                    if is_long { &[(1, 1), (1, u32::MAX)] } else { &[(1, 1), (2, 1), (1, 3), (1, u32::MAX)] };
                for (nth, times) in times.iter().copied() {
                    cases.push(Case { phase, call, kind, nth, times });
                }
            }
        }
    }
    cases
}

/// Runs a case, and returns whether its fault struck and what went wrong.
async fn run(case: Case) -> (bool, Vec<String>) {
    let world = World::new();
    // Some runs were here before: their slots are cleared away by the next holder.
    for _ in 0..3 {
        let lease = world.take(Duration::ZERO).await.expect("nobody has it");
        world.release(lease).await;
    }
    let watch = {
        let world = world.clone();
        tokio::spawn(async move {
            loop {
                world.look();
                for _ in 0..20 {
                    sleep(Duration::from_millis(500)).await;
                    world.look_at_fences();
                }
            }
        })
    };
    let kept = Box::pin(phase(&world, &case)).await;
    let hits = world.sandbox.faults_by_name().get(case.kind.name()).copied().unwrap_or_default();
    // The answer that `spoil` lets be lost beside the case's own fault is no hit of that.
    let struck = hits > u64::from(case.needs_lost_answer() && case.kind == FaultKind::ResetAfter);
    world.sandbox.clear_faults();
    // What was taken up late has arrived by then.
    sleep(Duration::from_secs(45)).await;
    let begun = Instant::now();
    match world.take(WHOLE + SLACK).await {
        Ok(lease) => {
            let waited = begun.elapsed();
            // A slot that stands in the way is told: nobody else is waited for.
            if waited > kept.unwrap_or(Duration::ZERO) + Duration::from_secs(20) {
                world.problem(format!("the next run waited {waited:?}, and {kept:?} was told"));
            }
            if !world.release(lease).await {
                world.problem("the next run could not give the lease back".to_owned());
            }
        }
        Err(error) => world.problem(format!("the next run got no lease: {error:?}")),
    }
    world.look();
    watch.abort();
    let problems = std::mem::take(&mut world.seen.lock().expect("no poison").problems);
    (struck, problems.into_iter().map(|problem| format!("{case:?}: {problem}")).collect())
}

/// Goes through the phase of a case. Returns how long the next run has to wait for what is left of it.
async fn phase(world: &World, case: &Case) -> Option<Duration> {
    match case.phase {
        Phase::Take => {
            world.spoil(case);
            let taken = world.take(Duration::ZERO).await;
            // Old slots are deleted after it was taken.
            sleep(Duration::from_secs(1)).await;
            world.sandbox.clear_faults();
            taken_and_released(world, taken).await
        }
        Phase::Renew => {
            let lease = world.take(Duration::ZERO).await.expect("nobody has it");
            world.spoil(case);
            sleep(Duration::from_millis(TIMING.lease * 3)).await;
            world.sandbox.clear_faults();
            let is_lost = lease.is_lost();
            // One failure, or three in a row, leave time for another try; and no read decides.
            if is_lost && (case.times < u32::MAX || case.call != "PutParameter") {
                world.problem("it was lost".to_owned());
            }
            if is_lost {
                world.ended(lease.epoch(), Ended::Left);
                lease.abandon();
                Some(WHOLE)
            } else {
                world.release(lease).await;
                None
            }
        }
        Phase::Release => {
            let lease = world.take(Duration::ZERO).await.expect("nobody has it");
            world.spoil(case);
            let is_released = world.release(lease).await;
            (!is_released).then_some(WHOLE)
        }
        Phase::Succeed => {
            let lease = world.take(Duration::ZERO).await.expect("nobody has it");
            world.ended(lease.epoch(), Ended::Left);
            lease.abandon();
            world.spoil(case);
            let taken = world.take(PATIENCE).await;
            sleep(Duration::from_secs(1)).await;
            world.sandbox.clear_faults();
            taken_and_released(world, taken).await.or(Some(WHOLE))
        }
        Phase::Follow => {
            let lease = world.take(Duration::ZERO).await.expect("nobody has it");
            let waiting = {
                let world = world.clone();
                tokio::spawn(async move { world.take(PATIENCE).await })
            };
            sleep(Duration::from_secs(50)).await;
            world.spoil(case);
            sleep(Duration::from_secs(50)).await;
            let is_released = world.release(lease).await;
            let taken = waiting.await.expect("no panic");
            sleep(Duration::from_secs(1)).await;
            world.sandbox.clear_faults();
            let kept = taken_and_released(world, taken).await;
            kept.or((!is_released).then_some(WHOLE))
        }
        Phase::Unlock => {
            let lease = world.take(Duration::ZERO).await.expect("nobody has it");
            let store = world.store().await;
            let holder = lease::see(&store, &TIMING).await.expect("a read").holder.expect("a holder");
            world.ended(lease.epoch(), Ended::Broken);
            world.spoil(case);
            let unlocked = lease::unlock(&store, &holder, "arn:me", &TIMING).await;
            world.sandbox.clear_faults();
            lease.abandon();
            let is_broken = slots(&world.sandbox).contains_key(&slot_of(holder.epoch + 1));
            if unlocked.as_ref().is_ok_and(|own| *own) && !is_broken {
                world.problem("it says that it broke the lease, and did not".to_owned());
            }
            (!is_broken).then_some(WHOLE)
        }
    }
}

/// Ends a lease that was taken, and else says how long the slot that may be left stands in the way.
async fn taken_and_released(world: &World, taken: Result<Lease, LeaseError>) -> Option<Duration> {
    match taken {
        Ok(lease) => {
            world.release(lease).await;
            None
        }
        Err(LeaseError::NotReturned { kept, .. }) => Some(kept.free_in),
        Err(LeaseError::Interrupted) => {
            world.problem("nobody called it off".to_owned());
            None
        }
        Err(LeaseError::Held(holder)) => Some(holder.free_in),
        Err(LeaseError::Store(_) | LeaseError::Slow) => None,
    }
}

#[test]
fn every_fault_at_every_call_of_the_lease_keeps_its_promises() {
    let (next, struck) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let problems = Mutex::new(Vec::new());
    let cases = cases();
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            fastrand::seed(7);
            let (hit, found) = runtime.block_on(run(*case));
            if hit {
                struck.lock().expect("no poison").push(*case);
            }
            problems.lock().expect("no poison").extend(found);
        }
    };
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let (struck, problems) = (struck.into_inner().expect("no poison"), problems.into_inner().expect("no poison"));
    println!(
        "lease: {} simulations, each with one of {} faults at one of {} calls, in {:.1} s",
        struck.len(),
        FAULTS.len(),
        PHASES.iter().map(|(_, calls)| calls.len()).sum::<usize>(),
        begun.elapsed().as_secs_f64()
    );
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems[..problems.len().min(40)].join("\n"));
    // Each call of each phase was hit by each fault.
    for (phase, calls) in PHASES {
        for (call, kind) in calls.iter().flat_map(|call| FAULTS.iter().map(move |kind| (*call, *kind))) {
            let is_hit = struck.iter().any(|case| (case.phase, case.call, case.kind) == (phase, call, kind));
            assert!(is_hit, "{phase:?}: no {call} was hit by {kind:?}");
        }
    }
}
