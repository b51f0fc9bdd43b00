//! The saved plan: a plan with what it is bound to, what it saw, and what it was made from, as open JSON.
//!
//! Nothing in it is trusted: applying one builds the plan again from what is live, and the steps must come out the
//! same. The digest is over what a reviewer reads, the integrity sum over all of it. Neither is a signature: whoever
//! may write the file may write both. A digest carried apart from the file (`--expect-digest`) binds what is applied to
//! what was reviewed.

mod form;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Options;
use super::fingerprint::{Observed, canonical, observe};
use super::{Change, FORMAT, Orphan, Plan, Security, Seen, Step, Told};
use crate::config;
use crate::kind::{Desired, KindLive};
use crate::model::Consents;
use crate::model::Thresholds;
use crate::model::codes;
use crate::model::hash::sha256_hex;
use crate::model::{Address, Diagnostic, KindId, Location, Scope, Severity};

pub use form::{
    SavedCall, SavedChange, SavedConsent, SavedCounts, SavedEntry, SavedField, SavedHazard, SavedOrphan, SavedStep,
    SavedVerdict,
};
pub use refusal::Refusal;

/// How often a plan writes what is wanted: as an entry; as the new side of a change; and in calls. The last two count
/// twice: they stand deeper, and AWS's own form of a tag or a condition is longer than the file's.
const WANTED: u64 = 1 + 2 + 2;
/// How often it writes what is live, which may be as large as what is wanted: as the old side of a change, and in the
/// object that it saw, with what an update carries along. The first stands as deep as the new side.
const LIVE: u64 = 2 + 1;
/// Bytes of all else that a plan says of one resource: addresses, ids, names, hashes, marks, reasons, hazards.
const ENVELOPE: u64 = 4096;
/// The most bytes of a saved plan: room for the largest file, on an account where as much is live. What is live may be
/// larger yet, for AWS's quotas allow it; whoever saves such a plan is told so.
pub const LARGEST: u64 = (WANTED + LIVE) * config::limits::RESOLVED + ENVELOPE * config::limits::RESOURCES as u64;
/// The command that makes saved plans.
const COMMAND: &str = "plan";
/// How long a saved plan holds, unless it is said.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(4);
/// The longest that one can hold.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// What a plan was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedOptions {
    /// `--target`.
    pub targets: Vec<Address>,
    /// `--prune`.
    pub prune: bool,
    /// `--max-deletions`.
    pub max_deletions: Option<usize>,
    /// How many deletions the file allows.
    pub thresholds: Thresholds,
}

/// A problem that did not stop the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Such as `VSS0801`.
    pub code: String,
    /// Error or warning.
    pub severity: Severity,
    /// What happened.
    pub message: String,
    /// The resource it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Where in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The words under the underlined text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
}

/// A saved plan; `plan --format json` prints the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// The version of this form.
    pub format: u32,
    /// The program that made it, such as `vssctl 0.1.0`.
    pub tool: String,
    /// The command whose answer it is: `plan`.
    pub command: String,
    /// The stack, account and region that it is for.
    pub scope: Scope,
    /// The plan in one word.
    pub verdict: SavedVerdict,
    /// How many there are of each sort.
    pub counts: SavedCounts,
    /// The partition that follows from the region, such as `aws`.
    pub partition: String,
    /// Who planned.
    pub caller_arn: String,
    /// When, RFC 3339.
    pub created_at: String,
    /// Until when it may be applied, RFC 3339.
    pub expires_at: String,
    /// SHA-256 of the configuration files, hexadecimal.
    pub config_sha256: String,
    /// `sha256:` and the hash of what a reviewer reads: everything but times, places, the caller, the program and
    /// problems.
    pub digest: String,
    /// `sha256:` and the hash of all other members.
    pub integrity: String,
    /// What it was asked for.
    pub options: SavedOptions,
    /// The entries of the file, resolved: what the plan was made from.
    pub desired: Vec<SavedEntry>,
    /// One entry for each resource of the file, and for each deletion.
    pub changes: Vec<SavedChange>,
    /// What the stack owns and the file no longer has, and the plan does not delete.
    pub orphans: Vec<SavedOrphan>,
    /// What will be done, as concrete API calls.
    pub steps: Vec<SavedStep>,
    /// What the plan saw.
    pub objects: Vec<Observed>,
    /// What principals may do more and less after it; it follows from the entries and from what the plan saw, and is no
    /// part of the digest.
    #[serde(default, skip_serializing_if = "Security::is_empty")]
    pub security: Security,
    /// What is refused, what could not be read, and which limits were reached.
    pub diagnostics: Vec<Notice>,
    /// What the file consents to, for showing: no part of the digest, and no consent by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<SavedConsent>,
    /// The `Name` tags of instances that the plan speaks of, by id, as far as they were read: for showing, and no part
    /// of the digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
}

