//! The associations of State Manager that are packages: which entry each of them means, and its normal form.

use aws_sdk_ssm::types::{
    Association, AssociationComplianceSeverity, AssociationDescription, AssociationSyncCompliance,
};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::carried::PackageCarried;
use super::normal::{parameters_to_json, read_parameters, read_targets};
use super::shape::{alarms_to_json, location_to_json, targets_of};
use super::{ADOPTING, DOCUMENT};
use crate::aws::{Answered, AwsError, Reader, Tags, TagsByArn};
use crate::kind::marks;
use crate::kind::{Carried, Desired, Found, KindLive, Live, Owner};
use crate::kinds::identity::{identified, is_owned_as, is_settled, unknown};
use crate::kinds::input::without_empty;
use crate::kinds::live_form::{LiveForm, ids};
use crate::model::schedule::{self, Dialect};
use crate::model::{KindId, Unmodelled};

/// Reads the associations of the entries, and what else of associations is ours.
pub(super) async fn associations(reader: &Reader, scheduled: &[&Desired], mine: &[&Desired]) -> KindLive {
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
    /// It runs the document that installs packages.
    installs: bool,
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
    let (installs, owner) = (association.name() == Some(DOCUMENT), marks::owner(reader.scope(), &tags));
    Ok(Known { id: id.to_owned(), name: name.to_owned(), installs, owner, tags })
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
        let named = match identified(entry) {
            Some(id) => Ok(known.iter().filter(|one| one.installs && one.id == id).cloned().collect()),
            None => by_name(reader, entry, &known).await,
        };
        let named = match named {
            Ok(named) => named,
            Err(error) => {
                live.found.insert(entry.address.clone(), unknown(&error));
                continue;
            }
        };
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
        Ok((tags, association)) => {
            let mut live = normal_form(reader, &association, &tags);
            // One without a name is the entry's by its mark or its adoption, and the next update names it.
            if live.name.is_empty() {
                live.name.clone_from(&entry.name);
            }
            Found::Live(Box::new(live))
        }
        Err(error) => unknown(&error),
    }
}

/// Finds the associations of an entry's name. Where there is none and the entry is adopted, one without a name and an
/// owner is meant: the one of the entry's package and targets, else the only one of the package.
async fn by_name(reader: &Reader, entry: &Desired, known: &[Known]) -> Result<Vec<Known>, AwsError> {
    let named: Vec<Known> = known.iter().filter(|association| association.name == entry.name).cloned().collect();
    if !named.is_empty() || !entry.adopt && !entry.options.contains_key(ADOPTING) {
        return Ok(named);
    }
    let is_nameless = |one: &&Known| one.installs && one.name.is_empty() && one.owner == Owner::Nobody;
    let reads = known.iter().filter(is_nameless).map(|one| async move {
        let (description, tags) = tokio::try_join!(reader.association(&one.id), reader.association_tags(&one.id))?;
        let live = normal_form(reader, &description, &tags);
        let field = |name: &str| live.fields.get(name) == entry.fields.get(name);
        let is_it = live.owner == Owner::Nobody && field("package_name");
        Ok::<_, AwsError>(is_it.then(|| (one.clone(), field("targets"))))
    });
    let fitting: Vec<(Known, bool)> =
        join_all(reads).await.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let is_exact = fitting.iter().any(|(_, is_exact)| *is_exact);
    Ok(fitting.into_iter().filter(|(_, exact)| *exact || !is_exact).map(|(one, _)| one).collect())
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

fn normal_form(reader: &Reader, association: &Answered<AssociationDescription>, tags: &Tags) -> Live {
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
        carried: of_association(
            association,
            json!({
                "Parameters": parameters,
                "DocumentVersion": association.document_version().filter(|version| *version != "$DEFAULT"),
                "AutomationTargetParameterName": association.automation_target_parameter_name(),
                "AlarmConfiguration": association.alarm_configuration().map(alarms_to_json),
                "TargetLocations": association.target_locations().iter().map(location_to_json).collect::<Vec<_>>(),
            }),
        ),
        refers: association
            .association_dispatch_assume_role()
            .and_then(|arn| arn.rsplit('/').next())
            .map(|role| (KindId::Role, role.to_owned()))
            .into_iter()
            .collect(),
    }
}

