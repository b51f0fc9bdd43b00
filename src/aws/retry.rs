//! Which failures are worth a second try, and when.
//!
//! The SDK sends a call once: every further try is decided here, in one place, for reads and writes alike. AWS needs
//! seconds, now and then two minutes, until a new role is known everywhere; throttling passes; a lost answer is asked
//! for again where a second request meets the first one. All waits have full jitter and are counted in paces: half a
//! second each against AWS, less in tests. How fast calls are made at all is decided in `aws::limiter`.

use std::time::Duration;

use tokio::time::Instant;

use super::{AwsError, ErrorKind};
use crate::model::Operation;
use crate::model::operation::Class;

/// How long a change may take to be visible everywhere, in paces: two minutes, Terraform's figure for IAM and ours.
const PROPAGATION: u32 = 240;
/// How long something new may be denied to those who look after it, in paces: a minute.
pub(crate) const YOUNG: u32 = 120;
/// How long AWS may take to do what it was sent and did not answer, and to show it, in paces: a minute.
pub(crate) const LOST: u32 = 120;
/// How long a command may take on its instances, in paces: a quarter of an hour.
pub(crate) const LONGEST_RUN: u32 = 1800;
/// Between two questions how far it is, in paces: five seconds.
pub(crate) const BETWEEN_POLLS: u32 = 10;
/// The first wait after throttling, in paces, and the longest: the limiter sets the pace, this only parts the calls.
const THROTTLED: (u32, u32) = (1, 8);
/// How long a call is sent again that AWS refuses each time as one of too many, in paces: a quarter of an hour.
const PATIENCE: u32 = 1800;
/// The longest wait that AWS may ask for, in paces: a minute.
const ASKED: u32 = 120;
/// Tries of a call that gets no answer, that reaches nobody.
const TRIES: (u32, u32) = (8, 4);
/// As often the same web page comes in place of an answer, and then no more.
const PAGES: u32 = 5;

/// The waits between the tries of one call.
#[derive(Debug)]
pub(crate) struct Waits {
    pace: Duration,
    /// Until a change must be visible.
    left: Duration,
    /// When the call was throttled first, and how often it was.
    throttled: (Option<Instant>, u32),
    /// When there is no further try.
    end: Option<Instant>,
    unanswered: u32,
    unreachable: u32,
    visible: u32,
    /// The web page that came last in place of an answer, and how often it came in a row.
    page: Option<String>,
    pages: u32,
}

impl Waits {
    pub(crate) fn new(pace: Duration) -> Self {
        Self {
            pace,
            left: pace * PROPAGATION,
            throttled: (None, 0),
            end: None,
            unanswered: 0,
            unreachable: 0,
            visible: 0,
            page: None,
            pages: 0,
        }
    }

    /// Ends all tries after a time.
    #[must_use]
    pub(crate) fn within(self, patience: Option<Duration>) -> Self {
        Self { end: patience.map(|patience| Instant::now() + patience), ..self }
    }

    /// Returns how long to wait before the call is sent again; `None` when the error is final or time is up. `young`
    /// says that the call is about something that this run made less than a minute ago.
    pub(crate) fn next(&mut self, error: &AwsError, class: Class, young: bool) -> Option<Duration> {
        let delay = self.delay(error, class, young)?;
        self.end.is_none_or(|end| Instant::now() + delay < end).then_some(delay)
    }

    fn delay(&mut self, error: &AwsError, class: Class, young: bool) -> Option<Duration> {
        let count = |counter: &mut u32, tries: u32| {
            *counter += 1;
            (*counter < tries).then_some(*counter)
        };
        match error.kind {
            ErrorKind::Throttled => {
                let (first, tries) = &mut self.throttled;
                let since = *first.get_or_insert_with(Instant::now);
                *tries = tries.saturating_add(1);
                let tries = *tries;
                if since.elapsed() >= self.pace * PATIENCE {
                    return None;
                }
                let asked = error.retry_after.map(|asked| asked.min(self.pace * ASKED));
                Some(asked.unwrap_or_default() + self.jitter(THROTTLED.0, THROTTLED.1, tries))
            }
            ErrorKind::Unsettled if class != Class::Nothing => {
                if self.is_the_same_page(error) {
                    return None;
                }
                let tries = count(&mut self.unanswered, TRIES.0)?;
                Some(self.jitter(1, 16, tries))
            }
            ErrorKind::Unreachable => {
                let tries = count(&mut self.unreachable, TRIES.1)?;
                Some(self.jitter(2, 16, tries))
            }
            ErrorKind::Propagating => self.until_visible(),
            // The tags and policies of a new resource take a moment to count.
            ErrorKind::AccessDenied if young => self.until_visible(),
            ErrorKind::Unsettled
            | ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::AccessDenied
            | ErrorKind::Quota
            | ErrorKind::Credentials
            | ErrorKind::LeaseLost
            | ErrorKind::Endpoint
            | ErrorKind::Rejected => None,
        }
    }

