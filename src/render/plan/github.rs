//! A plan for a job of GitHub Actions: its annotations, its outputs and its summary.
//!
//! Limits: a step shows ten errors, ten warnings and ten notices, and drops the rest without a word; a summary of more
//! than 1,024 KiB is lost whole (<https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>).

use std::fmt::Write as _;

use super::{Level, Notable, markdown, notable};
use crate::model::safe::escaped;
use crate::plan::Summary;
use crate::plan::file::SavedPlan;

/// The most bytes of a summary.
pub const SUMMARY: usize = 1_000_000;
/// How many annotations of one level a step shows.
const ANNOTATIONS: usize = 10;

/// Names a file as the repository does, given its name in the plan.
pub type InRepository<'a> = &'a dyn Fn(&str) -> String;

/// What a job knows besides the plan.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The exit code of the run.
    pub exit: u8,
    /// The plan is not the one that was reviewed.
    pub stale: bool,
    /// Where the saved plan is.
    pub json_plan_path: Option<&'a str>,
    /// Where its text is.
    pub text_plan_path: Option<&'a str>,
}

/// Returns the outputs of the step, by the names that pipelines around Terraform use.
pub fn outputs(saved: &SavedPlan, run: &Run<'_>) -> Vec<(&'static str, String)> {
    let plan = saved.plan();
    let Summary { add, change, destroy } = plan.summary();
    let adopted = saved.changes.iter().filter(|change| change.action == crate::model::Action::Adopt).count();
    let mut outputs = vec![
        ("changes", (!plan.is_empty()).to_string()),
        ("to_add", add.to_string()),
        ("to_change", change.to_string()),
        ("to_destroy", destroy.to_string()),
        ("to_import", adopted.to_string()),
        ("digest", saved.digest.clone()),
        ("hazards", markdown::hazards(saved).join(",")),
        ("exit_code", run.exit.to_string()),
        ("stale", run.stale.to_string()),
    ];
    outputs.extend(run.json_plan_path.map(|path| ("json_plan_path", path.to_owned())));
    outputs.extend(run.text_plan_path.map(|path| ("text_plan_path", path.to_owned())));
    outputs
}

/// Writes outputs for `GITHUB_OUTPUT`. The delimiter is one that no value can know.
///
/// A name or value with a carriage return or a NUL could end early: such a value is written without them.
pub fn output_file(outputs: &[(&'static str, String)], delimiter: &str) -> String {
    let mut text = String::new();
    for (name, value) in outputs {
        let value: String = value.chars().filter(|character| !matches!(character, '\r' | '\0')).collect();
        let _ = writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}");
    }
    text
}

/// Writes the summary of the step, within its limit of bytes.
pub fn summary(saved: &SavedPlan, options_of_same: &str) -> String {
    let mut limit = SUMMARY;
    loop {
        let text = markdown::plan(saved, &markdown::Options { limit, options_of_same });
        if text.len() <= SUMMARY || limit <= markdown::LEAST {
            return text;
        }
        // The limit is one of bytes, and a character may have four.
        limit = (limit / 2).max(markdown::LEAST);
    }
}

/// Writes what a step prints: the plan's text, in which no command is heard, and then the annotations.
pub fn log(text: &str, saved: &SavedPlan, token: &str, file: InRepository<'_>) -> String {
    let mut log = format!("::stop-commands::{token}\n{}\n::{token}::\n", text.trim_end());
    let all = notable(saved);
    for level in [Level::Error, Level::Warning, Level::Note] {
        let of_level: Vec<&Notable> = all.iter().filter(|notable| notable.level == level).collect();
        let shown = if of_level.len() > ANNOTATIONS { ANNOTATIONS - 1 } else { of_level.len() };
        for notable in &of_level[..shown] {
            log.push_str(&annotation(notable, file));
        }
        if shown < of_level.len() {
            let more = of_level.len() - shown;
            let _ = writeln!(log, "::{}::and {more} more: see the summary of the job", command(level));
        }
    }
    log
}

fn command(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    }
}

/// Writes one annotation at its place in the file.
fn annotation(notable: &Notable, file: InRepository<'_>) -> String {
    let mut properties = Vec::new();
    if let Some(location) = &notable.location {
        properties.push(format!("file={}", property(&file(&location.file))));
        properties.push(format!("line={}", location.line));
        properties.push(format!("col={}", location.column));
    }
    properties.push(format!("title={}", property(&notable.rule)));
    let mut message = escaped(&notable.message);
    for help in &notable.help {
        let _ = write!(message, "; {}", escaped(help));
    }
    format!("::{} {}::{}\n", command(notable.level), properties.join(","), data(&message))
}

/// Escapes the text of a command, as the runner reads it back.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
