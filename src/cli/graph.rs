//! `vssctl graph`.

use super::arguments::{Global, GraphArguments, GraphFormat};
use super::exit::{CliError, Exit};
use super::session;
use super::ui::Ui;
use crate::render::graph;

/// Prints which resource of the file needs which: without AWS, from the references of the file.
pub(super) fn run(arguments: &GraphArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let loaded = session::load(global, ui)?;
    let desired = &loaded.config.desired;
    ui.answer(&match arguments.format {
        GraphFormat::Dot => graph::dot(&loaded.config.scope.stack, desired),
        GraphFormat::Mermaid => graph::mermaid(desired),
    });
    Ok(Exit::Done)
}
