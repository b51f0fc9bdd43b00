//! Once-records: `SendCommand` has no token, so that a record that can be made only once stands in for it.
//!
//! Before a command is sent, `once/<hash of what it does>.<attempt>` is made with create-if-absent; afterwards
//! `once/<hash>.<attempt>.sent` keeps the command's id. AWS forgets commands after 30 days, the records stay. A record
//! without a command, and without AWS's refusal noted beside it, is an attempt that failed or is under way: the next
//! one has the next number, and waits.

use crate::model::Operation;
use crate::model::scope::parameter_root;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::command;
use crate::aws::{AwsError, ErrorKind, Reader, Writer};
use crate::kind::Desired;
use crate::kinds::input::{Input, whole};
use crate::model::PlannedCall;
use crate::model::call::output;
use crate::model::hash::sha256_hex;
use crate::model::{Address, Scope};

/// After so many milliseconds a command that was sent shows in `ListCommands`: the time of a call and 60 seconds.
const SETTLED: u64 = 150_000;
/// The ends of the second record's name: AWS took the command, or refused it.
const SENT: &str = ".sent";
const REFUSED: &str = ".refused";

/// Names what a command does: what is sent twice has the same name. The comment names stack, address and targets,
/// those that the entry means: some of them may have been left out.
fn hash(comment: &str, parameters: &Value) -> String {
    let content = format!("{comment}\n{}\n{parameters}", super::DOCUMENT);
    sha256_hex(content.as_bytes())[..16].to_owned()
}

fn hash_of(scope: &Scope, address: &Address, entry: &Desired) -> String {
    let (parameters, targets) = command::content(entry);
    hash(&command::comment(scope, address, &parameters, &targets), &parameters)
}

fn hash_in(command: &PlannedCall) -> String {
    let input = &command.input;
    hash(input["Comment"].as_str().unwrap_or_default(), &input["Parameters"])
}

fn path(scope: &Scope) -> String {
    format!("{}/once", parameter_root(scope))
}

/// Puts a command between its records.
pub(super) fn around(scope: &Scope, address: &Address, attempt: u32, command: PlannedCall) -> Vec<PlannedCall> {
    let name = format!("{}/{}.{}", path(scope), hash_in(&command), attempt.max(1));
    let record = json!({ "v": 1, "comment": command.input["Comment"] }).to_string();
    let put = |name: String, value: Value| {
        let input = json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": false });
        PlannedCall::new(Operation::PutParameter, input)
    };
    let sent = put(format!("{name}{SENT}"), output(address, "CommandId"));
    vec![put(name, record.into()), command, sent]
}

/// Makes a record.
pub(super) async fn put(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (name, value) = whole(call, |input| {
        if input.required("Type", Input::text)? != "String" || input.required("Overwrite", Input::flag)? {
            return Err(input.refuse("a record is a parameter of type `String` that is never overwritten"));
        }
        Ok((input.required("Name", Input::text)?, input.required("Value", Input::text)?))
    })?;
    match writer.put_parameter(&name, &value, false).await {
        Err(error) if error.is_already_there() && name.ends_with(SENT) => Ok(json!({})),
        Err(error) if error.is_already_there() => {
            let message = "another run is sending this command; run it again to see what became of it";
            Err(AwsError { message: message.to_owned(), source: None, ..error })
        }
        Err(error) => Err(error),
        Ok(()) => Ok(json!({})),
    }
}

/// Notes that AWS refused a command: nobody has to wait whether it shows.
pub(super) async fn note_refusal(writer: &Writer, command: &PlannedCall, error: &AwsError) {
    if !matches!(error.kind, ErrorKind::AccessDenied | ErrorKind::Rejected | ErrorKind::Quota) {
        return;
    }
    let Ok(records) = Records::read(&writer.reader()).await else { return };
    let hash = hash_in(command);
    if let Some((_, number)) = records.attempts.keys().rfind(|(known, _)| *known == hash) {
        let name = format!("{}/{hash}.{number}{REFUSED}", path(writer.scope()));
        // Without the note the next run waits.
        let _ = writer.put_parameter(&name, error.code.as_deref().unwrap_or("refused"), false).await;
    }
}

/// One attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Attempt {
    /// The command's mark.
    comment: String,
    /// When the record was made.
    made: u64,
    /// The command's id, and when it was noted.
    sent: Option<(String, u64)>,
    /// AWS refused the command.
    refused: bool,
}

/// The records of a stack.
#[derive(Debug, Default)]
pub(super) struct Records {
    date: u64,
    attempts: BTreeMap<(String, u32), Attempt>,
}

/// What the records say about a command that AWS does not list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// Nothing was sent, or another command was sent since.
    Nothing,
    /// It was sent, long ago.
    Sent {
        /// The command's id.
        command: String,
    },
    /// Somebody was about to send it; whether they did will show.
    Unsettled {
        /// The seconds until then.
        seconds: u64,
    },
}

impl Records {
    /// Reads all records.
    pub(super) async fn read(reader: &Reader) -> Result<Self, AwsError> {
        let listed = reader.parameters_by_path(&path(reader.scope())).await?;
        let mut records = Self { date: listed.date, attempts: BTreeMap::new() };
        for parameter in listed.all {
            let name = parameter.name.rsplit('/').next().unwrap_or_default();
            let attempt = name.trim_end_matches(SENT).trim_end_matches(REFUSED);
            let Some((hash, Ok(number))) = attempt.split_once('.').map(|(hash, number)| (hash, number.parse())) else {
                continue;
            };
            let attempt = records.attempts.entry((hash.to_owned(), number)).or_default();
            if name.ends_with(SENT) {
                attempt.sent = Some((parameter.value, parameter.modified));
            } else if name.ends_with(REFUSED) {
                attempt.refused = true;
            } else {
                let value: Value = serde_json::from_str(&parameter.value).unwrap_or_default();
                value["comment"].as_str().unwrap_or_default().clone_into(&mut attempt.comment);
                attempt.made = parameter.modified;
            }
        }
        Ok(records)
    }

