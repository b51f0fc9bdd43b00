//! Faults that a test orders, one by one or by a random schedule: the calls that they hit, and what the client sees.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use super::account::{Account, ApiError};
use super::ec2;
use super::store::Held;
use super::sts;
use super::wire::model::{Model, Protocol};

/// What happens in place of the usual answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The request is refused as too many; nothing changes.
    Throttle,
    /// The service fails before it does anything.
    ServerError,
    /// The connection breaks before the service sees the request.
    ResetBefore,
    /// The change stands, but the connection breaks before the answer arrives.
    ResetAfter,
    /// The caller may not make this call.
    AccessDenied,
    /// The caller's credentials have expired.
    ExpiredCredentials,
    /// The request is never answered and never performed.
    Hang,
    /// The change stands, but half of the answer's body is missing.
    Truncated,
    /// The change stands, but the answer's body ends after this many bytes.
    CutAt(usize),
    /// The change stands, but a proxy answers with a page of its own and status 200.
    Page,
    /// The change stands, but the answer has no body.
    Empty,
    /// A proxy refuses the request as too many, with no body; nothing changes.
    Limited,
    /// The same resource is being changed by another caller at this time; nothing changes. IAM and SSM have an error
    /// for this, other services throttle.
    Conflict,
    /// The change stands, and the service answers that it failed.
    FailAfter,
    /// The connection breaks, and the service takes up the request this much later.
    LateCommit(Duration),
    /// The answer is this much out of date. This is for reading calls; a changing call is not affected.
    Stale(Duration),
}

impl FaultKind {
    /// Returns its name, without the numbers of its own.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttle => "Throttle",
            Self::ServerError => "ServerError",
            Self::ResetBefore => "ResetBefore",
            Self::ResetAfter => "ResetAfter",
            Self::AccessDenied => "AccessDenied",
            Self::ExpiredCredentials => "ExpiredCredentials",
            Self::Hang => "Hang",
            Self::Truncated => "Truncated",
            Self::CutAt(_) => "CutAt",
            Self::Page => "Page",
            Self::Empty => "Empty",
            Self::Limited => "Limited",
            Self::Conflict => "Conflict",
            Self::FailAfter => "FailAfter",
            Self::LateCommit(_) => "LateCommit",
            Self::Stale(_) => "Stale",
        }
    }
}

/// One order: it hits the `nth` matching call and those after it, `times` in all.
#[derive(Clone, Debug)]
pub struct Fault {
    kind: FaultKind,
    service: Option<String>,
    operation: Option<String>,
    skip: u32,
    times: u32,
}

impl Fault {
    /// Orders a fault for the next call, whichever it is.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, service: None, operation: None, skip: 0, times: 1 }
    }

    /// Only calls of this service: `iam`, `sts`, `ssm`, `backup`, `ec2` or `tagging`.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    /// Only calls of this operation, such as `CreateRole`.
    #[must_use]
    pub fn operation(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Lets matching calls pass before this one; the first is 1.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.skip = nth.saturating_sub(1);
        self
    }

    /// Hits this many matching calls; one by default. `u32::MAX` is for ever.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    fn matches(&self, service: &str, operation: &str) -> bool {
        self.service.as_deref().is_none_or(|wanted| wanted == service)
            && self.operation.as_deref().is_none_or(|wanted| wanted == operation)
    }
}

/// A random schedule of faults: one seed is one schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultPlan {
    seed: u64,
    intensity: f64,
    late: Duration,
    stale: Duration,
    propagation: Duration,
}

impl FaultPlan {
    /// Spoils this share of the calls (0 to 1), each in a way that the seed determines. Requests are taken up to 40
    /// seconds late, answers are up to 20 seconds old, and a new role is unknown to other services for up to 15
    /// seconds.
    pub fn random(seed: u64, intensity: f64) -> Self {
        let [late, stale, propagation] = [40, 20, 15].map(Duration::from_secs);
        Self { seed, intensity, late, stale, propagation }
    }

