//! The slots of a stack in Parameter Store: how they are read and written, and which failures are tried again.

use std::time::Duration;

use super::machine::Date;
use super::record::{self, Entry, Record};
use crate::aws::{AwsError, Clients, ErrorKind, Reader, Timeouts, Writer};
use crate::model::Scope;
use crate::model::scope::parameter_root;

/// A lease can't wait long for an answer: it has to be renewed in time.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    read_attempt: Duration::from_secs(8),
    write_attempt: Duration::from_secs(8),
    operation: Duration::from_secs(25),
    patience: Some(Duration::from_secs(25)),
};

/// How often a request that AWS did not take is sent, and the milliseconds in between.
const TRIES: u32 = 4;
const PAUSE: u64 = 500;

/// How long a slot of our own is tried to be released, and the longest pause on the way, in milliseconds. Who waits for
/// the lease waits no longer for it, and the program does not end before.
const RETURNING: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: u64 = 4_000;

/// The slots of a stack.
#[derive(Debug)]
pub struct Store {
    pub(super) scope: Scope,
    pub(super) reader: Reader,
    pub(super) writer: Writer,
}

/// All slots at one time.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) date: Date,
    pub(super) entries: Vec<Entry>,
}

impl Store {
    /// Makes the store of the clients' stack.
    pub fn new(clients: &Clients) -> Self {
        let clients = clients.first_in_line(TIMEOUTS);
        Self { scope: clients.scope().clone(), reader: clients.reader(), writer: clients.writer() }
    }

    pub(super) async fn list(&self) -> Result<Listing, AwsError> {
        let listed = self.reader.parameters_by_path(&format!("{}/lock", parameter_root(&self.scope))).await?;
        let mut entries: Vec<Entry> =
            listed.all.iter().filter_map(|parameter| record::read(&self.scope, parameter)).collect();
        entries.sort_by_key(|entry| entry.slot.epoch);
        Ok(Listing { date: listed.date, entries })
    }

    pub(super) async fn read(&self, epoch: u32) -> Result<Option<Entry>, AwsError> {
        let name = record::name(&self.scope, epoch);
        let mut tries = Tries::default();
        let parameter = loop {
            match self.reader.parameter(&name).await {
                Err(error) if tries.again(&error).await => {}
                read => break read?,
            }
        };
        Ok(parameter.and_then(|parameter| record::read(&self.scope, &parameter)))
    }

    pub(super) async fn put(&self, epoch: u32, record: &Record, overwrite: bool) -> Result<(), AwsError> {
        let (name, text) = (record::name(&self.scope, epoch), record.text());
        let mut tries = Tries::default();
        loop {
            match self.writer.put_parameter(&name, &text, overwrite).await {
                Err(error) if tries.again(&error).await => {}
                ended => return ended,
            }
        }
    }

    /// Writes that our own slot is released. It may be written any number of times: a lost answer, a server error or a
    /// broken connection is followed by another try, until [`RETURNING`] is over.
    pub(super) async fn release(&self, epoch: u32, record: &Record) -> Result<(), AwsError> {
        let (name, text) = (record::name(&self.scope, epoch), record.text());
        patiently("PutParameter", || self.writer.put_parameter(&name, &text, true)).await
    }
}

/// The tries of a request that AWS did not take: nothing was done, so it may be asked for again.
#[derive(Debug)]
pub(super) struct Tries {
    left: u32,
    pause: u64,
}

impl Default for Tries {
    fn default() -> Self {
        Self { left: TRIES - 1, pause: PAUSE }
    }
}

impl Tries {
    /// Tells whether to ask again, after a pause.
    pub(super) async fn again(&mut self, error: &AwsError) -> bool {
        let was_not_taken =
            matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Propagating);
        if !was_not_taken || self.left == 0 {
            return false;
        }
        self.left -= 1;
        tokio::time::sleep(jittered(self.pause).max(error.retry_after.unwrap_or_default())).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

/// Makes a call that may be made any number of times until it is answered, or [`RETURNING`] is over.
pub(super) async fn patiently<T, F: Future<Output = Result<T, AwsError>>>(
    operation: &str,
    mut call: impl FnMut() -> F,
) -> Result<T, AwsError> {
    let end = tokio::time::Instant::now() + RETURNING;
    let mut last = AwsError::unsettled("ssm", operation, "there was no answer in time");
    let mut pause = PAUSE;
    loop {
        let error = match tokio::time::timeout_at(end, call()).await {
            Ok(Err(error)) => error,
            Ok(Ok(answer)) => return Ok(answer),
            Err(_) => return Err(last),
        };
        match error.kind {
            ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Unsettled | ErrorKind::Propagating => {}
            // Two writes of one parameter at a time: an earlier try of ours is perhaps still under way.
            _ if error.code.as_deref() == Some("TooManyUpdates") => {}
            ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::AccessDenied
            | ErrorKind::Quota
            | ErrorKind::Credentials
            | ErrorKind::Endpoint
            | ErrorKind::LeaseLost
            | ErrorKind::Rejected => return Err(error),
        }
        let wait = jittered(pause).max(error.retry_after.unwrap_or_default());
        if tokio::time::Instant::now() + wait >= end {
            return Err(error);
        }
        last = error;
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Makes a pause of about that many milliseconds, so that two who wait do not keep step.
pub(super) fn jittered(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds / 2 + fastrand::u64(..=milliseconds / 2) + milliseconds / 4)
}
