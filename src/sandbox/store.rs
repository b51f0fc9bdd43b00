//! Keeps the sandbox's accounts: in memory, or in a file that several processes may use at once.
//!
//! The file is locked during a request. It begins with a snapshot of the accounts. Each request that changes an account
//! adds a line with its [`Step`], so that it costs no more in a large account than in a small one. Whoever locks the
//! file takes the steps that others added. A new snapshot replaces the journal when a process ends and when the journal
//! has become longer than the snapshot. A change that is no step, such as [`Sandbox::edit`], writes a snapshot too.
//!
//! ```text
//! {"format":2,"generation":7,"clock":{...},"accounts":{...},"journal":[null
//! ,{"now":1767225600000,"service":"iam","operation":"CreateRole",...}
//! ]}
//! ```
//!
//! The file is one JSON value at all times, so that older programs can read its format and say that they do not know
//! it. A step is written over the closing line, in one write, and is not synced: a process that is killed loses nothing
//! that it had answered, and a machine that loses power loses the last steps. An incomplete line at the end is dropped.
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

/// The end of a snapshot to which steps may be added. The `null` lets every step begin with a comma.
const OPEN: &[u8] = b",\"journal\":[null\n";

/// The closing line, after the last step.
const CLOSE: &[u8] = b"]}\n";

/// The shortest journal that is worth a snapshot, in bytes: the next process reads a shorter one faster.
const LONG: u64 = 1 << 20;

/// The largest counter that a file may have.
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
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is no sandbox file.
    #[error("the sandbox file `{}` is damaged or no sandbox file", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The place at which reading stopped.
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

/// All that is kept between requests. `format` and `generation` come first in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) format: u32,
    /// Counts the writes, so that the requests of two processes have different ids.
    pub(super) generation: u64,
    pub(super) clock: Clock,
    #[serde(default)]
    pub(super) accounts: BTreeMap<String, Held>,
    /// The steps that a file has besides the accounts, until they are taken. The `null` at the beginning is no step.
    #[serde(default, skip_serializing)]
    pub(super) journal: Vec<Option<Step<'static>>>,
}

/// An account and the counter of its generated ids.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) serial: u64,
    pub(super) account: Account,
}

impl State {
    pub(super) fn new(clock: Clock) -> Self {
        Self { format: FORMAT, generation: 0, clock, accounts: BTreeMap::new(), journal: Vec::new() }
    }

    /// Returns an account, which is created when it is first asked for.
    pub(super) fn held(&mut self, account: &str) -> &mut Held {
        step::held(&mut self.accounts, account)
    }

    fn take(&mut self, step: &Step<'_>) {
        step.take_again(self);
        self.generation += 1;
    }
}

/// The place where the state is kept.
#[derive(Debug)]
pub(super) enum Store {
    Memory,
    File(Kept),
}

/// A file, and which of its content the state has.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    seen: Option<Seen>,
    /// Whether this process has added steps.
    added: bool,
}

/// The file that the state was read from or written to. It stays open, so that no other file can get its inode number.
#[derive(Debug)]
struct Seen {
    file: Arc<File>,
    length: u64,
    /// Where steps are added; `None` where the file has an older format, or another program has written it in another
    /// form.
    journal: Option<Journal>,
}

/// The places of the journal in a file.
#[derive(Clone, Copy, Debug)]
struct Journal {
    start: u64,
    /// The end of the last step, where the closing line begins.
    end: u64,
}

impl Journal {
    fn length(self) -> u64 {
        self.end - self.start
    }
}

/// Keeps other processes from the file until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(Arc<File>);

impl Drop for Lock {
    fn drop(&mut self) {
        // A lock that cannot be released ends with the file, at the end of the process.
        let _ = self.0.unlock();
    }
}

impl Store {
    /// Makes a store in a file, which is read or created when it is first locked.
    pub(super) fn file(path: &Path) -> Self {
        Self::File(Kept { path: path.to_owned(), seen: None, added: false })
    }

    /// Locks the file, if there is one, and brings the state up to date. The lock holds until the result is dropped.
    pub(super) fn lock(&mut self, state: &mut State) -> Result<Option<Lock>, SandboxError> {
        match self {
            Self::Memory => Ok(None),
            Self::File(kept) => kept.lock(state).map(Some),
        }
    }

