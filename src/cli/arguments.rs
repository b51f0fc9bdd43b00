//! The arguments of every command.

mod export;
mod format;
mod of_file;
mod patience;
mod permissions;
mod plan;
mod proof;
mod sandbox;
mod schema;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::stats::Counted;
use super::ui::Color;
use crate::model::consent::Allowance;

pub(super) use export::{ExportArguments, ExportFormat};
pub(super) use format::Format;
pub(super) use of_file::{FmtArguments, GraphArguments, GraphFormat, OutputArguments, PullArguments};
pub(super) use permissions::{PermissionsArguments, PermissionsPurpose, TrustPlatform};
pub(super) use plan::{Detailing, DriftArguments, DriftFormat, PlanArguments, PlanFormat, ShowArguments};
pub(super) use proof::{
    BackupArguments, CoverageArguments, CoverageFormat, DoctorArguments, ProofFormat, VerifyArguments, VerifyFormat,
};
pub(super) use sandbox::{
    AdvanceArguments, DumpArguments, LoadArguments, SandboxArguments, SandboxCommand, ServeArguments,
};
pub(super) use schema::SchemaArguments;

/// Application-consistent (VSS) backups of Windows servers on AWS, declared in one file.
#[derive(Debug, Parser)]
#[command(
    name = "vssctl",
    bin_name = "vssctl",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    max_term_width = 100
)]
#[command(arg_required_else_help = true, subcommand_required = true, disable_help_flag = true)]
#[command(after_help = "Start with `vssctl init`, then `vssctl --sandbox plan`: it needs no AWS account.\n\n\
                  Exit codes: 0 done, or nothing to do; 1 failed; 3 stale plan; 4 refused; 5 partly applied;\n\
                  2 changes (`--detailed-exitcode`, `drift`); 6 invalid configuration or usage;\n\
                  7 somebody else holds the lease; 8 findings; 130 interrupted.")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Returns the command line's definition, as completions and manual pages need it.
pub fn command() -> clap::Command {
    // A resource that is deleted takes along the resources that need it. Elsewhere a target takes along what it needs.
    Arguments::command().mut_subcommand("destroy", |destroy| {
        destroy.mut_arg("target", |target| {
            target.help("Only this resource and what needs it, such as `vault.vss`; repeatable")
        })
    })
}

/// Arguments of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// The configuration file; else `VSSCTL_CONFIG`, else vss.toml here or in a parent
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Run as if started in this directory
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub(super) chdir: Option<PathBuf>,
    /// Use a simulated AWS account, kept in FILE [default: .vssctl/sandbox.json]
    #[arg(long, global = true, value_name = "FILE", num_args = 0..=1, default_missing_value = "")]
    #[arg(require_equals = true, conflicts_with_all = ["profile", "endpoint_url"])]
    pub(super) sandbox: Option<OsString>,
    /// The AWS profile with the credentials; beats the environment's
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Send every call to this URL instead of AWS
    #[arg(long, global = true, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
    /// Let signed calls go to any endpoint, not just AWS and this machine
    #[arg(long, global = true)]
    pub(super) allow_endpoint: bool,
    /// Never ask: what needs an answer is refused instead
    #[arg(long, global = true)]
    pub(super) no_input: bool,
    /// Keep in the cache folder what never changes in AWS; this is so unless `CI` is set
    #[arg(long, global = true, conflicts_with = "no_cache")]
    pub(super) cache: bool,
    /// Neither read nor write the cache folder
    #[arg(long, global = true)]
    pub(super) no_cache: bool,
    /// Say at the end what was asked of AWS, and how long it took; to FILE as JSON
    #[arg(long, global = true, value_name = "FILE", num_args = 0..=1, default_missing_value = "")]
    #[arg(require_equals = true)]
    pub(super) stats: Option<OsString>,
    /// When to colour; `auto` heeds `NO_COLOR`
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(super) color: Color,
    /// Log to stderr; repeat for more, or set `VSSCTL_LOG`
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Print help
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort)]
    pub(super) help: Option<bool>,
    /// The command may change the account; known once it is parsed.
    #[arg(skip)]
    pub(super) writes: bool,
    /// What is counted for `--stats`.
    #[arg(skip)]
    pub(super) counted: Counted,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a commented vss.toml to start from
    Init(InitArguments),
    /// Declare the roles that have a hand-written VSS policy, with AWS's managed one in its place
    Migrate(MigrateArguments),
    /// Check everything that can be checked without AWS
    Validate(ValidateArguments),
    /// Write the file in the canonical layout; comments and values stay
    Fmt(FmtArguments),
    /// Show what differs between the file and AWS; never writes
    Plan(PlanArguments),
    /// Tell how AWS differs from the file, the worst first: a plan for a schedule
    Drift(DriftArguments),
    /// Make AWS match the file: plan, show, ask, apply
    Apply(ApplyArguments),
    /// Delete everything that this stack owns
    Destroy(DestroyArguments),
    /// Take over live resources that have no owner
    Adopt(AdoptArguments),
    /// Write what is live as a file to adopt, or for CloudFormation or Terraform
    Export(ExportArguments),
    /// Write what is live of resources into their entries of the file
    Pull(PullArguments),
    /// Break the lease of a run that is known to be dead
    Unlock(UnlockArguments),
    /// Tell whether the backups are application-consistent
    Verify(VerifyArguments),
    /// Tell why VSS would not work on an instance
    Doctor(DoctorArguments),
    /// Tell which Windows instances no plan protects, protects without VSS, or protects twice
    Coverage(CoverageArguments),
    /// Show what is live for the resources of the file
    Show(ShowArguments),
    /// Print which resource of the file needs which, as a graph
    Graph(GraphArguments),
    /// Print a value of what is live, for scripts
    Output(OutputArguments),
    /// Back up an instance now, with VSS: waited for and verified
    Backup(BackupArguments),
    /// Print the least IAM policies that vssctl itself needs for the file
    Permissions(PermissionsArguments),
    /// Print the JSON Schema of the configuration file, for editors
    Schema(SchemaArguments),
    /// Explain an error code, or list them all
    Explain(ExplainArguments),
    /// Print the completion script of a shell
    Completion(CompletionArguments),
    /// Print the version
    Version,
    /// Serve, fill, age, print or reset the simulated AWS account
    Sandbox(SandboxArguments),
}

