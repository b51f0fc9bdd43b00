//! What AWS says about packages, and how it is told.

use aws_sdk_ssm::types::{Association, AssociationDescription, ResourceTypeForTagging};
use serde_json::{Value, json};

use super::associations::{associations, fits};
use super::run_commands::{is_lost, newest_commands};
use super::shape::{alarms_from_json, location_from_json, output_from_json, tag_from_json, target_from_json};
use super::{DOCUMENT, once, results};
use crate::aws::{AwsError, Completing, Reader, Writer};
use crate::kind::{Desired, KindLive, Look};
use crate::kinds::expect::Expected;
use crate::kinds::identity::{carries, entries};
use crate::kinds::input::{Input, incomplete, open, part, unusable, whole};
use crate::model::{KindId, Operation, PlannedCall};

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, KindId::Package).collect();
    let (commands, scheduled): (Vec<&Desired>, Vec<&Desired>) =
        mine.iter().copied().partition(|entry| entry.options.contains_key("run_command"));
    let (mut live, found) = tokio::join!(associations(reader, &scheduled, &mine), newest_commands(reader, &commands),);
    live.found.extend(found.found);
    live.attempts = found.attempts;
    live
}

/// Looks whether an association is as a call asks, and whether a command was sent.
pub(super) async fn look(reader: &Reader, call: &PlannedCall) -> Result<Look, AwsError> {
    match call.operation {
        Operation::CreateAssociation => {
            let (name, wanted) = part(call, |input| Ok((input.text("AssociationName")?, input.tags("Tags")?)))?;
            let listed = reader.list_associations().await?;
            let mut named: Vec<&Association> =
                listed.iter().filter(|association| association.association_name() == name.as_deref()).collect();
            named.sort_by_key(|association| association.association_id());
            for association in named {
                let id = association.association_id().unwrap_or_default();
                if carries(&*reader.association_tags(id).await?, wanted.clone()) {
                    let version = association.association_version();
                    return Ok(Look::Stands(json!({ "AssociationId": id, "AssociationVersion": version })));
                }
            }
            Ok(Look::Absent)
        }
        Operation::UpdateAssociation => {
            let (id, planned) = part(call, |input| {
                Ok((input.required("AssociationId", Input::text)?, input.text("AssociationVersion")?))
            })?;
            let association = match reader.association(&id).await {
                Ok(association) => association,
                Err(error) if error.is_not_found() => return Ok(Look::Differs),
                Err(error) => return Err(error),
            };
            let version = association.association_version();
            Ok(if fits(&association, &call.input) {
                Look::Stands(json!({ "AssociationId": id, "AssociationVersion": version }))
            } else if version == planned.as_deref() {
                Look::Absent
            } else {
                Look::Differs
            })
        }
        Operation::SendCommand => {
            let comment = part(call, |input| input.text("Comment"))?;
            let commands = reader.list_commands(DOCUMENT).await?;
            let sent = commands
                .iter()
                .find(|command| command.comment() == comment.as_deref() && !command.status().is_some_and(is_lost));
            Ok(sent.map_or(Look::Absent, |command| Look::Stands(json!({ "CommandId": command.command_id() }))))
        }
        _ => Ok(Look::Unclear),
    }
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (ssm, operation) = (writer.ssm(), call.operation);
    match operation {
        Operation::PutParameter => once::put(writer, call).await,
        Operation::ListTagsForResource => {
            let (id, expected) = whole(call, |input| {
                tagged(input)?;
                Ok((input.required("ResourceId", Input::text)?, Expected::marked(input, &[])?))
            })?;
            expected.check(&[], Some(&*writer.reader().association_tags(&id).await?))
        }
        Operation::GetCommandInvocation => results::awaited(&writer.reader(), call).await,
        Operation::SendCommand => send_command(writer, call).await,
        Operation::CreateAssociation => create_association(writer, call).await,
        Operation::UpdateAssociation => update_association(writer, call).await,
        Operation::DeleteAssociation => {
            let request = whole(call, |input| {
                Ok(ssm.delete_association().association_id(input.required("AssociationId", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
            Ok(json!({}))
        }
        Operation::AddTagsToResource => {
            let request = whole(call, |input| {
                Ok(ssm
                    .add_tags_to_resource()
                    .resource_type(tagged(input)?)
                    .resource_id(input.required("ResourceId", Input::text)?)
                    .set_tags(input.all_built("Tags", tag_from_json)?))
            })?;
            writer.send(operation, request.send()).await?;
            Ok(json!({}))
        }
        Operation::RemoveTagsFromResource => {
            let request = whole(call, |input| {
                Ok(ssm
                    .remove_tags_from_resource()
                    .resource_type(tagged(input)?)
                    .resource_id(input.required("ResourceId", Input::text)?)
                    .set_tag_keys(input.texts("TagKeys")?))
            })?;
            writer.send(operation, request.send()).await?;
            Ok(json!({}))
        }
        _ => Err(unusable(call, "no package needs it")),
    }
}

async fn send_command(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (ssm, operation) = (writer.ssm(), call.operation);
    let request = whole(call, |input| {
        Ok(ssm
            .send_command()
            .document_name(input.required("DocumentName", Input::text)?)
            .set_comment(input.text("Comment")?)
            .set_parameters(input.lists("Parameters")?)
            .set_targets(input.all_built("Targets", target_from_json)?)
            .set_max_concurrency(input.text("MaxConcurrency")?)
            .set_max_errors(input.text("MaxErrors")?))
    })?;
    let answer = match writer.send(operation, request.send()).await {
        Ok(answer) => answer,
        Err(error) => {
            once::note_refusal(writer, call, &error).await;
            return Err(error);
        }
    };
    let id = answer.command.and_then(|command| command.command_id);
    Ok(json!({ "CommandId": id.ok_or_else(|| incomplete(call, "CommandId"))? }))
}

async fn create_association(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (ssm, operation) = (writer.ssm(), call.operation);
    let request = open(call, |input| {
        Ok(ssm
            .create_association()
            .name(input.required("Name", Input::text)?)
            .set_association_name(input.text("AssociationName")?)
            .set_document_version(input.text("DocumentVersion")?)
            .set_automation_target_parameter_name(input.text("AutomationTargetParameterName")?)
            .set_alarm_configuration(input.built("AlarmConfiguration", alarms_from_json)?)
            .set_target_locations(input.all_built("TargetLocations", location_from_json)?)
            .set_parameters(input.lists("Parameters")?)
            .set_targets(input.all_built("Targets", target_from_json)?)
            .set_schedule_expression(input.text("ScheduleExpression")?)
            .set_apply_only_at_cron_interval(input.flag("ApplyOnlyAtCronInterval")?)
            .set_schedule_offset(input.small("ScheduleOffset")?)
            .set_duration(input.small("Duration")?)
            .set_max_concurrency(input.text("MaxConcurrency")?)
            .set_max_errors(input.text("MaxErrors")?)
            .set_compliance_severity(input.choice("ComplianceSeverity")?)
            .set_sync_compliance(input.choice("SyncCompliance")?)
            .set_association_dispatch_assume_role(input.text("AssociationDispatchAssumeRole")?)
            .set_calendar_names(input.texts("CalendarNames")?)
            .set_output_location(input.built("OutputLocation", output_from_json)?)
            .set_tags(input.all_built("Tags", tag_from_json)?)
            .customize()
            .interceptor(Completing::new(call.input.clone())))
    })?;
    let answer = writer.send(operation, request.send()).await?;
    association_answer(call, answer.association_description)
}

async fn update_association(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (ssm, operation) = (writer.ssm(), call.operation);
    let request = open(call, |input| {
        Ok(ssm
            .update_association()
            .association_id(input.required("AssociationId", Input::text)?)
            .set_association_version(input.text("AssociationVersion")?)
            .name(input.required("Name", Input::text)?)
            .set_association_name(input.text("AssociationName")?)
            .set_document_version(input.text("DocumentVersion")?)
            .set_automation_target_parameter_name(input.text("AutomationTargetParameterName")?)
            .set_alarm_configuration(input.built("AlarmConfiguration", alarms_from_json)?)
            .set_target_locations(input.all_built("TargetLocations", location_from_json)?)
            .set_parameters(input.lists("Parameters")?)
            .set_targets(input.all_built("Targets", target_from_json)?)
            .set_schedule_expression(input.text("ScheduleExpression")?)
            .set_apply_only_at_cron_interval(input.flag("ApplyOnlyAtCronInterval")?)
            .set_schedule_offset(input.small("ScheduleOffset")?)
            .set_duration(input.small("Duration")?)
            .set_max_concurrency(input.text("MaxConcurrency")?)
            .set_max_errors(input.text("MaxErrors")?)
            .set_compliance_severity(input.choice("ComplianceSeverity")?)
            .set_sync_compliance(input.choice("SyncCompliance")?)
            .set_association_dispatch_assume_role(input.text("AssociationDispatchAssumeRole")?)
            .set_calendar_names(input.texts("CalendarNames")?)
            .set_output_location(input.built("OutputLocation", output_from_json)?)
            .customize()
            .interceptor(Completing::new(call.input.clone())))
    })?;
    let answer = writer.send(operation, request.send()).await?;
    association_answer(call, answer.association_description)
}

/// Reads the type of resource whose tags a call is about. vssctl tags associations only.
fn tagged(input: &Input<'_>) -> Result<ResourceTypeForTagging, AwsError> {
    match input.required("ResourceType", Input::choice)? {
        ResourceTypeForTagging::Association => Ok(ResourceTypeForTagging::Association),
        other => Err(input.refuse(format!("its `ResourceType` is `{}` and not `Association`", other.as_str()))),
    }
}

fn association_answer(call: &PlannedCall, answer: Option<AssociationDescription>) -> Result<Value, AwsError> {
    let association = answer.ok_or_else(|| incomplete(call, "AssociationDescription"))?;
    let id = association.association_id.ok_or_else(|| incomplete(call, "AssociationId"))?;
    Ok(json!({ "AssociationId": id, "AssociationVersion": association.association_version }))
}
