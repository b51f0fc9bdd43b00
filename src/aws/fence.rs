//! The fence around writing calls: after the deadline of a lease no call is sent.
//!
//! AWS can't check whose lease it is, but it checks the date of a signature. The fence looks at the clock after signing
//! and before sending, so that every request that AWS may still accept from a holder was signed within the holder's
//! lease.

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
    /// The deadline in milliseconds of [`Fence::now`]; 0 means closed.
    deadline: AtomicU64,
    /// The date of the last answer in milliseconds since 1970 by AWS's clock; 0 means never.
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
    /// Returns the milliseconds since the fence was made. The monotonic clock stands still while a machine sleeps, and
    /// the other clock may be put back, so that the larger difference counts.
    pub fn now(&self) -> u64 {
        let monotonic = self.started.0.elapsed();
        let wall = self.started.1.elapsed().unwrap_or_default();
        let now = u64::try_from(monotonic.max(wall).as_millis()).unwrap_or(u64::MAX);
        self.latest.fetch_max(now, Ordering::SeqCst).max(now)
    }

    /// Lets calls through until a time, in milliseconds of [`Fence::now`].
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

/// Puts a fence around a client, if there is a fence.
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

/// The times of an answer by two clocks, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
struct Sight {
    /// When the request was sent, and when the answer arrived, by the machine's clock.
    sent: i64,
    received: i64,
    /// When the answer was made by AWS's clock, in whole seconds.
    date: i64,
}

impl Sight {
    /// Returns by how many milliseconds AWS's clock is at least ahead of the machine's; negative when it is behind. The
    /// answer was made at an unknown time between sending and receiving and at an unknown part of its second: the
    /// result is 0 as long as these explain the difference.
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
    /// The date of the last answer in milliseconds since 1970 by AWS's clock; 0 means never.
    answered: AtomicU64,
    /// When the request was sent, by the machine's clock.
    sent: AtomicI64,
    sight: Mutex<Option<Sight>>,
}

impl Dated {
    pub(super) fn date(&self) -> Option<u64> {
        Some(self.0.answered.load(Ordering::SeqCst)).filter(|date| *date > 0)
    }

    /// Returns by how many milliseconds AWS's clock is ahead of the machine's, by the last answer; negative when it is
    /// behind.
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
            // Another attempt follows only where an answer was not used: the date of the last attempt is the answer's.
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
        // Both clocks agree: the answer was made in between, in a second that began before.
        assert_eq!(ahead(10_900, 11_100, 11_000), 0);
        assert_eq!(ahead(10_990, 10_999, 10_000), 0);
        // A slow connection proves nothing about the clocks.
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
