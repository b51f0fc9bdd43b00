//! How fast one service takes one category of calls, as far as it is known: the rate starts where AWS documents one,
//! falls when AWS refuses a call as one of too many, and rises again as long as it does not.
//!
//! It is the window of TCP's CUBIC, of calls a second: after a throttle the rate falls below the one that was too much,
//! comes back to it and stays near it for a while, and then looks for more, faster and faster. Everything here is
//! arithmetic on times that are handed in: there is no clock and no waiting.

/// What is left of the rate after a throttle.
const KEPT: f64 = 0.85;
/// What is left of it when nothing was taken since the throttle before.
const HALVED: f64 = 0.5;
/// How many calls, and at least and at most how many seconds, it takes to come back to the rate that was too much: a
/// throttle costs a call, so that fewer than one call in twenty is throttled in the long run.
const CALLS_BACK: f64 = 60.0;
const SECONDS_BACK: (f64, f64) = (8.0, 30.0);
/// The slowest rate: a call in twenty seconds.
const SLOWEST: f64 = 0.05;
/// By how much the rate rises in a second before the first throttle, as a power of e.
const RISE: f64 = 0.7;

/// The rate of one category of calls. Times are seconds since any fixed moment.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    /// Calls a second that AWS documents: where the rate starts, and what it falls to at a first throttle.
    documented: f64,
    /// Calls a second; `None` while nothing says that there is a limit.
    rate: Option<f64>,
    /// When the next call is due.
    due: f64,
    /// When the last call was made.
    gone: f64,
    /// How many calls may be made at once after a pause.
    burst: f64,
    /// The last throttle of a rate that was known.
    throttled: Option<Throttled>,
    /// When the last throttle was answered that counted: calls that were on their way then say nothing new.
    heard: f64,
    /// Nothing goes before this: AWS said how long to wait.
    held: f64,
    /// A call was taken since the last throttle.
    has_taken: bool,
}

#[derive(Clone, Copy, Debug)]
struct Throttled {
    /// The rate that was too much.
    rate: f64,
    /// For how many seconds calls have been made as fast as the rate allows since then.
    busy: f64,
}

impl Lane {
    /// Makes a lane that starts at a documented rate, with bursts of a second, as AWS's token buckets have them.
    pub(super) fn documented(rate: f64) -> Self {
        Self { rate: Some(rate), ..Self::open(rate) }
    }

    /// Makes a lane without a limit until the first throttle; from there on it is as if it had started at `documented`.
    pub(super) fn open(documented: f64) -> Self {
        let (heard, gone) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let (rate, due, burst, throttled, held, has_taken) = (None, 0.0, documented, None, 0.0, true);
        Self { documented, rate, due, gone, burst, throttled, heard, held, has_taken }
    }

    /// Returns how many calls a second are made; `None` while there is no limit.
    pub(super) fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Returns for how many seconds the next call has to wait.
    pub(super) fn wait(&self, now: f64) -> f64 {
        let held = self.held - now;
        let Some(rate) = self.rate else { return held.max(0.0) };
        (self.due - (self.burst - 1.0).max(0.0) / rate - now).max(held).max(0.0)
    }

    /// Makes a call.
    pub(super) fn go(&mut self, now: f64) {
        self.gone = now;
        if let Some(rate) = self.rate {
            self.due = self.due.max(now) + 1.0 / rate;
        }
    }

    /// Hears that AWS took a call. `waited` tells whether the rate was what it waited for: calls that come slower than
    /// the rate say nothing about it.
    pub(super) fn taken(&mut self, waited: bool) {
        self.has_taken = true;
        let Some(rate) = &mut self.rate else { return };
        if !waited {
            return;
        }
        let slot = 1.0 / *rate;
        match &mut self.throttled {
            None => *rate *= 1.0 + (RISE * slot).min(1.0),
            Some(throttled) => {
                throttled.busy += slot;
                let back = (CALLS_BACK / throttled.rate).clamp(SECONDS_BACK.0, SECONDS_BACK.1);
                let shape = (throttled.busy - back) / back;
                *rate = rate.max(throttled.rate * (1.0 + (1.0 - KEPT) * shape.powi(3)));
            }
        }
    }

    /// Tells whether a call was made after a moment.
    pub(super) fn has_gone_since(&self, moment: f64) -> bool {
        self.gone >= moment
    }

