//! `vssctl validate`.

use super::arguments::{Global, ValidateArguments, ValidateFormat};
use super::exit::{CliError, Exit};
use super::invocation::Medium;
use super::ui::Ui;
use super::{file, proof, session};
use crate::model::safe::escaped;
use crate::render::sarif::Origin;
use crate::render::{envelope, validate};

/// Checks everything that can be checked without AWS.
pub(super) fn run(arguments: &ValidateArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let path = file::find(global)?;
    let read = session::read(&path);
    let shown = path.display().to_string();
    let answer = match arguments.format {
        ValidateFormat::Text => None,
        ValidateFormat::Json => Some(proof::written(&envelope::validate(&shown, &read))?),
        ValidateFormat::Sarif => {
            let uri = |name: &str| file::uri(name.as_ref());
            let file = file::uri(&path);
            let scope = read.config.as_ref().map(|config| &config.scope);
            let origin = Origin { command: "validate", file: &file, scope };
            Some(proof::written(&validate::sarif(&read, &origin, &uri))?)
        }
        ValidateFormat::Junit => Some(validate::junit(&read)),
    };
    // A program reads the problems of a file that is not valid in the same answer.
    if let Some(answer) = &answer {
        let is_markup = arguments.format == ValidateFormat::Junit;
        ui.answer(&ui.worded(answer, if is_markup { Medium::Markup } else { Medium::Json }));
    }
    let loaded = session::accepted(path, read, ui)?;
    if answer.is_some() {
        return Ok(Exit::Done);
    }
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
    Ok(Exit::Done)
}
