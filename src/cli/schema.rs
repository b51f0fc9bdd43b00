//! `vssctl schema`.

use super::arguments::SchemaArguments;
use super::exit::{CliError, Exit};
use super::ui::Ui;
use crate::config;
use crate::model::json;
use crate::render::envelope::Document;
use crate::render::stats;

/// Prints the JSON Schema of the configuration file, of saved plans, of an answer, or of statistics.
pub(super) fn run(arguments: &SchemaArguments, ui: &Ui) -> Result<Exit, CliError> {
    let &SchemaArguments { plan, validate, verify, doctor, coverage, show, backup, drift, report, statistics } =
        arguments;
    let asked = [
        (plan, Document::Plan),
        (validate, Document::Validate),
        (verify, Document::Verify),
        (doctor, Document::Doctor),
        (coverage, Document::Coverage),
        (show, Document::Show),
        (backup, Document::Backup),
        (drift, Document::Drift),
        (report, Document::Report),
    ];
    let schema = match asked.into_iter().find(|(is_asked, _)| *is_asked) {
        Some((_, document)) => document.schema(),
        None if statistics => stats::schema(),
        None => config::schema(),
    };
    let text =
        json::pretty(&schema).map_err(|error| CliError::failed("could not write the schema as JSON").because(error))?;
    ui.answer(&text);
    Ok(Exit::Done)
}
