//! A restore testing plan between its normal form, AWS's JSON form and the SDK's types.

use aws_sdk_backup::types::{
    KeyValue, ProtectedResourceConditions, RestoreTestingPlanForCreate, RestoreTestingPlanForGet,
    RestoreTestingPlanForUpdate, RestoreTestingRecoveryPointSelection, RestoreTestingRecoveryPointSelectionAlgorithm,
    RestoreTestingRecoveryPointType, RestoreTestingSelectionForCreate, RestoreTestingSelectionForGet,
    RestoreTestingSelectionForUpdate,
};
use serde_json::{Map, Value, json};

use crate::aws::{Answered, AwsError};
use crate::kind::Fields;
use crate::kind::value::{pairs, text, texts};
use crate::kinds::input::{Input, without_empty};
use crate::kinds::live_form::LiveForm;
use crate::model::duration::{days, minutes};
use crate::model::schedule::canonical_zone;
use crate::model::{Unmodelled, hidden};

/// What AWS writes before the tag key of a condition.
const TAG_PREFIX: &str = "aws:ResourceTag/";

// ---------------------------------------------------------------------------------------------- from AWS to the fields

/// Writes the fields of a live plan, its selections and tags apart.
pub(super) fn plan_fields(plan: &RestoreTestingPlanForGet) -> LiveForm {
    let mut form = LiveForm::default();
    form.text("schedule", Some(&plan.schedule_expression))
        .text("timezone", plan.schedule_expression_timezone().map(canonical_zone))
        .text("start_window", hours(plan.start_window_hours));
    if let Some(points) = plan.recovery_point_selection() {
        let types = points.recovery_point_types().iter().map(RestoreTestingRecoveryPointType::as_str);
        let window = u32::try_from(points.selection_window_days).ok().filter(|window| *window > 0);
        let mut record = LiveForm::default();
        record
            .text("algorithm", points.algorithm().map(RestoreTestingRecoveryPointSelectionAlgorithm::as_str))
            .set("include_vaults", points.include_vaults().iter().cloned())
            .set("exclude_vaults", points.exclude_vaults().iter().cloned())
            .set("recovery_point_types", types)
            .text("selection_window", window.map(days::format));
        form.value("recovery_point_selection", record.record());
    }
    form
}

/// Writes the record of a live selection.
pub(super) fn selection_record(selection: &RestoreTestingSelectionForGet) -> Value {
    let overrides = selection.restore_metadata_overrides().filter(|overrides| !overrides.is_empty());
    let mut form = LiveForm::default();
    form.text("role", Some(&selection.iam_role_arn))
        .text("resource_type", Some(&selection.protected_resource_type))
        .set("arns", selection.protected_resource_arns().iter().cloned())
        .text("overrides", overrides.map(|overrides| hidden::hash(&json!(overrides))))
        .value("validation_window", hours(selection.validation_window_hours));
    if let Some(conditions) = selection.protected_resource_conditions() {
        form.set("all", tags(conditions.string_equals())).set("not_equals", tags(conditions.string_not_equals()));
    }
    form.record()
}

/// Finds what a live plan has and vssctl has no name for.
pub(super) fn unmodelled_of_plan(plan: &Answered<RestoreTestingPlanForGet>) -> Unmodelled {
    let answered = [
        "RestoreTestingPlanArn",
        "RestoreTestingPlanName",
        "CreationTime",
        "CreatorRequestId",
        "LastExecutionTime",
        "LastUpdateTime",
    ];
    Unmodelled::between(&plan.heard, &plan_structure(&plan_fields(plan).fields()), &answered)
}

/// Finds what a live selection has and vssctl has no name for. Overrides may hold secrets: they are not looked into.
pub(super) fn unmodelled_of_selection(selection: &Answered<RestoreTestingSelectionForGet>) -> Unmodelled {
    let answered = [
        "RestoreTestingPlanName",
        "RestoreTestingSelectionName",
        "ProtectedResourceType",
        "RestoreMetadataOverrides",
        "CreationTime",
        "CreatorRequestId",
    ];
    let record = selection_record(selection);
    let fields = record.as_object().cloned().unwrap_or_default();
    Unmodelled::between(&selection.heard, &selection_structure(&merged(&Value::Null, &fields.into()), false), &answered)
}

fn tags(conditions: &[KeyValue]) -> impl Iterator<Item = String> + '_ {
    conditions.iter().map(|condition| {
        let key = condition.key.strip_prefix(TAG_PREFIX).unwrap_or(&condition.key);
        format!("{key}={}", condition.value)
    })
}

fn hours(hours: i32) -> Option<String> {
    u32::try_from(hours).ok().map(|hours| minutes::format(hours * 60))
}

// ---------------------------------------------------------------------------------------------- from the fields to AWS

/// Writes the structure of a plan in AWS's shape, without its name.
pub(super) fn plan_structure(fields: &Fields) -> Value {
    let nothing = Map::new();
    let points = fields.get("recovery_point_selection").and_then(Value::as_object).unwrap_or(&nothing);
    without_empty(json!({
        "ScheduleExpression": fields.get("schedule"),
        "ScheduleExpressionTimezone": fields.get("timezone"),
        "StartWindowHours": in_hours(fields, "start_window"),
        "RecoveryPointSelection": without_empty(json!({
            "Algorithm": points.get("algorithm"),
            "IncludeVaults": points.get("include_vaults"),
            "ExcludeVaults": points.get("exclude_vaults"),
            "RecoveryPointTypes": points.get("recovery_point_types"),
            "SelectionWindowDays": days::parse(text(points, "selection_window")).ok(),
        })),
    }))
}

