//! How many calls the sandbox takes: token buckets as AWS has them, of which a test or `sandbox serve --rate` orders
//! some.

use std::str::FromStr;
use std::time::{Duration, Instant};

/// Which calls of a service share a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All of them.
    All,
    /// Those that change nothing.
    Reads,
    /// Those that change something.
    Writes,
}

/// A limit: so many calls a second, with bursts of one second.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    service: String,
    share: Share,
    per_second: f64,
}

impl Rate {
    /// Limits a service: `iam`, `sts`, `ssm`, `backup`, `ec2`, `kms` or `tagging`.
    pub fn new(service: &str, share: Share, per_second: f64) -> Self {
        Self { service: service.to_owned(), share, per_second }
    }

    fn is_about(&self, service: &str, write: bool) -> bool {
        let shares = match self.share {
            Share::All => true,
            Share::Reads => !write,
            Share::Writes => write,
        };
        shares && self.service == service
    }
}

/// Reads `SERVICE=N`, `SERVICE:reads=N` or `SERVICE:writes=N`.
impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const SERVICES: [&str; 7] = ["backup", "ec2", "iam", "kms", "ssm", "sts", "tagging"];
        let form = || "write SERVICE=N, SERVICE:reads=N or SERVICE:writes=N, such as `backup:reads=15`".to_owned();
        let (what, number) = text.split_once('=').ok_or_else(form)?;
        let (service, share) = match what.split_once(':') {
            None => (what, Share::All),
            Some((service, "reads")) => (service, Share::Reads),
            Some((service, "writes")) => (service, Share::Writes),
            Some(_) => return Err(form()),
        };
        if !SERVICES.contains(&service) {
            return Err(format!("the sandbox has no service `{service}`; it has {}", SERVICES.join(", ")));
        }
        let per_second: f64 = number.parse().map_err(|_| form())?;
        if !(0.01..=100_000.0).contains(&per_second) {
            return Err("give from 0.01 to 100000 calls a second".to_owned());
        }
        Ok(Self::new(service, share, per_second))
    }
}

/// The limits of a sandbox, and what is left of each.
#[derive(Debug)]
pub(super) struct Rates {
    began: Instant,
    buckets: Vec<Bucket>,
    refused: u64,
}

#[derive(Debug)]
struct Bucket {
    rate: Rate,
    tokens: f64,
    filled: Duration,
}

impl Default for Rates {
    fn default() -> Self {
        Self { began: Instant::now(), buckets: Vec::new(), refused: 0 }
    }
}

impl Rates {
    pub(super) fn limit(&mut self, rate: Rate) {
        let tokens = rate.per_second.max(1.0);
        self.buckets.push(Bucket { rate, tokens, filled: Duration::ZERO });
    }

    /// Returns how many calls were refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes a call, or refuses it as one of too many. `clock` is the time of a test whose waiting is virtual.
    pub(super) fn takes(&mut self, service: &str, write: bool, clock: Option<Duration>) -> bool {
        let now = clock.unwrap_or_else(|| self.began.elapsed());
        let mut buckets: Vec<&mut Bucket> =
            self.buckets.iter_mut().filter(|bucket| bucket.rate.is_about(service, write)).collect();
        for bucket in &mut buckets {
            let passed = now.saturating_sub(bucket.filled).as_secs_f64();
            let full = bucket.rate.per_second.max(1.0);
            bucket.tokens = (bucket.tokens + passed * bucket.rate.per_second).min(full);
            bucket.filled = now;
        }
        let takes = buckets.iter().all(|bucket| bucket.tokens >= 1.0);
        if takes {
            for bucket in buckets {
                bucket.tokens -= 1.0;
            }
        } else {
            self.refused += 1;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_may_be_used_at_once_and_then_calls_come_one_by_one() {
        let mut rates = Rates::default();
        rates.limit(Rate::new("backup", Share::Reads, 3.0));
        let mut taken = |millis: u64, write: bool| rates.takes("backup", write, Some(Duration::from_millis(millis)));
        assert_eq!(
            [0, 0, 0, 0, 100, 334, 335].map(|at| taken(at, false)),
            [true, true, true, false, false, true, false]
        );
        assert!(taken(335, true));
        assert_eq!(rates.refused(), 3);
    }

    #[test]
    fn a_limit_is_read_from_its_text_and_a_wrong_one_says_what_is_right() {
        assert_eq!("iam=1".parse(), Ok(Rate::new("iam", Share::All, 1.0)));
        assert_eq!("backup:writes=0.5".parse(), Ok(Rate::new("backup", Share::Writes, 0.5)));
        for wrong in ["iam", "s3=4", "iam:lists=3", "iam=0", "iam=-1", "iam=x", "iam=inf"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