    /// Returns the number of the next attempt at what an entry asks for.
    pub(super) fn next(&self, scope: &Scope, entry: &Desired) -> u32 {
        let hash = hash_of(scope, &entry.address, entry);
        self.attempts.keys().filter(|(known, _)| *known == hash).map(|(_, number)| number + 1).max().unwrap_or(1)
    }

    /// Returns the number of the next command that runs ahead of an entry's others, and for how many seconds it is not
    /// known whether one was sent a moment ago.
    pub(super) fn next_first(&self, scope: &Scope, address: &Address) -> (u32, Option<u64>) {
        let prefix = command::first_prefix(scope, address);
        let known = self.attempts.iter().filter(|(_, attempt)| attempt.comment.starts_with(&prefix));
        let number = known.clone().map(|((_, number), _)| number + 1).max().unwrap_or(1);
        let open = known.filter(|(_, attempt)| attempt.sent.is_none() && !attempt.refused);
        let age = open.map(|(_, attempt)| self.date.saturating_sub(attempt.made)).min();
        (number, age.filter(|age| *age < SETTLED).map(|age| (SETTLED - age).div_ceil(1000)))
    }

    /// Says what is known of an entry's command that AWS does not list.
    pub(super) fn recall(&self, scope: &Scope, entry: &Desired) -> Memory {
        let addresses: Vec<&Address> = std::iter::once(&entry.address).chain(&entry.renamed_from).collect();
        let prefixes: Vec<String> =
            addresses.iter().map(|address| command::prefix(scope, &address.to_string())).collect();
        let hashes: Vec<String> = addresses.iter().map(|address| hash_of(scope, address, entry)).collect();
        let newest = self
            .attempts
            .iter()
            .filter(|(_, attempt)| prefixes.iter().any(|prefix| attempt.comment.starts_with(prefix)))
            .max_by_key(|(_, attempt)| attempt.made);
        let Some(((hash, _), attempt)) = newest else { return Memory::Nothing };
        let age = self.date.saturating_sub(attempt.made);
        match &attempt.sent {
            Some((command, _)) if hashes.contains(hash) => Memory::Sent { command: command.clone() },
            None if age < SETTLED && !attempt.refused => Memory::Unsettled { seconds: (SETTLED - age).div_ceil(1000) },
            Some(_) | None => Memory::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KindId;

    fn scope() -> Scope {
        Scope { stack: "s".into(), account_id: "1".repeat(12), region: "r".into(), iam_path: "/".into() }
    }

    fn entry(version: &str) -> Desired {
        let fields = json!({"package_name": "p", "version": version, "targets": {"InstanceIds": ["i-1"]}});
        Desired {
            address: Address::new(KindId::Package, "p"),
            name: "p".into(),
            fields: fields.as_object().expect("a map").clone(),
            options: serde_json::Map::new(),
            references: Vec::new(),
            adopt: false,
            protect: false,
            renamed_from: None,
            location: None,
        }
    }

    fn records(attempts: &[(&str, u32, u64, bool)], date: u64) -> Records {
        let made = attempts.iter().map(|(version, number, made, sent)| {
            let entry = entry(version);
            let (parameters, targets) = command::content(&entry);
            let attempt = Attempt {
                comment: command::comment(&scope(), &entry.address, &parameters, &targets),
                made: *made,
                sent: sent.then(|| ("c-1".to_owned(), *made)),
                refused: false,
            };
            ((hash_of(&scope(), &entry.address, &entry), *number), attempt)
        });
        Records { date, attempts: made.collect() }
    }

    #[test]
    fn what_was_sent_is_remembered_when_aws_has_forgotten_it() {
        let records = records(&[("1", 1, 10, true)], 10 + 40 * 86_400_000);
        assert_eq!(records.recall(&scope(), &entry("1")), Memory::Sent { command: "c-1".into() });
        assert_eq!((records.recall(&scope(), &entry("2")), records.next(&scope(), &entry("2"))), (Memory::Nothing, 1));
    }

    #[test]
    fn an_attempt_without_a_command_is_waited_for_and_then_made_again() {
        let begun = [("1", 1, 1_000, false)];
        assert_eq!(records(&begun, 61_000).recall(&scope(), &entry("1")), Memory::Unsettled { seconds: 90 });
        let later = records(&begun, 151_000);
        assert_eq!((later.recall(&scope(), &entry("1")), later.next(&scope(), &entry("1"))), (Memory::Nothing, 2));
    }

    #[test]
    fn going_back_to_what_was_sent_before_something_else_sends_it_again() {
        let records = records(&[("1", 1, 10, true), ("2", 1, 20, true)], 1_000);
        assert_eq!((records.recall(&scope(), &entry("1")), records.next(&scope(), &entry("1"))), (Memory::Nothing, 2));
    }

    #[test]
    fn a_command_stands_between_its_records() {
        let call = PlannedCall::new(Operation::SendCommand, json!({"Comment": "c", "Parameters": {}, "Targets": []}));
        let calls = around(&scope(), &Address::new(KindId::Package, "p"), 3, call);
        let name = |place: usize| calls[place].input["Name"].as_str().unwrap_or_default().to_owned();
        assert_eq!(calls[1].action(), "ssm:SendCommand");
        assert!(name(0).starts_with("/vssctl/v1/s/once/") && name(0).ends_with(".3"), "{}", name(0));
        assert_eq!(name(2), format!("{}.sent", name(0)));
        assert_eq!(calls[0].input["Overwrite"], json!(false));
    }
}
