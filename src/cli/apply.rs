//! `vssctl apply`, and the part of it that `destroy` and `adopt` share: wording what the engine does.

use std::path::{Path, PathBuf};

use super::arguments::{ApplyArguments, Consent, Global, LockKind, Locking, variable};
use super::events::Ended;
use super::exit::{CliError, Exit};
use super::invocation::shell_word;
use super::session::{self, Loaded, Session};
use super::terminal::{Manner, Terminal, exit};
use super::ui::Ui;
use super::{file, lease, saved};
use crate::config::Config;
use crate::engine::{self, EngineError, Exclusion, Order, Reviewed};
use crate::model::safe::escaped;
use crate::model::{Address, Consents, Diagnostics, Hidden, Sources};
use crate::plan::HazardNote;
use crate::plan::Options;
use crate::plan::file::SavedPlan;
use crate::render::report::Reported;
use crate::render::text::Detail;

/// What a command does and how it speaks of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command<'a> {
    /// The command's name.
    pub(super) operation: &'a str,
    /// How much of the plan is shown.
    pub(super) detail: Detail,
    /// Whether to ask.
    pub(super) consent: Consent,
    /// How other runs are kept out.
    pub(super) locking: Locking,
    /// Events as JSON, one a line, in place of text.
    pub(super) json: bool,
    /// How many steps at a time.
    pub(super) parallelism: usize,
    /// What is asked, and the answer that means yes.
    pub(super) question: (&'a str, &'a str),
    /// Said when there is nothing to do, in place of the plan's own words.
    pub(super) nothing: Option<&'a str>,
    /// The whole stack goes.
    pub(super) destroys: bool,
    /// The hazards that are consented to.
    pub(super) consents: &'a Consents,
    /// The plan that was reviewed.
    pub(super) reviewed: Reviewed<'a>,
}

/// Makes AWS match the file.
pub(super) async fn run(arguments: &ApplyArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    if let Some(path) = &arguments.saved {
        return Box::pin(apply_saved(path, arguments, global, ui)).await;
    }
    let session = Session::open(global, ui).await?;
    let options = session.options(&arguments.scoping, Some(&arguments.pruning))?;
    let reviewed = arguments.expect_digest.as_deref().map_or(Reviewed::No, Reviewed::Digest);
    of_arguments(&session, arguments, &options, reviewed).await
}

/// Applies a saved plan, and exactly that.
async fn apply_saved(path: &Path, arguments: &ApplyArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let saved = saved::read(path)?;
    saved.expect(arguments.expect_digest.as_deref()).map_err(|refusal| saved::refused(path, refusal))?;
    let loaded = loaded(path, &saved, global, ui)?;
    let session = Session { path: path.to_owned(), ..Session::open_for(loaded, global, ui).await? };
    if let Some(time) = arguments.scoping.timeout {
        session.engine.end_after(time);
    }
    of_arguments(&session, arguments, &saved.options(), Reviewed::Saved(&saved)).await
}

/// Finds the configuration that a saved plan is applied with. Where there is a file, it must be the one that the plan
/// was made from; otherwise the plan brings its own entries.
fn loaded(path: &Path, saved: &SavedPlan, global: &Global, ui: &Ui) -> Result<Loaded, CliError> {
    let is_named = global.file.is_some() || variable("VSSCTL_CONFIG").is_some();
    if is_named || file::find(global).is_ok() {
        let loaded = session::load(global, ui)?;
        saved.check_config(&loaded.config).map_err(|refusal| saved::refused(path, refusal))?;
        return Ok(loaded);
    }
    let config = Config {
        scope: saved.scope.clone(),
        desired: saved.entries(),
        sha256: saved.config_sha256.clone(),
        thresholds: saved.options.thresholds,
        hidden: Hidden::default(),
        consents: Vec::new(),
    };
    Ok(Loaded { path: PathBuf::from(path), config, sources: Sources::default(), problems: Diagnostics::default() })
}

/// Applies as the arguments say.
async fn of_arguments(
    session: &Session<'_>,
    arguments: &ApplyArguments,
    options: &Options,
    reviewed: Reviewed<'_>,
) -> Result<Exit, CliError> {
    let question = format!("Apply these changes to {}?\nOnly `yes` is taken: ", session.place());
    let command = Command {
        operation: "apply",
        detail: arguments.detailing.detail(),
        consent: arguments.consent,
        locking: arguments.locking,
        json: arguments.json,
        parallelism: arguments.scoping.parallelism,
        question: (&question, "yes"),
        nothing: None,
        destroys: false,
        consents: &session.consents(&arguments.allowing.allow),
        reviewed,
    };
    carry_out(session, options, &command).await
}

