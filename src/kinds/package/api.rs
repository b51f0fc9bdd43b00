//! What AWS says about packages, and how it is told.

use super::carried::PackageCarried;
use crate::kind::Carried;
use crate::model::KindId;
use crate::model::Operation;
use std::collections::BTreeMap;

use aws_sdk_ssm::types::{
    Alarm, AlarmConfiguration, Association, AssociationComplianceSeverity, AssociationDescription,
    AssociationSyncCompliance, Command, CommandStatus, InstanceAssociationOutputLocation, ResourceTypeForTagging,
    S3OutputLocation, Tag, Target, TargetLocation,
};
use aws_smithy_types::error::operation::BuildError;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::normal::{parameters_to_json, read_parameters, read_targets};
use super::once::{Memory, Records};
use super::{DOCUMENT, command, once, results};
use crate::aws::{AwsError, Reader, Tags, TagsByArn, Writer};
use crate::kind::marks;
use crate::kind::{Desired, Found, KindLive, Live, Look, Owner};
use crate::kinds::expect;
use crate::kinds::identity::{carries, entries, is_owned_as, is_settled, unknown};
use crate::kinds::input::{Input, incomplete, unusable, without_empty};
use crate::kinds::live_form::{LiveForm, ids};
use crate::model::PlannedCall;
use crate::model::schedule::{self, Dialect};
use crate::model::{Address, Scope};

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, KindId::Package).collect();
    let (commands, scheduled): (Vec<&Desired>, Vec<&Desired>) =
        mine.iter().copied().partition(|entry| entry.options.contains_key("run_command"));
    let (mut live, found) = tokio::join!(associations(reader, &scheduled, &mine), newest_commands(reader, &commands),);
    live.found.extend(found.found);
    live.attempts = found.attempts;
    live
}

/// Reads the associations of the entries, and what else of associations is ours.
async fn associations(reader: &Reader, scheduled: &[&Desired], mine: &[&Desired]) -> KindLive {
    let all_unknown = |error: &AwsError| KindLive {
        found: scheduled.iter().map(|entry| (entry.address.clone(), unknown(error))).collect(),
        unreadable: vec![error.clone()],
        ..KindLive::default()
    };
    let index = match reader.tagged().await {
        Ok(index) => index,
        Err(error) => return all_unknown(&error),
    };
    // Without an entry and without a trace of an own association there is nothing to list.
    if mine.is_empty() && !index.keys().any(|arn| arn.contains(":association/")) {
        return KindLive::default();
    }
    let listed = match reader.list_associations().await {
        Ok(listed) => listed,
        Err(error) => return all_unknown(&error),
    };
    let known = match join_all(listed.iter().map(|association| know(reader, association, &index, mine)))
        .await
        .into_iter()
        .collect()
    {
        Ok(known) => known,
        Err(error) => return all_unknown(&error),
    };
    sort_out(reader, scheduled, mine, known, &index).await
}

/// One association with its tags, as far as they matter.
#[derive(Clone, Debug)]
struct Known {
    id: String,
    name: String,
    owner: Owner,
    tags: Tags,
}

/// Finds out whose an association is. Only one of an entry's name, or of our naming, is asked when the index lacks it.
async fn know(
    reader: &Reader,
    association: &Association,
    index: &TagsByArn,
    mine: &[&Desired],
) -> Result<Known, AwsError> {
    let (id, name) =
        (association.association_id().unwrap_or_default(), association.association_name().unwrap_or_default());
    let is_ours_to_ask = association.name() == Some(DOCUMENT)
        && (name.starts_with("vssctl-") || mine.iter().any(|entry| entry.name == name));
    let tags = match index.get(&arn(reader, id)) {
        Some(tags) => tags.clone(),
        None if is_ours_to_ask => Tags::clone(&*reader.association_tags(id).await?),
        None => Tags::new(),
    };
    Ok(Known { id: id.to_owned(), name: name.to_owned(), owner: marks::owner(reader.scope(), &tags), tags })
}

