//! Checks that look at several entries at once: roles against what uses them, packages against policies, rules against
//! each other.

use crate::model::KindId;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::config::context::Context;
use crate::config::limits;
use crate::config::presets::{SSM_CORE, VSS_POLICY};
use crate::config::problems::safe;
use crate::kind::Desired;
use crate::model::arn::is_account;
use crate::model::duration::minutes;
use crate::model::schedule::{Runs, Schedule};
use crate::model::source::Place;
use crate::model::{Address, Diagnostic};
use crate::vss::gate::Powers;
use crate::vss::version::{MANAGED_POLICY, compare, is_the_only_one};

use crate::policy::permits::allows;
use crate::policy::trust;

/// What the checks across entries need to know.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) roles: Vec<RoleFacts>,
    pub(crate) profiles: Vec<ProfileFacts>,
    pub(crate) packages: Vec<PackageFacts>,
    pub(crate) selections: Vec<SelectionFacts>,
    /// By the vault's AWS name.
    pub(crate) locks: BTreeMap<String, LockFacts>,
    pub(crate) has_vss_plan: bool,
    /// Where the file opts out of backups of EC2.
    pub(crate) ec2_opted_out: Option<Place>,
}

/// A role of the file.
#[derive(Debug)]
pub(crate) struct RoleFacts {
    pub(crate) address: Address,
    pub(crate) name: String,
    pub(crate) key: Place,
    pub(crate) trust: Option<Value>,
    pub(crate) trust_place: Place,
    /// ARNs; none where the file does not speak about them.
    pub(crate) managed: Option<Vec<String>>,
    pub(crate) inline: BTreeMap<String, Value>,
    pub(crate) additive: bool,
}

/// An instance profile with a role of the file.
#[derive(Debug)]
pub(crate) struct ProfileFacts {
    pub(crate) address: Address,
    pub(crate) role: Address,
}

/// A package.
#[derive(Debug)]
pub(crate) struct PackageFacts {
    pub(crate) address: Address,
    pub(crate) vss: bool,
    pub(crate) version: Option<String>,
    pub(crate) minimum_version: Option<String>,
    pub(crate) place: Place,
}

/// A selection and its role.
#[derive(Debug)]
pub(crate) struct SelectionFacts {
    pub(crate) address: Address,
    pub(crate) role: Option<Address>,
    pub(crate) role_arn: Option<String>,
    pub(crate) place: Place,
    pub(crate) windows_vss: bool,
    pub(crate) tags_only: bool,
}

/// The retentions that a vault accepts, in days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockFacts {
    pub(crate) least: Option<u32>,
    pub(crate) most: Option<u32>,
}

/// When a rule runs.
#[derive(Debug)]
pub(crate) struct RunsFacts {
    pub(crate) address: Address,
    pub(crate) rule: String,
    pub(crate) schedule: Schedule,
    pub(crate) timezone: TimeZone,
    /// Minutes of the start window.
    pub(crate) window: u32,
    /// Days; none for ever.
    pub(crate) keeps: Option<u32>,
    pub(crate) place: Place,
}

/// Runs the checks that need more than one entry.
pub(crate) fn check(context: &mut Context<'_>, facts: &Facts, desired: &[Desired]) {
    for profile in &facts.profiles {
        if let Some(role) = facts.roles.iter().find(|role| role.address == profile.role) {
            instance_role(context, facts, role, profile);
            attached(context, facts, desired, role, profile);
        }
    }
    for selection in &facts.selections {
        backup_role(context, facts, selection);
    }
    for package in facts.packages.iter().filter(|package| package.vss) {
        policy_gate(context, facts, package);
    }
    if let Some(place) = &facts.ec2_opted_out
        && facts.selections.iter().any(|selection| selection.windows_vss && selection.tags_only)
    {
        let diagnostic =
            Diagnostic::warning("VSS0707", "AWS Backup is switched off for EC2, and a selection goes by tags alone")
                .at(&Address::new(KindId::RegionSettings, ""))
                .label("instances would not be backed up")
                .help("write `EC2 = true`, or select by `arns`");
        context.report(place, diagnostic);
    }
}

/// The stack's account, where the file says a valid one.
fn account<'a>(context: &'a Context<'_>) -> Option<&'a str> {
    Some(context.scope.account_id.as_str()).filter(|account| is_account(account))
}

