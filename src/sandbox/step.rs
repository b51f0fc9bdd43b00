//! An operation as a step: a pure function of the accounts, the moment, and what was asked.
//!
//! The sandbox's file keeps the steps and not their results: taken again in the same order, they have the same results.
//! So a step must depend only on what is in it and in the accounts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::{Account, Answer, Context};
use super::clock::Clock;
use super::store::{Held, State};
use super::{backup, dispatch};
use crate::model::scope::partition_of;

/// A request: who asked for what, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Step<'a> {
    /// Milliseconds since 1970.
    pub(super) now: i64,
    /// The sandbox's clock after the step, where that moves by itself with each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) clock: Option<Clock>,
    pub(super) service: Cow<'a, str>,
    pub(super) operation: Cow<'a, str>,
    pub(super) region: Cow<'a, str>,
    pub(super) account: Cow<'a, str>,
    pub(super) input: Cow<'a, Value>,
}

impl Step<'_> {
    /// Performs the operation, after what AWS has done by itself until then. Tells whether anything may have changed.
    /// If so, the step has to be kept, even a refused one, because it may have counted up ids before it was refused.
    pub(super) fn take(&self, accounts: &mut BTreeMap<String, Held>) -> (Answer, bool) {
        let (account_id, region) = (self.account.as_ref(), self.region.as_ref());
        let unknown = !accounts.contains_key(account_id);
        let held = held(accounts, account_id);
        let fresh = !held.account.regions.contains_key(region);
        let serial = held.serial;
        let mut context = Context {
            account: &mut held.account,
            account_id,
            region,
            partition: partition_of(region),
            now: self.now,
            serial: &mut held.serial,
            caught_up: false,
        };
        let settled = backup::settle(&mut context);
        let answer = dispatch(&mut context, &self.service, &self.operation, &self.input);
        let changes = writes(&self.operation);
        let keep = changes || settled || context.caught_up || held.serial != serial;
        // A reading request leaves no trace in a region that was not used before, and neither does a refused one.
        if fresh && !(changes && answer.is_ok()) {
            held.account.regions.remove(region);
        }
        if unknown && !keep {
            accounts.remove(account_id);
        }
        (answer, keep)
    }

    /// Performs the operation again on the state on which it was first performed, with the same result.
    pub(super) fn take_again(&self, state: &mut State) {
        // The request was answered the first time.
        let _ = self.take(&mut state.accounts);
        if let Some(clock) = self.clock {
            state.clock = clock;
        }
    }
}

/// Returns an account, which is created when it is first asked for.
pub(super) fn held<'a>(accounts: &'a mut BTreeMap<String, Held>, account: &str) -> &'a mut Held {
    accounts.entry(account.to_owned()).or_insert_with(|| Held { serial: 0, account: Account::seeded() })
}

/// Tells by its name whether an operation changes the account.
pub(super) fn writes(operation: &str) -> bool {
    !["Get", "List", "Describe", "Export", "Simulate"].iter().any(|verb| operation.starts_with(verb))
}
