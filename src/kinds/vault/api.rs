//! What AWS says about vaults, and how it is told.

use super::carried::VaultCarried;
use crate::kind::Carried;
use crate::model::KindId;
use crate::model::Operation;
use std::collections::BTreeMap;

use aws_sdk_backup::operation::create_backup_vault::{CreateBackupVaultError, CreateBackupVaultOutput};
use aws_sdk_backup::types::BackupVaultListMember;
use aws_smithy_types::date_time::Format;
use serde_json::{Value, json};

use crate::aws::{Answered, AwsError, Completing, Reader, Tags, TagsByArn, VaultNotifications, Writer};
use crate::kind::{Desired, Found, KindLive, Live, Owner};
use crate::kind::{diff, marks};
use crate::kinds::expect::{Expected, gone};
use crate::kinds::identity::{backup_owner, entries, is_settled, unknown};
use crate::kinds::input::{Input, body, incomplete, open, unusable, whole};
use crate::kinds::live_form::{LiveForm, document, ids};
use crate::model::duration::days;
use crate::model::{Action, PlannedCall, Unmodelled};

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, KindId::Vault).collect();
    let mut live = KindLive::default();
    let (vaults, index) = match tokio::try_join!(reader.list_backup_vaults(), reader.tagged()) {
        Ok(read) => read,
        Err(error) => {
            live.found = mine.iter().map(|entry| (entry.address.clone(), unknown(&error))).collect();
            live.unreadable.push(error);
            return live;
        }
    };
    let by_name: BTreeMap<&str, &Answered<BackupVaultListMember>> =
        vaults.iter().map(|vault| (vault.backup_vault_name().unwrap_or_default(), vault)).collect();
    let found = mine.iter().map(|entry| async {
        let found = match by_name.get(entry.name.as_str()) {
            None => Found::Absent,
            Some(vault) => read_one(reader, vault, &index, entry).await.unwrap_or_else(|error| unknown(&error)),
        };
        (entry.address.clone(), found)
    });
    live.found = futures_util::future::join_all(found).await.into_iter().collect();
    for (name, vault) in by_name {
        if mine.iter().any(|entry| entry.name == name) {
            continue;
        }
        match owned_tags(reader, 'v', vault.backup_vault_arn(), vault.creator_request_id(), &index).await {
            Ok(Some(tags)) => live.orphans.push(normal_form(reader, vault, &tags, None, None)),
            Ok(None) => {}
            Err(error) => live.unreadable.push(error),
        }
    }
    live
}

/// Returns the tags of a resource of AWS Backup that no entry claims, if it is ours. The index lags: a resource that
/// our `CreatorRequestId` made and the index does not know is asked itself.
pub(crate) async fn owned_tags(
    reader: &Reader,
    letter: char,
    arn: Option<&str>,
    creator_request_id: Option<&str>,
    index: &TagsByArn,
) -> Result<Option<Tags>, AwsError> {
    let Some(arn) = arn else { return Ok(None) };
    let made_by_us = creator_request_id.is_some_and(|id| marks::is_creator(reader.scope(), letter, id));
    let tags = match index.get(arn) {
        Some(tags) => tags.clone(),
        None if made_by_us => Tags::clone(&*reader.backup_tags(arn).await?),
        None => return Ok(None),
    };
    let owner = backup_owner(reader.scope(), letter, &tags, creator_request_id);
    Ok(matches!(owner, Owner::Ours(_)).then_some(tags))
}

/// Returns the tags of a resource of AWS Backup that an entry means: indexed ones where they are as the entry wants
/// them.
pub(crate) async fn tags_of(reader: &Reader, arn: &str, index: &TagsByArn, entry: &Desired) -> Result<Tags, AwsError> {
    match index.get(arn).filter(|tags| is_settled(reader.scope(), entry, tags)) {
        Some(tags) => Ok(tags.clone()),
        None => reader.backup_tags(arn).await.map(|tags| Tags::clone(&tags)),
    }
}

async fn read_one(
    reader: &Reader,
    vault: &Answered<BackupVaultListMember>,
    index: &TagsByArn,
    entry: &Desired,
) -> Result<Found, AwsError> {
    let arn = vault.backup_vault_arn().unwrap_or_default();
    let policy = async {
        if entry.fields.contains_key("access_policy") {
            reader.vault_access_policy(&entry.name).await
        } else {
            Ok(None)
        }
    };
    let notifications = async {
        if entry.fields.contains_key("notifications") {
            reader.vault_notifications(&entry.name).await
        } else {
            Ok(None)
        }
    };
    let (tags, policy, notifications) = tokio::try_join!(tags_of(reader, arn, index, entry), policy, notifications)?;
    Ok(Found::Live(Box::new(normal_form(reader, vault, &tags, policy.as_deref(), notifications.as_ref()))))
}