fn arn(reader: &Reader, id: &str) -> String {
    reader.scope().arn("ssm", &format!("association/{id}"))
}

/// Gives each entry its association: by the mark in its tags, else by its name if only one has it.
async fn sort_out(
    reader: &Reader,
    scheduled: &[&Desired],
    mine: &[&Desired],
    mut known: Vec<Known>,
    index: &TagsByArn,
) -> KindLive {
    known.sort_by(|left, right| left.id.cmp(&right.id));
    let mut live = KindLive::default();
    let mut nameless = Vec::new();
    for entry in scheduled {
        let (mut meant, others): (Vec<Known>, Vec<Known>) =
            known.into_iter().partition(|association| is_owned_as(entry, &association.owner));
        known = others;
        if meant.is_empty() {
            nameless.push(*entry);
            continue;
        }
        // A lost answer may have made two: the one of the entry's name stays, else the one of the lowest id.
        let chosen = meant.iter().position(|association| association.name == entry.name).unwrap_or(0);
        let association = meant.remove(chosen);
        live.found.insert(entry.address.clone(), found(reader, entry, &association, index).await);
        let others = read_all(reader, meant, &mut live.unreadable).await;
        live.surplus.extend(others.into_iter().map(|live| (entry.address.clone(), live)));
    }
    for entry in nameless {
        let named: Vec<Known> = known.iter().filter(|association| association.name == entry.name).cloned().collect();
        let found = match named.as_slice() {
            [] => Found::Absent,
            [association] => {
                known.retain(|other| other.id != association.id);
                found(reader, entry, association, index).await
            }
            several => Found::Ambiguous { ids: several.iter().map(|association| association.id.clone()).collect() },
        };
        live.found.insert(entry.address.clone(), found);
    }
    known.retain(|association| matches!(association.owner, Owner::Ours(_)));
    for association in known {
        // An entry that became a Run Command leaves its association behind.
        let entry = mine.iter().find(|entry| is_owned_as(entry, &association.owner));
        let read = read_all(reader, vec![association], &mut live.unreadable).await;
        match entry {
            Some(entry) => live.surplus.extend(read.into_iter().map(|live| (entry.address.clone(), live))),
            None => live.orphans.extend(read),
        }
    }
    live
}

async fn found(reader: &Reader, entry: &Desired, known: &Known, index: &TagsByArn) -> Found {
    let tags = async {
        match index.get(&arn(reader, &known.id)).filter(|tags| is_settled(reader.scope(), entry, tags)) {
            Some(tags) => Ok(tags.clone()),
            None => reader.association_tags(&known.id).await.map(|tags| Tags::clone(&tags)),
        }
    };
    match tokio::try_join!(tags, reader.association(&known.id)) {
        Ok((tags, association)) => Found::Live(Box::new(normal_form(reader, &association, &tags))),
        Err(error) => unknown(&error),
    }
}

/// Reads associations that no entry means; what can't be read is left alone.
async fn read_all(reader: &Reader, known: Vec<Known>, unreadable: &mut Vec<AwsError>) -> Vec<Live> {
    let mut read = Vec::new();
    for association in known {
        match reader.association(&association.id).await {
            Ok(description) => read.push(normal_form(reader, &description, &association.tags)),
            Err(error) => unreadable.push(error),
        }
    }
    read
}

fn targets_of(targets: &[Target]) -> impl Iterator<Item = (String, Vec<String>)> + '_ {
    targets.iter().map(|target| (target.key().unwrap_or_default().to_owned(), target.values().to_vec()))
}

