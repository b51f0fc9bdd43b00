//! Takes the lease.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::holder::{Holder, Kept, Written};
use super::machine::{Action, Event, Machine, Stage, Timing};
use super::record::{self, Entry, Record, State};
use super::store::{Listing, Store, Tries, jittered, patiently};
use crate::aws::{AwsError, ErrorKind, Fence};

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

/// A lease that is being taken.
pub(super) struct Taking<'a> {
    request: &'a Request,
    fence: &'a Arc<Fence>,
    owner: Uuid,
    pub(super) store: Store,
    /// When it was asked for.
    asked: u64,
    /// When the newest list was asked for, by the clock of the run.
    listed: u64,
    pub(super) listing: Listing,
    /// What the own slot says.
    pub(super) record: Record,
    /// The slot that was asked for last.
    epoch: Option<u32>,
}

/// A lease that was just taken.
pub(super) struct Taken<'a> {
    pub(super) taking: Taking<'a>,
    pub(super) machine: Machine,
    pub(super) epoch: u32,
    pub(super) deadline: u64,
}

impl<'a> Taking<'a> {
    pub(super) fn new(store: Store, request: &'a Request, fence: &'a Arc<Fence>) -> Self {
        let owner = Uuid::new_v4();
        let asked = fence.now();
        let listing = Listing { date: 0, entries: Vec::new() };
        let record = Record::held(owner, &request.op, &request.caller_arn, 0, &request.timing);
        Self { request, fence, owner, store, asked, listed: asked, listing, record, epoch: None }
    }

    /// Does what the protocol says until the lease is held, or is not to be had.
    pub(super) async fn run(
        mut self,
        mut waiting: impl FnMut(&Holder),
        give_up: impl Future<Output = ()>,
    ) -> Result<Taken<'a>, LeaseError> {
        let mut give_up = std::pin::pin!(give_up);
        let mut machine = Machine::new(self.owner.as_u128(), self.request.timing);
        let mut next = machine.step(self.fence.now(), Event::Asked);
        while let Some(action) = next {
            let event = match action {
                Action::List => self.list().await?,
                Action::Wait { .. } => self.wait(&mut waiting, give_up.as_mut()).await?,
                Action::Pause => {
                    self.pause().await;
                    Event::Asked
                }
                Action::Create { epoch, again } => self.create(epoch, again).await?,
                Action::Read { epoch } => match self.store.read(epoch).await {
                    Ok(seen) => Event::Seen(seen.map(|entry| entry.slot)),
                    Err(error) => return Err(self.give_back(epoch, error.into()).await),
                },
                Action::Renew { .. } | Action::Release { .. } => unreachable!("nothing is held yet"),
            };
            next = machine.step(self.fence.now(), event);
        }
        match (machine.stage(), self.epoch) {
            (Stage::Holding { epoch, deadline, .. }, _) => Ok(Taken { taking: self, machine, epoch, deadline }),
            (_, None) => Err(LeaseError::Slow),
            (_, Some(epoch)) => Err(self.give_back(epoch, LeaseError::Slow).await),
        }
    }

    async fn list(&mut self) -> Result<Event, LeaseError> {
        let Request { op, caller_arn, timing, patience: _ } = self.request;
        let mut tries = Tries::default();
        self.listing = loop {
            // The moment of the try that is answered.
            self.listed = self.fence.now();
            match self.store.list().await {
                Err(error) if tries.again(&error).await => {}
                read => break read?,
            }
        };
        self.record = Record::held(self.owner, op, caller_arn, self.listing.date, timing);
        self.record.last_mutation = record::last_mutation(&self.listing.entries, timing);
        Ok(Event::Listed { date: self.listing.date, top: self.listing.entries.last().map(|entry| entry.slot) })
    }

    /// Waits for whoever holds the lease.
    async fn wait(
        &self,
        waiting: &mut impl FnMut(&Holder),
        give_up: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Event, LeaseError> {
        let timing = &self.request.timing;
        let top = self.listing.entries.last().expect("somebody is waited for");
        let holder = Holder::new(top, self.listing.date, timing);
        let left = self.request.patience.saturating_sub(Duration::from_millis(self.fence.now() - self.asked));
        if left.is_zero() {
            return Err(LeaseError::Held(Box::new(holder)));
        }
        waiting(&holder);
        tokio::select! {
            () = tokio::time::sleep(jittered(timing.poll).min(left)) => Ok(Event::Asked),
            () = give_up => Err(LeaseError::Interrupted),
        }
    }

    async fn pause(&self) {
        tokio::time::sleep(jittered(self.request.timing.poll / 5)).await;
    }

    async fn create(&mut self, epoch: u32, again: bool) -> Result<Event, LeaseError> {
        self.epoch = Some(epoch);
        if again {
            self.pause().await;
        }
        match self.store.put(epoch, &self.record, false).await {
            Ok(()) => Ok(Event::Created),
            Err(error) if matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::Unsettled) => Ok(Event::Unsure),
            Err(error) if again => Err(self.give_back(epoch, error.into()).await),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns when the own slot was written last, as far as is known.
    pub(super) fn written(&self, epoch: u32) -> Written {
        Written::new(epoch, self.request.timing, (self.listing.date, self.listed), self.fence.now())
    }

    async fn give_back(&self, epoch: u32, cause: LeaseError) -> LeaseError {
        give_back(&self.store, &self.record, &self.written(epoch), self.fence, cause).await
    }
}

/// Releases a slot that was perhaps made, and under which nothing was sent: else it would keep everybody out until it
/// runs out. Only what a look shows as our own is written. Returns why there is no lease, with what could not be given
/// back.
async fn give_back(store: &Store, record: &Record, written: &Written, fence: &Fence, cause: LeaseError) -> LeaseError {
    let epoch = written.epoch;
    let is_mine = |entry: &Entry| entry.slot.owner == record.owner_uuid.as_u128();
    let returned = match patiently("GetParameter", || store.read(epoch)).await {
        Ok(Some(entry)) if is_mine(&entry) => {
            store.release(epoch, &Record { state: State::Released, ..record.clone() }).await
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    match returned {
        Ok(()) => cause,
        Err(error) => {
            tracing::warn!(error = error.sentence(), "a slot that is not used could not be given back");
            LeaseError::NotReturned { cause: Box::new(cause), kept: written.kept(fence.now()) }
        }
    }
}