    /// Sets how late requests are taken up at most; zero for never late.
    #[must_use]
    pub fn late(mut self, most: Duration) -> Self {
        self.late = most;
        self
    }

    /// Sets how old the answers to reads are at most; zero for never old.
    #[must_use]
    pub fn stale(mut self, most: Duration) -> Self {
        self.stale = most;
        self
    }

    /// Sets how long a new role is unknown to other services, and to IAM's own calls, at most.
    #[must_use]
    pub fn propagation(mut self, most: Duration) -> Self {
        self.propagation = most;
        self
    }
}

impl FaultPlan {
    /// Returns how long after its creation a resource becomes known to other services, which follows from the seed and
    /// its id.
    fn known_after(&self, id: &str) -> Duration {
        let seed = id.bytes().fold(self.seed, |seed, byte| seed.rotate_left(5) ^ u64::from(byte));
        Random(seed).up_to(self.propagation)
    }
}

/// A small generator of random numbers (SplitMix64): the same everywhere, for ever.
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(most.as_millis()).unwrap_or(u64::MAX).saturating_add(1)))
    }
}

/// The orders of a sandbox, first come first served, and the schedule behind them.
#[derive(Debug, Default)]
pub(super) struct Faults {
    orders: Vec<Fault>,
    schedule: Option<(FaultPlan, Random)>,
    struck: BTreeMap<&'static str, u64>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.orders.push(fault);
    }

    pub(super) fn follow(&mut self, plan: FaultPlan) {
        self.schedule = Some((plan, Random(plan.seed)));
    }

    pub(super) fn clear(&mut self) {
        self.orders.clear();
        self.schedule = None;
    }

    /// Returns the number of calls that were spoilt so far, by the name of the fault.
    pub(super) fn struck(&self) -> &BTreeMap<&'static str, u64> {
        &self.struck
    }

    /// Tells whether an answer may have to be an old one.
    pub(super) fn needs_history(&self) -> bool {
        self.schedule.is_some_and(|(plan, _)| !plan.stale.is_zero())
            || self.orders.iter().any(|order| matches!(order.kind, FaultKind::Stale(_)))
    }

    /// Chooses the fault of a call, and counts it as used.
    pub(super) fn strike(&mut self, service: &str, operation: &str, write: bool) -> Option<FaultKind> {
        let mut struck = None;
        for order in self.orders.iter_mut().filter(|order| order.matches(service, operation)) {
            if order.skip > 0 {
                order.skip -= 1;
            } else if order.times > 0 && struck.is_none() {
                order.times = if order.times == u32::MAX { u32::MAX } else { order.times - 1 };
                struck = Some(order.kind);
            }
        }
        self.orders.retain(|order| order.times > 0);
        if struck.is_none() && service != "sts" {
            struck = self.schedule.as_mut().and_then(|(plan, random)| draw(plan, random, write));
        }
        if let Some(kind) = struck {
            *self.struck.entry(kind.name()).or_default() += 1;
        }
        struck
    }

    /// Returns the error of a service that does not know a new role yet, for a call that names the role.
    pub(super) fn unheard_of(&self, account: &Account, operation: &str, input: &Value, now: i64) -> Option<ApiError> {
        let (plan, _) = self.schedule.filter(|(plan, _)| !plan.propagation.is_zero())?;
        let text = |member: &str| input[member].as_str().unwrap_or_default();
        let role = match operation {
            "CreateBackupSelection" => {
                account.iam.role_by_arn(input["BackupSelection"]["IamRoleArn"].as_str().unwrap_or_default())
            }
            "AssociateIamInstanceProfile" | "ReplaceIamInstanceProfileAssociation" => {
                return unheard_of_profile(&plan, account, input, now);
            }
            "AttachRolePolicy" | "PutRolePolicy" | "AddRoleToInstanceProfile" => account.iam.role(text("RoleName")),
            _ => None,
        }?;
        let after = plan.known_after(&role.id);
        let after = if operation == "CreateBackupSelection" { after } else { after / 8 };
        if now - role.created >= i64::try_from(after.as_millis()).unwrap_or(i64::MAX) {
            return None;
        }
        Some(if operation == "CreateBackupSelection" {
            let message = format!("IAM Role {} cannot be assumed by AWS Backup", role.arn);
            ApiError::new(400, "InvalidParameterValueException", message)
        } else {
            ApiError::new(404, "NoSuchEntity", format!("The role with name {} cannot be found.", role.name))
        })
    }
}

