//! The client of the protocol: what [`super::machine`] decides, done with Parameter Store and a clock.

use std::fmt;
use std::sync::Arc;
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
        let listed = self.reader.parameters_by_path(&format!("{}/lock", record::root(&self.scope))).await?;
        let mut entries: Vec<Entry> =
            listed.all.iter().filter_map(|parameter| record::read(&self.scope, parameter)).collect();
        entries.sort_by_key(|entry| entry.slot.epoch);
        Ok(Listing { date: listed.date, entries })
    }

    async fn look(&self, epoch: u32) -> Result<Option<Entry>, AwsError> {
        let parameter = self.reader.parameter(&record::name(&self.scope, epoch)).await?;
        Ok(parameter.and_then(|parameter| record::read(&self.scope, &parameter)))
    }

    async fn put(&self, epoch: u32, record: &Record, overwrite: bool) -> Result<(), AwsError> {
        let (name, text) = (record::name(&self.scope, epoch), record.text());
        let mut left = TRIES;
        loop {
            left -= 1;
            match self.writer.put_parameter(&name, &text, overwrite).await {
                // Nothing was done: it may be asked for again.
                Err(error) if matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unreachable) && left > 0 => {
                    tokio::time::sleep(jittered(PAUSE)).await;
                }
                ended => return ended,
            }
        }
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

/// Why there is no lease.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LeaseError {
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
                    listing = store.list().await?;
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
                            if again {
                                give_back(&store, epoch, &mine).await;
                            }
                            return Err(error.into());
                        }
                    }
                }
                Action::Look { epoch } => match store.look(epoch).await {
                    Ok(seen) => Event::Seen(seen.map(|entry| entry.slot)),
                    Err(error) => {
                        give_back(&store, epoch, &mine).await;
                        return Err(error.into());
                    }
                },
                Action::Renew { .. } | Action::Release { .. } => unreachable!("nothing is held yet"),
            };
            next = machine.step(fence.now(), event);
        }
        let Stage::Holding { epoch, deadline, .. } = machine.stage() else {
            if let Some(epoch) = asked_for {
                give_back(&store, epoch, &mine).await;
            }
            return Err(LeaseError::Slow);
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
        let keeper = Keeper { store, machine, fence: Arc::clone(fence), record: mine, epoch };
        let keeper = tokio::spawn(keeper.keep(old, ended, losing));
        Ok(Self { epoch, fence: Arc::clone(fence), quiet_at, end, lost, keeper })
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

    /// Gives the lease back. None of the owner's calls may be in flight.
    pub async fn release(self) -> Result<(), AwsError> {
        if self.end.send(()).is_err() {
            return Ok(());
        }
        self.keeper.await.unwrap_or(Ok(()))
    }

    /// Lets the lease run out: something that was sent may still be done.
    pub fn abandon(self) {
        self.fence.close();
        self.keeper.abort();
    }
}

/// Renews the lease.
struct Keeper {
    store: Store,
    machine: Machine,
    fence: Arc<Fence>,
    record: Record,
    epoch: u32,
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
                    Ok(()) => Event::Renewed,
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
        self.store.put(epoch, &self.record, true).await
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
/// runs out. Only what a look shows as our own is written.
async fn give_back(store: &Store, epoch: u32, record: &Record) {
    let is_mine = |entry: &Entry| entry.slot.owner == record.owner_uuid.as_u128();
    if store.look(epoch).await.is_ok_and(|seen| seen.as_ref().is_some_and(is_mine)) {
        let released = Record { state: State::Released, ..record.clone() };
        if let Err(error) = store.put(epoch, &released, true).await {
            tracing::warn!(%error, "a slot that is not used could not be given back");
        }
    }
}

/// Makes a pause of about that many milliseconds, so that two who wait do not keep step.
fn jittered(milliseconds: u64) -> Duration {
    let random = u64::from_le_bytes(Uuid::new_v4().as_bytes()[..8].try_into().expect("eight bytes"));
    Duration::from_millis(milliseconds / 2 + random % (milliseconds / 2 + 1) + milliseconds / 4)
}