/// When and by whom a plan is saved.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// Who.
    pub caller_arn: String,
    /// When.
    pub now: Timestamp,
    /// How long it holds.
    pub lifetime: SignedDuration,
}

impl SavedPlan {
    /// Saves a plan.
    pub fn new(
        plan: &Plan,
        desired: &[Desired],
        live: &[(KindId, KindLive)],
        options: &Options,
        occasion: &Occasion,
    ) -> Self {
        let expires = occasion.now.saturating_add(occasion.lifetime.min(LONGEST)).unwrap_or(occasion.now);
        let time = |time: Timestamp| format!("{}", time.round(jiff::Unit::Second).unwrap_or(time));
        let mut saved = Self {
            format: FORMAT,
            tool: plan.tool.clone(),
            command: COMMAND.to_owned(),
            scope: plan.scope.clone(),
            verdict: SavedVerdict::Clean,
            counts: SavedCounts::default(),
            partition: plan.scope.partition().to_owned(),
            caller_arn: occasion.caller_arn.clone(),
            created_at: time(occasion.now),
            expires_at: time(expires),
            config_sha256: plan.config_sha256.clone(),
            digest: String::new(),
            integrity: String::new(),
            options: SavedOptions {
                targets: options.targets.clone(),
                prune: options.prune,
                max_deletions: options.max_deletions,
                thresholds: options.thresholds,
            },
            desired: desired.iter().map(SavedEntry::from).collect(),
            changes: plan.changes.iter().map(SavedChange::from).collect(),
            orphans: plan.orphans.iter().map(SavedOrphan::from).collect(),
            steps: plan.steps.iter().map(SavedStep::from).collect(),
            objects: observe(plan, desired, live, &[]),
            security: plan.security.clone(),
            diagnostics: plan.diagnostics.iter().map(notice).collect(),
            consents: Vec::new(),
            names: plan.seen.names.clone(),
        };
        saved.seal();
        saved
    }

    /// Notes what the file consents to.
    #[must_use]
    pub fn with_consents(mut self, consents: &Consents) -> Self {
        self.consents = consents.declared.iter().map(SavedConsent::from).collect();
        self.seal();
        self
    }

    /// Returns what the file consented to when the plan was made, for showing.
    pub fn declared(&self) -> Consents {
        let declared = self.consents.iter().filter_map(SavedConsent::read).collect();
        Consents { allowed: Vec::new(), declared }
    }

    /// Sums it up, and computes both hashes.
    pub fn seal(&mut self) {
        (self.verdict, self.counts) = form::sum_up(self);
        self.digest = self.reviewed_digest();
        self.integrity = self.integrity_sum();
    }

    /// Hashes what a reviewer reads: for whom it is, what it was asked for, the entries as they are resolved, the
    /// changes, the calls with the names of their hazards, the orphans, and what each object was. The verdict and the
    /// counts only sum those up. Two plans for the same changes of the same resources have one digest, whenever and by
    /// whomever they are made; so have two files that mean the same.
    fn reviewed_digest(&self) -> String {
        let Self {
            format,
            tool: _,
            command: _,
            scope,
            verdict: _,
            counts: _,
            partition,
            caller_arn: _,
            created_at: _,
            expires_at: _,
            config_sha256: _,
            digest: _,
            integrity: _,
            options,
            desired,
            changes,
            orphans,
            steps,
            objects,
            security: _,
            diagnostics: _,
            consents: _,
            names: _,
        } = self;
        let changes: Vec<SavedChange> = changes.iter().map(SavedChange::reviewed).collect();
        let orphans: Vec<SavedOrphan> =
            orphans.iter().map(|orphan| SavedOrphan { cause: None, ..orphan.clone() }).collect();
        let steps: Vec<Value> = steps
            .iter()
            .map(|SavedStep { id, address, phase, after, looks, calls, hazards }| {
                let hazards: Vec<&str> = hazards.iter().map(|note| note.hazard.name()).collect();
                json!([id, address, phase, after, looks, calls, hazards])
            })
            .collect();
        let objects: Vec<Value> = objects
            .iter()
            .map(|seen| json!([seen.address, seen.standing, seen.found, seen.id, seen.fingerprint]))
            .collect();
        sum(&json!({
            "format": format, "scope": scope, "partition": partition, "options": options, "desired": desired,
            "changes": changes, "orphans": orphans, "steps": steps, "objects": objects,
        }))
    }

