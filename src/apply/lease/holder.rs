//! Who holds a lease, and how long a slot keeps others out.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::machine::{Date, Timing};
use super::record::{self, Entry, Record};
use crate::aws::AwsError;

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
    pub(super) fn new(entry: &Entry, date: Date, timing: &Timing) -> Self {
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
                "the `{}` by {} has the lease since {}, last renewed {} s ago (epoch {})",
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
pub(super) struct Written {
    pub(super) epoch: u32,
    timing: Timing,
    /// A date by AWS's clock, and the moment of the fence at which it was read.
    clock: (Date, u64),
    /// The moment at which the last write was answered.
    pub(super) at: AtomicU64,
}

impl Written {
    pub(super) fn new(epoch: u32, timing: Timing, clock: (Date, u64), at: u64) -> Self {
        Self { epoch, timing, clock, at: AtomicU64::new(at) }
    }

    /// Says how long a slot keeps others out that is not written again, as of a moment.
    pub(super) fn kept(&self, now: u64) -> Kept {
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
