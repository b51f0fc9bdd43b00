//! The arguments of the commands that are about the file itself: `fmt`, `graph`, `output` and `pull`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `fmt`.
#[derive(Args, Debug)]
pub(in crate::cli) struct FmtArguments {
    /// The files; `-` reads the standard input and writes the standard output [default: the configuration file]
    #[arg(value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Write nothing; list the files that are not in the layout, and exit with 8 if there is one
    #[arg(long)]
    pub(in crate::cli) check: bool,
    /// Write nothing; show what would change
    #[arg(long)]
    pub(in crate::cli) diff: bool,
}

/// The languages of graphs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum GraphFormat {
    /// Graphviz.
    #[default]
    Dot,
    /// Markdown on GitHub and GitLab.
    Mermaid,
}

/// Arguments of `graph`.
#[derive(Args, Debug)]
pub(in crate::cli) struct GraphArguments {
    /// The language of the graph
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(in crate::cli) format: GraphFormat,
}

/// Arguments of `output`.
#[derive(Args, Debug)]
pub(in crate::cli) struct OutputArguments {
    /// A value such as `role.app.arn`, or a resource with all its values [default: all of all resources]
    #[arg(value_name = "ADDR.FIELD")]
    pub(in crate::cli) name: Option<String>,
    /// Write JSON, texts too
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Arguments of `pull`.
#[derive(Args, Debug)]
pub(in crate::cli) struct PullArguments {
    /// The resources whose entries are to say what is live, such as `plan.daily`
    #[arg(required = true, value_name = "ADDR")]
    pub(in crate::cli) addresses: Vec<String>,
    /// Write nothing; show what would change
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}
