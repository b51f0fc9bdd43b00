//! State Manager associations and their versions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{flag, items, moment, paged, refusal, required, text};
use super::runs::Invocation;
use super::{documents, executions, tags, targets};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::made;
use crate::sandbox::schedule::{self, Cron};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// An association.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Association {
    /// A UUID.
    pub id: String,
    /// With the id.
    pub arn: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Oldest first; never empty.
    pub versions: Vec<AssociationVersion>,
    /// Oldest first.
    pub executions: Vec<Execution>,
    /// The next run by the schedule, milliseconds since 1970.
    pub next_run: Option<i64>,
    /// The instances that the targets selected when they were last looked at.
    pub seen: BTreeSet<String>,
}

/// One version of an association.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AssociationVersion {
    /// From 1.
    pub number: usize,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The members of the call that created it, without tags and id.
    pub definition: Map<String, Value>,
}

/// One run of an association.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Execution {
    /// A UUID.
    pub id: String,
    /// The version that ran.
    pub version: usize,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The invocations, one for each instance.
    pub invocations: Vec<Invocation>,
}

/// The members of a call that the association keeps.
const MEMBERS: [&str; 20] = [
    "Name",
    "DocumentVersion",
    "Parameters",
    "Targets",
    "ScheduleExpression",
    "OutputLocation",
    "AssociationName",
    "AutomationTargetParameterName",
    "MaxErrors",
    "MaxConcurrency",
    "ComplianceSeverity",
    "SyncCompliance",
    "ApplyOnlyAtCronInterval",
    "CalendarNames",
    "TargetLocations",
    "ScheduleOffset",
    "Duration",
    "TargetMaps",
    "AssociationDispatchAssumeRole",
    "AlarmConfiguration",
];

impl AssociationVersion {
    /// Returns the definition as a value, for reading its members.
    pub(super) fn value(&self) -> Value {
        Value::Object(self.definition.clone())
    }
}

impl Association {
    pub(super) fn current(&self) -> &AssociationVersion {
        self.versions.last().expect("an association is created with its first version")
    }

    /// Returns the newest invocation on each instance, and its execution.
    pub(super) fn newest(&self) -> BTreeMap<&str, (&Execution, &Invocation)> {
        let all =
            self.executions.iter().flat_map(|execution| execution.invocations.iter().map(move |one| (execution, one)));
        all.map(|(execution, one)| (one.instance_id.as_str(), (execution, one))).collect()
    }

    fn overview(&self, now: i64) -> Value {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, invocation) in self.newest().values() {
            *counts.entry(invocation.state(now).0).or_default() += 1;
        }
        let (status, detailed) = executions::sum(&counts);
        if counts.is_empty() {
            return json!({ "Status": "Pending", "DetailedStatus": "Creating" });
        }
        json!({ "Status": status, "DetailedStatus": detailed, "AssociationStatusAggregatedCount": counts })
    }

    fn last_execution(&self) -> Option<i64> {
        self.executions.last().map(|execution| execution.created)
    }

    fn last_success(&self, now: i64) -> Option<i64> {
        let good = |execution: &&Execution| execution.invocations.iter().all(|one| one.state(now).0 == "Success");
        self.executions.iter().rev().find(good).map(|execution| execution.created)
    }

    fn described(&self, version: &AssociationVersion, now: i64) -> Value {
        let mut members = version.definition.clone();
        members.entry("DocumentVersion").or_insert_with(|| json!("$DEFAULT"));
        members.entry("ApplyOnlyAtCronInterval").or_insert(json!(false));
        members.insert("AssociationId".to_owned(), json!(self.id));
        members.insert("AssociationVersion".to_owned(), json!(version.number.to_string()));
        members.insert("Date".to_owned(), made::timestamp(self.created));
        members.insert("LastUpdateAssociationDate".to_owned(), made::timestamp(version.created));
        members.insert("Overview".to_owned(), self.overview(now));
        if let Some(at) = self.last_execution() {
            members.insert("LastExecutionDate".to_owned(), made::timestamp(at));
        }
        if let Some(at) = self.last_success(now) {
            members.insert("LastSuccessfulExecutionDate".to_owned(), made::timestamp(at));
        }
        json!({ "AssociationDescription": members })
    }

    fn listed(&self, now: i64) -> Value {
        let version = self.current();
        let shown = [
            "Name",
            "Targets",
            "DocumentVersion",
            "ScheduleExpression",
            "AssociationName",
            "ScheduleOffset",
            "Duration",
            "TargetMaps",
        ];
        let mut members = version.definition.clone();
        members.retain(|name, _| shown.contains(&name.as_str()));
        members.entry("DocumentVersion").or_insert_with(|| json!("$DEFAULT"));
        members.insert("AssociationId".to_owned(), json!(self.id));
        members.insert("AssociationVersion".to_owned(), json!(version.number.to_string()));
        members.insert("Overview".to_owned(), self.overview(now));
        if let Some(at) = self.last_execution() {
            members.insert("LastExecutionDate".to_owned(), made::timestamp(at));
        }
        Value::Object(members)
    }
}