fn normal_form(reader: &Reader, association: &AssociationDescription, tags: &Tags) -> Live {
    let parameters = parameters_to_json(association.parameters().into_iter().flatten());
    let mut form = LiveForm::default();
    read_parameters(&mut form, &parameters);
    read_targets(&mut form, targets_of(association.targets()));
    let output = association.output_location().and_then(|location| location.s3_location());
    let schedule = association.schedule_expression().filter(|schedule| !schedule.is_empty());
    let or =
        |text: Option<&str>, default: &str| Some(text.filter(|text| !text.is_empty()).unwrap_or(default).to_owned());
    form.text("schedule", schedule.map(|schedule| schedule::canonical(schedule, Dialect::StateManager)))
        .value(
            "apply_only_at_cron_interval",
            if association.apply_only_at_cron_interval() { Value::Bool(true) } else { Value::Null },
        )
        .value("schedule_offset", association.schedule_offset().map_or(Value::Null, Value::from))
        .value("duration", association.duration().map_or(Value::Null, Value::from))
        .text("max_concurrency", or(association.max_concurrency(), "100%"))
        .text("max_errors", or(association.max_errors(), "0"))
        .text(
            "compliance_severity",
            or(association.compliance_severity().map(AssociationComplianceSeverity::as_str), "UNSPECIFIED"),
        )
        .text("sync_compliance", or(association.sync_compliance().map(AssociationSyncCompliance::as_str), "AUTO"))
        .text("output_s3_bucket", output.and_then(|output| output.output_s3_bucket_name()))
        .text("output_s3_key_prefix", output.and_then(|output| output.output_s3_key_prefix()))
        .text("output_s3_region", output.and_then(|output| output.output_s3_region()))
        .text("association_dispatch_assume_role", association.association_dispatch_assume_role())
        .set("calendar_names", association.calendar_names().iter().cloned())
        .tags(tags);
    Live {
        name: association.association_name().unwrap_or_default().to_owned(),
        owner: marks::owner(reader.scope(), tags),
        ids: ids([
            ("AssociationId", association.association_id()),
            ("AssociationVersion", association.association_version()),
        ]),
        fields: form.fields(),
        carried: of_association(json!({
            "Parameters": parameters,
            "DocumentVersion": association.document_version().filter(|version| *version != "$DEFAULT"),
            "AutomationTargetParameterName": association.automation_target_parameter_name(),
            "AlarmConfiguration": association.alarm_configuration().map(alarms_to_json),
            "TargetLocations": association.target_locations().iter().map(location_to_json).collect::<Vec<_>>(),
        })),
        refers: association
            .association_dispatch_assume_role()
            .and_then(|arn| arn.rsplit('/').next())
            .map(|role| (KindId::Role, role.to_owned()))
            .into_iter()
            .collect(),
    }
}

/// Keeps what an update of an association has to send again.
fn of_association(members: Value) -> Carried {
    let association = without_empty(members).as_object().cloned().unwrap_or_default();
    Carried::new(PackageCarried { association, ..PackageCarried::default() })
}

fn alarms_to_json(alarms: &AlarmConfiguration) -> Value {
    json!({
        "IgnorePollAlarmFailure": alarms.ignore_poll_alarm_failure(),
        "Alarms": alarms.alarms().iter().map(|alarm| json!({ "Name": alarm.name() })).collect::<Vec<_>>(),
    })
}

