//! A file, the account that it is for, and the clock of a run.

use crate::model::KindId;
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::audience::{Audience, News, paced};
use super::error::{ClockGap, EngineError, OpenError};
use super::timings::{Part, Timings};
use crate::apply::lease::Timing;
use crate::aws::{Caller, Clients, ConnectOptions, Fence, GuardError, Reader, guard};
use crate::config::Config;
use crate::config::export::Account;
use crate::kind::{Desired, KindLive};
use crate::kinds::identity::ADOPTED_ID;
use crate::kinds::package::ADOPTING;
use crate::observe::export::{Asked, ExportError};
use crate::observe::{self, Arns, LiveAccount};
use crate::plan::check;
use crate::plan::drift::{self, Losses};
use crate::plan::file::{LIFETIME, Occasion, SavedPlan};
use crate::plan::{Input, Options, build};
use crate::plan::{Plan, Seen};

/// How long nothing is told while AWS does not answer the first call.
const SILENCE: Duration = Duration::from_secs(5);

/// How long a run waits for what.
#[derive(Clone, Copy, Debug)]
pub struct Tempo {
    /// The unit of all waiting for AWS.
    pub pace: Duration,
    /// The figures of the lease. They are no setting: runs that disagree about them do not exclude each other.
    pub timing: Timing,
}

impl Tempo {
    /// Against AWS.
    pub const REAL: Self = Self { pace: Duration::from_millis(500), timing: Timing::REAL };
    /// Against an account that is simulated in this process. Nobody's other calls are in its way: it is not worth half
    /// a second to be polite to it.
    pub const SIMULATED: Self = Self { pace: Duration::from_millis(20), timing: Timing::SIMULATED };
}

/// A file and the account that it is for.
#[derive(Debug)]
pub struct Session {
    /// The file.
    pub config: Config,
    /// The account.
    pub clients: Clients,
    /// Who we are.
    pub caller: Caller,
    /// How long it waits.
    pub tempo: Tempo,
    /// The clock of the run, and what its calls go through once there is a lease.
    pub fence: Arc<Fence>,
    /// A date before the newest read of everything, in milliseconds since 1970 by AWS's clock.
    read_at: AtomicU64,
    /// The same moment on the run's own clock.
    read_on: AtomicU64,
    /// The client of the last read, and the ARNs of what it found.
    last: Mutex<Option<(Arc<Reader>, Arns)>>,
    /// When the run is to be over.
    deadline: OnceLock<Instant>,
    /// How long its parts took.
    pub timings: Arc<Timings>,
}

/// What a session is opened for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// The account is simulated in this process.
    pub is_simulated: bool,
    /// Something is going to be written.
    pub writes: bool,
}

impl Session {
    /// Connects, and makes sure that the credentials are the file's account's.
    ///
    /// # Errors
    /// The connection, the account guard, the root user's credentials, or a clock that is too wrong to write by.
    pub async fn open(
        config: Config,
        mut options: ConnectOptions,
        purpose: Purpose,
        audience: &dyn Audience,
    ) -> Result<Self, OpenError> {
        audience.tell(&News::Connecting);
        let tempo = if purpose.is_simulated { Tempo::SIMULATED } else { Tempo::REAL };
        options.pace = tempo.pace;
        let clients = Box::pin(Clients::connect(options)).await.map_err(OpenError::Connect)?;
        let reader = clients.reader();
        let timings = Arc::new(Timings::default());
        let identified = timings.of(Part::Connecting, identify(&clients, &reader, &config, audience));
        let answered = Box::pin(identified).await;
        if let Some(gap) = clients.ahead().and_then(ClockGap::of) {
            if purpose.writes && gap.is_too_far() {
                return Err(OpenError::Clock(gap));
            }
            audience.tell(&News::ClockGap(gap));
        }
        let caller = answered?;
        // Simulators of AWS on this machine call everybody root.
        if caller.is_root() && !purpose.is_simulated && !clients.is_local() {
            return Err(OpenError::Root);
        }
        let (fence, read_at, read_on) = (Arc::default(), AtomicU64::default(), AtomicU64::default());
        let (last, deadline) = (Mutex::default(), OnceLock::new());
        Ok(Self { config, clients, caller, tempo, fence, read_at, read_on, last, deadline, timings })
    }

    /// Makes the same session that waits for other times.
    #[must_use]
    pub fn at(self, tempo: Tempo) -> Self {
        Self { tempo, clients: self.clients.with_pace(tempo.pace), ..self }
    }