    /// Writes a state that was changed otherwise than by a step. The caller holds the lock.
    pub(super) fn save(&mut self, state: &mut State) -> Result<(), SandboxError> {
        match self {
            Self::Memory => Ok(()),
            Self::File(kept) => kept.save(state),
        }
    }

    /// Writes a step that was just taken. The caller holds the lock.
    pub(super) fn append(&mut self, state: &mut State, step: &Step<'_>) -> Result<(), SandboxError> {
        match self {
            Self::Memory => Ok(()),
            Self::File(kept) => kept.append(state, step),
        }
    }

    /// Leaves the file to other processes: the steps that were added become part of the snapshot.
    pub(super) fn close(&mut self, state: &mut State) -> Result<(), SandboxError> {
        let Self::File(kept) = self else { return Ok(()) };
        // A file that was deleted meanwhile is not created again, and a damaged file is left as it is.
        if !kept.is_due(1) || !kept.path.exists() {
            return Ok(());
        }
        let _lock = kept.lock(state)?;
        if kept.is_due(1) { kept.save(state) } else { Ok(()) }
    }
}

impl Kept {
    /// Tells whether the journal is worth a snapshot: if this process has added steps, from `own` bytes on, otherwise
    /// when it is long.
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
            // The file is new: this process has created it, or another one that has not written it yet. A state from an
            // earlier file is void.
            if state.generation > 0 {
                *state = State::new(Clock::machine());
            }
            self.save(state)?;
        }
    }

    /// Locks the file that the path names now: while the process waited for the lock, another one may have replaced the
    /// file.
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
                // A device or a pipe must not be replaced by a file.
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
                // Where the content was replaced, no line ends here.
                && let Some(added) = added.strip_prefix(b"\n")
                && let Ok(taken) = replay(added, state)
            {
                let end = journal.end + taken;
                seen.journal = Some(Journal { end, ..journal });
                // An incomplete line is read again each time, until it is overwritten.
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
            // The rest of an incomplete line is cut off first, because the new line may be shorter.
            if file.metadata()?.len() != *length {
                file.set_len(journal.end)?;
            }
            file.write_all_at(&line, journal.end)
        });
        if let Err(source) = written {
            // The state is ahead of the file now. The file counts, and is read again.
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

    /// Writes a new file beside the old one and renames it, so that a crash leaves either the old or the new one.
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
        // Where the path is a link, the target is replaced and the link stays.
        let target = std::fs::canonicalize(&self.path)?;
        let folder = target.parent().unwrap_or_else(|| Path::new("/"));
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        let mut text = serde_json::to_vec(state)?;
        // The steps are the last member of the value.
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

/// The beginning of the file, which tells its format.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// Reads a whole file: the state, and the place of its steps where more can be added.
fn parse(path: &Path, bytes: &[u8]) -> Result<(State, Option<Journal>), SandboxError> {
    let corrupt = |source| SandboxError::Corrupt { path: path.to_owned(), source };
    // A parser's message may quote the value, and this file may have been given by mistake.
    let is_ours = has_head(&bytes[..bytes.len().min(256)]);
    let unreadable = |error: serde_json::Error| {
        let hides = error.is_data() && !is_ours;
        corrupt(if hides { serde::de::Error::custom("it does not begin like one") } else { error })
    };
    // A file of a newer format may continue after its first value, which is not checked.
    let head = Head::deserialize(&mut serde_json::Deserializer::from_slice(bytes));
    let start = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1).filter(|at| bytes[..*at].ends_with(OPEN));
    let head = match (head, start) {
        (Ok(head), _) => head,
        // The first line can be read even where the end of the file is incomplete.
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
    // Such high counters cannot come from counting, and they would overflow.
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

/// Returns the first line as a complete value.
fn closed(line: &[u8]) -> Vec<u8> {
    [line, CLOSE].concat()
}

/// Takes steps up to the closing line or to an incomplete line; returns their length.
fn replay(text: &[u8], state: &mut State) -> Result<u64, serde_json::Error> {
    let mut taken = 0;
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let rest = &text[taken..];
        // An incomplete line has no line end, or the one of the closing line which it has overwritten.
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

/// Tells by the first bytes whether a file is a sandbox file, sound or damaged.
pub(super) fn has_head(start: &[u8]) -> bool {
    let dense: Vec<u8> = start.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let Some(rest) = dense.strip_prefix(b"{\"format\":") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest[digits..].starts_with(b",\"generation\":")
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
