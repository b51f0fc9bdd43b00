//! The client of the protocol: what [`super::machine`] decides, done with Parameter Store and a clock.

use crate::model::scope::parameter_root;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::machine::{Action, Date, Event, Machine, Mark, Slot, Stage, Timing};
use super::record::{self, Entry, Record, State};
use crate::aws::{AwsError, Clients, ErrorKind, Fence, Reader, Timeouts, Writer};
use crate::model::Scope;

/// A lease can't wait long for an answer: it has to be renewed in time.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    read_attempt: Duration::from_secs(8),
    write_attempt: Duration::from_secs(8),
    operation: Duration::from_secs(25),
};

/// How often a request that AWS did not take is sent, and the milliseconds in between.
const TRIES: u32 = 4;
const PAUSE: u64 = 500;

/// How long a slot of our own is tried to be released, and the longest pause on the way, in milliseconds. Who waits for
/// the lease waits no longer for it, and the program does not end before.
const RETURNING: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: u64 = 4_000;

/// The slots of a stack.
#[derive(Debug)]
pub struct Store {
    scope: Scope,
    reader: Reader,
    writer: Writer,
}

/// All slots at one time.
#[derive(Debug)]
struct Listing {
    date: Date,
    entries: Vec<Entry>,
}

impl Store {
    /// Makes the store of the clients' stack.
    pub fn new(clients: &Clients) -> Self {
        let clients = clients.with_timeouts(TIMEOUTS);
        Self { scope: clients.scope().clone(), reader: clients.reader(), writer: clients.writer() }
    }

    async fn list(&self) -> Result<Listing, AwsError> {
        let listed = self.reader.parameters_by_path(&format!("{}/lock", parameter_root(&self.scope))).await?;
        let mut entries: Vec<Entry> =
            listed.all.iter().filter_map(|parameter| record::read(&self.scope, parameter)).collect();
        entries.sort_by_key(|entry| entry.slot.epoch);
        Ok(Listing { date: listed.date, entries })
    }

    async fn look(&self, epoch: u32) -> Result<Option<Entry>, AwsError> {
        let name = record::name(&self.scope, epoch);
        let mut tries = Tries::default();
        let parameter = loop {
            match self.reader.parameter(&name).await {
                Err(error) if tries.again(&error).await => {}
                read => break read?,
            }
        };
        Ok(parameter.and_then(|parameter| record::read(&self.scope, &parameter)))
    }

    async fn put(&self, epoch: u32, record: &Record, overwrite: bool) -> Result<(), AwsError> {
        let (name, text) = (record::name(&self.scope, epoch), record.text());
        let mut tries = Tries::default();
        loop {
            match self.writer.put_parameter(&name, &text, overwrite).await {
                Err(error) if tries.again(&error).await => {}
                ended => return ended,
            }
        }
    }

    /// Writes that our own slot is released. It may be written any number of times: a lost answer, a server error or a
    /// broken connection is followed by another try, until [`RETURNING`] is over.
    async fn release(&self, epoch: u32, record: &Record) -> Result<(), AwsError> {
        let (name, text) = (record::name(&self.scope, epoch), record.text());
        patiently("PutParameter", || self.writer.put_parameter(&name, &text, true)).await
    }
}

/// The tries of a request that AWS did not take: nothing was done, so it may be asked for again.
#[derive(Debug)]
struct Tries {
    left: u32,
    pause: u64,
}

impl Default for Tries {
    fn default() -> Self {
        Self { left: TRIES - 1, pause: PAUSE }
    }
}

