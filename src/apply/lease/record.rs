//! What stands in a slot, and where slots are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::machine::{Date, Mark, Slot, Timing};
use crate::aws::Parameter;
use crate::model::Scope;
use crate::model::scope::parameter_root;

/// The version of the records.
const VERSION: u32 = 1;
/// Longer ARNs are cut: a record has less than 1 KB.
const LONGEST_CALLER: usize = 400;

/// Returns the name of a slot's parameter.
pub(super) fn name(scope: &Scope, epoch: u32) -> String {
    format!("{}/lock/{epoch:08}", parameter_root(scope))
}

/// The text of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of the format.
    pub v: u32,
    /// Who made the slot; a new one for each run.
    pub owner_uuid: Uuid,
    /// `held` or `released`.
    pub state: State,
    /// What its owner does, such as `apply`.
    pub op: String,
    /// Who runs it.
    pub caller_arn: String,
    /// Since when, by AWS's clock.
    pub started: Timestamp,
    /// For how many seconds its owner believes in it after the last write.
    pub lease_s: u64,
    /// When AWS answered the last change, by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_mutation: Option<Timestamp>,
    /// Who broke the lease of the epoch before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_by: Option<String>,
}

/// Whether a lease is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its owner may write.
    Held,
    /// Its owner has finished.
    Released,
}

impl Record {
    /// Makes the record of a lease that is held from `date` on.
    pub(super) fn held(owner: Uuid, op: &str, caller: &str, date: Date, timing: &Timing) -> Self {
        Self {
            v: VERSION,
            owner_uuid: owner,
            state: State::Held,
            op: op.to_owned(),
            caller_arn: caller.chars().take(LONGEST_CALLER).collect(),
            started: timestamp(date),
            lease_s: timing.lease.div_ceil(1000),
            last_mutation: None,
            broken_by: None,
        }
    }

    /// Writes the record as it stands in a slot.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("a record has text keys only")
    }
}

/// One slot as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// As the protocol sees it.
    pub slot: Slot,
    /// What it says; none if this program can't read it.
    pub record: Option<Record>,
}

/// Reads a slot. What can't be understood counts as held by a stranger: it ends when nobody writes it any more.
pub(super) fn read(scope: &Scope, parameter: &Parameter) -> Option<Entry> {
    let digits = parameter.name.strip_prefix(&format!("{}/lock/", parameter_root(scope)))?;
    let epoch = digits.parse().ok().filter(|epoch| name(scope, *epoch) == parameter.name && *epoch > 0)?;
    let record: Option<Record> = serde_json::from_str(&parameter.value).ok();
    let record = record.filter(|record| record.v == VERSION);
    let slot = Slot {
        epoch,
        owner: record.as_ref().map_or(0, |record| record.owner_uuid.as_u128()),
        mark: match record.as_ref().map(|record| record.state) {
            Some(State::Released) => Mark::Released,
            Some(State::Held) | None => Mark::Held,
        },
        renewed: parameter.modified,
        lease: record.as_ref().map_or(0, |record| record.lease_s.saturating_mul(1000)),
    };
    Some(Entry { slot, record })
}

/// Returns from when on reads show everything that was done under these slots, oldest first.
pub(super) fn quiet_at(entries: &[Entry], timing: &Timing) -> Date {
    let newest = entries.last().map_or(0, |entry| match entry.slot.mark {
        // The grace after its end includes the staleness of reads.
        Mark::Held => entry.slot.free_at(timing),
        Mark::Released => 0,
    });
    // Who broke the lease of another wrote when; a slot without a successor's word was long over when it was succeeded.
    let last = entries.iter().filter_map(|entry| entry.record.as_ref()?.last_mutation).max();
    // Dates of answers have whole seconds: it may have been up to a second later.
    last.map_or(0, |last| milliseconds(last).saturating_add(timing.settle).saturating_add(1000)).max(newest)
}

/// Returns what the next holder writes down as the last change so far: slots go, and what they said about changes has
/// to stay, for those who read the account before it was changed.
pub(super) fn last_mutation(entries: &[Entry], timing: &Timing) -> Option<Timestamp> {
    let quiet_at = quiet_at(entries, timing);
    // Rounded up: the text has whole seconds.
    (quiet_at > 0).then(|| timestamp(quiet_at.saturating_sub(timing.settle + 1000).saturating_add(999)))
}

/// Makes a point in time of milliseconds since 1970.
pub(super) fn timestamp(date: Date) -> Timestamp {
    let seconds = i64::try_from(date / 1000).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn milliseconds(timestamp: Timestamp) -> Date {
    u64::try_from(timestamp.as_millisecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope { stack: "s".into(), account_id: "1".repeat(12), region: "eu-west-1".into(), iam_path: "/".into() }
    }

    fn parameter(name: &str, value: &str) -> Parameter {
        Parameter { name: name.into(), value: value.into(), modified: 5_000 }
    }

    #[test]
    fn a_record_comes_back_as_it_was_written_and_stays_small() {
        let caller = format!("arn:aws:sts::123456789012:assumed-role/{}", "x".repeat(2000));
        let mut record = Record::held(Uuid::from_u128(7), "apply", &caller, 1_767_225_600_000, &Timing::REAL);
        record.last_mutation = Some(record.started);
        record.broken_by = Some(record.caller_arn.clone());
        assert!(record.text().len() < 1200, "{}", record.text().len());
        record.broken_by = None;
        assert!(record.text().len() < 1024, "{}", record.text().len());
        let entry = read(&scope(), &parameter("/vssctl/v1/s/lock/00000003", &record.text())).expect("a slot");
        assert_eq!((entry.slot.epoch, entry.slot.owner, entry.slot.mark), (3, 7, Mark::Held));
        assert_eq!(entry.record, Some(record));
    }

    #[test]
    fn what_can_t_be_read_counts_as_held() {
        for text in ["nonsense", "{}", r#"{"v":2,"state":"released"}"#] {
            let entry = read(&scope(), &parameter("/vssctl/v1/s/lock/00000001", text)).expect("a slot");
            assert_eq!((entry.slot.mark, entry.slot.owner, entry.record), (Mark::Held, 0, None), "{text}");
        }
    }

    #[test]
    fn other_parameters_are_no_slots() {
        for name in
            ["/vssctl/v1/s/lock/1", "/vssctl/v1/s/lock/00000000", "/vssctl/v1/t/lock/00000001", "/vssctl/v1/s/lock/x"]
        {
            assert_eq!(read(&scope(), &parameter(name, "")), None, "{name}");
        }
    }
}