/// Keeps what an update of an association has to send again.
fn of_association(answer: &Answered<AssociationDescription>, members: Value) -> Carried {
    let association = without_empty(members).as_object().cloned().unwrap_or_default();
    let whole = without_empty(sent(answer));
    let unmodelled = Unmodelled::between(&answer.heard, &sent(answer), &ANSWERED);
    // "Both Targets and TargetMaps can't be specified together": API reference, CreateAssociation.
    let excluded = if answer.target_maps().is_empty() { Vec::new() } else { vec!["TargetMaps".to_owned()] };
    Carried::new(PackageCarried { association, unmodelled, whole, excluded, ..PackageCarried::default() })
}

/// The members of a live association that no request has.
const ANSWERED: [&str; 12] = [
    "AssociationId",
    "AssociationVersion",
    "AssociationName",
    "Name",
    "InstanceId",
    "Date",
    "LastUpdateAssociationDate",
    "LastExecutionDate",
    "LastSuccessfulExecutionDate",
    "Status",
    "Overview",
    "DocumentVersion",
];

/// Writes a live association in the shape of its requests.
fn sent(association: &AssociationDescription) -> Value {
    let parameters: Map<String, Value> =
        association.parameters().into_iter().flatten().map(|(name, values)| (name.clone(), json!(values))).collect();
    let output = association.output_location().map(|location| {
        let s3 = location.s3_location().map(|s3| {
            json!({
                "OutputS3Region": s3.output_s3_region(),
                "OutputS3BucketName": s3.output_s3_bucket_name(),
                "OutputS3KeyPrefix": s3.output_s3_key_prefix(),
            })
        });
        json!({ "S3Location": s3.unwrap_or_else(|| json!({})) })
    });
    let mut sent = json!({
        "Parameters": parameters,
        "AutomationTargetParameterName": association.automation_target_parameter_name(),
        "AlarmConfiguration": association.alarm_configuration().map(alarms_to_json),
        "TargetLocations": association.target_locations().iter().map(location_to_json).collect::<Vec<_>>(),
        "OutputLocation": output,
        "TargetMaps": association.target_maps().iter().map(|map| json!(map)).collect::<Vec<_>>(),
        "TriggeredAlarms": association.triggered_alarms().iter().map(|_| json!({})).collect::<Vec<_>>(),
    });
    for (member, value) in modelled(association) {
        sent[member] = value;
    }
    sent
}

/// Tells whether an association has what an update of it sends.
pub(super) fn fits(association: &AssociationDescription, input: &Value) -> bool {
    modelled(association).all(|(member, value)| input.get(member).is_none_or(|wanted| *wanted == value))
}

/// The members of an association that are one field of the file each.
fn modelled(association: &AssociationDescription) -> impl Iterator<Item = (&'static str, Value)> {
    let targets: Vec<Value> =
        association.targets().iter().map(|target| json!({ "Key": target.key(), "Values": target.values() })).collect();
    [
        ("Parameters", json!(parameters_to_json(association.parameters().into_iter().flatten()))),
        ("Targets", json!(targets)),
        ("ScheduleExpression", json!(association.schedule_expression())),
        ("ApplyOnlyAtCronInterval", json!(association.apply_only_at_cron_interval())),
        ("ScheduleOffset", json!(association.schedule_offset())),
        ("Duration", json!(association.duration())),
        ("MaxConcurrency", json!(association.max_concurrency())),
        ("MaxErrors", json!(association.max_errors())),
        ("ComplianceSeverity", json!(association.compliance_severity().map(AssociationComplianceSeverity::as_str))),
        ("SyncCompliance", json!(association.sync_compliance().map(AssociationSyncCompliance::as_str))),
        ("AssociationDispatchAssumeRole", json!(association.association_dispatch_assume_role())),
        ("CalendarNames", json!(association.calendar_names())),
    ]
    .into_iter()
}
