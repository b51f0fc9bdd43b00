//! Where the sandbox's accounts are kept: in memory, or in a file that several processes may use at once.
//!
//! The file is locked for the length of a request. It begins with a snapshot of the accounts; each request that
//! changes something adds a line with its [`Step`], so that it costs no more in a large account than in a small one.
//! Whoever locks the file takes the steps that others added, and a snapshot takes the place of the journal when a
//! process ends and when the journal has outgrown the snapshot. What is no step, such as [`Sandbox::edit`], writes a
//! snapshot too.
//!
//! ```text
//! {"format":2,"generation":7,"clock":{...},"accounts":{...},"journal":[null
//! ,{"now":1767225600000,"service":"iam","operation":"CreateRole",...}
//! ]}
//! ```
//!
//! It is one JSON value at all times, so that older programs can read its format and say that they do not know it. A
//! step is written over the closing line, in one write, and is not synced: a process that is killed loses nothing
//! that it had answered, and a machine that loses power loses steps at the end. A line that was not written to its
//! end is dropped.
//!
//! [`Sandbox::edit`]: super::Sandbox::edit

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::clock::Clock;
use super::step::{self, Step};

/// The version of the file's format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 2;

/// How a snapshot ends that steps may follow. The `null` lets every step begin with a comma.
const OPEN: &[u8] = b",\"journal\":[null\n";

/// What stands behind the last step.
const CLOSE: &[u8] = b"]}\n";

/// A journal of fewer bytes is taken in by the next process faster than a snapshot is worth.
const LONG: u64 = 1 << 20;

/// The highest counter that a file may hold.
const HIGHEST: u64 = u64::MAX / 2;

/// Why a sandbox file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The file or its folder cannot be read or written.
    #[error("the sandbox file `{}` cannot be {action}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `opened`, `locked`, `read`, `used` or `written`.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no sandbox.
    #[error("the sandbox file `{}` is damaged or no sandbox file", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where reading stopped.
        source: serde_json::Error,
    },
    /// The file is from a newer vssctl.
    #[error("the sandbox file `{}` has format {found}, and this vssctl reads up to format {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u32,
    },
}

/// Everything that outlives a request. `format` and `generation` come first in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) format: u32,
    /// Counts the writes, so that the requests of two processes have different ids.
    pub(super) generation: u64,
    pub(super) clock: Clock,
    #[serde(default)]
    pub(super) accounts: BTreeMap<String, Held>,
    /// The steps that a file has besides, until they are taken. The `null` at the beginning is none.
    #[serde(default, skip_serializing)]
    pub(super) journal: Vec<Option<Step<'static>>>,
}

/// An account and the counter of its made-up ids.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) serial: u64,
    pub(super) account: Account,
}

impl State {
    pub(super) fn new(clock: Clock) -> Self {
        Self { format: FORMAT, generation: 0, clock, accounts: BTreeMap::new(), journal: Vec::new() }
    }

    /// Returns an account, made when first asked for.
    pub(super) fn held(&mut self, account: &str) -> &mut Held {
        step::held(&mut self.accounts, account)
    }

    fn take(&mut self, step: &Step<'_>) {
        step.take_again(self);
        self.generation += 1;
    }
}

/// Where the state is kept.
#[derive(Debug)]
pub(super) enum Store {
    Memory,
    File(Kept),
}

/// A file, and how far the state is that it holds.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    seen: Option<Seen>,
    /// Whether steps were added here.
    added: bool,
}

/// The file that the state was read from or written to. It stays open, so that no other file can get its number.
#[derive(Debug)]
struct Seen {
    file: Arc<File>,
    length: u64,
    /// Where steps are added; `None`: the file is of an older format, or somebody wrote it in another form.
    journal: Option<Journal>,
}

/// The places in a file.
#[derive(Clone, Copy, Debug)]
struct Journal {
    start: u64,
    /// Behind the last step, where the closing line begins.
    end: u64,
}

impl Journal {
    fn length(self) -> u64 {
        self.end - self.start
    }
}

/// Keeps other processes out for as long as it lives.
#[derive(Debug)]
pub(super) struct Lock(Arc<File>);

impl Drop for Lock {
    fn drop(&mut self) {
        // A lock that cannot be given back goes with the file, at the end of the process.
        let _ = self.0.unlock();
    }
}

impl Store {
    /// A store in a file that is read, or made, when it is first locked.
    pub(super) fn file(path: &Path) -> Self {
        Self::File(Kept { path: path.to_owned(), seen: None, added: false })
    }

    /// Locks the file, if there is one, and brings the state up to date. The lock lives as long as what is returned.
    pub(super) fn lock(&mut self, state: &mut State) -> Result<Option<Lock>, SandboxError> {
        match self {
            Self::Memory => Ok(None),
            Self::File(kept) => kept.lock(state).map(Some),
        }
    }