/// Has the engine carry it out, and says how it ended.
pub(super) async fn carry_out(
    session: &Session<'_>,
    options: &Options,
    command: &Command<'_>,
) -> Result<Exit, CliError> {
    let ui = session.ui;
    let caller_arn = session.engine.caller.arn.as_str();
    let line = match command.reviewed {
        Reviewed::Saved(_) => {
            let path = escaped(&shell_word(&session.path.to_string_lossy()));
            format!("vssctl{} apply {path}", session.options_of_same)
        }
        Reviewed::No | Reviewed::Digest(_) => session.line(command.operation, options),
    };
    let manner = Manner {
        consent: command.consent,
        json: command.json,
        line: &line,
        detail: command.detail,
        question: command.question,
        nothing: command.nothing,
        destroys: command.destroys,
        caller: (!command.json && !session.sandbox).then_some(caller_arn),
        options_of_same: &session.options_of_same,
        consents: command.consents,
    };
    let terminal = Terminal::new(ui, &session.sources, caller_arn, manner);
    let exclusion = match command.locking.lock {
        LockKind::None => Exclusion::None,
        LockKind::Ssm => Exclusion::Lease { patience: command.locking.lock_timeout },
    };
    let order = Order {
        operation: command.operation,
        options,
        consents: command.consents,
        reviewed: command.reviewed,
        exclusion,
        parallelism: command.parallelism,
    };
    let ended = Box::pin(engine::carry_out(&session.engine, &order, &terminal)).await;
    ui.clear_status();
    let ended = match terminal.failed() {
        Some(failed) => Err(failed),
        None => ended.map_err(|error| worded(session, error)),
    };
    if command.json {
        let mut diagnostics = session.problems.clone();
        diagnostics.extend(ended.iter().flat_map(|ended| ended.plan.diagnostics.iter().cloned()));
        let ending = Ended {
            command: command.operation,
            scope: Some(&session.engine.config.scope),
            exit: ended.as_ref().map_or_else(|error| error.exit, |ended| exit(ended.end)),
            report: terminal.done().map(Reported::Run),
            error: ended.as_ref().err(),
            diagnostics: &diagnostics,
        };
        ending.report(ui)?;
    }
    let ended = ended?;
    if ended.is_cut_off {
        ui.warn("stopped at once: calls in flight may or may not have been done; `vssctl plan` shows what is there");
    } else if ended.is_unsettled {
        ui.note("Stopped waiting until AWS shows all of it: `vssctl plan` shows what is there.");
    } else if ended.report.is_none() && ended.plan.is_empty() && ended.end != engine::End::Done {
        ui.note("Nothing was changed.");
    }
    Ok(exit(ended.end))
}

/// Says why a run ended.
fn worded(session: &Session<'_>, error: EngineError) -> CliError {
    match error {
        EngineError::Hazards(open) => hazards(&open),
        EngineError::NobodyToAsk => {
            let why = if session.ui.is_silenced() { "`--no-input` is given" } else { "there is no terminal to ask on" };
            CliError::refused(format!("nothing was changed: {why}"))
                .hint("read the plan, then run it again with `--yes`")
        }
        EngineError::Lease(error) => {
            lease::refused(&session.engine.config.scope.stack, &session.options_of_same, error)
        }
        error => session.worded(error),
    }
}

/// Names the hazards that nobody consented to. `--yes` does not consent to a hazard that nobody may have seen.
fn hazards(open: &[(Address, HazardNote)]) -> CliError {
    let mut names: Vec<&str> = open.iter().map(|(_, note)| note.hazard.name()).collect();
    names.sort_unstable();
    names.dedup();
    let error = CliError::refused(format!("nothing was changed: the plan needs consent to {}", names.join(", ")));
    let error = open.iter().fold(error, |error, (address, note)| {
        error.hint(format!("{} at `{address}`: {}", note.hazard, escaped(&note.why)))
    });
    error.hint(format!("if all of that is meant, run it again with `--allow {}`", names.join(",")))
}