fn instance_role(context: &mut Context<'_>, facts: &Facts, role: &RoleFacts, profile: &ProfileFacts) {
    let ec2 = "ec2.amazonaws.com";
    if let Some(found) = role.trust.as_ref().map(|document| trust::judge(document, ec2, account(context)))
        && let Some(problem) = found.problem(ec2)
    {
        let message = format!("`{}` is on instances, and its trust policy {problem}", role.address);
        let diagnostic = Diagnostic::error("VSS0711", message)
            .at(&role.address)
            .label(format!("carried by `{}`", profile.address))
            .help(found.remedy().unwrap_or("let `ec2.amazonaws.com` assume it, or take `preset = \"vss-instance\"`"));
        context.report(&role.trust_place, diagnostic);
    }
    let used = facts.has_vss_plan || facts.packages.iter().any(|package| package.vss);
    let Some(managed) = role.managed.as_ref().filter(|_| used && !role.additive) else { return };
    let is_older =
        |package: &PackageFacts| package.version.as_ref().is_some_and(|pin| compare(pin, MANAGED_POLICY).is_lt());
    let has_older = facts.packages.iter().any(|package| package.vss && is_older(package));
    // A customer's own policy may allow it, and is not read here.
    let own = managed.iter().any(|arn| !arn.contains(":iam::aws:"));
    for (policy, action) in [(SSM_CORE, "ssm:UpdateInstanceInformation"), (VSS_POLICY, "ec2:CreateImage")] {
        let has =
            managed.iter().any(|arn| arn.ends_with(&format!("/{policy}")) || arn.ends_with("/AdministratorAccess"));
        if !has && !own && !role.inline.values().any(|document| allows(document, action)) {
            let message = format!("`{}` is on instances and lacks `{policy}`", role.address);
            let diagnostic = Diagnostic::warning("VSS0712", message)
                .at(&role.address)
                .label(format!("nothing here allows `{action}`"))
                .help(if policy == VSS_POLICY && has_older {
                    "a package of the file is older than 2.3.1: allow it in a policy that does not ask for the tag \
                     `AwsVssConfig`, which older packages do not set"
                        .to_owned()
                } else {
                    format!("add `{policy}` to `managed_policies`, or take `preset = \"vss-instance\"`")
                });
            context.report(&role.key, diagnostic);
        }
    }
}

/// A role for VSS does nothing until instances carry a profile of it.
fn attached(context: &mut Context<'_>, facts: &Facts, desired: &[Desired], role: &RoleFacts, profile: &ProfileFacts) {
    let is_for_vss = role.managed.iter().flatten().any(|arn| arn.ends_with(&format!("/{VSS_POLICY}")))
        || role.inline.values().any(|document| allows(document, "ec2:CreateImage"));
    // A role may have several profiles; one that instances carry is enough.
    let profiles: Vec<&Address> =
        facts.profiles.iter().filter(|one| one.role == role.address).map(|one| &one.address).collect();
    let puts_it = |entry: &Desired| {
        entry.address.kind() == KindId::Attachment && entry.references.iter().any(|held| profiles.contains(&held))
    };
    let is_first = profiles.first().is_some_and(|first| **first == profile.address);
    if !facts.has_vss_plan || !is_for_vss || !is_first || desired.iter().any(puts_it) {
        return;
    }
    let name = safe(profile.address.key());
    let message = format!("nothing in the file puts `{}` onto an instance", profile.address);
    let diagnostic = Diagnostic::warning("VSS0715", message)
        .at(&role.address)
        .label("made, and carried by no instance")
        .help(format!(
            "add `[attachment.windows]` with `instance_profile = \"{name}\"` and the servers as `targets`, such as \
             `targets = {{ tags = {{ VssBackup = \"enabled\" }} }}`"
        ))
        .help("it is in order where a launch template or somebody else gives the profile to the servers");
    context.report(&role.key, diagnostic);
}

fn backup_role(context: &mut Context<'_>, facts: &Facts, selection: &SelectionFacts) {
    let role = selection.role.as_ref().and_then(|address| facts.roles.iter().find(|role| role.address == *address));
    let backup = "backup.amazonaws.com";
    if let Some(role) = role
        && let Some(found) = role.trust.as_ref().map(|document| trust::judge(document, backup, account(context)))
        && let Some(problem) = found.problem(backup)
    {
        let message = format!("AWS Backup cannot assume `{}`: its trust policy {problem}", role.address);
        let diagnostic = Diagnostic::error("VSS0713", message)
            .at(&selection.address)
            .label("not a role for AWS Backup")
            .help(found.remedy().unwrap_or("take a role with `preset = \"backup-service\"`"));
        context.report(&selection.place, diagnostic);
    }
    let name = role
        .map(|role| role.name.clone())
        .or_else(|| selection.role_arn.as_ref().and_then(|arn| arn.rsplit('/').next().map(ToOwned::to_owned)));
    let Some(name) = name else { return };
    if !name.contains("AWSBackup") && !name.contains("AwsBackup") {
        let diagnostic =
            Diagnostic::warning("VSS0714", format!("the name of the role `{}` lacks `AWSBackup`", safe(&name)))
                .at(&selection.address)
                .label("holders of AWSBackupFullAccess cannot pass it")
                .help("AWS's policies for operators allow `iam:PassRole` for `*AWSBackup*` and `*AwsBackup*` only");
        context.report(&selection.place, diagnostic);
    }
}

