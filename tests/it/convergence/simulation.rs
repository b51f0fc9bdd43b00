//! One simulated history: a random account, two random files, applies under faults, deaths and meddling; then quiet, in which
//! two applies must reach the end. One seed is one history.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vssctl::model::Operation;
use vssctl::model::operation::Effect;
use vssctl::plan;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::Instant;
use vssctl::apply::{Outcome, Report, Status};
use vssctl::config::Config;
use vssctl::engine::{
    self, Audience, Consent, EngineError, Exclusion, News, OpenError, Order, Reviewed, Session, Tempo,
};
use vssctl::model::{Action, Address, KindId};
use vssctl::plan::file::SavedPlan;
use vssctl::plan::{Plan, hazard};
use vssctl::sandbox::{FaultPlan, Sandbox};

use super::account;
use super::files::{self, Bounds};
use super::random::Random;
use super::wire::{Kill, Wire};
use super::world::files::Written;
use super::world::lens::Lens;
use super::world::{self, coverage, oracle, schema};
use crate::bench;
use crate::bench::{ALL, NONE};

/// The waits of a run against AWS: nobody waits for them, the clock is virtual.
const TEMPO: Tempo = Tempo::REAL;

/// How long a run waits for somebody else's lease.
const PATIENCE: Duration = Duration::from_mins(30);

/// Tells the numbers that decide how a process is told to apply from those that decide everything else.
const WAYS: u64 = 0x5741_5953;

/// The lease and its grace time.
const LEASE: Duration = Duration::from_mins(2 + 16);

/// What a history may hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mode {
    /// Two processes apply at once, without a lease.
    pub(crate) pairs: bool,
    /// The files have every key of the schema, not the few of the first histories; the account moves during an apply,
    /// and answers are odd.
    pub(crate) wide: bool,
}

/// What happened in one history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) simulations: u64,
    pub(crate) applies: u64,
    pub(crate) calls: u64,
    pub(crate) faults: u64,
    pub(crate) deaths: u64,
    pub(crate) refused: u64,
    /// Runs that ended before their first change.
    pub(crate) stopped: u64,
    pub(crate) strangers: u64,
    pub(crate) commands: usize,
    pub(crate) commands_again: usize,
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Self) {
        self.simulations += other.simulations;
        self.applies += other.applies;
        self.calls += other.calls;
        self.faults += other.faults;
        self.deaths += other.deaths;
        self.refused += other.refused;
        self.stopped += other.stopped;
        self.strangers += other.strangers;
        self.commands += other.commands;
        self.commands_again += other.commands_again;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { simulations, applies, calls, faults, deaths, refused, stopped, strangers, commands, commands_again } =
            self;
        write!(
            formatter,
            "{simulations} simulations, {applies} applies, {calls} calls, {faults} faults, {deaths} deaths, \
             {strangers} looks at strangers' resources, {refused} refusals, {stopped} stopped, {commands} commands ({commands_again} again)"
        )
    }
}

/// An account and what was seen of it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) problems: Vec<String>,
    pub(crate) figures: Figures,
}

/// How one apply of one process ended.
pub(crate) enum End {
    /// The account could not be asked who we are.
    NoStart,
    Died,
    /// It ended before its first change, or could not read what came of it.
    Stopped(EngineError),
    Ran(Box<(Plan, Report)>),
}

/// How a process is told to apply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// It keeps others out.
    leases: bool,
    /// It is started with no option: it prunes nothing, keeps to the limits, and nobody consents to a hazard.
    plain: bool,
    /// It applies a plan that was saved a moment before.
    saved: bool,
}

impl Way {
    /// What most of the checks need: everything is done that there is to do.
    pub(crate) const WHOLE: Self = Self { leases: true, plain: false, saved: false };

    fn random(random: &mut Random) -> Self {
        Self { leases: !random.one_in(4), plain: random.one_in(4), saved: random.one_in(4) }
    }

    fn options(self, config: &Config) -> plan::Options {
        let thresholds = config.thresholds;
        if self.plain {
            return plan::Options { thresholds, ..plan::Options::default() };
        }
        plan::Options { prune: true, max_deletions: Some(1000), thresholds, ..plan::Options::default() }
    }
}

