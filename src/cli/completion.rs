//! `vssctl completion SHELL`.

use super::arguments::{CompletionArguments, command};
use super::exit::{CliError, Exit};
use super::ui::Ui;

/// Prints a shell's completion script.
pub(super) fn run(arguments: &CompletionArguments, ui: &Ui) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), "vssctl", &mut script);
    let script =
        String::from_utf8(script).map_err(|error| CliError::failed("the script is not UTF-8").because(error))?;
    ui.answer(&script);
    Ok(Exit::Done)
}
