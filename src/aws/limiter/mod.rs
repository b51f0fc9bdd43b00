//! How fast AWS is asked: one limiter for all readers and writers of a run.
//!
//! AWS counts calls by account, region, service and category. A run has one account and one region, so that a lane for
//! each service and category is enough; IAM counts the same account in its home region. Every call waits for its turn
//! before it is signed: the wait counts against no timeout, and no signature grows old meanwhile. Calls of one lane go
//! in the order in which they came, but those of the lease go first.

mod lane;
mod tally;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub(super) use tally::Tallied;
pub use tally::{OperationStats, Stats};

use self::lane::Lane;
use self::tally::Tally;
use super::{AwsError, ErrorKind};

/// How many calls of one service are in flight at a time.
const IN_FLIGHT: usize = 8;
/// The longest that AWS may ask to wait.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// The sorts of calls that AWS counts by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Reads one resource, or describes several: `Get...`, `Describe...`.
    Read,
    /// Reads a list: `List...`.
    List,
    /// Changes something.
    Write,
}

impl Category {
    /// Returns the category of a reading operation, such as `ListRoles`.
    pub(super) fn of_read(operation: &str) -> Self {
        if operation.starts_with("List") { Self::List } else { Self::Read }
    }

    /// Returns the category that AWS may count together with this one.
    fn sibling(self) -> Option<Self> {
        match self {
            Self::Read => Some(Self::List),
            Self::List => Some(Self::Read),
            Self::Write => None,
        }
    }

    /// Returns the word for its calls.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::List => "lists",
            Self::Write => "changes",
        }
    }
}

/// Returns how many calls a second a service is asked for at first. AWS documents rates for AWS Backup alone ("AWS
/// Backup endpoints and quotas"); the others are guesses on the safe side. What a service really takes is learnt from
/// its answers: none of these figures is a promise, and none of them is a limit for long.
fn documented(service: &str, category: Category) -> f64 {
    match (service, category) {
        ("backup", Category::List) | ("ec2", Category::Read | Category::List) => 20.0,
        ("backup" | "iam", Category::Read) | ("iam", Category::List) => 15.0,
        ("backup" | "iam" | "ec2", Category::Write) | ("tag", _) => 5.0,
        ("ssm", Category::Write) => 3.0,
        (_, _) => 10.0,
    }
}

/// What is known of the rates before the first call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// What AWS documents.
    Documented,
    /// Nothing: what answers is not AWS but something on this machine. It is learnt all the same.
    Open,
}

/// A service's calls of one category.
type Key = (&'static str, Category);

/// A lane of calls, with those that wait for it.
#[derive(Debug)]
struct Queue {
    lane: Mutex<Lane>,
    /// Held by the call that is next: the others come in their order.
    next: tokio::sync::Mutex<()>,
    waiting: AtomicUsize,
    in_flight: Arc<Semaphore>,
}

/// Says that AWS sets the pace: calls wait for their turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The IAM prefix of the service, such as `backup`.
    pub service: &'static str,
    /// The category of the calls.
    pub category: Category,
    /// How many of them go a second.
    pub rate: f64,
    /// How many wait.
    pub waiting: usize,
}

impl Pace {
    /// Returns how long it takes at this rate until the last of those that wait now is sent.
    pub fn left(&self) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand calls")]
        let waiting = self.waiting as f64;
        Duration::from_secs_f64((waiting / self.rate).min(1e9))
    }
}

/// The limiter of a run; it is shared by all of its clients.
#[derive(Debug)]
pub(super) struct Limiter {
    start: Start,
    origin: Instant,
    queues: Mutex<BTreeMap<Key, Arc<Queue>>>,
    in_flight: Mutex<BTreeMap<&'static str, Arc<Semaphore>>>,
    tally: Arc<Tally>,
}

