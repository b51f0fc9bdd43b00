//! The inside of a sandbox. It performs operations under the file's lock, on the right account and at the right time,
//! and keeps what they change.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use super::account::{Answer, ApiError, Context};
use super::authorization::{self, Restrictions};
use super::faults::{Faults, History, Late};
use super::handle::RequestRecord;
use super::rates::Rates;
use super::services::dispatch;
use super::step::{self, Step};
use super::store::{SandboxError, State, Store};
use super::wire;
use crate::model::scope::partition_of;

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) state: State,
    pub(super) faults: Faults,
    pub(super) rates: Rates,
    pub(super) restrictions: Restrictions,
    pub(super) history: History,
    pub(super) late: Vec<Late>,
    /// When the last operation was performed, in milliseconds since 1970.
    pub(super) performed: i64,
    pub(super) time: Option<Time>,
    pub(super) requests: Vec<RequestRecord>,
    pub(super) answered: u64,
    /// How long an answer takes to a request that comes over a connection.
    pub(super) latency: Duration,
}

/// A clock that the sandbox follows, and the time that it showed last.
pub(super) struct Time {
    pub(super) source: Box<dyn Fn() -> Duration + Send>,
    pub(super) shown: Duration,
}

impl Inner {
    /// Changes the state under the file's lock and writes it.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut State) -> T) -> Result<T, SandboxError> {
        let _lock = self.store.lock(&mut self.state)?;
        let result = change(&mut self.state);
        self.store.save(&mut self.state)?;
        Ok(result)
    }

    /// Moves the clock by as much as the clock has moved that it follows.
    pub(super) fn follow_time(&mut self) {
        if let Some(time) = &mut self.time {
            let shows = (time.source)();
            self.state.clock.advance(shows.saturating_sub(time.shown));
            time.shown = shows;
        }
    }

    /// Performs the late requests that are due. Each is performed at the time when it was due, so that a stale read
    /// shows its change no later than that. Their answers are dropped.
    pub(super) fn take_up_late(&mut self) {
        let now = self.state.clock.now();
        let (mut due, waiting): (Vec<Late>, Vec<Late>) = self.late.drain(..).partition(|late| late.due <= now);
        self.late = waiting;
        due.sort_by_key(|late| late.due);
        for late in due {
            self.state.clock.turn_to(late.due.max(self.performed));
            let _ = self.perform(late.service, &late.operation, &late.region, &late.account, &late.input);
        }
        self.state.clock.turn_to(now.max(self.performed));
    }

    /// Answers a read with what was there some time ago.
    pub(super) fn remembered(
        &mut self,
        by: Duration,
        service: &str,
        operation: &str,
        region: &str,
        account: &str,
        input: &Value,
    ) -> Answer {
        let now = self.state.clock.tick();
        let then = now.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        let mut accounts = self.history.at(then).unwrap_or(&self.state.accounts).clone();
        let held = accounts.entry(account.to_owned()).or_default();
        let mut context = Context {
            account: &mut held.account,
            account_id: account,
            region,
            partition: partition_of(region),
            now,
            serial: &mut held.serial,
            caught_up: false,
        };
        dispatch(&mut context, service, operation, input)
    }

    /// Lets a call pass if the policies of its access key allow all that it needs.
    pub(super) fn admit(&mut self, scope: &wire::Scope, call: &wire::Call) -> Result<(), ApiError> {
        if !self.restrictions.apply_to(&scope.access_key) {
            return Ok(());
        }
        let _lock = self.store.lock(&mut self.state).map_err(|error| unusable(&error))?;
        self.restrictions.admit(&authorization::Call {
            access_key: &scope.access_key,
            service: scope.service,
            operation: &call.operation,
            input: &call.input,
            account: &self.state.held(&scope.account).account,
            account_id: &scope.account,
            region: &scope.region,
            partition: partition_of(&scope.region),
        })
    }

    /// Performs an operation under the file's lock, and writes what it changed.
    pub(super) fn perform(
        &mut self,
        service: &str,
        operation: &str,
        region: &str,
        account: &str,
        input: &Value,
    ) -> Answer {
        let _lock = self.store.lock(&mut self.state).map_err(|error| unusable(&error))?;
        let now = self.state.clock.tick();
        self.performed = now;
        if step::writes(operation) && self.faults.needs_history() {
            self.history.remember(now, &self.state.accounts);
        }
        if let Some(held) = self.state.accounts.get(account)
            && let Some(error) = self.faults.unheard_of(&held.account, operation, input, now)
        {
            return Err(error);
        }
        let clock = self.state.clock;
        let step = Step {
            now,
            clock: (clock.moves_with_requests() || self.time.is_some()).then_some(clock),
            service: service.into(),
            operation: operation.into(),
            region: region.into(),
            account: account.into(),
            input: Cow::Borrowed(input),
        };
        let (answer, keep) = step.take(&mut self.state.accounts);
        if keep {
            self.store.append(&mut self.state, &step).map_err(|error| unusable(&error))?;
        }
        answer
    }
}

impl Drop for Inner {
    /// Writes a snapshot, so that the next process does not have to repeat all steps.
    fn drop(&mut self) {
        if let Err(error) = self.store.close(&mut self.state) {
            tracing::debug!(%error, "the sandbox's journal stays as it is");
        }
    }
}

/// Turns an error about the sandbox's own file into the failure of a service.
fn unusable(error: &SandboxError) -> ApiError {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    ApiError::new(500, "ServiceFailure", format!("{error}{cause}"))
}
