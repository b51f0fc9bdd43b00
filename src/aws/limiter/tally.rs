//! What a run asked of AWS, counted where every call passes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use crate::aws::{AwsError, ErrorKind};

/// What was asked of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationStats {
    /// The requests that were sent, those that were sent again included.
    pub calls: u64,
    /// How many of them AWS refused as too many.
    pub throttled: u64,
    /// How many of them failed in another way. Some failures are answers, such as that a resource is not there.
    pub failed: u64,
    /// For how long they waited for their turn, together.
    pub waited: Duration,
    /// For how long they were on their way, together.
    pub in_flight: Duration,
}

/// What a run asked of AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// By operation, such as `iam:CreateRole`.
    pub operations: BTreeMap<String, OperationStats>,
    /// How many requests only looked whether a change may be made.
    pub looks: u64,
    /// How many requests repeated one that had failed.
    pub retries: u64,
    /// The bytes of the requests' bodies.
    pub sent: u64,
    /// The bytes of the answers' bodies.
    pub received: u64,
}

impl Stats {
    fn sum(&self, of: impl Fn(&OperationStats) -> u64) -> u64 {
        self.operations.values().map(of).sum()
    }

    /// Returns how many requests were sent.
    pub fn calls(&self) -> u64 {
        self.sum(|operation| operation.calls)
    }

    /// Returns how many of them AWS refused as too many.
    pub fn throttled(&self) -> u64 {
        self.sum(|operation| operation.throttled)
    }

    /// Returns how many of them failed in another way.
    pub fn failed(&self) -> u64 {
        self.sum(|operation| operation.failed)
    }

    /// Returns for how long calls waited for their turn, together.
    pub fn waited(&self) -> Duration {
        self.operations.values().map(|operation| operation.waited).sum()
    }
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Tally {
    operations: Mutex<BTreeMap<(&'static str, &'static str), OperationStats>>,
    looks: AtomicU64,
    retries: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Tally {
    /// Counts a call that ended after `took` seconds.
    pub(super) fn answered(
        &self,
        service: &'static str,
        operation: &'static str,
        error: Option<&AwsError>,
        waited: Duration,
        took: f64,
    ) {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = operations.entry((service, operation)).or_default();
        let is_throttled = error.is_some_and(|error| error.kind == ErrorKind::Throttled);
        stats.calls += 1;
        stats.throttled += u64::from(is_throttled);
        stats.failed += u64::from(error.is_some() && !is_throttled);
        stats.waited += waited;
        stats.in_flight += Duration::from_secs_f64(took.max(0.0));
    }

    pub(super) fn looked(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> Stats {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let named = operations.iter().map(|((service, operation), stats)| (format!("{service}:{operation}"), *stats));
        let counts = [&self.looks, &self.retries, &self.sent, &self.received];
        let [looks, retries, sent, received] = counts.map(|count| count.load(Ordering::Relaxed));
        Stats { operations: named.collect(), looks, retries, sent, received }
    }
}

/// Counts the bytes of a client's calls.
#[derive(Clone, Debug)]
pub(in crate::aws) struct Tallied(pub(super) Arc<Tally>);

#[dyn_dispatch_hint]
impl Intercept for Tallied {
    fn name(&self) -> &'static str {
        "vssctl::tally"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.sent.fetch_add(length(context.request().body().bytes()), Ordering::Relaxed);
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.received.fetch_add(length(context.response().body().bytes()), Ordering::Relaxed);
        Ok(())
    }
}

fn length(body: Option<&[u8]>) -> u64 {
    body.map_or(0, |bytes| bytes.len().try_into().unwrap_or(u64::MAX))
}
