//! Runs a document on instances: decides what happens at which time, and how it ends. Commands and associations share
//! it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::documents::Document;
use super::powershell;
use crate::sandbox::fleet::{Fleet, Instance, PackageChange};

/// The run of a document on one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// The instance.
    pub instance_id: String,
    /// When it was requested. All times are in milliseconds since 1970.
    pub requested: i64,
    /// When the agent starts it; absent if the agent never does.
    pub starts: Option<i64>,
    /// When it is over.
    pub ends: i64,
    /// How it ends: `Success`, `Failed`, `TimedOut` or `Cancelled`.
    pub status: String,
    /// The detailed status at the end, such as `DeliveryTimedOut`.
    pub details: String,
    /// The exit code at the end.
    pub code: i64,
    /// Its output.
    pub output: String,
    /// Its error output.
    pub error: String,
}

impl Invocation {
    /// Returns the status and the detailed status at a time.
    pub fn state(&self, now: i64) -> (&str, &str) {
        if now >= self.ends {
            (&self.status, &self.details)
        } else if self.starts.is_some_and(|starts| now >= starts) {
            ("InProgress", "InProgress")
        } else {
            ("Pending", "Pending")
        }
    }

    /// Tells whether the run is over at a time.
    pub fn is_over(&self, now: i64) -> bool {
        now >= self.ends
    }

    /// Tells whether it counts against `MaxErrors`; a command that was never delivered does not.
    fn is_error(&self) -> bool {
        self.status == "Failed" && self.details != "Terminated"
    }
}

/// The run that is asked for.
pub(super) struct Run<'a> {
    pub(super) document: &'static Document,
    pub(super) parameters: &'a Value,
    pub(super) instances: Vec<String>,
    pub(super) max_concurrency: &'a str,
    pub(super) max_errors: &'a str,
    /// How long a silent agent is waited for.
    pub(super) delivery_seconds: i64,
    /// The id of the command or execution.
    pub(super) by: &'a str,
}

/// Reads a number, or a percentage of `count`, which is rounded up.
pub(super) fn share(limit: &str, count: usize) -> usize {
    match limit.strip_suffix('%') {
        Some(percent) => (count * percent.parse::<usize>().unwrap_or(100)).div_ceil(100),
        None => limit.parse().unwrap_or(usize::MAX),
    }
}

/// Runs a document on instances from `now` on: at most `max_concurrency` at a time, and no further after more than
/// `max_errors` failures. Installed packages change at the end of their invocation.
pub(super) fn run(fleet: &mut Fleet, run: &Run<'_>, now: i64) -> Vec<Invocation> {
    let count = run.instances.len();
    let mut free = vec![now; share(run.max_concurrency, count).clamp(1, count.max(1))];
    let most_errors = share(run.max_errors, count);
    let mut invocations: Vec<Invocation> = Vec::new();
    for id in &run.instances {
        let Some(instance) = fleet.instances.get_mut(id) else { continue };
        free.sort_unstable();
        let start = free[0];
        let errors = invocations.iter().filter(|other| other.is_error() && other.ends <= start).count();
        let invocation = if errors > most_errors {
            over(id, now, None, start, ("Failed", "Terminated"))
        } else if !instance.is_online() {
            over(id, now, None, start + run.delivery_seconds * 1000, ("TimedOut", "DeliveryTimedOut"))
        } else {
            perform(instance, run, now, start + 1000)
        };
        free[0] = invocation.ends;
        invocations.push(invocation);
    }
    invocations
}

fn over(id: &str, requested: i64, starts: Option<i64>, ends: i64, (status, details): (&str, &str)) -> Invocation {
    Invocation {
        instance_id: id.to_owned(),
        requested,
        starts,
        ends,
        status: status.to_owned(),
        details: details.to_owned(),
        code: -1,
        output: String::new(),
        error: String::new(),
    }
}

fn perform(instance: &mut Instance, run: &Run<'_>, requested: i64, starts: i64) -> Invocation {
    let id = instance.id.clone();
    let done = |seconds: i64, success: bool, output: String, error: String| {
        let status = if success { "Success" } else { "Failed" };
        let ended = over(&id, requested, Some(starts), starts + seconds * 1000, (status, status));
        Invocation { code: i64::from(!success), output, error, ..ended }
    };
    let value = |name: &str| run.document.value(run.parameters, name);
    match run.document.name {
        "AWS-ConfigureAWSPackage" => {
            let in_place = value("installationType") == "In-place update";
            let (package, version) = (value("name"), value("version"));
            let outcome = instance.configure_package(value("action"), package, version, in_place, starts);
            let invocation = done(outcome.seconds, outcome.success, outcome.output, outcome.error);
            if let Some(version) = outcome.change {
                let package = package.rsplit('/').next().unwrap_or(package).to_owned();
                let change = PackageChange { package, version, at: invocation.ends, by: run.by.to_owned() };
                instance.package_changes.push(change);
            }
            invocation
        }
        "AWS-RunPowerShellScript" => {
            let printed = powershell::run(instance, run.parameters, starts);
            done(2, printed.success, printed.output, printed.error)
        }
        // Nothing that backups look at depends on what these do.
        "AWS-GatherSoftwareInventory" | "AWS-RunPatchBaseline" | "AWS-UpdateSSMAgent" => {
            done(20, true, format!("{} succeeded", run.document.step), String::new())
        }
        // Snapshots are not simulated here; without the package it fails as on a real instance.
        _ if instance.packages(starts).contains_key("AwsVssComponents") => {
            done(2, false, String::new(), "The sandbox does not take VSS snapshots yet".to_owned())
        }
        _ => done(2, false, String::new(), "ec2-vss-agent.exe is not installed in the Instance".to_owned()),
    }
}
