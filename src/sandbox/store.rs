//! Where the sandbox's accounts are kept: in memory, or in a file that several processes may use at once.
//!
//! The file is locked for the length of a request, read again when somebody else wrote it, and replaced as a whole.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::clock::Clock;

/// The version of the file's format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

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
    /// Counts the writes, so that another process notices them.
    pub(super) generation: u64,
    pub(super) clock: Clock,
    #[serde(default)]
    pub(super) accounts: BTreeMap<String, Held>,
}

/// An account and the counter of its made-up ids.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) serial: u64,
    pub(super) account: Account,
}

impl State {
    pub(super) fn new(clock: Clock) -> Self {
        Self { format: FORMAT, generation: 0, clock, accounts: BTreeMap::new() }
    }

    /// Returns an account, made when first asked for.
    pub(super) fn held(&mut self, account: &str) -> &mut Held {
        self.accounts.entry(account.to_owned()).or_insert_with(|| Held { serial: 0, account: Account::seeded() })
    }
}

/// Where the state is kept.
#[derive(Debug)]
pub(super) enum Store {
    Memory,
    File(PathBuf),
}

/// The head of the file, enough to tell its format and whether it was written since.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Store {
    /// Locks the file, if there is one, and brings the state up to date. The lock lives as long as what is returned.
    pub(super) fn lock(&self, state: &mut State) -> Result<Option<File>, SandboxError> {
        let Self::File(path) = self else { return Ok(None) };
        let mut file = lock_current(path)?;
        let mut start = [0_u8; 64];
        let count = file.read(&mut start).map_err(|source| io_error(path, "read", source))?;
        if count == 0 {
            // Just made, by us or by somebody who has not written yet.
            write(path, state)?;
            return lock_current(path).map(Some);
        }
        let ours = format!("{{\"format\":{FORMAT},\"generation\":{},", state.generation);
        if state.generation == 0 || !start[..count].starts_with(ours.as_bytes()) {
            *state = read(path)?;
        }
        Ok(Some(file))
    }

    /// Keeps the state. The caller holds the lock.
    pub(super) fn save(&self, state: &mut State) -> Result<(), SandboxError> {
        match self {
            Self::Memory => Ok(()),
            Self::File(path) => write(path, state),
        }
    }
}

/// Opens and locks the file that the path names now: while we waited for the lock, another process may have put a new
/// file in its place.
fn lock_current(path: &Path) -> Result<File, SandboxError> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|source| io_error(path, "opened", source))?;
        file.lock().map_err(|source| io_error(path, "locked", source))?;
        let held = file.metadata().map_err(|source| io_error(path, "read", source))?;
        if !held.is_file() {
            // Replacing a device or a pipe by a file would do harm.
            return Err(io_error(path, "used", io::Error::other("it is no regular file")));
        }
        match std::fs::metadata(path) {
            Ok(named) if (named.dev(), named.ino()) == (held.dev(), held.ino()) => return Ok(file),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error(path, "read", source)),
        }
    }
}

fn read(path: &Path) -> Result<State, SandboxError> {
    let bytes = std::fs::read(path).map_err(|source| io_error(path, "read", source))?;
    let corrupt = |source| SandboxError::Corrupt { path: path.to_owned(), source };
    let head: Head = serde_json::from_slice(&bytes).map_err(|error| {
        // What is wrong with a value may quote it, and this may be anybody's file.
        let is_ours = !error.is_data() || has_head(&bytes[..bytes.len().min(256)]);
        corrupt(if is_ours { error } else { serde::de::Error::custom("it does not begin like one") })
    })?;
    if head.format > FORMAT {
        return Err(SandboxError::Newer { path: path.to_owned(), found: head.format });
    }
    let state: State = serde_json::from_slice(&bytes).map_err(corrupt)?;
    // Counters that high were never counted, and would overflow.
    if !state.clock.is_plausible()
        || state.generation > HIGHEST
        || state.accounts.values().any(|held| held.serial > HIGHEST)
    {
        return Err(corrupt(serde::de::Error::custom("a counter or the clock is out of range")));
    }
    Ok(state)
}

/// Tells whether what begins so is a sandbox file, sound or damaged.
pub(super) fn has_head(start: &[u8]) -> bool {
    let dense: Vec<u8> = start.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let Some(rest) = dense.strip_prefix(b"{\"format\":") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest[digits..].starts_with(b",\"generation\":")
}

/// Writes a new file beside the old one and puts it in its place, so that a crash leaves the one or the other.
fn write(path: &Path, state: &mut State) -> Result<(), SandboxError> {
    let failed = |source| io_error(path, "written", source);
    state.generation += 1;
    // A link stays a link: its target is what gets replaced.
    let target = std::fs::canonicalize(path).map_err(failed)?;
    let folder = target.parent().unwrap_or_else(|| Path::new("/"));
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let text = serde_json::to_vec(state).map_err(|error| failed(io::Error::other(error)))?;
    temporary.write_all(&text).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

fn io_error(path: &Path, action: &'static str, source: io::Error) -> SandboxError {
    SandboxError::Io { path: path.to_owned(), action, source }
}