    /// Lets the run be over after a time, at the end of the calls that are in flight then. The first end counts.
    pub fn end_after(&self, time: Duration) {
        let _ = self.deadline.set(Instant::now() + time);
    }

    /// Waits until the run is to be over; for ever, where it has all the time.
    pub(super) async fn out_of_time(&self) {
        match self.deadline.get() {
            Some(deadline) => tokio::time::sleep_until(*deadline).await,
            None => std::future::pending().await,
        }
    }

    /// Tells whether the run is to be over.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.deadline.get().is_some_and(|deadline| Instant::now() >= *deadline)
    }

    /// Does something that changes nothing, unless the run is to be over first.
    ///
    /// # Errors
    /// The time is over, or what it does fails.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.out_of_time() => Err(EngineError::OutOfTime),
        }
    }

    /// Returns a date before the newest read of everything, in milliseconds since 1970 by AWS's clock.
    pub(super) fn read_at(&self) -> u64 {
        self.read_at.load(Ordering::SeqCst)
    }

    /// Returns how many milliseconds ago everything was read.
    pub(super) fn age(&self) -> u64 {
        self.fence.now().saturating_sub(self.read_on.load(Ordering::SeqCst))
    }

    /// Returns the time by AWS's clock: the machine that plans and the one that applies may each be wrong in its own
    /// way.
    pub fn now(&self) -> Timestamp {
        let date = i64::try_from(self.clients.date()).ok().filter(|date| *date > 0);
        date.and_then(|date| Timestamp::from_millisecond(date).ok()).unwrap_or_else(Timestamp::now)
    }

    /// Reads what is live.
    pub async fn refresh(&self, audience: &dyn Audience) -> LiveAccount {
        let reader = self.clients.remembering_reader();
        self.read(&reader, &self.config.desired, audience).await
    }

    /// Reads what is live.
    async fn read(&self, reader: &Reader, desired: &[Desired], audience: &dyn Audience) -> LiveAccount {
        audience.tell(&News::Reading);
        self.read_at.store(self.clients.date(), Ordering::SeqCst);
        self.read_on.store(self.fence.now(), Ordering::SeqCst);
        let live = Box::pin(paced(&self.clients, audience, observe::refresh(reader, desired))).await;
        audience.tell(&News::Read);
        live
    }

    /// Reads what is live for a file that is yet to be written.
    ///
    /// # Errors
    /// A list could not be read, or what is asked for is not there.
    pub async fn export(&self, asked: &Asked, audience: &dyn Audience) -> Result<Account, ExportError> {
        audience.tell(&News::Reading);
        let reader = self.clients.remembering_reader();
        let read = Box::pin(paced(&self.clients, audience, observe::export::read(&reader, asked))).await;
        audience.tell(&News::Read);
        read
    }

    /// Compares the file with what is live, and returns both.
    ///
    /// # Errors
    /// A target that nothing has; a plan that breaks the checker's rules.
    pub async fn plan(&self, options: &Options, audience: &dyn Audience) -> Result<(Plan, LiveAccount), EngineError> {
        let (plan, live) = self.build(options, audience).await?;
        let stranger = options.targets.iter().find(|target| {
            !plan.changes.iter().any(|change| change.address == **target)
                && !plan.orphans.iter().any(|orphan| orphan.address == **target)
        });
        match stranger {
            Some(target) => Err(EngineError::NoSuchTarget(target.clone())),
            None => Ok((plan, live)),
        }
    }

    /// Compares the file with what is live, and returns both. The plan has passed a checker that is not the planner.
    pub(super) async fn build(
        &self,
        options: &Options,
        audience: &dyn Audience,
    ) -> Result<(Plan, LiveAccount), EngineError> {
        let build = self.in_time(self.build_by(self.clients.remembering_reader(), options, audience));
        self.timings.of(Part::Reading, Box::pin(build)).await
    }

    /// Compares the file again with what is live, as far as the calls of a plan have to do with it: the lists of the
    /// services that it writes to are read again, and what is in a list is read where it is another version. What AWS
    /// acknowledged to this run with an answer is not asked for.
    pub(super) async fn build_again(
        &self,
        options: &Options,
        plan: &Plan,
        audience: &dyn Audience,
    ) -> Result<(Plan, LiveAccount), EngineError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reader = match last {
            Some((reader, arns)) => reader.again(&observe::stale(plan, &arns)),
            None => self.clients.remembering_reader(),
        };
        self.build_by(reader, options, audience).await
    }

    /// Compares other entries for the same account with what the last plan read of it. What they alone ask for is read.
    ///
    /// # Errors
    /// The time is over.
    pub async fn plan_of(
        &self,
        desired: &[Desired],
        options: &Options,
        audience: &dyn Audience,
    ) -> Result<Plan, EngineError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reader = last.map_or_else(|| Arc::new(self.clients.remembering_reader()), |(reader, _)| reader);
        let options = Options { targets: Vec::new(), ..options.clone() };
        self.in_time(Box::pin(async {
            let mut live = self.read(&reader, desired, audience).await;
            let build = |live: &LiveAccount| build::build(&self.input(desired, live, &options));
            Ok(observe::plan(&reader, desired, &mut live, build).await)
        }))
        .await
    }

    async fn build_by(
        &self,
        reader: Reader,
        options: &Options,
        audience: &dyn Audience,
    ) -> Result<(Plan, LiveAccount), EngineError> {
        let desired = adopting(&self.config.desired, options);
        let mut live = self.read(&reader, &desired, audience).await;
        let build = |live: &LiveAccount| build::build(&self.input(&desired, live, options));
        let mut plan = observe::plan(&reader, &desired, &mut live, build).await;
        plan.seen = Seen::of(&plan, self.now(), reader.instance_names());
        self.clients.keep();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::new(reader), observe::arns(&live)));
        match check::violations(&plan, &live.kinds).into_iter().next() {
            Some(violation) => Err(EngineError::Defect(violation)),
            None => Ok((plan, live)),
        }
    }

    /// Returns what a plan is built from.
    fn input<'a>(&'a self, desired: &'a [Desired], live: &'a LiveAccount, options: &'a Options) -> Input<'a> {
        Input {
            scope: &self.config.scope,
            config_sha256: &self.config.sha256,
            desired,
            live: &live.kinds,
            installed: &live.installed,
            references: &live.references,
            others: &live.others,
            quotas: &live.quotas,
            options,
        }
    }

    /// Finds what is lost or widened by what is live, compared with the file.
    pub fn losses(&self, live: &LiveAccount, options: &Options) -> Losses {
        drift::losses(&self.input(&self.config.desired, live, options))
    }

    /// Makes the saved form of a plan.
    pub fn saved(
        &self,
        plan: &Plan,
        live: &[(KindId, KindLive)],
        options: &Options,
        lifetime: Option<SignedDuration>,
    ) -> SavedPlan {
        let occasion =
            Occasion { caller_arn: self.caller.arn.clone(), now: self.now(), lifetime: lifetime.unwrap_or(LIFETIME) };
        SavedPlan::new(plan, &self.config.desired, live, options, &occasion)
    }
}

