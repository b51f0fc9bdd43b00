//! The structures of associations and commands between the SDK's types and AWS's JSON form.

use aws_sdk_ssm::types::{
    Alarm, AlarmConfiguration, InstanceAssociationOutputLocation, S3OutputLocation, Tag, Target, TargetLocation,
};
use aws_smithy_types::error::operation::BuildError;
use serde_json::{Value, json};

use crate::aws::AwsError;
use crate::kinds::input::{Input, unusable, without_empty};
use crate::model::PlannedCall;

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

pub(super) fn targets_from_json(input: Input<'_>) -> Option<Vec<Target>> {
    let build =
        |target: Input<'_>| Target::builder().set_key(target.text("Key")).set_values(target.texts("Values")).build();
    input.structures("Targets").map(|targets| targets.into_iter().map(build).collect())
}

pub(super) fn output_from_json(input: Input<'_>) -> Option<InstanceAssociationOutputLocation> {
    let location = input.structure("OutputLocation")?.structure("S3Location")?;
    let location = S3OutputLocation::builder()
        .set_output_s3_bucket_name(location.text("OutputS3BucketName"))
        .set_output_s3_key_prefix(location.text("OutputS3KeyPrefix"))
        .set_output_s3_region(location.text("OutputS3Region"))
        .build();
    Some(InstanceAssociationOutputLocation::builder().s3_location(location).build())
}

pub(super) fn alarms_from_json(input: Input<'_>, name: &str) -> Result<Option<AlarmConfiguration>, BuildError> {
    let Some(alarms) = input.structure(name) else { return Ok(None) };
    let mut builder =
        AlarmConfiguration::builder().set_ignore_poll_alarm_failure(alarms.flag("IgnorePollAlarmFailure"));
    for alarm in alarms.structures("Alarms").unwrap_or_default() {
        builder = builder.alarms(Alarm::builder().set_name(alarm.text("Name")).build()?);
    }
    builder.build().map(Some)
}

pub(super) fn locations_from_json(input: Input<'_>) -> Result<Option<Vec<TargetLocation>>, BuildError> {
    let build = |location: Input<'_>| {
        let built = TargetLocation::builder()
            .set_accounts(location.texts("Accounts"))
            .set_regions(location.texts("Regions"))
            .set_target_location_max_concurrency(location.text("TargetLocationMaxConcurrency"))
            .set_target_location_max_errors(location.text("TargetLocationMaxErrors"))
            .set_execution_role_name(location.text("ExecutionRoleName"))
            .set_target_location_alarm_configuration(alarms_from_json(location, "TargetLocationAlarmConfiguration")?)
            .set_include_child_organization_units(location.flag("IncludeChildOrganizationUnits"))
            .set_exclude_accounts(location.texts("ExcludeAccounts"))
            .set_targets(targets_from_json(location))
            .set_targets_max_concurrency(location.text("TargetsMaxConcurrency"))
            .set_targets_max_errors(location.text("TargetsMaxErrors"))
            .build();
        Ok(built)
    };
    input.structures("TargetLocations").map(|locations| locations.into_iter().map(build).collect()).transpose()
}

pub(super) fn ssm_tags(call: &PlannedCall) -> Result<Option<Vec<Tag>>, AwsError> {
    let Some(tags) = Input::of(call).tags("Tags") else { return Ok(None) };
    let built: Result<Vec<Tag>, _> =
        tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    built.map(Some).map_err(|error| unusable(call, error))
}