impl Tries {
    /// Tells whether to ask again, after a pause.
    async fn again(&mut self, error: &AwsError) -> bool {
        let was_not_taken =
            matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Propagating);
        if !was_not_taken || self.left == 0 {
            return false;
        }
        self.left -= 1;
        tokio::time::sleep(jittered(self.pause).max(error.retry_after.unwrap_or_default())).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

/// Makes a call that may be made any number of times until it is answered, or [`RETURNING`] is over.
async fn patiently<T, F: Future<Output = Result<T, AwsError>>>(
    operation: &str,
    mut call: impl FnMut() -> F,
) -> Result<T, AwsError> {
    let end = tokio::time::Instant::now() + RETURNING;
    let mut last = AwsError::unsettled("ssm", operation, "there was no answer in time");
    let mut pause = PAUSE;
    loop {
        let error = match tokio::time::timeout_at(end, call()).await {
            Ok(Err(error)) => error,
            Ok(Ok(answer)) => return Ok(answer),
            Err(_) => return Err(last),
        };
        match error.kind {
            ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Unsettled | ErrorKind::Propagating => {}
            // Two writes of one parameter at a time: an earlier try of ours is perhaps still under way.
            _ if error.code.as_deref() == Some("TooManyUpdates") => {}
            ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::AccessDenied
            | ErrorKind::Quota
            | ErrorKind::Credentials
            | ErrorKind::Endpoint
            | ErrorKind::LeaseLost
            | ErrorKind::Rejected => return Err(error),
        }
        let wait = jittered(pause).max(error.retry_after.unwrap_or_default());
        if tokio::time::Instant::now() + wait >= end {
            return Err(error);
        }
        last = error;
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Who asks for the lease, and how long they would wait.
#[derive(Clone, Debug)]
pub struct Request {
    /// What they want to do, such as `apply`.
    pub op: String,
    /// Who they are.
    pub caller_arn: String,
    /// How long to wait for somebody else.
    pub patience: Duration,
    /// The figures of the protocol.
    pub timing: Timing,
}

/// Who has the lease.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The number of the slot, for `unlock`.
    pub epoch: u32,
    /// What the slot says, if it can be read.
    pub record: Option<Record>,
    /// When it was read, by AWS's clock.
    pub date: Timestamp,
    /// How long ago it was written.
    pub age: Duration,
    /// When it no longer counts, if nobody writes it again.
    pub free_at: Timestamp,
    /// How long until then.
    pub free_in: Duration,
}

impl Holder {
    fn new(entry: &Entry, date: Date, timing: &Timing) -> Self {
        let free_at = entry.slot.free_at(timing);
        Self {
            epoch: entry.slot.epoch,
            record: entry.record.clone(),
            date: record::timestamp(date),
            age: Duration::from_millis(date.saturating_sub(entry.slot.renewed)),
            free_at: record::timestamp(free_at.saturating_add(999)),
            free_in: Duration::from_millis(free_at.saturating_sub(date)),
        }
    }
}

impl std::error::Error for Holder {}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.record {
            Some(record) => write!(
                formatter,
                "`vssctl {}` of {} has the lease since {}, last renewed {} s ago (epoch {})",
                record.op,
                record.caller_arn,
                record.started,
                self.age.as_secs(),
                self.epoch
            ),
            None => write!(
                formatter,
                "a run of another version of vssctl has the lease, last renewed {} s ago (epoch {})",
                self.age.as_secs(),
                self.epoch
            ),
        }
    }
}

/// How long others wait for a slot that was not given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The number of the slot, for `unlock`.
    pub epoch: u32,
    /// When it no longer counts, by AWS's clock.
    pub free_at: Timestamp,
    /// How long until then.
    pub free_in: Duration,
}

/// A lease that could not be given back.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the lease of epoch {} could not be given back", kept.epoch)]
pub struct NotReturned {
    /// How long others wait for it.
    pub kept: Kept,
    /// Why.
    #[source]
    pub error: Box<AwsError>,
}

/// When a slot was written last, as two clocks show it.
#[derive(Debug)]
struct Written {
    epoch: u32,
    timing: Timing,
    /// A date by AWS's clock, and the moment of the fence at which it was read.
    clock: (Date, u64),
    /// The moment at which the last write was answered.
    at: AtomicU64,
}

impl Written {
    /// Says how long a slot keeps others out that is not written again, as of a moment.
    fn kept(&self, now: u64) -> Kept {
        let at = self.at.load(Ordering::SeqCst);
        let date = self.clock.0.saturating_add(at.saturating_sub(self.clock.1));
        let whole = self.timing.lease.saturating_add(self.timing.grace);
        Kept {
            epoch: self.epoch,
            free_at: record::timestamp(date.saturating_add(whole).saturating_add(999)),
            free_in: Duration::from_millis(whole.saturating_sub(now.saturating_sub(at))),
        }
    }
}

