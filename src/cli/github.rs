//! What a step of GitHub Actions leaves behind: its outputs, its summary, and the files that later steps read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::arguments::variable;
use super::exit::{CliError, Exit};
use super::formats::Asked;
use super::{file, saved};
use crate::plan::file::SavedPlan;
use crate::render::plan::github;

/// What a step knows besides the plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    /// How the run ends.
    pub(super) exit: Exit,
    /// The plan is not the one that was reviewed.
    pub(super) stale: bool,
    /// Where the plan was saved.
    pub(super) out: Option<&'a Path>,
}

/// Writes the outputs and the summary where the runner says, and returns what the step prints.
///
/// The runner's files are named by `GITHUB_OUTPUT`, `GITHUB_STEP_SUMMARY` and `RUNNER_TEMP`; what is not set is not
/// written, so that the format can be looked at anywhere.
pub(super) fn written(plan: &SavedPlan, text: &str, asked: &Asked<'_>) -> Result<String, CliError> {
    let text = anstream::adapter::strip_str(text).to_string();
    let token = uuid::Uuid::new_v4().simple().to_string();
    let temp = variable("RUNNER_TEMP").map(PathBuf::from);
    let mut json = asked.run.out.map(Path::to_owned);
    let mut text_path = None;
    if let Some(temp) = &temp {
        let name = format!("vssctl-plan-{}", &token[..12]);
        if json.is_none() {
            let path = temp.join(format!("{name}.json"));
            saved::write(&path, plan)?;
            json = Some(path);
        }
        let path = temp.join(format!("{name}.txt"));
        std::fs::write(&path, &text).map_err(|error| unwritten(&path, error))?;
        text_path = Some(path);
    }
    let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let (json, text_path) = (shown(&json), shown(&text_path));
    let run = github::Run {
        exit: asked.run.exit as u8,
        stale: asked.run.stale,
        json_plan_path: json.as_deref(),
        text_plan_path: text_path.as_deref(),
    };
    if let Some(path) = variable("GITHUB_OUTPUT") {
        append(Path::new(&path), &github::output_file(&github::outputs(plan, &run), &token))?;
    }
    if let Some(path) = variable("GITHUB_STEP_SUMMARY") {
        append(Path::new(&path), &github::summary(plan, asked.options_of_same))?;
    }
    Ok(github::log(&text, plan, &token, &|name| file::in_repository(name.as_ref())))
}

/// Adds to a file of the runner, which other commands of the step write to as well.
fn append(path: &Path, text: &str) -> Result<(), CliError> {
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| unwritten(path, error))?;
    file.write_all(text.as_bytes()).map_err(|error| unwritten(path, error))
}

fn unwritten(path: &Path, error: std::io::Error) -> CliError {
    CliError::failed(format!("could not write to `{}`", path.display())).because(error)
}
