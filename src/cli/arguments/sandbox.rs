//! The arguments of `sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::sandbox::Rate;

/// Arguments of `sandbox`.
#[derive(Args, Debug)]
pub(in crate::cli) struct SandboxArguments {
    #[command(subcommand)]
    pub(in crate::cli) command: SandboxCommand,
}

/// What to do with the simulated account.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SandboxCommand {
    /// Serve it to the AWS CLI, Terraform and SDKs, on this machine only
    Serve(ServeArguments),
    /// Make the fleet of a scenario file, with the backups of its history
    Load(LoadArguments),
    /// Let time pass: plans start their backups, associations run, backups come to their ends
    Advance(AdvanceArguments),
    /// Print everything that it keeps, as JSON
    Dump(DumpArguments),
    /// Throw it away
    Reset,
    /// List the operations that it offers, one `service:Operation` a line
    Operations,
}

/// Arguments of `sandbox serve`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ServeArguments {
    /// Where to listen; loopback addresses only, port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:4599")]
    pub(in crate::cli) listen: SocketAddr,
    /// Take no more calls a second, and refuse the others as AWS does: `backup:reads=15`, `iam:writes=10`, `ssm=1`; may
    /// be repeated
    #[arg(long, value_name = "SERVICE[:reads|:writes]=N")]
    pub(in crate::cli) rate: Vec<Rate>,
    /// Answer each call this much later, such as `50ms`
    #[arg(long, value_name = "DURATION", value_parser = latency)]
    pub(in crate::cli) latency: Option<std::time::Duration>,
}

/// Arguments of `sandbox load`.
#[derive(Args, Debug)]
pub(in crate::cli) struct LoadArguments {
    /// The scenario file; docs/sandbox-fleets.md says what is in it
    #[arg(value_name = "SCENARIO.toml")]
    pub(in crate::cli) scenario: PathBuf,
}

/// Arguments of `sandbox dump`.
#[derive(Args, Debug)]
pub(in crate::cli) struct DumpArguments {
    /// Only this account, by its twelve digits
    #[arg(long, value_name = "ID", value_parser = account)]
    pub(in crate::cli) account: Option<String>,
}

/// Arguments of `sandbox advance`.
#[derive(Args, Debug)]
pub(in crate::cli) struct AdvanceArguments {
    /// How long, such as `30m`, `8h` or `7d`
    #[arg(value_name = "DURATION", value_parser = span_of_time)]
    pub(in crate::cli) by: std::time::Duration,
}

/// Parses the id of an account.
fn account(text: &str) -> Result<String, String> {
    let is_id = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { Ok(text.to_owned()) } else { Err("an account id has twelve digits".to_owned()) }
}

/// Parses how late calls are answered.
fn latency(text: &str) -> Result<std::time::Duration, String> {
    let number = text.strip_suffix("ms").and_then(|number| number.parse().ok()).filter(|millis| *millis <= 60_000);
    number.map(std::time::Duration::from_millis).ok_or_else(|| "give milliseconds, such as `50ms`".to_owned())
}

/// Parses a stretch of time.
fn span_of_time(text: &str) -> Result<std::time::Duration, String> {
    match crate::model::duration::minutes::parse(text) {
        Ok(minutes) if minutes <= 366 * 24 * 60 => Ok(std::time::Duration::from_mins(u64::from(minutes))),
        Ok(_) => Err("it is more than a year".to_owned()),
        Err(error) => Err(format!("{error}: {}", error.help())),
    }
}