/// Why there is no lease.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LeaseError {
    /// There is none, and a slot that was made on the way is perhaps still held.
    #[error("{cause}")]
    NotReturned {
        /// Why there is none.
        #[source]
        cause: Box<Self>,
        /// How long others wait for the slot.
        kept: Kept,
    },
    /// Somebody else has it.
    #[error("{0}")]
    Held(Box<Holder>),
    /// Parameter Store did not do its part.
    #[error("the lease in Parameter Store can't be read or written")]
    Store(#[source] Box<AwsError>),
    /// It took longer to get than it is good for.
    #[error("the lease took longer to get than it is good for")]
    Slow,
    /// The waiting was called off.
    #[error("interrupted while waiting for the lease")]
    Interrupted,
}

impl From<AwsError> for LeaseError {
    fn from(error: AwsError) -> Self {
        Self::Store(Box::new(error))
    }
}

/// A lease that is held, and renewed beside whatever its owner does.
#[derive(Debug)]
pub struct Lease {
    epoch: u32,
    fence: Arc<Fence>,
    quiet_at: Date,
    end: oneshot::Sender<()>,
    lost: watch::Receiver<bool>,
    keeper: JoinHandle<Result<(), AwsError>>,
    written: Arc<Written>,
}

impl Lease {
    /// Takes the lease, waiting for somebody else as long as the request says. `fence` is the clock of the run, and stays
    /// closed until the lease is held; `waiting` is told whom it waits for; `give_up` ends the waiting.
    pub async fn take(
        store: Store,
        request: &Request,
        fence: &Arc<Fence>,
        mut waiting: impl FnMut(&Holder),
        give_up: impl Future<Output = ()>,
    ) -> Result<Self, LeaseError> {
        let mut give_up = std::pin::pin!(give_up);
        let owner = Uuid::new_v4();
        let timing = request.timing;
        let mut machine = Machine::new(owner.as_u128(), timing);
        let asked = fence.now();
        let mut listed = asked;
        let mut listing = Listing { date: 0, entries: Vec::new() };
        let mut mine = Record::held(owner, &request.op, &request.caller_arn, 0, &timing);
        let mut next = machine.step(fence.now(), Event::Asked);
        let mut asked_for = None;
        while let Some(action) = next {
            if let Action::Create { epoch, .. } = action {
                asked_for = Some(epoch);
            }
            let event = match action {
                Action::List => {
                    let mut tries = Tries::default();
                    listing = loop {
                        // The moment of the try that is answered.
                        listed = fence.now();
                        match store.list().await {
                            Err(error) if tries.again(&error).await => {}
                            read => break read?,
                        }
                    };
                    mine = Record::held(owner, &request.op, &request.caller_arn, listing.date, &timing);
                    mine.last_mutation = record::last_mutation(&listing.entries, &timing);
                    Event::Listed { date: listing.date, top: listing.entries.last().map(|entry| entry.slot) }
                }
                Action::Wait { .. } => {
                    let top = listing.entries.last().expect("somebody is waited for");
                    let holder = Holder::new(top, listing.date, &timing);
                    let left = request.patience.saturating_sub(Duration::from_millis(fence.now() - asked));
                    if left.is_zero() {
                        return Err(LeaseError::Held(Box::new(holder)));
                    }
                    waiting(&holder);
                    let pause = jittered(timing.poll).min(left);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = &mut give_up => return Err(LeaseError::Interrupted),
                    }
                    Event::Asked
                }
                Action::Pause => {
                    tokio::time::sleep(jittered(timing.poll / 5)).await;
                    Event::Asked
                }
                Action::Create { epoch, again } => {
                    if again {
                        tokio::time::sleep(jittered(timing.poll / 5)).await;
                    }
                    match store.put(epoch, &mine, false).await {
                        Ok(()) => Event::Created,
                        Err(error) if matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::Unsettled) => {
                            Event::Unsure
                        }
                        Err(error) => {
                            let failed = LeaseError::from(error);
                            if !again {
                                return Err(failed);
                            }
                            let written = Written::new(epoch, timing, (listing.date, listed), fence.now());
                            return Err(give_back(&store, &mine, &written, fence, failed).await);
                        }
                    }
                }
                Action::Look { epoch } => match store.look(epoch).await {
                    Ok(seen) => Event::Seen(seen.map(|entry| entry.slot)),
                    Err(error) => {
                        let written = Written::new(epoch, timing, (listing.date, listed), fence.now());
                        return Err(give_back(&store, &mine, &written, fence, error.into()).await);
                    }
                },
                Action::Renew { .. } | Action::Release { .. } => unreachable!("nothing is held yet"),
            };
            next = machine.step(fence.now(), event);
        }
        let Stage::Holding { epoch, deadline, .. } = machine.stage() else {
            let Some(epoch) = asked_for else { return Err(LeaseError::Slow) };
            let written = Written::new(epoch, timing, (listing.date, listed), fence.now());
            return Err(give_back(&store, &mine, &written, fence, LeaseError::Slow).await);
        };
        fence.open_until(deadline);
        let quiet_at = record::quiet_at(&listing.entries, &timing);
        let old: Vec<String> = listing
            .entries
            .iter()
            .map(|entry| entry.slot.epoch)
            .filter(|old| old + 2 < epoch)
            .map(|old| record::name(&store.scope, old))
            .collect();
        let ((end, ended), (losing, lost)) = (oneshot::channel(), watch::channel(false));
        let written = Arc::new(Written::new(epoch, timing, (listing.date, listed), fence.now()));
        let keeper =
            Keeper { store, machine, fence: Arc::clone(fence), record: mine, epoch, written: Arc::clone(&written) };
        let keeper = tokio::spawn(keeper.keep(old, ended, losing));
        Ok(Self { epoch, fence: Arc::clone(fence), quiet_at, end, lost, keeper, written })
    }

    /// Returns the number of the slot.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Returns what the calls of the owner go through.
    pub fn fence(&self) -> &Arc<Fence> {
        &self.fence
    }

    /// Returns how long after a date, in milliseconds since 1970 by AWS's clock, reads may still miss something that the
    /// run before has done. Zero: reads that begin then show everything.
    pub fn unquiet_at(&self, date: Date) -> Duration {
        Duration::from_millis(self.quiet_at.saturating_sub(date))
    }

    /// Waits until the lease is lost; for ever, if it is not.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Tells whether the lease was lost.
    pub fn is_lost(&self) -> bool {
        *self.lost.borrow() || !self.fence.is_open()
    }

    /// Gives the lease back; takes half a minute at most. None of the owner's calls may be in flight.
    pub async fn release(self) -> Result<(), NotReturned> {
        if self.end.send(()).is_err() {
            return Ok(());
        }
        let released = self.keeper.await.unwrap_or(Ok(()));
        released.map_err(|error| NotReturned { kept: self.written.kept(self.fence.now()), error: Box::new(error) })
    }

    /// Lets the lease run out, as something that was sent may still be done. Says until when it keeps others out.
    pub fn abandon(self) -> Kept {
        self.fence.close();
        self.keeper.abort();
        self.written.kept(self.fence.now())
    }
}