    /// Keeps a state that no step led to. The caller holds the lock.
    pub(super) fn save(&mut self, state: &mut State) -> Result<(), SandboxError> {
        match self {
            Self::Memory => Ok(()),
            Self::File(kept) => kept.save(state),
        }
    }

    /// Keeps what a step, which was just taken, made of the state. The caller holds the lock.
    pub(super) fn append(&mut self, state: &mut State, step: &Step<'_>) -> Result<(), SandboxError> {
        match self {
            Self::Memory => Ok(()),
            Self::File(kept) => kept.append(state, step),
        }
    }

    /// Leaves the file to others: what was added becomes part of the snapshot.
    pub(super) fn close(&mut self, state: &mut State) -> Result<(), SandboxError> {
        let Self::File(kept) = self else { return Ok(()) };
        // Somebody who threw the file away wants no new one, and a damaged one is left as it is.
        if !kept.is_due(1) || !kept.path.exists() {
            return Ok(());
        }
        let _lock = kept.lock(state)?;
        if kept.is_due(1) { kept.save(state) } else { Ok(()) }
    }
}

impl Kept {
    /// Tells whether the journal is worth a snapshot: at so many bytes if steps were added here, else when it is long.
    fn is_due(&self, own: u64) -> bool {
        let least = if self.added { own } else { LONG };
        self.seen.as_ref().and_then(|seen| seen.journal).is_some_and(|journal| journal.length() >= least)
    }

    fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> SandboxError + '_ {
        move |source| SandboxError::Io { path: self.path.clone(), action, source }
    }

    fn lock(&mut self, state: &mut State) -> Result<Lock, SandboxError> {
        loop {
            let lock = self.lock_current()?;
            let length = lock.0.metadata().map_err(self.failed("read"))?.len();
            if length > 0 {
                self.catch_up(&lock.0, length, state)?;
                return Ok(lock);
            }
            // Just made, by us or by somebody who has not written yet. What was known of a file that is gone is void.
            if state.generation > 0 {
                *state = State::new(Clock::machine());
            }
            self.save(state)?;
        }
    }

    /// Locks the file that the path names now: while we waited for the lock, another process may have put a new file
    /// in its place.
    fn lock_current(&mut self) -> Result<Lock, SandboxError> {
        loop {
            let file = match &self.seen {
                Some(seen) => Arc::clone(&seen.file),
                None => Arc::new(self.open()?),
            };
            file.lock().map_err(self.failed("locked"))?;
            let lock = Lock(file);
            let held = lock.0.metadata().map_err(self.failed("read"))?;
            if !held.is_file() {
                // Replacing a device or a pipe by a file would do harm.
                return Err(self.failed("used")(io::Error::other("it is no regular file")));
            }
            match std::fs::metadata(&self.path) {
                Ok(named) if identity(&named) == identity(&held) => return Ok(lock),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(self.failed("read")(source)),
            }
            self.seen = None;
        }
    }

    fn open(&self) -> Result<File, SandboxError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(&self.path).map_err(self.failed("opened"))
    }

    /// Takes the steps that others added to the locked file, or reads all of it.
    fn catch_up(&mut self, file: &Arc<File>, length: u64, state: &mut State) -> Result<(), SandboxError> {
        if let Some(seen) = &mut self.seen {
            if seen.length == length {
                return Ok(());
            }
            if let Some(journal) = seen.journal.filter(|journal| journal.end <= length)
                && let Ok(added) = read_from(file, journal.end - 1, length)
                // Somebody who wrote something else in its place did not end a line here.
                && let Some(added) = added.strip_prefix(b"\n")
                && let Ok(taken) = replay(added, state)
            {
                let end = journal.end + taken;
                seen.journal = Some(Journal { end, ..journal });
                // A torn line is looked at again, until somebody writes over it.
                seen.length = end + CLOSE.len() as u64;
                return Ok(());
            }
        }
        self.seen = None;
        let bytes = read_from(file, 0, length).map_err(self.failed("read"))?;
        let (read, journal) = parse(&self.path, &bytes)?;
        *state = read;
        let length = journal.map_or(length, |journal| journal.end + CLOSE.len() as u64);
        self.seen = Some(Seen { file: Arc::clone(file), length, journal });
        Ok(())
    }

    fn append(&mut self, state: &mut State, step: &Step<'_>) -> Result<(), SandboxError> {
        let Some(Seen { file, length, journal: Some(journal), .. }) = &mut self.seen else { return self.save(state) };
        let mut line = vec![b','];
        let written = serde_json::to_writer(&mut line, step).map_err(io::Error::other).and_then(|()| {
            line.push(b'\n');
            line.extend_from_slice(CLOSE);
            // What is left of a torn line goes first, in case this one is shorter.
            if file.metadata()?.len() != *length {
                file.set_len(journal.end)?;
            }
            file.write_all_at(&line, journal.end)
        });
        if let Err(source) = written {
            // The state is ahead of the file: what the file holds counts.
            self.seen = None;
            return Err(self.failed("written")(source));
        }
        journal.end += (line.len() - CLOSE.len()) as u64;
        *length = journal.end + CLOSE.len() as u64;
        let outgrown = journal.length() > LONG.max(journal.start);
        state.generation += 1;
        self.added = true;
        if outgrown { self.save(state) } else { Ok(()) }
    }

    /// Writes a new file beside the old one and puts it in its place, so that a crash leaves the one or the other.
    fn save(&mut self, state: &mut State) -> Result<(), SandboxError> {
        state.generation += 1;
        match self.replace(state) {
            Ok(seen) => {
                self.seen = Some(seen);
                self.added = false;
                Ok(())
            }
            Err(source) => {
                self.seen = None;
                Err(self.failed("written")(source))
            }
        }
    }

    fn replace(&self, state: &State) -> io::Result<Seen> {
        // A link stays a link: its target is what gets replaced.
        let target = std::fs::canonicalize(&self.path)?;
        let folder = target.parent().unwrap_or_else(|| Path::new("/"));
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        let mut text = serde_json::to_vec(state)?;
        // The steps are its last member.
        text.pop();
        text.extend_from_slice(OPEN);
        let end = text.len() as u64;
        text.extend_from_slice(CLOSE);
        temporary.write_all(&text)?;
        temporary.as_file().sync_all()?;
        let file = temporary.persist(&target).map_err(|error| error.error)?;
        let journal = Some(Journal { start: end, end });
        Ok(Seen { file: Arc::new(file), length: text.len() as u64, journal })
    }
}

fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn read_from(file: &File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(end - start).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes)
}

/// The head of the file, enough to tell its format.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// Reads a whole file: the state, and where its steps are if more can be added.
fn parse(path: &Path, bytes: &[u8]) -> Result<(State, Option<Journal>), SandboxError> {
    let corrupt = |source| SandboxError::Corrupt { path: path.to_owned(), source };
    // What is wrong with a value may quote it, and this may be anybody's file.
    let is_ours = has_head(&bytes[..bytes.len().min(256)]);
    let unreadable = |error: serde_json::Error| {
        let hides = error.is_data() && !is_ours;
        corrupt(if hides { serde::de::Error::custom("it does not begin like one") } else { error })
    };
    // What follows the value of a newer format is not ours to judge.
    let head = Head::deserialize(&mut serde_json::Deserializer::from_slice(bytes));
    let start = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1).filter(|at| bytes[..*at].ends_with(OPEN));
    let head = match (head, start) {
        (Ok(head), _) => head,
        // A torn end hides nothing of the first line.
        (Err(_), Some(start)) => serde_json::from_slice(&closed(&bytes[..start])).map_err(unreadable)?,
        (Err(error), None) => return Err(unreadable(error)),
    };
    if head.format > FORMAT {
        return Err(SandboxError::Newer { path: path.to_owned(), found: head.format });
    }
    let mut state: State = match start {
        Some(start) => serde_json::from_slice(&closed(&bytes[..start])).map_err(unreadable)?,
        None => serde_json::from_slice(bytes).map_err(unreadable)?,
    };
    // Counters that high were never counted, and would overflow.
    if !state.clock.is_plausible()
        || state.generation > HIGHEST
        || state.accounts.values().any(|held| held.serial > HIGHEST)
    {
        return Err(corrupt(serde::de::Error::custom("a counter or the clock is out of range")));
    }
    state.format = FORMAT;
    for step in std::mem::take(&mut state.journal).into_iter().flatten() {
        state.take(&step);
    }
    let Some(start) = start else { return Ok((state, None)) };
    let taken = replay(&bytes[start..], &mut state).map_err(corrupt)?;
    let start = start as u64;
    Ok((state, Some(Journal { start, end: start + taken })))
}

/// The first line as a value of its own.
fn closed(line: &[u8]) -> Vec<u8> {
    [line, CLOSE].concat()
}

/// Takes steps up to the closing line or to a line that was not written to its end; returns their length.
fn replay(text: &[u8], state: &mut State) -> Result<u64, serde_json::Error> {
    let mut taken = 0;
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let rest = &text[taken..];
        // A torn line has no end, or that of the closing line which it was written over.
        if line == CLOSE || !line.ends_with(b"\n") || rest.len() <= CLOSE.len() {
            break;
        }
        let damaged = |error| serde::de::Error::custom(format!("step {} of the journal: {error}", number + 1));
        let step = serde_json::from_slice::<Step<'_>>(line.strip_prefix(b",").unwrap_or(line)).map_err(damaged)?;
        state.take(&step);
        taken += line.len();
    }
    Ok(taken as u64)
}

/// Tells whether what begins so is a sandbox file, sound or damaged.
pub(super) fn has_head(start: &[u8]) -> bool {
    let dense: Vec<u8> = start.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let Some(rest) = dense.strip_prefix(b"{\"format\":") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest[digits..].starts_with(b",\"generation\":")
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
