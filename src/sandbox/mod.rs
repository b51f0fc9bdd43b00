//! A simulated AWS account at the wire: the real SDK signs, serialises, retries and parses against it.
//!
//! An operation is a pure step on [`account::Account`]: JSON in, JSON out. `wire` takes AWS's protocols off a request and
//! puts them on an answer; `connector` and `serve` carry it; `store` keeps it; `faults` spoils it when a test asks so.
//! It knows AWS's documentation and service models, and nothing of how vssctl calls AWS.

pub mod account;
mod authorization;
pub mod backup;
#[cfg(test)]
mod bench;
mod clock;
mod connector;
pub mod ec2;
pub mod faults;
pub mod fleet;
pub mod iam;
pub mod kms;
mod made;
mod managed_policies;
mod passing;
#[cfg(test)]
mod regional_tests;
pub mod scenario;
mod schedule;
mod serve;
pub mod ssm;
mod step;
mod store;
mod sts;
mod tagging;
#[cfg(test)]
mod tests;
mod wire;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::Value;

use crate::model::clock::SANDBOX_SHIFT;
use crate::model::scope::partition_of;
use crate::policy::{Policies, PolicyError};
use account::{Account, Answer, ApiError, Context, Handler};
use authorization::Restrictions;
use clock::Clock;
use faults::{Faults, History, Late};
use step::Step;
use store::{State, Store};
use wire::DEFAULT_ACCOUNT;
use wire::model::Model;

pub use authorization::Authorization;
pub use faults::{Fault, FaultKind, FaultPlan};
pub use store::SandboxError;

/// Tells whether a file that begins so is a sandbox's, sound or damaged.
pub fn is_sandbox_file(start: &[u8]) -> bool {
    store::has_head(start)
}

/// A handle on a simulated AWS; clones are the same one.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Mutex<Inner>>,
    /// Whether it is kept in a file.
    kept: bool,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

struct Inner {
    store: Store,
    state: State,
    faults: Faults,
    restrictions: Restrictions,
    history: History,
    late: Vec<Late>,
    /// When the last operation was performed, in milliseconds since 1970.
    performed: i64,
    time: Option<Time>,
    requests: Vec<RequestRecord>,
    answered: u64,
}

/// A clock that the sandbox follows, and what it showed last.
struct Time {
    source: Box<dyn Fn() -> Duration + Send>,
    shown: Duration,
}

/// One request that a client made, for tests that count calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// `iam`, `sts`, `ssm`, `backup`, `ec2`, `kms` or `tagging`.
    pub service: String,
    /// Such as `CreateRole`.
    pub operation: String,
    /// Whether the operation changes things.
    pub write: bool,
    /// The region of the signature.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

/// What a client gets to see.
pub(crate) enum Outcome {
    Reply(Response<Bytes>),
    Reset,
    Hang,
}

impl Sandbox {
    /// Makes a sandbox that is forgotten with its last handle. Its clock starts at the first of January 2026 and moves a
    /// second with each request.
    pub fn in_memory() -> Self {
        Self::new(Store::Memory, State::new(Clock::fixed()))
    }