/// Says yes, and lets the wire count from then on.
struct Counting<'a> {
    wire: &'a Wire,
    kill: Option<(usize, Kill)>,
    asked: AtomicBool,
}

impl Audience for Counting<'_> {
    fn tell(&self, _: &News<'_>) {}

    fn consent(&self) -> BoxFuture<'_, Consent> {
        // A second question does not bring the process back to life.
        if !self.asked.swap(true, Ordering::SeqCst) {
            self.wire.arm(self.kill);
        }
        Box::pin(std::future::ready(Consent::Given))
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::in_memory();
        let start = Instant::now();
        sandbox.follow_time(move || start.elapsed());
        bench::add_key(&sandbox, "11111111-2222-3333-4444-555555555555");
        for name in ["far", "away"] {
            bench::add_vault(&sandbox, "us-west-2", name);
        }
        Self { sandbox, problems: Vec::new(), figures: Figures::default() }
    }

    async fn open(&self, config: &Config, wire: &Wire) -> Result<Session, OpenError> {
        bench::open(config.clone(), wire.clone(), None, TEMPO).await
    }

    /// Applies once, as one process that may die from the moment on that its plan is agreed to.
    pub(crate) async fn apply(&self, config: &Config, wire: &Wire, kill: Option<(usize, Kill)>, way: Way) -> End {
        let work = async {
            let Ok(session) = self.open(config, wire).await else { return End::NoStart };
            let options = way.options(config);
            let reviewed = if way.saved { saved(&session, &options).await } else { None };
            let order = Order {
                operation: "apply",
                options: &options,
                consents: if way.plain { &NONE } else { &ALL },
                reviewed: reviewed.as_ref().map_or(Reviewed::No, Reviewed::Saved),
                exclusion: if way.leases { Exclusion::Lease { patience: PATIENCE } } else { Exclusion::None },
                parallelism: 8,
            };
            let audience = Counting { wire, kill, asked: AtomicBool::new(false) };
            match engine::carry_out(&session, &order, &audience).await {
                Ok(ended) => End::Ran(Box::new((ended.plan, ended.report.unwrap_or_default()))),
                Err(error) => End::Stopped(error),
            }
        };
        tokio::select! {
            biased;
            end = Box::pin(work) => end,
            () = wire.died() => End::Died,
        }
    }

    /// Plans once, in quiet.
    pub(crate) async fn plan(&self, config: &Config) -> Plan {
        let wire = Wire::new(self.sandbox.http_client(), None);
        let session = self.open(config, &wire).await.expect("a session");
        session.plan(&Way::WHOLE.options(config), &bench::Quiet).await.expect("a plan").0
    }

    /// Applies once, with whatever goes wrong, and checks what holds in any weather. Returns what somebody else changed
    /// meanwhile.
    async fn stormy(
        &mut self,
        config: &Config,
        random: &mut Random,
        ways: &mut Random,
        mode: Mode,
        is_calm: bool,
    ) -> BTreeSet<String> {
        let wire =
            |random: &mut Random| Wire::new(self.sandbox.http_client(), mode.pairs.then(|| Random::new(random.next())));
        let kill = |random: &mut Random| {
            let how = *random.pick(&[Kill::Before, Kill::Lost, Kill::After]);
            random.one_in(3).then(|| (random.below(25), how))
        };
        let (one, two) = (wire(random), wire(random));
        let moved = Arc::new(Mutex::new(BTreeSet::new()));
        if mode.wide {
            one.look_through(Lens::new(Random::new(random.next())));
            if mode.pairs {
                two.look_through(Lens::new(Random::new(random.next())));
            } else {
                // What two who know nothing of each other take away, the next apply makes again.
                one.watch(account::watch(&self.sandbox, config));
            }
            if random.one_in(2) {
                let (sandbox, moved) = (self.sandbox.clone(), Arc::clone(&moved));
                let mut own = Random::new(random.next());
                // What is adopted may be somebody else's, and a call that AWS throttles is sent again without a look.
                let adopts = config.desired.iter().any(|desired| desired.adopt);
                let judged = !adopts && is_calm && !mode.pairs;
                one.meddle_at(random.below(20), move || {
                    let before = account::things(&sandbox);
                    let remade = account::meddle_during(&sandbox, &mut own);
                    let now = account::things(&sandbox);
                    let changed = now.into_iter().filter(|(key, thing)| before.get(key) != Some(thing));
                    moved.lock().expect("no poison").extend(changed.map(|(key, _)| key));
                    remade.filter(|_| judged)
                });
            }
        }
        let (first, second) = (kill(random), kill(random));
        let ends = if mode.pairs {
            let [left, right] = [Way::random(ways), Way::random(ways)].map(|way| Way { leases: false, ..way });
            let (left, right) =
                tokio::join!(self.apply(config, &one, first, left), self.apply(config, &two, second, right));
            vec![left, right]
        } else {
            vec![self.apply(config, &one, first, Way::random(ways)).await]
        };
        for end in ends {
            if mode.wide
                && let End::Ran(ran) = &end
            {
                coverage::note("hazards", hazard::all(&ran.0).map(|(_, note)| note.hazard.name()));
            }
            self.figures.applies += 1;
            match end {
                End::NoStart => {}
                End::Died => self.figures.deaths += 1,
                End::Stopped(error) => self.stopped(&error),
                End::Ran(ran) => self.safe(config, &ran.0),
            }
        }
        self.problems.extend([&one, &two].into_iter().flat_map(Wire::violations));
        moved.lock().expect("no poison").clone()
    }

    /// A run may end before its first change, but never over a defect.
    pub(crate) fn stopped(&mut self, error: &EngineError) {
        self.figures.stopped += 1;
        if let EngineError::Defect(violation) = error {
            self.problems.push(format!("a plan breaks its own rules: {violation}"));
        }
    }

    /// No plan does anything to what it could not read, refuses or finds in order, nor takes away what the file wants,
    /// unless it makes that again: a plan or a selection before it goes, for they protect; anything else before the end.
    pub(crate) fn safe(&mut self, config: &Config, plan: &Plan) {
        let actions: BTreeMap<_, _> = plan.changes.iter().map(|change| (&change.address, change.action)).collect();
        for step in &plan.steps {
            let action = actions.get(&step.address).copied();
            if matches!(action, Some(Action::Unknown | Action::Refused | Action::NoOp) | None) {
                self.problems.push(format!("`{}` is {action:?} and has calls", step.address));
            }
        }
        let calls: Vec<_> =
            plan.steps.iter().flat_map(|step| step.calls.iter().map(|call| (&step.address, call.operation))).collect();
        for (at, (address, operation)) in calls.iter().enumerate() {
            let is_wanted = config.desired.iter().any(|desired| desired.address == **address);
            let goes = matches!(operation.known().effect, Effect::Deletes(object) if object.kind == address.kind());
            if !is_wanted || !goes {
                continue;
            }
            let protects = matches!(address.kind(), KindId::Plan | KindId::Selection);
            let earlier = if protects { &calls[..at] } else { &calls[..] };
            let makes = |(other, operation): &(&Address, Operation)| {
                // What a Run Command installs takes an association's place.
                let is_made = operation.known().effect == Effect::Creates || *operation == Operation::SendCommand;
                other == address && is_made
            };
            if !earlier.iter().any(makes) {
                self.problems.push(format!("`{address}` is wanted, and {operation} takes it away"));
            }
        }
    }

    /// Lets everything that is under way arrive. After a death nobody writes before its lease is over.
    pub(crate) fn calm(&self) {
        self.sandbox.advance(LEASE).expect("an account in memory");
    }

    /// Applies in quiet until nothing is left to do, twice at most, and checks that the end is the right one.
    pub(crate) async fn settle(&mut self, config: &Config, commands: &[String]) {
        self.sandbox.clear_faults();
        self.calm();
        let before = account::strangers(&self.sandbox);
        let mut left = Vec::new();
        let mut done = BTreeSet::new();
        for run in 0..3 {
            let wire = Wire::new(self.sandbox.http_client(), None);
            self.figures.applies += 1;
            let (plan, report) = match self.apply(config, &wire, None, Way::WHOLE).await {
                End::Ran(ran) => *ran,
                End::Stopped(error) => {
                    self.problems.push(format!("an apply in quiet stopped: {error:?}"));
                    return;
                }
                End::NoStart | End::Died => {
                    self.problems.push("an apply in quiet did not run".to_owned());
                    return;
                }
            };
            self.safe(config, &plan);
            self.problems.extend(not_at_once(&done, &plan));
            if plan.steps.is_empty() {
                left.clear();
                break;
            }
            done = done_at_once(&report, commands);
            let outcomes = report
                .outcomes
                .iter()
                .map(|outcome| format!("run {run}: {} {:?} {:?}", outcome.address, outcome.action, outcome.status));
            left.extend(outcomes);
            let refused = plan.changes.iter().filter(|change| change.action == Action::Refused);
            left.extend(refused.map(|change| format!("run {run}: {} is refused: {:?}", change.address, change.reason)));
            left.extend(report.leftovers.iter().map(|left| format!("run {run}: {} {:?}", left.address, left.why)));
        }
        self.problems.append(&mut left);
        self.check_strangers(&[config], &before, &BTreeSet::new());
        self.figures.calls += u64::try_from(self.sandbox.requests().len()).unwrap_or_default();
        self.sandbox.clear_requests();
        let again = self.plan(config).await;
        if let Some(write) = self.sandbox.requests().iter().find(|request| request.write) {
            self.problems.push(format!("planning called {}", write.operation));
        }
        if !again.steps.is_empty() || again.has_unknown() || !again.orphans.is_empty() {
            self.problems.push(format!("the plan is not empty: {:?} {:?}", again.steps, again.orphans));
            let open = again.changes.iter().filter(|change| change.action != Action::NoOp);
            self.problems
                .extend(open.map(|change| format!("{} {:?} {:?}", change.address, change.action, change.reason)));
        }
        self.problems.extend(account::wrong(&self.sandbox, &again, commands));
        let refused: Vec<_> = again.changes.iter().filter(|change| change.action == Action::Refused).collect();
        self.figures.refused += u64::try_from(refused.len()).unwrap_or_default();
        for change in refused {
            let named = change.reason.is_some() && !again.diagnostics.is_empty();
            if !named {
                self.problems.push(format!("`{}` is refused and nobody says why", change.address));
            }
        }
    }

    /// Holds the account against the file itself.
    async fn compare(&mut self, config: &Config, file: &Value) {
        let plan = self.plan(config).await;
        let in_order: BTreeSet<String> = plan
            .changes
            .iter()
            .filter(|change| change.action == Action::NoOp)
            .map(|change| change.address.to_string())
            .collect();
        self.problems.extend(oracle::wrong(&self.sandbox, file, &|address| in_order.contains(address)));
    }

    /// Strangers' things are as they were, but for those that a file adopts.
    pub(crate) fn check_strangers(
        &mut self,
        configs: &[&Config],
        before: &BTreeMap<String, Value>,
        lately: &BTreeSet<String>,
    ) {
        let now = account::things(&self.sandbox);
        self.figures.strangers += u64::try_from(before.len()).unwrap_or_default();
        let adopted = |key: &str, thing: &Value| {
            let name = key.rsplit(' ').next().unwrap_or_default();
            let text = thing.to_string();
            let desired = configs.iter().flat_map(|config| &config.desired);
            desired.filter(|desired| desired.adopt).any(|desired| {
                desired.name.eq_ignore_ascii_case(name) || text.contains(&format!("\"{}\"", desired.name))
            })
        };
        for (key, thing) in before.iter().filter(|(key, _)| !lately.contains(*key)) {
            // What is in an adopted plan is adopted with it.
            let plan = key.strip_prefix("selection ").and_then(|ids| ids.split(' ').next());
            let parent = plan.map(|id| format!("plan {id}")).and_then(|key| Some((before.get(&key)?, key)));
            let adopted = adopted(key, thing) || parent.is_some_and(|(plan, key)| adopted(&key, plan));
            if !adopted && now.get(key) != Some(thing) {
                self.problems.push(format!("a stranger's {key} was {thing} and is {:?}", now.get(key)));
            }
        }
        // What nobody is to have made we made, and forgot to say so.
        for key in
            account::strangers(&self.sandbox).keys().filter(|key| !before.contains_key(*key) && !lately.contains(*key))
        {
            self.problems.push(format!("{key} is nobody's, and was not there before"));
        }
    }
}

