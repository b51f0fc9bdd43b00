//! What the simulated AWS remembers, and the form of an operation: JSON in, JSON out, whatever the protocol.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One simulated AWS account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    /// The regional services by region name.
    pub regions: BTreeMap<String, Region>,
}

/// What one account has in one region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Region {}

/// The circumstances of one request: everything that an operation may look at besides its input.
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
    /// A counter that gives every made-up id of the account a different, repeatable value.
    pub serial: &'a mut u64,
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
}

/// What an operation answers. Member names are those of the service model; timestamps are numbers (seconds since 1970,
/// with milliseconds as fraction) and the wire modules write them as each protocol wants them.
pub type Answer = Result<Value, ApiError>;
