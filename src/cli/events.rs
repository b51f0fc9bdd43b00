//! The events of `--json`: one a line, each with its time, and a `report` last, whatever happened before it.

use serde_json::{Value, json};

use super::exit::{CliError, Exit};
use super::invocation::Medium;
use super::ui::Ui;
use crate::aws::AwsError;
use crate::model::json;
use crate::model::{Diagnostics, Scope};
use crate::render::envelope::{Envelope, Verdict};
use crate::render::report::{Ending, Failure, Reported};

/// Returns the time of an event.
fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// Prints an event.
pub(super) fn event(ui: &Ui, mut event: Value) -> Result<(), CliError> {
    event["time"] = json!(now());
    line(ui, &event)
}

fn line<T: serde::Serialize>(ui: &Ui, value: &T) -> Result<(), CliError> {
    let line =
        json::line(value).map_err(|error| CliError::failed("could not write an event as JSON").because(error))?;
    ui.answer(&ui.worded(&line, Medium::Json));
    Ok(())
}

/// How a command with `--json` ended.
pub(super) struct Ended<'a> {
    /// The command's name.
    pub(super) command: &'a str,
    /// Where; nothing where the run ended before it knew.
    pub(super) scope: Option<&'a Scope>,
    /// The exit code.
    pub(super) exit: Exit,
    /// What was done.
    pub(super) report: Option<Reported>,
    /// What ended it early.
    pub(super) error: Option<&'a CliError>,
    /// The problems of the file and of the plan.
    pub(super) diagnostics: &'a Diagnostics,
}

impl Ended<'_> {
    /// Prints the last event, once in a run.
    pub(super) fn report(self, ui: &Ui) -> Result<(), CliError> {
        let Self { command, scope, exit, report, error, diagnostics } = self;
        if ui.has_reported() {
            return Ok(());
        }
        let counts = match &report {
            Some(Reported::Run(run)) => [
                ("added", run.added),
                ("changed", run.changed),
                ("destroyed", run.destroyed),
                ("left-out", run.left_out),
            ],
            Some(Reported::Backup(_) | Reported::Unlock(_)) | None => {
                [("added", 0), ("changed", 0), ("destroyed", 0), ("left-out", 0)]
            }
        };
        let is_whole = |report: &Reported| match report {
            Reported::Run(run) => run.complete,
            Reported::Backup(_) | Reported::Unlock(_) => true,
        };
        let verdict = match exit {
            Exit::Done if !report.as_ref().is_none_or(is_whole) => Verdict::Incomplete,
            Exit::Done | Exit::Changes => Verdict::Done,
            Exit::Partly => Verdict::Incomplete,
            Exit::Stale | Exit::Refused | Exit::Locked => Verdict::Refused,
            Exit::Failed | Exit::Invalid => Verdict::Failed,
            Exit::Findings => Verdict::Findings,
            Exit::Interrupted => Verdict::Interrupted,
        };
        let ending = Ending { event: "report", time: now(), exit: exit as u8, report, error: error.map(failure) };
        ui.mark_reported();
        line(ui, &Envelope::new(command, scope, verdict, counts, ending).with(diagnostics))
    }
}

/// Words an error as [`Ui::error`] does.
fn failure(error: &CliError) -> Failure {
    let mut because: Vec<String> = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let failed = AwsError::of(cause);
        because.push(failed.map_or_else(|| cause.to_string(), AwsError::sentence));
        source = cause.source().filter(|_| failed.is_none());
    }
    Failure { message: error.to_string(), because, hints: error.hints.clone() }
}
