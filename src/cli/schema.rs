//! `vssctl schema`.

use super::exit::{CliError, Exit};
use super::ui::Ui;
use crate::{config, render};

/// Prints the JSON Schema of the configuration file.
pub(super) fn run(ui: &Ui) -> Result<Exit, CliError> {
    let text = render::json::pretty(&config::schema())
        .map_err(|error| CliError::failed("could not write the schema as JSON").because(error))?;
    ui.answer(&text);
    Ok(Exit::Done)
}
