//! What stands between the SDK and the sandbox: counts calls, kills the process at one of them, shuffles two processes, and
//! keeps the trace of calls that must not be sent twice.

use std::collections::BTreeMap;
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
    /// At which call a role or a vault was looked at last, by its name.
    looked: BTreeMap<String, usize>,
    remade: Option<Remade>,
}

/// Somebody deleted a role or a vault before a call and made another one of its name, which is nobody's.
#[derive(Debug)]
struct Remade {
    name: String,
    at: usize,
}

/// A write to a name may follow the look at it by so many calls: other resources are looked at and written meanwhile.
const WINDOW: usize = 12;

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
    meddle: Box<dyn FnOnce() -> Option<String> + Send>,
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
            looked: BTreeMap::new(),
            remade: None,
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

    /// Lets somebody else change the account at a call after consent was given. If that gives a name to another role or
    /// vault, which it returns, no write may hit that one.
    pub(crate) fn meddle_at(&self, at: usize, meddle: impl FnOnce() -> Option<String> + Send + 'static) {
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

/// A call about one role or vault that its name decides.
struct Touch {
    name: String,
    sort: TouchSort,
}

enum TouchSort {
    Look,
    Create,
    Write,
}

/// The calls that give or take privileges of a role, or can't be taken back. A description may follow the reading of the
/// plan by ten seconds. Which of them a call is stands in its body.
const ROLE_WRITES: [&str; 9] = [
    "AttachRolePolicy",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "TagRole",
    "UpdateAssumeRolePolicy",
];

impl Touch {
    fn of(request: &HttpRequest) -> Option<Self> {
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        if let Some((_, path)) = request.uri().split_once("/backup-vaults/") {
            let name = decoded(path.split(['/', '?']).next()?);
            let is_whole = path.split('?').next() == path.split(['/', '?']).next();
            let sort = match request.method() {
                "GET" => TouchSort::Look,
                "PUT" if is_whole => TouchSort::Create,
                _ => TouchSort::Write,
            };
            return (!name.is_empty()).then_some(Self { name, sort });
        }
        let body = String::from_utf8_lossy(request.body().bytes()?).into_owned();
        let member = |name: &str| body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let (action, name) = (member("Action")?, decoded(member("RoleName")?));
        let sort = match action {
            "GetRole" => TouchSort::Look,
            "CreateRole" => TouchSort::Create,
            action if ROLE_WRITES.contains(&action) => TouchSort::Write,
            _ => return None,
        };
        Some(Self { name, sort })
    }
}

impl Shared {
    /// Counts a call, and says how the process dies at it.
    fn count(&self) -> Option<Kill> {
        let mut state = self.state.lock().expect("no poison");
        let index = state.calls;
        state.calls += 1;
        if state.dead {
            return Some(Kill::Before);
        }
        state.armed.filter(|(at, _)| *at == index).map(|(_, kill)| kill)
    }

    /// Lets somebody else change the account, if it is their turn.
    fn meddle(&self) {
        let meddling = {
            let mut state = self.state.lock().expect("no poison");
            let (calls, is_armed) = (state.calls, state.is_armed);
            state.meddling.take_if(|meddling| is_armed && meddling.at < calls)
        };
        if let Some(meddling) = meddling {
            let name = (meddling.meddle)();
            self.look(true, "");
            let mut state = self.state.lock().expect("no poison");
            state.remade = name.map(|name| Remade { name, at: state.calls - 1 });
        }
    }

    fn looked(&self, name: &str) {
        let mut state = self.state.lock().expect("no poison");
        let index = state.calls - 1;
        state.looked.insert(name.to_owned(), index);
    }

    /// Notes a write that was done to a role or a vault of somebody else: one that nobody looked at a moment before.
    fn hits(&self, name: &str, call: &str) {
        let mut state = self.state.lock().expect("no poison");
        let State { looked, remade: Some(remade), .. } = &*state else { return };
        if name != remade.name {
            return;
        }
        let looked = looked.get(&remade.name).copied();
        // Nobody can see a swap between a look and the write that follows it.
        if !looked.is_some_and(|at| at <= remade.at && at + WINDOW > remade.at) {
            let Remade { name, at } = remade;
            let line = format!(
                "`{name}` became somebody else's at call {at}, was looked at in {looked:?}, and {call} changed it"
            );
            state.violations.push(line);
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
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (inner, shared) = (self.inner.clone(), Arc::clone(&self.shared));
        HttpConnectorFuture::new(async move {
            let yields = match &mut shared.state.lock().expect("no poison").shuffle {
                Some(random) => random.below(4),
                None => 0,
            };
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            let kill = shared.count();
            trace(&shared, &request, kill);
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
            shared.meddle();
            let touch = Touch::of(&request);
            if let Some(Touch { name, sort: TouchSort::Look }) = &touch {
                shared.looked(name);
            }
            let call = format!("{} {}", request.method(), request.uri());
            let can_unprotect = request.method() != "GET" && request.uri().contains("/backup/plans");
            let mut sent = None;
            let held = match &mut shared.state.lock().expect("no poison").lens {
                Some(lens) => lens.held(&request),
                None => None,
            };
            if let Some(held) = held {
                return Ok(held);
            }
            if let Some(lens) = &shared.state.lock().expect("no poison").lens {
                sent = lens.sent(&mut request);
            }
            let mut answer = inner.call(request).await;
            shared.state.lock().expect("no poison").violations.extend(sent);
            if answer.as_ref().is_ok_and(|answer| answer.status().is_success())
                && let Some(Touch { name, sort }) = &touch
            {
                match sort {
                    TouchSort::Write => shared.hits(name, &call),
                    // What the run has just made needs no look.
                    TouchSort::Look | TouchSort::Create => shared.looked(name),
                }
            }
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

/// Prints a call where `VSSCTL_TRACE` is set: what a seed that is replayed did.
fn trace(shared: &Shared, request: &HttpRequest, kill: Option<Kill>) {
    if std::env::var_os("VSSCTL_TRACE").is_some() {
        let at = shared.state.lock().expect("no poison").calls - 1;
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let body: String = body.chars().take(200).collect();
        println!("{at} {} {} {target} {body} {kill:?}", request.method(), request.uri());
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
