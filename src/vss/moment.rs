//! Moments, as AWS dates jobs and other objects. They are written as RFC 3339 in UTC, in full seconds.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A point in time, in full seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
pub struct Moment(i64);

/// A text that is not a moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time in RFC 3339, such as 2026-01-31T18:00:00Z")]
pub struct MomentError(pub String);

impl Moment {
    /// Makes a moment of seconds since 1970. A number outside the calendar becomes the calendar's nearest end.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second()))
    }

    /// Returns the seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// Returns the moment as the calendar's.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or_default()
    }

    /// Returns the moment so many seconds later; earlier where they are negative.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self::from_seconds(self.0.saturating_add(seconds))
    }

    /// Returns the seconds from another moment to this one.
    pub fn since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// Returns the day alone, such as `2026-01-31`.
    pub fn day(self) -> String {
        self.timestamp().strftime("%Y-%m-%d").to_string()
    }

    /// Returns the moment as people read it, such as `2026-01-31 18:00 UTC`.
    pub fn for_people(self) -> String {
        self.timestamp().strftime("%Y-%m-%d %H:%M UTC").to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.timestamp())
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || MomentError(text.to_owned());
        Ok(Self::from_seconds(text.parse::<Timestamp>().map_err(|_| error())?.as_second()))
    }
}

impl TryFrom<String> for Moment {
    type Error = MomentError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Returns a length of time as people say it: `45 minutes`, `26 hours`, `3 days`.
pub fn length(seconds: i64) -> String {
    let seconds = SignedDuration::from_secs(seconds.max(0)).as_secs();
    let (amount, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_as_it_is_written() {
        let moment: Moment = "2026-01-31T18:00:00Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-01-31T18:00:00Z");
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2026-01-31T18:00:00Z\"");
        assert_eq!(moment.for_people(), "2026-01-31 18:00 UTC");
        assert_eq!(moment.plus(3_600).since(moment), 3_600);
        assert!("yesterday".parse::<Moment>().is_err());
    }

    #[test]
    fn lengths_are_said_in_the_unit_that_people_would_take() {
        for (seconds, said) in
            [(1, "1 second"), (300, "5 minutes"), (7_200, "2 hours"), (93_600, "26 hours"), (259_200, "3 days")]
        {
            assert_eq!(length(seconds), said);
        }
    }
}
