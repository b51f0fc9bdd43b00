//! The hazards of roles, policies, instance profiles and their attachments.

use crate::kind::HolderKind;
use crate::kinds::attachment::AttachmentCarried;
use crate::kinds::role::RoleCarried;
use crate::kinds::vault::VaultCarried;
use crate::model::KindId;
use crate::model::service_role::{self, When};
use serde_json::Value;

use super::Hazard;
use super::notes::Notes;
use super::powers::{Lost, Need, Sides};
use super::subject::{Subject, texts};
use crate::kind::Live;
use crate::model::Action;
use crate::plan::About;

/// What instances and AWS Backup need for VSS: the AWS managed policy, and the actions one of which stands for it in
/// documents of the customer's own.
fn needs() -> [Need; 3] {
    let (vss, always) = (service_role::actions(&[When::WithVss]), service_role::actions(&[When::Always]));
    let (first, others) = vss.split_at(1);
    [
        Need {
            service: "ec2.amazonaws.com",
            policy: "AmazonSSMManagedInstanceCore",
            actions: vec!["ssm:UpdateInstanceInformation"],
            also: vec!["ssmmessages:CreateControlChannel", "ssmmessages:OpenControlChannel"],
        },
        Need {
            service: "ec2.amazonaws.com",
            policy: "AWSEC2VssSnapshotPolicy",
            actions: service_role::SNAPSHOTS.to_vec(),
            also: service_role::BESIDE_SNAPSHOTS.to_vec(),
        },
        Need {
            service: "backup.amazonaws.com",
            policy: "AWSBackupServiceRolePolicyForBackup",
            actions: first.to_vec(),
            also: [others, &always].concat(),
        },
    ]
}

pub(super) fn role(subject: &Subject<'_>, notes: &mut Notes) {
    let Some(live) = subject.draft.live else { return };
    let (changed, goes) = (subject.is_changed(), subject.is(Action::Delete));
    if !changed && !goes {
        return;
    }
    if changed {
        trust(subject, notes);
        if is_in_use(subject, live) {
            widened(subject, About::Permissions, Hazard::PrivilegeWidened, notes);
        }
        vss(subject, notes);
    }
    let profiles = holders(subject, live, HolderKind::Kind(KindId::InstanceProfile));
    if goes || subject.is(Action::Replace) {
        let (what, end) = if goes {
            ("goes", "until the profile has a role again")
        } else {
            ("is deleted and made again", "until the new role reaches them, up to an hour after this run")
        };
        for profile in &profiles {
            notes.add(
                Hazard::CredentialGap,
                format!("the role {what}: instances with the profile `{profile}` lose their credentials"),
                end,
            );
        }
    }
    let matters = ["trust", "managed_policies", "inline_policies", "permissions_boundary"];
    if goes || subject.is(Action::Replace) || matters.iter().any(|field| subject.changes(field)) {
        let ours: Vec<&str> =
            subject.ours(KindId::InstanceProfile).iter().map(|profile| profile.name.as_str()).collect();
        for profile in profiles.iter().filter(|profile| !ours.contains(&profile.as_str())) {
            notes.add(
                Hazard::SharedResource,
                format!("the instance profile `{profile}`, which is not this stack's, holds the role"),
                "until its owner takes the role out of it",
            );
        }
    }
    // What is made again has another ARN: nothing but its path and its name replace a role.
    if (goes || subject.is(Action::Replace)) && trusts(subject.before("trust"), "backup.amazonaws.com") {
        orphans(subject, notes);
    }
    if subject.is(Action::Replace) {
        unassumable(subject, live, notes);
    }
}

/// Tells whether a role is in use. A role that nothing holds and that was never used is as good as new: an interrupted
/// apply leaves such roles, and finishing them widens nothing.
fn is_in_use(subject: &Subject<'_>, live: &Live) -> bool {
    let arn = live.ids.get("Arn").map_or("", String::as_str);
    let selects = |selection: &&Live| selection.fields.get("role").is_some_and(|role| role == arn);
    let carried = live.carried.get::<RoleCarried>();
    carried.is_some_and(|carried| carried.was_used || !carried.holders.is_empty())
        || subject.ours(KindId::Selection).iter().any(selects)
}

