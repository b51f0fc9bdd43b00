//! Vaults: keys, locks, notifications and access policies.

use crate::config::context::{Context, Entry};
use crate::config::limits;
use crate::config::names::VAULT_NAME;
use crate::config::problems::safe;
use crate::config::structure::closest;
use crate::config::tree::Node;
use crate::kind::Desired;
use crate::kinds::vault::spec::{LockMode, LockSpec, NotificationsSpec, ResolvedLock, ResolvedVault, VaultSpec};
use crate::model::KindId;
use crate::model::arn::Arn;
use crate::model::duration::days;

use super::across::{Facts, LockFacts};
use super::values::duration;

/// Resolves `[vault.*]`.
pub(crate) fn vaults(file: &Node, context: &mut Context<'_>, facts: &mut Facts) -> Vec<Desired> {
    let mut all = Vec::new();
    for entry in context.entries::<VaultSpec>(file.get("vault"), KindId::Vault, None) {
        context.check_name(&entry, VAULT_NAME);
        let kms_key = entry
            .spec
            .kms_key
            .as_deref()
            .and_then(|text| context.own_arn(&entry, &["kms_key"], text, |text| Arn::parse_as(text, "kms", "key")));
        let access_policy = entry.spec.access_policy.as_ref().and_then(|source| {
            context.resource_document(&entry, &["access_policy"], source).map(|document| document.value)
        });
        context.check_allowances(&entry);
        let notifications = entry.spec.notifications.clone();
        if let Some(notifications) = &notifications {
            check_notifications(&entry, notifications, context);
        }
        let lock = entry.spec.lock.as_ref().map(|lock| resolve_lock(&entry, lock, context, facts));
        let tags = context.merged_tags(&entry, false);
        let resolved = ResolvedVault { kms_key, access_policy, notifications, lock, tags };
        let mut desired = context.desired(&entry, resolved.normal_form());
        desired.options = resolved.options();
        all.push(desired);
    }
    context.check_unique(KindId::Vault, VAULT_NAME);
    all
}

fn check_notifications(entry: &Entry<'_, VaultSpec>, notifications: &NotificationsSpec, context: &mut Context<'_>) {
    let events = notifications.events.as_deref().unwrap_or_default();
    let node = entry.node.get("notifications");
    // What is there and wrong has been reported, and is not missing.
    let is_wrong = |key: &str| {
        let mut members = node.into_iter().flat_map(Node::members);
        members.any(|(own, member)| member.node.has_fault() && (own == key || closest(own, &[key]).is_some()))
    };
    let has_events = !events.is_empty() || is_wrong("events");
    if (notifications.topic.is_some() || is_wrong("topic")) != has_events {
        let lacks = if has_events { "topic" } else { "events" };
        let diagnostic = entry
            .error("VSS0418", format!("the notifications of `{}` have no {lacks}", entry.address))
            .label(format!("`{lacks}` is missing"))
            .help("write both `topic` and `events`, or `{}` for no notifications");
        let place = match node {
            Some(node) if node.has_fault() => entry.key_place(&["notifications"]),
            _ => entry.place(&["notifications"]),
        };
        context.report(&place, diagnostic);
    }
    if let Some(topic) = notifications.topic.as_ref().filter(|topic| topic.strip_suffix(".fifo").is_some()) {
        let message = format!("AWS Backup does not send to the FIFO topic `{}`", safe(topic));
        let diagnostic = entry.error("VSS0418", message).label("a FIFO topic").help("take a standard topic");
        context.report(&entry.place(&["notifications", "topic"]), diagnostic);
    } else if let Some(topic) = &notifications.topic {
        context.own_arn(entry, &["notifications", "topic"], topic, |text| {
            let arn = Arn::parse(text)?;
            if arn.service == "sns" && !arn.resource.contains(':') {
                return Ok(arn);
            }
            Arn::parse_as(text, "sns", "topic")
        });
    }
}

