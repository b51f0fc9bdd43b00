//! From arguments to an exit code: parses, starts the log, and runs one command.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;

use super::arguments::{Arguments, Command, Global, command};
use super::events::Ended;
use super::exit::{CliError, Exit};
use super::invocation::Invocation;
use super::log::start_log;
use super::ui::{Color, Ui};
use super::{
    adopt, apply, backup, completion, coverage, destroy, doctor, drift, explain, export, fmt, graph, init, migrate,
    output, permissions, plan, pull, sandbox, schema, show, unlock, validate, verify, version,
};
use crate::model::Diagnostics;

/// Runs the program on this process's arguments.
pub fn main() -> ExitCode {
    run(std::env::args_os().collect()).into()
}

/// Parses the arguments and runs the command.
fn run(arguments: Vec<OsString>) -> Exit {
    let mut ui = Ui::new(color_of(&arguments));
    let parsed = command().try_get_matches_from(arguments).and_then(|matches| Arguments::from_arg_matches(&matches));
    let exit = match parsed {
        Ok(Arguments { mut global, command }) => {
            global.writes = command.writes();
            ui.silence(global.no_input);
            ui.invoked(Invocation::of(&global));
            let events = command.events();
            let ended = execute(&global, command, &ui);
            ui.clear_status();
            if let Err(error) = &ended {
                ui.error(error);
            }
            let exit = ended.as_ref().map_or_else(|error| error.exit, |exit| *exit);
            let told = events.map_or(Ok(()), |command| last_event(command, exit, ended.as_ref().err(), &ui));
            let counted = global.stats.as_deref().map_or(Ok(()), |to| global.counted.tell(to, &ui));
            match told.and(counted) {
                Ok(()) => exit,
                Err(error) => {
                    ui.error(&error);
                    if exit == Exit::Done { error.exit } else { exit }
                }
            }
        }
        Err(error) => usage(&error, &ui),
    };
    ui.finish(exit)
}

/// Prints the last event of a command with `--json` that has not printed one.
fn last_event(command: &str, exit: Exit, error: Option<&CliError>, ui: &Ui) -> Result<(), CliError> {
    let diagnostics = &Diagnostics::default();
    Ended { command, scope: None, exit, report: None, error, diagnostics }.report(ui)
}

/// Prints what clap has to say: help and version are answers, everything else is a usage error.
fn usage(error: &clap::Error, ui: &Ui) -> Exit {
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        ui.aside(&text);
        Exit::Invalid
    } else {
        ui.answer(&text);
        Exit::Done
    }
}

/// Finds `--color` before anything is parsed: usage errors are coloured too.
fn color_of(arguments: &[OsString]) -> Color {
    let texts: Vec<&str> =
        arguments.iter().skip(1).filter_map(|argument| argument.to_str()).take_while(|text| *text != "--").collect();
    let value = texts.iter().enumerate().rev().find_map(|(index, text)| match text.strip_prefix("--color") {
        Some("") => texts.get(index + 1).copied(),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    value.and_then(|value| clap::ValueEnum::from_str(value, false).ok()).unwrap_or_default()
}

/// Runs one command.
fn execute(global: &Global, command: Command, ui: &Ui) -> Result<Exit, CliError> {
    start_log(global);
    if let Some(directory) = &global.chdir {
        std::env::set_current_dir(directory).map_err(|error| {
            CliError::invalid(format!("could not change to the directory `{}`", directory.display())).because(error)
        })?;
    }
    match command {
        Command::Init(arguments) => init::run(&arguments, global, ui),
        Command::Migrate(arguments) => block_on(migrate::run(&arguments, global, ui)),
        Command::Validate(arguments) => validate::run(&arguments, global, ui),
        Command::Fmt(arguments) => fmt::run(&arguments, global, ui),
        Command::Graph(arguments) => graph::run(&arguments, global, ui),
        Command::Output(arguments) => block_on(output::run(&arguments, global, ui)),
        Command::Permissions(arguments) => permissions::run(&arguments, global, ui),
        Command::Schema(arguments) => schema::run(&arguments, ui),
        Command::Explain(arguments) => explain::run(&arguments, ui),
        Command::Version => Ok(version::run(ui)),
        Command::Completion(arguments) => completion::run(&arguments, ui),
        Command::Plan(arguments) => block_on(plan::run(&arguments, global, ui)),
        Command::Drift(arguments) => block_on(drift::run(&arguments, global, ui)),
        Command::Apply(arguments) => block_on(apply::run(&arguments, global, ui)),
        Command::Destroy(arguments) => block_on(destroy::run(&arguments, global, ui)),
        Command::Adopt(arguments) => block_on(adopt::run(&arguments, global, ui)),
        Command::Pull(arguments) => block_on(pull::run(&arguments, global, ui)),
        Command::Unlock(arguments) => block_on(unlock::run(&arguments, global, ui)),
        Command::Verify(arguments) => block_on(verify::run(&arguments, global, ui)),
        Command::Doctor(arguments) => block_on(doctor::run(&arguments, global, ui)),
        Command::Coverage(arguments) => block_on(coverage::run(&arguments, global, ui)),
        Command::Backup(arguments) => block_on(backup::run(&arguments, global, ui)),
        Command::Export(arguments) => block_on(export::run(&arguments, global, ui)),
        Command::Show(arguments) => block_on(show::run(&arguments, global, ui)),
        Command::Sandbox(arguments) => block_on(sandbox::run(&arguments, global, ui)),
    }
}

/// Runs a command that talks to AWS; Ctrl-C ends it at once, unless the command listens itself.
fn block_on(command: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("could not start the runtime").because(error))?;
    let result = runtime.block_on(command);
    // A call that nobody waits for any more must not hold up the exit.
    runtime.shutdown_background();
    result
}