    fn integrity_sum(&self) -> String {
        sum(&json!(Self { integrity: String::new(), ..self.clone() }))
    }

    /// Writes it as JSON, always the same for the same plan: members in the order of this type, two blanks of
    /// indentation, a newline at the end. Keys of documents stay in IAM's order, as the calls write them.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        crate::model::json::pretty(self)
    }

    /// Reads one and makes sure that it is as it was written.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let not_one = |error: serde_json::Error| Refusal::NotOne(error.to_string());
        let value: Value = serde_json::from_str(text).map_err(not_one)?;
        match value.get("format").and_then(Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => return Err(Refusal::Format(format)),
            None => return Err(Refusal::NotOne("it has no `format`".to_owned())),
        }
        // What is wrong with JSON is said without a word of it, what is wrong with a value may quote it: nothing is
        // quoted of a file that is something else.
        let is_one = ["scope", "digest", "integrity"].iter().all(|member| value.get(member).is_some());
        // From the text: a member that is there twice is an error.
        let saved: Self = serde_json::from_str(text).map_err(|error| {
            if is_one { not_one(error) } else { Refusal::NotOne("it lacks what a saved plan has".to_owned()) }
        })?;
        if saved.integrity != saved.integrity_sum() {
            return Err(Refusal::Edited("its integrity sum does not fit".to_owned()));
        }
        if saved.digest != saved.reviewed_digest() {
            return Err(Refusal::Edited("its digest does not fit".to_owned()));
        }
        // No digest covers the sum, and a program may read nothing else.
        if saved.command != COMMAND || (saved.verdict, saved.counts) != form::sum_up(&saved) {
            return Err(Refusal::Edited("its verdict and counts are not those of its changes".to_owned()));
        }
        if saved.partition != saved.scope.partition() {
            return Err(Refusal::Edited("its partition is not that of its region".to_owned()));
        }
        Ok(saved)
    }

    /// Returns what it was asked for.
    pub fn options(&self) -> Options {
        let SavedOptions { targets, prune, max_deletions, thresholds } = self.options.clone();
        Options { targets, prune, max_deletions, thresholds, ..Options::default() }
    }

    /// Returns the entries that it was made from.
    pub fn entries(&self) -> Vec<Desired> {
        self.desired.iter().map(Desired::from).collect()
    }

    /// Returns the plan in it, for showing.
    pub fn plan(&self) -> Plan {
        let told = |entry: &SavedEntry| (entry.address.clone(), Told::of(&entry.fields, &entry.options));
        let mut told: BTreeMap<Address, Told> = self.desired.iter().map(told).collect();
        let mut change = |saved: &SavedChange| Change {
            told: told.remove(&saved.address).unwrap_or_default(),
            ..Change::from(saved)
        };
        Plan {
            format: self.format,
            tool: self.tool.clone(),
            scope: self.scope.clone(),
            config_sha256: self.config_sha256.clone(),
            changes: self.changes.iter().map(&mut change).collect(),
            orphans: self.orphans.iter().map(Orphan::from).collect(),
            steps: self.steps.iter().map(Step::from).collect(),
            security: self.security.clone(),
            diagnostics: self.diagnostics.iter().filter_map(diagnostic).collect(),
            is_targeted: !self.options.targets.is_empty(),
            seen: Seen { at: self.created_at.parse().ok(), names: self.names.clone() },
        }
    }
}

/// Hashes the canonical form of a value.
fn sum(value: &Value) -> String {
    format!("sha256:{}", sha256_hex(canonical(value).to_string().as_bytes()))
}

fn notice(diagnostic: &Diagnostic) -> Notice {
    let Diagnostic { code, severity, message, address, location, label, help } = diagnostic.clone();
    Notice { code: code.to_owned(), severity, message, address, location, label, help }
}

/// Turns a notice back; one with a code that this program does not know is left out.
fn diagnostic(notice: &Notice) -> Option<Diagnostic> {
    let Notice { code, severity, message, address, location, label, help } = notice.clone();
    let code = codes::explain(&code)?.code;
    Some(Diagnostic { code, severity, message, address, location, label, help })
}

/// Tells whether a text is a digest as `--expect-digest` takes it.
pub fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Returns the JSON Schema (draft-07) of a saved plan.
pub fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft07();
    let mut schema = settings.into_generator().into_root_schema_for::<SavedPlan>().to_value();
    schema["title"] = json!("vssctl plan");
    schema["properties"]["format"]["const"] = json!(FORMAT);
    schema["properties"]["command"]["const"] = json!(COMMAND);
    schema
}
