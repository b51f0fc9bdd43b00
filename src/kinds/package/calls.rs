//! The calls that take a package from live to desired. Pure.

use super::carried::PackageCarried;
use crate::model::Operation;
use serde_json::{Map, Value, json};

use super::normal::{write_parameters, write_targets};
use super::{DOCUMENT, FIELDS, command, once};
use crate::kind::value::id;
use crate::kind::{Calls, Desired, Live, Transition};
use crate::kinds::delta::{Delta, all_tags};
use crate::kinds::expect::expecting;
use crate::kinds::input::{tag_list, without_empty};
use crate::model::call::{UNTIL, output};
use crate::model::{Action, PlannedCall};

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

/// The most instances that SSM takes by id in one command.
const MOST_INSTANCES: usize = 50;

/// Members that the file format does not model and `UpdateAssociation` would null.
const CARRIED: [&str; 4] =
    ["DocumentVersion", "AutomationTargetParameterName", "AlarmConfiguration", "TargetLocations"];

pub(super) fn calls(transition: &Transition<'_>) -> Calls {
    let look = |live: &Live| {
        let association = json!({ "ResourceType": "Association", "ResourceId": id(live, "AssociationId") });
        expecting(Operation::ListTagsForResource, association, live, &[], transition.marks)
    };
    let association = transition.live.filter(|live| live.ids.contains_key("AssociationId"));
    Calls { looks: association.map(look).into_iter().collect(), ..changes(transition) }
}

fn changes(transition: &Transition<'_>) -> Calls {
    let is_command = transition.live.map_or_else(
        || transition.desired.is_some_and(|desired| desired.options.contains_key("run_command")),
        |live| live.ids.contains_key("CommandId"),
    );
    let installs = |mut rest: Vec<PlannedCall>| {
        let mut calls = transition.desired.map(|desired| first(transition, desired)).unwrap_or_default();
        calls.append(&mut rest);
        calls
    };
    match transition.action {
        // A command can't be changed: another one is sent. What a command did can't be deleted.
        Action::Create | Action::Update | Action::Replace if is_command => {
            Calls { ensure: installs(send(transition)), ..Calls::default() }
        }
        Action::Delete | Action::Adopt if is_command => Calls::default(),
        Action::Create => {
            let (made, dropped) = create(transition);
            Calls { ensure: installs(made), dropped, ..Calls::default() }
        }
        Action::Adopt => Calls { ensure: [tags(transition), installs(Vec::new())].concat(), ..Calls::default() },
        Action::Update => {
            // The mark comes first: what follows is done to what is ours, wherever the run ends.
            let marks = tags(transition);
            let (updated, dropped) = update(transition);
            Calls { ensure: [marks, installs(updated)].concat(), dropped, ..Calls::default() }
        }
        Action::Replace => {
            let (made, dropped) = create(transition);
            let release = transition.live.map(delete).unwrap_or_default();
            Calls { release, ensure: installs(made), dropped, ..Calls::default() }
        }
        Action::Delete => Calls { remove: transition.live.map(delete).unwrap_or_default(), ..Calls::default() },
        Action::NoOp | Action::Unknown | Action::Refused => Calls::default(),
    }
}

/// Installs on some instances ahead of the others, and waits until each of them has it.
fn first(transition: &Transition<'_>, desired: &Desired) -> Vec<PlannedCall> {
    let (scope, address) = (transition.scope, &desired.address);
    let (parameters, _) = command::content(desired);
    let groups = transition.rings.first.iter().flat_map(|group| group.chunks(MOST_INSTANCES));
    let mut calls = Vec::new();
    for group in groups {
        let targets = write_targets(&json!({ "InstanceIds": group }));
        let comment = command::first_comment(scope, address, &parameters, &targets);
        let call = command_call(desired, &comment, &parameters, &targets);
        calls.extend(once::around(scope, address, transition.rings.attempt, call));
        calls.extend(group.iter().map(|instance| {
            let input = json!({
                "CommandId": output(address, "CommandId"),
                "InstanceId": instance,
                UNTIL: { "Status": "Success" },
            });
            PlannedCall::new(Operation::GetCommandInvocation, input)
        }));
    }
    calls
}

/// Sends the command to all that it is for, but for those that have what it would install.
fn send(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let Some(desired) = transition.desired else { return Vec::new() };
    // A command that stands is not sent again to those who follow a group that goes first.
    if transition.live.is_some() && !FIELDS.iter().any(|field| Delta::of(transition).changes(field.name)) {
        return Vec::new();
    }
    let (parameters, targets) = command::content(desired);
    let comment = command::comment(transition.scope, &desired.address, &parameters, &targets);
    let left = command::without(&targets, &transition.rings.right);
    let call = command_call(desired, &comment, &parameters, &left);
    if left == json!([]) {
        Vec::new()
    } else {
        once::around(transition.scope, &desired.address, transition.attempt, call)
    }
}

