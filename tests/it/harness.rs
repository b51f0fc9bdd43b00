//! Runs the built binary in a directory of its own, away from the environment of whoever runs the tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The smallest file with one of each thing of the announcement. The tests in Python read it too.
pub(crate) const MAIN_JOB: &str = include_str!("../main-job.toml");

/// A directory to run in.
pub(crate) struct Place {
    directory: TempDir,
}

/// What one run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    /// Makes an empty directory that is a git root, so that nothing above it is looked at.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(directory.path().join(".git")).expect("a directory");
        Self { directory }
    }

    /// Makes a directory with a `vss.toml`.
    pub(crate) fn with(text: &str) -> Self {
        let place = Self::empty();
        place.write("vss.toml", text);
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("a file")
    }

    /// Prepares a command with a bare environment.
    pub(crate) fn prepare(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let binaries = binary().parent().expect("a parent").to_owned();
        let system = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([binaries].into_iter().chain(std::env::split_paths(&system))).expect("a search path");
        command.current_dir(self.path()).env_clear().env("PATH", path).env("HOME", self.path()).stdin(Stdio::null());
        // The mutant at work, see `tests/mutants`: without its name the program would be without it.
        command.envs(std::env::var_os("VSSCTL_MUTANT").map(|name| ("VSSCTL_MUTANT", name)));
        command
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.prepare(binary());
        command.args(arguments);
        command
    }

    /// Runs `vssctl` with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::from(self.command(arguments).output().expect("vssctl runs"))
    }

    /// Runs `vssctl --sandbox=account.json` with these arguments.
    pub(crate) fn sandbox(&self, arguments: &[&str]) -> Run {
        self.run(&[&["--sandbox=account.json"], arguments].concat())
    }

    /// Runs a line of shell with `vssctl` on the search path.
    pub(crate) fn shell(&self, line: &str) -> Run {
        Run::from(self.prepare("bash").args(["-o", "pipefail", "-c", line]).output().expect("bash runs"))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Run {
    /// Asserts the exit code and returns the run.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }
}

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_vssctl"))
}

/// Waits until something is so, for a minute at most.
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "it never was so");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