/// The addresses that a quiet run made or changed to the end. What a command did may take its servers a while.
fn done_at_once(report: &Report, commands: &[String]) -> BTreeSet<String> {
    let ends = |outcome: &&Outcome| {
        matches!(outcome.status, Status::Done)
            && matches!(outcome.action, Action::Create | Action::Update | Action::Replace)
    };
    let addresses = report.outcomes.iter().filter(ends).map(|outcome| outcome.address.to_string());
    addresses.filter(|address| !commands.contains(address)).collect()
}

/// What a quiet run did is right at once: a call that lacks something must not be mended by the next run unseen.
fn not_at_once(done: &BTreeSet<String>, next: &Plan) -> Vec<String> {
    let differs = next.changes.iter().filter(|change| {
        done.contains(&change.address.to_string()) && matches!(change.action, Action::Create | Action::Update)
    });
    differs.map(|change| format!("`{}` was just done, and differs in {:?}", change.address, change.fields)).collect()
}

/// Plans, saves the plan and reads it back, as `plan --out` and `apply FILE` do.
async fn saved(session: &Session, options: &plan::Options) -> Option<SavedPlan> {
    let (plan, live) = session.plan(options, &bench::Quiet).await.ok()?;
    let text = session.saved(&plan, &live.kinds, options, None).to_text().expect("JSON");
    Some(SavedPlan::parse(&text).expect("a plan that was just saved"))
}

