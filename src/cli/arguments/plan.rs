//! The arguments of what shows a plan: `plan`, `drift` and `show`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::{Pruning, Scoping};
use crate::model::duration::minutes;
use crate::plan::drift::Severity;
use crate::plan::file::{LONGEST, is_digest};
use crate::render::plan::markdown::{COMMENT, LEAST};
use crate::render::text::Detail;

/// How a plan is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PlanFormat {
    /// For people.
    #[default]
    Text,
    /// The saved plan, for programs, versioned.
    Json,
    /// A comment of a pull request.
    Markdown,
    /// Annotations, outputs and the summary of a job of GitHub Actions.
    Github,
    /// The counts that GitLab shows in a merge request.
    GitlabTerraform,
    /// The shape of Terraform's JSON plan, for checkov, conftest and others.
    Tfplan,
    /// Code scanning.
    Sarif,
}

/// How much of a plan is written for people.
#[derive(Args, Clone, Copy, Debug)]
pub(in crate::cli) struct Detailing {
    /// Show every field of what is added: what a preset brings too, and whole lists
    #[arg(long, conflicts_with = "summary")]
    pub(in crate::cli) full: bool,
    /// Show one line for each change
    #[arg(long)]
    pub(in crate::cli) summary: bool,
}

impl Detailing {
    pub(in crate::cli) fn detail(self) -> Detail {
        match (self.full, self.summary) {
            (true, _) => Detail::Full,
            (false, true) => Detail::Summary,
            (false, false) => Detail::Brief,
        }
    }
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub(in crate::cli) struct PlanArguments {
    #[command(flatten)]
    pub(in crate::cli) scoping: Scoping,
    #[command(flatten)]
    pub(in crate::cli) pruning: Pruning,
    /// Exit with 2 if there are changes, 0 if there are none, 1 on failure
    #[arg(long)]
    pub(in crate::cli) detailed_exitcode: bool,
    /// Exit with 2 if there is a difference of this severity or a worse one
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(in crate::cli) fail_on: Option<Severity>,
    #[command(flatten)]
    pub(in crate::cli) detailing: Detailing,
    /// How the plan is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) format: PlanFormat,
    /// The most characters of `--format markdown`
    #[arg(long, value_name = "CHARS", default_value_t = COMMENT, value_parser = limit)]
    pub(in crate::cli) limit: usize,
    /// Save the plan to FILE, for `apply FILE`
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// How long the saved plan may be applied, such as `30m`; at most `24h` [default: 4h]
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    pub(in crate::cli) expires: Option<SignedDuration>,
    /// Label each difference as this change or drift, holding the file against the one of this commit
    #[arg(long, value_name = "REF")]
    pub(in crate::cli) base: Option<String>,
    /// Exit with 3 unless the plan is still the one with this digest
    #[arg(long, value_name = "sha256:...", value_parser = digest)]
    pub(in crate::cli) expect_digest: Option<String>,
    /// Exit with 3 unless the plan is still the one saved in FILE, and show only what moved since
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) reviewed: Option<PathBuf>,
}

/// How drift is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum DriftFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, versioned.
    Json,
    /// A comment or a chat.
    Markdown,
    /// The title and the body of one issue that is kept up to date.
    Issue,
    /// Code scanning.
    Sarif,
    /// The textfile collector of `node_exporter`.
    Prometheus,
}

/// Arguments of `drift`.
#[derive(Args, Debug)]
pub(in crate::cli) struct DriftArguments {
    #[command(flatten)]
    pub(in crate::cli) scoping: Scoping,
    /// Exit with 2 only for differences of this severity or a worse one
    #[arg(long, value_name = "SEVERITY", value_parser = severity, default_value_t = Severity::Cosmetic)]
    pub(in crate::cli) fail_on: Severity,
    /// How the differences are written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) format: DriftFormat,
}

/// Arguments of `show`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ShowArguments {
    /// Only these resources, such as `plan.daily`; or one file that `plan --out` wrote
    #[arg(value_name = "ADDR|FILE")]
    pub(in crate::cli) addresses: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) detailing: Detailing,
    /// How the answer is written; what is live as `text` or `json` only
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) format: PlanFormat,
    /// The most characters of `--format markdown`
    #[arg(long, value_name = "CHARS", default_value_t = COMMENT, value_parser = limit)]
    pub(in crate::cli) limit: usize,
}

/// Parses how long a saved plan holds.
fn lifetime(text: &str) -> Result<SignedDuration, String> {
    let minutes = minutes::parse(text).map_err(|error| format!("{error}; {}", error.help()))?;
    let lifetime = SignedDuration::from_mins(i64::from(minutes));
    if minutes > 0 && lifetime <= LONGEST { Ok(lifetime) } else { Err("give a duration from `1m` to `24h`".to_owned()) }
}

/// Parses the digest of a plan.
pub(super) fn digest(text: &str) -> Result<String, String> {
    if is_digest(text) { Ok(text.to_owned()) } else { Err("give `sha256:` and 64 hexadecimal digits".to_owned()) }
}

/// Parses a number of characters.
fn limit(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number @ LEAST..=1_000_000) => Ok(number),
        Ok(_) | Err(_) => Err(format!("give a number from {LEAST} to 1000000")),
    }
}

/// Parses the severity of a difference.
fn severity(text: &str) -> Result<Severity, String> {
    Severity::ALL.into_iter().find(|severity| severity.name() == text).ok_or_else(|| {
        let names = Severity::ALL.map(Severity::name).join(", ");
        format!("give one of {names}")
    })
}
