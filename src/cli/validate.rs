//! `vssctl validate`.

use super::arguments::Global;
use super::exit::{CliError, Exit};
use super::session;
use super::ui::Ui;
use crate::model::safe::escaped;

/// Checks everything that can be checked without AWS.
pub(super) fn run(global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let loaded = session::load(global, ui)?;
    let resources = match loaded.config.desired.len() {
        1 => "1 resource".to_owned(),
        count => format!("{count} resources"),
    };
    let warnings = match loaded.problems.len() {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        warnings => format!(", with {warnings} warnings"),
    };
    let (path, stack) = (loaded.path.display().to_string(), &loaded.config.scope.stack);
    ui.answer(&format!("{} is valid{warnings}: {resources} in stack {}.\n", escaped(&path), escaped(stack)));
    Ok(Exit::Done)
}
