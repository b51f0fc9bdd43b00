//! What the simulated AWS keeps of an account, and the form of an operation: JSON in, JSON out, whatever the protocol.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::backup::Backup;
use super::ec2::Ec2;
use super::fleet::Fleet;
use super::iam::Iam;
use super::kms::Kms;
use super::ssm::Ssm;

/// One simulated AWS account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    /// The roles, policies and instance profiles.
    #[serde(default)]
    pub iam: Iam,
    /// The regional services by region name.
    #[serde(default)]
    pub regions: BTreeMap<String, Region>,
}

impl Account {
    /// Makes a new account: it has no roles, and a region gets its small fleet when it is first used.
    pub fn seeded() -> Self {
        Self::default()
    }
}

/// What one account has in one region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Region {
    /// Systems Manager.
    #[serde(default)]
    pub ssm: Ssm,
    /// AWS Backup.
    #[serde(default)]
    pub backup: Backup,
    /// EC2, besides the instances.
    #[serde(default)]
    pub ec2: Ec2,
    /// The keys.
    #[serde(default)]
    pub kms: Kms,
    /// The simulated instances.
    #[serde(default)]
    pub fleet: Fleet,
}

/// A resource with tags, as the Resource Groups Tagging API lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tagged<'a> {
    /// IAM, Systems Manager and Backup keep it; EC2 keeps ids.
    pub(super) arn: Cow<'a, str>,
    /// Service and type, such as `backup:backup-vault`.
    pub(super) resource_type: &'static str,
    pub(super) tags: &'a BTreeMap<String, String>,
}

/// The context of one request: all that an operation may look at besides its input.
#[derive(Debug)]
pub struct Context<'a> {
    /// The account that the access key names.
    pub account: &'a mut Account,
    /// Twelve digits.
    pub account_id: &'a str,
    /// The region of the request's signature.
    pub region: &'a str,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'a str,
    /// The virtual clock, milliseconds since 1970.
    pub now: i64,
    /// A counter that makes each generated id of the account different, and the same in each run.
    pub serial: &'a mut u64,
    /// Whether an event that AWS brings about by itself was due and was done, or was looked for. Reading requests cause
    /// this as well.
    pub caught_up: bool,
}

impl Context<'_> {
    /// Returns the request's region, which is created with its fleet when it is first asked for.
    pub fn region_mut(&mut self) -> &mut Region {
        let fresh = || Region { fleet: Fleet::seed(self.region, self.account_id), ..Region::default() };
        self.account.regions.entry(self.region.to_owned()).or_insert_with(fresh)
    }

    /// Returns the virtual time as answers carry it: seconds since 1970 with milliseconds as fraction.
    pub fn timestamp(&self) -> f64 {
        seconds(self.now)
    }

    /// Makes a new id of upper case letters and digits, such as IAM's `AROA...` (21 characters with its prefix).
    pub fn unique_id(&mut self, prefix: &str, length: usize) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let digest = self.digest(prefix);
        let letters = digest.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        prefix.chars().chain(letters).take(length).collect()
    }

    /// Makes a new lower case hexadecimal id of at most 64 characters.
    pub fn hex_id(&mut self, length: usize) -> String {
        let mut text = String::new();
        for byte in self.digest("hex") {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.truncate(length);
        text
    }

    /// Makes a new id in the form of a UUID.
    pub fn uuid(&mut self) -> String {
        let hex = self.hex_id(32);
        super::made::uuid_of_digits(&hex)
    }

    /// Makes a new UUID that no other sandbox has made, unless it did the same at the same millisecond: of what never
    /// changes once it has its id, so that clients may keep it.
    pub fn uuid_for_ever(&mut self) -> String {
        let number = self.uuid();
        super::made::uuid_of(&format!("{number}/{}", self.now))
    }

    fn digest(&mut self, kind: &str) -> [u8; 32] {
        *self.serial += 1;
        Sha256::digest(format!("{}/{kind}/{}", self.account_id, self.serial)).into()
    }
}

/// Turns milliseconds since 1970 into seconds with a fraction.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of any real date fit 52 bits")]
pub fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// An error as AWS answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// AWS's code, such as `NoSuchEntity`.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// Modelled members of the error beside the message, such as `CreatorRequestId`.
    pub members: BTreeMap<String, String>,
}

impl ApiError {
    /// Makes an error.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), members: BTreeMap::new() }
    }

    /// Adds a modelled member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<String>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }
}

/// The answer of an operation. Member names are those of the service model. Timestamps are numbers (seconds since 1970,
/// with milliseconds as fraction), which the wire modules write as each protocol wants them.
pub type Answer = Result<Value, ApiError>;

/// A function that performs operations.
pub(super) type Handler = fn(&mut Context<'_>, &str, &Value) -> Answer;
