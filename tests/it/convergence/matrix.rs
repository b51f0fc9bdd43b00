//! Every call of an apply, reading and writing, hit by every fault once.

use std::collections::BTreeSet;
use std::time::Duration;

use vssctl::apply::{Report, Status};
use vssctl::sandbox::{Fault, FaultKind};

use super::simulation::{End, Figures, Way, case, in_virtual_time};
use super::wire::Wire;

/// What may happen to a call.
pub(crate) const FAULTS: &[FaultKind] = &[
    FaultKind::Throttle,
    FaultKind::Limited,
    FaultKind::Conflict,
    FaultKind::ServerError,
    FaultKind::ResetBefore,
    FaultKind::ResetAfter,
    FaultKind::FailAfter,
    FaultKind::LateCommit(Duration::from_secs(40)),
    FaultKind::Stale(Duration::from_secs(20)),
    FaultKind::Hang,
    FaultKind::Truncated,
    FaultKind::CutAt(1),
    FaultKind::Empty,
    FaultKind::Page,
    FaultKind::AccessDenied,
    FaultKind::ExpiredCredentials,
];

/// Refused for now, and nothing was done: the same run comes back and does what there is to do.
const PASSING: &[FaultKind] = &[FaultKind::Throttle, FaultKind::Limited, FaultKind::Conflict];

/// So many seeds are looked through for calls.
const SEEDS: u64 = 60;

/// A call of the case of a seed, and what happens to it.
#[derive(Debug)]
pub(crate) struct Case {
    seed: u64,
    pub(crate) service: String,
    pub(crate) operation: String,
    fault: FaultKind,
}

/// Finds the first seed whose apply makes each call, and pairs each call with each fault.
pub(crate) fn cases() -> Vec<Case> {
    let mut known = BTreeSet::new();
    let mut cases = Vec::new();
    for seed in (1 << 34)..(1 << 34) + SEEDS {
        let requests = in_virtual_time(seed, async {
            let (world, configs, _) = case(seed).await;
            world.sandbox.clear_requests();
            world.apply(&configs[1], &Wire::new(world.sandbox.http_client(), None), None, Way::WHOLE).await;
            world.sandbox.requests()
        });
        // Who we are is asked before anything else: without an answer nothing starts.
        for request in requests.into_iter().filter(|request| request.service != "sts") {
            let call = (request.service, request.operation);
            if known.insert(call.clone()) {
                let case = |fault| Case { seed, service: call.0.clone(), operation: call.1.clone(), fault };
                cases.extend(FAULTS.iter().copied().map(case));
            }
        }
    }
    cases
}

/// Applies with the fault of a case, and looks whether the next applies bring it to its end.
pub(crate) fn run(at: &Case) -> (Figures, Vec<String>) {
    let (figures, problems) = in_virtual_time(at.seed, async {
        let (mut world, configs, strangers) = case(at.seed).await;
        world.sandbox.inject(Fault::new(at.fault).service(&at.service).operation(&at.operation));
        let wire = Wire::new(world.sandbox.http_client(), None);
        world.figures.applies = 1;
        let report = match world.apply(&configs[1], &wire, None, Way::WHOLE).await {
            End::Ran(ran) => {
                world.safe(&configs[1], &ran.0);
                ran.1
            }
            // Without the lease nothing is begun, and without a last look nobody knows what came of it.
            End::Stopped(error) if !PASSING.contains(&at.fault) => {
                world.stopped(&error);
                Report::default()
            }
            End::Stopped(error) => return (world.figures, vec![format!("an apply stopped: {error:?}")]),
            End::NoStart | End::Died => return (world.figures, vec!["an apply did not run".to_owned()]),
        };
        world.problems.extend(wire.violations());
        world.figures.faults = world.sandbox.faults_struck();
        if world.figures.faults != 1 {
            world.problems.push("the call was not made".to_owned());
        }
        if PASSING.contains(&at.fault) {
            let left = report.outcomes.iter().filter(|outcome| !matches!(outcome.status, Status::Done));
            world.problems.extend(left.map(|outcome| format!("{} {:?}", outcome.address, outcome.status)));
        }
        world.finish(&configs, &strangers).await
    });
    let name = |problem| format!("{}:{} {:?}: {problem}", at.service, at.operation, at.fault);
    (figures, problems.into_iter().map(name).collect())
}
