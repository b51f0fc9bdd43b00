//! A selection between the SDK's types and AWS's JSON form.

use aws_sdk_backup::types::{BackupSelection, Condition, ConditionParameter, ConditionType, Conditions};
use serde_json::{Value, json};

use crate::aws::{Answered, AwsError};
use crate::kinds::input::{Input, without_empty};
use crate::model::Unmodelled;

/// Finds what a live selection has and the SDK's types have no name for.
pub(super) fn unmodelled(selection: &Answered<BackupSelection>) -> Unmodelled {
    Unmodelled::between(&selection.heard, &selection_to_json(selection), &[])
}

fn selection_to_json(selection: &BackupSelection) -> Value {
    let tags = selection.list_of_tags().iter().map(|tag| {
        json!({
            "ConditionType": ConditionType::as_str(&tag.condition_type),
            "ConditionKey": tag.condition_key,
            "ConditionValue": tag.condition_value,
        })
    });
    let parameters =
        |parameters: &[ConditionParameter]| -> Value { parameters.iter().map(parameter_to_json).collect() };
    let conditions = selection.conditions().map(|conditions| {
        json!({
            "StringEquals": parameters(conditions.string_equals()),
            "StringLike": parameters(conditions.string_like()),
            "StringNotEquals": parameters(conditions.string_not_equals()),
            "StringNotLike": parameters(conditions.string_not_like()),
        })
    });
    without_empty(json!({
        "SelectionName": selection.selection_name,
        "IamRoleArn": selection.iam_role_arn,
        "Resources": selection.resources(),
        "NotResources": selection.not_resources(),
        "ListOfTags": tags.collect::<Vec<_>>(),
        "Conditions": conditions,
    }))
}

fn parameter_to_json(parameter: &ConditionParameter) -> Value {
    json!({ "ConditionKey": parameter.condition_key(), "ConditionValue": parameter.condition_value() })
}

/// Builds the selection of a creating call.
pub(super) fn selection_from_json(selection: &Input<'_>) -> Result<BackupSelection, AwsError> {
    BackupSelection::builder()
        .set_selection_name(selection.text("SelectionName")?)
        .set_iam_role_arn(selection.text("IamRoleArn")?)
        .set_resources(selection.texts("Resources")?)
        .set_not_resources(selection.texts("NotResources")?)
        .set_list_of_tags(selection.all_built("ListOfTags", condition_from_json)?)
        .set_conditions(selection.built("Conditions", conditions_from_json)?)
        .build()
        .map_err(|error| selection.refuse(error))
}

fn condition_from_json(condition: &Input<'_>) -> Result<Condition, AwsError> {
    Condition::builder()
        .set_condition_type(condition.choice("ConditionType")?)
        .set_condition_key(condition.text("ConditionKey")?)
        .set_condition_value(condition.text("ConditionValue")?)
        .build()
        .map_err(|error| condition.refuse(error))
}

fn conditions_from_json(conditions: &Input<'_>) -> Result<Conditions, AwsError> {
    let parameters = |member: &str| conditions.all_built(member, parameter_from_json);
    Ok(Conditions::builder()
        .set_string_equals(parameters("StringEquals")?)
        .set_string_like(parameters("StringLike")?)
        .set_string_not_equals(parameters("StringNotEquals")?)
        .set_string_not_like(parameters("StringNotLike")?)
        .build())
}

fn parameter_from_json(parameter: &Input<'_>) -> Result<ConditionParameter, AwsError> {
    Ok(ConditionParameter::builder()
        .set_condition_key(parameter.text("ConditionKey")?)
        .set_condition_value(parameter.text("ConditionValue")?)
        .build())
}
