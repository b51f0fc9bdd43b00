//! The structures of associations and commands between the SDK's types and AWS's JSON form.

use aws_sdk_ssm::types::{
    Alarm, AlarmConfiguration, InstanceAssociationOutputLocation, S3OutputLocation, Tag, Target, TargetLocation,
};
use serde_json::{Value, json};

use crate::aws::AwsError;
use crate::kinds::input::{Input, without_empty};

pub(super) fn targets_of(targets: &[Target]) -> impl Iterator<Item = (String, Vec<String>)> + '_ {
    targets.iter().map(|target| (target.key().unwrap_or_default().to_owned(), target.values().to_vec()))
}

pub(super) fn alarms_to_json(alarms: &AlarmConfiguration) -> Value {
    json!({
        "IgnorePollAlarmFailure": alarms.ignore_poll_alarm_failure(),
        "Alarms": alarms.alarms().iter().map(|alarm| json!({ "Name": alarm.name() })).collect::<Vec<_>>(),
    })
}

pub(super) fn location_to_json(location: &TargetLocation) -> Value {
    without_empty(json!({
        "Accounts": location.accounts(),
        "Regions": location.regions(),
        "TargetLocationMaxConcurrency": location.target_location_max_concurrency(),
        "TargetLocationMaxErrors": location.target_location_max_errors(),
        "ExecutionRoleName": location.execution_role_name(),
        "TargetLocationAlarmConfiguration": location.target_location_alarm_configuration().map(alarms_to_json),
        "IncludeChildOrganizationUnits": location.include_child_organization_units().then_some(true),
        "ExcludeAccounts": location.exclude_accounts(),
        "Targets": location
            .targets()
            .iter()
            .map(|target| json!({ "Key": target.key(), "Values": target.values() }))
            .collect::<Vec<_>>(),
        "TargetsMaxConcurrency": location.targets_max_concurrency(),
        "TargetsMaxErrors": location.targets_max_errors(),
    }))
}

/// Builds a target of an association, of a command or of a target location.
pub(super) fn target_from_json(target: &Input<'_>) -> Result<Target, AwsError> {
    Ok(Target::builder().set_key(target.text("Key")?).set_values(target.texts("Values")?).build())
}

/// Builds where instances put the output of an association.
pub(super) fn output_from_json(output: &Input<'_>) -> Result<InstanceAssociationOutputLocation, AwsError> {
    let location = |location: &Input<'_>| {
        Ok(S3OutputLocation::builder()
            .set_output_s3_bucket_name(location.text("OutputS3BucketName")?)
            .set_output_s3_key_prefix(location.text("OutputS3KeyPrefix")?)
            .set_output_s3_region(location.text("OutputS3Region")?)
            .build())
    };
    Ok(InstanceAssociationOutputLocation::builder().set_s3_location(output.built("S3Location", location)?).build())
}

/// Builds the alarms that stop an association.
pub(super) fn alarms_from_json(alarms: &Input<'_>) -> Result<AlarmConfiguration, AwsError> {
    let alarm =
        |alarm: &Input<'_>| Alarm::builder().set_name(alarm.text("Name")?).build().map_err(|error| alarm.refuse(error));
    AlarmConfiguration::builder()
        .set_ignore_poll_alarm_failure(alarms.flag("IgnorePollAlarmFailure")?)
        .set_alarms(alarms.all_built("Alarms", alarm)?)
        .build()
        .map_err(|error| alarms.refuse(error))
}

/// Builds the accounts and regions of an association.
pub(super) fn location_from_json(location: &Input<'_>) -> Result<TargetLocation, AwsError> {
    Ok(TargetLocation::builder()
        .set_accounts(location.texts("Accounts")?)
        .set_regions(location.texts("Regions")?)
        .set_target_location_max_concurrency(location.text("TargetLocationMaxConcurrency")?)
        .set_target_location_max_errors(location.text("TargetLocationMaxErrors")?)
        .set_execution_role_name(location.text("ExecutionRoleName")?)
        .set_target_location_alarm_configuration(location.built("TargetLocationAlarmConfiguration", alarms_from_json)?)
        .set_include_child_organization_units(location.flag("IncludeChildOrganizationUnits")?)
        .set_exclude_accounts(location.texts("ExcludeAccounts")?)
        .set_targets(location.all_built("Targets", target_from_json)?)
        .set_targets_max_concurrency(location.text("TargetsMaxConcurrency")?)
        .set_targets_max_errors(location.text("TargetsMaxErrors")?)
        .build())
}

/// Builds a tag.
pub(super) fn tag_from_json(tag: &Input<'_>) -> Result<Tag, AwsError> {
    let tag_builder = Tag::builder().set_key(tag.text("Key")?).set_value(tag.text("Value")?);
    tag_builder.build().map_err(|error| tag.refuse(error))
}
