//! `vssctl schema`.

use super::arguments::SchemaArguments;
use super::exit::{CliError, Exit};
use super::ui::Ui;
use crate::model::json;
use crate::render::stats;
use crate::{config, plan};

/// Prints the JSON Schema of the configuration file, of saved plans, or of statistics.
pub(super) fn run(arguments: &SchemaArguments, ui: &Ui) -> Result<Exit, CliError> {
    let schema = match (arguments.plan, arguments.statistics) {
        (true, _) => plan::file::schema(),
        (_, true) => stats::schema(),
        (false, false) => config::schema(),
    };
    let text =
        json::pretty(&schema).map_err(|error| CliError::failed("could not write the schema as JSON").because(error))?;
    ui.answer(&text);
    Ok(Exit::Done)
}
