//! `vssctl schema`.

use super::arguments::SchemaArguments;
use super::exit::{CliError, Exit};
use super::ui::Ui;
use crate::{config, plan, render};

/// Prints the JSON Schema of the configuration file, or of saved plans.
pub(super) fn run(arguments: &SchemaArguments, ui: &Ui) -> Result<Exit, CliError> {
    let schema = if arguments.plan { plan::file::schema() } else { config::schema() };
    let text = render::json::pretty(&schema)
        .map_err(|error| CliError::failed("could not write the schema as JSON").because(error))?;
    ui.answer(&text);
    Ok(Exit::Done)
}