/// Renews the lease.
struct Keeper {
    store: Store,
    machine: Machine,
    fence: Arc<Fence>,
    record: Record,
    epoch: u32,
    written: Arc<Written>,
}

impl Keeper {
    async fn keep(
        mut self,
        old: Vec<String>,
        mut ended: oneshot::Receiver<()>,
        losing: watch::Sender<bool>,
    ) -> Result<(), AwsError> {
        if !old.is_empty() {
            // Whoever holds the lease cleans up; it is no harm if that fails.
            let _ = self.store.writer.delete_parameters(&old).await;
        }
        loop {
            let Stage::Holding { deadline, due, .. } = self.machine.stage() else {
                self.fence.close();
                let _ = losing.send(true);
                return Ok(());
            };
            self.fence.open_until(deadline);
            let pause = due.min(deadline).saturating_sub(self.fence.now());
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(pause)) => {}
                end = &mut ended => return match end {
                    Ok(()) => self.release().await,
                    Err(_) => Ok(()),
                },
            }
            if let Some(Action::Renew { epoch }) = self.machine.step(self.fence.now(), Event::Woken) {
                let event = match self.store.put(epoch, &self.record, true).await {
                    Ok(()) => {
                        self.written.at.store(self.fence.now(), Ordering::SeqCst);
                        Event::Renewed
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the lease could not be renewed");
                        Event::NotRenewed
                    }
                };
                self.machine.step(self.fence.now(), event);
                // Somebody may have broken the lease by hand, taking us for dead.
                if let Ok(Some(_)) = self.store.look(epoch + 1).await {
                    tracing::warn!("the lease was broken by hand");
                    self.fence.close();
                    let _ = losing.send(true);
                    return Ok(());
                }
            }
        }
    }

    async fn release(mut self) -> Result<(), AwsError> {
        self.fence.close();
        let Some(Action::Release { epoch }) = self.machine.step(self.fence.now(), Event::Finished) else {
            return Ok(());
        };
        debug_assert_eq!(epoch, self.epoch);
        self.record.state = State::Released;
        // Of those before it, the record has the last change already.
        self.record.last_mutation = self.record.last_mutation.max(self.fence.answered().map(record::timestamp));
        self.store.release(epoch, &self.record).await
    }
}

