//! Plans, selections and vaults: D004, D023, D024, D060, D062, D064, D070 to D075, D078.

use std::collections::BTreeSet;

use super::access::{Access, Denials, Need, access};
use super::notes::trusting;
use super::{File, Notes, Options, Patient, Severity, Subject, selected, why};
use crate::model::service_role::{BACKUP, When};
use crate::vss::coverage::{collide, memberships};
use crate::vss::evidence::{Evidence, Instance, Known, Plan, Role, Rule, Selection};
use crate::vss::schedule;
use crate::vss::selection::Selected;

/// The tags that a backup may have.
const MOST_TAGS: usize = 50;
/// The tags that the package adds to an image. AWS does not document their number, so a count that includes them gives
/// only a warning.
const PACKAGE_TAGS: usize = 2;
/// What to do about a role that is not enough for AWS Backup.
const SERVICE_ROLE: &str = "attach service-role/AWSBackupServiceRolePolicyForBackup to the role and let \
                            backup.amazonaws.com assume it: `preset = \"backup-service\"` does both";

/// Checks what plans mean for one instance.
pub(super) fn check_instance(patient: &Patient<'_>, notes: &mut Notes) {
    let Patient { evidence, instance, subject, .. } = patient;
    if !instance.windows {
        return;
    }
    tags(patient, notes);
    let sure: BTreeSet<&str> = patient
        .memberships
        .iter()
        .filter(|membership| membership.is_sure())
        .map(|membership| membership.plan_id.as_str())
        .collect();
    let plans: Vec<&Plan> =
        evidence.plans.known().into_iter().flatten().filter(|plan| sure.contains(plan.id.as_str())).collect();
    for (index, one) in plans.iter().enumerate() {
        for other in plans.iter().skip(index + 1) {
            if let Some(overlap) = collide(one, other, evidence.read_at) {
                notes.find(
                    "D064",
                    subject,
                    format!(
                        "{} and {} back it up at overlapping times: the later job fails",
                        overlap.one, overlap.other
                    ),
                    vec![format!("the start windows overlap first at {}", overlap.first.for_people())],
                    "merge the plans, or move their schedules apart by more than the longest start window",
                );
            }
        }
    }
}

fn tags(patient: &Patient<'_>, notes: &mut Notes) {
    let own: BTreeSet<&str> = patient
        .instance
        .tags
        .keys()
        .map(String::as_str)
        .filter(|key| !key.to_ascii_lowercase().starts_with("aws:"))
        .collect();
    for plan in patient.plans() {
        for rule in &plan.rules {
            let count = own
                .iter()
                .copied()
                .chain(rule.recovery_point_tags.keys().map(String::as_str))
                .collect::<BTreeSet<_>>()
                .len();
            if count + PACKAGE_TAGS <= MOST_TAGS {
                continue;
            }
            let severity = if count > MOST_TAGS { Severity::Error } else { Severity::Warning };
            notes.find_as(
                "D062",
                severity,
                &patient.subject,
                format!(
                    "{count} tags{} would come together on a backup by {}/{}, and {MOST_TAGS} is the most",
                    if count > MOST_TAGS { "" } else { " and those of the package" },
                    plan.name,
                    rule.name
                ),
                vec![format!(
                    "{} of the instance, {} of the rule, and those of the package",
                    own.len(),
                    rule.recovery_point_tags.len()
                )],
                "remove tags from the instance or from the rule's `recovery_point_tags`",
            );
        }
    }
}