fn command_call(desired: &Desired, comment: &str, parameters: &Value, targets: &Value) -> PlannedCall {
    let field = |name: &str| desired.fields.get(name).unwrap_or(&Value::Null);
    let input = json!({
        "DocumentName": DOCUMENT,
        "Comment": comment,
        "Parameters": parameters,
        "Targets": targets,
        "MaxConcurrency": field("max_concurrency"),
        "MaxErrors": field("max_errors"),
    });
    PlannedCall::new(Operation::SendCommand, without_empty(input))
}

/// Calls, and the members without a name in vssctl that they don't carry along.
type Made = (Vec<PlannedCall>, Vec<String>);

fn create(transition: &Transition<'_>) -> Made {
    let Some(desired) = transition.desired else { return Made::default() };
    // What takes the place of an association keeps what the file does not speak of.
    let delta = Delta::of(transition);
    let mut input = association(transition.live, &|name| delta.wanted(name));
    input.insert("AssociationName".to_owned(), desired.name.as_str().into());
    input.insert("Tags".to_owned(), tag_list(&all_tags(transition)));
    let (input, dropped) = with_unmodelled(transition.live, input);
    (vec![PlannedCall::new(Operation::CreateAssociation, input)], dropped)
}

fn update(transition: &Transition<'_>) -> Made {
    let Some(live) = transition.live else { return Made::default() };
    let delta = Delta::of(transition);
    let mut made = Made::default();
    if FIELDS.iter().any(|field| field.name != "tags" && delta.changes(field.name)) {
        let mut input = association(Some(live), &|name| delta.wanted(name));
        for (name, value) in [
            ("AssociationId", id(live, "AssociationId")),
            // AWS refuses the update if somebody else changed the association since it was read.
            ("AssociationVersion", id(live, "AssociationVersion")),
            ("AssociationName", live.name.as_str()),
        ] {
            input.insert(name.to_owned(), value.into());
        }
        let (input, dropped) = with_unmodelled(Some(live), input);
        made = (vec![PlannedCall::new(Operation::UpdateAssociation, input)], dropped);
    }
    made
}

/// Adds what AWS has of an association and vssctl has no name for: an update would null it. Returns the names of what
/// has no place in the input any more.
fn with_unmodelled(live: Option<&Live>, input: Map<String, Value>) -> (Value, Vec<String>) {
    let mut input = without_empty(input.into());
    let carried = live.and_then(|live| live.carried.get::<PackageCarried>());
    let mut dropped = carried.map(|carried| carried.unmodelled.put_into(&mut input)).unwrap_or_default();
    dropped.extend(carried.into_iter().flat_map(|carried| carried.excluded.iter().cloned()));
    (input, dropped)
}

/// The members that creating and updating calls share.
fn association<'a>(live: Option<&Live>, field: &impl Fn(&str) -> &'a Value) -> Map<String, Value> {
    let carried = live.and_then(|live| live.carried.get::<PackageCarried>());
    let carried = |member: &str| carried.and_then(|carried| carried.association.get(member)).unwrap_or(&Value::Null);
    let mut input = Map::new();
    input.insert("Name".to_owned(), DOCUMENT.into());
    for member in CARRIED {
        input.insert(member.to_owned(), carried(member).clone());
    }
    input.insert("Parameters".to_owned(), write_parameters(carried("Parameters"), field));
    input.insert("Targets".to_owned(), write_targets(field("targets")));
    for (name, member) in MEMBERS {
        input.insert(member.to_owned(), field(name).clone());
    }
    let location = without_empty(json!({
        "OutputS3BucketName": field("output_s3_bucket"),
        "OutputS3KeyPrefix": field("output_s3_key_prefix"),
        "OutputS3Region": field("output_s3_region"),
    }));
    if !crate::kind::diff::is_empty(&location) {
        input.insert("OutputLocation".to_owned(), json!({ "S3Location": location }));
    }
    input
}

fn tags(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let delta = Delta::of(transition);
    let (association, changes) = (delta.id("AssociationId"), delta.tags());
    let mut calls = Vec::new();
    if !changes.set.is_empty() {
        let input = json!({ "ResourceType": "Association", "ResourceId": association, "Tags": tag_list(&changes.set) });
        calls.push(PlannedCall::new(Operation::AddTagsToResource, input));
    }
    if !changes.unset.is_empty() {
        let input = json!({ "ResourceType": "Association", "ResourceId": association, "TagKeys": changes.unset });
        calls.push(PlannedCall::new(Operation::RemoveTagsFromResource, input));
    }
    calls
}

fn delete(live: &Live) -> Vec<PlannedCall> {
    vec![PlannedCall::new(Operation::DeleteAssociation, json!({ "AssociationId": id(live, "AssociationId") }))]
}
