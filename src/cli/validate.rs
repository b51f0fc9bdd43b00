//! `vssctl validate`.

use super::arguments::{Format, Global, ValidateArguments};
use super::exit::{CliError, Exit};
use super::file;
use super::session;
use super::ui::Ui;
use crate::model::json;
use crate::model::safe::escaped;
use crate::render::envelope;

/// Checks everything that can be checked without AWS.
pub(super) fn run(arguments: &ValidateArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let path = file::find(global)?;
    let read = session::read(&path);
    let shown = path.display().to_string();
    match arguments.format {
        Format::Text => {
            let loaded = session::accepted(path, read, ui)?;
            let resources = match loaded.config.desired.len() {
                1 => "1 resource".to_owned(),
                count => format!("{count} resources"),
            };
            let warnings = match loaded.problems.len() {
                0 => String::new(),
                1 => ", with 1 warning".to_owned(),
                warnings => format!(", with {warnings} warnings"),
            };
            let stack = escaped(&loaded.config.scope.stack);
            ui.answer(&format!("{} is valid{warnings}: {resources} in stack {stack}.\n", escaped(&shown)));
        }
        Format::Json => {
            // A program reads the problems of a file that is not valid in the same answer.
            let text = json::pretty(&envelope::validate(&shown, &read))
                .map_err(|error| CliError::failed("could not write the answer as JSON").because(error))?;
            ui.answer(&text);
            session::accepted(path, read, ui)?;
        }
    }
    Ok(Exit::Done)
}
