//! Restore testing plans of AWS Backup with their selections.
//!
//! A plan's name is its identity, and the names of its selections are theirs within it. A selection has calls of its
//! own and carries no tags: it belongs to its plan. An update of either sends all that the file models, with what is
//! live in place of what the file does not declare. `RestoreMetadataOverrides` may hold secrets: its hash stands for it
//! everywhere but in the request. AWS pages: "Restore testing", `CreateRestoreTestingPlan`,
//! `CreateRestoreTestingSelection`; service model.

mod api;
mod calls;
mod carried;
mod shape;
pub mod spec;
mod terraform;

pub use carried::RestoreTestCarried;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::reference::{Reference, Sort};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kind::value::pairs;
use crate::kind::{Calls, Desired, Field, Kind, KindLive, Live, Look, PassedRole, Shape, Transition};
use crate::kinds::live_form::quoted;
use crate::model::{KindId, PlannedCall, Unmodelled};

/// The resource type of all selections that the file declares. AWS has no call that changes a selection's type.
pub(crate) const EC2: &str = "EC2";

/// The fields of `RecoveryPointSelection`.
const POINTS: &[Field] = &[
    Field::new("algorithm", Shape::Scalar, "`LATEST_WITHIN_WINDOW` or `RANDOM_WITHIN_WINDOW`. `Algorithm`."),
    Field::new("include_vaults", Shape::Set, "ARNs of vaults, or `*`. `IncludeVaults`."),
    Field::new("exclude_vaults", Shape::Set, "ARNs of vaults that are left out. `ExcludeVaults`."),
    Field::new("recovery_point_types", Shape::Set, "`SNAPSHOT`, `CONTINUOUS`. `RecoveryPointTypes`."),
    Field::new("selection_window", Shape::Scalar, "1 to 365 days, such as `30d`. `SelectionWindowDays`."),
];

/// The fields of a selection.
const SELECTION: &[Field] = &[
    Field::new("role", Shape::Scalar, "The ARN of the role that AWS Backup assumes. `IamRoleArn`."),
    Field::new("resource_type", Shape::Scalar, "`EC2`; one of another type is made again. `ProtectedResourceType`."),
    Field::new("arns", Shape::Set, "ARNs of instances, or `*`. `ProtectedResourceArns`."),
    Field::new(
        "all",
        Shape::Set,
        "AND: `key=value` of tags that an instance must have. `ProtectedResourceConditions.StringEquals`.",
    ),
    Field::new(
        "not_equals",
        Shape::Set,
        "AND: `key=value` of tags that an instance must not have. `ProtectedResourceConditions.StringNotEquals`.",
    ),
    Field::new("overrides", Shape::Hidden, "What restored instances have instead. `RestoreMetadataOverrides`."),
    Field::new("validation_window", Shape::Scalar, "0 to 168 hours, such as `4h`. `ValidationWindowHours`."),
];

/// The fields of a restore testing plan.
pub(crate) const FIELDS: &[Field] = &[
    Field::new("schedule", Shape::Scalar, "When tests start: `cron(...)`. `ScheduleExpression`."),
    Field::new("timezone", Shape::Scalar, "The IANA time zone of the schedule. `ScheduleExpressionTimezone`."),
    Field::new(
        "start_window",
        Shape::Scalar,
        "1 to 168 hours, such as `1d`; AWS's default is `1d`. `StartWindowHours`.",
    ),
    Field::new(
        "recovery_point_selection",
        Shape::Record(POINTS),
        "Which recovery points are tested. `RecoveryPointSelection`.",
    ),
    Field::new("selection", Shape::Map(&Shape::Record(SELECTION)), "What is restored, by name, at most 30."),
    Field::new("tags", Shape::Tags, "At most 50 with those of vssctl. TagResource, UntagResource."),
];

/// Restore testing plans.
#[derive(Debug)]
pub(crate) struct RestoreTest;

impl Kind for RestoreTest {
    fn id(&self) -> KindId {
        KindId::RestoreTest
    }

    fn title(&self) -> &'static str {
        "restore testing plan"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn default_name(&self, key: &str) -> String {
        aws_name(key)
    }

    fn passed_roles(&self, desired: &Desired) -> Vec<PassedRole> {
        let selections = desired.fields.get("selection").into_iter().flat_map(pairs);
        let roles = selections.filter_map(|(_, selection)| selection["role"].as_str());
        roles.map(|arn| PassedRole { service: "backup", arn: arn.to_owned() }).collect()
    }

    fn references(&self, desired: &Desired) -> Vec<Reference> {
        let selections = desired.fields.get("selection").into_iter().flat_map(pairs);
        let role = |(name, selection): (&String, &Value)| {
            Reference::new(Sort::Role, format!("selection.{name}.role"), selection["role"].as_str().unwrap_or_default())
        };
        let field = "recovery_point_selection.include_vaults";
        // A vault that is left out may be gone; `*` is each vault that there is.
        let included = desired.fields.get("recovery_point_selection").map(|points| &points["include_vaults"]);
        let included = included.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let vaults = included.filter(|vault| !vault.contains('*'));
        let vaults = vaults.filter_map(|vault| Reference::new(Sort::Vault, field, vault));
        selections.filter_map(role).chain(vaults).collect()
    }

    fn terraform(&self, side: &Side<'_>) -> Vec<TerraformResource> {
        terraform::resources(side)
    }

    fn unsaid(&self, live: &Live) -> Vec<String> {
        let Some(carried) = live.carried.get::<RestoreTestCarried>() else { return Vec::new() };
        let of = |(name, one): (&String, &Unmodelled)| {
            quoted(one.names())
                .into_iter()
                .map(|member| format!("{member} of the selection `{name}`"))
                .collect::<Vec<_>>()
        };
        quoted(carried.plan.names()).into_iter().chain(carried.selections.iter().flat_map(of)).collect()
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

/// Returns the AWS name that comes from a table key: AWS takes letters, digits and `_`.
pub fn aws_name(key: &str) -> String {
    key.replace('-', "_")
}
