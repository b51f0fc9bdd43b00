//! The hazards of roles, policies, instance profiles and their attachments.

use serde_json::Value;

use super::{Hazard, Notes, Thing, texts};
use crate::kind::Live;
use crate::plan::{Action, diff};
use crate::policy;

/// What instances and AWS Backup need for VSS: the AWS managed policy, and an action that stands for it in documents of the
/// customer's own.
const NEEDS: [(&str, &str, &[&str]); 3] = [
    ("ec2.amazonaws.com", "AmazonSSMManagedInstanceCore", &["ssm:UpdateInstanceInformation", "ssm:*"]),
    (
        "ec2.amazonaws.com",
        "AWSEC2VssSnapshotPolicy",
        &["ec2:CreateImage", "ec2:CreateSnapshots", "ec2:CreateSnapshot", "ec2:*"],
    ),
    ("backup.amazonaws.com", "AWSBackupServiceRolePolicyForBackup", &["ssm:SendCommand", "ssm:*"]),
];

pub(super) fn role(thing: &Thing<'_>, notes: &mut Notes) {
    let Some(live) = thing.draft.live else { return };
    let (changed, goes) = (thing.is_changed(), thing.is(Action::Delete));
    if !changed && !goes {
        return;
    }
    if changed {
        trust(thing, notes);
        if is_in_use(thing, live) {
            privileges(thing, notes);
        }
        vss(thing, notes);
    }
    let profiles = holders(live, "instance_profile");
    if goes || thing.is(Action::Replace) {
        let what = if goes { "goes" } else { "is deleted and made again" };
        for profile in &profiles {
            notes.add(
                Hazard::CredentialGap,
                format!("the role {what}: instances with the profile `{profile}` lose their credentials"),
            );
        }
    }
    let matters = ["trust", "managed_policies", "inline_policies", "permissions_boundary"];
    if goes || thing.is(Action::Replace) || matters.iter().any(|field| thing.changes(field)) {
        let ours: Vec<&str> = thing.ours("instance_profile").iter().map(|profile| profile.name.as_str()).collect();
        for profile in profiles.iter().filter(|profile| !ours.contains(*profile)) {
            notes.add(
                Hazard::SharedResource,
                format!("the instance profile `{profile}`, which is not this stack's, holds the role"),
            );
        }
    }
    if goes && trusts(thing.before("trust"), "backup.amazonaws.com") {
        orphans(thing, notes);
    }
}

/// A role that nobody holds and nobody ever used is as good as new: an interrupted apply leaves such ones, and finishing
/// them is no widening.
fn is_in_use(thing: &Thing<'_>, live: &Live) -> bool {
    let arn = live.ids.get("Arn").map_or("", String::as_str);
    let selects = |selection: &&Live| selection.fields.get("role").is_some_and(|role| role == arn);
    live.carried["WasUsed"] == true
        || !holders(live, "instance_profile").is_empty()
        || thing.ours("selection").iter().any(selects)
}

fn trust(thing: &Thing<'_>, notes: &mut Notes) {
    if !thing.changes("trust") {
        return;
    }
    for more in policy::widened([thing.before("trust")], [thing.after("trust")]) {
        notes.add(Hazard::TrustWidened, format!("the trust policy {more}"));
    }
}

fn privileges(thing: &Thing<'_>, notes: &mut Notes) {
    if thing.changes("managed_policies") {
        let before = texts(thing.before("managed_policies"));
        for arn in texts(thing.after("managed_policies")).into_iter().filter(|arn| !before.contains(arn)) {
            notes.add(Hazard::PrivilegeWidened, format!("the role gets `{arn}`"));
        }
    }
    if thing.changes("inline_policies") {
        let (before, after) = (thing.before("inline_policies"), thing.after("inline_policies"));
        for more in policy::widened(documents(before), documents(after)) {
            notes.add(Hazard::PrivilegeWidened, format!("the inline policies {}", plural(&more)));
        }
    }
    let (before, after) = (thing.before("permissions_boundary"), thing.after("permissions_boundary"));
    if thing.changes("permissions_boundary") && !diff::is_empty(before) {
        let what =
            if diff::is_empty(after) { "loses its permissions boundary" } else { "gets another permissions boundary" };
        notes.add(Hazard::PrivilegeWidened, format!("the role {what}"));
    }
}

/// `allows` of one document is `allow` of several.
fn plural(more: &str) -> String {
    for (one, several) in [("allows ", "allow "), ("no longer denies ", "no longer deny "), ("denies ", "deny ")] {
        if let Some(rest) = more.strip_prefix(one) {
            return format!("{several}{rest}");
        }
    }
    more.to_owned()
}

fn vss(thing: &Thing<'_>, notes: &mut Notes) {
    if !thing.changes("managed_policies") && !thing.changes("inline_policies") {
        return;
    }
    let attached = |value: &Value, policy: &str| texts(value).iter().any(|arn| arn.ends_with(&format!("/{policy}")));
    let allows = |value: &Value, actions: &[&str]| {
        documents(value).any(|document| {
            let text = document.to_string().to_ascii_lowercase();
            actions.iter().any(|action| text.contains(&format!("\"{}\"", action.to_ascii_lowercase())))
        })
    };
    for (service, policy, actions) in NEEDS {
        if !trusts(thing.after("trust"), service) {
            continue;
        }
        let managed = |value: &Value| attached(value, policy) || attached(value, "AdministratorAccess");
        let (managed_before, managed_after) =
            (managed(thing.before("managed_policies")), managed(thing.after("managed_policies")));
        let own_before = allows(thing.before("inline_policies"), actions);
        let own_after = allows(thing.after("inline_policies"), actions);
        let gone = (managed_before || own_before) && !managed_after && !own_after;
        if gone {
            let lost = if managed_before { format!("`{policy}`") } else { format!("`{}`", actions[0]) };
            notes.add(Hazard::VssUnavailable, format!("the role loses {lost}, which VSS backups need"));
        }
    }
}

