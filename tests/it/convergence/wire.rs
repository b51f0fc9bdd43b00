//! What stands between the SDK and the sandbox: counts calls, kills the process at one of them, shuffles two processes, and
//! keeps the trace of calls that must not be sent twice.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::random::Random;
use super::world::lens::Lens;

/// How a process dies at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// Before the request leaves.
    Before,
    /// After the service did it, before the answer arrives.
    Lost,
    /// After the answer has arrived, before the next request leaves.
    After,
}

/// The wire of one process.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    inner: SharedHttpClient,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    notify: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    armed: Option<(usize, Kill)>,
    calls: usize,
    /// Consent was given: what is counted from then on are the calls of an apply.
    is_armed: bool,
    dead: bool,
    shuffle: Option<Random>,
    /// Requests without a token whose answer was lost, and when.
    unsettled: Vec<(Vec<u8>, Instant)>,
    violations: Vec<String>,
    lens: Option<Lens>,
    meddling: Option<Meddling>,
    watch: Option<Watch>,
}

/// Looks at the account after a write, and says what must not have happened. It is told when somebody else wrote.
pub(crate) type Look = Box<dyn FnMut(bool) -> Vec<String> + Send>;

struct Watch(Look);

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a watch")
    }
}

/// Somebody else, who changes the account at one of the calls of a process.
struct Meddling {
    at: usize,
    meddle: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Meddling {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "at call {}", self.at)
    }
}

/// Nobody sends such a request again sooner.
const SETTLE: Duration = Duration::from_mins(1);

impl Wire {
    pub(crate) fn new(inner: SharedHttpClient, shuffle: Option<Random>) -> Self {
        let state = State {
            armed: None,
            calls: 0,
            is_armed: false,
            dead: false,
            shuffle,
            unsettled: Vec::new(),
            violations: Vec::new(),
            lens: None,
            meddling: None,
            watch: None,
        };
        Self { inner, shared: Arc::new(Shared { notify: Notify::new(), state: Mutex::new(state) }) }
    }

    /// Counts calls from now on, and dies at one of them.
    pub(crate) fn arm(&self, kill: Option<(usize, Kill)>) {
        let mut state = self.shared.state.lock().expect("no poison");
        state.calls = 0;
        state.is_armed = true;
        state.armed = kill;
    }

    /// Puts a lens on the answers.
    pub(crate) fn look_through(&self, lens: Lens) {
        self.shared.state.lock().expect("no poison").lens = Some(lens);
    }

    /// Looks at the account after each call that can change a plan or a selection.
    pub(crate) fn watch(&self, look: Look) {
        self.shared.state.lock().expect("no poison").watch = Some(Watch(look));
    }

    /// Lets somebody else change the account at a call after consent was given.
    pub(crate) fn meddle_at(&self, at: usize, meddle: impl FnOnce() + Send + 'static) {
        self.shared.state.lock().expect("no poison").meddling = Some(Meddling { at, meddle: Box::new(meddle) });
    }

    /// Waits for death.
    pub(crate) async fn died(&self) {
        self.shared.notify.notified().await;
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.shared.state.lock().expect("no poison").violations.clone()
    }
}

impl Shared {
    fn look(&self, by_others: bool, call: &str) {
        let state = &mut *self.state.lock().expect("no poison");
        if let Some(Watch(look)) = &mut state.watch {
            state.violations.extend(look(by_others).into_iter().map(|violation| format!("{violation}, after {call}")));
        }
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, shared: Arc::clone(&self.shared) })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    shared: Arc<Shared>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, shared) = (self.inner.clone(), Arc::clone(&self.shared));
        HttpConnectorFuture::new(async move {
            let yields = match &mut shared.state.lock().expect("no poison").shuffle {
                Some(random) => random.below(4),
                None => 0,
            };
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            let kill = {
                let mut state = shared.state.lock().expect("no poison");
                let index = state.calls;
                state.calls += 1;
                if state.dead {
                    Some(Kill::Before)
                } else {
                    state.armed.filter(|(at, _)| *at == index).map(|(_, kill)| kill)
                }
            };
            if kill == Some(Kill::Before) {
                return die(&shared).await;
            }
            let key = without_token(&request);
            if let Some(key) = &key {
                let mut state = shared.state.lock().expect("no poison");
                if state.unsettled.iter().any(|(sent, when)| sent == key && when.elapsed() < SETTLE) {
                    let line = format!("sent again too soon: {}", String::from_utf8_lossy(&key[..key.len().min(300)]));
                    state.violations.push(line);
                }
            }
            let meddling = {
                let mut state = shared.state.lock().expect("no poison");
                let (calls, is_armed) = (state.calls, state.is_armed);
                state.meddling.take_if(|meddling| is_armed && meddling.at < calls)
            };
            if let Some(meddling) = meddling {
                (meddling.meddle)();
                shared.look(true, "");
            }
            let call = format!("{} {}", request.method(), request.uri());
            let can_unprotect = request.method() != "GET" && request.uri().contains("/backup/plans");
            let held = match &mut shared.state.lock().expect("no poison").lens {
                Some(lens) => lens.held(&request),
                None => None,
            };
            if let Some(held) = held {
                return Ok(held);
            }
            let mut answer = inner.call(request).await;
            if can_unprotect {
                shared.look(false, &call);
            }
            if let (Ok(answer), Some(lens)) = (&mut answer, &mut shared.state.lock().expect("no poison").lens) {
                lens.change(answer);
            }
            if let Some(key) = key {
                let lost = answer.as_ref().map_or(true, |answer| answer.status().as_u16() >= 500);
                if lost {
                    shared.state.lock().expect("no poison").unsettled.push((key, Instant::now()));
                }
            }
            match kill {
                Some(Kill::Lost) => die(&shared).await,
                Some(Kill::After) => {
                    shared.state.lock().expect("no poison").dead = true;
                    answer
                }
                Some(Kill::Before) | None => answer,
            }
        })
    }
}

async fn die<T>(shared: &Shared) -> T {
    shared.state.lock().expect("no poison").dead = true;
    shared.notify.notify_one();
    std::future::pending().await
}

/// Returns what tells requests apart that do something again when they are sent again.
fn without_token(request: &HttpRequest) -> Option<Vec<u8>> {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let path = request.uri().split("amazonaws.com").last().unwrap_or_default();
    let names = ["SendCommand", "CreateAssociation", "UpdateAssociation"];
    let is_update = request.method() == "POST"
        && path.strip_prefix("/backup/plans/").is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
    if !is_update && !names.iter().any(|name| target.ends_with(name) || path.ends_with(name)) {
        return None;
    }
    let mut key = format!("{target}{path} ").into_bytes();
    key.extend_from_slice(request.body().bytes().unwrap_or_default());
    Some(key)
}