impl Command {
    /// Returns its name where it writes events as JSON.
    pub(super) fn events(&self) -> Option<&'static str> {
        match self {
            Self::Apply(arguments) => arguments.json.then_some("apply"),
            Self::Destroy(arguments) => arguments.json.then_some("destroy"),
            Self::Adopt(arguments) => arguments.json.then_some("adopt"),
            Self::Unlock(arguments) => arguments.json.then_some("unlock"),
            Self::Backup(arguments) => arguments.json.then_some("backup"),
            Self::Init(_)
            | Self::Migrate(_)
            | Self::Validate(_)
            | Self::Fmt(_)
            | Self::Graph(_)
            | Self::Pull(_)
            | Self::Output(_)
            | Self::Permissions(_)
            | Self::Schema(_)
            | Self::Explain(_)
            | Self::Version
            | Self::Completion(_)
            | Self::Plan(_)
            | Self::Drift(_)
            | Self::Verify(_)
            | Self::Doctor(_)
            | Self::Coverage(_)
            | Self::Show(_)
            | Self::Export(_)
            | Self::Sandbox(_) => None,
        }
    }

    /// Tells whether it may change the account.
    pub(super) fn writes(&self) -> bool {
        match self {
            Self::Apply(_) | Self::Destroy(_) | Self::Adopt(_) | Self::Unlock(_) | Self::Backup(_) => true,
            Self::Init(_)
            | Self::Migrate(_)
            | Self::Validate(_)
            | Self::Fmt(_)
            | Self::Graph(_)
            | Self::Pull(_)
            | Self::Output(_)
            | Self::Permissions(_)
            | Self::Schema(_)
            | Self::Explain(_)
            | Self::Version
            | Self::Completion(_)
            | Self::Plan(_)
            | Self::Drift(_)
            | Self::Verify(_)
            | Self::Doctor(_)
            | Self::Coverage(_)
            | Self::Show(_)
            | Self::Export(_)
            | Self::Sandbox(_) => false,
        }
    }
}

/// Arguments of everything that makes a plan.
#[derive(Args, Clone, Debug)]
pub(super) struct Scoping {
    /// Only this resource and what it needs, such as `plan.daily`; repeatable
    #[arg(long, value_name = "ADDR")]
    pub(super) target: Vec<String>,
    /// How many calls at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = parallelism)]
    pub(super) parallelism: usize,
    /// How long the run may take, such as `30m`: then the calls in flight are finished and no other is begun
    #[arg(long, value_name = "DURATION", value_parser = patience::patience)]
    pub(super) timeout: Option<std::time::Duration>,
}

/// Arguments of plans that may delete what the file no longer has.
#[derive(Args, Clone, Debug)]
pub(super) struct Pruning {
    /// Delete what this stack owns and the file no longer has
    #[arg(long)]
    pub(super) prune: bool,
    /// How many deletions are no accident, of orphans with `--prune` and of second objects [default: the file's, else 3
    /// and 30 %]
    #[arg(long, value_name = "N")]
    pub(super) max_deletions: Option<usize>,
}

/// Arguments of `init`.
#[derive(Args, Debug)]
pub(super) struct InitArguments {
    /// The stack's name; it is written to every resource as the tag vssctl:stack
    #[arg(long, value_name = "NAME", default_value = "windows-backup")]
    pub(super) stack: String,
    /// The AWS account
    #[arg(long, value_name = "ID", default_value = "123456789012")]
    pub(super) account_id: String,
    /// The AWS region
    #[arg(long, value_name = "REGION", default_value = "ap-northeast-1")]
    pub(super) region: String,
    /// Declare what a CloudFormation template declares, YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub(super) from_cloudformation: Option<PathBuf>,
    /// The value of a parameter of the template, before its default; may be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "from_cloudformation")]
    pub(super) parameter: Vec<String>,
    /// The name of the stack that was made from the template: what `AWS::StackName` is
    #[arg(long, value_name = "NAME", requires = "from_cloudformation")]
    pub(super) cfn_stack_name: Option<String>,
}

