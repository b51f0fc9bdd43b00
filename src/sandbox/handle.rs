//! The handle on a sandbox: it opens one, calls it, changes it behind the wire, and orders faults for tests.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use super::account::{Account, Answer};
use super::answer::Outcome;
use super::authorization::{Authorization, Restrictions};
use super::clock::Clock;
use super::faults::{Fault, FaultPlan, Faults, History};
use super::inner::{Inner, Time};
use super::rates::{Rate, Rates};
use super::store::{self, SandboxError, State, Store};
use super::wire::DEFAULT_ACCOUNT;
use crate::policy::{Policies, PolicyError};

/// Tells by its first bytes whether a file is a sandbox file, sound or damaged.
pub fn is_sandbox_file(start: &[u8]) -> bool {
    store::has_head(start)
}

/// A handle on a simulated AWS; clones share it.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Mutex<Inner>>,
    /// Whether the sandbox is kept in a file.
    kept: bool,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

/// One request that a client made, for tests that count calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// `iam`, `sts`, `ssm`, `backup`, `ec2`, `kms` or `tagging`.
    pub service: String,
    /// The operation, such as `CreateRole`.
    pub operation: String,
    /// Whether the operation changes the account.
    pub write: bool,
    /// The region of the signature.
    pub region: String,
    /// The account, twelve digits.
    pub account: String,
}

impl Sandbox {
    /// Makes a sandbox that ends with its last handle. Its clock starts on the first of January 2026 and moves a second
    /// with each request.
    pub fn in_memory() -> Self {
        Self::new(Store::Memory, State::new(Clock::fixed()))
    }

