//! What a run asked of AWS and where its time went, as text and as JSON (`schema/stats.schema.json`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::layout::BOLD;
use crate::apply::Link;
use crate::aws::Stats;
use crate::engine::Part;
use crate::model::Address;

/// The form of the JSON.
const FORMAT: u32 = 1;

/// What a run asked of AWS, and where its time went. Times are in seconds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Statistics {
    /// The form of this document.
    pub format: u32,
    /// The program and its version.
    pub tool: String,
    /// From the start of the program to its end.
    pub wall_seconds: f64,
    /// The requests that were sent, those that were sent again included.
    pub calls: u64,
    /// How many of them only looked whether a change may be made.
    pub looks: u64,
    /// How many of them repeated a request that had failed.
    pub retries: u64,
    /// How many of them AWS refused as too many.
    pub throttled: u64,
    /// How many of them failed in another way. Some of these failures are answers: what is looked for is not there.
    pub failed: u64,
    /// For how long requests waited for AWS's rate or for each other, together.
    pub waited_seconds: f64,
    /// The bytes of the requests' bodies.
    pub bytes_sent: u64,
    /// The bytes of the answers' bodies.
    pub bytes_received: u64,
    /// The requests by operation, such as `iam:CreateRole`.
    pub operations: BTreeMap<String, Operation>,
    /// The parts of the run, in their order.
    pub parts: Vec<Elapsed>,
    /// The steps of an apply that waited for each other and took the longest together, from the first to the last: with
    /// any number of calls at a time it would not have been faster.
    pub critical_path: Vec<Step>,
}

/// What was asked of one operation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Operation {
    /// The requests that were sent.
    pub calls: u64,
    /// How many of them AWS refused as too many.
    pub throttled: u64,
    /// How many of them failed in another way.
    pub failed: u64,
    /// For how long they waited, together.
    pub waited_seconds: f64,
    /// For how long they were on their way, together.
    pub in_flight_seconds: f64,
}

/// A part of the run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Elapsed {
    /// `connecting`, `reading`, `leasing`, `changing` or `settling`.
    pub part: String,
    /// How long it took.
    pub seconds: f64,
}

/// A step of the critical path.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Step {
    /// The resource, such as `role.instance`.
    pub address: Address,
    /// How long its calls took.
    pub seconds: f64,
}

/// Returns the schema of the JSON.
pub fn schema() -> Value {
    schemars::schema_for!(Statistics).to_value()
}

impl Statistics {
    /// Gathers what is known of a run.
    pub fn new(stats: &Stats, wall: Duration, parts: &[(Part, Duration)], critical: &[Link]) -> Self {
        let operations = stats.operations.iter().map(|(name, stats)| {
            let operation = Operation {
                calls: stats.calls,
                throttled: stats.throttled,
                failed: stats.failed,
                waited_seconds: seconds(stats.waited),
                in_flight_seconds: seconds(stats.in_flight),
            };
            (name.clone(), operation)
        });
        let parts = parts.iter().map(|(part, took)| Elapsed { part: part.name().to_owned(), seconds: seconds(*took) });
        let step = |link: &Link| Step { address: link.address.clone(), seconds: seconds(link.took) };
        Self {
            format: FORMAT,
            tool: format!("vssctl {}", env!("CARGO_PKG_VERSION")),
            wall_seconds: seconds(wall),
            calls: stats.calls(),
            looks: stats.looks,
            retries: stats.retries,
            throttled: stats.throttled(),
            failed: stats.failed(),
            waited_seconds: seconds(stats.waited()),
            bytes_sent: stats.sent,
            bytes_received: stats.received,
            operations: operations.collect(),
            parts: parts.collect(),
            critical_path: critical.iter().map(step).collect(),
        }
    }

    /// Returns it for people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{BOLD}{} calls to AWS{BOLD:#} in {:.1} s; {} sent, {} received\n  looks {}, retries {}, throttled {}, \
             failed {}\n",
            self.calls,
            self.wall_seconds,
            bytes(self.bytes_sent),
            bytes(self.bytes_received),
            self.looks,
            self.retries,
            self.throttled,
            self.failed,
        );
        let widest = self.operations.keys().map(String::len).max().unwrap_or_default();
        for (name, operation) in &self.operations {
            let Operation { calls, throttled, waited_seconds, in_flight_seconds, .. } = operation;
            let _ = write!(text, "  {name:widest$}  {calls:>5}  {:>7.3} s each", in_flight_seconds / f64_of(*calls));
            if *throttled > 0 {
                let _ = write!(text, ", {throttled} throttled");
            }
            if *waited_seconds >= 0.1 {
                let _ = write!(text, ", waited {waited_seconds:.1} s");
            }
            text.push('\n');
        }
        for (index, part) in self.parts.iter().enumerate() {
            let head = if index == 0 { format!("{BOLD}Time{BOLD:#}\n") } else { String::new() };
            let _ = writeln!(text, "{head}  {:10}  {:>7.1} s", part.part, part.seconds);
        }
        for (index, step) in self.critical_path.iter().enumerate() {
            let head = if index == 0 { format!("{BOLD}Critical path{BOLD:#}\n") } else { String::new() };
            let _ = writeln!(text, "{head}  {}  {:.1} s", step.address, step.seconds);
        }
        text
    }
}

/// Returns seconds to the millisecond.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls")]
fn f64_of(count: u64) -> f64 {
    count.max(1) as f64
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} B"),
        1024..=1_048_575 => format!("{} KiB", bytes / 1024),
        _ => format!("{:.1} MiB", f64_of(bytes) / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::OperationStats;

    fn statistics() -> Statistics {
        let (waited, in_flight) = (Duration::from_secs(13), Duration::from_millis(400));
        let of_plans = OperationStats { calls: 200, throttled: 2, failed: 0, waited, in_flight };
        let of_caller = OperationStats { calls: 1, in_flight: Duration::from_millis(20), ..OperationStats::default() };
        let stats = Stats {
            operations: BTreeMap::from([
                ("backup:GetBackupPlan".to_owned(), of_plans),
                ("sts:GetCallerIdentity".to_owned(), of_caller),
            ]),
            looks: 1,
            retries: 2,
            sent: 512,
            received: 400_000,
        };
        let link = |address: &str, millis| Link {
            address: address.parse().expect("an address"),
            took: Duration::from_millis(millis),
        };
        let parts = [(Part::Connecting, Duration::from_millis(30)), (Part::Reading, Duration::from_secs(13))];
        Statistics::new(&stats, Duration::from_secs(14), &parts, &[link("role.a", 200), link("plan.b", 1500)])
    }

    #[test]
    fn statistics_are_read_at_a_glance() {
        assert_eq!(
            anstream::adapter::strip_str(&statistics().text()).to_string(),
            "201 calls to AWS in 14.0 s; 512 B sent, 390 KiB received\n  looks 1, retries 2, throttled 2, failed 0\n  \
             backup:GetBackupPlan     200    0.002 s each, 2 throttled, waited 13.0 s\n  \
             sts:GetCallerIdentity      1    0.020 s each\n\
             Time\n  connecting      0.0 s\n  reading        13.0 s\n\
             Critical path\n  role.a  0.2 s\n  plan.b  1.5 s\n"
        );
    }
}