/// Returns the error of EC2 while it does not know a new instance profile, or the role that was put into it.
fn unheard_of_profile(plan: &FaultPlan, account: &Account, input: &Value, now: i64) -> Option<ApiError> {
    let (profile, member, given) = ec2::named_profile(account, &input["IamInstanceProfile"])?;
    let is_new =
        |id: &str, created: i64| now - created < i64::try_from(plan.known_after(id).as_millis()).unwrap_or(i64::MAX);
    if is_new(&profile.id, profile.created) {
        return Some(ec2::invalid_profile(member, given));
    }
    let role = account.iam.role(profile.role.as_deref()?)?;
    is_new(&role.id, role.created).then(|| ec2::profile_without_role(&profile.arn))
}

/// Draws the fault of one call by a schedule.
fn draw(plan: &FaultPlan, random: &mut Random, write: bool) -> Option<FaultKind> {
    const PRECISION: u64 = 1 << 20;
    #[expect(clippy::cast_precision_loss, reason = "21 bits")]
    let share = random.below(PRECISION) as f64 / PRECISION as f64;
    if share >= plan.intensity {
        return None;
    }
    let weights: &[(u64, FaultKind)] = if write {
        let late = FaultKind::LateCommit(random.up_to(plan.late));
        &[
            (20, FaultKind::Throttle),
            (15, FaultKind::ServerError),
            (15, FaultKind::ResetBefore),
            (20, FaultKind::ResetAfter),
            (10, FaultKind::FailAfter),
            (8, FaultKind::Truncated),
            (2, FaultKind::Hang),
            (if plan.late.is_zero() { 0 } else { 10 }, late),
        ]
    } else {
        let stale = FaultKind::Stale(random.up_to(plan.stale));
        &[
            (20, FaultKind::Throttle),
            (15, FaultKind::ServerError),
            (20, FaultKind::ResetBefore),
            (15, FaultKind::Truncated),
            (2, FaultKind::Hang),
            (if plan.stale.is_zero() { 0 } else { 28 }, stale),
        ]
    };
    let mut left = random.below(weights.iter().map(|(weight, _)| weight).sum());
    weights.iter().find_map(|(weight, kind)| {
        if left < *weight {
            return Some(*kind);
        }
        left -= weight;
        None
    })
}

/// Earlier states of the accounts, for answers that are old.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The accounts, each time with the time until which (not including it) they were so, oldest first.
    past: VecDeque<(i64, BTreeMap<String, Held>)>,
}

impl History {
    /// How long earlier states are kept, in milliseconds: no answer is older.
    const KEPT: i64 = 60_000;

    /// Keeps the accounts before a change.
    pub(super) fn remember(&mut self, now: i64, accounts: &BTreeMap<String, Held>) {
        self.past.push_back((now, accounts.clone()));
        while self.past.front().is_some_and(|(until, _)| *until < now - Self::KEPT) {
            self.past.pop_front();
        }
    }

    /// Returns the accounts as they were then; `None` when they have not changed since.
    pub(super) fn at(&self, then: i64) -> Option<&BTreeMap<String, Held>> {
        self.past.iter().find(|(until, _)| *until > then).map(|(_, accounts)| accounts)
    }
}

