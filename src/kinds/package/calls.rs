//! The calls that take a package from live to desired. Pure.

use serde_json::{Map, Value, json};

use super::normal::{write_parameters, write_targets};
use super::{DOCUMENT, FIELDS, command, once};
use crate::kind::{Calls, Desired, Live, Transition};
use crate::kinds::delta::{Delta, all_tags, id};
use crate::kinds::input::{tag_list, without_empty};
use crate::plan::{Action, PlannedCall};

/// The fields that are one member of an association.
const MEMBERS: [(&str, &str); 10] = [
    ("schedule", "ScheduleExpression"),
    ("apply_only_at_cron_interval", "ApplyOnlyAtCronInterval"),
    ("schedule_offset", "ScheduleOffset"),
    ("duration", "Duration"),
    ("max_concurrency", "MaxConcurrency"),
    ("max_errors", "MaxErrors"),
    ("compliance_severity", "ComplianceSeverity"),
    ("sync_compliance", "SyncCompliance"),
    ("association_dispatch_assume_role", "AssociationDispatchAssumeRole"),
    ("calendar_names", "CalendarNames"),
];

/// Members that the file format does not model and `UpdateAssociation` would null.
const CARRIED: [&str; 4] =
    ["DocumentVersion", "AutomationTargetParameterName", "AlarmConfiguration", "TargetLocations"];

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    let is_command = transition.live.map_or_else(
        || transition.desired.is_some_and(|desired| desired.options.contains_key("run_command")),
        |live| live.ids.contains_key("CommandId"),
    );
    match transition.action {
        // A command can't be changed: another one is sent. What a command did can't be deleted.
        Action::Create | Action::Update | Action::Replace if is_command => Calls {
            ensure: transition.desired.map(|desired| send(transition, desired)).unwrap_or_default(),
            ..Calls::default()
        },
        Action::Delete | Action::Adopt if is_command => Calls::default(),
        Action::Create => Calls { ensure: create(transition), ..Calls::default() },
        Action::Adopt => Calls { ensure: tags(transition), ..Calls::default() },
        Action::Update => Calls { ensure: update(transition), ..Calls::default() },
        Action::Replace => Calls {
            release: transition.live.map(delete).unwrap_or_default(),
            ensure: create(transition),
            remove: Vec::new(),
        },
        Action::Delete => Calls { remove: transition.live.map(delete).unwrap_or_default(), ..Calls::default() },
        Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

fn send(transition: &Transition<'_>, desired: &Desired) -> Vec<PlannedCall> {
    let field = |name: &str| desired.fields.get(name).unwrap_or(&Value::Null);
    let (parameters, targets) = command::content(desired);
    let input = json!({
        "DocumentName": DOCUMENT,
        "Comment": command::comment(transition.scope, &desired.address, &parameters, &targets),
        "Parameters": parameters,
        "Targets": targets,
        "MaxConcurrency": field("max_concurrency"),
        "MaxErrors": field("max_errors"),
    });
    let command = PlannedCall::new("ssm:SendCommand", without_empty(input));
    once::around(transition.scope, &desired.address, transition.attempt, command)
}

fn create(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(desired) = transition.desired else { return Vec::new() };
    // What takes the place of an association keeps what the file does not speak of.
    let delta = Delta::of(FIELDS, transition);
    let carried = transition.live.map_or(&Value::Null, |live| &live.carried);
    let mut input = association(carried, &|name| delta.wanted(name));
    input.insert("AssociationName".to_owned(), desired.name.as_str().into());
    input.insert("Tags".to_owned(), tag_list(&all_tags(transition)));
    vec![PlannedCall::new("ssm:CreateAssociation", without_empty(input.into()))]
}

fn update(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(live) = transition.live else { return Vec::new() };
    let delta = Delta::of(FIELDS, transition);
    // The mark comes first: what follows is done to what is ours, wherever the run ends.
    let mut calls = tags(transition);
    if FIELDS.iter().any(|field| field.name != "tags" && delta.changes(field.name)) {
        let mut input = association(&live.carried, &|name| delta.wanted(name));
        for (name, value) in [
            ("AssociationId", id(live, "AssociationId")),
            // AWS refuses the update if somebody else changed the association since it was read.
            ("AssociationVersion", id(live, "AssociationVersion")),
            ("AssociationName", live.name.as_str()),
        ] {
            input.insert(name.to_owned(), value.into());
        }
        calls.push(PlannedCall::new("ssm:UpdateAssociation", without_empty(input.into())));
    }
    calls
}

/// The members that creating and updating calls share.
fn association<'a>(carried: &Value, field: &impl Fn(&str) -> &'a Value) -> Map<String, Value> {
    let mut input = Map::new();
    input.insert("Name".to_owned(), DOCUMENT.into());
    for member in CARRIED {
        input.insert(member.to_owned(), carried[member].clone());
    }
    input.insert("Parameters".to_owned(), write_parameters(&carried["Parameters"], field));
    input.insert("Targets".to_owned(), write_targets(field("targets")));
    for (name, member) in MEMBERS {
        input.insert(member.to_owned(), field(name).clone());
    }
    let location = without_empty(json!({
        "OutputS3BucketName": field("output_s3_bucket"),
        "OutputS3KeyPrefix": field("output_s3_key_prefix"),
        "OutputS3Region": field("output_s3_region"),
    }));
    if !crate::plan::diff::is_empty(&location) {
        input.insert("OutputLocation".to_owned(), json!({ "S3Location": location }));
    }
    input
}

fn tags(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let delta = Delta::of(FIELDS, transition);
    let (association, changes) = (delta.id("AssociationId"), delta.tags());
    let mut calls = Vec::new();
    if !changes.set.is_empty() {
        let input = json!({ "ResourceType": "Association", "ResourceId": association, "Tags": tag_list(&changes.set) });
        calls.push(PlannedCall::new("ssm:AddTagsToResource", input));
    }
    if !changes.unset.is_empty() {
        let input = json!({ "ResourceType": "Association", "ResourceId": association, "TagKeys": changes.unset });
        calls.push(PlannedCall::new("ssm:RemoveTagsFromResource", input));
    }
    calls
}

fn delete(live: &Live) -> Vec<PlannedCall> {
    vec![PlannedCall::new("ssm:DeleteAssociation", json!({ "AssociationId": id(live, "AssociationId") }))]
}