fn trust(subject: &Subject<'_>, notes: &mut Notes) {
    if !subject.changes("trust") {
        return;
    }
    widened(subject, About::Trust, Hazard::TrustWidened, notes);
    for (service, hazard, lost) in [
        ("ec2.amazonaws.com", Hazard::CredentialGap, "its instances have no credentials"),
        ("backup.amazonaws.com", Hazard::ProtectionGap, "no backup starts"),
    ] {
        let (before, after) = (subject.before("trust"), subject.after("trust"));
        let let_in = statements(before, service, "Allow").collect::<Vec<_>>();
        let is_as_open =
            |one: &Value| one["Condition"].is_null() || let_in.iter().any(|old| old["Condition"] == one["Condition"]);
        let mut left = statements(after, service, "Allow").peekable();
        let narrowed = !let_in.is_empty() && left.peek().is_some() && !left.any(is_as_open);
        let denied =
            statements(after, service, "Deny").any(|one| statements(before, service, "Deny").all(|old| old != one));
        if narrowed || denied {
            notes.add(
                hazard,
                format!("`{service}` may assume the role only under a new condition: where it is not met, {lost}"),
                "until it is met or goes",
            );
        }
    }
}

/// Notes what is allowed more: the first statement, and how many more there are, which the view of the plan has.
fn widened(subject: &Subject<'_>, about: About, hazard: Hazard, notes: &mut Notes) {
    let mut all = subject.widened(about);
    let Some(first) = all.next() else { return };
    let more = match all.count() {
        0 => String::new(),
        1 => ", and 1 more (see Security)".to_owned(),
        more => format!(", and {more} more (see Security)"),
    };
    notes.add(hazard, format!("{}{more}", first.turn.words), "until it is taken back");
}

fn vss(subject: &Subject<'_>, notes: &mut Notes) {
    if !["managed_policies", "inline_policies", "permissions_boundary"].iter().any(|field| subject.changes(field)) {
        return;
    }
    taken(&Sides::of(subject), subject.after("trust"), "the role", notes);
}

/// Notes what a role loses of what VSS needs, by a change of its own or of a policy that it has.
fn taken(sides: &Sides<'_>, trust: &Value, role: &str, notes: &mut Notes) {
    for need in needs().iter().filter(|need| trusts(trust, need.service)) {
        match sides.lost(need) {
            Lost::Nothing => {}
            Lost::All(what) => {
                let what = format!("{role} loses `{what}`, which VSS backups need");
                notes.add(Hazard::VssUnavailable, what, "until the role has it again");
            }
            Lost::Some(actions) => {
                let named: Vec<String> = actions.iter().map(|action| format!("`{action}`")).collect();
                let them = if actions.len() == 1 { "it" } else { "them" };
                if !actions.is_empty() {
                    notes.add(
                        Hazard::VssUnavailable,
                        format!(
                            "a policy of {role} denies {}, which VSS backups need, or its boundary keeps it from \
                             {them}",
                            named.join(", ")
                        ),
                        "until the denial goes or the boundary lets it through",
                    );
                }
            }
        }
    }
}

/// AWS Backup assumes the role again to delete the recovery points that it made.
fn orphans(subject: &Subject<'_>, notes: &mut Notes) {
    for vault in subject.ours(KindId::Vault) {
        if let Some(count @ 1..) = recovery_points(vault) {
            notes.add(
                Hazard::RetentionOrphan,
                format!(
                    "AWS Backup needs the role to expire the {count} recovery points in the vault `{}`",
                    vault.name
                ),
                "until the role is there again under its old ARN, or somebody deletes them",
            );
        }
    }
}

/// Notes the selections that name a role which is deleted before it is made again: they move to the new role after
/// that.
fn unassumable(subject: &Subject<'_>, live: &Live, notes: &mut Notes) {
    let arn = live.ids.get("Arn").map_or("", String::as_str);
    let uses = |selection: &&Live| selection.fields.get("role").is_some_and(|role| role == arn);
    for selection in subject.live(KindId::Selection).filter(uses) {
        notes.add(
            Hazard::ProtectionGap,
            format!("no backup of the selection `{}` starts while the role is deleted and made again", selection.name),
            "until this run has moved it to the new role",
        );
    }
}

pub(super) fn policy(subject: &Subject<'_>, notes: &mut Notes) {
    let Some(live) = subject.draft.live else { return };
    let goes = subject.is(Action::Delete) || subject.is(Action::Replace);
    if subject.is_changed() && subject.changes("document") {
        widened(subject, About::Permissions, Hazard::PrivilegeWidened, notes);
    }
    if subject.is_changed() && subject.changes("document") {
        // What VSS needs may be denied, or no longer be allowed, in a policy that a role has or that bounds it.
        let arn = live.ids.get("Arn").map_or("", String::as_str);
        let has = |role: &&Live| {
            let attached = role.fields.get("managed_policies").map(texts).unwrap_or_default();
            let others = role.carried.get::<RoleCarried>();
            attached.contains(&arn)
                || others.is_some_and(|others| others.other_managed_policies.iter().any(|held| held == arn))
                || role.fields.get("permissions_boundary").is_some_and(|boundary| boundary == arn)
        };
        for role in subject.live(KindId::Role).filter(has) {
            let trust = role.fields.get("trust").unwrap_or(&Value::Null);
            taken(&Sides::with(subject, role), trust, &format!("the role `{}`", role.name), notes);
        }
    }
    if goes || subject.is_changed() && subject.changes("document") {
        let ours: Vec<&str> = subject.ours(KindId::Role).iter().map(|role| role.name.as_str()).collect();
        for role in
            holders(subject, live, HolderKind::Kind(KindId::Role)).iter().filter(|role| !ours.contains(&role.as_str()))
        {
            let what = format!("the role `{role}`, which is not this stack's, has the policy");
            notes.add(Hazard::SharedResource, what, "until its owner detaches it");
        }
        for others in holders(subject, live, HolderKind::Principal) {
            let what = format!("users or groups have the policy: {others}");
            notes.add(Hazard::SharedResource, what, "until it is detached from them");
        }
    }
}