/// A request that the service takes up later.
#[derive(Clone, Debug)]
pub(super) struct Late {
    pub(super) due: i64,
    pub(super) service: &'static str,
    pub(super) operation: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) input: Value,
}

/// Returns a fault that is an answer in the form of the service; `None` for other faults.
pub(super) fn error(
    kind: FaultKind,
    model: &Model,
    service: &str,
    operation: &str,
    account: &str,
    partition: &str,
) -> Option<ApiError> {
    let protocol = model.metadata.protocol;
    match kind {
        FaultKind::Conflict if service == "iam" => Some(ApiError::new(
            409,
            "ConcurrentModification",
            "The request was rejected because multiple requests to change this object were submitted simultaneously.",
        )),
        FaultKind::Conflict if service == "ssm" => Some(ApiError::new(400, "TooManyUpdates", "Too many updates")),
        FaultKind::Throttle | FaultKind::Conflict => Some(match (protocol, service) {
            (Protocol::Query, _) => ApiError::new(400, "Throttling", "Rate exceeded"),
            (Protocol::Ec2, _) => ApiError::new(503, "RequestLimitExceeded", "Request limit exceeded."),
            (Protocol::Json, "tagging") => ApiError::new(400, "ThrottledException", "Rate exceeded"),
            (Protocol::Json, _) => ApiError::new(400, "ThrottlingException", "Rate exceeded"),
            (Protocol::RestJson, _) => ApiError::new(429, "TooManyRequestsException", "Too Many Requests"),
        }),
        FaultKind::ServerError | FaultKind::FailAfter => Some(match (protocol, service) {
            (Protocol::Query, "iam") => ApiError::new(500, "ServiceFailure", "The request processing has failed."),
            (Protocol::Query, _) => ApiError::new(500, "InternalFailure", "The request processing has failed."),
            (Protocol::Ec2, _) => ApiError::new(500, "InternalError", "An internal error has occurred"),
            (Protocol::Json, "tagging") => ApiError::new(500, "InternalServiceException", "Internal error"),
            (Protocol::Json, _) => ApiError::new(500, "InternalServerError", "Internal error"),
            (Protocol::RestJson, _) => ApiError::new(500, "ServiceUnavailableException", "Service unavailable"),
        }),
        FaultKind::AccessDenied => {
            let caller = sts::caller_arn(partition, account);
            let prefix = if service == "tagging" { "tag" } else { service };
            let message = format!(
                "User: {caller} is not authorized to perform: {prefix}:{operation} because no identity-based policy \
                 allows the {prefix}:{operation} action"
            );
            Some(match protocol {
                Protocol::Query => ApiError::new(403, "AccessDenied", message),
                Protocol::Ec2 => {
                    let message = format!("You are not authorized to perform this operation. {message}");
                    ApiError::new(403, "UnauthorizedOperation", message)
                }
                Protocol::Json => ApiError::new(400, "AccessDeniedException", message),
                Protocol::RestJson => ApiError::new(403, "AccessDeniedException", message),
            })
        }
        FaultKind::ExpiredCredentials => {
            let message = "The security token included in the request is expired";
            Some(match protocol {
                Protocol::Query => ApiError::new(403, "ExpiredToken", message),
                Protocol::Ec2 => ApiError::new(400, "RequestExpired", "Request has expired."),
                Protocol::Json => ApiError::new(400, "ExpiredTokenException", message),
                Protocol::RestJson => ApiError::new(403, "ExpiredTokenException", message),
            })
        }
        FaultKind::ResetBefore
        | FaultKind::ResetAfter
        | FaultKind::Hang
        | FaultKind::Truncated
        | FaultKind::CutAt(_)
        | FaultKind::Page
        | FaultKind::Empty
        | FaultKind::Limited
        | FaultKind::LateCommit(_)
        | FaultKind::Stale(_) => None,
    }
}