    /// Opens a sandbox that is kept in a file, made when it is not there. Several processes may use one file.
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
            restrictions: Restrictions::default(),
            history: History::default(),
            late: Vec::new(),
            performed: i64::MIN,
            time: None,
            requests: Vec::new(),
            answered: 0,
        };
        let kept = matches!(inner.store, Store::File(_));
        Self { inner: Arc::new(Mutex::new(inner)), kept }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists the requests that clients made, oldest first. [`Sandbox::call`] and [`Sandbox::edit`] are none.
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

    /// Spoils calls as a schedule says, beside the faults that are ordered one by one.
    pub fn follow_faults(&self, plan: FaultPlan) {
        self.lock().faults.follow(plan);
    }

    /// Counts the calls that were spoilt.
    pub fn faults_struck(&self) -> u64 {
        self.lock().faults.struck()
    }

    /// Follows a clock: what it shows more at each request, the sandbox's clock moves ahead. Tests whose waiting is
    /// virtual hand in the clock by which they wait.
    pub fn follow_time(&self, source: impl Fn() -> Duration + Send + 'static) {
        let shown = source();
        self.lock().time = Some(Time { source: Box::new(source), shown });
    }

    /// Takes all faults back. Requests that are to be taken up late still are.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Gives the requests of an access key these identity policies and no other permissions, in place of those it had. An
    /// access key without policies may do everything.
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

    /// Lists what the requests of restricted access keys needed, oldest first.
    pub fn authorizations(&self) -> Vec<Authorization> {
        self.lock().restrictions.asked().to_vec()
    }

    /// Forgets what requests needed.
    pub fn clear_authorizations(&self) {
        self.lock().restrictions.forget();
    }

    /// Moves the clock ahead. What AWS does by itself meanwhile is left out: [`Sandbox::pass`] does that too.
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn advance(&self, by: Duration) -> Result<(), SandboxError> {
        let mut guard = self.lock();
        guard.change(|state| state.clock.advance(by))?;
        guard.take_up_late();
        Ok(())
    }

    /// Changes the account 123456789012 behind everybody's back.
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Account) -> T) -> Result<T, SandboxError> {
        self.lock().change(|state| change(&mut state.held(DEFAULT_ACCOUNT).account))
    }

    /// Performs an operation on the account 123456789012 without the wire, faults and record of requests.
    ///
    /// # Errors
    /// What AWS would answer.
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

    /// Gives the account 123456789012 as it is, in the form of [`Sandbox::export`].
    ///
    /// # Errors
    /// When the file of the sandbox cannot be used.
    pub fn snapshot(&self) -> Result<Value, SandboxError> {
        self.read(|state| serde_json::to_value(&state.held(DEFAULT_ACCOUNT).account).expect(TEXT_KEYS))
    }

    /// Writes everything that the sandbox keeps as JSON: `format`, `generation`, `clock`, and `accounts` by their
    /// ids, of which each has its `account` in the form of [`Sandbox::export`]. With an id, only that account's.
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

    /// Answers one request where async tasks run. The work on a file is no work for their threads; without a file
    /// there is none, and tests whose time is virtual need the answer at once.
    pub(crate) async fn respond(&self, request: Request<Bytes>) -> Outcome {
        if !self.kept {
            return self.answer(&request);
        }
        let sandbox = self.clone();
        match tokio::task::spawn_blocking(move || sandbox.answer(&request)).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and the connection with it.
                Err(_) => Outcome::Reset,
            },
        }
    }

    /// Says in an answer what time it is here, and by how much that is not the machine's time.
    pub(crate) fn date<T>(&self, response: &mut Response<T>) {
        self.lock().date(response);
    }

    /// Answers one request.
    pub(crate) fn answer(&self, request: &Request<Bytes>) -> Outcome {
        self.lock().answer(request)
    }
}

impl Inner {
    /// Changes the state under the file's lock, and keeps it.
    fn change<T>(&mut self, change: impl FnOnce(&mut State) -> T) -> Result<T, SandboxError> {
        let _lock = self.store.lock(&mut self.state)?;
        let result = change(&mut self.state);
        self.store.save(&mut self.state)?;
        Ok(result)
    }

    /// Moves the clock as the clock moved that it follows.
    fn follow_time(&mut self) {
        if let Some(time) = &mut self.time {
            let shows = (time.source)();
            self.state.clock.advance(shows.saturating_sub(time.shown));
            time.shown = shows;
        }
    }