/// Returns the addresses of the packages that one Run Command installs.
fn run_commands(config: &Config) -> Vec<String> {
    let packages = config.desired.iter().filter(|desired| desired.options.contains_key("run_command"));
    packages.map(|desired| desired.address.to_string()).collect()
}

/// An account in which one thing goes wrong in one apply.
pub(crate) struct Case {
    pub(crate) world: World,
    /// The second is applied.
    pub(crate) configs: Vec<Config>,
    /// What was written into the second file, where files are wide.
    file: Value,
    strangers: BTreeMap<String, Value>,
}

impl Case {
    /// Ends the case: the next applies reach the end, and nothing was done twice.
    pub(crate) async fn finish(self) -> (Figures, Vec<String>) {
        let Self { mut world, configs, file, strangers } = self;
        world.settle(&configs[1], &run_commands(&configs[1])).await;
        world.check_strangers(&[&configs[0], &configs[1]], &strangers, &BTreeSet::new());
        if !file.is_null() && world.problems.is_empty() {
            world.compare(&configs[1], &file).await;
        }
        let (sent, again) = account::commands(&world.sandbox);
        (world.figures.commands, world.figures.commands_again) = (sent, again);
        if again > 0 {
            let records = account::records(&world.sandbox).join("\n");
            world.problems.push(format!("{again} commands were sent twice:\n{records}"));
        }
        (world.figures, world.problems)
    }
}

