//! The fence around writing calls: behind the deadline of a lease nothing is sent.
//!
//! AWS can't check whose lease it is, but it checks the date of a signature. The fence looks at the clock after signing
//! and before sending, so everything of a holder that AWS may still accept was signed within its lease.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use tokio::time::Instant;

use crate::model::clock::SANDBOX_SHIFT;

/// A request that was signed and not sent.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the lease is over: nothing more is sent")]
pub(super) struct LeaseOver;

/// Lets calls through until a deadline, and remembers when AWS answered last.
#[derive(Debug)]
pub struct Fence {
    started: (Instant, SystemTime),
    latest: AtomicU64,
    /// In milliseconds of [`Fence::now`]; 0 is closed.
    deadline: AtomicU64,
    /// In milliseconds since 1970 by AWS's clock; 0 is never.
    answered: AtomicU64,
}

impl Default for Fence {
    fn default() -> Self {
        Self {
            started: (Instant::now(), SystemTime::now()),
            latest: AtomicU64::new(0),
            deadline: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
    }
}

impl Fence {
    /// Returns the milliseconds since the fence was made. The monotonic clock stands still while a machine sleeps, the
    /// other one may be put back: whichever moved further counts.
    pub fn now(&self) -> u64 {
        let monotonic = self.started.0.elapsed();
        let wall = self.started.1.elapsed().unwrap_or_default();
        let now = u64::try_from(monotonic.max(wall).as_millis()).unwrap_or(u64::MAX);
        self.latest.fetch_max(now, Ordering::SeqCst).max(now)
    }

    /// Lets calls through until then, in milliseconds of [`Fence::now`].
    pub fn open_until(&self, deadline: u64) {
        self.deadline.store(deadline, Ordering::SeqCst);
    }

    /// Lets no more calls through.
    pub fn close(&self) {
        self.deadline.store(0, Ordering::SeqCst);
    }

    /// Tells whether a call may be sent.
    pub fn is_open(&self) -> bool {
        self.now() < self.deadline.load(Ordering::SeqCst)
    }

    /// Returns the date of the last answer behind the fence, in milliseconds since 1970 by AWS's clock.
    pub fn answered(&self) -> Option<u64> {
        Some(self.answered.load(Ordering::SeqCst)).filter(|date| *date > 0)
    }
}

/// Reads the date of an answer, in milliseconds since 1970.
fn date_of(context: &BeforeDeserializationInterceptorContextRef<'_>) -> Option<u64> {
    let text = context.response().headers().get("date")?;
    let date = DateTime::from_str(text, Format::HttpDate).ok()?;
    u64::try_from(date.to_millis().ok()?).ok()
}

/// Puts a fence around a client, if it is to have one.
#[derive(Clone, Debug)]
pub(super) struct Fenced(pub(super) Option<Arc<Fence>>);

#[dyn_dispatch_hint]
impl Intercept for Fenced {
    fn name(&self) -> &'static str {
        "vssctl::fence"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.0.as_ref().is_none_or(|fence| fence.is_open()) { Ok(()) } else { Err(LeaseOver.into()) }
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(fence), Some(date)) = (&self.0, date_of(context)) {
            fence.answered.fetch_max(date, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// An answer by two clocks, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
struct Sight {
    /// When it was asked for, and when it came, by the machine's clock.
    sent: i64,
    received: i64,
    /// When it was made by AWS's clock, in whole seconds.
    date: i64,
}

impl Sight {
    /// How many milliseconds AWS's clock is ahead of the machine's, at the least; negative when it is behind. It was
    /// made at some time on the way, and in some part of its second: 0 while that may be all.
    fn ahead(self) -> i64 {
        let (least, most) = (self.date - self.received, self.date + 999 - self.sent);
        if least > 0 { least } else { most.min(0) }
    }
}

/// Keeps the date of the answer to one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Dated(Arc<Dates>);

#[derive(Debug, Default)]
struct Dates {
    /// In milliseconds since 1970 by AWS's clock; 0 is never.
    answered: AtomicU64,
    /// When the request was sent, by the machine's clock.
    sent: AtomicI64,
    sight: Mutex<Option<Sight>>,
}

impl Dated {
    pub(super) fn date(&self) -> Option<u64> {
        Some(self.0.answered.load(Ordering::SeqCst)).filter(|date| *date > 0)
    }

    /// How many milliseconds AWS's clock is ahead of the machine's, by the last answer; negative when it is behind.
    pub(super) fn ahead(&self) -> Option<i64> {
        self.0.sight.lock().unwrap_or_else(PoisonError::into_inner).map(Sight::ahead)
    }
}

fn machine_clock() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[dyn_dispatch_hint]
impl Intercept for Dated {
    fn name(&self) -> &'static str {
        "vssctl::date"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.sent.store(machine_clock(), Ordering::SeqCst);
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = date_of(context) {
            // Only an answer that was not kept is followed by another one: the last attempt's date is the answer's.
            self.0.answered.store(date, Ordering::SeqCst);
            let shift = context.response().headers().get(SANDBOX_SHIFT).and_then(|shift| shift.parse().ok());
            let date = i64::try_from(date).unwrap_or(i64::MAX).saturating_sub(shift.unwrap_or(0_i64));
            let sight = Sight { sent: self.0.sent.load(Ordering::SeqCst), received: machine_clock(), date };
            *self.0.sight.lock().unwrap_or_else(PoisonError::into_inner) = Some(sight);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_closed_until_it_is_opened_and_after_its_deadline() {
        let fence = Fence::default();
        assert!(!fence.is_open());
        fence.open_until(fence.now() + 60_000);
        assert!(fence.is_open());
        fence.open_until(fence.now());
        assert!(!fence.is_open());
        fence.open_until(fence.now() + 60_000);
        fence.close();
        assert!(!fence.is_open());
    }

    #[test]
    fn clocks_are_apart_by_what_neither_the_way_nor_a_whole_second_explains() {
        let ahead = |sent, received, date| Sight { sent, received, date }.ahead();
        // The same clock: the answer was made between, in a second that began before.
        assert_eq!(ahead(10_900, 11_100, 11_000), 0);
        assert_eq!(ahead(10_990, 10_999, 10_000), 0);
        // A slow way says nothing about clocks.
        assert_eq!(ahead(10_000, 90_000, 10_000), 0);
        assert_eq!(ahead(10_000, 90_000, 90_000), 0);
        assert_eq!(ahead(10_000, 10_200, 75_000), 64_800);
        assert_eq!(ahead(75_000, 75_200, 10_000), -64_001);
    }

    #[test]
    fn a_sleeping_machine_does_not_stop_the_clock() {
        let slept = std::time::Duration::from_hours(1);
        let fence = Fence { started: (Instant::now(), SystemTime::now() - slept), ..Fence::default() };
        assert!(fence.now() >= 3_600_000);
    }
}