/// AWS Backup assumes the role again to delete the recovery points that it made.
fn orphans(thing: &Thing<'_>, notes: &mut Notes) {
    for vault in thing.ours("vault") {
        if let Some(count @ 1..) = vault.carried["NumberOfRecoveryPoints"].as_i64() {
            notes.add(
                Hazard::RetentionOrphan,
                format!(
                    "AWS Backup needs the role to expire the {count} recovery points in the vault `{}`",
                    vault.name
                ),
            );
        }
    }
}

pub(super) fn policy(thing: &Thing<'_>, notes: &mut Notes) {
    let Some(live) = thing.draft.live else { return };
    let goes = thing.is(Action::Delete) || thing.is(Action::Replace);
    if thing.is_changed() && thing.changes("document") {
        for more in policy::widened([thing.before("document")], [thing.after("document")]) {
            notes.add(Hazard::PrivilegeWidened, format!("the policy {more}"));
        }
    }
    if goes || thing.is_changed() && thing.changes("document") {
        let ours: Vec<&str> = thing.ours("role").iter().map(|role| role.name.as_str()).collect();
        for role in holders(live, "role").iter().filter(|role| !ours.contains(*role)) {
            notes.add(Hazard::SharedResource, format!("the role `{role}`, which is not this stack's, has the policy"));
        }
        for others in holders(live, "user or group") {
            notes.add(Hazard::SharedResource, format!("users or groups have the policy: {others}"));
        }
    }
}

/// Names those of a kind that hold a thing, whoever they belong to.
fn holders<'a>(live: &'a Live, kind: &str) -> Vec<&'a str> {
    let all = live.carried["Holders"].as_array().into_iter().flatten();
    all.filter(|holder| holder["kind"] == kind).filter_map(|holder| holder["name"].as_str()).collect()
}

pub(super) fn instance_profile(thing: &Thing<'_>, notes: &mut Notes) {
    let role = thing.before("role").as_str().unwrap_or_default();
    if role.is_empty() {
        return;
    }
    let what = if thing.is(Action::Delete) {
        "goes"
    } else if thing.is(Action::Replace) {
        "is deleted and made again"
    } else if thing.is_changed() && thing.changes("role") {
        "gets another role, which takes up to an hour to reach running instances"
    } else {
        return;
    };
    notes.add(Hazard::CredentialGap, format!("the profile {what}: its instances are without `{role}`"));
}

/// What instances lose with the profile that is on them now.
pub(super) fn attachment(thing: &Thing<'_>, notes: &mut Notes) {
    let Some(live) = thing.draft.live else { return };
    let is_own = |instance: &str| live.carried["Associations"][instance]["IsOwn"] == true;
    let on = thing.before("instances").as_object().into_iter().flatten();
    if thing.is(Action::Delete) {
        let lost: Vec<&str> = on.map(|(instance, _)| instance.as_str()).filter(|instance| is_own(instance)).collect();
        if let Some(instances) = listed(&lost) {
            notes.add(Hazard::CredentialGap, format!("the instance profile is taken off {instances}"));
        }
        return;
    }
    if !thing.is_changed() {
        return;
    }
    let swapped: Vec<(&str, &Value)> = on
        .filter(|(instance, _)| thing.changes(&format!("instances.{instance}")))
        .map(|(instance, profile)| (instance.as_str(), profile))
        .collect();
    let instances: Vec<&str> = swapped.iter().map(|(instance, _)| *instance).collect();
    if let Some(instances) = listed(&instances) {
        notes.add(Hazard::CredentialGap, format!("another instance profile takes the place of the one on {instances}"));
    }
    for (instance, profile) in swapped.iter().filter(|(instance, _)| !is_own(instance)) {
        let name = profile.as_str().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
        notes.add(
            Hazard::SharedResource,
            format!("the instance profile `{name}`, which is not this stack's, is taken off `{instance}`"),
        );
    }
}

/// Names a few instances and counts the others.
fn listed(instances: &[&str]) -> Option<String> {
    let shown: Vec<String> = instances.iter().take(3).map(|id| format!("`{id}`")).collect();
    match instances.len() {
        0 => None,
        1..=3 => Some(shown.join(", ")),
        more => Some(format!("{} and {} more", shown.join(", "), more - 3)),
    }
}

/// Gives the documents of a map of them.
fn documents(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_object().into_iter().flatten().map(|(_, document)| document)
}

/// Tells whether a trust policy names a service.
pub(super) fn trusts(trust: &Value, service: &str) -> bool {
    trust.to_string().contains(&format!("\"{service}"))
}

/// Tells why AWS Backup still needs a role that would go, if it does: a vault of the stack holds recovery points, or something
/// of the file names the role.
pub(in crate::plan) fn still_needs(live: &Live, vaults: &[&Live]) -> Option<String> {
    if !trusts(live.fields.get("trust").unwrap_or(&Value::Null), "backup.amazonaws.com") {
        return None;
    }
    let holds = |vault: &&&Live| vault.carried["NumberOfRecoveryPoints"].as_i64().is_some_and(|count| count > 0);
    let vault = vaults.iter().find(holds)?;
    Some(format!("AWS Backup needs it to expire the recovery points in the vault `{}`", vault.name))
}
