//! `vssctl schema`.

use super::arguments::SchemaArguments;
use super::exit::{CliError, Exit};
use super::ui::Ui;
use crate::model::json;
use crate::{config, plan};

/// Prints the JSON Schema of the configuration file, or of saved plans.
pub(super) fn run(arguments: &SchemaArguments, ui: &Ui) -> Result<Exit, CliError> {
    let schema = if arguments.plan { plan::file::schema() } else { config::schema() };
    let text =
        json::pretty(&schema).map_err(|error| CliError::failed("could not write the schema as JSON").because(error))?;
    ui.answer(&text);
    Ok(Exit::Done)
}