fn missing() -> ApiError {
    refusal("AssociationDoesNotExist", "The specified association does not exist.")
}

/// Checks a definition and keeps its members.
fn definition(input: &Value) -> Result<Map<String, Value>, ApiError> {
    let document = documents::find(required(input, "Name"))?;
    documents::check_version(document, text(input, "DocumentVersion"))?;
    if input.get("InstanceId").is_some() {
        let message = "Document schema version, 2.2, is not supported by association that is created with instance id";
        return Err(refusal("InvalidDocument", message));
    }
    if !items(input, "Targets").is_empty() && !items(input, "TargetMaps").is_empty() {
        return Err(refusal("InvalidTargetMaps", "Targets and TargetMaps cannot be used together."));
    }
    let targets = targets::read(input)?;
    if targets.is_empty() && items(input, "TargetMaps").is_empty() {
        return Err(refusal("InvalidTarget", "Targets must be specified for an association with a Command document."));
    }
    document.check(input.get("Parameters").and_then(Value::as_object))?;
    check_schedule(input)?;
    let members = input.as_object().into_iter().flatten();
    let kept = members.filter(|(name, value)| MEMBERS.contains(&name.as_str()) && !value.is_null());
    // Empty lists and maps are not kept.
    let kept = kept.filter(|(_, value)| {
        !value.as_array().is_some_and(Vec::is_empty) && !value.as_object().is_some_and(Map::is_empty)
    });
    Ok(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Checks a schedule. State Manager accepts `rate` from 30 minutes up to 31 days, `at`, and `cron` without months and
/// not more often than every 30 minutes. An offset and a duration need a cron expression that alone decides when to
/// run.
fn check_schedule(input: &Value) -> Result<(), ApiError> {
    let only_cron = flag(input, "ApplyOnlyAtCronInterval");
    let expression = text(input, "ScheduleExpression");
    if let Some(expression) = expression {
        Schedule::parse(expression).map_err(|problem| refusal("InvalidSchedule", problem))?;
    }
    let is_cron = expression.is_some_and(|expression| expression.starts_with("cron("));
    if only_cron && !is_cron {
        let message = "ApplyOnlyAtCronInterval is only supported for associations with a cron schedule.";
        return Err(refusal("InvalidSchedule", message));
    }
    if input.get("ScheduleOffset").is_some() && !only_cron {
        let message = "ScheduleOffset is only supported with a cron schedule and ApplyOnlyAtCronInterval.";
        return Err(refusal("InvalidSchedule", message));
    }
    if input.get("Duration").is_some() && !only_cron {
        return Err(refusal("InvalidSchedule", "Duration is only supported with ApplyOnlyAtCronInterval."));
    }
    Ok(())
}

/// When an association runs by itself.
enum Schedule {
    Rate(i64),
    Cron(Cron),
    At(i64),
}

impl Schedule {
    fn parse(expression: &str) -> Result<Self, String> {
        if expression.starts_with("rate(") {
            let minutes = schedule::rate_minutes(expression)?;
            let allowed = (30..31 * 1440).contains(&minutes);
            return if allowed {
                Ok(Self::Rate(minutes))
            } else {
                Err(format!("'{expression}' must be at least 30 minutes and less than 31 days"))
            };
        }
        if let Some(time) = expression.strip_prefix("at(").and_then(|rest| rest.strip_suffix(')')) {
            let time = moment(&format!("{time}Z"))
                .ok_or_else(|| format!("'{time}' is not of the form yyyy-mm-ddThh:mm:ss"))?;
            return Ok(Self::At(time));
        }
        // Older examples start with a field of seconds.
        let fields: Vec<&str> =
            expression.trim_start_matches("cron(").trim_end_matches(')').split_whitespace().collect();
        let cron = match fields[..] {
            ["0", ref rest @ ..] if fields.len() == 7 => Cron::parse(&format!("cron({})", rest.join(" ")))?,
            _ => Cron::parse(expression)?,
        };
        if !cron.every_month {
            return Err(format!("'{expression}' names months, which State Manager does not support"));
        }
        if cron.shortest_gap_minutes().is_some_and(|gap| gap < 30) {
            return Err(format!("'{expression}' runs more often than every 30 minutes"));
        }
        Ok(Self::Cron(cron))
    }

    fn next(&self, after: i64, offset_days: i64) -> Option<i64> {
        match self {
            Self::Rate(minutes) => Some(after + minutes * MINUTE),
            // The offset moves every run. The next run is the first one whose moved time is still to come.
            Self::Cron(cron) => {
                cron.next(after - offset_days * DAY, &TimeZone::UTC, 1).first().map(|time| time + offset_days * DAY)
            }
            Self::At(time) => (*time > after).then_some(*time),
        }
    }
}

/// Returns the next run of a definition by its schedule.
pub(super) fn next_run(definition: &Map<String, Value>, after: i64) -> Option<i64> {
    let expression = definition.get("ScheduleExpression").and_then(Value::as_str)?;
    let offset = definition.get("ScheduleOffset").and_then(Value::as_i64).unwrap_or_default();
    Schedule::parse(expression).ok()?.next(after, offset)
}

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let definition = definition(input)?;
    let tags = tags::read(input, "InvalidTag")?;
    if context.region_mut().ssm.associations.len() >= 2000 {
        return Err(refusal("AssociationLimitExceeded", "You can have at most 2,000 active associations."));
    }
    let id = context.uuid();
    let now = context.now;
    let arn = format!("arn:{}:ssm:{}:{}:association/{id}", context.partition, context.region, context.account_id);
    let association = Association {
        id: id.clone(),
        arn,
        created: now,
        tags,
        versions: vec![AssociationVersion { number: 1, created: now, definition }],
        executions: Vec::new(),
        next_run: None,
        seen: BTreeSet::new(),
    };
    context.region_mut().ssm.associations.insert(id.clone(), association);
    executions::start(context, &id);
    let association = &context.region_mut().ssm.associations[&id];
    let mut answer = association.described(association.current(), now);
    // The run has been requested, but has not started.
    answer["AssociationDescription"]["Overview"] = json!({ "Status": "Pending", "DetailedStatus": "Creating" });
    Ok(answer)
}

/// Finds the association that a call names by id, or in the older way by document and instance, which no document here
/// allows.
fn find<'a>(context: &'a mut Context<'_>, input: &Value) -> Result<&'a mut Association, ApiError> {
    let id = text(input, "AssociationId");
    if id.is_none() && (text(input, "Name").is_none() || text(input, "InstanceId").is_none()) {
        return Err(refusal(
            "ValidationException",
            "Either AssociationId or both Name and InstanceId must be specified.",
        ));
    }
    let associations = &mut context.region_mut().ssm.associations;
    id.and_then(|id| associations.get_mut(id)).ok_or_else(missing)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let association = find(context, input)?;
    let version = match text(input, "AssociationVersion") {
        None | Some("$LATEST") => association.current(),
        Some(wanted) => {
            association.versions.iter().find(|version| version.number.to_string() == wanted).ok_or_else(|| {
                refusal("InvalidAssociationVersion", format!("Association version {wanted} does not exist."))
            })?
        }
    };
    Ok(association.described(version, now))
}

/// Updates an association. What the update leaves out is removed, except the document and the targets, without which
/// there is no association. The new version runs at once.
pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let association = find(context, input)?;
    let id = association.id.clone();
    let before = association.current().clone();
    match text(input, "AssociationVersion") {
        None | Some("$LATEST") => {}
        Some(wanted) if wanted == before.number.to_string() => {}
        Some(wanted) => {
            let message =
                format!("Association version {wanted} is not the latest version, which is {}.", before.number);
            return Err(refusal("InvalidAssociationVersion", message));
        }
    }
    if association.versions.len() >= 1000 {
        return Err(refusal("AssociationVersionLimitExceeded", "An association can have at most 1,000 versions."));
    }
    let mut merged = input.clone();
    for member in ["Name", "Targets"] {
        if merged.get(member).is_none_or(|value| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
            && let Some(value) = before.definition.get(member)
        {
            merged[member] = value.clone();
        }
    }
    if merged["Name"] != before.definition["Name"] {
        return Err(refusal("InvalidUpdate", "The document of an association cannot be changed."));
    }
    let definition = definition(&merged)?;
    let number = before.number + 1;
    let association = context.region_mut().ssm.associations.get_mut(&id).ok_or_else(missing)?;
    association.versions.push(AssociationVersion { number, created: now, definition });
    association.seen.clear();
    executions::start(context, &id);
    let association = context.region_mut().ssm.associations.get(&id).ok_or_else(missing)?;
    Ok(association.described(association.current(), now))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = find(context, input)?.id.clone();
    context.region_mut().ssm.associations.remove(&id);
    Ok(json!({}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let filters = items(input, "AssociationFilterList");
    for filter in filters {
        let value = required(filter, "value");
        if required(filter, "key").starts_with("LastExecuted") && moment(value).is_none() {
            return Err(refusal(
                "ValidationException",
                format!("'{value}' is not a time such as 2026-01-31T00:00:00Z"),
            ));
        }
    }
    let fits = |association: &Association, key: &str, value: &str| {
        let definition = association.current().value();
        match key {
            "AssociationId" => association.id == value,
            "Name" => text(&definition, "Name") == Some(value),
            "AssociationName" => text(&definition, "AssociationName") == Some(value),
            "AssociationStatusName" => association.overview(now)["Status"] == value,
            // Lists only associations that name the instance itself, because tags are not resolved.
            "InstanceId" => items(&definition, "Targets").iter().any(|target| {
                required(target, "Key").eq_ignore_ascii_case("InstanceIds")
                    && items(target, "Values").iter().any(|id| id == value)
            }),
            "ResourceGroupName" => items(&definition, "Targets").iter().any(|target| {
                required(target, "Key") == "resource-groups:Name"
                    && items(target, "Values").iter().any(|name| name == value)
            }),
            "LastExecutedBefore" => {
                association.last_execution().is_some_and(|at| moment(value).is_some_and(|to| at < to))
            }
            "LastExecutedAfter" => {
                association.last_execution().is_some_and(|at| moment(value).is_some_and(|from| at > from))
            }
            _ => false,
        }
    };
    let all = context.region_mut().ssm.associations.values();
    let chosen =
        all.filter(|one| filters.iter().all(|filter| fits(one, required(filter, "key"), required(filter, "value"))));
    let listed = chosen.map(|one| (one.id.clone(), one.listed(now))).collect();
    paged("ListAssociations", input, "Associations", 50, listed)
}

pub(super) fn list_versions(context: &mut Context<'_>, input: &Value) -> Answer {
    let association = find(context, input)?;
    let shown = |version: &AssociationVersion| {
        let mut members = version.definition.clone();
        members.retain(|name, _| name != "AutomationTargetParameterName");
        members.insert("AssociationId".to_owned(), json!(association.id));
        members.insert("AssociationVersion".to_owned(), json!(version.number.to_string()));
        members.insert("CreatedDate".to_owned(), made::timestamp(version.created));
        Value::Object(members)
    };
    let all = association.versions.iter().rev().map(|version| (version.number.to_string(), shown(version))).collect();
    paged("ListAssociationVersions", input, "AssociationVersions", 50, all)
}