/// Reads what a vault that is made again has beside what the file says: it would be lost.
pub(super) async fn look_closer(
    reader: &Reader,
    going: &BTreeMap<String, Action>,
    all: &mut [(KindId, KindLive)],
) -> bool {
    let mut has_read = false;
    let vaults =
        all.iter_mut().filter(|(kind, _)| *kind == KindId::Vault).flat_map(|(_, vaults)| vaults.found.values_mut());
    for found in vaults {
        let Found::Live(live) = found else { continue };
        if going.get(&live.name) != Some(&Action::Replace) {
            continue;
        }
        has_read = true;
        match tokio::try_join!(reader.vault_access_policy(&live.name), reader.vault_notifications(&live.name)) {
            Ok((policy, notifications)) => {
                let policy = policy.map(|policy| ("access_policy".to_owned(), access_policy(&policy)));
                let notifications = notifications.map(|it| ("notifications".to_owned(), record_of(&it)));
                live.fields.extend(policy.into_iter().chain(notifications));
            }
            Err(error) => *found = unknown(&error),
        }
    }
    has_read
}

/// Reads the policy of a vault into its normal form.
fn access_policy(text: &str) -> Value {
    crate::policy::of_resource(&document(text))
}

fn record_of(notifications: &VaultNotifications) -> Value {
    let mut record = LiveForm::default();
    record.text("topic", Some(&notifications.topic)).set("events", notifications.events.iter().cloned());
    record.record()
}

/// Finds what notifications have and vssctl has no name for.
fn unmodelled(notifications: &VaultNotifications) -> Unmodelled {
    let known = json!({ "SNSTopicArn": notifications.topic, "BackupVaultEvents": notifications.events });
    Unmodelled::between(&notifications.heard, &known, &["BackupVaultName", "BackupVaultArn"])
}

/// Names the members of a live vault that vssctl has no name for and that, by their names, belong to its lock.
fn unmodelled_lock(heard: &Value) -> Vec<String> {
    let known = ["Locked", "LockDate", "MinRetentionDays", "MaxRetentionDays"];
    let members = heard.as_object().into_iter().flatten().filter(|(_, value)| !diff::is_empty(value));
    let names = members.map(|(name, _)| name).filter(|name| !known.contains(&name.as_str()));
    names.filter(|name| name.contains("Lock") || name.contains("Retention")).cloned().collect()
}

fn normal_form(
    reader: &Reader,
    vault: &Answered<BackupVaultListMember>,
    tags: &Tags,
    policy: Option<&str>,
    notifications: Option<&VaultNotifications>,
) -> Live {
    let name = vault.backup_vault_name().unwrap_or_default();
    let retention = |days: Option<i64>| days.and_then(|days| u32::try_from(days).ok()).map(days::format);
    let mut form = LiveForm::default();
    form.text("kms_key", vault.encryption_key_arn());
    if let Some(policy) = policy {
        form.value("access_policy", access_policy(policy));
    }
    if let Some(notifications) = notifications {
        form.value("notifications", record_of(notifications));
    }
    if vault.locked().unwrap_or_default() {
        // Only a compliance lock has a date from which nobody can change it.
        let mode = if vault.lock_date().is_some() { "compliance" } else { "governance" };
        let mut lock = LiveForm::default();
        lock.text("mode", Some(mode))
            .text("min_retention", retention(vault.min_retention_days()))
            .text("max_retention", retention(vault.max_retention_days()));
        form.value("lock", lock.record());
    }
    form.tags(tags);
    let owner = if name.starts_with("aws/") {
        Owner::Aws
    } else {
        backup_owner(reader.scope(), 'v', tags, vault.creator_request_id())
    };
    Live {
        name: name.to_owned(),
        owner,
        ids: ids([
            ("Arn", vault.backup_vault_arn()),
            ("CreationDate", created(vault).as_deref()),
            ("CreatorRequestId", vault.creator_request_id()),
        ]),
        fields: form.fields(),
        carried: Carried::new(VaultCarried {
            number_of_recovery_points: Some(vault.number_of_recovery_points()),
            notifications: notifications.map(unmodelled).unwrap_or_default(),
            lock: unmodelled_lock(&vault.heard),
        }),
        refers: Vec::new(),
    }
}