/// Names those of a kind that hold the live resource of a draft, whoever they belong to.
fn holders(subject: &Subject<'_>, live: &Live, kind: HolderKind) -> Vec<String> {
    let all = subject.draft.kind.holders(live, subject.input.live);
    all.into_iter().filter(|holder| holder.kind == kind).map(|holder| holder.name).collect()
}

pub(super) fn instance_profile(subject: &Subject<'_>, notes: &mut Notes) {
    let role = subject.before("role").as_str().unwrap_or_default();
    if role.is_empty() {
        return;
    }
    let (what, end) = if subject.is(Action::Delete) {
        ("goes", "until they get another profile")
    } else if subject.is(Action::Replace) {
        ("is deleted and made again", "until they are associated with the new one")
    } else if subject.is_changed() && subject.changes("role") {
        ("gets another role, which takes up to an hour to reach running instances", "until the new role reaches them")
    } else {
        return;
    };
    notes.add(Hazard::CredentialGap, format!("the profile {what}: its instances are without `{role}`"), end);
}

/// Notes what instances lose with the profile that is on them now.
pub(super) fn attachment(subject: &Subject<'_>, notes: &mut Notes) {
    let Some(live) = subject.draft.live else { return };
    let carried = live.carried.get::<AttachmentCarried>();
    let is_own = |instance: &str| carried.is_some_and(|carried| carried.is_own(instance));
    let on = subject.before("instances").as_object().into_iter().flatten();
    if subject.is(Action::Delete) {
        let lost: Vec<&str> = on.map(|(instance, _)| instance.as_str()).filter(|instance| is_own(instance)).collect();
        if let Some(instances) = listed(&lost) {
            let what = format!("the instance profile is taken off {instances}");
            notes.add(Hazard::CredentialGap, what, "until they get a profile again");
        }
        return;
    }
    if !subject.is_changed() {
        return;
    }
    let swapped: Vec<(&str, &Value)> = on
        .filter(|(instance, _)| subject.changes(&format!("instances.{instance}")))
        .map(|(instance, profile)| (instance.as_str(), profile))
        .collect();
    let instances: Vec<&str> = swapped.iter().map(|(instance, _)| *instance).collect();
    if let Some(instances) = listed(&instances) {
        let what = format!("another instance profile takes the place of the one on {instances}");
        notes.add(Hazard::CredentialGap, what, "until the new one reaches them, up to an hour after this run");
    }
    for (instance, profile) in swapped.iter().filter(|(instance, _)| !is_own(instance)) {
        let name = profile.as_str().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
        notes.add(
            Hazard::SharedResource,
            format!("the instance profile `{name}`, which is not this stack's, is taken off `{instance}`"),
            "until its owner puts it back",
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

/// Gives the statements of a trust policy that name a service.
fn statements<'a>(trust: &'a Value, service: &'a str, effect: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = match &trust["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        one => std::slice::from_ref(one),
    };
    all.iter().filter(move |one| one["Effect"] == effect && (trusts(&one["Principal"], service)))
}

/// Tells whether a trust policy names a service.
pub(super) fn trusts(trust: &Value, service: &str) -> bool {
    trust.to_string().contains(&format!("\"{service}"))
}

/// Tells why AWS Backup still needs a role that would go, if it does: a vault of the stack holds recovery points, or
/// something of the file names the role.
pub(in crate::plan) fn still_needs(live: &Live, vaults: &[&Live]) -> Option<String> {
    if !trusts(live.fields.get("trust").unwrap_or(&Value::Null), "backup.amazonaws.com") {
        return None;
    }
    let holds = |vault: &&&Live| recovery_points(vault).is_some_and(|count| count > 0);
    let vault = vaults.iter().find(holds)?;
    Some(format!("AWS Backup needs it to expire the recovery points in the vault `{}`", vault.name))
}

/// Returns how many recovery points a vault holds, as far as AWS says.
pub(super) fn recovery_points(vault: &Live) -> Option<i64> {
    vault.carried.get::<VaultCarried>()?.number_of_recovery_points
}