/// Checks the plans with VSS; where instances were asked for, only the plans that select one of them.
pub(super) fn check(evidence: &Evidence, patients: &[Patient<'_>], options: &Options, notes: &mut Notes) {
    let only_theirs = !options.only.is_empty();
    let Known::Known(plans) = &evidence.plans else {
        let region = Subject::Region { name: evidence.scope.region.clone() };
        if evidence.plans.unread().is_some() {
            notes.undecided("D074", &region, why(&evidence.plans));
        }
        return;
    };
    let theirs: BTreeSet<&str> = patients
        .iter()
        .flat_map(|patient| &patient.memberships)
        .map(|membership| membership.plan_id.as_str())
        .collect();
    let wanted = plans.iter().filter(|plan| plan.windows_vss && (!only_theirs || theirs.contains(plan.id.as_str())));
    for plan in wanted {
        let subject = Subject::Plan { name: plan.name.clone() };
        windows(plan, &subject, evidence, notes);
        for rule in &plan.rules {
            retention(plan, rule, evidence, &options.file, notes);
        }
        match &plan.selections {
            Known::Known(selections) => {
                let mut roles = BTreeSet::new();
                for selection in selections {
                    names_what_it_selects(plan, selection, notes);
                    if roles.insert(&selection.role_arn) {
                        role(plan, selection, evidence, &options.file, notes);
                    }
                }
                if selections.is_empty() {
                    selected::nothing(plan, &subject, options, notes);
                } else {
                    selected::check(plan, selections, &subject, evidence, notes);
                }
            }
            unknown => {
                if unknown.unread().is_some() {
                    notes.undecided("D074", &subject, why(unknown));
                }
            }
        }
    }
    opt_in(evidence, notes);
    former_roles(evidence, notes);
}

/// Start and completion windows.
fn windows(plan: &Plan, subject: &Subject, evidence: &Evidence, notes: &mut Notes) {
    for (index, rule) in plan.rules.iter().enumerate() {
        if let Some(complete) = rule.complete_window_minutes.filter(|complete| complete * 60 <= rule.start_window()) {
            notes.find(
                "D070",
                subject,
                format!(
                    "the rule {} may end before it has begun: its completion window is not longer than its start \
                     window",
                    rule.name
                ),
                vec![format!(
                    "start window {} minutes, completion window {complete} minutes",
                    rule.start_window() / 60
                )],
                "make `complete_window` well longer than `start_window`: AWS may count both from the scheduled time",
            );
        }
        for other in plan.rules.iter().skip(index + 1) {
            if let Some(first) = schedule::overlap(rule, other, evidence.read_at) {
                notes.find(
                    "D070",
                    subject,
                    format!(
                        "the start windows of the rules {} and {} overlap: AWS Backup keeps only the backup of the \
                         longer retention",
                        rule.name, other.name
                    ),
                    vec![format!("first at {}", first.for_people())],
                    "move the schedules apart, or make `start_window` shorter",
                );
            }
        }
    }
}

/// What a rule keeps, and for how long.
fn retention(plan: &Plan, rule: &Rule, evidence: &Evidence, file: &File, notes: &mut Notes) {
    let subject = Subject::Plan { name: plan.name.clone() };
    if rule.continuous || rule.cold_after_days.is_some_and(|days| days > 0) {
        let what = if rule.continuous { "continuous backup" } else { "cold storage" };
        notes.find(
            "D075",
            &subject,
            format!("the rule {} asks for {what}, which EC2 does not have", rule.name),
            vec![format!("rule {}", rule.name)],
            "remove it from the rule: AWS Backup ignores it for instances",
        );
    }
    let Some(vault) = evidence.vaults.known().and_then(|vaults| vaults.get(&rule.vault)) else {
        if evidence.vaults.unread().is_some() {
            notes.undecided("D071", &subject, why(&evidence.vaults));
        }
        if evidence.vaults.known().is_some() {
            no_vault(plan, rule, file, notes);
        }
        return;
    };
    let days = rule.delete_after_days.filter(|days| *days > 0);
    let keeps = days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
    let too_short = vault.min_retention_days.filter(|min| days.is_some_and(|days| days < *min));
    let too_long = vault.max_retention_days.filter(|max| days.is_none_or(|days| days > *max));
    let range = match (too_short, too_long) {
        (Some(min), _) => format!("the lock of the vault {} wants {min} days at least", rule.vault),
        (None, Some(max)) => format!("the lock of the vault {} takes {max} days at most", rule.vault),
        (None, None) => return,
    };
    notes.find(
        "D071",
        &subject,
        format!("every job of the rule {} fails: it keeps backups {keeps}, and {range}", rule.name),
        vec![format!(
            "vault lock {} to {} days",
            vault.min_retention_days.map_or_else(|| "any".to_owned(), |days| days.to_string()),
            vault.max_retention_days.map_or_else(|| "any".to_owned(), |days| days.to_string())
        )],
        "bring `delete_after` of the rule inside the vault lock's range",
    );
}

/// A vault that is gone takes no backup.
fn no_vault(plan: &Plan, rule: &Rule, file: &File, notes: &mut Notes) {
    let Rule { name, vault, .. } = rule;
    let remedy = if file.vaults.contains(vault) {
        format!("the file declares the vault {vault}: `vssctl plan` shows it, and `vssctl apply` makes it again")
    } else {
        format!("make the vault {vault} again (`[vault.{vault}]` declares one), or let the rule name one that is there")
    };
    notes.find(
        "D071",
        &Subject::Plan { name: plan.name.clone() },
        format!("every job of the rule {name} of the plan {} fails: its vault {vault} does not exist", plan.name),
        vec![format!("ListBackupVaults does not have {vault}")],
        remedy,
    );
}

fn names_what_it_selects(plan: &Plan, selection: &Selection, notes: &mut Notes) {
    let everything = selection.resources.is_empty() && selection.list_of_tags.is_empty();
    let star = selection.resources.iter().any(|pattern| pattern == "*");
    if (everything || star) && selection.conditions.is_empty() {
        notes.find(
            "D073",
            &Subject::Selection { plan: plan.name.clone(), name: selection.name.clone() },
            "the selection selects everything that AWS Backup handles: databases and file systems too",
            vec![if star { "Resources has `*`".to_owned() } else { "it names neither resources nor tags".to_owned() }],
            "select by `arn:aws:ec2:*:*:instance/*` and a tag: `match = { all = { VssBackup = \"enabled\" } }`",
        );
    }
}

/// The role that AWS Backup gets.
fn role(plan: &Plan, selection: &Selection, evidence: &Evidence, file: &File, notes: &mut Notes) {
    let subject = Subject::Selection { plan: plan.name.clone(), name: selection.name.clone() };
    let arn = &selection.role_arn;
    let name = arn.rsplit('/').next().unwrap_or(arn);
    if !name.contains("AWSBackup") && !name.contains("AwsBackup") {
        notes.find(
            "D024",
            &subject,
            format!("operators with AWS's policies cannot pass the role {name} to AWS Backup"),
            vec![format!("the name {name} contains neither AWSBackup nor AwsBackup")],
            "AWSBackupFullAccess and AWSBackupOperatorAccess allow iam:PassRole for such names only: name it like \
             `AWSBackupVss`",
        );
    }
    let Known::Known(roles) = &evidence.roles else {
        if evidence.roles.unread().is_some() {
            notes.undecided("D023", &subject, why(&evidence.roles));
        }
        return;
    };
    let Some(role) = roles.get(arn) else {
        let seen = vec![format!("role {arn}")];
        let remedy = match roles.values().find(|role| role.name == name) {
            _ if file.roles.contains(name) => {
                format!("the file declares the role {name}: `vssctl plan` shows it, and `vssctl apply` makes it again")
            }
            // The name of a role is taken once in an account, whatever its path.
            Some(role) => format!("the role {name} has another path: let the selection name {}", role.arn),
            None => format!(
                "make the role {name} again (`[role.{name}] preset = \"backup-service\"` declares one), or let the \
                 selection name a role that AWS Backup may assume"
            ),
        };
        notes.find("D023", &subject, format!("the role {name} of the selection does not exist"), seen, remedy);
        return;
    };
    let found = trusting(evidence, role, "backup.amazonaws.com");
    if let Some(problem) = found.problem("backup.amazonaws.com") {
        let seen = vec![format!("the trust policy of {arn} {problem}")];
        let remedy = found.remedy().unwrap_or(SERVICE_ROLE);
        notes.find("D023", &subject, format!("AWS Backup may not assume the role {name}"), seen, remedy);
        return;
    }
    allows(plan, role, &subject, evidence, notes);
}

/// What the role allows of that which AWS Backup does with it.
fn allows(plan: &Plan, role: &Role, subject: &Subject, evidence: &Evidence, notes: &mut Notes) {
    let Role { arn, name, .. } = role;
    let scope = &evidence.scope;
    let tagging: Vec<&str> =
        plan.rules.iter().filter(|rule| !rule.recovery_point_tags.is_empty()).map(|rule| rule.name.as_str()).collect();
    let mut lacking: Vec<&str> = Vec::new();
    let (mut lacks_tagging, mut unknown, mut denials) = (false, None, Denials::default());
    for one in BACKUP {
        if one.when == When::WithTags && tagging.is_empty() {
            continue;
        }
        let resource = one.on.arn(scope.partition(), &scope.region, &scope.account_id, "i-0123456789abcdef0");
        let need = Need::new(one.action, resource);
        match access(&mut notes.powers, role, &need) {
            Access::Allowed => {}
            Access::Denied if one.when == When::WithTags => lacks_tagging = true,
            Access::Denied => {
                denials.note(&notes.powers, role, &need);
                if !lacking.contains(&one.action) {
                    lacking.push(one.action);
                }
            }
            Access::Unknown(reason) => unknown = unknown.or(Some(format!("{} of {name}: {reason}", one.action))),
        }
    }
    if let Some(reason) = unknown {
        notes.undecided("D023", subject, reason);
    }
    if !lacking.is_empty() {
        let seen = format!("role {arn} does not allow {}", lacking.join(", "));
        let seen = std::iter::once(seen).chain(denials.seen()).collect();
        let problem = format!("the role {name} does not allow AWS Backup what VSS needs");
        notes.find("D023", subject, problem, seen, denials.remedy(&lacking, SERVICE_ROLE.to_owned()));
    }
    if lacks_tagging {
        notes.find_as(
            "D023",
            Severity::Warning,
            subject,
            format!("the role {name} does not let AWS Backup tag recovery points, as the plan {} asks", plan.name),
            vec![
                format!("role {arn} does not allow backup:TagResource"),
                format!("`recovery_point_tags` of {}", tagging.join(", ")),
            ],
            "allow it `backup:TagResource` on `arn:aws:backup:*:*:recovery-point:*`, as \
             service-role/AWSBackupServiceRolePolicyForBackup does: such jobs fail since 2025-09-30; or take the tags \
             out of the rule",
        );
    }
}

/// The region's opt-in, as far as a plan with VSS depends on it.
fn opt_in(evidence: &Evidence, notes: &mut Notes) {
    let region = Subject::Region { name: evidence.scope.region.clone() };
    let windows = evidence.instances.known().into_iter().flatten().filter(|instance| instance.windows);
    let affected: Vec<&Instance> = windows
        .filter(|instance| {
            memberships(evidence, instance)
                .iter()
                .any(|membership| membership.windows_vss && matches!(membership.selected, Selected::SwitchedOff(_)))
        })
        .collect();
    let Some(first) = affected.first() else { return };
    notes.find(
        "D072",
        &region,
        format!(
            "AWS Backup does not handle EC2 here, so that {} not backed up",
            if affected.len() == 1 {
                format!("{} is", first.title())
            } else {
                format!("{} instances are", affected.len())
            }
        ),
        vec!["ResourceTypeOptInPreference.EC2 is false, and the selections are by tags alone".to_owned()],
        "write `[region_settings] resource_type_opt_in = { EC2 = true }`, or select by `arn:aws:ec2:*:*:instance/*`",
    );
}

/// Checks that the roles that made recovery points still exist: AWS Backup needs them to delete the recovery points.
fn former_roles(evidence: &Evidence, notes: &mut Notes) {
    let (Some(jobs), Some(roles)) = (evidence.jobs.known(), evidence.roles.known()) else { return };
    let account = format!(":{}:", evidence.scope.account_id);
    let gone: BTreeSet<&String> = jobs
        .iter()
        .filter(|job| job.recovery_point_arn.is_some())
        .filter_map(|job| job.role_arn.as_ref())
        .filter(|arn| arn.contains(&account) && !roles.contains_key(*arn))
        .collect();
    for arn in gone {
        notes.find(
            "D078",
            &Subject::Role { arn: arn.clone() },
            "the role made recovery points and no longer exists: AWS Backup cannot delete them",
            vec![format!("role {arn}")],
            "make it again until the last of its recovery points has expired",
        );
    }
}
