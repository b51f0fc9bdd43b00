//! Lets time pass together with what AWS does by itself meanwhile: associations run, plans start backups, jobs end.

use std::time::Duration;

use super::account::Context;
use super::store::State;
use super::{Sandbox, SandboxError, backup, ssm};
use crate::model::scope::partition_of;

impl Sandbox {
    /// Moves the clock ahead and does what AWS does by itself meanwhile, in every region of every account. Returns the
    /// number of backup jobs that plans started.
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn pass(&self, by: Duration) -> Result<usize, SandboxError> {
        let mut guard = self.lock();
        let count = guard.change(|state| {
            let from = state.clock.now();
            state.clock.advance(by);
            let to = state.clock.now();
            everywhere(state, to, |context| {
                ssm::catch_up(context);
                backup::run_schedules(context, from, to)
            })
        })?;
        guard.take_up_late();
        Ok(count)
    }

    /// Makes the backups that the plans, in their present form, would have made in the past time. Returns the number of
    /// jobs that they would have started.
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn backfill(&self, past: Duration) -> Result<usize, SandboxError> {
        self.lock().change(|state| {
            let to = state.clock.now();
            let from = to.saturating_sub(i64::try_from(past.as_millis()).unwrap_or(i64::MAX));
            everywhere(state, to, |context| backup::run_schedules(context, from, to))
        })
    }
}

/// Calls `act` in every region of every account, and returns the sum of its results.
fn everywhere(state: &mut State, now: i64, mut act: impl FnMut(&mut Context<'_>) -> usize) -> usize {
    let mut count = 0;
    for (account_id, held) in &mut state.accounts {
        let regions: Vec<String> = held.account.regions.keys().cloned().collect();
        for region in &regions {
            count += act(&mut Context {
                account: &mut held.account,
                account_id,
                region,
                partition: partition_of(region),
                now,
                serial: &mut held.serial,
                caught_up: false,
            });
        }
    }
    count
}