/// Arguments of `migrate`.
#[derive(Args, Debug)]
pub(super) struct MigrateArguments {
    /// Write the file to FILE, never over an existing one; without it, to stdout
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// The stack's name [default: the file's that is there, else windows-backup]
    #[arg(long, value_name = "NAME")]
    pub(super) stack: Option<String>,
    /// The AWS account [default: that of the file that is there]
    #[arg(long, value_name = "ID")]
    pub(super) account_id: Option<String>,
    /// The AWS region [default: that of the file that is there]
    #[arg(long, value_name = "REGION")]
    pub(super) region: Option<String>,
}

/// How what `validate` finds is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ValidateFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, versioned.
    Json,
    /// Code scanning.
    Sarif,
    /// Test reports.
    Junit,
}

/// Arguments of `validate`.
#[derive(Args, Debug)]
pub(super) struct ValidateArguments {
    /// How the answer is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(super) format: ValidateFormat,
}

/// Arguments of `apply`.
#[derive(Args, Debug)]
pub(super) struct ApplyArguments {
    /// A plan saved with `plan --out`: exactly that is applied
    #[arg(value_name = "FILE", conflicts_with_all = ["target", "prune", "max_deletions"])]
    pub(super) saved: Option<PathBuf>,
    /// Refuse unless the plan is the one with this digest, as `plan --out` and `plan --format json` tell it
    #[arg(long, value_name = "sha256:...", value_parser = plan::digest)]
    pub(super) expect_digest: Option<String>,
    #[command(flatten)]
    pub(super) scoping: Scoping,
    #[command(flatten)]
    pub(super) pruning: Pruning,
    #[command(flatten)]
    pub(super) consent: Consent,
    #[command(flatten)]
    pub(super) allowing: Allowing,
    #[command(flatten)]
    pub(super) locking: Locking,
    #[command(flatten)]
    pub(super) detailing: Detailing,
    /// Write events as JSON, one a line
    #[arg(long)]
    pub(super) json: bool,
}

/// Whether to ask.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Consent {
    /// Do it without asking
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// Consent to hazards, by name.
#[derive(Args, Clone, Debug)]
pub(super) struct Allowing {
    /// Consent to a hazard that the plan names, such as `protection-gap`, or at one resource only; repeatable, or with
    /// commas
    #[arg(long, value_name = "HAZARD[@ADDR]", value_delimiter = ',')]
    pub(super) allow: Vec<Allowance>,
}

/// What keeps other runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LockKind {
    /// A lease in SSM Parameter Store.
    #[default]
    Ssm,
    /// Nothing: for accounts without Parameter Store.
    None,
}

/// How other runs are kept out.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Locking {
    /// What keeps other runs out; `none` is for accounts without Parameter Store
    #[arg(long, value_enum, value_name = "KIND", default_value_t)]
    pub(super) lock: LockKind,
    /// How long to wait for another run, such as `10m`; 0 exits with 7 at once
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = patience::patience)]
    pub(super) lock_timeout: std::time::Duration,
}

/// Arguments of `unlock`.
#[derive(Args, Debug)]
pub(super) struct UnlockArguments {
    /// The epoch of the lease, as the refused run names it
    #[arg(long, value_name = "N")]
    pub(super) epoch: u32,
    #[command(flatten)]
    pub(super) consent: Consent,
    /// Write events as JSON, one a line
    #[arg(long)]
    pub(super) json: bool,
}

/// Arguments of `destroy`.
#[derive(Args, Debug)]
pub(super) struct DestroyArguments {
    #[command(flatten)]
    pub(super) scoping: Scoping,
    #[command(flatten)]
    pub(super) consent: Consent,
    #[command(flatten)]
    pub(super) allowing: Allowing,
    #[command(flatten)]
    pub(super) locking: Locking,
    /// Write events as JSON, one a line
    #[arg(long)]
    pub(super) json: bool,
}

/// Arguments of `adopt`.
#[derive(Args, Debug)]
pub(super) struct AdoptArguments {
    /// The resources to take over, such as `role.app`; an association by its id too, `package.app=ID`
    #[arg(required = true, value_name = "ADDR")]
    pub(super) addresses: Vec<String>,
    /// How many calls at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = parallelism)]
    pub(super) parallelism: usize,
    /// Print events and the report as JSON, one a line
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) consent: Consent,
    #[command(flatten)]
    pub(super) allowing: Allowing,
    #[command(flatten)]
    pub(super) locking: Locking,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub(super) struct ExplainArguments {
    /// The code, such as VSS0102; none lists them all
    #[arg(value_name = "CODE")]
    pub(super) code: Option<String>,
}

/// Arguments of `completion`.
#[derive(Args, Debug)]
pub(super) struct CompletionArguments {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

/// Parses a number of calls at a time.
fn parallelism(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number @ 1..=64) => Ok(number),
        Ok(_) | Err(_) => Err("give a number from 1 to 64".to_owned()),
    }
}

/// Tells whether an environment variable is set and not empty.
pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