/// A call whose turn it is.
#[derive(Debug)]
pub(super) struct Turn {
    queue: Arc<Queue>,
    service: &'static str,
    operation: &'static str,
    category: Category,
    /// When it is sent, in seconds.
    sent: f64,
    /// How long it waited.
    waited: Duration,
    /// It waited for the rate, and not only for others to come back.
    was_paced: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Limiter {
    /// Makes a limiter that has sent nothing.
    pub(super) fn new(start: Start) -> Self {
        let (queues, in_flight, tally) = (Mutex::default(), Mutex::default(), Arc::default());
        Self { start, origin: Instant::now(), queues, in_flight, tally }
    }

    /// Returns what counts the bytes of calls.
    pub(super) fn tallied(&self) -> Tallied {
        Tallied(Arc::clone(&self.tally))
    }

    /// Counts a call that only looks whether a change may be made.
    pub(super) fn looked(&self) {
        self.tally.looked();
    }

    /// Counts a call that is sent again.
    pub(super) fn retried(&self) {
        self.tally.retried();
    }

    /// Returns what was asked of AWS so far.
    pub(super) fn stats(&self) -> Stats {
        self.tally.stats()
    }

    /// Returns where calls wait for AWS's rate the longest.
    pub(super) fn pace(&self) -> Option<Pace> {
        let queues = locked(&self.queues);
        let paces = queues.iter().filter_map(|((service, category), queue)| {
            let (rate, waiting) = (locked(&queue.lane).rate()?, queue.waiting.load(Ordering::SeqCst));
            (waiting > 0).then_some(Pace { service, category: *category, rate, waiting })
        });
        paces.max_by_key(Pace::left)
    }

    /// Waits until it is a call's turn. What goes `first` waits for nobody; it counts all the same.
    pub(super) async fn turn(
        &self,
        service: &'static str,
        operation: &'static str,
        category: Category,
        first: bool,
    ) -> Turn {
        let queue = self.queue(service, category);
        let began = Instant::now();
        if first {
            let sent = self.now();
            locked(&queue.lane).go(sent);
            let waited = Duration::ZERO;
            return Turn { queue, service, operation, category, sent, waited, was_paced: false, _permit: None };
        }
        let waiting = Waiting::of(&queue);
        let mut was_paced = false;
        let next = queue.next.lock().await;
        let permit = Arc::clone(&queue.in_flight).acquire_owned().await.expect("the semaphore is never closed");
        loop {
            let now = self.now();
            let wait = {
                let mut lane = locked(&queue.lane);
                let wait = lane.wait(now);
                if wait <= 0.0 {
                    lane.go(now);
                }
                wait
            };
            if wait <= 0.0 {
                drop((next, waiting));
                let waited = began.elapsed();
                return Turn {
                    queue,
                    service,
                    operation,
                    category,
                    sent: now,
                    waited,
                    was_paced,
                    _permit: Some(permit),
                };
            }
            was_paced = true;
            // Timers are good to a millisecond; the rate may have changed meanwhile.
            tokio::time::sleep(Duration::from_secs_f64(wait) + Duration::from_millis(1)).await;
        }
    }

    /// Waits until a call of this sort would not have to wait, without making one: what is looked at before it is not
    /// old when it is sent.
    pub(super) async fn ready(&self, service: &'static str, category: Category) {
        let queue = self.queue(service, category);
        let _next = queue.next.lock().await;
        loop {
            let wait = locked(&queue.lane).wait(self.now());
            if wait <= 0.0 {
                return;
            }
            tokio::time::sleep(Duration::from_secs_f64(wait) + Duration::from_millis(1)).await;
        }
    }

    /// Hears what came of a call.
    pub(super) fn answered<T>(&self, turn: &Turn, answer: &Result<T, AwsError>) {
        let now = self.now();
        let error = answer.as_ref().err();
        self.tally.answered(turn.service, turn.operation, error, turn.waited, now - turn.sent);
        let lane = || locked(&turn.queue.lane);
        match error.map(|error| (error.kind, error.retry_after)) {
            Some((ErrorKind::Throttled, asked)) => {
                let asked = asked.map(|asked| asked.min(LONGEST_ASKED).as_secs_f64());
                // Whether lists and other reads are counted together, AWS does not say.
                let sibling = turn.category.sibling().and_then(|other| self.busy_queue(turn.service, other, now));
                let share = if sibling.is_some() { 0.5 } else { 1.0 };
                for queue in std::iter::once(&turn.queue).chain(&sibling) {
                    locked(&queue.lane).refused(turn.sent, now, asked, share);
                }
            }
            // It did not get to where calls are counted, or a service fails that is not to be asked for more.
            Some((
                ErrorKind::Unreachable
                | ErrorKind::LeaseLost
                | ErrorKind::Endpoint
                | ErrorKind::Credentials
                | ErrorKind::Unsettled,
                _,
            )) => {}
            Some(_) | None => lane().taken(turn.was_paced),
        }
    }

    /// Returns the lane of a category, where calls of it wait or were made a moment ago.
    fn busy_queue(&self, service: &'static str, category: Category, now: f64) -> Option<Arc<Queue>> {
        let queue = locked(&self.queues).get(&(service, category)).map(Arc::clone)?;
        let is_busy = queue.waiting.load(Ordering::SeqCst) > 0 || locked(&queue.lane).has_gone_since(now - 1.0);
        is_busy.then_some(queue)
    }

    fn now(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }

    fn queue(&self, service: &'static str, category: Category) -> Arc<Queue> {
        let mut queues = locked(&self.queues);
        let queue = queues.entry((service, category)).or_insert_with(|| {
            let rate = documented(service, category);
            let lane = match self.start {
                Start::Documented => Lane::documented(rate),
                Start::Open => Lane::open(rate),
            };
            let mut in_flight = locked(&self.in_flight);
            let in_flight = in_flight.entry(service).or_insert_with(|| Arc::new(Semaphore::new(IN_FLIGHT)));
            let (lane, in_flight) = (Mutex::new(lane), Arc::clone(in_flight));
            Arc::new(Queue { lane, next: tokio::sync::Mutex::default(), waiting: AtomicUsize::new(0), in_flight })
        });
        Arc::clone(queue)
    }
}

/// A call that waits, counted as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn of(queue: &'a Queue) -> Self {
        queue.waiting.fetch_add(1, Ordering::SeqCst);
        Self(&queue.waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttled() -> Result<(), AwsError> {
        Err(AwsError { kind: ErrorKind::Throttled, ..AwsError::rejected("backup", "GetBackupPlan", "") })
    }

    #[tokio::test(start_paused = true)]
    async fn calls_beyond_a_second_of_the_documented_rate_wait_and_those_of_the_lease_do_not() {
        let limiter = Limiter::new(Start::Documented);
        let began = Instant::now();
        for _ in 0..5 {
            drop(limiter.turn("backup", "UpdateBackupPlan", Category::Write, false).await);
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        drop(limiter.turn("backup", "UpdateBackupPlan", Category::Write, false).await);
        let sixth = began.elapsed();
        assert!(sixth >= Duration::from_millis(200) && sixth < Duration::from_millis(250), "{sixth:?}");
        let first = limiter.turn("backup", "UpdateBackupPlan", Category::Write, true).await;
        assert_eq!((first.waited, began.elapsed()), (Duration::ZERO, sixth));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_slows_the_calls_that_wait_already_and_says_for_how_long() {
        let limiter = Arc::new(Limiter::new(Start::Open));
        let turn = limiter.turn("backup", "GetBackupPlan", Category::Read, false).await;
        tokio::time::advance(Duration::from_millis(5)).await;
        limiter.answered(&turn, &throttled());
        drop(turn);
        let waiting: Vec<_> = (0..30)
            .map(|_| {
                let limiter = Arc::clone(&limiter);
                tokio::spawn(async move {
                    let turn = limiter.turn("backup", "GetBackupPlan", Category::Read, false).await;
                    limiter.answered(&turn, &Ok(()));
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let pace = limiter.pace().expect("calls wait");
        assert_eq!((pace.service, pace.category, pace.rate, pace.waiting), ("backup", Category::Read, 15.0, 30));
        assert_eq!(pace.left(), Duration::from_secs(2));
        let began = Instant::now();
        futures_util::future::join_all(waiting).await;
        let took = began.elapsed();
        // The rate rises again as long as nothing is refused.
        assert!(took > Duration::from_secs(1) && took < Duration::from_secs(2), "{took:?}");
        assert_eq!(limiter.pace(), None);
        let stats = limiter.stats();
        assert_eq!((stats.calls(), stats.throttled()), (31, 1));
    }

    #[test]
    fn lists_are_told_from_other_reads_by_their_names() {
        assert_eq!(Category::of_read("ListBackupPlans"), Category::List);
        assert_eq!(Category::of_read("GetBackupPlan"), Category::Read);
        assert_eq!(Category::of_read("DescribeInstances"), Category::Read);
    }
}