    /// Hears that AWS refused a call, made at `sent`, as one of too many, and for how long it asked to wait. `share` is
    /// the part of a documented rate that is this lane's, as long as nothing else is known.
    pub(super) fn refused(&mut self, sent: f64, now: f64, asked: Option<f64>, share: f64) {
        if let Some(asked) = asked {
            self.held = self.held.max(now + asked);
        }
        if sent <= self.heard {
            return;
        }
        let left = match self.rate {
            // How much was too much is not known.
            None => self.documented * share,
            Some(rate) => {
                self.throttled = Some(Throttled { rate, busy: 0.0 });
                (rate * if self.has_taken { KEPT } else { HALVED }).max(SLOWEST)
            }
        };
        self.rate = Some(left);
        self.heard = now;
        self.has_taken = false;
        self.burst = 1.0;
        self.due = now + 1.0 / left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service with a token bucket: bursts of one second.
    struct Bucket {
        rate: f64,
        tokens: f64,
        at: f64,
        refused: u32,
    }

    impl Bucket {
        fn of(rate: f64) -> Self {
            Self { rate, tokens: rate.max(1.0), at: 0.0, refused: 0 }
        }

        fn takes(&mut self, now: f64) -> bool {
            self.tokens = (self.tokens + (now - self.at) * self.rate).min(self.rate.max(1.0));
            self.at = now;
            let takes = self.tokens >= 1.0;
            if takes {
                self.tokens -= 1.0;
            } else {
                self.refused += 1;
            }
            takes
        }
    }

    /// Makes calls through a lane until `calls` were taken, `flight` at a time, each of which is answered after
    /// `latency`; returns the seconds that it took.
    fn run(lane: &mut Lane, bucket: &mut Bucket, calls: u32, flight: usize, latency: f64) -> f64 {
        let (mut now, mut taken, mut waiting) = (0.0, 0, calls);
        let mut answers: Vec<(f64, f64, bool, bool)> = Vec::new();
        while taken < calls {
            let next = answers.iter().map(|answer| answer.0).fold(f64::INFINITY, f64::min);
            let can = waiting > 0 && answers.len() < flight;
            let wait = lane.wait(now);
            if can && now + wait <= next {
                now += wait;
                lane.go(now);
                waiting -= 1;
                let is_taken = bucket.takes(now);
                answers.push((now + latency, now, wait > 0.0, is_taken));
                continue;
            }
            now = next;
            let index = answers.iter().position(|answer| answer.0 <= next).expect("an answer is due");
            let (_, sent, waited, is_taken) = answers.swap_remove(index);
            if is_taken {
                taken += 1;
                lane.taken(waited);
            } else {
                waiting += 1;
                lane.refused(sent, now, None, 1.0);
            }
        }
        now
    }

    /// The services of the specification, and others: whatever the rate is, it is learnt without many refusals.
    #[test]
    fn whatever_the_rate_is_few_calls_are_refused_and_little_time_is_lost() {
        for (documented, true_rate, calls) in [
            (15.0, 15.0, 412),
            (15.0, 20.0, 600),
            (5.0, 5.0, 600),
            (5.0, 10.0, 1000),
            (20.0, 15.0, 400),
            (3.0, 40.0, 2000),
        ] {
            for latency in [0.001, 0.05, 0.2] {
                for (start, flight) in [(Lane::open(documented), 8), (Lane::documented(documented), 8)] {
                    let (mut lane, mut bucket) = (start, Bucket::of(true_rate));
                    let took = run(&mut lane, &mut bucket, calls, flight, latency);
                    let least = f64::from(calls) / true_rate.min(8.0 / latency);
                    let what = format!(
                        "{documented} a second documented, {true_rate} true, {latency} s a call: {took:.1} s for \
                         {least:.1}, {} refused",
                        bucket.refused
                    );
                    assert!(took <= 1.2 * least, "{what}");
                    assert!(f64::from(bucket.refused) < 0.05 * f64::from(calls), "{what}");
                }
            }
        }
    }

    #[test]
    fn a_service_that_takes_one_call_a_second_is_waited_for() {
        let (mut lane, mut bucket) = (Lane::documented(15.0), Bucket::of(1.0));
        let took = run(&mut lane, &mut bucket, 60, 8, 0.05);
        assert!(took < 80.0 && bucket.refused < 40, "{took} s, {} refused", bucket.refused);
    }

    #[test]
    fn without_a_limit_nothing_waits_and_a_documented_start_rises() {
        let mut open = Lane::open(15.0);
        assert!((0..1000).all(|_| {
            open.go(0.0);
            open.taken(false);
            open.wait(0.0) == 0.0
        }));
        let (mut lane, mut bucket) = (Lane::documented(15.0), Bucket::of(10_000.0));
        assert!(run(&mut lane, &mut bucket, 1000, 8, 0.05) < 10.0);
    }

    #[test]
    fn calls_on_their_way_at_a_throttle_lower_the_rate_once() {
        let mut lane = Lane::documented(10.0);
        for _ in 0..8 {
            lane.refused(1.0, 1.1, None, 1.0);
        }
        assert_eq!(lane.rate(), Some(8.5));
        lane.refused(1.2, 1.3, None, 1.0);
        assert_eq!(lane.rate(), Some(4.25));
    }

    #[test]
    fn what_aws_asks_for_is_waited_for() {
        let mut lane = Lane::open(10.0);
        lane.refused(1.0, 1.1, Some(7.0), 1.0);
        assert!(lane.wait(1.1) >= 7.0 && lane.wait(8.2) == 0.0);
    }
}
