//! The arguments of `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// For what the answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// A file of vssctl's, to adopt what it declares.
    #[default]
    Toml,
    /// A template of AWS CloudFormation, to import.
    Cloudformation,
    /// Configuration of Terraform, with import blocks.
    Terraform,
}

/// Arguments of `export`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ExportArguments {
    /// What to export, by its kind and its AWS name or id, such as `plan.daily`; a plan brings its selections
    #[arg(value_name = "ADDR", required_unless_present = "all")]
    pub(in crate::cli) addresses: Vec<String>,
    /// Everything that backs up Windows servers
    #[arg(long, conflicts_with = "addresses")]
    pub(in crate::cli) all: bool,
    /// For what the answer is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) format: ExportFormat,
    /// Write to FILE, and long policy documents to `policies/` beside it; without it, all to stdout
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Write over files that are there
    #[arg(long, requires = "out")]
    pub(in crate::cli) force: bool,
    /// The stack that is to own it [default: the file's that is there, else windows-backup]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) stack: Option<String>,
    /// The AWS account [default: that of the file that is there, else whose the credentials are]
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) account_id: Option<String>,
    /// The AWS region [default: that of the file that is there, else as the AWS CLI finds it]
    #[arg(long, value_name = "REGION")]
    pub(in crate::cli) region: Option<String>,
}
