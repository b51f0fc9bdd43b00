//! Backup vaults: key, access policy, notifications, Vault Lock and tags.
//!
//! A vault's name is its identity. The list of vaults says everything but policy and notifications, which are read only
//! for entries that declare them and for vaults that are made again. A vault that holds recovery points is never
//! deleted. AWS pages: "Backup vaults", "AWS Backup Vault Lock".

pub(crate) mod api;
pub(crate) mod calls;
mod carried;
pub mod spec;
mod terraform;

use crate::model::KindId;
pub use carried::VaultCarried;
use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::diff;
use crate::kind::reference::{Reference, Sort};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kind::value::text;
use crate::kind::{Calls, Conflict, Desired, Field, Kind, KindLive, Live, Shape, Transition};
use crate::kinds::live_form::quoted;
use crate::model::{Action, FieldChange, PlannedCall};

/// The fields of a vault's notifications.
const NOTIFICATIONS: &[Field] = &[
    Field::new("topic", Shape::Scalar, "The ARN of a standard SNS topic of the same account."),
    Field::new("events", Shape::Set, "Events such as `BACKUP_JOB_COMPLETED`."),
];

/// The fields of a vault's lock.
const LOCK: &[Field] = &[
    Field::new(
        "mode",
        Shape::Scalar,
        "`governance`, or `compliance`, which nobody can undo once its grace time is over.",
    ),
    Field::new("min_retention", Shape::Scalar, "The shortest retention that the vault accepts, in days such as `7d`."),
    Field::new("max_retention", Shape::Scalar, "The longest retention that the vault accepts, in days such as `365d`."),
];

/// The fields of a vault.
pub(crate) const FIELDS: &[Field] = &[
    Field::fixed(
        "kms_key",
        Shape::Scalar,
        "The ARN of the KMS key; AWS cannot change it. AWS's own key where none is named.",
    ),
    Field::new("access_policy", Shape::Document, "Who may do what with the vault. PutBackupVaultAccessPolicy."),
    Field::new("notifications", Shape::Record(NOTIFICATIONS), "Where events go. PutBackupVaultNotifications."),
    Field::new(
        "lock",
        Shape::Record(LOCK),
        "Vault Lock. PutBackupVaultLockConfiguration; always the last call of a vault.",
    ),
    Field::new("tags", Shape::Tags, "At most 50 with those of vssctl. TagResource, UntagResource."),
];

/// Backup vaults.
#[derive(Debug)]
pub(crate) struct Vault;

impl Kind for Vault {
    fn id(&self) -> KindId {
        KindId::Vault
    }

    fn title(&self) -> &'static str {
        "backup vault"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn obstacle(&self, live: &Live) -> Option<String> {
        match live.carried.get::<VaultCarried>().and_then(|carried| carried.number_of_recovery_points) {
            Some(0) | None => None,
            Some(1) => Some("it holds 1 recovery point".to_owned()),
            Some(count) => Some(format!("it holds {count} recovery points")),
        }
    }

    fn conflict(&self, desired: &Desired, live: &Live, changes: &[FieldChange]) -> Option<Conflict> {
        let is_replaced = changes.iter().any(|field| field.replaces);
        let has = |field: &str| live.fields.get(field).is_some_and(|value| !diff::is_empty(value));
        let is_locked = live.fields.get("lock").is_some_and(|lock| lock["mode"] == "compliance");
        // A run that ends between the two could not put back what it had read.
        let lost = [
            ("lock", "a compliance lock", is_locked),
            ("access_policy", "an access policy", has("access_policy")),
            ("notifications", "notifications", has("notifications")),
        ];
        let lost: Vec<_> = lost.iter().filter(|(field, _, is)| *is && !desired.fields.contains_key(*field)).collect();
        let names = |pick: fn(&(&'static str, &'static str, bool)) -> String| {
            lost.iter().map(|lost| pick(lost)).collect::<Vec<_>>().join(" and ")
        };
        (is_replaced && !lost.is_empty()).then(|| Conflict {
            message: format!(
                "it would be deleted and made again, and has {} that the file does not speak of",
                names(|(_, what, _)| (*what).to_owned())
            ),
            help: format!(
                "write the live `kms_key` into the file, or declare {} as the new vault should have it",
                names(|(field, _, _)| format!("`{field}`"))
            ),
        })
    }

    fn references(&self, desired: &Desired) -> Vec<Reference> {
        Reference::new(Sort::Key, "kms_key", text(&desired.fields, "kms_key")).into_iter().collect()
    }

    fn look_closer<'a>(
        &'a self,
        reader: &'a Reader,
        going: &'a BTreeMap<String, Action>,
        all: &'a mut [(KindId, KindLive)],
    ) -> BoxFuture<'a, bool> {
        api::look_closer(reader, going, all).boxed()
    }

    fn unsaid(&self, live: &Live) -> Vec<String> {
        let Some(carried) = live.carried.get::<VaultCarried>() else { return Vec::new() };
        let notifications =
            quoted(carried.notifications.names()).into_iter().map(|name| format!("{name} of its notifications"));
        notifications
            .chain(quoted(carried.lock.clone()).into_iter().map(|name| format!("{name} of its lock")))
            .collect()
    }

    fn terraform(&self, side: &Side<'_>) -> Vec<TerraformResource> {
        terraform::resources(side)
    }

    fn refresh<'a>(&'a self, reader: &'a Reader, desired: &'a [Desired]) -> BoxFuture<'a, KindLive> {
        api::refresh(reader, desired).boxed()
    }

    fn calls(&self, transition: &Transition<'_>) -> Calls {
        calls::calls(transition)
    }

    fn perform<'a>(&'a self, writer: &'a Writer, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>> {
        api::perform(writer, call).boxed()
    }
}
