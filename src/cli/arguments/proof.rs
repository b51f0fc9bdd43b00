//! The arguments of the commands about backups: `verify`, `doctor`, `coverage` and `backup`.

use clap::{Args, ValueEnum};

use super::format::Format;

/// How `verify` writes its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum VerifyFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, versioned.
    Json,
    /// For pull requests and chats.
    Markdown,
    /// For code scanning.
    Sarif,
    /// For the test reports of pipelines.
    Junit,
    /// For Prometheus' textfile collector.
    Prometheus,
    /// For auditors: one page that can be kept.
    Html,
}

/// How `coverage` writes its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum CoverageFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, versioned.
    Json,
    /// For pull requests and chats.
    Markdown,
    /// For code scanning.
    Sarif,
    /// For auditors: one page that can be kept.
    Html,
}

/// How `doctor` writes its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ProofFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, versioned.
    Json,
    /// For pull requests and chats.
    Markdown,
    /// For code scanning.
    Sarif,
}

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub(in crate::cli) struct VerifyArguments {
    /// Only these instances, by id or Name tag [default: all that a plan with VSS protects]
    #[arg(value_name = "INSTANCE")]
    pub(in crate::cli) instances: Vec<String>,
    /// Jobs before this do not count: how long ago (`7d`) or when [default: 30d, as long as AWS keeps jobs]
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<String>,
    /// How old the newest backup may be, such as `26h` [default: what the plan's schedule promises]
    #[arg(long, value_name = "DURATION")]
    pub(in crate::cli) max_age: Option<String>,
    /// Show the instances by the causes of their verdicts, on one screen
    #[arg(long)]
    pub(in crate::cli) summary: bool,
    /// How the answer is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) format: VerifyFormat,
}

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub(in crate::cli) struct DoctorArguments {
    /// Only these instances, by id or Name tag [default: all that a plan with VSS selects, else all with Windows]
    #[arg(value_name = "INSTANCE")]
    pub(in crate::cli) instances: Vec<String>,
    /// Look inside as well: run one PowerShell script on each instance, which only reads
    #[arg(long)]
    pub(in crate::cli) run_commands: bool,
    /// How the answer is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) format: ProofFormat,
}

/// Arguments of `coverage`.
#[derive(Args, Debug)]
pub(in crate::cli) struct CoverageArguments {
    /// How the answer is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) format: CoverageFormat,
}

/// Arguments of `backup`.
#[derive(Args, Debug)]
pub(in crate::cli) struct BackupArguments {
    /// An instance id, or the value of a `Name` tag
    #[arg(value_name = "INSTANCE")]
    pub(in crate::cli) instance: String,
    /// The vault, where the file's rules have several
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) vault: Option<String>,
    /// The backup role (a role of the file, a name or an ARN), where the file's selections have several
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Option<String>,
    /// How long to keep it, such as `35d` [default: as the file's rules keep theirs in this vault]
    #[arg(long, value_name = "DURATION", value_parser = whole_days)]
    pub(in crate::cli) delete_after: Option<u32>,
    /// Start it and do not wait for its end
    #[arg(long)]
    pub(in crate::cli) no_wait: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) format: Format,
    /// Write events as JSON, one a line
    #[arg(long, conflicts_with = "format")]
    pub(in crate::cli) json: bool,
}

/// Parses a retention.
fn whole_days(text: &str) -> Result<u32, String> {
    match crate::model::duration::days::parse(text) {
        Ok(days @ 1..=36_500) => Ok(days),
        Ok(_) => Err("give 1d to 36500d".to_owned()),
        Err(error) => Err(format!("{error}: {}", error.help())),
    }
}