/// Tells whether packages before 2.3.1 can work under a role. A policy of the customer's own may allow it, and is not
/// read here.
fn serves_older(context: &Context<'_>, role: &RoleFacts) -> bool {
    let inline = Value::Object(role.inline.clone().into_iter().collect());
    role.managed.iter().flatten().any(|arn| !arn.contains(":iam::aws:"))
        || Powers::new(&inline, [], &BTreeMap::new()).serve_older(&context.scope)
}

/// The managed policy requires a tag that the package sets from version 2.3.1 on. A version that alone works on an
/// older Windows Server is for servers with a role of their own, where the file has such a role.
fn policy_gate(context: &mut Context<'_>, facts: &Facts, package: &PackageFacts) {
    let has_policy = |role: &&RoleFacts| {
        role.managed.iter().flatten().any(|arn| arn.ends_with(&format!("/{VSS_POLICY}")))
            && !serves_older(context, role)
    };
    let attached = facts.roles.iter().find(has_policy);
    let is_for_old_servers = package.version.as_deref().is_some_and(is_the_only_one);
    let has_role_for_them = || {
        facts
            .profiles
            .iter()
            .any(|profile| facts.roles.iter().any(|role| role.address == profile.role && serves_older(context, role)))
    };
    let version = package.version.as_ref().or(package.minimum_version.as_ref());
    if let (Some(role), Some(version)) = (attached, version)
        && compare(version, MANAGED_POLICY) == Ordering::Less
        && !(is_for_old_servers && has_role_for_them())
    {
        let message = format!("AwsVssComponents {} does not work with the policy `{VSS_POLICY}`", safe(version));
        let help = if is_for_old_servers {
            "it is the only version for an older Windows Server, whose role needs a policy of its own that does not \
             ask for the tag `AwsVssConfig`; servers with 2016 or later take 2.3.1 or later"
        } else {
            "take 2.3.1 or later: older versions do not set the tag `AwsVssConfig` that the policy asks for"
        };
        let diagnostic = Diagnostic::warning("VSS0604", message)
            .at(&package.address)
            .label(format!("`{}` has that policy, which needs 2.3.1 or later", role.address))
            .help(help);
        context.report(&package.place, diagnostic);
    }
}

/// Reports pairs of rules of one plan whose start windows overlap: AWS Backup then drops the run of the rule that keeps
/// its backups for less time.
///
/// Source: AWS Backup Developer Guide, "Backup plan options and configuration", overlapping backup rules.
pub(crate) fn check_overlaps(context: &mut Context<'_>, rules: &[RunsFacts]) {
    // More rules than AWS accepts are an error already. Thousands of schedules are not compared on top of it.
    if rules.len() > limits::RULES {
        return;
    }
    let runs: Vec<Runs> = rules.iter().map(|rule| Runs::of(&rule.schedule, &rule.timezone, rule.window)).collect();
    for (later, rule) in rules.iter().enumerate() {
        for (earlier, other) in rules[..later].iter().enumerate() {
            let rank = |rule: &RunsFacts| rule.keeps.unwrap_or(u32::MAX);
            let (loser, winner, lost, kept) = if rank(rule) <= rank(other) {
                (rule, other, &runs[later], &runs[earlier])
            } else {
                (other, rule, &runs[earlier], &runs[later])
            };
            let suppressed = lost.that_meet(kept);
            if let Some(first) = suppressed.first() {
                report_overlap(context, loser, winner, *first, suppressed.len(), lost.count());
            }
        }
    }
}

fn report_overlap(
    context: &mut Context<'_>,
    loser: &RunsFacts,
    winner: &RunsFacts,
    first: Timestamp,
    suppressed: usize,
    all: usize,
) {
    let local = first.to_zoned_datetime(loser.timezone.clone()).strftime("%a %H:%M").to_string();
    let message = format!(
        "the start windows of the rules `{}` and `{}` overlap: AWS Backup drops {suppressed} of {all} runs of `{}`",
        loser.rule, winner.rule, loser.rule
    );
    let diagnostic = Diagnostic::warning("VSS0406", message)
        .at(&loser.address)
        .label(format!("such as the one of {local}; the window is {}", minutes::format(loser.window)))
        .help("AWS Backup keeps only the backup of the rule with the longer retention")
        .help("move the schedules apart, or make `start_window` shorter");
    context.report(&loser.place, diagnostic);
}
