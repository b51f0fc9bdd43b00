//! The sandbox's clock: the machine's clock for an account that is kept in a file, a clock of its own for tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The source of the virtual time. All values are in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clock {
    /// The machine's clock, and by how much the sandbox's was moved ahead of it.
    Machine { ahead: i64 },
    /// A clock that moves only when told to, and by one second with each request, so that a caller who waits for an
    /// event sees it happen.
    Virtual { now: i64 },
}

impl Clock {
    /// Makes a clock for tests, which begins on the first of January 2026.
    pub(super) const fn fixed() -> Self {
        Self::Virtual { now: 1_767_225_600_000 }
    }

    /// Makes a clock that follows the machine's.
    pub(super) const fn machine() -> Self {
        Self::Machine { ahead: 0 }
    }

    /// Tells whether the clock is within three centuries of 1970, or of the machine's clock.
    pub(super) const fn is_plausible(self) -> bool {
        let (Self::Machine { ahead: place } | Self::Virtual { now: place }) = self;
        place.unsigned_abs() < 1 << 43
    }

    /// Returns the time of a new request.
    pub(super) fn tick(&mut self) -> i64 {
        match self {
            Self::Machine { ahead } => milliseconds(since_1970()) + *ahead,
            Self::Virtual { now } => {
                *now += 1000;
                *now
            }
        }
    }

    /// Returns the time without moving it.
    pub(super) fn now(self) -> i64 {
        match self {
            Self::Machine { ahead } => milliseconds(since_1970()) + ahead,
            Self::Virtual { now } => now,
        }
    }

    /// Tells whether requests move the clock.
    pub(super) const fn moves_with_requests(self) -> bool {
        matches!(self, Self::Virtual { .. })
    }

    /// Returns by how many milliseconds the clock is ahead of the machine's.
    pub(super) fn ahead_of_machine(self) -> i64 {
        match self {
            Self::Machine { ahead } => ahead,
            Self::Virtual { now } => now - milliseconds(since_1970()),
        }
    }

    /// Sets a clock of its own to a time. A clock that follows the machine's can't be set.
    pub(super) fn turn_to(&mut self, time: i64) {
        if let Self::Virtual { now } = self {
            *now = time;
        }
    }

    /// Moves the clock ahead.
    pub(super) fn advance(&mut self, by: Duration) {
        match self {
            Self::Machine { ahead: place } | Self::Virtual { now: place } => *place += milliseconds(by),
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
