//! The arguments of `permissions`.

use clap::{Args, ValueEnum};

/// Arguments of `permissions`.
#[derive(Args, Debug)]
pub(in crate::cli) struct PermissionsArguments {
    /// For which commands: `plan` (also show), `apply` (also destroy, adopt), or `verify`
    #[arg(value_enum, value_name = "COMMAND")]
    pub(in crate::cli) purpose: PermissionsPurpose,
    /// Only this document, as one object, where IAM's limit makes several
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) part: Option<u32>,
    /// Include deleting what the stack still owns of kinds that the file no longer has
    #[arg(long)]
    pub(in crate::cli) prune: bool,
    /// Print the trust policy of the role of a pipeline too
    #[arg(long, value_enum, value_name = "PLATFORM", requires = "repo", conflicts_with = "part")]
    pub(in crate::cli) trust: Option<TrustPlatform>,
    /// With `--trust`: the repository `OWNER/NAME`, or the path of the GitLab project, or the name of the build project
    #[arg(long, value_name = "NAME", requires = "trust")]
    pub(in crate::cli) repo: Option<String>,
    /// With `--trust github`: the environment that the job names
    #[arg(long, value_name = "NAME", requires = "trust")]
    pub(in crate::cli) environment: Option<String>,
    /// With `--trust`: the branch
    #[arg(long, value_name = "NAME", requires = "trust")]
    pub(in crate::cli) branch: Option<String>,
}

/// Where a pipeline runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum TrustPlatform {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// The build service of AWS.
    Codebuild,
}

/// What permissions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PermissionsPurpose {
    /// Reading only.
    Plan,
    /// Reading and writing.
    Apply,
    /// Reading, how backups went included.
    Verify,
    /// That, and starting on-demand backups into the file's vaults.
    Backup,
}
