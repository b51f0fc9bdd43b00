//! `vssctl schema`.

use super::exit::{CliError, Exit};
use super::ui::Ui;
use crate::config;

/// Prints the JSON Schema of the configuration file.
pub(super) fn run(ui: &Ui) -> Result<Exit, CliError> {
    ui.answer(&config::schema());
    Ok(Exit::Done)
}
