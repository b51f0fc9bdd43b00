//! Backup plans: rules by name, VSS for Windows, tags.
//!
//! Names of plans are not unique: a plan is found by the mark in its tags, else by its name if only one has it. An
//! update sends the whole plan, so that the live one is carried along and what the file does not model survives. AWS's
//! answer has `AdvancedBackupSettings` beside the plan. AWS pages: "Backup plans", `UpdateBackupPlan`.

pub(crate) mod api;
mod calls;
mod carried;
mod document;
pub(crate) mod lifecycle;
mod shape;
pub mod spec;
mod terraform;
mod unsaid;

pub(crate) use document::DEFAULT_SCHEDULE;

use crate::model::KindId;
pub use carried::PlanCarried;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::reference::{Reference, Sort};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kind::value::pairs;
use crate::kind::{
    Calls, Conflict, Desired, Field, Found, Holder, HolderKind, Kind, KindLive, Live, Look, Shape, Transition,
};
use crate::model::{FieldChange, PlannedCall};

/// The fields of a copy.
const COPY: &[Field] = &[
    Field::new(
        "delete_after",
        Shape::Scalar,
        "How long copies are kept, in days such as `35d`; a copy without a lifecycle has that of its rule.",
    ),
    Field::new("move_to_cold_storage_after", Shape::Scalar, "After how many days copies move to cold storage."),
    Field::new(
        "opt_in_to_archive_for_supported_resources",
        Shape::Scalar,
        "Lets AWS move tiered resources to the archive.",
    ),
];

/// The fields of a rule.
const RULE: &[Field] = &[
    Field::new("vault", Shape::Scalar, "The name of the vault. `TargetBackupVaultName`."),
    Field::new("schedule", Shape::Scalar, "When: `cron(...)`. AWS's default is `cron(0 5 ? * * *)`."),
    Field::new("timezone", Shape::Scalar, "The IANA time zone of the schedule; `Etc/UTC` where absent."),
    Field::new("start_window", Shape::Scalar, "How late a backup may start, such as `1h`. AWS's default is `8h`."),
    Field::new("complete_window", Shape::Scalar, "How long a backup may take, such as `8h`. AWS's default is `7d`."),
    Field::new(
        "delete_after",
        Shape::Scalar,
        "How long backups are kept, in days such as `35d`; for ever where absent.",
    ),
    Field::new(
        "move_to_cold_storage_after",
        Shape::Scalar,
        "After how many days backups move to cold storage; not for EC2.",
    ),
    Field::new(
        "opt_in_to_archive_for_supported_resources",
        Shape::Scalar,
        "Lets AWS move tiered resources to the archive.",
    ),
    Field::new(
        "enable_continuous_backup",
        Shape::Scalar,
        "Point-in-time recovery where a resource type has it; EC2 has not.",
    ),
    Field::new(
        "target_logically_air_gapped_backup_vault_arn",
        Shape::Scalar,
        "The ARN of an air-gapped vault that gets the backups as well.",
    ),
    Field::new("recovery_point_tags", Shape::Map(&Shape::Scalar), "Tags of the backups, at most 10."),
    Field::new(
        "copy_actions",
        Shape::Map(&Shape::Record(COPY)),
        "Copies by the ARN of the vault that gets them, at most 5.",
    ),
];

/// The fields of a plan.
pub(crate) const FIELDS: &[Field] = &[
    Field::new(
        "windows_vss",
        Shape::Scalar,
        "Whether Windows instances are backed up through VSS. `AdvancedBackupSettings`, `WindowsVSS`.",
    ),
    Field::new("rule", Shape::Map(&Shape::Record(RULE)), "The rules by name, at most 10."),
    Field::new("tags", Shape::Tags, "At most 50 with those of vssctl. TagResource, UntagResource."),
];

/// Backup plans.
#[derive(Debug)]
pub(crate) struct BackupPlan;

impl Kind for BackupPlan {
    fn id(&self) -> KindId {
        KindId::Plan
    }

    fn title(&self) -> &'static str {
        "backup plan"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn replaces_create_first(&self) -> bool {
        true
    }

    fn conflict(&self, desired: &Desired, live: &Live, changes: &[FieldChange]) -> Option<Conflict> {
        let changes_rules = changes.iter().any(|change| change.path.starts_with("rule"));
        let carried = live.carried.get().map(|PlanCarried(plan)| plan).filter(|_| changes_rules)?;
        lifecycle::conflict(&document::overlay(carried, &desired.name, &desired.fields))
    }

    fn names(&self, desired: &Desired, held: KindId, live: &Live) -> bool {
        if held == KindId::Vault {
            let rules = desired.fields.get("rule").and_then(Value::as_object);
            return rules.into_iter().flatten().any(|(_, rule)| rule["vault"] == live.name.as_str());
        }
        desired.has_arn_of(live)
    }

    fn holders(&self, live: &Live, all: &[(KindId, KindLive)]) -> Vec<Holder> {
        let plan = live.ids.get("BackupPlanId");
        let selections = all.iter().filter(|(kind, _)| *kind == KindId::Selection).map(|(_, selections)| selections);
        let live = selections.flat_map(|selections| {
            let found = selections.found.values().filter_map(|found| match found {
                Found::Live(live) => Some(&**live),
                Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
            });
            found.chain(&selections.orphans).chain(selections.surplus.iter().map(|(_, live)| live))
        });
        live.filter(|selection| selection.ids.get("BackupPlanId") == plan)
            .map(|selection| Holder {
                kind: HolderKind::Kind(KindId::Selection),
                name: selection.name.clone(),
                id: selection.ids.get("SelectionId").cloned().unwrap_or_default(),
            })
            .collect()
    }

    fn complete(&self, desired: &mut Desired, live: &Live) {
        document::complete(&mut desired.fields, &live.fields);
    }

    fn references(&self, desired: &Desired) -> Vec<Reference> {
        // An air-gapped vault of a rule is left to AWS: whether the list of vaults has it is not documented.
        let rules = desired.fields.get("rule").into_iter().flat_map(pairs);
        let of_rule = |(name, rule): (&String, &Value)| {
            let field = format!("rule.{name}.vault");
            let vault = Reference::new(Sort::Vault, field, rule["vault"].as_str().unwrap_or_default());
            let copies = rule.get("copy_actions").into_iter().flat_map(pairs);
            let field = format!("rule.{name}.copy_actions");
            let copies = copies.filter_map(|(arn, _)| {
                let path = format!("{field}.{arn}");
                Reference::new(Sort::Vault, field.clone(), arn).map(|reference| Reference { path, ..reference })
            });
            vault.into_iter().chain(copies).collect::<Vec<_>>()
        };
        rules.flat_map(of_rule).collect()
    }

    fn unsaid(&self, live: &Live) -> Vec<String> {
        live.carried.get::<PlanCarried>().map(|carried| unsaid::unsaid(&carried.0)).unwrap_or_default()
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

    fn look<'a>(&'a self, reader: &'a Reader, call: &'a PlannedCall) -> BoxFuture<'a, Result<Look, AwsError>> {
        api::look(reader, call).boxed()
    }
}