fn location_to_json(location: &TargetLocation) -> Value {
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

/// Reads the newest commands of the entries, and the records of what AWS has forgotten.
async fn newest_commands(reader: &Reader, entries: &[&Desired]) -> KindLive {
    if entries.is_empty() {
        return KindLive::default();
    }
    let records = match Records::read(reader).await {
        Ok(records) => records,
        Err(error) => {
            let found = entries.iter().map(|entry| (entry.address.clone(), unknown(&error))).collect();
            return KindLive { found, ..KindLive::default() };
        }
    };
    let found =
        entries.iter().map(|entry| async { (entry.address.clone(), newest_command(reader, entry, &records).await) });
    KindLive {
        found: join_all(found).await.into_iter().collect(),
        attempts: entries.iter().map(|entry| (entry.address.clone(), records.next(reader.scope(), entry))).collect(),
        ..KindLive::default()
    }
}

/// Reads the newest command of an entry. One that failed or was cancelled did not install anything: as if it were not there.
async fn newest_command(reader: &Reader, entry: &Desired, records: &Records) -> Found {
    let commands = match reader.list_commands(DOCUMENT).await {
        Ok(commands) => commands,
        Err(error) => return unknown(&error),
    };
    let addresses = std::iter::once(&entry.address).chain(&entry.renamed_from);
    let prefixes: Vec<String> =
        addresses.map(|address| command::prefix(reader.scope(), &address.to_string())).collect();
    let newest = commands
        .iter()
        .filter(|command| {
            prefixes.iter().any(|prefix| command.comment().is_some_and(|comment| comment.starts_with(prefix)))
        })
        .max_by_key(|command| {
            (command.requested_date_time().map(aws_smithy_types::DateTime::as_nanos), command.command_id())
        });
    match newest {
        Some(command) if !command.status().is_some_and(is_lost) => {
            Found::Live(Box::new(command_form(reader.scope(), entry, command)))
        }
        Some(command) => match is_under_way(reader, command).await {
            Ok(true) => Found::Live(Box::new(command_form(reader.scope(), entry, command))),
            Ok(false) => Found::Absent,
            Err(error) => unknown(&error),
        },
        None => match records.recall(reader.scope(), entry) {
            Memory::Nothing => Found::Absent,
            Memory::Sent { command } => Found::Live(Box::new(remembered(entry, &command))),
            Memory::Unsettled { seconds } => Found::Unknown {
                action: "ssm:ListCommands".to_owned(),
                message: format!("a run was about to send its command; whether it did will show in {seconds} s"),
            },
        },
    }
}

/// Reads what the newest command of an entry came to, one that failed too.
pub(crate) async fn last_command(reader: &Reader, entry: &Desired) -> Result<Vec<results::InstanceRun>, AwsError> {
    let commands = reader.list_commands(DOCUMENT).await?;
    let prefix = command::prefix(reader.scope(), &entry.address.to_string());
    let own = commands.iter().filter(|command| command.comment().is_some_and(|comment| comment.starts_with(&prefix)));
    let newest = own.max_by_key(|command| {
        (command.requested_date_time().map(aws_smithy_types::DateTime::as_nanos), command.command_id())
    });
    match newest.and_then(|command| command.command_id()) {
        Some(id) => results::of_command(reader, id).await,
        None => Ok(Vec::new()),
    }
}

/// Tells whether a command failed only because the same was being done already.
async fn is_under_way(reader: &Reader, command: &Command) -> Result<bool, AwsError> {
    if command.status() != Some(&CommandStatus::Failed) {
        return Ok(false);
    }
    let outputs = reader.failed_outputs(command.command_id().unwrap_or_default()).await?;
    Ok(!outputs.is_empty() && outputs.iter().all(|output| output.contains(results::UNDER_WAY)))
}

/// Makes the normal form of a command that AWS has forgotten: its record is the one of just this content.
fn remembered(entry: &Desired, command: &str) -> Live {
    Live {
        name: entry.name.clone(),
        owner: Owner::Ours(Some(entry.address.clone())),
        ids: ids([("CommandId", Some(command))]),
        fields: entry.fields.clone(),
        carried: Carried::new(PackageCarried::default()),
        refers: Vec::new(),
    }
}

/// Reads how the commands that run ahead of the others are numbered next, by package.
pub(crate) async fn first_attempts(
    reader: &Reader,
    packages: &[&Address],
) -> Result<BTreeMap<Address, (u32, Option<u64>)>, AwsError> {
    let records = Records::read(reader).await?;
    let next = |address: &Address| (address.clone(), records.next_first(reader.scope(), address));
    Ok(packages.iter().map(|address| next(address)).collect())
}

fn command_form(scope: &Scope, entry: &Desired, command: &Command) -> Live {
    let parameters = parameters_to_json(command.parameters().into_iter().flatten());
    let mut form = LiveForm::default();
    read_parameters(&mut form, &parameters);
    let (wanted, targets) = command::content(entry);
    let addresses = std::iter::once(&entry.address).chain(&entry.renamed_from);
    let mut comments = addresses.map(|address| command::comment(scope, address, &wanted, &targets));
    if comments.any(|comment| command.comment() == Some(&comment)) {
        // It was sent for just this entry, without the instances where there was nothing to do.
        form.value("targets", entry.fields.get("targets").cloned().unwrap_or_default());
    } else if command.targets().is_empty() {
        read_targets(&mut form, [("InstanceIds".to_owned(), command.instance_ids().to_vec())]);
    } else {
        read_targets(&mut form, targets_of(command.targets()));
    }
    let or =
        |text: Option<&str>, default: &str| Some(text.filter(|text| !text.is_empty()).unwrap_or(default).to_owned());
    form.text("max_concurrency", or(command.max_concurrency(), "50")).text("max_errors", or(command.max_errors(), "0"));
    Live {
        name: entry.name.clone(),
        owner: Owner::Ours(Some(entry.address.clone())),
        ids: ids([("CommandId", command.command_id())]),
        fields: form.fields(),
        carried: Carried::new(PackageCarried {
            is_under_way: matches!(
                command.status(),
                Some(CommandStatus::Pending | CommandStatus::InProgress | CommandStatus::Cancelling)
            ),
            ..PackageCarried::default()
        }),
        refers: Vec::new(),
    }
}

/// Looks whether an association is as a call asks, and whether a command was sent.
pub(super) async fn look(reader: &Reader, call: &PlannedCall) -> Result<Look, AwsError> {
    let input = Input::of(call);
    match call.operation {
        Operation::CreateAssociation => {
            let listed = reader.list_associations().await?;
            let name = input.text("AssociationName");
            let mut named: Vec<&Association> =
                listed.iter().filter(|association| association.association_name() == name.as_deref()).collect();
            named.sort_by_key(|association| association.association_id());
            for association in named {
                let id = association.association_id().unwrap_or_default();
                if carries(&*reader.association_tags(id).await?, input.tags("Tags")) {
                    let version = association.association_version();
                    return Ok(Look::Stands(json!({ "AssociationId": id, "AssociationVersion": version })));
                }
            }
            Ok(Look::Absent)
        }
        Operation::UpdateAssociation => {
            let id = input.text("AssociationId").unwrap_or_default();
            let association = match reader.association(&id).await {
                Ok(association) => association,
                Err(error) if error.is_not_found() => return Ok(Look::Differs),
                Err(error) => return Err(error),
            };
            let version = association.association_version();
            Ok(if fits(&association, &call.input) {
                Look::Stands(json!({ "AssociationId": id, "AssociationVersion": version }))
            } else if version == input.text("AssociationVersion").as_deref() {
                Look::Absent
            } else {
                Look::Differs
            })
        }
        Operation::SendCommand => {
            let comment = input.text("Comment");
            let commands = reader.list_commands(DOCUMENT).await?;
            let sent = commands
                .iter()
                .find(|command| command.comment() == comment.as_deref() && !command.status().is_some_and(is_lost));
            Ok(sent.map_or(Look::Absent, |command| Look::Stands(json!({ "CommandId": command.command_id() }))))
        }
        _ => Ok(Look::Unclear),
    }
}

/// Tells whether an association has what an update of it sends.
fn fits(association: &AssociationDescription, input: &Value) -> bool {
    let targets: Vec<Value> =
        association.targets().iter().map(|target| json!({ "Key": target.key(), "Values": target.values() })).collect();
    let live = json!({
        "Parameters": parameters_to_json(association.parameters().into_iter().flatten()),
        "Targets": targets,
        "ScheduleExpression": association.schedule_expression(),
        "ApplyOnlyAtCronInterval": association.apply_only_at_cron_interval(),
        "ScheduleOffset": association.schedule_offset(),
        "Duration": association.duration(),
        "MaxConcurrency": association.max_concurrency(),
        "MaxErrors": association.max_errors(),
        "ComplianceSeverity": association.compliance_severity().map(AssociationComplianceSeverity::as_str),
        "SyncCompliance": association.sync_compliance().map(AssociationSyncCompliance::as_str),
        "AssociationDispatchAssumeRole": association.association_dispatch_assume_role(),
        "CalendarNames": association.calendar_names(),
    });
    live.as_object().into_iter().flatten().all(|(member, value)| input.get(member).is_none_or(|wanted| wanted == value))
}

/// A command that failed or was cancelled did not install anything.
fn is_lost(status: &CommandStatus) -> bool {
    matches!(
        status,
        CommandStatus::Failed | CommandStatus::Cancelled | CommandStatus::Cancelling | CommandStatus::TimedOut
    )
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (ssm, input, operation) = (writer.ssm(), Input::of(call), call.operation);
    match operation {
        Operation::PutParameter => once::put(writer, call).await,
        Operation::ListTagsForResource => {
            let tags = writer.reader().association_tags(&input.text("ResourceId").unwrap_or_default()).await?;
            expect::check(call, &[], Some(&tags))
        }
        Operation::GetCommandInvocation => results::awaited(&writer.reader(), call).await,
        Operation::SendCommand => {
            let request = ssm
                .send_command()
                .set_document_name(input.text("DocumentName"))
                .set_comment(input.text("Comment"))
                .set_parameters(input.lists("Parameters"))
                .set_targets(targets_from_json(input))
                .set_max_concurrency(input.text("MaxConcurrency"))
                .set_max_errors(input.text("MaxErrors"));
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
        Operation::CreateAssociation => {
            let request = ssm
                .create_association()
                .set_name(input.text("Name"))
                .set_association_name(input.text("AssociationName"))
                .set_parameters(input.lists("Parameters"))
                .set_targets(targets_from_json(input))
                .set_schedule_expression(input.text("ScheduleExpression"))
                .set_apply_only_at_cron_interval(input.flag("ApplyOnlyAtCronInterval"))
                .set_schedule_offset(input.small("ScheduleOffset"))
                .set_duration(input.small("Duration"))
                .set_max_concurrency(input.text("MaxConcurrency"))
                .set_max_errors(input.text("MaxErrors"))
                .set_compliance_severity(input.text("ComplianceSeverity").map(|text| text.as_str().into()))
                .set_sync_compliance(input.text("SyncCompliance").map(|text| text.as_str().into()))
                .set_association_dispatch_assume_role(input.text("AssociationDispatchAssumeRole"))
                .set_calendar_names(input.texts("CalendarNames"))
                .set_output_location(output_from_json(input))
                .set_tags(ssm_tags(call)?);
            let answer = writer.send(operation, request.send()).await?;
            association_answer(call, answer.association_description)
        }
        Operation::UpdateAssociation => {
            let request = ssm
                .update_association()
                .set_association_id(input.text("AssociationId"))
                .set_association_version(input.text("AssociationVersion"))
                .set_name(input.text("Name"))
                .set_association_name(input.text("AssociationName"))
                .set_document_version(input.text("DocumentVersion"))
                .set_automation_target_parameter_name(input.text("AutomationTargetParameterName"))
                .set_alarm_configuration(
                    alarms_from_json(input, "AlarmConfiguration").map_err(|error| unusable(call, error))?,
                )
                .set_target_locations(locations_from_json(input).map_err(|error| unusable(call, error))?)
                .set_parameters(input.lists("Parameters"))
                .set_targets(targets_from_json(input))
                .set_schedule_expression(input.text("ScheduleExpression"))
                .set_apply_only_at_cron_interval(input.flag("ApplyOnlyAtCronInterval"))
                .set_schedule_offset(input.small("ScheduleOffset"))
                .set_duration(input.small("Duration"))
                .set_max_concurrency(input.text("MaxConcurrency"))
                .set_max_errors(input.text("MaxErrors"))
                .set_compliance_severity(input.text("ComplianceSeverity").map(|text| text.as_str().into()))
                .set_sync_compliance(input.text("SyncCompliance").map(|text| text.as_str().into()))
                .set_association_dispatch_assume_role(input.text("AssociationDispatchAssumeRole"))
                .set_calendar_names(input.texts("CalendarNames"))
                .set_output_location(output_from_json(input));
            let answer = writer.send(operation, request.send()).await?;
            association_answer(call, answer.association_description)
        }
        Operation::DeleteAssociation => {
            let request = ssm.delete_association().set_association_id(input.text("AssociationId"));
            writer.send(operation, request.send()).await?;
            Ok(json!({}))
        }
        Operation::AddTagsToResource => {
            let request = ssm
                .add_tags_to_resource()
                .resource_type(ResourceTypeForTagging::Association)
                .set_resource_id(input.text("ResourceId"))
                .set_tags(ssm_tags(call)?);
            writer.send(operation, request.send()).await?;
            Ok(json!({}))
        }
        Operation::RemoveTagsFromResource => {
            let request = ssm
                .remove_tags_from_resource()
                .resource_type(ResourceTypeForTagging::Association)
                .set_resource_id(input.text("ResourceId"))
                .set_tag_keys(input.texts("TagKeys"));
            writer.send(operation, request.send()).await?;
            Ok(json!({}))
        }
        _ => Err(unusable(call, "no package needs it")),
    }
}

fn association_answer(call: &PlannedCall, answer: Option<AssociationDescription>) -> Result<Value, AwsError> {
    let association = answer.ok_or_else(|| incomplete(call, "AssociationDescription"))?;
    let id = association.association_id.ok_or_else(|| incomplete(call, "AssociationId"))?;
    Ok(json!({ "AssociationId": id, "AssociationVersion": association.association_version }))
}

fn targets_from_json(input: Input<'_>) -> Option<Vec<Target>> {
    let build =
        |target: Input<'_>| Target::builder().set_key(target.text("Key")).set_values(target.texts("Values")).build();
    input.structures("Targets").map(|targets| targets.into_iter().map(build).collect())
}

fn output_from_json(input: Input<'_>) -> Option<InstanceAssociationOutputLocation> {
    let location = input.structure("OutputLocation")?.structure("S3Location")?;
    let location = S3OutputLocation::builder()
        .set_output_s3_bucket_name(location.text("OutputS3BucketName"))
        .set_output_s3_key_prefix(location.text("OutputS3KeyPrefix"))
        .set_output_s3_region(location.text("OutputS3Region"))
        .build();
    Some(InstanceAssociationOutputLocation::builder().s3_location(location).build())
}

fn alarms_from_json(input: Input<'_>, name: &str) -> Result<Option<AlarmConfiguration>, BuildError> {
    let Some(alarms) = input.structure(name) else { return Ok(None) };
    let mut builder =
        AlarmConfiguration::builder().set_ignore_poll_alarm_failure(alarms.flag("IgnorePollAlarmFailure"));
    for alarm in alarms.structures("Alarms").unwrap_or_default() {
        builder = builder.alarms(Alarm::builder().set_name(alarm.text("Name")).build()?);
    }
    builder.build().map(Some)
}

fn locations_from_json(input: Input<'_>) -> Result<Option<Vec<TargetLocation>>, BuildError> {
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

fn ssm_tags(call: &PlannedCall) -> Result<Option<Vec<Tag>>, AwsError> {
    let Some(tags) = Input::of(call).tags("Tags") else { return Ok(None) };
    let built: Result<Vec<Tag>, _> =
        tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    built.map(Some).map_err(|error| unusable(call, error))
}
