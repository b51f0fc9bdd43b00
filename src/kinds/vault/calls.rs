//! The calls that take a vault from live to desired. Pure.

use super::carried::VaultCarried;
use crate::model::Operation;
use serde_json::{Map, Value, json};

use crate::kind::value::{id, text};
use crate::kind::{Calls, Live, Transition};
use crate::kind::{diff, marks};
use crate::kinds::delta::{Delta, all_tags};
use crate::kinds::expect::{expecting, expecting_id};
use crate::kinds::input::{tag_map, without_empty};
use crate::model::duration::days;
use crate::model::{Action, PlannedCall};

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    Calls { looks: transition.live.map(|live| looks(live, transition)).unwrap_or_default(), ..changes(transition) }
}

/// Looks whether the vault is the one that the plan saw. A vault has no id but its name: the date of its creation
/// tells it from another one of that name.
fn looks(live: &Live, transition: &Transition<'_>) -> Vec<PlannedCall> {
    let named = json!({ "BackupVaultName": live.name });
    vec![
        expecting_id(Operation::ListBackupVaults, named, live, &["CreationDate", "CreatorRequestId"]),
        expecting(Operation::ListTags, json!({ "ResourceArn": id(live, "Arn") }), live, &[], transition.marks),
    ]
}

fn changes(transition: &Transition<'_>) -> Calls {
    match transition.action {
        Action::Create => create(transition),
        Action::Adopt => Calls { ensure: tags(transition), ..Calls::default() },
        Action::Update => update(transition),
        // The name is taken while the old vault stands; AWS deletes it only when it is empty.
        Action::Replace => Calls { release: transition.live.map(delete).unwrap_or_default(), ..create(transition) },
        Action::Delete => Calls { remove: transition.live.map(delete).unwrap_or_default(), ..Calls::default() },
        Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

fn create(transition: &Transition<'_>) -> Calls {
    let Some(desired) = transition.desired else { return Calls::default() };
    let input = json!({
        "BackupVaultName": desired.name,
        "EncryptionKeyArn": desired.fields.get("kms_key"),
        "BackupVaultTags": tag_map(&all_tags(transition)),
        "CreatorRequestId":
            marks::creator_request_id(transition.scope, 'v', &desired.name, &desired.address.to_string()),
    });
    let mut calls = Calls::default();
    calls.ensure.push(PlannedCall::new(Operation::CreateBackupVault, without_empty(input)));
    let declared = |field: &str| desired.fields.get(field).filter(|value| !diff::is_empty(value));
    if let Some(policy) = declared("access_policy") {
        calls.ensure.push(put_policy(&desired.name, policy));
    }
    if let Some(notifications) = declared("notifications").and_then(Value::as_object) {
        calls.ensure.push(put_notifications(&desired.name, notifications, transition.live));
    }
    // What takes the place of a vault keeps its lock, where the file does not speak of one.
    let delta = Delta::of(transition);
    let lock = delta.wanted("lock").as_object().filter(|lock| !lock.is_empty());
    if let Some(lock) = lock.filter(|lock| declared("lock").is_some() || text(lock, "mode") == "governance") {
        put_lock(&mut calls, &desired.name, lock, transition);
    }
    calls
}

fn update(transition: &Transition<'_>) -> Calls {
    let Some(live) = transition.live else { return Calls::default() };
    let delta = Delta::of(transition);
    let vault = live.name.as_str();
    let named = json!({ "BackupVaultName": vault });
    // The mark comes first: what follows is done to what is ours, wherever the run ends.
    let mut calls = Calls { ensure: tags(transition), ..Calls::default() };
    if delta.changes("access_policy") {
        let policy = delta.desired("access_policy");
        calls.ensure.push(if diff::is_empty(policy) {
            PlannedCall::new(Operation::DeleteBackupVaultAccessPolicy, named.clone())
        } else {
            put_policy(vault, policy)
        });
    }
    if delta.changes("notifications") {
        calls.ensure.push(if diff::is_empty(delta.desired("notifications")) {
            PlannedCall::new(Operation::DeleteBackupVaultNotifications, named.clone())
        } else {
            put_notifications(vault, &merged(&delta, "notifications"), Some(live))
        });
    }
    if delta.changes("lock") {
        // A lock binds whatever comes after it: nothing of the vault does.
        if diff::is_empty(delta.desired("lock")) {
            calls.remove.push(PlannedCall::new(Operation::DeleteBackupVaultLockConfiguration, named));
        } else {
            put_lock(&mut calls, vault, &merged(&delta, "lock"), transition);
        }
    }
    calls
}

/// Returns the live record with the declared fields in place: both calls replace the whole record.
fn merged(delta: &Delta<'_>, field: &str) -> Map<String, Value> {
    let mut record = delta.live(field).as_object().cloned().unwrap_or_default();
    record.extend(delta.desired(field).as_object().cloned().unwrap_or_default());
    record
}

fn tags(transition: &Transition<'_>) -> Vec<PlannedCall> {
    backup_tags(&Delta::of(transition), "Arn")
}

/// The tag calls of a resource of AWS Backup.
pub(crate) fn backup_tags(delta: &Delta<'_>, arn: &str) -> Vec<PlannedCall> {
    let (arn, changes) = (delta.id(arn), delta.tags());
    let mut calls = Vec::new();
    if !changes.set.is_empty() {
        let input = json!({ "ResourceArn": arn, "Tags": tag_map(&changes.set) });
        calls.push(PlannedCall::new(Operation::TagResource, input));
    }
    if !changes.unset.is_empty() {
        let input = json!({ "ResourceArn": arn, "TagKeyList": changes.unset });
        calls.push(PlannedCall::new(Operation::UntagResource, input));
    }
    calls
}

fn put_policy(vault: &str, policy: &Value) -> PlannedCall {
    let input = json!({ "BackupVaultName": vault, "Policy": policy.to_string() });
    PlannedCall::new(Operation::PutBackupVaultAccessPolicy, input)
}

fn put_notifications(vault: &str, notifications: &Map<String, Value>, live: Option<&Live>) -> PlannedCall {
    let mut input = json!({
        "BackupVaultName": vault,
        "SNSTopicArn": notifications.get("topic"),
        "BackupVaultEvents": notifications.get("events"),
    });
    if let Some(carried) = live.and_then(|live| live.carried.get::<VaultCarried>()) {
        carried.notifications.put_into(&mut input);
    }
    PlannedCall::new(Operation::PutBackupVaultNotifications, input)
}

fn put_lock(calls: &mut Calls, vault: &str, lock: &Map<String, Value>, transition: &Transition<'_>) {
    let retention = |name: &str| days::parse(text(lock, name)).ok();
    let mut input = json!({
        "BackupVaultName": vault,
        "MinRetentionDays": retention("min_retention"),
        "MaxRetentionDays": retention("max_retention"),
    });
    if text(lock, "mode") == "compliance" {
        // AWS takes the lock for governance where this is missing.
        let options = transition.desired.map(|desired| &desired.options);
        input["ChangeableForDays"] =
            json!(options.and_then(|options| days::parse(text(options, "changeable_for")).ok()));
    }
    calls.remove.push(PlannedCall::new(Operation::PutBackupVaultLockConfiguration, without_empty(input)));
    let carried = transition.live.and_then(|live| live.carried.get::<VaultCarried>());
    calls.dropped.extend(carried.into_iter().flat_map(|carried| carried.lock.clone()));
}

fn delete(live: &Live) -> Vec<PlannedCall> {
    // Deleting a vault takes its policy, notifications and governance lock along.
    vec![PlannedCall::new(Operation::DeleteBackupVault, json!({ "BackupVaultName": live.name }))]
}
