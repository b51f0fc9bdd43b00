//! `vssctl explain [CODE]`.

use std::fmt::Write as _;

use super::arguments::ExplainArguments;
use super::exit::{CliError, Exit};
use super::ui::Ui;
use crate::config::{codes, explain};
use crate::render::escaped;

/// Prints the long text of a code, or lists the codes.
pub(super) fn run(arguments: &ExplainArguments, ui: &Ui) -> Result<Exit, CliError> {
    let Some(code) = &arguments.code else {
        ui.answer(&list());
        return Ok(Exit::Done);
    };
    let Some(explanation) = explain(code) else {
        return Err(CliError::invalid(format!("there is no code `{code}`")).hint("`vssctl explain` lists them all"));
    };
    ui.answer(&format!("{}: {}\n\n{}\n", explanation.code, escaped(explanation.title), explanation.text));
    Ok(Exit::Done)
}

/// Lists all codes with their titles.
fn list() -> String {
    let mut text = String::new();
    for explanation in codes().filter_map(explain) {
        let _ = writeln!(text, "{}  {}", explanation.code, explanation.title);
    }
    text
}
