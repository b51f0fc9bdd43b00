//! Backup plans and their versions. A deleted plan stays readable.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{arn, creator_request_id, invalid, not_found, paged, required, text};
use super::selections::Selection;
use super::{rules, tags};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::made;

/// A backup plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// A UUID.
    pub id: String,
    /// With the id.
    pub arn: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Milliseconds since 1970.
    pub deleted: Option<i64>,
    /// The caller's token.
    pub creator_request_id: Option<String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Oldest first; never empty.
    pub versions: Vec<PlanVersion>,
    /// Selections by id.
    pub selections: BTreeMap<String, Selection>,
    /// Deleted selections, for [`Strictness`](super::Strictness).
    #[serde(default)]
    pub deleted_selections: Vec<Selection>,
}

/// One version of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanVersion {
    /// Made up by AWS.
    pub id: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The document with all defaults, without rule ids.
    pub document: Map<String, Value>,
    /// The ids of the document's rules, in order.
    pub rule_ids: Vec<String>,
}

impl Plan {
    pub(in crate::sandbox) fn current(&self) -> &PlanVersion {
        self.versions.last().expect("a plan is created with its first version")
    }

    fn listed(&self, version: &PlanVersion) -> Value {
        let mut members = Map::from_iter([
            ("BackupPlanArn".to_owned(), json!(self.arn)),
            ("BackupPlanId".to_owned(), json!(self.id)),
            ("CreationDate".to_owned(), made::timestamp(version.created)),
            ("VersionId".to_owned(), json!(version.id)),
            ("BackupPlanName".to_owned(), version.document["BackupPlanName"].clone()),
        ]);
        self.add_common(version, &mut members);
        Value::Object(members)
    }

    fn add_common(&self, version: &PlanVersion, members: &mut Map<String, Value>) {
        if let Some(id) = &self.creator_request_id {
            members.insert("CreatorRequestId".to_owned(), json!(id));
        }
        if let Some(deleted) = self.deleted {
            members.insert("DeletionDate".to_owned(), made::timestamp(deleted));
        }
        if let Some(settings) = version.document.get("AdvancedBackupSettings") {
            members.insert("AdvancedBackupSettings".to_owned(), settings.clone());
        }
    }

    /// Writes the answer of the calls that create and update a plan.
    fn receipt(&self) -> Value {
        let version = self.current();
        let mut members = Map::from_iter([
            ("BackupPlanId".to_owned(), json!(self.id)),
            ("BackupPlanArn".to_owned(), json!(self.arn)),
            ("CreationDate".to_owned(), made::timestamp(version.created)),
            ("VersionId".to_owned(), json!(version.id)),
        ]);
        if let Some(settings) = version.document.get("AdvancedBackupSettings") {
            members.insert("AdvancedBackupSettings".to_owned(), settings.clone());
        }
        Value::Object(members)
    }
}

impl PlanVersion {
    pub(in crate::sandbox) fn rules(&self) -> Vec<Value> {
        let rules = self.document.get("Rules").and_then(Value::as_array).cloned().unwrap_or_default();
        let with_id = |(mut rule, id): (Value, &String)| {
            rule["RuleId"] = json!(id);
            rule
        };
        rules.into_iter().zip(&self.rule_ids).map(with_id).collect()
    }
}

/// Finds a plan that is not deleted.
pub(super) fn living<'a>(context: &'a mut Context<'_>, id: &str) -> Option<&'a mut Plan> {
    context.region_mut().backup.plans.get_mut(id).filter(|plan| plan.deleted.is_none())
}

fn missing(id: &str) -> ApiError {
    not_found(format!("Cannot find Backup plan with ID {id}"))
}

