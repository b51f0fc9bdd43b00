//! A plan in the format that was asked for: what `plan` and `show FILE` share.

use super::arguments::{Detailing, PlanFormat};
use super::exit::CliError;
use super::invocation::Medium;
use super::ui::Ui;
use super::{file, github, proof};
use crate::model::json;
use crate::plan::file::SavedPlan;
use crate::render::plan::{gitlab, markdown, sarif, tfplan};
use crate::render::sarif::Origin;

/// What is to be written, and how.
pub(super) struct Asked<'a> {
    pub(super) format: PlanFormat,
    /// The most characters of Markdown.
    pub(super) limit: usize,
    /// The options that another command needs to mean the same file and account.
    pub(super) options_of_same: &'a str,
    /// The configuration file, as the repository names it.
    pub(super) uri: &'a str,
    /// What the run knows besides.
    pub(super) run: github::Step<'a>,
}

/// Makes sure that how much is asked for is asked of a format for people: the others have all of it, always.
pub(super) fn detailed(detailing: Detailing, format: PlanFormat) -> Result<(), CliError> {
    if (detailing.full || detailing.summary) && !matches!(format, PlanFormat::Text | PlanFormat::Github) {
        let option = if detailing.full { "--full" } else { "--summary" };
        return Err(CliError::invalid(format!("`{option}` is for people: this format has all of the plan"))
            .hint("leave it out, or leave `--format` out"));
    }
    Ok(())
}

/// Prints a plan that is written. A saved plan is sealed, and another program's form has no command lines: both stay as
/// they are.
pub(super) fn answer(ui: &Ui, format: PlanFormat, text: &str) {
    let medium = match format {
        PlanFormat::Json | PlanFormat::GitlabTerraform | PlanFormat::Tfplan => return ui.answer(text),
        PlanFormat::Text | PlanFormat::Github => Medium::Text(usize::MAX),
        PlanFormat::Markdown => Medium::Markdown,
        PlanFormat::Sarif => Medium::Json,
    };
    ui.answer(&ui.worded(text, medium));
}

/// Writes a plan. `text` is its form for people.
pub(super) fn written(saved: &SavedPlan, asked: &Asked<'_>, text: impl FnOnce() -> String) -> Result<String, CliError> {
    let uri = |name: &str| file::uri(name.as_ref());
    Ok(match asked.format {
        PlanFormat::Text => text(),
        PlanFormat::Json => {
            json::pretty(saved).map_err(|error| CliError::failed("could not write the plan as JSON").because(error))?
        }
        PlanFormat::Markdown => {
            let options = markdown::Options { limit: asked.limit, options_of_same: asked.options_of_same };
            markdown::plan(saved, &options)
        }
        PlanFormat::Github => github::written(saved, &text(), asked)?,
        PlanFormat::GitlabTerraform => json::line(&gitlab::counts(saved))
            .map_err(|error| CliError::failed("could not write the plan as JSON").because(error))?,
        PlanFormat::Tfplan => proof::written(&tfplan::plan(saved))?,
        PlanFormat::Sarif => {
            let origin = Origin { command: "plan", file: asked.uri, scope: Some(&saved.scope) };
            proof::written(&sarif::plan(saved, &origin, &uri))?
        }
    })
}