    /// Does what was asked long ago and is due now, as of the time when it was due: reads that are behind show it no later.
    /// Nobody hears what came of it.
    fn take_up_late(&mut self) {
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

    fn answer(&mut self, request: &Request<Bytes>) -> Outcome {
        self.follow_time();
        self.take_up_late();
        let mut outcome = self.outcome(request);
        if let Outcome::Reply(response) = &mut outcome {
            self.date(response);
        }
        outcome
    }

    /// Says in an answer what time it is here, and by how much that is not the machine's time.
    fn date<T>(&self, response: &mut Response<T>) {
        let clock = self.state.clock;
        let date = jiff::Timestamp::from_millisecond(clock.now()).unwrap_or_default();
        let text = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(text) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(DATE, text);
        }
        response.headers_mut().insert(SANDBOX_SHIFT, HeaderValue::from(clock.ahead_of_machine()));
    }

    fn outcome(&mut self, request: &Request<Bytes>) -> Outcome {
        self.answered += 1;
        let request_id = format!("{:08x}-5a4d-4b0c-8000-{:012x}", self.state.generation, self.answered);
        let scope = match wire::scope(request.headers()) {
            Ok(scope) => scope,
            Err(error) => return Outcome::Reply(wire::encode_unscoped(request, &error, &request_id)),
        };
        let model = scope.model;
        let call = match wire::decode(&scope, request) {
            Ok(call) => call,
            Err(error) => return Outcome::Reply(wire::encode_error(&scope, &error, &request_id)),
        };
        let write = step::writes(&call.operation);
        self.requests.push(RequestRecord {
            service: scope.service.to_owned(),
            operation: call.operation.clone(),
            write,
            region: scope.region.clone(),
            account: scope.account.clone(),
        });
        let fault = self.faults.strike(scope.service, &call.operation, write);
        let partition = partition_of(&scope.region);
        let error = fault
            .and_then(|kind| faults::error(kind, model, scope.service, &call.operation, &scope.account, partition));
        let arrives = !matches!(
            fault,
            Some(
                FaultKind::ResetBefore
                    | FaultKind::Hang
                    | FaultKind::Limited
                    | FaultKind::Conflict
                    | FaultKind::Throttle
                    | FaultKind::ServerError
                    | FaultKind::AccessDenied
                    | FaultKind::ExpiredCredentials
            )
        );
        if arrives && let Err(error) = self.admit(&scope, &call) {
            return Outcome::Reply(wire::encode_error(&scope, &error, &request_id));
        }
        match fault {
            Some(FaultKind::ResetBefore) => return Outcome::Reset,
            Some(FaultKind::Hang) => return Outcome::Hang,
            Some(FaultKind::Limited) => return Outcome::Reply(by_a_proxy(429, "", "")),
            Some(FaultKind::LateCommit(by)) => {
                let due = self.state.clock.now().saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
                self.late.push(Late {
                    due,
                    service: scope.service,
                    operation: call.operation,
                    region: scope.region,
                    account: scope.account,
                    input: call.input,
                });
                return Outcome::Reset;
            }
            Some(
                FaultKind::Throttle
                | FaultKind::Conflict
                | FaultKind::ServerError
                | FaultKind::AccessDenied
                | FaultKind::ExpiredCredentials,
            ) => {
                if let Some(error) = &error {
                    return Outcome::Reply(wire::encode_error(&scope, error, &request_id));
                }
            }
            Some(
                FaultKind::ResetAfter
                | FaultKind::Truncated
                | FaultKind::CutAt(_)
                | FaultKind::Page
                | FaultKind::Empty
                | FaultKind::FailAfter
                | FaultKind::Stale(_),
            )
            | None => {}
        }
        let answer = match fault {
            Some(FaultKind::Stale(by)) if !write => {
                self.remembered(by, scope.service, &call.operation, &scope.region, &scope.account, &call.input)
            }
            _ => self.perform(scope.service, &call.operation, &scope.region, &scope.account, &call.input),
        };
        let response = wire::encode(&scope, &call.operation, &answer, &request_id);
        let cut = |bytes: usize| {
            let (parts, body) = response.clone().into_parts();
            Response::from_parts(parts, body.slice(..bytes.min(body.len())))
        };
        match fault {
            Some(FaultKind::ResetAfter) => Outcome::Reset,
            Some(FaultKind::Truncated) => Outcome::Reply(cut(response.body().len() / 2)),
            Some(FaultKind::CutAt(bytes)) => Outcome::Reply(cut(bytes)),
            Some(FaultKind::Empty) => Outcome::Reply(cut(0)),
            Some(FaultKind::Page) => Outcome::Reply(by_a_proxy(200, "text/html", "<html><body>Sign in</body></html>")),
            Some(FaultKind::FailAfter) => match &error {
                Some(error) => Outcome::Reply(wire::encode_error(&scope, error, &request_id)),
                None => Outcome::Reset,
            },
            Some(
                FaultKind::Throttle
                | FaultKind::Conflict
                | FaultKind::Limited
                | FaultKind::ServerError
                | FaultKind::ResetBefore
                | FaultKind::AccessDenied
                | FaultKind::ExpiredCredentials
                | FaultKind::Hang
                | FaultKind::LateCommit(_)
                | FaultKind::Stale(_),
            )
            | None => Outcome::Reply(response),
        }
    }

