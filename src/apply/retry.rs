//! Which failures are worth a second try, and when.
//!
//! AWS needs seconds, now and then two minutes, until a new role is known everywhere; those errors and throttling are
//! waited for, with full jitter. Nothing else is sent twice here.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::aws::{AwsError, ErrorKind};

/// How long a change may take to be visible everywhere: Terraform's figure for IAM, and ours.
const PROPAGATION: Duration = Duration::from_mins(2);

/// The waits between the tries of one call.
#[derive(Debug)]
pub(super) struct Waits {
    delays: backon::ExponentialBackoff,
    left: Duration,
}

impl Waits {
    pub(super) fn new(pace: Duration) -> Self {
        let delays = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(pace)
            .with_max_delay(pace * 16)
            .without_max_times()
            .build();
        Self { delays, left: PROPAGATION }
    }

    /// Returns how long to wait before the call is sent again; `None` when the error is final or time is up.
    pub(super) fn next(&mut self, error: &AwsError) -> Option<Duration> {
        let passing = match error.kind {
            ErrorKind::Propagating | ErrorKind::Throttled => true,
            ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::AccessDenied
            | ErrorKind::Quota
            | ErrorKind::Credentials
            | ErrorKind::Unreachable
            | ErrorKind::Unsettled
            | ErrorKind::LeaseLost
            | ErrorKind::Rejected => false,
        };
        if !passing || self.left.is_zero() {
            return None;
        }
        let delay = self.delays.next()?.min(self.left);
        self.left -= delay;
        Some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> AwsError {
        AwsError {
            service: "iam".into(),
            operation: "X".into(),
            code: None,
            message: String::new(),
            request_id: None,
            kind,
        }
    }

    #[test]
    fn waiting_ends_after_two_minutes() {
        let mut waits = Waits::new(Duration::from_millis(500));
        let total: Duration = std::iter::from_fn(|| waits.next(&error(ErrorKind::Propagating))).sum();
        assert_eq!(total, PROPAGATION);
    }

    #[test]
    fn a_refusal_is_final() {
        for kind in [ErrorKind::AccessDenied, ErrorKind::Rejected, ErrorKind::Unsettled, ErrorKind::Quota] {
            assert_eq!(Waits::new(Duration::from_millis(500)).next(&error(kind)), None, "{kind:?}");
        }
    }
}
