//! A plan in the format that was asked for: what `plan` and `show FILE` share.

use super::arguments::PlanFormat;
use super::exit::CliError;
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