    /// Answers a read with what was there so long ago.
    fn remembered(
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
    fn admit(&mut self, scope: &wire::Scope, call: &wire::Call) -> Result<(), ApiError> {
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

    /// Performs an operation under the file's lock, and keeps what it changed.
    fn perform(&mut self, service: &str, operation: &str, region: &str, account: &str, input: &Value) -> Answer {
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
    /// Whoever opens the file next should not have to do everything again.
    fn drop(&mut self) {
        if let Err(error) = self.store.close(&mut self.state) {
            tracing::debug!(%error, "the sandbox's journal stays as it is");
        }
    }
}

const TEXT_KEYS: &str = "an account has only text keys";

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect(TEXT_KEYS)
}

/// Lists what the sandbox offers as (service, operation), sorted; services by the name in a signature's scope.
pub fn operations() -> Vec<(&'static str, &'static str)> {
    let mut all: Vec<(&str, &str)> = iam::operations().map(|name| ("iam", name)).collect();
    for (service, names) in [
        ("sts", sts::OPERATIONS),
        ("ssm", ssm::OPERATIONS),
        ("backup", backup::OPERATIONS),
        ("ec2", ec2::OPERATIONS),
        ("kms", kms::OPERATIONS),
        ("tagging", tagging::OPERATIONS),
    ] {
        all.extend(names.iter().map(|name| (service, *name)));
    }
    all.sort_unstable();
    all
}

/// Hands an input to its service.
fn dispatch(context: &mut Context<'_>, service: &str, operation: &str, input: &Value) -> Answer {
    let unknown = || ApiError::new(404, "UnknownService", format!("the sandbox has no service `{service}`"));
    let model = Model::of(service).ok_or_else(unknown)?;
    let (offered, handle): (bool, Handler) = match service {
        "iam" => (iam::offers(operation), iam::handle),
        "sts" => (sts::OPERATIONS.contains(&operation), sts::handle),
        "ssm" => (ssm::OPERATIONS.contains(&operation), ssm::handle),
        "backup" => (backup::OPERATIONS.contains(&operation), backup::handle),
        "ec2" => (ec2::OPERATIONS.contains(&operation), ec2::handle),
        "kms" => (kms::OPERATIONS.contains(&operation), kms::handle),
        "tagging" => (tagging::OPERATIONS.contains(&operation), tagging::handle),
        _ => return Err(unknown()),
    };
    if !offered || !model.operations.contains_key(operation) {
        return Err(model.unknown_operation(operation));
    }
    handle(context, operation, input)
}

/// What stands between a client and AWS answers in AWS's place.
fn by_a_proxy(status: u16, content_type: &'static str, body: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    if !content_type.is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

/// The sandbox's own trouble with its file, in the form of a service's failure.
fn unusable(error: &SandboxError) -> ApiError {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    ApiError::new(500, "ServiceFailure", format!("{error}{cause}"))
}
