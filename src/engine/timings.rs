//! Where the time of a run goes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::apply::Link;

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Getting credentials, and asking AWS whose they are.
    Connecting,
    /// Reading what is live.
    Reading,
    /// Taking the lease, and waiting for it.
    Leasing,
    /// Making the calls of the plan.
    Changing,
    /// Reading what came of it.
    Settling,
}

impl Part {
    /// Returns its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Reading => "reading",
            Self::Leasing => "leasing",
            Self::Changing => "changing",
            Self::Settling => "settling",
        }
    }
}

/// How long the parts of a run took.
#[derive(Debug, Default)]
pub struct Timings {
    parts: Mutex<BTreeMap<Part, Duration>>,
    critical: Mutex<Vec<Link>>,
}

impl Timings {
    /// Does a part of the run, and remembers how long it took.
    pub(super) async fn of<T>(&self, part: Part, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        *self.parts.lock().unwrap_or_else(PoisonError::into_inner).entry(part).or_default() += began.elapsed();
        done
    }

    /// Remembers the steps that an apply could not have done without in less time.
    pub(super) fn set_critical(&self, chain: Vec<Link>) {
        *self.critical.lock().unwrap_or_else(PoisonError::into_inner) = chain;
    }

    /// Returns the parts that the run had, in their order.
    pub fn parts(&self) -> Vec<(Part, Duration)> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(part, took)| (*part, *took)).collect()
    }

    /// Returns the steps of the critical path, from the first to the last.
    pub fn critical(&self) -> Vec<Link> {
        self.critical.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
