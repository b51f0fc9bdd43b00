//! Every call of an apply, reading and writing, hit by every fault once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use vssctl::apply::{Report, Status};
use vssctl::sandbox::{Fault, FaultKind};

use super::simulation::{End, Figures, Mode, Way, case, in_virtual_time};
use super::wire::Wire;
use super::world::{coverage, document};

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
    mode: Mode,
    pub(crate) service: String,
    pub(crate) operation: String,
    fault: FaultKind,
}

impl Case {
    pub(crate) fn call(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }
}

/// Each call of an apply, with each fault.
pub(crate) fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(find);
    &CASES
}

/// Finds the first seed whose apply makes each call, and pairs each call with each fault. Files of few keys come first,
/// and those of every key bring the calls that the others have not.
fn find() -> Vec<Case> {
    let mut known = BTreeSet::new();
    let mut cases = Vec::new();
    let seeds = (1 << 34)..(1 << 34) + SEEDS;
    let wide = Mode { wide: true, ..Mode::default() };
    for (seed, mode) in seeds.clone().map(|seed| (seed, Mode::default())).chain(seeds.map(|seed| (seed, wide))) {
        let requests = in_virtual_time(seed, async {
            let case = case(seed, mode).await;
            let sandbox = case.world.sandbox.clone();
            sandbox.clear_requests();
            case.world.apply(&case.configs[1], &Wire::new(sandbox.http_client(), None), None, Way::WHOLE).await;
            sandbox.requests()
        });
        // Who we are is asked before anything else: without an answer nothing starts.
        for request in requests.into_iter().filter(|request| request.service != "sts") {
            let call = (request.service, request.operation);
            if known.insert(call.clone()) {
                let case = |fault| Case { seed, mode, service: call.0.clone(), operation: call.1.clone(), fault };
                cases.extend(FAULTS.iter().copied().map(case));
            }
        }
    }
    cases
}

/// Writes which calls were hit by which faults.
pub(crate) fn table(figures: &str) -> String {
    let faults: Vec<String> = FAULTS.iter().map(|fault| format!("`{}`", fault.name())).collect();
    let said = format!("Each call of an apply was hit once by each of {} faults: {}.", FAULTS.len(), faults.join(", "));
    let counted = format!("Counted in: {figures}.");
    let mut text = format!(
        "\n## The fault matrix\n\n{}\n\n{}\n\n| call | faults |\n|---|---|\n",
        document::wrapped(&said),
        document::wrapped(&counted)
    );
    let reached = coverage::reached();
    for call in reached.names(SORT) {
        let _ = writeln!(text, "| `{call}` | {} |", reached.times(SORT, call));
    }
    text
}

/// What the coverage counts here.
const SORT: &str = "calls and faults";

/// Applies with the fault of a case, and looks whether the next applies bring it to its end.
pub(crate) fn run(at: &Case) -> (Figures, Vec<String>) {
    let (figures, problems) = in_virtual_time(at.seed, async {
        let mut case = case(at.seed, at.mode).await;
        let world = &mut case.world;
        world.sandbox.inject(Fault::new(at.fault).service(&at.service).operation(&at.operation));
        let wire = Wire::new(world.sandbox.http_client(), None);
        world.figures.applies = 1;
        let report = match world.apply(&case.configs[1], &wire, None, Way::WHOLE).await {
            End::Ran(ran) => {
                world.safe(&case.configs[1], &ran.0);
                ran.1
            }
            // Without the lease nothing is begun, and without a last look nobody knows what came of it.
            End::Stopped(error) if !PASSING.contains(&at.fault) => {
                world.stopped(&error);
                Report::default()
            }
            End::Stopped(error) => return (case.world.figures, vec![format!("an apply stopped: {error:?}")]),
            End::NoStart | End::Died => return (case.world.figures, vec!["an apply did not run".to_owned()]),
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
        coverage::note(SORT, [at.call()]);
        case.finish().await
    });
    let name = |problem| format!("{} {:?}: {problem}", at.call(), at.fault);
    (figures, problems.into_iter().map(name).collect())
}