/// Makes the version of a document; a rule keeps its id as long as it keeps its name.
fn version(context: &mut Context<'_>, document: Map<String, Value>, before: Option<&PlanVersion>) -> PlanVersion {
    let mut known: Vec<(Value, String)> = Vec::new();
    if let Some(before) = before {
        known.extend(
            before
                .rules()
                .into_iter()
                .map(|rule| (rule["RuleName"].clone(), rule["RuleId"].as_str().unwrap_or_default().to_owned())),
        );
    }
    let names: Vec<Value> =
        document["Rules"].as_array().into_iter().flatten().map(|rule| rule["RuleName"].clone()).collect();
    let rule_ids = names
        .iter()
        .map(|name| match known.iter().position(|(other, _)| other == name) {
            Some(at) => known.remove(at).1,
            None => context.uuid(),
        })
        .collect();
    PlanVersion { id: context.uuid_for_ever(), created: context.now, document, rule_ids }
}

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let document = rules::normalise(&input["BackupPlan"])?;
    let tags = tags::read(input.get("BackupPlanTags"))?;
    let token = creator_request_id(input)?;
    // The token makes the call idempotent: the plan of the first call is the answer.
    let remembers = context.region_mut().backup.strictness.remembers_tokens;
    let plans = &context.region_mut().backup.plans;
    let mut living = plans.values().filter(|plan| plan.deleted.is_none());
    let mut known = plans.values().filter(|plan| remembers || plan.deleted.is_none());
    if let Some(plan) = token.as_ref().and_then(|_| known.find(|plan| plan.creator_request_id == token)) {
        return Ok(plan.receipt());
    }
    let count = living.clone().count();
    if let Some(plan) = living.find(|plan| plan.current().document == document) {
        let error =
            ApiError::new(400, "AlreadyExistsException", "Backup plan with the same plan document already exists")
                .with("Arn", &plan.arn);
        return Err(match &plan.creator_request_id {
            Some(id) => error.with("CreatorRequestId", id),
            None => error,
        });
    }
    if count >= 300 {
        return Err(ApiError::new(
            400,
            "LimitExceededException",
            "You have reached the maximum number of backup plans, which is 300.",
        ));
    }
    let id = context.uuid();
    let version = version(context, document, None);
    let plan = Plan {
        arn: arn(context, &format!("backup-plan:{id}")),
        id: id.clone(),
        created: context.now,
        deleted: None,
        creator_request_id: token,
        tags,
        versions: vec![version],
        selections: BTreeMap::new(),
        deleted_selections: Vec::new(),
    };
    let receipt = plan.receipt();
    context.region_mut().backup.plans.insert(id, plan);
    Ok(receipt)
}

/// Answers with a plan; `AdvancedBackupSettings` is beside the plan in the answer, not in it.
pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = required(input, "BackupPlanId");
    let now = context.now;
    let plan = context.region_mut().backup.plans.get(id).ok_or_else(|| missing(id))?;
    let version = match text(input, "VersionId") {
        None => plan.current(),
        Some(wanted) => plan
            .versions
            .iter()
            .find(|version| version.id == wanted)
            .ok_or_else(|| not_found(format!("Cannot find version {wanted} of Backup plan {id}")))?,
    };
    let rules = version.rules();
    let mut document = version.document.clone();
    document.remove("AdvancedBackupSettings");
    document.insert("Rules".to_owned(), json!(rules));
    let mut members = Map::from_iter([
        ("BackupPlan".to_owned(), Value::Object(document)),
        ("BackupPlanId".to_owned(), json!(plan.id)),
        ("BackupPlanArn".to_owned(), json!(plan.arn)),
        ("VersionId".to_owned(), json!(version.id)),
        ("CreationDate".to_owned(), made::timestamp(version.created)),
    ]);
    plan.add_common(version, &mut members);
    let count =
        input.get("MaxScheduledRunsPreview").and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
    if let Some(count) = count.filter(|count| *count > 0) {
        members.insert("ScheduledRunsPreview".to_owned(), json!(rules::preview(&rules, now, count)));
    }
    Ok(Value::Object(members))
}

/// Replaces the whole document except the name: what the new document leaves out is removed.
pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = required(input, "BackupPlanId");
    let before = living(context, id).ok_or_else(|| missing(id))?.current().clone();
    let document = rules::normalise(&input["BackupPlan"])?;
    if document["BackupPlanName"] != before.document["BackupPlanName"] {
        return Err(invalid("Backup plan name cannot be changed"));
    }
    let version = version(context, document, Some(&before));
    let plan = living(context, id).ok_or_else(|| missing(id))?;
    if plan.versions.len() >= 2000 {
        return Err(ApiError::new(400, "LimitExceededException", "A backup plan can have at most 2000 versions"));
    }
    plan.versions.push(version);
    Ok(plan.receipt())
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = required(input, "BackupPlanId");
    let now = context.now;
    let plan = living(context, id).ok_or_else(|| missing(id))?;
    if !plan.selections.is_empty() {
        return Err(ApiError::new(
            400,
            "InvalidRequestException",
            "Related backup plan selections must be deleted prior to backup plan deletion",
        ));
    }
    plan.deleted = Some(now);
    Ok(json!({
        "BackupPlanId": plan.id,
        "BackupPlanArn": plan.arn,
        "DeletionDate": made::timestamp(now),
        "VersionId": plan.current().id,
    }))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let deleted = input.get("IncludeDeleted").and_then(Value::as_bool).unwrap_or_default();
    let plans = context.region_mut().backup.plans.values().filter(|plan| deleted || plan.deleted.is_none());
    let items = plans.map(|plan| (plan.id.clone(), plan.listed(plan.current()))).collect();
    paged(input, &format!("ListBackupPlans/{deleted}"), "BackupPlansList", items)
}

pub(super) fn list_versions(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = required(input, "BackupPlanId");
    let plan = context.region_mut().backup.plans.get(id).ok_or_else(|| missing(id))?;
    let items = plan.versions.iter().rev().map(|version| (version.id.clone(), plan.listed(version))).collect();
    paged(input, &format!("ListBackupPlanVersions/{id}"), "BackupPlanVersionsList", items)
}