/// The moment of a vault's creation, RFC 3339 with all the digits that AWS gives.
fn created(vault: &BackupVaultListMember) -> Option<String> {
    vault.creation_date().and_then(|date| date.fmt(Format::DateTime).ok())
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (backup, operation) = (writer.backup(), call.operation);
    let vault = |input: &Input<'_>| input.required("BackupVaultName", Input::text);
    match operation {
        Operation::CreateBackupVault => return create(writer, call).await,
        Operation::PutBackupVaultAccessPolicy => {
            let request = whole(call, |input| {
                Ok(backup
                    .put_backup_vault_access_policy()
                    .backup_vault_name(vault(input)?)
                    .policy(input.required("Policy", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DeleteBackupVaultAccessPolicy => {
            let request =
                whole(call, |input| Ok(backup.delete_backup_vault_access_policy().backup_vault_name(vault(input)?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::PutBackupVaultNotifications => {
            let request = open(call, |input| {
                Ok(backup
                    .put_backup_vault_notifications()
                    .backup_vault_name(vault(input)?)
                    .set_sns_topic_arn(input.text("SNSTopicArn")?)
                    .set_backup_vault_events(input.choices("BackupVaultEvents")?)
                    .customize()
                    .interceptor(Completing::new(body(call, &["BackupVaultName"]))))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DeleteBackupVaultNotifications => {
            let request =
                whole(call, |input| Ok(backup.delete_backup_vault_notifications().backup_vault_name(vault(input)?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::PutBackupVaultLockConfiguration => {
            let request = whole(call, |input| {
                Ok(backup
                    .put_backup_vault_lock_configuration()
                    .backup_vault_name(vault(input)?)
                    .set_min_retention_days(input.number("MinRetentionDays")?)
                    .set_max_retention_days(input.number("MaxRetentionDays")?)
                    .set_changeable_for_days(input.number("ChangeableForDays")?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DeleteBackupVaultLockConfiguration => {
            let request = whole(call, |input| {
                Ok(backup.delete_backup_vault_lock_configuration().backup_vault_name(vault(input)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DeleteBackupVault => {
            let request = whole(call, |input| Ok(backup.delete_backup_vault().backup_vault_name(vault(input)?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::ListBackupVaults => {
            let names = ["CreationDate", "CreatorRequestId"];
            let (vault, expected) = whole(call, |input| Ok((vault(input)?, Expected::unmarked(input, &names)?)))?;
            let vaults = writer.reader().list_backup_vaults().await?;
            let found = vaults.iter().find(|listed| listed.backup_vault_name() == Some(vault.as_str()));
            let Some(found) = found else { return Ok(gone()) };
            let created = created(found);
            return expected.check(&[created.as_deref(), found.creator_request_id()], None);
        }
        Operation::TagResource | Operation::UntagResource | Operation::ListTags => {
            return perform_tags(writer, call).await;
        }
        _ => return Err(unusable(call, "no vault needs it")),
    }
    Ok(json!({}))
}

async fn create(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (backup, operation) = (writer.backup(), call.operation);
    let request = whole(call, |input| {
        Ok(backup
            .create_backup_vault()
            .backup_vault_name(input.required("BackupVaultName", Input::text)?)
            .set_encryption_key_arn(input.text("EncryptionKeyArn")?)
            .set_backup_vault_tags(input.map("BackupVaultTags")?)
            .set_creator_request_id(input.text("CreatorRequestId")?))
    })?;
    let token = request.get_creator_request_id().clone();
    // Our own token says that an earlier, unanswered call made it.
    let made_before = |error: &CreateBackupVaultError| match error {
        CreateBackupVaultError::AlreadyExistsException(error) if error.creator_request_id == token => {
            Some(CreateBackupVaultOutput::builder().set_backup_vault_arn(error.arn.clone()).build())
        }
        _ => None,
    };
    let answer = writer.send_unless(operation, request.send(), made_before).await?;
    let arn = answer.backup_vault_arn.ok_or_else(|| incomplete(call, "BackupVaultArn"))?;
    Ok(json!({ "Arn": arn, "BackupVaultArn": arn }))
}

/// Makes the calls of AWS Backup that are about tags.
pub(crate) async fn perform_tags(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (backup, operation) = (writer.backup(), call.operation);
    let arn = |input: &Input<'_>| input.required("ResourceArn", Input::text);
    match operation {
        Operation::TagResource => {
            let request =
                whole(call, |input| Ok(backup.tag_resource().resource_arn(arn(input)?).set_tags(input.map("Tags")?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::UntagResource => {
            let request = whole(call, |input| {
                Ok(backup.untag_resource().resource_arn(arn(input)?).set_tag_key_list(input.texts("TagKeyList")?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::ListTags => {
            let (arn, expected) = whole(call, |input| Ok((arn(input)?, Expected::marked(input, &[])?)))?;
            return expected.check(&[], Some(&*writer.reader().backup_tags(&arn).await?));
        }
        _ => return Err(unusable(call, "it is not about tags")),
    }
    Ok(json!({}))
}
