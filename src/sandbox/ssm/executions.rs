//! The runs of associations: when they start, and how they end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::associations::{Association, Execution, next_run};
use super::input::{items, moment, paged, refusal, required};
use super::runs::{Invocation, Run, run};
use super::{documents, targets};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::fleet::Fleet;
use crate::sandbox::made;

/// How long State Manager waits for a silent agent.
const DELIVERY_SECONDS: i64 = 3600;
/// How many executions are kept.
const REMEMBERED: usize = 100;

/// Starts a new version at once, unless only the cron expression decides.
pub(super) fn start(context: &mut Context<'_>, id: &str) {
    let now = context.now;
    let region = context.region_mut();
    let Some(association) = region.ssm.associations.get_mut(id) else { return };
    let definition = association.current().definition.clone();
    association.next_run = next_run(&definition, now);
    association.seen = resolved(&region.fleet, association);
    if definition.get("ApplyOnlyAtCronInterval") != Some(&Value::Bool(true)) {
        let instances = association.seen.clone();
        execute(&mut region.fleet, association, instances, now);
    }
}

/// Performs what has become due since the last request: scheduled runs, and runs on instances that the targets select
/// for the first time.
pub(in crate::sandbox) fn catch_up(context: &mut Context<'_>) {
    let now = context.now;
    let Some(region) = context.account.regions.get_mut(context.region) else { return };
    for association in region.ssm.associations.values_mut() {
        let definition = association.current().definition.clone();
        let mut runs = 0;
        while let Some(due) = association.next_run.filter(|due| *due <= now) {
            let instances = resolved(&region.fleet, association);
            execute(&mut region.fleet, association, instances, due);
            association.next_run = next_run(&definition, due);
            runs += 1;
            // After a long time without requests only the newest runs are made.
            if runs == REMEMBERED {
                association.next_run = next_run(&definition, now);
            }
        }
        let instances = resolved(&region.fleet, association);
        let new: BTreeSet<String> = instances.difference(&association.seen).cloned().collect();
        context.caught_up |= runs > 0 || association.seen != instances;
        association.seen = instances;
        if definition.get("ApplyOnlyAtCronInterval") != Some(&Value::Bool(true)) && !new.is_empty() && runs == 0 {
            execute(&mut region.fleet, association, new, now);
        }
    }
}

fn resolved(fleet: &Fleet, association: &Association) -> BTreeSet<String> {
    let targets = targets::read(&association.current().value()).unwrap_or_default();
    fleet.resolve(&targets).into_iter().collect()
}

fn execute(fleet: &mut Fleet, association: &mut Association, instances: BTreeSet<String>, at: i64) {
    let version = association.current();
    let definition = version.value();
    let Ok(document) = documents::find(required(&definition, "Name")) else { return };
    if instances.is_empty() {
        return;
    }
    let id = made::uuid_of(&format!("{}/{}/{at}", association.id, version.number));
    let limit = |member: &str, default| definition.get(member).and_then(Value::as_str).unwrap_or(default);
    let wanted = Run {
        document,
        parameters: &definition["Parameters"],
        instances: instances.into_iter().collect(),
        // An association without limits runs on all instances at the same time.
        max_concurrency: limit("MaxConcurrency", "100%"),
        max_errors: limit("MaxErrors", "100%"),
        delivery_seconds: DELIVERY_SECONDS,
        by: &id,
    };
    let invocations = run(fleet, &wanted, at);
    let execution = Execution { version: version.number, created: at, invocations, id: id.clone() };
    association.executions.push(execution);
    let excess = association.executions.len().saturating_sub(REMEMBERED);
    association.executions.drain(..excess);
}

/// Derives the status and the detailed status from the counts of the invocations.
pub(super) fn sum(counts: &BTreeMap<&str, usize>) -> (&'static str, &'static str) {
    let any = |status: &str| counts.get(status).is_some_and(|count| *count > 0);
    if any("InProgress") {
        ("Pending", "InProgress")
    } else if any("Pending") || counts.is_empty() {
        ("Pending", "Pending")
    } else if any("Failed") {
        ("Failed", "Failed")
    } else if any("TimedOut") {
        ("Failed", "TimedOut")
    } else {
        ("Success", "Success")
    }
}

fn counts(invocations: &[Invocation], now: i64) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for invocation in invocations {
        *counts.entry(invocation.state(now).0).or_default() += 1;
    }
    counts
}

fn find<'a>(context: &'a mut Context<'_>, input: &Value) -> Result<&'a Association, ApiError> {
    let association = context.region_mut().ssm.associations.get(required(input, "AssociationId"));
    association.ok_or_else(|| refusal("AssociationDoesNotExist", "The specified association does not exist."))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let association = find(context, input)?;
    let shown = |execution: &Execution| {
        let counts = counts(&execution.invocations, now);
        let (status, detailed) = sum(&counts);
        // A running execution has its own status; the association stays pending meanwhile.
        let status = if detailed == "InProgress" { "InProgress" } else { status };
        let summary = counts.iter().map(|(status, count)| format!("{status}={count}")).collect::<Vec<_>>().join(", ");
        json!({
            "AssociationId": association.id,
            "AssociationVersion": execution.version.to_string(),
            "ExecutionId": execution.id,
            "Status": status,
            "DetailedStatus": detailed,
            "CreatedTime": made::timestamp(execution.created),
            "LastExecutionDate": made::timestamp(execution.created),
            "ResourceCountByStatus": format!("{{{summary}}}"),
        })
    };
    let mut executions = Vec::new();
    for execution in association.executions.iter().rev() {
        let item = shown(execution);
        let mut fits = true;
        for filter in items(input, "Filters") {
            let (value, operator) = (required(filter, "Value"), required(filter, "Type"));
            let order = match required(filter, "Key") {
                "ExecutionId" => execution.id.as_str().cmp(value),
                "Status" => required(&item, "Status").cmp(value),
                _ => {
                    let wanted = moment(value)
                        .ok_or_else(|| refusal("ValidationException", format!("'{value}' is not a time")))?;
                    execution.created.cmp(&wanted)
                }
            };
            fits &= match operator {
                "LESS_THAN" => order.is_lt(),
                "GREATER_THAN" => order.is_gt(),
                _ => order.is_eq(),
            };
        }
        if fits {
            executions.push((execution.id.clone(), item));
        }
    }
    paged("DescribeAssociationExecutions", input, "AssociationExecutions", 50, executions)
}

