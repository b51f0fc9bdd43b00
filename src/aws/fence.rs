//! The fence around writing calls: behind the deadline of a lease nothing is sent.
//!
//! AWS can't check whose lease it is, but it checks the date of a signature. The fence looks at the clock after signing
//! and before sending, so everything of a holder that AWS may still accept was signed within its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;

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

/// Keeps the date of the answer to one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Dated(Arc<AtomicU64>);

impl Dated {
    pub(super) fn date(&self) -> Option<u64> {
        Some(self.0.load(Ordering::SeqCst)).filter(|date| *date > 0)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Dated {
    fn name(&self) -> &'static str {
        "vssctl::date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = date_of(context) {
            // Only an answer that was not kept is followed by another one: the last attempt's date is the answer's.
            self.0.store(date, Ordering::SeqCst);
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
    fn a_sleeping_machine_does_not_stop_the_clock() {
        let slept = std::time::Duration::from_hours(1);
        let fence = Fence { started: (Instant::now(), SystemTime::now() - slept), ..Fence::default() };
        assert!(fence.now() >= 3_600_000);
    }
}
