//! The arguments of `schema`.

use clap::Args;

/// Arguments of `schema`.
#[derive(Args, Debug)]
#[group(multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "one flag for each document, of which one is given")]
pub(in crate::cli) struct SchemaArguments {
    /// Print the schema of saved plans, which `plan --format json` prints too
    #[arg(long)]
    pub(in crate::cli) plan: bool,
    /// Print the schema of what `validate --format json` prints
    #[arg(long)]
    pub(in crate::cli) validate: bool,
    /// Print the schema of what `verify --format json` prints
    #[arg(long)]
    pub(in crate::cli) verify: bool,
    /// Print the schema of what `doctor --format json` prints
    #[arg(long)]
    pub(in crate::cli) doctor: bool,
    /// Print the schema of what `coverage --format json` prints
    #[arg(long)]
    pub(in crate::cli) coverage: bool,
    /// Print the schema of what `show --format json` prints
    #[arg(long)]
    pub(in crate::cli) show: bool,
    /// Print the schema of what `backup --format json` prints
    #[arg(long)]
    pub(in crate::cli) backup: bool,
    /// Print the schema of what `drift --format json` prints
    #[arg(long)]
    pub(in crate::cli) drift: bool,
    /// Print the schema of the last event of `--json`
    #[arg(long)]
    pub(in crate::cli) report: bool,
    /// Print the schema of the statistics of `--stats=FILE` instead
    #[arg(long)]
    pub(in crate::cli) statistics: bool,
}
