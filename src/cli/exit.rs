//! Exit codes, and the error at the edge that picks one.

use std::error::Error;
use std::fmt;

use crate::aws::{AwsError, ErrorKind};
use crate::render::report::advice;

/// How a run ended, as pipelines see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// There are changes; only with `plan --detailed-exitcode`.
    Changes = 2,
    /// A saved plan is stale, or a plan is not the one that was reviewed: plan again.
    Stale = 3,
    /// Refused: somebody else's resource, the wrong account, a guard or a threshold.
    Refused = 4,
    /// Some changes were made and some were not.
    Partly = 5,
    /// The configuration or the usage is wrong.
    Invalid = 6,
    /// Somebody else holds the lease.
    Locked = 7,
    /// Something is wrong with backups, or would be: `verify`, `doctor`, `coverage`, `backup`. Of `init`: the file does
    /// not have all of the template. Of `fmt --check`: a file is not in the layout.
    Findings = 8,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Ends a run: what went wrong, the exit code, and what to do next.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// What happened, in one sentence.
    message: String,
    /// Why.
    source: Option<Box<dyn Error + Send + Sync>>,
    /// What to do next, one sentence each.
    pub hints: Vec<String>,
}

impl CliError {
    /// Makes an error with its exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), source: None, hints: Vec::new() }
    }

    /// Makes an error of the usage or the configuration.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, message)
    }

    /// Makes a plain failure.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Makes a refusal.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// Names the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for CliError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<AwsError> for CliError {
    fn from(error: AwsError) -> Self {
        let hint = advice(&error);
        let message = format!("could not call `{}:{}`", error.service, error.operation);
        let request = error.request_id.clone();
        let exit = if error.kind == ErrorKind::Endpoint { Exit::Refused } else { Exit::Failed };
        let mut result = Self::new(exit, message).because(error);
        if let Some(request) = request {
            result = result.hint(format!("request id {request}"));
        }
        match hint {
            Some(hint) => result.hint(hint),
            None => result,
        }
    }
}