fn resolve_lock(
    entry: &Entry<'_, VaultSpec>,
    lock: &LockSpec,
    context: &mut Context<'_>,
    facts: &mut Facts,
) -> ResolvedLock {
    let keys = |key: &'static str| ["lock", key];
    let least = duration(context, entry, &keys("min_retention"), lock.min_retention.as_deref(), days::parse);
    let most = duration(context, entry, &keys("max_retention"), lock.max_retention.as_deref(), days::parse);
    let grace = duration(context, entry, &keys("changeable_for"), lock.changeable_for.as_deref(), days::parse);
    for (key, value, from) in
        [("min_retention", least, 1), ("max_retention", most, 1), ("changeable_for", grace, limits::GRACE)]
    {
        let Some(value) = value.filter(|value| !(from..=limits::RETENTION).contains(value)) else { continue };
        let diagnostic = entry
            .error("VSS0411", format!("`{key}` is {value} days, out of range"))
            .label(format!("from `{from}d` to `{}d`", limits::RETENTION));
        context.report(&entry.place(&keys(key)), diagnostic);
    }
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        let message = format!("the lock's shortest retention, {least} days, is longer than its longest, {most} days");
        context.report(
            &entry.place(&keys("min_retention")),
            entry.error("VSS0411", message).label("more than `max_retention`"),
        );
    }
    let given = [
        ("min_retention", lock.min_retention.is_some()),
        ("max_retention", lock.max_retention.is_some()),
        ("changeable_for", lock.changeable_for.is_some()),
        ("compliance_lock_is_irreversible", lock.compliance_lock_is_irreversible.is_some()),
    ];
    let superfluous: &[&str] = match lock.mode {
        LockMode::None => &["min_retention", "max_retention", "changeable_for", "compliance_lock_is_irreversible"],
        LockMode::Governance => &["changeable_for", "compliance_lock_is_irreversible"],
        LockMode::Compliance => &[],
    };
    for (key, _) in given.iter().filter(|(key, given)| *given && superfluous.contains(key)) {
        let mode = if lock.mode == LockMode::None { "none" } else { "governance" };
        let diagnostic = entry
            .error("VSS0416", format!("`{key}` does not go with the lock mode `{mode}`"))
            .label("has no effect")
            .help("remove it");
        context.report(&entry.place(&["lock", key]), diagnostic);
    }
    if lock.mode == LockMode::Governance && lock.min_retention.is_none() && lock.max_retention.is_none() {
        let diagnostic = entry
            .error("VSS0411", "the lock has neither `min_retention` nor `max_retention`".to_owned())
            .label("locks nothing");
        context.report(&entry.place(&["lock"]), diagnostic);
    }
    if lock.mode == LockMode::Compliance {
        compliance(entry, lock, context);
    }
    if lock.mode != LockMode::None {
        facts.locks.insert(entry.name.clone(), LockFacts { least, most });
    }
    ResolvedLock {
        mode: lock.mode,
        min_retention: least.map(days::format),
        max_retention: most.map(days::format),
        changeable_for: grace.map(days::format),
    }
}

fn compliance(entry: &Entry<'_, VaultSpec>, lock: &LockSpec, context: &mut Context<'_>) {
    if lock.compliance_lock_is_irreversible != Some(true) {
        let diagnostic = entry
            .error("VSS0412", format!("the compliance lock of `{}` is not acknowledged", entry.address))
            .label("can never be taken off once its grace time is over")
            .help("add `compliance_lock_is_irreversible = true` to the lock, or take `mode = \"governance\"`");
        context.report(&entry.place(&["lock", "mode"]), diagnostic);
    }
    if lock.changeable_for.is_none() {
        let diagnostic = entry
            .error("VSS0411", "a compliance lock needs its grace time".to_owned())
            .label("`changeable_for` is missing")
            .help("add `changeable_for = \"3d\"`, or more days to change your mind in");
        context.report(&entry.place(&["lock"]), diagnostic);
    }
}