/// Writes the structure of a selection in AWS's shape, without its name and type. `overrides`, where the file declares
/// them, stand there by their hash.
pub(super) fn selection_structure(fields: &Fields, declares_overrides: bool) -> Value {
    let tags = |name: &str| -> Vec<Value> {
        let pairs = fields.get(name).map(texts).unwrap_or_default().into_iter().filter_map(|tag| tag.split_once('='));
        pairs.map(|(key, value)| json!({ "Key": format!("{TAG_PREFIX}{key}"), "Value": value })).collect()
    };
    let overrides = declares_overrides.then(|| match text(fields, "overrides") {
        "" => json!({}),
        hash => hidden::placeholder(hash),
    });
    let mut structure = without_empty(json!({
        "IamRoleArn": fields.get("role"),
        "ProtectedResourceArns": fields.get("arns"),
        "ProtectedResourceConditions":
            without_empty(json!({ "StringEquals": tags("all"), "StringNotEquals": tags("not_equals") })),
        "ValidationWindowHours": in_hours(fields, "validation_window"),
    }));
    if let Some(overrides) = overrides {
        structure["RestoreMetadataOverrides"] = overrides;
    }
    structure
}

fn in_hours(fields: &Fields, name: &str) -> Option<u32> {
    minutes::parse(text(fields, name)).ok().map(|minutes| minutes / 60)
}

// ------------------------------------------------------------------------------------------------ from AWS's JSON form

fn points(points: &Input<'_>) -> Result<RestoreTestingRecoveryPointSelection, AwsError> {
    Ok(RestoreTestingRecoveryPointSelection::builder()
        .set_algorithm(points.choice("Algorithm")?)
        .set_include_vaults(points.texts("IncludeVaults")?)
        .set_exclude_vaults(points.texts("ExcludeVaults")?)
        .set_recovery_point_types(points.choices("RecoveryPointTypes")?)
        .set_selection_window_days(points.small("SelectionWindowDays")?)
        .build())
}

/// Builds the plan of a creating call.
pub(super) fn plan_for_create(plan: &Input<'_>) -> Result<RestoreTestingPlanForCreate, AwsError> {
    RestoreTestingPlanForCreate::builder()
        .set_restore_testing_plan_name(plan.text("RestoreTestingPlanName")?)
        .set_schedule_expression(plan.text("ScheduleExpression")?)
        .set_schedule_expression_timezone(plan.text("ScheduleExpressionTimezone")?)
        .set_start_window_hours(plan.small("StartWindowHours")?)
        .set_recovery_point_selection(plan.built("RecoveryPointSelection", points)?)
        .build()
        .map_err(|error| plan.refuse(error))
}

/// Builds the plan of an updating call.
pub(super) fn plan_for_update(plan: &Input<'_>) -> Result<RestoreTestingPlanForUpdate, AwsError> {
    Ok(RestoreTestingPlanForUpdate::builder()
        .set_schedule_expression(plan.text("ScheduleExpression")?)
        .set_schedule_expression_timezone(plan.text("ScheduleExpressionTimezone")?)
        .set_start_window_hours(plan.small("StartWindowHours")?)
        .set_recovery_point_selection(plan.built("RecoveryPointSelection", points)?)
        .build())
}

fn conditions(conditions: &Input<'_>) -> Result<ProtectedResourceConditions, AwsError> {
    Ok(ProtectedResourceConditions::builder()
        .set_string_equals(conditions.all_built("StringEquals", condition)?)
        .set_string_not_equals(conditions.all_built("StringNotEquals", condition)?)
        .build())
}

fn condition(condition: &Input<'_>) -> Result<KeyValue, AwsError> {
    KeyValue::builder()
        .set_key(condition.text("Key")?)
        .set_value(condition.text("Value")?)
        .build()
        .map_err(|error| condition.refuse(error))
}

/// Builds the selection of a creating call.
pub(super) fn selection_for_create(selection: &Input<'_>) -> Result<RestoreTestingSelectionForCreate, AwsError> {
    RestoreTestingSelectionForCreate::builder()
        .set_restore_testing_selection_name(selection.text("RestoreTestingSelectionName")?)
        .set_protected_resource_type(selection.text("ProtectedResourceType")?)
        .set_iam_role_arn(selection.text("IamRoleArn")?)
        .set_protected_resource_arns(selection.texts("ProtectedResourceArns")?)
        .set_protected_resource_conditions(selection.built("ProtectedResourceConditions", conditions)?)
        .set_restore_metadata_overrides(selection.map("RestoreMetadataOverrides")?)
        .set_validation_window_hours(selection.small("ValidationWindowHours")?)
        .build()
        .map_err(|error| selection.refuse(error))
}

/// Builds the selection of an updating call.
pub(super) fn selection_for_update(selection: &Input<'_>) -> Result<RestoreTestingSelectionForUpdate, AwsError> {
    Ok(RestoreTestingSelectionForUpdate::builder()
        .set_iam_role_arn(selection.text("IamRoleArn")?)
        .set_protected_resource_arns(selection.texts("ProtectedResourceArns")?)
        .set_protected_resource_conditions(selection.built("ProtectedResourceConditions", conditions)?)
        .set_restore_metadata_overrides(selection.map("RestoreMetadataOverrides")?)
        .set_validation_window_hours(selection.small("ValidationWindowHours")?)
        .build())
}

/// Returns a record of the file with what is live in place of what it does not declare.
pub(super) fn merged(live: &Value, desired: &Value) -> Fields {
    let mut merged = live.as_object().cloned().unwrap_or_default();
    merged.extend(pairs(desired).map(|(name, value)| (name.clone(), value.clone())));
    merged
}