impl Written {
    fn new(epoch: u32, timing: Timing, clock: (Date, u64), at: u64) -> Self {
        Self { epoch, timing, clock, at: AtomicU64::new(at) }
    }
}

/// Shows who holds the lease of a stack, if anybody does.
pub async fn holder(store: &Store, timing: &Timing) -> Result<Option<Holder>, AwsError> {
    let listing = store.list().await?;
    let held = |slot: &Slot| slot.mark == Mark::Held && listing.date < slot.free_at(timing);
    Ok(listing.entries.last().filter(|entry| held(&entry.slot)).map(|entry| Holder::new(entry, listing.date, timing)))
}

/// Breaks a lease by making the next slot, released. The slot that is broken is left as it is. Returns false when somebody
/// else made the next slot.
pub async fn unlock(store: &Store, holder: &Holder, caller: &str, timing: &Timing) -> Result<bool, AwsError> {
    let date = u64::try_from(holder.date.as_millisecond()).unwrap_or_default();
    let mut record = Record::held(Uuid::new_v4(), "unlock", caller, date, timing);
    record.state = State::Released;
    record.broken_by = Some(record.caller_arn.clone());
    // What the broken run did last nobody knows: it may have been a moment ago.
    record.last_mutation = Some(record.started);
    match store.put(holder.epoch + 1, &record, false).await {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::Unsettled) => {
            let seen = store.look(holder.epoch + 1).await?;
            match seen {
                Some(entry) => Ok(entry.slot.owner == record.owner_uuid.as_u128()),
                None => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Releases a slot that was perhaps made, and under which nothing was sent: else it would keep everybody out until it
/// runs out. Only what a look shows as our own is written. Returns why there is no lease, with what could not be given
/// back.
async fn give_back(store: &Store, record: &Record, written: &Written, fence: &Fence, cause: LeaseError) -> LeaseError {
    let epoch = written.epoch;
    let is_mine = |entry: &Entry| entry.slot.owner == record.owner_uuid.as_u128();
    let returned = match patiently("GetParameter", || store.look(epoch)).await {
        Ok(Some(entry)) if is_mine(&entry) => {
            store.release(epoch, &Record { state: State::Released, ..record.clone() }).await
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    match returned {
        Ok(()) => cause,
        Err(error) => {
            tracing::warn!(%error, "a slot that is not used could not be given back");
            LeaseError::NotReturned { cause: Box::new(cause), kept: written.kept(fence.now()) }
        }
    }
}

/// Makes a pause of about that many milliseconds, so that two who wait do not keep step.
fn jittered(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds / 2 + fastrand::u64(..=milliseconds / 2) + milliseconds / 4)
}