    /// Opens a sandbox that is kept in a file, which is created when it is absent. Several processes may use one file.
    ///
    /// # Errors
    /// When the file cannot be read or written, is damaged, or is from a newer vssctl.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SandboxError> {
        let sandbox = Self::new(Store::file(path.as_ref()), State::new(Clock::machine()));
        sandbox.read(|_| ())?;
        Ok(sandbox)
    }

    fn new(store: Store, state: State) -> Self {
        let inner = Inner {
            store,
            state,
            faults: Faults::default(),
            rates: Rates::default(),
            restrictions: Restrictions::default(),
            history: History::default(),
            late: Vec::new(),
            performed: i64::MIN,
            time: None,
            requests: Vec::new(),
            answered: 0,
            latency: Duration::ZERO,
        };
        let kept = matches!(inner.store, Store::File(_));
        Self { inner: Arc::new(Mutex::new(inner)), kept }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists the requests that clients made, oldest first. [`Sandbox::call`] and [`Sandbox::edit`] are no requests.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.lock().requests.clone()
    }

    /// Forgets the requests.
    pub fn clear_requests(&self) {
        self.lock().requests.clear();
    }

    /// Orders a fault.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.add(fault);
    }

    /// Spoils calls by a schedule, in addition to the faults that are ordered one by one.
    pub fn follow_faults(&self, plan: FaultPlan) {
        self.lock().faults.follow(plan);
    }

    /// Answers requests that come over a connection this much later.
    pub fn delay(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    /// Returns how many requests were answered.
    pub fn answered(&self) -> u64 {
        self.lock().answered
    }

    /// Takes no more calls than this.
    pub fn limit(&self, rate: Rate) {
        self.lock().rates.limit(rate);
    }

    /// Returns how many calls were refused as more than the limits allow.
    pub fn refused(&self) -> u64 {
        self.lock().rates.refused()
    }

    /// Returns the number of calls that were spoilt.
    pub fn faults_struck(&self) -> u64 {
        self.lock().faults.struck().values().sum()
    }

    /// Returns how often each sort of fault has spoilt a call, by its name.
    pub fn faults_by_name(&self) -> BTreeMap<&'static str, u64> {
        self.lock().faults.struck().clone()
    }

    /// Follows a clock: at each request the sandbox's clock moves ahead by as much as that clock has moved. Tests whose
    /// waiting is virtual pass the clock by which they wait.
    pub fn follow_time(&self, source: impl Fn() -> Duration + Send + 'static) {
        let shown = source();
        self.lock().time = Some(Time { source: Box::new(source), shown });
    }

    /// Removes all faults. Late requests are still performed.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Gives an access key these identity policies and no other permissions, in place of those it had. An access key
    /// without policies may do everything.
    ///
    /// # Errors
    /// When a document is no identity policy.
    pub fn restrict(&self, access_key: &str, policies: &[Value]) -> Result<(), PolicyError> {
        let policies = Policies::new(policies)?;
        self.lock().restrictions.set(access_key, policies);
        Ok(())
    }

    /// Lets an access key do everything again.
    pub fn unrestrict(&self, access_key: &str) {
        self.lock().restrictions.lift(access_key);
    }

    /// Lists the permissions that the requests of restricted access keys needed, oldest first.
    pub fn authorizations(&self) -> Vec<Authorization> {
        self.lock().restrictions.asked().to_vec()
    }

    /// Forgets the permissions that requests needed.
    pub fn clear_authorizations(&self) {
        self.lock().restrictions.forget();
    }

    /// Moves the clock ahead without what AWS does by itself meanwhile, which [`Sandbox::pass`] does too.
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn advance(&self, by: Duration) -> Result<(), SandboxError> {
        let mut guard = self.lock();
        guard.change(|state| state.clock.advance(by))?;
        guard.take_up_late();
        Ok(())
    }

    /// Changes the account 123456789012 directly, without a call.
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Account) -> T) -> Result<T, SandboxError> {
        self.lock().change(|state| change(&mut state.held(DEFAULT_ACCOUNT).account))
    }

    /// Performs an operation on the account 123456789012 without the wire, without faults, and without recording a
    /// request.
    ///
    /// # Errors
    /// The error that AWS would answer.
    pub fn call(&self, service: &str, operation: &str, region: &str, input: &Value) -> Answer {
        let mut guard = self.lock();
        guard.perform(service, operation, region, DEFAULT_ACCOUNT, input)
    }

    /// Writes the account 123456789012 as JSON: equal accounts give equal texts.
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn export(&self) -> Result<String, SandboxError> {
        self.read(|state| pretty(&state.held(DEFAULT_ACCOUNT).account))
    }

    /// Returns the account 123456789012 in the form of [`Sandbox::export`].
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn snapshot(&self) -> Result<Value, SandboxError> {
        self.read(|state| serde_json::to_value(&state.held(DEFAULT_ACCOUNT).account).expect(TEXT_KEYS))
    }

    /// Writes all that the sandbox keeps as JSON: `format`, `generation`, `clock`, and `accounts` by their ids, each
    /// with its `account` in the form of [`Sandbox::export`]. With an id, it writes only that account.
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn dump(&self, account: Option<&str>) -> Result<String, SandboxError> {
        self.read(|state| match account {
            None => pretty(state),
            Some(account) => {
                let only = state.accounts.get_key_value(account).map(|(id, held)| (id.clone(), held.clone()));
                pretty(&State { accounts: only.into_iter().collect(), journal: Vec::new(), ..*state })
            }
        })
    }

    fn read<T>(&self, look: impl FnOnce(&mut State) -> T) -> Result<T, SandboxError> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let _lock = inner.store.lock(&mut inner.state)?;
        Ok(look(&mut inner.state))
    }

    /// Answers one request of an async task. With a file, the work is done on a thread for blocking work. Without one
    /// it does not block, and tests whose time is virtual need the answer at once.
    pub(crate) async fn respond(&self, request: Request<Bytes>) -> Outcome {
        if !self.kept {
            return self.answer(&request);
        }
        let sandbox = self.clone();
        match tokio::task::spawn_blocking(move || sandbox.answer(&request)).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, and the connection ends with it.
                Err(_) => Outcome::Reset,
            },
        }
    }

    /// Adds to an answer the sandbox's time, and by how much it differs from the machine's time.
    pub(crate) fn date<T>(&self, response: &mut Response<T>) {
        self.lock().date(response);
    }

    /// Answers one request.
    pub(crate) fn answer(&self, request: &Request<Bytes>) -> Outcome {
        self.lock().answer(request)
    }
}

const TEXT_KEYS: &str = "an account has only text keys";

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect(TEXT_KEYS)
}