/// Makes the account of a seed, what two files want of it, and whose things strangers' are. Half of the cases start from what
/// the first file made.
pub(crate) async fn case(seed: u64, mode: Mode) -> Case {
    let mut random = Random::new(seed);
    let mut world = World::new();
    world.figures.simulations = 1;
    let bounds = Bounds { commands: true };
    let [first, second] = [write(&mut random, bounds, mode), write(&mut random, bounds, mode)];
    let configs: Vec<Config> = [&first, &second].map(|written| bench::load(&written.text)).into();
    account::populate(&world.sandbox, &mut random);
    let strangers = account::strangers(&world.sandbox);
    if random.one_in(2) {
        let wire = Wire::new(world.sandbox.http_client(), None);
        world.apply(&configs[0], &wire, None, Way::WHOLE).await;
    }
    Case { world, configs, file: second.file, strangers }
}

/// Runs something in virtual time. Jitter is part of it.
pub(crate) fn in_virtual_time<T>(seed: u64, work: impl Future<Output = T>) -> T {
    fastrand::seed(seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(work)
}

/// Writes a file of a sort of histories.
fn write(random: &mut Random, bounds: Bounds, mode: Mode) -> Written {
    if mode.wide {
        return world::files::file(random, bounds);
    }
    Written { text: files::file(random, bounds), file: Value::Null }
}

/// Makes the file that a history of a seed starts from, with files of every key.
pub(crate) fn file_of(seed: u64) -> Written {
    world::files::file(&mut Random::new(seed), Bounds { commands: true })
}

/// Runs the history of a seed.
pub(crate) fn simulate(seed: u64, mode: Mode) -> (Figures, Vec<String>) {
    let run = std::panic::AssertUnwindSafe(|| in_virtual_time(seed, history(seed, mode)));
    std::panic::catch_unwind(run).unwrap_or_else(|_| (Figures::default(), vec!["it panics".to_owned()]))
}

async fn history(seed: u64, mode: Mode) -> (Figures, Vec<String>) {
    let mut random = Random::new(seed);
    // Numbers of their own: the files, accounts and faults of a seed stay what they were.
    let mut ways = Random::new(seed ^ WAYS);
    let mut world = World::new();
    world.figures.simulations = 1;
    let bounds = Bounds { commands: !mode.pairs };
    let written = [write(&mut random, bounds, mode), write(&mut random, bounds, mode)];
    let texts = written.clone().map(|one| one.text);
    if mode.wide {
        coverage::note("keys", written.iter().flat_map(|one| schema::used(&one.file)));
    }
    let configs: Vec<Config> = texts
        .iter()
        .map(|text| bench::try_load(text).unwrap_or_else(|problems| panic!("seed {seed}: {problems}\n{text}")))
        .collect();
    account::populate(&world.sandbox, &mut random);
    // What somebody took our marks from a moment ago: old answers say that it is ours, and only IAM conditions would know better.
    let mut lately = BTreeSet::new();
    let intensity = *random.pick(&[0.0, 0.05, 0.15, 0.25]);
    for config in [&configs[0], &configs[0], &configs[1], &configs[1]] {
        if random.one_in(4) {
            continue;
        }
        world.sandbox.follow_faults(FaultPlan::random(random.next(), intensity));
        let before = account::strangers(&world.sandbox);
        let moved = world.stormy(config, &mut random, &mut ways, mode, intensity <= 0.0).await;
        world.calm();
        // Without faults no answer is behind.
        let mut excused = std::mem::take(&mut lately);
        if intensity <= 0.0 {
            excused.clear();
        }
        excused.extend(moved);
        world.check_strangers(&[config], &before, &excused);
        if random.one_in(3) {
            let before = account::strangers(&world.sandbox);
            account::meddle(&world.sandbox, &mut random);
            let now = account::strangers(&world.sandbox);
            lately.extend(now.into_keys().filter(|key| !before.contains_key(key)));
        }
    }
    if mode.wide {
        let writes = world.sandbox.requests().into_iter().filter(|request| request.write);
        coverage::note("operations", writes.map(|request| request.operation));
    }
    world.settle(&configs[1], &run_commands(&configs[1])).await;
    if mode.wide && world.problems.is_empty() {
        world.compare(&configs[1], &written[1].file).await;
    }
    let (sent, again) = account::commands(&world.sandbox);
    world.figures.commands = sent;
    world.figures.commands_again = again;
    world.figures.faults = world.sandbox.faults_struck();
    if mode.wide {
        coverage::add("faults", world.sandbox.faults_by_name());
    }
    if again > 0 {
        let records = account::records(&world.sandbox).join("\n");
        world.problems.push(format!("{again} commands were sent twice:\n{records}"));
    }
    if !world.problems.is_empty() {
        world.problems.push(format!("first file:\n{}\nsecond file:\n{}", texts[0], texts[1]));
    }
    (world.figures, world.problems)
}

/// Dies at one call of one apply, with no other fault, and looks whether the next applies bring it to its end.
pub(crate) fn sweep(seed: u64, mode: Mode, at: usize, kill: Kill) -> (Figures, Vec<String>) {
    in_virtual_time(seed, async {
        let mut case = case(seed, mode).await;
        let wire = Wire::new(case.world.sandbox.http_client(), None);
        match case.world.apply(&case.configs[1], &wire, Some((at, kill)), Way::WHOLE).await {
            End::Died => case.world.figures.deaths = 1,
            // Nothing follows the last call that could be waited for.
            End::NoStart | End::Stopped(_) | End::Ran(_) => return (case.world.figures, case.world.problems),
        }
        case.finish().await
    })
}