fn output_id(execution: &Execution, invocation: &Invocation) -> String {
    made::uuid_of(&format!("{}/{}", execution.id, invocation.instance_id))
}

/// Finds the run of an association by the id of its output on an instance, and the document that it ran.
pub(super) fn output<'a>(
    associations: &'a BTreeMap<String, Association>,
    id: &str,
    instance: &str,
) -> Option<(String, &'a Invocation)> {
    associations.values().find_map(|association| {
        let runs = association
            .executions
            .iter()
            .flat_map(|execution| execution.invocations.iter().map(move |invocation| (execution, invocation)));
        let mut of_instance = runs.filter(|(_, invocation)| invocation.instance_id == instance);
        let (_, invocation) = of_instance.find(|(execution, invocation)| output_id(execution, invocation) == id)?;
        Some((required(&association.current().value(), "Name").to_owned(), invocation))
    })
}

pub(super) fn list_targets(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let association = find(context, input)?;
    let id = required(input, "ExecutionId");
    let execution = association.executions.iter().find(|execution| execution.id == id);
    let execution = execution
        .ok_or_else(|| refusal("AssociationExecutionDoesNotExist", "The specified execution does not exist."))?;
    let shown = |invocation: &Invocation| {
        let (status, detailed) = invocation.state(now);
        json!({
            "AssociationId": association.id,
            "AssociationVersion": execution.version.to_string(),
            "ExecutionId": execution.id,
            "ResourceId": invocation.instance_id,
            "ResourceType": "ManagedInstance",
            "Status": status,
            "DetailedStatus": detailed,
            "LastExecutionDate": made::timestamp(invocation.starts.unwrap_or(invocation.requested)),
            "OutputSource": {
                "OutputSourceId": output_id(execution, invocation),
                "OutputSourceType": "RunCommand",
            },
        })
    };
    let fits = |item: &Value, filter: &Value| {
        let member = required(filter, "Key");
        required(item, member) == required(filter, "Value")
    };
    let all = execution.invocations.iter().map(|one| (one.instance_id.clone(), shown(one)));
    let chosen = all.filter(|(_, item)| items(input, "Filters").iter().all(|filter| fits(item, filter))).collect();
    paged("DescribeAssociationExecutionTargets", input, "AssociationExecutionTargets", 50, chosen)
}

fn check_instance(context: &mut Context<'_>, input: &Value) -> Result<String, ApiError> {
    let id = required(input, "InstanceId").to_owned();
    if context.region_mut().fleet.instances.contains_key(&id) {
        return Ok(id);
    }
    Err(refusal("InvalidInstanceId", format!("Instance {id} is not a managed node of account {}.", context.account_id)))
}

/// Lists how each association ended on one instance.
pub(super) fn of_instance(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = check_instance(context, input)?;
    let now = context.now;
    let mut all = Vec::new();
    for association in context.region_mut().ssm.associations.values() {
        let Some((execution, invocation)) = association.newest().remove(id.as_str()) else { continue };
        let definition = association.current().value();
        let (status, detailed) = invocation.state(now);
        let mut item = Map::from_iter([
            ("AssociationId".to_owned(), json!(association.id)),
            ("Name".to_owned(), definition["Name"].clone()),
            (
                "DocumentVersion".to_owned(),
                json!(definition.get("DocumentVersion").and_then(Value::as_str).unwrap_or("$DEFAULT")),
            ),
            ("AssociationVersion".to_owned(), json!(execution.version.to_string())),
            ("InstanceId".to_owned(), json!(id)),
            ("ExecutionDate".to_owned(), made::timestamp(invocation.starts.unwrap_or(invocation.requested))),
            ("Status".to_owned(), json!(status)),
            ("DetailedStatus".to_owned(), json!(detailed)),
        ]);
        if invocation.is_over(now) {
            let (good, bad, late) =
                (usize::from(status == "Success"), usize::from(status == "Failed"), usize::from(status == "TimedOut"));
            let summary =
                format!("1 out of 1 plugin processed, {good} success, {bad} failed, {late} timedout, 0 skipped. ");
            item.insert("ExecutionSummary".to_owned(), json!(summary));
        }
        if let Some(name) = definition.get("AssociationName") {
            item.insert("AssociationName".to_owned(), name.clone());
        }
        all.push((association.id.clone(), Value::Object(item)));
    }
    paged("DescribeInstanceAssociationsStatus", input, "InstanceAssociationStatusInfos", 50, all)
}

/// Lists the associations that select an instance now.
pub(super) fn effective(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = check_instance(context, input)?;
    let region = context.region_mut();
    let mut all = Vec::new();
    for one in region.ssm.associations.values().filter(|one| resolved(&region.fleet, one).contains(&id)) {
        let document = documents::find(required(&one.current().value(), "Name"))?.content();
        let item = json!({
            "AssociationId": one.id,
            "InstanceId": id,
            "Content": document,
            "AssociationVersion": one.current().number.to_string(),
        });
        all.push((one.id.clone(), item));
    }
    paged("DescribeEffectiveInstanceAssociations", input, "Associations", 5, all)
}
