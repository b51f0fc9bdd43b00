//! The client of the protocol: what [`super::machine`] decides, done with Parameter Store and a clock.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::holder::{Holder, Kept, NotReturned, Written};
use super::machine::{Action, Date, Event, Machine, Mark, Moment, Slot, Stage, Timing};
use super::record::{self, Record, State};
use super::store::Store;
use super::take::{LeaseError, Request, Taken, Taking};
use crate::aws::{AwsError, ErrorKind, Fence};

/// A lease that is held, and renewed beside whatever its owner does.
#[derive(Debug)]
pub struct Lease {
    epoch: u32,
    fence: Arc<Fence>,
    quiet_at: Date,
    written_before: Date,
    end: oneshot::Sender<()>,
    lost: watch::Receiver<bool>,
    keeper: JoinHandle<Result<(), AwsError>>,
    written: Arc<Written>,
}

impl Lease {
    /// Takes the lease, waiting for somebody else as long as the request says. `fence` is the clock of the run, and
    /// stays closed until the lease is held; `waiting` is told whom it waits for; `give_up` ends the waiting.
    pub async fn take(
        store: Store,
        request: &Request,
        fence: &Arc<Fence>,
        waiting: impl FnMut(&Holder),
        give_up: impl Future<Output = ()>,
    ) -> Result<Self, LeaseError> {
        let taken = Taking::new(store, request, fence).run(waiting, give_up).await?;
        Ok(Self::hold(taken, request.timing, fence))
    }

    /// Opens the fence and has the lease renewed from here on.
    fn hold(taken: Taken<'_>, timing: Timing, fence: &Arc<Fence>) -> Self {
        let Taken { taking, machine, epoch, deadline } = taken;
        fence.open_until(deadline);
        let written = Arc::new(taking.written(epoch));
        let Taking { store, listing, record, .. } = taking;
        let quiet_at = record::quiet_at(&listing.entries, &timing);
        let written_before = quiet_at.saturating_sub(timing.settle);
        let old: Vec<String> = listing
            .entries
            .iter()
            .map(|entry| entry.slot.epoch)
            .filter(|old| old + 2 < epoch)
            .map(|old| record::name(&store.scope, old))
            .collect();
        let ((end, ended), (losing, lost)) = (oneshot::channel(), watch::channel(false));
        let keeper = Keeper { store, machine, fence: Arc::clone(fence), record, epoch, written: Arc::clone(&written) };
        let keeper = tokio::spawn(keeper.keep(old, ended, losing));
        Self { epoch, fence: Arc::clone(fence), quiet_at, written_before, end, lost, keeper, written }
    }

    /// Returns the number of the slot.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Returns what the calls of the owner go through.
    pub fn fence(&self) -> &Arc<Fence> {
        &self.fence
    }

    /// Returns the date at which the run before wrote last, in milliseconds since 1970 by AWS's clock; 0 where none
    /// did.
    pub fn written_before(&self) -> Date {
        self.written_before
    }

    /// Returns how long after a date, in milliseconds since 1970 by AWS's clock, reads may still miss something that
    /// the run before has done. Zero: reads that begin then show everything.
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

    /// Gives the lease back; takes forty seconds at most, of which a renewal that is under way has nine. None of the
    /// owner's calls may be in flight.
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

/// How long what is no renewal may take, and a renewal that is under way when the lease is to be given back: a little
/// longer than one try.
const ASIDE: Duration = Duration::from_secs(9);

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
            let _ = tokio::time::timeout(ASIDE, self.store.writer.delete_parameters(&old)).await;
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
                biased;
                end = &mut ended => return self.end(end).await,
                () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            }
            if let Some(Action::Renew { epoch }) = self.machine.step(self.fence.now(), Event::Woken) {
                let renewed = {
                    let mut renewal = std::pin::pin!(self.renew(epoch));
                    tokio::select! {
                        biased;
                        renewed = &mut renewal => Ok(renewed),
                        end = &mut ended => {
                            // What is under way must not be done after the slot was released.
                            let _ = tokio::time::timeout(ASIDE, renewal).await;
                            Err(end)
                        }
                    }
                };
                match renewed {
                    Ok(Renewed { at, event, is_broken }) => {
                        self.machine.step(at, event);
                        if is_broken {
                            tracing::warn!("the lease was broken by hand");
                            self.fence.close();
                            let _ = losing.send(true);
                            return Ok(());
                        }
                    }
                    Err(end) => {
                        self.machine.step(self.fence.now(), Event::NotRenewed);
                        return self.end(end).await;
                    }
                }
            }
        }
    }

    /// Writes the own slot again, and looks whether somebody has broken the lease by hand, taking us for dead. The look
    /// may not take the time that the next renewal needs.
    async fn renew(&self, epoch: u32) -> Renewed {
        let event = match self.store.put(epoch, &self.record, true).await {
            Ok(()) => {
                self.written.at.store(self.fence.now(), Ordering::SeqCst);
                Event::Renewed
            }
            Err(error) => {
                tracing::warn!(error = error.sentence(), "the lease could not be renewed");
                Event::NotRenewed
            }
        };
        let at = self.fence.now();
        let look = tokio::time::timeout(ASIDE, self.store.read(epoch + 1)).await;
        Renewed { at, event, is_broken: matches!(look, Ok(Ok(Some(_)))) }
    }

    /// Releases the slot if its owner asked for it, and else leaves it as it is.
    async fn end(self, asked: Result<(), oneshot::error::RecvError>) -> Result<(), AwsError> {
        if asked.is_ok() { self.release().await } else { Ok(()) }
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

/// What came of a renewal.
struct Renewed {
    /// The moment at which it was answered.
    at: Moment,
    event: Event,
    /// Somebody made the next slot.
    is_broken: bool,
}

/// What the slots of a stack say, to those who do not take the lease.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who holds the lease, if anybody does.
    pub holder: Option<Holder>,
    /// From which date on, in milliseconds since 1970 by AWS's clock, reads show everything that the runs so far did.
    pub quiet_at: Date,
}

/// Looks at the lease of a stack.
pub async fn see(store: &Store, timing: &Timing) -> Result<Seen, AwsError> {
    let listing = store.list().await?;
    let held = |slot: &Slot| slot.mark == Mark::Held && listing.date < slot.free_at(timing);
    let newest = listing.entries.last().filter(|entry| held(&entry.slot));
    let holder = newest.map(|entry| Holder::new(entry, listing.date, timing));
    Ok(Seen { holder, quiet_at: record::quiet_at(&listing.entries, timing) })
}

/// Breaks a lease by making the next slot, released. The slot that is broken is left as it is. Returns false when
/// somebody else made the next slot.
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
            let seen = store.read(holder.epoch + 1).await?;
            match seen {
                Some(entry) => Ok(entry.slot.owner == record.owner_uuid.as_u128()),
                None => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}