    /// Tells whether something between vssctl and AWS answers with one and the same web page, so often that it will go
    /// on: such as a proxy that asks people to log in.
    fn is_the_same_page(&mut self, error: &AwsError) -> bool {
        let page = error.is_web_page().then(|| error.reason());
        self.pages = if page.is_some() && page == self.page { self.pages + 1 } else { u32::from(page.is_some()) };
        self.page = page;
        self.pages >= PAGES
    }

    /// Returns how long to wait for a change to become visible; `None` once two minutes are over.
    pub(crate) fn until_visible(&mut self) -> Option<Duration> {
        if self.left.is_zero() {
            return None;
        }
        self.visible += 1;
        // Never quite at once: the time is counted by the waits.
        let delay = (self.jitter(1, 16, self.visible) + self.pace / 4).min(self.left);
        self.left -= delay;
        Some(delay)
    }

    /// Draws a wait between nothing and a limit that doubles.
    fn jitter(&self, base: u32, cap: u32, tries: u32) -> Duration {
        let limit = base.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(cap);
        (self.pace * limit).mul_f64(fastrand::f64())
    }
}

/// Makes a call that is no step of a plan, again as long as its failures pass and a second request meets the first.
///
/// # Errors
/// The last failure.
pub async fn persist<T, F>(pace: Duration, operation: Operation, mut call: impl FnMut() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    let class = operation.known().class;
    let mut waits = Waits::new(pace);
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match waits.next(&error, class, false) {
            Some(delay) => tokio::time::sleep(delay).await,
            None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_millis(500);

    fn error(kind: ErrorKind) -> AwsError {
        AwsError { kind, ..AwsError::rejected("iam", "X", "") }
    }

    fn waits(kind: ErrorKind, class: Class, young: bool) -> Vec<Duration> {
        let mut waits = Waits::new(PACE);
        std::iter::from_fn(|| waits.next(&error(kind), class, young)).collect()
    }

    #[test]
    fn waiting_for_a_change_to_be_visible_ends_after_two_minutes() {
        let total: Duration = waits(ErrorKind::Propagating, Class::Keyed, false).iter().sum();
        assert_eq!(total, Duration::from_mins(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_always_throttled_is_given_up_after_a_quarter_of_an_hour() {
        let (mut waits, began) = (Waits::new(PACE), Instant::now());
        while let Some(wait) = waits.next(&error(ErrorKind::Throttled), Class::Nothing, false) {
            assert!(wait <= Duration::from_secs(4));
            tokio::time::advance(wait).await;
        }
        assert!(began.elapsed() >= Duration::from_mins(15) && began.elapsed() < Duration::from_mins(16));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_can_t_wait_is_given_up_in_time() {
        let mut waits = Waits::new(PACE).within(Some(Duration::from_secs(25)));
        let began = Instant::now();
        while let Some(wait) = waits.next(&error(ErrorKind::Throttled), Class::Nothing, false) {
            tokio::time::advance(wait).await;
        }
        assert!(began.elapsed() > Duration::from_secs(15) && began.elapsed() < Duration::from_secs(25));
    }

    #[test]
    fn what_aws_asks_for_is_waited_for_up_to_a_minute() {
        let asked = |seconds| {
            let error = AwsError { retry_after: Some(Duration::from_secs(seconds)), ..error(ErrorKind::Throttled) };
            Waits::new(PACE).next(&error, Class::Keyed, false).expect("a wait")
        };
        assert!(asked(7) >= Duration::from_secs(7));
        assert!(asked(3600) <= Duration::from_secs(61));
    }

    #[test]
    fn a_refusal_is_final() {
        for kind in [ErrorKind::AccessDenied, ErrorKind::Rejected, ErrorKind::Quota, ErrorKind::Credentials] {
            assert!(waits(kind, Class::Idempotent, false).is_empty(), "{kind:?}");
        }
        assert!(!waits(ErrorKind::AccessDenied, Class::Idempotent, true).is_empty());
    }

    #[test]
    fn a_lost_answer_is_asked_for_again_only_where_that_does_no_harm() {
        assert!(waits(ErrorKind::Unsettled, Class::Nothing, true).is_empty());
        for class in [Class::Idempotent, Class::Keyed, Class::Token] {
            assert!(!waits(ErrorKind::Unsettled, class, false).is_empty());
        }
    }

    #[test]
    fn the_same_web_page_over_and_over_ends_it_early() {
        let page = |status: u16| {
            AwsError::unsettled("iam", "X", format!("the answer (HTTP {status}) is a web page: that is not AWS"))
        };
        let tries = |status: fn(u16) -> u16| {
            let mut waits = Waits::new(PACE);
            (0..100).take_while(|number| waits.next(&page(status(*number)), Class::Idempotent, false).is_some()).count()
        };
        assert_eq!((tries(|_| 503), tries(|number| 500 + number)), (4, 7));
        assert_eq!(waits(ErrorKind::Unsettled, Class::Idempotent, false).len(), 7);
    }
}