/// Tells entries that are adopted, and by which id: an association without a name is looked for only then.
fn adopting<'a>(desired: &'a [Desired], options: &Options) -> Cow<'a, [Desired]> {
    if options.adopt.is_empty() {
        return Cow::Borrowed(desired);
    }
    let mut desired = desired.to_vec();
    for entry in desired.iter_mut().filter(|entry| options.adopt.contains(&entry.address)) {
        entry.options.insert(ADOPTING.to_owned(), true.into());
        if let Some(id) = options.adopt_ids.get(&entry.address) {
            entry.options.insert(ADOPTED_ID.to_owned(), id.as_str().into());
        }
    }
    Cow::Owned(desired)
}

/// Asks AWS whose the credentials are, for which no account is named.
///
/// # Errors
/// The connection, the credentials, or no answer.
pub async fn whose(options: ConnectOptions) -> Result<Caller, OpenError> {
    let clients = Box::pin(Clients::connect(options)).await.map_err(OpenError::Connect)?;
    clients.sign_in().await.map_err(OpenError::SignIn)?;
    clients.reader().caller_identity().await.map_err(|error| OpenError::Guard(GuardError::Identity(error)))
}

/// Gets credentials and asks AWS whose they are, and says so where the answer takes long.
async fn identify(
    clients: &Clients,
    reader: &Reader,
    config: &Config,
    audience: &dyn Audience,
) -> Result<Caller, OpenError> {
    let mut asked = Box::pin(async {
        clients.sign_in().await.map_err(OpenError::SignIn)?;
        guard(reader, &config.scope).await.map_err(OpenError::Guard)
    });
    if let Ok(answered) = tokio::time::timeout(SILENCE, &mut asked).await {
        return answered;
    }
    audience.tell(&News::StillConnecting);
    asked.await
}
